"""Functions that write into their first argument, as assignments: put, place, putmask, copyto, fill_diagonal."""

from typing import Any

from numpy.lib.array_utils import normalize_axis_index

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.index import along
from geartrain.ops.table import composite

__all__ = ["put", "putmask"]


def _cycled(values: Array, n: int) -> Array:
    """The first ``n`` of the values, from the start again where they end."""
    flat = np.ravel(np.asarray(values))
    return flat if flat.shape[0] == n else flat[np.arange(n) % flat.shape[0]]


@composite(np.put)
def put(a: Array, ind: Any, v: Any, mode: str = "raise") -> None:
    places = np.ravel(np.asarray(ind))
    if np.size(v) == 0 or places.shape[0] == 0:
        return
    if mode == "wrap":
        places = places % a.size
    elif mode == "clip":
        places = np.clip(places, 0, a.size - 1)
    a.flat[places] = _cycled(v, places.shape[0])


@composite(np.place)
def place(arr: Array, mask: Any, vals: Any) -> None:
    places = np.flatnonzero(mask)
    if places.shape[0]:
        if np.size(vals) == 0:
            raise ValueError("Cannot insert from an empty array!")
        arr.flat[places] = _cycled(vals, places.shape[0])


@composite(np.putmask)
def putmask(a: Array, mask: Any, values: Any) -> None:
    places = np.flatnonzero(mask)
    if places.shape[0]:
        arr = np.ravel(np.asarray(values))
        a.flat[places] = arr[places % arr.shape[0]]


@composite(np.copyto)
def copyto(dst: Array, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    src = np.asarray(src)
    if not np.can_cast(src.dtype, dst.dtype, casting):
        raise TypeError(f"Cannot cast array data from {src.dtype!r} to {dst.dtype!r} according to the rule {casting!r}")
    dst[...] = src if where is True else np.where(where, src, dst)


@composite(np.fill_diagonal)
def fill_diagonal(a: Array, val: Any, wrap: bool = False) -> None:
    if a.ndim < 2:
        raise ValueError("array must be at least 2-d")
    if a.ndim > 2 and len(set(a.shape)) != 1:
        raise ValueError("All dimensions of input must be of equal length")
    step = a.shape[1] + 1 if a.ndim == 2 else 1 + sum(int(np.prod(a.shape[i + 1 :])) for i in range(a.ndim - 1))
    end = a.shape[1] * a.shape[1] if a.ndim == 2 and not wrap else a.size
    places = np.arange(0, min(end, a.size), step)
    a.flat[places] = _cycled(val, places.shape[0])


@composite(np.put_along_axis)
def put_along_axis(arr: Array, indices: Array, values: Array, axis: int | None = -1) -> None:
    if axis is None:
        arr.flat[np.asarray(indices)] = values
    else:
        axis = normalize_axis_index(axis, arr.ndim)
        arr[along(indices, axis, arr.shape)] = values
