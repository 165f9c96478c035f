"""Arrays made from numbers that may be traced: full, arange, linspace and their kin, grids, windows."""

from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.shape import cast
from geartrain.ops.table import composite

__all__ = ["full", "linspace"]


def _as(y: Array, dtype: Any) -> Array:
    return y if dtype is None or y.dtype == np.dtype(dtype) else cast(y, dtype)


@composite(np.full)
def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", **like: Any) -> Array:
    value = _as(np.asarray(fill_value), dtype)
    return np.copy(np.broadcast_to(value, (shape,) if np.ndim(shape) == 0 else tuple(shape)))


@composite(np.full_like)
def full_like(
    a: Array, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, **like: Any
) -> Array:
    a = a if hasattr(a, "dtype") else np.asarray(a)
    return full(np.shape(a) if shape is None else shape, fill_value, a.dtype if dtype is None else dtype)


@composite(np.arange)
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None, **like: Any) -> Array:
    """How many elements there are is a decision; each of them moves with ``start`` and ``step``."""
    start, stop = (0, start) if stop is None else (start, stop)
    step = 1 if step is None else step
    n = max(0, int(np.ceil((stop - start) / step)))
    if dtype is None:  # NumPy counts a Python number here with the dtype that it has alone
        dtype = np.result_type(*(v.dtype if hasattr(v, "dtype") else np.asarray(v).dtype for v in (start, stop, step)))
    return _as(start + np.arange(n) * step, dtype)


@composite(np.linspace)
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    **device: Any,
) -> Any:
    num = int(num)
    ends = [x if np.ndim(x) == 0 else np.asarray(x) for x in (start, stop)]
    inexact = np.result_type(*ends, 0.0)
    start, stop = [cast(np.asarray(x), inexact) for x in ends]
    start, stop = np.broadcast_arrays(start, stop)
    parts = num - 1 if endpoint else num
    step = (stop - start) / parts if parts > 0 else np.nan * (stop - start)
    places = np.reshape(np.arange(num, dtype=start.dtype), (num, *(1,) * start.ndim))
    y = places * step + start if parts > 0 else places * (stop - start) + start
    if endpoint and num > 1:
        y = np.concatenate((y[:-1], stop[None]))
    y = _as(y if axis == 0 else np.moveaxis(y, 0, axis), dtype)
    return (y, step) if retstep else y


@composite(np.logspace)
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Array:
    if np.ndim(base):
        base = np.expand_dims(np.asarray(base), axis)
    return _as(np.power(base, linspace(start, stop, num, endpoint, axis=axis)), dtype)


@composite(np.geomspace)
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Array:
    start, stop = np.asarray(start), np.asarray(stop)
    kind = np.result_type(start, stop, float)
    start, stop = np.broadcast_arrays(cast(start, kind), cast(stop, kind))
    if bool(np.any(start == 0)) or bool(np.any(stop == 0)):
        raise ValueError("Geometric sequence cannot include zero")
    sign = np.sign(start)
    y = logspace(np.log10(start / sign), np.log10(stop / sign), num, endpoint)
    if num > 0:
        whole = num > 1 and endpoint
        ends = [start[None] / sign, *([y[1:-1], stop[None] / sign] if whole else [y[1:]])]
        y = np.concatenate(ends) * sign
    return _as(y if axis == 0 else np.moveaxis(y, 0, axis), dtype)


@composite(np.meshgrid)
def meshgrid(*xi: Array, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Array, ...]:
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    n = len(xi)
    shapes = [tuple(-1 if i == k else 1 for i in range(n)) for k in range(n)]
    out = [np.reshape(np.asarray(x), shape) for x, shape in zip(xi, shapes, strict=True)]
    if indexing == "xy" and n > 1:
        out = [np.swapaxes(x, 0, 1) for x in out]
    if not sparse:
        out = [np.copy(x) for x in np.broadcast_arrays(*out)]
    return tuple(out)


@composite(np.ix_)
def ix_(*args: Array) -> tuple[Array, ...]:
    out: list[Array] = []
    for k, x in enumerate(args):
        x = np.asarray(x)
        if x.ndim != 1:
            raise ValueError("Cross index must be 1 dimensional")
        x = np.nonzero(x)[0] if x.dtype == bool else x
        out.append(np.reshape(x, tuple(x.shape[0] if i == k else 1 for i in range(len(args)))))
    return tuple(out)


@composite(np.fromfunction)
def fromfunction(function: Any, shape: Any, *, dtype: Any = float, like: Any = None, **kwargs: Any) -> Array:
    return function(*np.indices(shape, dtype=dtype), **kwargs)


@composite(np.fromiter)
def fromiter(iter: Any, dtype: Any, count: int = -1, *, like: Any = None) -> Array:
    items = list(iter)
    if len(items) < count:
        raise ValueError(f"iterator too short: Expected {count} but iterator had only {len(items)} items.")
    return np.array(items if count < 0 else items[:count], dtype=dtype)


@composite(np.kaiser)
def kaiser(M: int, beta: Any) -> Array:
    if M < 2:
        return np.ones(max(M, 0))
    half = (M - 1) / 2.0
    places = (np.arange(M) - half) / half
    return np.i0(beta * np.sqrt(1 - places**2)) / np.i0(beta * 1.0)


@composite(np.tril_indices_from)
def tril_indices_from(arr: Array, k: int = 0) -> tuple[Array, Array]:
    return np.tril_indices(arr.shape[-2], k=k, m=arr.shape[-1])


@composite(np.triu_indices_from)
def triu_indices_from(arr: Array, k: int = 0) -> tuple[Array, Array]:
    return np.triu_indices(arr.shape[-2], k=k, m=arr.shape[-1])


@composite(np.diag_indices_from)
def diag_indices_from(arr: Array) -> tuple[Array, ...]:
    if len(set(arr.shape)) != 1 or arr.ndim < 2:
        raise ValueError("All dimensions of input must be of equal length")
    return np.diag_indices(arr.shape[0], arr.ndim)


@composite(np.asfortranarray)
def asfortranarray(a: Array, dtype: Any = None, *, like: Any = None) -> Array:
    """The same values: a traced array has no order of its own."""
    return np.atleast_1d(np.asarray(a, dtype))


@composite(np.require)
def require(a: Array, dtype: Any = None, requirements: Any = None, *, like: Any = None) -> Array:
    return np.asarray(a, dtype)
