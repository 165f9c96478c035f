"""Ops that move elements and change none. All linear; the transpose of each moves the cotangents back."""

import math
from collections.abc import Sequence
from typing import Any, Literal

from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from geartrain.errors import InputError, teach
from geartrain.ir.aval import Array, aval_of, is_array, shape_of
from geartrain.ir.op import is_traced
from geartrain.ir.untyped import numpy as np
from geartrain.ops.table import composite, constant, linear, spells

Shape = tuple[int, ...]
Order = Literal["C", "F", "A", "K"]

# The rows.


def _reshape_T(y_bar: Array, x: Array, shape: Shape) -> Array:
    return np.reshape(y_bar, shape_of(x))


def _batch_reshape(size: int, batched: Sequence[bool], x: Array, shape: Shape) -> Array:
    return np.reshape(x, (size, *shape))


RESHAPE = linear("reshape", np.reshape, "shape", transposes=(_reshape_T,), batch=_batch_reshape)


def _transpose_T(y_bar: Array, x: Array, axes: Shape) -> Array:
    return TRANSPOSE(y_bar, params=(tuple(axes.index(i) for i in range(len(axes))),))


def _batch_transpose(size: int, batched: Sequence[bool], x: Array, axes: Shape) -> Array:
    return TRANSPOSE(x, params=((0, *(i + 1 for i in axes)),))


TRANSPOSE = linear("transpose", np.transpose, "axes", transposes=(_transpose_T,), batch=_batch_transpose)


_ASARRAY, _NDARRAY, _BROADCAST_TO, _EMPTY = np.asarray, np.ndarray, np.broadcast_to, np.empty
"""NumPy's own, also while a trace runs."""

_SMALL = 2048


def _broadcast(x: Array, shape: Shape) -> Array:
    """As ``np.broadcast_to``, whose own way through Python takes several times as long for arrays side by side."""
    if not is_array(x):
        x = _ASARRAY(x)
    have = x.shape
    lead = len(shape) - len(have)
    strides = (0,) * lead
    if have:
        if not x.flags.c_contiguous or x.dtype.hasobject or not _repeats(have, shape[lead:], lead):
            return _BROADCAST_TO(x, shape)
        strides = (*strides, *[0 if n == 1 else s for n, s in zip(have, x.strides, strict=True)])
    repeated = _NDARRAY(shape, x.dtype, x, strides=strides)
    repeated.flags.writeable = False
    return repeated


def spread(x: Array, shape: Shape) -> Array:
    """``x`` broadcast to be read: copied where that is quicker than to make a view."""
    if is_traced(x):
        return BROADCAST(x, params=(shape,))
    if math.prod(shape) > _SMALL:
        return _broadcast(x, shape)
    wide = _EMPTY(shape, aval_of(x).dtype)
    wide[...] = x
    return wide


def _repeats(shape: Shape, to: Shape, lead: int) -> bool:
    return lead >= 0 and 0 not in shape and all(n in (1, m) for n, m in zip(shape, to, strict=True))


def unbroadcast(y_bar: Array, shape: Shape) -> Array:
    """Sum ``y_bar`` over the axes along which an operand of this shape was repeated."""
    wide = y_bar.shape
    lead = len(wide) - len(shape)
    if wide[lead:] == shape:
        return np.add.reduce(y_bar, axis=tuple(range(lead)))
    axes = tuple([i for i, n in enumerate(wide) if i < lead or (shape[i - lead] == 1 and n != 1)])
    summed = np.add.reduce(y_bar, axis=axes) if axes else y_bar
    return summed if shape_of(summed) == shape else np.reshape(summed, shape)


def _broadcast_T(y_bar: Array, x: Array, shape: Shape) -> Array:
    return unbroadcast(y_bar, shape_of(x))


