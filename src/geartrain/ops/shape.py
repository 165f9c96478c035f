"""Ops that move elements and change none. All linear; the transpose of each moves the cotangents back."""

import math
from collections.abc import Sequence
from typing import Any, Literal

from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from geartrain.ir.aval import Array, aval_of, is_array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.table import composite, constant, linear, spells

Shape = tuple[int, ...]
Order = Literal["C", "F", "A", "K"]

# The rows.


def _reshape_T(y_bar: Array, x: Array, shape: Shape) -> Array:
    return np.reshape(y_bar, x.shape)


def _batch_reshape(size: int, batched: Sequence[bool], x: Array, shape: Shape) -> Array:
    return np.reshape(x, (size, *shape))


RESHAPE = linear("reshape", np.reshape, "shape", transposes=(_reshape_T,), batch=_batch_reshape)


def _transpose_T(y_bar: Array, x: Array, axes: Shape) -> Array:
    return TRANSPOSE(y_bar, params=(tuple(axes.index(i) for i in range(len(axes))),))


def _batch_transpose(size: int, batched: Sequence[bool], x: Array, axes: Shape) -> Array:
    return TRANSPOSE(x, params=((0, *(i + 1 for i in axes)),))


TRANSPOSE = linear("transpose", np.transpose, "axes", transposes=(_transpose_T,), batch=_batch_transpose)


def _broadcast(x: Array, shape: Shape) -> Array:
    if is_array(x):
        return np.broadcast_to(x, shape)
    scalar: Array = np.asarray(x)
    return np.ndarray(shape, scalar.dtype, scalar, strides=(0,) * len(shape))


def unbroadcast(y_bar: Array, shape: Shape) -> Array:
    """Sum ``y_bar`` over the axes along which an operand of this shape was repeated."""
    lead = y_bar.ndim - len(shape)
    axes = tuple(i for i, n in enumerate(y_bar.shape) if i < lead or (shape[i - lead] == 1 and n != 1))
    summed = np.sum(y_bar, axis=axes) if axes else y_bar
    return summed if np.shape(summed) == shape else np.reshape(summed, shape)


def _broadcast_T(y_bar: Array, x: Array, shape: Shape) -> Array:
    return unbroadcast(y_bar, np.shape(x))


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


def cast(x: Array, dtype: Any) -> Array:
    """``x`` in another dtype; to integers and booleans it is constant."""
    dtype = np.dtype(dtype)
    return (CAST if dtype.kind in "fc" else CAST_CONSTANT)(x, params=(dtype.str,))


def _stop(x: Array) -> Array:
    return np.array(x) if is_array(x) else x


def _batch_stop(size: int, batched: Sequence[bool], x: Array) -> Array:
    return STOP(x)


STOP = constant("stop_gradient", _stop, batch=_batch_stop)


def _concatenate(*operands: Any) -> Array:
    return np.concatenate(operands[:-1], axis=operands[-1])


def _concatenate_T(i: int, y_bar: Array, *operands: Any) -> Array:
    *xs, axis = operands
    start = sum(x.shape[axis] for x in xs[:i])
    return y_bar[(slice(None),) * axis + (slice(start, start + xs[i].shape[axis]),)]


def _batch_concatenate(size: int, batched: Sequence[bool], *operands: Any) -> Array:
    *xs, axis = operands
    lifted = [x if b else np.broadcast_to(x, (size, *np.shape(x))) for x, b in zip(xs, batched, strict=True)]
    return np.concatenate(lifted, axis=axis + 1)


CONCATENATE = linear(
    "concatenate",
    _concatenate,
    "axis",
    transposes=(_concatenate_T,),
    jointly=True,
    variadic=True,
    batch=_batch_concatenate,
)


def _stack(*operands: Any) -> Array:
    return np.stack(operands[:-1], axis=operands[-1])


def _stack_T(i: int, y_bar: Array, *operands: Any) -> Array:
    return y_bar[(slice(None),) * operands[-1] + (i,)]


def _batch_stack(size: int, batched: Sequence[bool], *operands: Any) -> Array:
    *xs, axis = operands
    lifted = [x if b else np.broadcast_to(x, (size, *np.shape(x))) for x, b in zip(xs, batched, strict=True)]
    return np.stack(lifted, axis=axis + 1)


STACK = linear("stack", _stack, "axis", transposes=(_stack_T,), jointly=True, variadic=True, batch=_batch_stack)

