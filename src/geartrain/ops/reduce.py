"""Functions that fold axes: sums, products, extremes, and the running ones.

Products are trees of multiplications and running products are scans of them, so they need no rule of their own and
stay right where elements are zero. Ties of ``max`` and ``min`` share the rate.
"""

from collections.abc import Callable, Sequence
from typing import Any

from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from geartrain.ir.aval import Array, shape_of
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


def finish(y: Array, a: Array, axes: Axes, keepdims: bool) -> Array:
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
    a = chosen(in_dtype(a, dtype), where, 0)
    kind = a.dtype.kind
    if kind in "bu" or (kind == "i" and a.dtype.itemsize < 8):
        a = cast(a, np.add.reduce(np.zeros(0, a.dtype)).dtype)
    axes = axes_of(a, axis)
    y = SUM(a, params=(axes,))
    y = y if initial is None else y + initial
    return finish(y, a, axes, keepdims)


def in_dtype(a: Array, dtype: Any) -> Array:
    a = a if hasattr(a, "dtype") else np.asarray(a)
    return a if dtype is None or a.dtype == np.dtype(dtype) else cast(a, dtype)


def chosen(a: Array, where: Any, neutral: Any) -> Array:
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
    a = in_dtype(a, dtype)
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
    a = chosen(in_dtype(a, dtype), where, 1)
    axes = axes_of(a, axis)
    empty = any(a.shape[i] == 0 for i in axes)
    y = np.ones([n for i, n in enumerate(a.shape) if i not in axes], a.dtype) if empty else fold(np.multiply, a, axes)
    y = y if initial is None else y * initial
    return finish(y, a, axes, keepdims)


@composite(np.cumprod)
def cumprod(a: Array, axis: int | None = None, dtype: Any = None) -> Array:
    a = in_dtype(a, dtype)
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
    a = chosen(in_dtype(a, None), where, _lowest(in_dtype(a, None).dtype))
    axes = axes_of(a, axis)
    y = MAX(a, params=(axes,)) if axes else a
    y = y if initial is None else np.maximum(y, initial)
    return finish(y, a, axes, keepdims)


@spells(np.min, np.amin)
def min_(a: Array, axis: Axis = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Array:
    a = chosen(in_dtype(a, None), where, -_lowest(in_dtype(a, None).dtype))
    axes = axes_of(a, axis)
    y = MIN(a, params=(axes,)) if axes else a
    y = y if initial is None else np.minimum(y, initial)
    return finish(y, a, axes, keepdims)


def _lowest(dtype: Any) -> Any:
    return -np.inf if dtype.kind in "fc" else False if dtype.kind == "b" else np.iinfo(dtype).min


@composite(np.ptp)
def ptp(a: Array, axis: Axis = None, *, keepdims: bool = False) -> Array:
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


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
    return finish(ANY_OF(chosen(in_dtype(a, None), where, 0), params=(axes,)), a, axes, keepdims)


@spells(np.all)
def all_(a: Array, axis: Axis = None, *, keepdims: bool = False, where: Any = True) -> Array:
    axes = axes_of(a, axis)
    return finish(ALL_OF(chosen(in_dtype(a, None), where, 1), params=(axes,)), a, axes, keepdims)


def _placing(name: str, fn: Callable[..., Array]) -> Any:
    def compute(x: Array, axis: int) -> Array:
        return fn(x, axis=axis)

    def batch(size: int, batched: Sequence[bool], x: Array, axis: int) -> Array:
        return made(x, params=(axis + 1,))

    made = constant(name, compute, "axis", batch=batch)

    def spelled(a: Array, axis: int | None = None, *, keepdims: bool = False) -> Array:
        flat, number = (np.ravel(a), 0) if axis is None else (a, normalize_axis_index(axis, a.ndim))
        y = made(flat, params=(number,))
        return finish(y, a, axes_of(a, axis), keepdims)

    spells(fn)(spelled)
    return made


ARGMAX = _placing("argmax", np.argmax)
ARGMIN = _placing("argmin", np.argmin)


@composite(np.count_nonzero)
def count_nonzero(a: Array, axis: Axis = None, *, keepdims: bool = False) -> Array:
    return np.sum(a != 0, axis=axis, keepdims=keepdims)
