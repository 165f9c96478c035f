"""Arrays put together and taken apart: concatenate, stack, block, split, tile, repeat, roll, pad."""

import math
from collections.abc import Sequence
from typing import Any

from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.shape import cast, common_dtype
from geartrain.ops.table import composite, linear, spells

__all__ = ["CONCATENATE", "STACK"]

# The rows.


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
    items = [a if hasattr(a, "dtype") and np.ndim(a) == 0 else np.asarray(a) for a in arrays]
    if not items:
        raise ValueError("need at least one array to stack")
    axis = normalize_axis_index(axis, np.ndim(items[0]) + 1)
    dtype = np.result_type(*[a.dtype for a in items]) if dtype is None else np.dtype(dtype)  # no number is weak here
    items = [a if a.dtype == dtype else cast(a, dtype) for a in items]
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


@composite(getattr(np, "unstack", None))
def unstack(x: Array, /, *, axis: int = 0) -> tuple[Array, ...]:
    return tuple(np.moveaxis(x, axis, 0))


@composite(np.block)
def block(arrays: Any) -> Array:
    """Nested lists of arrays: the innermost are joined along the last axis, the next along the one before it."""
    depth, ndim = _depth(arrays), max(np.ndim(x) for x in _leaves(arrays))
    return _block(arrays, depth, max(depth, ndim))


def _depth(x: Any) -> int:
    return 1 + max((_depth(v) for v in x), default=0) if x.__class__ is list else 0


def _leaves(x: Any) -> list[Array]:
    return [leaf for v in x for leaf in _leaves(v)] if x.__class__ is list else [x]


def _block(x: Any, depth: int, ndim: int) -> Array:
    if x.__class__ is not list:
        if depth:
            raise ValueError("np.block: the lists are nested to different depths")
        x = np.asarray(x)
        return np.reshape(x, (*(1,) * (ndim - x.ndim), *x.shape))
    return np.concatenate([_block(v, depth - 1, ndim) for v in x], axis=-depth)


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
        return np.reshape(np.roll(np.ravel(a), int(np.sum(shift)), 0), a.shape)
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
    places: Array = np.searchsorted(np.cumsum(counts), np.arange(int(np.sum(counts))), side="right")
    return np.take(a, places, axis=axis)


@composite(np.resize)
def resize(a: Array, new_shape: Any) -> Array:
    size = math.prod(new_shape) if np.ndim(new_shape) else int(new_shape)
    return np.reshape(np.take(np.ravel(a), np.arange(size) % a.size), new_shape)


@composite(np.trim_zeros)
def trim_zeros(filt: Array, trim: str = "fb") -> Array:
    hit = np.flatnonzero(filt != 0)
    first = int(hit[0]) if "f" in trim.lower() and len(hit) else 0
    last = int(hit[-1]) + 1 if "b" in trim.lower() and len(hit) else len(filt)
    return filt[first:last]
