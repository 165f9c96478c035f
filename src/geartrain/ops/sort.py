"""Order: sorting is reading by the order, and the order itself does not move. Quantiles read the sorted values.

Ties keep their first order (a stable sort), so each element of a tie moves one place of the result.
"""

from collections.abc import Sequence
from typing import Any

from numpy.lib.array_utils import normalize_axis_index

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.reduce import axes_of, keep
from geartrain.ops.shape import cast
from geartrain.ops.table import constant, spells

__all__ = ["ARGPARTITION", "ARGSORT", "LEXSORT", "SEARCHSORTED", "UNIQUE", "UNIQUE_COUNTS", "UNIQUE_INVERSE"]

Axis = Any


def _argsort(x: Array, axis: int) -> Array:
    return np.argsort(x, axis=axis, kind="stable")


def _batch_argsort(size: int, batched: Sequence[bool], x: Array, axis: int) -> Array:
    return ARGSORT(x, params=(axis + 1,))


ARGSORT = constant("argsort", _argsort, "axis", batch=_batch_argsort)


def _argpartition(x: Array, kth: Any, axis: int) -> Array:
    return np.argpartition(x, kth, axis=axis)


def _batch_argpartition(size: int, batched: Sequence[bool], x: Array, kth: Any, axis: int) -> Array:
    return ARGPARTITION(x, params=(kth, axis + 1))


ARGPARTITION = constant("argpartition", _argpartition, "kth", "axis", batch=_batch_argpartition)


def _flat_or_along(a: Array, axis: int | None) -> tuple[Array, int]:
    a = np.asarray(a)
    return (np.ravel(a), 0) if axis is None else (a, normalize_axis_index(axis, a.ndim))


@spells(np.sort)
def sort(
    a: Array, axis: int | None = -1, kind: str | None = None, order: Any = None, *, stable: bool | None = None
) -> Array:
    a, axis = _flat_or_along(a, axis)
    return np.take_along_axis(a, ARGSORT(a, params=(axis,)), axis)


@spells(np.argsort)
def argsort(
    a: Array, axis: int | None = -1, kind: str | None = None, order: Any = None, *, stable: bool | None = None
) -> Array:
    a, axis = _flat_or_along(a, axis)
    return ARGSORT(a, params=(axis,))


def _kth(kth: Any) -> Any:
    return int(kth) if np.ndim(kth) == 0 else tuple(int(k) for k in kth)


@spells(np.partition)
def partition(a: Array, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None) -> Array:
    a, axis = _flat_or_along(a, axis)
    return np.take_along_axis(a, ARGPARTITION(a, params=(_kth(kth), axis)), axis)


@spells(np.argpartition)
def argpartition(a: Array, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None) -> Array:
    a, axis = _flat_or_along(a, axis)
    return ARGPARTITION(a, params=(_kth(kth), axis))


@spells(np.sort_complex)
def sort_complex(a: Array) -> Array:
    a = np.sort(np.asarray(a), axis=-1)
    return a if a.dtype.kind == "c" else cast(a, np.result_type(a.dtype, np.complex64))


def _lexsort(*operands: Any) -> Array:
    return np.lexsort(operands[:-1], axis=operands[-1])


LEXSORT = constant("lexsort", _lexsort, "axis")


@spells(np.lexsort)
def lexsort(keys: Any, axis: int = -1) -> Array:
    return LEXSORT(*list(keys), params=(axis,))


def _searchsorted(a: Array, v: Array, *rest: Any) -> Array:
    *sorter, side = rest
    places: Array = np.searchsorted(a, v, side, *sorter)
    return places


SEARCHSORTED = constant("searchsorted", _searchsorted, "side")


@spells(np.searchsorted)
def searchsorted(a: Array, v: Array, side: str = "left", sorter: Any = None) -> Array:
    return SEARCHSORTED(a, v, *([] if sorter is None else [sorter]), params=(side,))


@spells(np.digitize)
def digitize(x: Array, bins: Array, right: bool = False) -> Array:
    bins = np.asarray(bins)
    side = "left" if right else "right"
    if len(bins) > 1 and bool(bins[0] > bins[-1]):
        return len(bins) - searchsorted(bins[::-1], x, "right" if right else "left")
    return searchsorted(bins, x, side)


def _unique(x: Array, axis: int | None, equal_nan: bool) -> Array:
    """Where the first of each value stands."""
    return np.unique(x, return_index=True, axis=axis, equal_nan=equal_nan)[1]


