"""Functions that fold axes: sums, products, extremes, statistics, and the running ones.

Products are trees of multiplications and running products are scans of them, so they need no rule of their own and
stay right where elements are zero. Ties of ``max`` and ``min`` share the rate.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from geartrain.ir.aval import Array, Ufunc, shape_of
from geartrain.ir.untyped import numpy as np
from geartrain.ops.shape import cast, spread
from geartrain.ops.table import composite, constant, custom, linear, spells

Axes = tuple[int, ...]
Axis = Any


def axes_of(a: Array, axis: Axis) -> Axes:
    """The axes that NumPy's ``axis=`` means, counted from the front. A number may be reduced along 0 and -1, too."""
    ndim = len(shape_of(a))
    if type(axis) is int and -max(ndim, 1) <= axis < max(ndim, 1):
        return (axis % ndim,) if ndim else ()
    return tuple(range(ndim)) if axis is None else normalize_axis_tuple(axis, ndim)


def keep(y: Array, shape: tuple[int, ...], axes: Axes) -> Array:
    """``y`` with the folded axes of ``shape`` back, of size one."""
    return np.reshape(y, tuple([1 if i in axes else n for i, n in enumerate(shape)]))


def _finish(y: Array, a: Array, axes: Axes, keepdims: bool) -> Array:
    return keep(y, np.shape(a), axes) if keepdims else y


def _behind(axes: Axes) -> Axes:
    """The same axes when a batch axis stands in front."""
    return tuple(i + 1 for i in axes)


# Sums.


_ADD_UP = np.add.reduce  # NumPy's own, also while a trace runs


def _sum(x: Array, axes: Axes) -> Array:
    return _ADD_UP(x, axis=axes)


def _sum_T(y_bar: Array, x: Array, axes: Axes) -> Array:
    shape = shape_of(x)
    if len(axes) != len(shape):
        y_bar = keep(y_bar, shape, axes)
    return spread(y_bar, shape)


def _batch_sum(size: int, batched: Sequence[bool], x: Array, axes: Axes) -> Array:
    return SUM(x, params=(_behind(axes),))


SUM = linear("sum", _sum, "axes", transposes=(_sum_T,), batch=_batch_sum)