def _batch_broadcast(size: int, batched: Sequence[bool], x: Array, shape: Shape) -> Array:
    inner = x.shape[1:]
    return np.broadcast_to(np.reshape(x, (size, *(1,) * (len(shape) - len(inner)), *inner)), (size, *shape))


BROADCAST = linear("broadcast", _broadcast, "shape", transposes=(_broadcast_T,), batch=_batch_broadcast)


def _cast(x: Array, dtype: str) -> Array:
    return x.astype(dtype) if is_array(x) else np.dtype(dtype).type(x)


def _cast_T(y_bar: Array, x: Array, dtype: str) -> Array:
    have = aval_of(x).dtype
    if np.dtype(dtype).kind == "c" and have.kind != "c":
        y_bar = np.real(y_bar)
    return cast(y_bar, have)


def _batch_cast(size: int, batched: Sequence[bool], x: Array, dtype: str) -> Array:
    return cast(x, dtype)


CAST = linear("cast", _cast, "dtype", transposes=(_cast_T,), batch=_batch_cast)
CAST_CONSTANT = constant("cast_constant", _cast, "dtype", batch=_batch_cast)


def _item(x: Array) -> Array:
    return x.item() if hasattr(x, "item") else x


def _item_T(y_bar: Array, x: Array) -> Array:
    return cast(y_bar, aval_of(x).dtype)


def _batch_item(size: int, batched: Sequence[bool], x: Array) -> Array:
    return x


ITEM = linear("item", _item, transposes=(_item_T,), batch=_batch_item)
"""A number of NumPy's as one of Python's, which takes the dtype of the arrays that it meets."""


def cast(x: Array, dtype: Any) -> Array:
    """``x`` in another dtype; to integers and booleans it is constant."""
    dtype = np.dtype(dtype)
    if dtype.kind == "O" and is_traced(x):
        what = "traced values become Python objects, whose own arithmetic cannot be traced."
        raise InputError(teach("astype", what, "Leave dtype=object out, or keep the values in a list."))
    return (CAST if dtype.kind in "fc" else CAST_CONSTANT)(x, params=(dtype.str,))


def _stop(x: Array) -> Array:
    return np.array(x) if is_array(x) else x


def _batch_stop(size: int, batched: Sequence[bool], x: Array) -> Array:
    return STOP(x)


STOP = constant("stop_gradient", _stop, batch=_batch_stop)


# NumPy's spellings.


