"""``scipy.stats``: numbers that describe a sample, as expressions."""

import math
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.factor import inexact
from geartrain.ops.later import Later, composes, no_option

__all__ = ["moment", "zscore"]

S = Later("scipy.special")
HERE = "scipy.stats"


def _complete(name: str, nan_policy: str, **kw: Any) -> None:
    if nan_policy != "propagate" or any(v is not None for v in kw.values()):
        what = "nan_policy=" if nan_policy != "propagate" else ", ".join(f"{k}=" for k in kw)
        raise no_option(f"scipy.stats.{name}", what, "Leave it out; np.nanmean and np.nanstd pass over NaNs.")


def _flat(a: Any, axis: Any) -> tuple[Array, Any]:
    a = inexact(a)
    return (np.ravel(a), 0) if axis is None else (a, axis)


@composes(HERE)
def zmap(scores: Array, compare: Array, axis: Any = 0, ddof: int = 0, nan_policy: str = "propagate") -> Array:
    _complete("zmap", nan_policy)
    a = inexact(compare)
    return (inexact(scores) - np.mean(a, axis=axis, keepdims=True)) / np.std(a, axis=axis, ddof=ddof, keepdims=True)


@composes(HERE)
def zscore(a: Array, axis: Any = 0, ddof: int = 0, nan_policy: str = "propagate") -> Array:
    return zmap(a, a, axis, ddof, nan_policy)


@composes(HERE)
def gzscore(a: Array, *, axis: Any = 0, ddof: int = 0, nan_policy: str = "propagate") -> Array:
    return zscore(np.log(inexact(a)), axis, ddof, nan_policy)


@composes(HERE)
def gmean(
    a: Array,
    axis: Any = 0,
    dtype: Any = None,
    weights: Any = None,
    *,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Array:
    _complete("gmean", nan_policy, dtype=dtype)
    a, axis = _flat(a, axis)
    return np.exp(np.average(np.log(a), axis=axis, weights=weights, keepdims=keepdims))


@composes(HERE)
def hmean(
    a: Array,
    axis: Any = 0,
    dtype: Any = None,
    *,
    weights: Any = None,
    nan_policy: str = "propagate",
    keepdims: bool = False,
) -> Array:
    _complete("hmean", nan_policy, dtype=dtype)
    a, axis = _flat(a, axis)
    return 1.0 / np.average(1.0 / a, axis=axis, weights=weights, keepdims=keepdims)


@composes(HERE)
def sem(a: Array, axis: Any = 0, ddof: int = 1, nan_policy: str = "propagate", *, keepdims: bool = False) -> Array:
    _complete("sem", nan_policy)
    a, axis = _flat(a, axis)
    return np.std(a, axis=axis, ddof=ddof, keepdims=keepdims) / a.shape[axis] ** 0.5


@composes(HERE)
def variation(
    a: Array, axis: Any = 0, nan_policy: str = "propagate", ddof: int = 0, *, keepdims: bool = False
) -> Array:
    _complete("variation", nan_policy)
    a, axis = _flat(a, axis)
    return np.std(a, axis=axis, ddof=ddof, keepdims=keepdims) / np.mean(a, axis=axis, keepdims=keepdims)


@composes(HERE)
def moment(
    a: Array,
    order: int = 1,
    axis: Any = 0,
    nan_policy: str = "propagate",
    *,
    center: Any = None,
    keepdims: bool = False,
) -> Array:
    """Around the mean, or around ``center``; the first one around the mean is zero."""
    _complete("moment", nan_policy)
    a, axis = _flat(a, axis)
    middle = np.mean(a, axis=axis, keepdims=True) if center is None else center
    return np.mean((a - middle) ** order, axis=axis, keepdims=keepdims)


@composes(HERE)
def skew(a: Array, axis: Any = 0, bias: bool = True, nan_policy: str = "propagate", *, keepdims: bool = False) -> Array:
    _complete("skew", nan_policy)
    a, axis = _flat(a, axis)
    n = a.shape[axis]
    y = moment(a, 3, axis, keepdims=keepdims) / moment(a, 2, axis, keepdims=keepdims) ** 1.5
    return y if bias else y * ((n - 1.0) * n) ** 0.5 / (n - 2.0)


@composes(HERE)
def kurtosis(
    a: Array,
    axis: Any = 0,
    fisher: bool = True,
    bias: bool = True,
    nan_policy: str = "propagate",
    *,
    keepdims: bool = False,
) -> Array:
    _complete("kurtosis", nan_policy)
    a, axis = _flat(a, axis)
    n = a.shape[axis]
    y = moment(a, 4, axis, keepdims=keepdims) / moment(a, 2, axis, keepdims=keepdims) ** 2.0
    if not bias:
        y = 1.0 / (n - 2) / (n - 3) * ((n**2 - 1.0) * y - 3 * (n - 1) ** 2.0) + 3.0
    return y - 3 if fisher else y


@composes(HERE)
def entropy(
    pk: Array, qk: Any = None, base: Any = None, axis: Any = 0, *, nan_policy: str = "propagate", keepdims: bool = False
) -> Array:
    """Of the proportions; with ``qk`` relative to its proportions."""
    _complete("entropy", nan_policy)
    p = inexact(pk)
    p = p / np.sum(p, axis=axis, keepdims=True)
    if qk is None:
        terms = S.entr(p)
    else:
        q = inexact(qk)
        terms = S.rel_entr(p, q / np.sum(q, axis=axis, keepdims=True))
    total = np.sum(terms, axis=axis, keepdims=keepdims)
    return total if base is None else total / math.log(base)