@spells(np.sum)
def sum_(
    a: Array, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Array:
    a = _chosen(_as(a, dtype), where, 0)
    kind = a.dtype.kind
    if kind in "bu" or (kind == "i" and a.dtype.itemsize < 8):
        a = cast(a, np.add.reduce(np.zeros(0, a.dtype)).dtype)
    axes = axes_of(a, axis)
    y = SUM(a, params=(axes,))
    y = y if initial is None else y + initial
    return _finish(y, a, axes, keepdims)


def _as(a: Array, dtype: Any) -> Array:
    a = a if hasattr(a, "dtype") else np.asarray(a)
    return a if dtype is None or a.dtype == np.dtype(dtype) else cast(a, dtype)


def _chosen(a: Array, where: Any, neutral: Any) -> Array:
    """``a`` with what ``where=`` leaves out replaced by the neutral element."""
    return a if where is True else np.where(where, a, np.asarray(neutral, a.dtype))


def _cumsum(x: Array, axis: int) -> Array:
    return np.cumsum(x, axis=axis)


def _cumsum_T(y_bar: Array, x: Array, axis: int) -> Array:
    return np.flip(CUMSUM(np.flip(y_bar, axis), params=(axis,)), axis)


def _batch_axis_behind(size: int, batched: Sequence[bool], x: Array, axis: int) -> Array:
    return CUMSUM(x, params=(axis + 1,))


CUMSUM = linear("cumsum", _cumsum, "axis", transposes=(_cumsum_T,), batch=_batch_axis_behind)


@spells(np.cumsum)
def cumsum(a: Array, axis: int | None = None, dtype: Any = None) -> Array:
    a = _as(a, dtype)
    a, axis = (np.ravel(a), 0) if axis is None else (a, normalize_axis_index(axis, a.ndim))
    return CUMSUM(a, params=(axis,))


# Products, and every other fold of a function of two elements.


def fold(f: Callable[[Array, Array], Array], a: Array, axes: Axes) -> Array:
    """Fold the axes of ``a`` by an associative function of two, as a balanced tree."""
    rest = tuple(i for i in range(a.ndim) if i not in axes)
    shape = tuple(a.shape[i] for i in rest)
    count = int(np.prod([a.shape[i] for i in axes]))
    a = np.reshape(np.transpose(a, (*axes, *rest)), (count, *shape))
    while a.shape[0] > 1:
        half = a.shape[0] // 2
        folded = f(a[:half], a[half : 2 * half])
        a = np.concatenate((folded, a[2 * half :])) if a.shape[0] % 2 else folded
    return a[0]


def scan(f: Callable[[Array, Array], Array], a: Array, axis: int) -> Array:
    """The running fold along an axis by an associative function of two, in log2(n) steps."""
    before = (slice(None),) * axis
    step = 1
    while step < a.shape[axis]:
        shifted = f(a[(*before, slice(None, -step))], a[(*before, slice(step, None))])
        a = np.concatenate((a[(*before, slice(None, step))], shifted), axis=axis)
        step *= 2
    return a


@composite(np.prod)
def prod(
    a: Array, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Array:
    a = _chosen(_as(a, dtype), where, 1)
    axes = axes_of(a, axis)
    empty = any(a.shape[i] == 0 for i in axes)
    y = np.ones([n for i, n in enumerate(a.shape) if i not in axes], a.dtype) if empty else fold(np.multiply, a, axes)
    y = y if initial is None else y * initial
    return _finish(y, a, axes, keepdims)


@composite(np.cumprod)
def cumprod(a: Array, axis: int | None = None, dtype: Any = None) -> Array:
    a = _as(a, dtype)
    a, axis = (np.ravel(a), 0) if axis is None else (a, normalize_axis_index(axis, a.ndim))
    return scan(np.multiply, a, axis)


# Extremes.


def _extreme(y: Array, x: Array, axes: Axes) -> tuple[Array, Array]:
    """Which elements the result is equal to, and how many share it. Where it is NaN, NaNs do."""
    extreme = (x == keep(y, np.shape(x), axes)) | (x != x)
    return extreme, np.sum(extreme, axis=axes, dtype=x.real.dtype.newbyteorder("="))


def _push_extreme(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array], axes: Axes) -> Array:
    extreme, count = _extreme(y, xs[0], axes)
    return np.sum(xs_dot[0] * extreme, axis=axes) / count


def _pull_extreme(y_bar: Array, y: Array, xs: Sequence[Array], axes: Axes) -> tuple[Array]:
    extreme, count = _extreme(y, xs[0], axes)
    return (keep(y_bar / count, np.shape(xs[0]), axes) * extreme,)


def _batch_max(size: int, batched: Sequence[bool], x: Array, axes: Axes) -> Array:
    return MAX(x, params=(_behind(axes),))


def _batch_min(size: int, batched: Sequence[bool], x: Array, axes: Axes) -> Array:
    return MIN(x, params=(_behind(axes),))


def _max(x: Array, axes: Axes) -> Array:
    return np.max(x, axis=axes)


def _min(x: Array, axes: Axes) -> Array:
    return np.min(x, axis=axes)


MAX = custom("max", _max, "axes", push=_push_extreme, pull=_pull_extreme, batch=_batch_max)
MIN = custom("min", _min, "axes", push=_push_extreme, pull=_pull_extreme, batch=_batch_min)


@spells(np.max, np.amax)
def max_(a: Array, axis: Axis = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Array:
    a = _chosen(_as(a, None), where, _lowest(_as(a, None).dtype))
    axes = axes_of(a, axis)
    y = MAX(a, params=(axes,)) if axes else a
    y = y if initial is None else np.maximum(y, initial)
    return _finish(y, a, axes, keepdims)


@spells(np.min, np.amin)
def min_(a: Array, axis: Axis = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Array:
    a = _chosen(_as(a, None), where, -_lowest(_as(a, None).dtype))
    axes = axes_of(a, axis)
    y = MIN(a, params=(axes,)) if axes else a
    y = y if initial is None else np.minimum(y, initial)
    return _finish(y, a, axes, keepdims)


def _lowest(dtype: Any) -> Any:
    return -np.inf if dtype.kind in "fc" else False if dtype.kind == "b" else np.iinfo(dtype).min


@composite(np.ptp)
def ptp(a: Array, axis: Axis = None, *, keepdims: bool = False) -> Array:
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


# Statistics.


@composite(np.mean)
def mean(a: Array, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, where: Any = True) -> Array:
    total = sum_(_floating(a, dtype), axis, keepdims=keepdims, where=where)
    return _divided(total, _count(a, axis, where, keepdims))


def _divided(total: Array, count: Any) -> Array:
    """A sum over a number of elements, in the dtype of the sum."""
    return total / (count if type(count) in (int, float) else cast(count, total.real.dtype))


def _floating(a: Array, dtype: Any) -> Array:
    a = _as(a, dtype)
    return a if a.dtype.kind in "fc" else cast(a, float)


def _count(a: Array, axis: Axis, where: Any, keepdims: bool) -> Any:
    """How many elements are folded into one."""
    if where is True:
        shape = shape_of(a)
        return math.prod([shape[i] for i in axes_of(a, axis)])
    return np.sum(np.broadcast_to(where, np.shape(a)), axis=axis, keepdims=keepdims)


@composite(np.var)
def var(
    a: Array,
    axis: Axis = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Array:
    a = _floating(a, dtype)
    off = a - (np.mean(a, axis=axis, keepdims=True, where=where) if mean is None else mean)
    squares = off * off if a.dtype.kind != "c" else np.real(off * np.conj(off))
    ddof = ddof if correction is None else correction
    total = np.sum(squares, axis=axis, keepdims=keepdims, where=where)
    return _divided(total, _count(a, axis, where, keepdims) - ddof)


@composite(np.std)
def std(a: Array, axis: Axis = None, dtype: Any = None, **kwargs: Any) -> Array:
    return np.sqrt(np.var(a, axis, dtype, **kwargs))


@composite(np.average)
def average(a: Array, axis: Axis = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    a = np.asarray(a)
    if weights is None:
        y, total = np.mean(a, axis=axis, keepdims=keepdims), _count(a, axis, True, keepdims)
    else:
        weights = np.asarray(weights)
        if np.shape(weights) != a.shape:
            axes = axes_of(a, axis)
            weights = np.reshape(weights, [n if i in axes else 1 for i, n in enumerate(a.shape)])
        total = np.sum(np.broadcast_to(weights, a.shape), axis=axis, keepdims=keepdims)
        y = np.sum(a * weights, axis=axis, keepdims=keepdims) / total
    return (y, np.broadcast_to(total, np.shape(y))) if returned else y


@composite(np.diff)
def diff(a: Array, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Array:
    axis = normalize_axis_index(axis, a.ndim)
    ends = [None if e is None else _edge(e, a, axis) for e in (prepend, append)]
    if any(e is not None for e in ends):
        a = np.concatenate([e for e in (ends[0], a, ends[1]) if e is not None], axis=axis)
    before = (slice(None),) * axis
    for _ in range(n):
        a = a[(*before, slice(1, None))] - a[(*before, slice(None, -1))]
    return a


def _edge(value: Any, a: Array, axis: int) -> Array:
    shape = (*a.shape[:axis], 1, *a.shape[axis + 1 :])
    return np.broadcast_to(value, shape) if np.ndim(value) == 0 else np.asarray(value)


# Constants.


def _folding(name: str, fn: Callable[..., Array]) -> Any:
    def compute(x: Array, axes: Axes) -> Array:
        return fn(x, axis=axes)

    def batch(size: int, batched: Sequence[bool], x: Array, axes: Axes) -> Array:
        return made(x, params=(_behind(axes),))

    made = constant(name, compute, "axes", batch=batch)
    return made


ANY_OF = _folding("any", np.any)
ALL_OF = _folding("all", np.all)


@spells(np.any)
def any_(a: Array, axis: Axis = None, *, keepdims: bool = False, where: Any = True) -> Array:
    axes = axes_of(a, axis)
    return _finish(ANY_OF(_chosen(_as(a, None), where, 0), params=(axes,)), a, axes, keepdims)


@spells(np.all)
def all_(a: Array, axis: Axis = None, *, keepdims: bool = False, where: Any = True) -> Array:
    axes = axes_of(a, axis)
    return _finish(ALL_OF(_chosen(_as(a, None), where, 1), params=(axes,)), a, axes, keepdims)


def _placing(name: str, fn: Callable[..., Array]) -> Any:
    def compute(x: Array, axis: int) -> Array:
        return fn(x, axis=axis)

    def batch(size: int, batched: Sequence[bool], x: Array, axis: int) -> Array:
        return made(x, params=(axis + 1,))

    made = constant(name, compute, "axis", batch=batch)

    def spelled(a: Array, axis: int | None = None, *, keepdims: bool = False) -> Array:
        flat, number = (np.ravel(a), 0) if axis is None else (a, normalize_axis_index(axis, a.ndim))
        y = made(flat, params=(number,))
        return _finish(y, a, axes_of(a, axis), keepdims)

    spells(fn)(spelled)
    return made


ARGMAX = _placing("argmax", np.argmax)
ARGMIN = _placing("argmin", np.argmin)


@composite(np.count_nonzero)
def count_nonzero(a: Array, axis: Axis = None, *, keepdims: bool = False) -> Array:
    return np.sum(a != 0, axis=axis, keepdims=keepdims)


# The methods ``reduce`` and ``accumulate`` of ufuncs.

REDUCE: dict[Ufunc, Callable[..., Array]] = {
    np.add: sum_,
    np.multiply: prod,
    np.maximum: max_,
    np.minimum: min_,
    np.fmax: max_,
    np.fmin: min_,
    np.logical_and: all_,
    np.logical_or: any_,
}


def reduce_by(
    ufunc: Ufunc,
    a: Array,
    axis: Axis = 0,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Array:
    """``ufunc.reduce``."""
    a = _as(a, dtype)
    known = REDUCE.get(ufunc)
    if known is not None:
        extra: dict[str, Any] = {} if initial is None else {"initial": initial}
        return known(a, axis=axis, keepdims=keepdims, where=where, **extra)
    if where is not True:
        neutral = ufunc.identity if initial is None else initial
        if neutral is None:
            raise ValueError(f"reduction operation '{ufunc.__name__}' does not have an identity, so initial= is needed")
        a = _chosen(a, where, neutral)
    axes = axes_of(a, axis)
    y = fold(ufunc, a, axes) if ufunc in _ASSOCIATIVE else _left_fold(ufunc, a, axes)
    return _finish(y if initial is None else ufunc(initial, y), a, axes, keepdims)


_ASSOCIATIVE = {np.logaddexp, np.logaddexp2, np.hypot, np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.gcd, np.lcm}


def _left_fold(ufunc: Ufunc, a: Array, axes: Axes) -> Array:
    if len(axes) != 1:
        raise ValueError(f"reduction operation '{ufunc.__name__}' is not reorderable, so at most one axis may be given")
    first, *rest = np.moveaxis(a, axes[0], 0)
    for x in rest:
        first = ufunc(first, x)
    return first


def accumulate_by(ufunc: Ufunc, a: Array, axis: int = 0, dtype: Any = None) -> Array:
    """``ufunc.accumulate``."""
    a = _as(a, dtype)
    axis = normalize_axis_index(axis, a.ndim)
    if ufunc == np.add:  # while a trace runs, the name has something equal
        return np.cumsum(a, axis)
    if ufunc in REDUCE or ufunc in _ASSOCIATIVE:
        return scan(ufunc, a, axis)
    items = list(np.moveaxis(a, axis, 0))
    for i in range(1, len(items)):
        items[i] = ufunc(items[i - 1], items[i])
    return np.stack(items, axis=axis)


def outer_by(ufunc: Ufunc, a: Array, b: Array) -> Array:
    """``ufunc.outer``."""
    a, b = np.asarray(a), np.asarray(b)
    return ufunc(np.reshape(a, (*a.shape, *(1,) * b.ndim)), b)


def reduceat_by(ufunc: Ufunc, a: Array, indices: Any, axis: int = 0, dtype: Any = None) -> Array:
    """``ufunc.reduceat``: folds of the slices that begin at the indices; of a single element where they fall."""
    a = _as(a, dtype)
    axis = normalize_axis_index(axis, a.ndim)
    before = (slice(None),) * axis
    starts = [int(i) for i in indices]
    folds: list[Array] = []
    for start, stop in zip(starts, [*starts[1:], a.shape[axis]], strict=True):
        part = a[(*before, slice(start, stop if stop > start else start + 1))]
        folds.append(reduce_by(ufunc, part, axis))
    return np.stack(folds, axis=axis)
