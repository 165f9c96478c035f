"""The methods of ufuncs: ``reduce``, ``accumulate``, ``outer`` and ``reduceat``."""

from collections.abc import Callable
from typing import Any

from numpy.lib.array_utils import normalize_axis_index

from geartrain.ir.aval import Array, Ufunc
from geartrain.ir.untyped import numpy as np
from geartrain.ops.reduce import (
    Axes,
    Axis,
    all_,
    any_,
    axes_of,
    chosen,
    finish,
    fold,
    in_dtype,
    max_,
    min_,
    prod,
    scan,
    sum_,
)

REDUCE: dict[Ufunc, Callable[..., Array]] = {
    np.add: sum_,
    np.multiply: prod,
    np.maximum: max_,
    np.minimum: min_,
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
    a = in_dtype(a, dtype)
    known = REDUCE.get(ufunc)
    if known is not None:
        extra: dict[str, Any] = {} if initial is None else {"initial": initial}
        return known(a, axis=axis, keepdims=keepdims, where=where, **extra)
    if where is not True:
        neutral = ufunc.identity if initial is None else initial
        if neutral is None:
            raise ValueError(f"reduction operation '{ufunc.__name__}' does not have an identity, so initial= is needed")
        a = chosen(a, where, neutral)
    axes = axes_of(a, axis)
    y = fold(ufunc, a, axes) if ufunc in _ASSOCIATIVE else _left_fold(ufunc, a, axes)
    return finish(y if initial is None else ufunc(initial, y), a, axes, keepdims)


_ASSOCIATIVE = {
    np.fmax,
    np.fmin,
    np.logaddexp,
    np.logaddexp2,
    np.hypot,
    np.bitwise_and,
    np.bitwise_or,
    np.bitwise_xor,
    np.gcd,
    np.lcm,
}


def _left_fold(ufunc: Ufunc, a: Array, axes: Axes) -> Array:
    if len(axes) != 1:
        raise ValueError(f"reduction operation '{ufunc.__name__}' is not reorderable, so at most one axis may be given")
    first, *rest = np.moveaxis(a, axes[0], 0)
    for x in rest:
        first = ufunc(first, x)
    return first


def accumulate_by(ufunc: Ufunc, a: Array, axis: int = 0, dtype: Any = None) -> Array:
    """``ufunc.accumulate``."""
    a = in_dtype(a, dtype)
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
    a = in_dtype(a, dtype)
    axis = normalize_axis_index(axis, a.ndim)
    before = (slice(None),) * axis
    starts = [int(i) for i in indices]
    folds: list[Array] = []
    for start, stop in zip(starts, [*starts[1:], a.shape[axis]], strict=True):
        part = a[(*before, slice(start, stop if stop > start else start + 1))]
        folds.append(reduce_by(ufunc, part, axis))
    return np.stack(folds, axis=axis)