# NumPy's spellings.


@spells(np.reshape)
def reshape(a: Array, /, shape: Any, order: Order = "C", *, copy: bool | None = None) -> Array:
    shape = (int(shape),) if np.ndim(shape) == 0 else tuple(int(n) for n in shape)
    if order == "F":
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
    return a[(*(0 if i in axes else slice(None) for i in range(a.ndim)), ...)]


@composite(np.expand_dims)
def expand_dims(a: Array, axis: Any) -> Array:
    ndim = np.ndim(a) + (np.size(axis) if np.ndim(axis) else 1)
    axes = normalize_axis_tuple(axis, ndim)
    return a[(*(None if i in axes else slice(None) for i in range(ndim)), ...)]


@composite(np.ravel)
def ravel(a: Array, order: Order = "C") -> Array:
    return np.reshape(a, (np.size(a),), order=order)


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
    """The arrays, cast to the dtype that NumPy's promotion gives them together."""
    dtype = np.result_type(*(a.dtype if hasattr(a, "dtype") else a for a in arrays))
    return [a if hasattr(a, "dtype") and a.dtype == dtype else cast(np.asarray(a), dtype) for a in arrays]


@spells(np.concatenate, np.concat)
def concatenate(arrays: Any, /, axis: int | None = 0, *, dtype: Any = None) -> Array:
    items = [np.asarray(a) for a in arrays]
    if not items:
        raise ValueError("need at least one array to concatenate")
    if axis is None:
        items, axis = [np.ravel(a) for a in items], 0
    axis = normalize_axis_index(axis, items[0].ndim)
    items = common_dtype(items) if dtype is None else [cast(a, dtype) for a in items]
    return CONCATENATE(*items, params=(axis,))


@spells(np.stack)
def stack(arrays: Any, axis: int = 0, *, dtype: Any = None) -> Array:
    items = [a if np.ndim(a) == 0 else np.asarray(a) for a in arrays]
    if not items:
        raise ValueError("need at least one array to stack")
    axis = normalize_axis_index(axis, np.ndim(items[0]) + 1)
    items = common_dtype(items) if dtype is None else [cast(np.asarray(a), dtype) for a in items]
    return STACK(*items, params=(axis,))


@composite(np.vstack)
def vstack(tup: Any, *, dtype: Any = None) -> Array:
    return np.concatenate([np.atleast_2d(a) for a in tup], axis=0, dtype=dtype)


@composite(np.hstack)
def hstack(tup: Any, *, dtype: Any = None) -> Array:
    items = [np.atleast_1d(a) for a in tup]
    return np.concatenate(items, axis=0 if items and items[0].ndim == 1 else 1, dtype=dtype)


@composite(np.dstack)
def dstack(tup: Any) -> Array:
    return np.concatenate([np.atleast_3d(a) for a in tup], axis=2)


@composite(np.column_stack)
def column_stack(tup: Any) -> Array:
    return np.concatenate([a if np.ndim(a) == 2 else np.reshape(a, (-1, 1)) for a in tup], axis=1)


@composite(np.append)
def append(arr: Array, values: Array, axis: int | None = None) -> Array:
    return np.concatenate((np.asarray(arr), np.asarray(values)), axis=axis)


