"""Statistics: means and variances, differences, the ones that skip NaNs, covariance, histograms.

A NaN that is skipped has rate 0.
"""

import math
from typing import Any

from numpy.lib.array_utils import normalize_axis_index

from geartrain.ir.aval import Array, shape_of
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import conj
from geartrain.ops.index import choose_by
from geartrain.ops.reduce import Axis, axes_of, in_dtype, sum_
from geartrain.ops.shape import cast
from geartrain.ops.table import composite, constant, spells

__all__ = ["BINCOUNT", "HISTOGRAM", "HISTOGRAM_EDGES"]


@composite(np.mean)
def mean(a: Array, axis: Axis = None, dtype: Any = None, *, keepdims: bool = False, where: Any = True) -> Array:
    total = sum_(_floating(a, dtype), axis, keepdims=keepdims, where=where)
    return _divided(total, _count(a, axis, where, keepdims))


def _divided(total: Array, count: Any) -> Array:
    """A sum over a number of elements, in the dtype of the sum."""
    return total / (count if type(count) in (int, float) else cast(count, total.real.dtype))


def _floating(a: Array, dtype: Any) -> Array:
    a = in_dtype(a, dtype)
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


def _filled(a: Array, value: Any) -> Array:
    """``a`` with NaNs replaced."""
    a = a if hasattr(a, "dtype") else np.asarray(a)
    return np.where(np.isnan(a), np.asarray(value, a.dtype), a) if a.dtype.kind in "fc" else a