def _unique_inverse(x: Array, axis: int | None, equal_nan: bool) -> Array:
    return np.unique(x, return_inverse=True, axis=axis, equal_nan=equal_nan)[1]


def _unique_counts(x: Array, axis: int | None, equal_nan: bool) -> Array:
    return np.unique(x, return_counts=True, axis=axis, equal_nan=equal_nan)[1]


UNIQUE = constant("unique", _unique, "axis", "equal_nan", data_shape=True)
UNIQUE_INVERSE = constant("unique_inverse", _unique_inverse, "axis", "equal_nan")
UNIQUE_COUNTS = constant("unique_counts", _unique_counts, "axis", "equal_nan", data_shape=True)


@spells(np.unique)
def unique(
    ar: Array,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    """The values are read from where they first stand; places and counts do not move."""
    ar = np.asarray(ar)
    params = (axis, equal_nan)
    first = UNIQUE(ar, params=params)
    values = np.take(ar, first, axis)
    if not (return_index or return_inverse or return_counts):
        return values
    found = [values]
    if return_index:
        found.append(first)
    if return_inverse:
        found.append(UNIQUE_INVERSE(ar, params=params))
    if return_counts:
        found.append(UNIQUE_COUNTS(ar, params=params))
    return tuple(found)


# Quantiles. A method is the place among the sorted values, counted in elements, and how to read between two.

_CONTINUOUS = {
    "linear": (1.0, 1.0),
    "weibull": (0.0, 0.0),
    "hazen": (0.5, 0.5),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
    "interpolated_inverted_cdf": (0.0, 1.0),
}


_DISCRETE = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}
_BY_COUNT = ("inverted_cdf", "averaged_inverted_cdf", "closest_observation")


def _place_by_count(q: Array, n: int, method: str) -> Array:
    return np.asarray(np.quantile(np.arange(n, dtype=float), q, method=method))


PLACE_BY_COUNT = constant("place_by_count", _place_by_count, "n", "method")


def _place(q: Array, n: int, method: str) -> Array:
    """Where a quantile stands among n sorted values, as a number between two places."""
    exact = q * (n - 1)
    if method in _CONTINUOUS:
        alpha, beta = _CONTINUOUS[method]
        return exact if method == "linear" else np.clip(n * q + alpha + q * (1 - alpha - beta) - 1, 0, n - 1)
    if method == "midpoint":
        return 0.5 * (np.floor(exact) + np.ceil(exact))
    if method in _DISCRETE:
        return _DISCRETE[method](exact)
    if method in _BY_COUNT:
        return PLACE_BY_COUNT(q, params=(n, method))
    raise ValueError(f"np.quantile: there is no method {method!r}")


def _quantile(a: Array, q: Any, axis: Axis, method: str, keepdims: bool, skip: bool, weights: Any = None) -> Array:
    a = a if hasattr(a, "dtype") else np.asarray(a)
    a = a if a.dtype.kind in "fc" else cast(a, float)
    q = np.asarray(q, _real_of(a.dtype)) if type(q) in (int, float) else np.asarray(q)
    if bool(np.any((q < 0) | (q > 1))):
        raise ValueError("Quantiles must be in the range [0, 1]")
    axes = axes_of(a, axis)
    rest = tuple(i for i in range(a.ndim) if i not in axes)
    shape = tuple(a.shape[i] for i in rest)

    def in_rows(x: Array) -> Array:
        return np.reshape(np.transpose(x, (*rest, *axes)), (*shape, int(np.prod([a.shape[i] for i in axes]))))

    if weights is not None:
        y = _weighted(in_rows(a), in_rows(_weights(weights, a, axes, method)), q, skip)
    else:
        y = (_ragged if skip else _whole)(np.sort(in_rows(a), axis=-1), q, method)
    if not keepdims:
        return y
    return np.reshape(y, (*q.shape, *keep(y[(0,) * q.ndim], a.shape, axes).shape))


def _real_of(dtype: Any) -> Any:
    """The dtype of the real part."""
    return np.zeros(0, dtype).real.dtype


def _real(a: Array) -> Array:
    if a.dtype.kind == "c":
        raise TypeError("a must be an array of real numbers")
    return a


