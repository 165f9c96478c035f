"""Comparisons of whole arrays, and sets: their answers do not move; values read from a set do."""

from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.table import composite, constant, still

__all__ = ["isclose"]


@composite(np.isclose)
def isclose(a: Array, b: Array, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Array:
    a, b = (x if hasattr(x, "dtype") else np.asarray(x) for x in (a, b))
    near = np.less_equal(np.abs(a - b), atol + rtol * np.abs(b)) & np.isfinite(b) | (a == b)
    return near | (np.isnan(a) & np.isnan(b)) if equal_nan else near


@composite(np.allclose)
def allclose(a: Array, b: Array, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> bool:
    return bool(np.all(isclose(a, b, rtol, atol, equal_nan)))


@composite(np.array_equal)
def array_equal(a1: Array, a2: Array, equal_nan: bool = False) -> bool:
    a1, a2 = np.asarray(a1), np.asarray(a2)
    if a1.shape != a2.shape:
        return False
    same = a1 == a2
    return bool(np.all(same | (np.isnan(a1) & np.isnan(a2)) if equal_nan else same))


@composite(np.array_equiv)
def array_equiv(a1: Array, a2: Array) -> bool:
    try:
        a1, a2 = np.broadcast_arrays(np.asarray(a1), np.asarray(a2))
    except ValueError:
        return False
    return bool(np.all(a1 == a2))


@composite(np.isposinf)
def isposinf(x: Array) -> Array:
    return np.isinf(x) & (x > 0)


@composite(np.isneginf)
def isneginf(x: Array) -> Array:
    return np.isinf(x) & (x < 0)


still(np.bitwise_count)


# Sets.


@composite(np.isin)
def isin(
    element: Array, test_elements: Array, assume_unique: bool = False, invert: bool = False, *, kind: Any = None
) -> Array:
    found = np.any(np.asarray(element)[..., None] == np.ravel(np.asarray(test_elements)), axis=-1)
    return ~found if invert else found


@composite(np.union1d)
def union1d(ar1: Array, ar2: Array) -> Array:
    return np.unique(np.concatenate((np.ravel(np.asarray(ar1)), np.ravel(np.asarray(ar2)))))


def _set(x: Array, assume_unique: bool) -> Array:
    return np.ravel(np.asarray(x)) if assume_unique else np.unique(x)


@composite(np.intersect1d)
def intersect1d(ar1: Array, ar2: Array, assume_unique: bool = False, return_indices: bool = False) -> Any:
    sets = [_set_and_places(x, assume_unique) for x in (ar1, ar2)]
    both = np.concatenate([values for values, _ in sets])
    order = np.argsort(both, kind="stable")
    both = both[order]
    met = np.flatnonzero(both[1:] == both[:-1])
    common = both[met]
    if not return_indices:
        return common
    (_, in_1), (_, in_2) = sets
    return common, in_1[order[met]], in_2[order[met + 1] - in_1.shape[0]]


def _set_and_places(x: Array, assume_unique: bool) -> tuple[Array, Array]:
    x = np.ravel(np.asarray(x))
    return (x, np.arange(x.shape[0])) if assume_unique else np.unique(x, return_index=True)


@composite(np.setdiff1d)
def setdiff1d(ar1: Array, ar2: Array, assume_unique: bool = False) -> Array:
    own = _set(ar1, assume_unique)
    return own[isin(own, ar2, invert=True)]


@composite(np.setxor1d)
def setxor1d(ar1: Array, ar2: Array, assume_unique: bool = False) -> Array:
    a, b = _set(ar1, assume_unique), _set(ar2, assume_unique)
    only = np.concatenate((a[isin(a, b, invert=True)], b[isin(b, a, invert=True)]))
    return np.sort(only)


@composite(np.unique_values)
def unique_values(x: Array) -> Array:
    return np.unique(x)


@composite(np.unique_counts)
def unique_counts(x: Array) -> Any:
    return _UNIQUE_COUNTS(*np.unique(x, return_counts=True))


@composite(np.unique_inverse)
def unique_inverse(x: Array) -> Any:
    return _UNIQUE_INVERSE(*np.unique(x, return_inverse=True))


@composite(np.unique_all)
def unique_all(x: Array) -> Any:
    return _UNIQUE_ALL(*np.unique(x, return_index=True, return_inverse=True, return_counts=True))


_UNIQUE_COUNTS = np.unique_counts(np.zeros(1)).__class__
_UNIQUE_INVERSE = np.unique_inverse(np.zeros(1)).__class__
_UNIQUE_ALL = np.unique_all(np.zeros(1)).__class__


# Numbers of places in an array.


def _unravel(indices: Array, shape: Any, order: str) -> Array:
    return np.stack(np.unravel_index(indices, shape, order))


def _ravel_multi(*operands: Any) -> Array:
    *places, dims, mode, order = operands
    return np.ravel_multi_index(tuple(places), dims, mode, order)


UNRAVEL_INDEX = constant("unravel_index", _unravel, "shape", "order")
RAVEL_MULTI_INDEX = constant("ravel_multi_index", _ravel_multi, "dims", "mode", "order")


@composite(np.unravel_index)
def unravel_index(indices: Array, shape: Any, order: str = "C") -> tuple[Array, ...]:
    shape = (shape,) if np.ndim(shape) == 0 else tuple(shape)
    return tuple(UNRAVEL_INDEX(indices, params=(shape, order)))


@composite(np.ravel_multi_index)
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Array:
    return RAVEL_MULTI_INDEX(*list(multi_index), params=(tuple(dims), mode, order))