@composite(np.nan_to_num)
def nan_to_num(
    x: Array, copy: bool = True, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Array:
    info = np.finfo(x.dtype)
    x = np.where(np.isnan(x), np.asarray(nan, x.dtype), x)
    x = np.where(x == np.inf, np.asarray(info.max if posinf is None else posinf, x.dtype), x)
    return np.where(x == -np.inf, np.asarray(info.min if neginf is None else neginf, x.dtype), x)


@composite(np.nansum)
def nansum(a: Array, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False, **kw: Any) -> Array:
    return np.sum(_filled(a, 0), axis=axis, dtype=dtype, keepdims=keepdims, **kw)


@composite(np.nanprod)
def nanprod(
    a: Array, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False, **kw: Any
) -> Array:
    return np.prod(_filled(a, 1), axis=axis, dtype=dtype, keepdims=keepdims, **kw)


@composite(np.nancumsum)
def nancumsum(a: Array, axis: int | None = None, dtype: Any = None) -> Array:
    return np.cumsum(_filled(a, 0), axis=axis, dtype=dtype)


@composite(np.nancumprod)
def nancumprod(a: Array, axis: int | None = None, dtype: Any = None) -> Array:
    y: Array = np.cumprod(_filled(a, 1), axis=axis, dtype=dtype)
    return y


@composite(np.nanmax)
def nanmax(a: Array, axis: Axis = None, out: Any = None, keepdims: bool = False, **kw: Any) -> Array:
    y = np.max(_filled(a, -np.inf), axis=axis, keepdims=keepdims, **kw)
    return choose_by(np.all(np.isnan(a), axis=axis, keepdims=keepdims), y.dtype.type(np.nan), y)[()]


@composite(np.nanmin)
def nanmin(a: Array, axis: Axis = None, out: Any = None, keepdims: bool = False, **kw: Any) -> Array:
    y = np.min(_filled(a, np.inf), axis=axis, keepdims=keepdims, **kw)
    return choose_by(np.all(np.isnan(a), axis=axis, keepdims=keepdims), y.dtype.type(np.nan), y)[()]


@composite(np.nanargmax)
def nanargmax(a: Array, axis: int | None = None, out: Any = None, *, keepdims: bool = False) -> Array:
    return np.argmax(_filled(a, -np.inf), axis=axis, keepdims=keepdims)


@composite(np.nanargmin)
def nanargmin(a: Array, axis: int | None = None, out: Any = None, *, keepdims: bool = False) -> Array:
    return np.argmin(_filled(a, np.inf), axis=axis, keepdims=keepdims)


@composite(np.nanmean)
def nanmean(
    a: Array, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False, *, where: Any = True
) -> Array:
    there = ~np.isnan(a) if where is True else where & ~np.isnan(a)
    return np.mean(_filled(a, 0), axis=axis, dtype=dtype, keepdims=keepdims, where=there)


@composite(np.nanvar)
def nanvar(
    a: Array, axis: Axis = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: bool = False, **kw: Any
) -> Array:
    where = kw.pop("where", True)
    there = ~np.isnan(a) if where is True else where & ~np.isnan(a)
    return np.var(_filled(a, 0), axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims, where=there, **kw)


@composite(np.nanstd)
def nanstd(
    a: Array, axis: Axis = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: bool = False, **kw: Any
) -> Array:
    return np.sqrt(np.nanvar(a, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims, **kw))


# Covariance.


@composite(np.cov)
def cov(
    m: Array,
    y: Array | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Array:
    x = _variables(m, rowvar, dtype)
    if y is not None:
        x = np.concatenate((x, _variables(y, rowvar, dtype)), axis=0)
    ddof = (0 if bias else 1) if ddof is None else ddof
    weights: Array = None
    for w in (fweights, aweights):
        if w is not None:
            weights = np.asarray(w, float) if weights is None else weights * w
    if weights is None:
        off = x - np.mean(x, axis=1, keepdims=True)
        product, factor = off @ conj(off.T), x.shape[1] - ddof
    else:
        total = np.sum(weights)
        off = x - np.sum(x * weights, axis=1, keepdims=True) / total
        product = off @ conj((off * weights).T)
        lost = 0 if ddof == 0 else ddof if aweights is None else ddof * np.sum(weights * aweights) / total
        factor = total - lost
    c = product / factor
    return np.reshape(c, ()) if c.shape == (1, 1) else c


def _variables(m: Array, rowvar: bool, dtype: Any) -> Array:
    m = m if hasattr(m, "dtype") else np.asarray(m)
    m = cast(m, np.result_type(m, float) if dtype is None else dtype)
    m = np.reshape(m, (1, -1 if m.size else 0)) if m.ndim < 2 else m
    return m if rowvar or m.shape[0] == 1 else m.T


@composite(np.corrcoef)
def corrcoef(x: Array, y: Array | None = None, rowvar: bool = True, *, dtype: Any = None) -> Array:
    c = np.cov(x, y, rowvar, dtype=dtype)
    if np.ndim(c) == 0:
        return c / c
    spread = np.sqrt(np.real(np.diagonal(c)))
    return np.clip(c / spread[:, None] / spread[None, :], -1, 1)


# Counts: they do not move.


def _histogram(x: Array, bins: Any, span: Any) -> Array:
    return np.histogram(x, bins, span)[0]


def _histogram_edges(x: Array, bins: Any, span: Any) -> Array:
    return np.histogram_bin_edges(x, bins, span)


def _bincount(x: Array, minlength: int) -> Array:
    return np.bincount(x, minlength=minlength)


HISTOGRAM = constant("histogram", _histogram, "bins", "range")
HISTOGRAM_EDGES = constant("histogram_edges", _histogram_edges, "bins", "range")
BINCOUNT = constant("bincount", _bincount, "minlength", data_shape=True)


def _static(x: Any) -> Any:
    return x if x is None or isinstance(x, (int, str)) else np.asarray(x)


@spells(np.histogram)
def histogram(
    a: Array, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> tuple[Array, Array]:
    """Counts in bins, piecewise constant; ``weights`` are summed in each bin and do move."""
    a = np.ravel(np.asarray(a))
    params = (_static(bins), None if range is None else tuple(range))
    edges = HISTOGRAM_EDGES(a, params=params)
    counts = HISTOGRAM(a, params=params) if weights is None else _weighed(a, edges, np.ravel(np.asarray(weights)))
    if density:
        counts = counts / np.diff(edges) / np.sum(counts)
    return counts, edges


def _weighed(a: Array, edges: Array, weights: Array) -> Array:
    n = edges.shape[0] - 1
    place: Array = np.searchsorted(edges, a, "right") - 1
    place = choose_by(a == edges[-1], n - 1, place)
    there = place[:, None] == np.arange(n)
    return np.sum(choose_by(there, weights[:, None], np.zeros((), weights.dtype)), axis=0)


@spells(np.histogram_bin_edges)
def histogram_bin_edges(a: Array, bins: Any = 10, range: Any = None, weights: Any = None) -> Array:
    return HISTOGRAM_EDGES(np.ravel(np.asarray(a)), params=(_static(bins), None if range is None else tuple(range)))


@spells(np.bincount)
def bincount(x: Array, /, weights: Any = None, minlength: int = 0) -> Array:
    if weights is None:
        return BINCOUNT(x, params=(minlength,))
    weights = cast(np.asarray(weights), float)
    out = np.zeros(max(minlength, int(np.max(x, initial=-1)) + 1))
    np.add.at(out, x, weights)
    return out