def _whole(ordered: Array, q: Array, method: str) -> Array:
    """The quantiles of the last axis; NaN where there is one among the values."""
    n = ordered.shape[-1]
    if n == 0:
        return np.full((*q.shape, *ordered.shape[:-1]), np.nan, ordered.dtype)
    place = _place(q, n, method)
    low = cast(np.floor(place), int)
    y = ordered[..., low]
    if method not in _DISCRETE and method not in ("inverted_cdf", "closest_observation"):
        weight = place - np.floor(place)
        y = y + (ordered[..., np.minimum(low + 1, n - 1)] - y) * weight
    return _places_first(_with_holes(y, ordered, q), q)


def _with_holes(y: Array, ordered: Array, q: Array) -> Array:
    """NaN where there is one among the values."""
    holes = np.isnan(ordered[..., -1])
    return np.where(np.reshape(holes, (*holes.shape, *(1,) * q.ndim)), y.dtype.type(np.nan), y)


def _places_first(y: Array, q: Array) -> Array:
    return np.moveaxis(y, range(y.ndim - q.ndim, y.ndim), range(q.ndim))[()]


def _weights(weights: Any, a: Array, axes: tuple[int, ...], method: str) -> Array:
    """Weights of the shape of ``a``; given for some axes, they are the same along the others."""
    if method != "inverted_cdf":
        raise ValueError("Only method 'inverted_cdf' supports weights.")
    weights = np.asarray(weights)
    if np.shape(weights) != a.shape:
        weights = np.reshape(weights, [n if i in axes else 1 for i, n in enumerate(a.shape)])
    return np.broadcast_to(weights, a.shape)


def _weighted(flat: Array, weights: Array, q: Array, skip: bool) -> Array:
    """The first value along the last axis up to which the weights sum to the part ``q`` of all: they choose only."""
    n = flat.shape[-1]
    order = ARGSORT(flat, params=(flat.ndim - 1,))
    ordered = np.take_along_axis(flat, order, -1)
    weights = np.where(np.isnan(flat), 0, weights) if skip else weights
    sums = np.cumsum(cast(np.take_along_axis(weights, order, -1), float), axis=-1)
    total = sums[..., -1:]
    reached = cast(np.where(sums == 0, -1.0, sums / np.where(total == 0, 1.0, total)), q.dtype)
    place = np.minimum(np.sum(np.reshape(reached, (*flat.shape, *(1,) * q.ndim)) < q, axis=flat.ndim - 1), n - 1)
    lead = flat.shape[:-1]
    y = np.reshape(np.take_along_axis(ordered, np.reshape(place, (*lead, -1)), -1), (*lead, *q.shape))
    y = _places_first(y if skip else _with_holes(y, ordered, q), q)
    return y if np.ndim(y) else np.asarray(y)  # an array without axes, as NumPy has it


def _ragged(ordered: Array, q: Array, method: str) -> Array:
    """The quantiles of the last axis without its NaNs, which stand last."""
    flat = np.reshape(ordered, (-1, ordered.shape[-1]))
    counts = np.sum(np.isfinite(flat) | np.isinf(flat), axis=-1)
    rows = [_whole(row[: int(n)], q, method) for row, n in zip(flat, counts, strict=True)]
    return np.reshape(np.stack(rows, axis=-1), (*q.shape, *ordered.shape[:-1]))[()]


def _hundredth(q: Any) -> Array:
    return q / 100 if type(q) in (int, float) else np.asarray(q) / 100


@spells(np.quantile)
def quantile(
    a: Array,
    q: Any,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Array:
    return _quantile(_real(np.asarray(a)), q, axis, method, keepdims, False, weights)


@spells(np.percentile)
def percentile(
    a: Array,
    q: Any,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Array:
    return _quantile(_real(np.asarray(a)), _hundredth(q), axis, method, keepdims, False, weights)


@spells(np.nanquantile)
def nanquantile(
    a: Array,
    q: Any,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Array:
    return _quantile(_real(np.asarray(a)), q, axis, method, keepdims, True, weights)


@spells(np.nanpercentile)
def nanpercentile(
    a: Array,
    q: Any,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Array:
    return _quantile(_real(np.asarray(a)), _hundredth(q), axis, method, keepdims, True, weights)


@spells(np.median)
def median(
    a: Array, axis: Axis = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False
) -> Array:
    return _quantile(a, 0.5, axis, "linear", keepdims, skip=False)


@spells(np.nanmedian)
def nanmedian(
    a: Array, axis: Axis = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False
) -> Array:
    return _quantile(a, 0.5, axis, "linear", bool(keepdims), skip=True)