@spells(np.reshape)
def reshape(a: Array, /, shape: Any, order: Order = "C", *, copy: bool | None = None) -> Array:
    shape = (int(shape),) if np.ndim(shape) == 0 else tuple(int(n) for n in shape)
    if order == "F" or (order == "A" and a.flags.fnc):
        return np.transpose(np.reshape(np.transpose(a), shape[::-1]))
    if -1 in shape:
        known = -math.prod(shape)
        if shape.count(-1) > 1 or known == 0 or a.size % known:
            raise ValueError(f"cannot reshape array of size {a.size} into shape {shape}")
        shape = tuple(a.size // known if n == -1 else n for n in shape)
    result = RESHAPE(a, params=(shape,))
    return np.copy(result) if copy else result


@spells(np.transpose, np.permute_dims)
def transpose(a: Array, axes: Any = None) -> Array:
    axes = tuple(range(a.ndim))[::-1] if axes is None else tuple(normalize_axis_index(i, a.ndim) for i in axes)
    if len(axes) != a.ndim:
        raise ValueError(f"axes {axes} do not match an array of {a.ndim} axes")
    return TRANSPOSE(a, params=(axes,))


@composite(np.matrix_transpose)
def matrix_transpose(x: Array, /) -> Array:
    return np.swapaxes(x, -1, -2)


@composite(np.swapaxes)
def swapaxes(a: Array, axis1: int, axis2: int) -> Array:
    axes = list(range(a.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return np.transpose(a, axes)


@composite(np.moveaxis)
def moveaxis(a: Array, source: Any, destination: Any) -> Array:
    source = normalize_axis_tuple(source, a.ndim)
    destination = normalize_axis_tuple(destination, a.ndim)
    axes = [i for i in range(a.ndim) if i not in source]
    for to, where in sorted(zip(destination, source, strict=True)):
        axes.insert(to, where)
    return np.transpose(a, axes)


@composite(np.rollaxis)
def rollaxis(a: Array, axis: int, start: int = 0) -> Array:
    axis = normalize_axis_index(axis, a.ndim)
    start = start + a.ndim if start < 0 else start
    return np.moveaxis(a, axis, start - 1 if axis < start else start)


@composite(np.squeeze)
def squeeze(a: Array, axis: Any = None) -> Array:
    axes = [i for i, n in enumerate(a.shape) if n == 1] if axis is None else normalize_axis_tuple(axis, a.ndim)
    if any(a.shape[i] != 1 for i in axes):
        raise ValueError(f"cannot squeeze axes {tuple(axes)} of shape {a.shape}: not all have size one")
    return a[(*(0 if i in axes else slice(None) for i in range(a.ndim)), ...)] if is_array(a) else a


@composite(np.expand_dims)
def expand_dims(a: Array, axis: Any) -> Array:
    ndim = np.ndim(a) + (np.size(axis) if np.ndim(axis) else 1)
    axes = normalize_axis_tuple(axis, ndim)
    return a[(*(None if i in axes else slice(None) for i in range(ndim)), ...)]


@composite(np.ravel)
def ravel(a: Array, order: Order = "C") -> Array:
    if order == "K":  # as the elements lie in memory: the axis of the longest stride first
        a, order = np.transpose(a, sorted(range(a.ndim), key=lambda axis: -abs(a.strides[axis]))), "C"
    flat = np.reshape(a, (np.size(a),), order=order)
    return flat if flat.flags.c_contiguous else np.copy(flat)  # a view where NumPy has one: reversed is copied


@composite(np.atleast_1d)
def atleast_1d(*arrays: Array) -> Any:
    out = [a if np.ndim(a) >= 1 else np.reshape(a, (1,)) for a in arrays]
    return out[0] if len(out) == 1 else tuple(out)


@composite(np.atleast_2d)
def atleast_2d(*arrays: Array) -> Any:
    out = [a if np.ndim(a) >= 2 else np.atleast_1d(a)[None, :] for a in arrays]
    return out[0] if len(out) == 1 else tuple(out)


@composite(np.atleast_3d)
def atleast_3d(*arrays: Array) -> Any:
    out = [a if np.ndim(a) >= 3 else np.atleast_2d(a)[:, :, None] for a in arrays]
    return out[0] if len(out) == 1 else tuple(out)


@spells(np.broadcast_to)
def broadcast_to(array: Array, shape: Any, subok: bool = False) -> Array:
    shape = (int(shape),) if np.ndim(shape) == 0 else tuple(int(n) for n in shape)
    return BROADCAST(array, params=(shape,))


@composite(np.broadcast_arrays)
def broadcast_arrays(*args: Array, subok: bool = False) -> tuple[Array, ...]:
    shape = np.broadcast_shapes(*(np.shape(a) for a in args))
    return tuple(np.broadcast_to(a, shape) for a in args)


@spells(np.astype)
def astype(x: Array, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Array:
    return cast(x, dtype)


def common_dtype(arrays: Sequence[Array]) -> list[Array]:
    """The arrays, cast to the dtype that NumPy's promotion gives them together. Numbers of Python's are weak."""
    typed = [hasattr(a, "dtype") for a in arrays]
    dtype = arrays[0].dtype if all(typed) else None
    if dtype is None or any(a.dtype != dtype for a in arrays):
        dtype = np.result_type(*arrays)
    return [a if t and a.dtype == dtype else cast(np.asarray(a), dtype) for a, t in zip(arrays, typed, strict=True)]