@composite(np.array_split)
def array_split(ary: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    n = ary.shape[axis]
    if np.ndim(indices_or_sections) == 0:
        parts = int(indices_or_sections)
        small, extra = divmod(n, parts)
        ends = np.cumsum([small + 1] * extra + [small] * (parts - extra)).tolist()
    else:
        ends = [*indices_or_sections, n]
    before = (slice(None),) * normalize_axis_index(axis, ary.ndim)
    return [ary[(*before, slice(a, b))] for a, b in zip([0, *ends[:-1]], ends, strict=True)]


@composite(np.split)
def split(ary: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    if np.ndim(indices_or_sections) == 0 and ary.shape[axis] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return np.array_split(ary, indices_or_sections, axis)


@composite(np.hsplit)
def hsplit(ary: Array, indices_or_sections: Any) -> list[Array]:
    return np.split(ary, indices_or_sections, axis=0 if ary.ndim == 1 else 1)


@composite(np.vsplit)
def vsplit(ary: Array, indices_or_sections: Any) -> list[Array]:
    return np.split(ary, indices_or_sections, axis=0)


@composite(np.dsplit)
def dsplit(ary: Array, indices_or_sections: Any) -> list[Array]:
    return np.split(ary, indices_or_sections, axis=2)


@composite(np.unstack)
def unstack(x: Array, /, *, axis: int = 0) -> tuple[Array, ...]:
    return tuple(np.moveaxis(x, axis, 0))


@composite(np.flip)
def flip(m: Array, axis: Any = None) -> Array:
    axes = range(m.ndim) if axis is None else normalize_axis_tuple(axis, m.ndim)
    return m[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(m.ndim))]


@composite(np.flipud)
def flipud(m: Array) -> Array:
    return np.flip(m, 0)


@composite(np.fliplr)
def fliplr(m: Array) -> Array:
    return np.flip(m, 1)


@composite(np.rot90)
def rot90(m: Array, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Array:
    a, b = axes
    if k % 4 == 0:
        return m[...]
    if k % 4 == 2:
        return np.flip(np.flip(m, a), b)
    return np.swapaxes(np.flip(m, b), a, b) if k % 4 == 1 else np.flip(np.swapaxes(m, a, b), b)


@composite(np.roll)
def roll(a: Array, shift: Any, axis: Any = None) -> Array:
    if axis is None:
        return np.reshape(np.roll(np.ravel(a), shift, 0), a.shape)
    axes = normalize_axis_tuple(axis, a.ndim, allow_duplicate=True)
    for by, i in zip(np.broadcast_to(shift, len(axes)).tolist(), axes, strict=True):
        cut = -by % a.shape[i] if a.shape[i] else 0
        before = (slice(None),) * i
        a = np.concatenate((a[(*before, slice(cut, None))], a[(*before, slice(None, cut))]), axis=i)
    return a


@composite(np.tile)
def tile(A: Array, reps: Any) -> Array:
    reps = (reps,) if np.ndim(reps) == 0 else tuple(reps)
    shape = (1,) * (len(reps) - np.ndim(A)) + np.shape(A)
    reps = (1,) * (len(shape) - len(reps)) + reps
    paired = np.reshape(A, [n for m in shape for n in (1, m)])
    repeated = np.broadcast_to(paired, [n for r, m in zip(reps, shape, strict=True) for n in (r, m)])
    return np.reshape(repeated, [r * m for r, m in zip(reps, shape, strict=True)])


@composite(np.repeat)
def repeat(a: Array, repeats: Any, axis: int | None = None) -> Array:
    if axis is None:
        a, axis = np.ravel(a), 0
    counts = np.broadcast_to(repeats, (a.shape[axis],))
    places: Array = np.repeat(np.arange(a.shape[axis]), counts)
    return np.take(a, places, axis=axis)


@composite(np.resize)
def resize(a: Array, new_shape: Any) -> Array:
    size = math.prod(new_shape) if np.ndim(new_shape) else int(new_shape)
    return np.reshape(np.take(np.ravel(a), np.arange(size) % a.size), new_shape)


@composite(np.pad)
def pad(array: Array, pad_width: Any, mode: str = "constant", **kwargs: Any) -> Array:
    """Every mode that copies elements is a gather by the padded index; constant padding is a write into a frame."""
    if mode == "constant":
        low = np.pad(np.ones(array.shape, bool), pad_width)  # where the array stands in its frame
        starts = [0 if low.size == 0 else int(i) for i in np.unravel_index(np.argmax(low), low.shape)]
        frame: Array = np.pad(np.zeros(array.shape, array.dtype), pad_width, mode=mode, **kwargs)
        inner = tuple(slice(start, start + n) for start, n in zip(starts, array.shape, strict=True))
        frame[inner] = array
        return frame
    if mode in ("edge", "reflect", "symmetric", "wrap") and kwargs.get("reflect_type", "even") == "even":
        where: Array = np.pad(np.reshape(np.arange(array.size), array.shape), pad_width, mode=mode, **kwargs)
        return np.take(np.ravel(array), where)
    raise NotImplementedError(f"np.pad with mode={mode!r}")


@composite(np.trim_zeros)
def trim_zeros(filt: Array, trim: str = "fb") -> Array:
    hit = np.flatnonzero(filt != 0)
    first = int(hit[0]) if "f" in trim.lower() and len(hit) else 0
    last = int(hit[-1]) + 1 if "b" in trim.lower() and len(hit) else len(filt)
    return filt[first:last]
