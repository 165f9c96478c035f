"""``scipy.integrate``, ``scipy.spatial.distance`` and ``scipy.sparse``: integrals, distances, sparse products."""

from collections.abc import Callable
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.factor import inexact
from geartrain.ops.later import METHODS, composes, when
from geartrain.ops.shape import cast, common_dtype
from geartrain.ops.table import linear

__all__ = ["SPARSE", "cdist", "quad"]

# Integrals of samples.


def _front(y: Array, axis: int) -> Array:
    return np.moveaxis(np.asarray(y), axis, -1)


def _steps(x: Any, dx: Any, y: Array, axis: int) -> Array:
    if x is None:
        dx = dx if hasattr(dx, "dtype") else np.asarray(dx, y.dtype)
        return np.broadcast_to(dx, (y.shape[-1] - 1,))
    return np.diff(np.asarray(x) if np.ndim(x) == 1 else _front(x, axis), axis=-1)


@composes("scipy.integrate")
def trapezoid(y: Array, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Array:
    return np.trapezoid(y, x, dx, axis)


@composes("scipy.integrate")
def cumulative_trapezoid(y: Array, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None) -> Array:
    y = _front(y, axis)
    h = _steps(x, dx, y, axis)
    total = np.cumsum(h * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
    if initial is not None:
        total = np.concatenate((np.full((*total.shape[:-1], 1), initial, total.dtype), total), axis=-1)
    return np.moveaxis(total, -1, axis)


@composes("scipy.integrate")
def simpson(y: Array, x: Any = None, *, dx: Any = 1.0, axis: int = -1) -> Array:
    """Parabolas through three samples; for an even number of samples the last step by Cartwright's correction."""
    y = _front(y, axis)
    n = y.shape[-1]
    h = _steps(x, dx, y, axis)
    h = h if x is None else cast(h, np.result_type(h, float))
    if n == 2:
        return np.sum(h * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
    last = n if n % 2 else n - 1
    h0, h1 = h[..., 0 : last - 1 : 2], h[..., 1 : last - 1 : 2]
    a, b, c = y[..., 0 : last - 2 : 2], y[..., 1 : last - 1 : 2], y[..., 2:last:2]
    both, ratio = h0 + h1, h0 / h1
    area = np.sum(both / 6.0 * (a * (2.0 - 1.0 / ratio) + b * both * both / (h0 * h1) + c * (2.0 - ratio)), axis=-1)
    if n % 2 == 0:
        s, t = h[..., -2], h[..., -1]
        area = area + y[..., -1] * (2 * t * t + 3 * s * t) / (6 * (s + t))
        area = area + y[..., -2] * (t * t + 3 * s * t) / (6 * s)
        area = area - y[..., -3] * t**3 / (6 * s * (s + t))
    return area


# Integrals of functions: Gauss-Kronrod rules on intervals that are halved until they agree (R. Piessens et al.,
# "QUADPACK", 1983). The nodes move with the limits, so the derivatives in limits and parameters are those of the sum.

_NODES = [
    0.9914553711208126,
    0.9491079123427585,
    0.8648644233597691,
    0.7415311855993945,
    0.5860872354676911,
    0.4058451513773972,
    0.20778495500789848,
    0.0,
]
_KRONROD = [
    0.022935322010529224,
    0.06309209262997856,
    0.10479001032225019,
    0.14065325971552592,
    0.1690047266392679,
    0.19035057806478542,
    0.20443294007529889,
    0.20948214108472782,
]
_GAUSS = [
    0.1294849661688697,
    0.27970539148927664,
    0.3818300505051189,
    0.4179591836734694,
]


def _rule(f: Callable[[Any], Any], a: Any, b: Any) -> tuple[Any, Any]:
    """The integral by 15 points, and by the 7 of them that are Gauss's."""
    middle, half = (a + b) / 2, (b - a) / 2
    fine: Any = 0.0
    coarse: Any = 0.0
    for i, node in enumerate(_NODES):
        value = f(middle) if node == 0.0 else f(middle - half * node) + f(middle + half * node)
        fine = fine + _KRONROD[i] * value
        if i % 2:
            coarse = coarse + _GAUSS[i // 2] * value
    return fine * half, coarse * half


def _adaptive(f: Callable[[Any], Any], a: Any, b: Any, epsabs: float, epsrel: float, limit: int) -> tuple[Any, float]:
    total: Any = 0.0
    floor: Any = 0.0
    error, used = 0.0, 0
    waiting = [(a, b, 0)]
    while waiting:
        low, high, depth = waiting.pop()
        fine, coarse = _rule(f, low, high)
        if used == 0:  # rounding puts a floor under what can be asked for
            floor = 64 * np.finfo(np.result_type(fine, np.float32)).eps * np.abs(fine)
        used += 1
        apart = np.abs(fine - coarse)
        near = bool(apart <= epsabs * 0.5**depth + floor) or bool(apart <= epsrel * np.abs(fine))
        if near or used >= limit:
            total = total + fine
            error += 0.0 if near else 1.0
        else:
            middle = (low + high) / 2
            waiting += [(middle, high, depth + 1), (low, middle, depth + 1)]
    return total, error


@composes("scipy.integrate", raw=True, calls_back=True)
def quad(
    func: Callable[..., Any],
    a: Any,
    b: Any,
    args: Any = (),
    full_output: int = 0,
    epsabs: float = 1.49e-8,
    epsrel: float = 1.49e-8,
    limit: int = 500,
    **kw: Any,
) -> tuple[Any, float]:
    """The integral, and the error that was asked for (or more, where the limit of intervals was met)."""
    if kw or full_output:
        raise NotImplementedError(f"scipy.integrate.quad with {', '.join(kw) or 'full_output'}=")
    extra: tuple[Any, ...] = args if args.__class__ is tuple else (args,)
    tight = min(epsabs, 1e-11), min(epsrel, 1e-11)

    def f(x: Any) -> Any:
        return func(x, *extra)

    def g(t: Any) -> Any:
        """On (0, 1] for an infinite end: x = (1 - t) / t from there."""
        return f(start + sign * (1 - t) / t) / (t * t)

    if bool(np.isinf(a)) and bool(np.isinf(b)):

        def both(t: Any) -> Any:
            x = (1 - t) / t
            return (f(x) + f(-x)) / (t * t)

        total, error = _adaptive(both, 0.0, 1.0, *tight, limit)
    elif bool(np.isinf(b)) or bool(np.isinf(a)):
        start, sign = (a, 1.0) if bool(np.isinf(b)) else (b, -1.0)
        total, error = _adaptive(g, 0.0, 1.0, *tight, limit)
    else:
        total, error = _adaptive(f, a, b, *tight, limit)
    return total, tight[0] if error == 0.0 else np.inf


# Distances between the rows of two arrays.


def _euclidean(d: Array) -> Array:
    return np.linalg.norm(d, axis=-1)


def _cosine(x: Array, y: Array) -> Array:
    return 1 - (x @ y.T) / (np.linalg.norm(x, axis=-1)[:, None] * np.linalg.norm(y, axis=-1))


def _centre(x: Array) -> Array:
    return x - np.mean(x, axis=-1, keepdims=True)


@composes("scipy.spatial.distance")
def cdist(XA: Array, XB: Array, metric: Any = "euclidean", *, out: Any = None, **kw: Any) -> Array:
    x, y = common_dtype([inexact(XA) * np.float64(1), inexact(XB) * np.float64(1)])
    if callable(metric):
        return np.stack([np.stack([np.asarray(metric(u, v, **kw)) for v in y]) for u in x])
    if metric == "cosine":
        return _cosine(x, y)
    if metric == "correlation":
        return _cosine(_centre(x), _centre(y))
    a, b = x[:, None, :], y[None, :, :]
    d = a - b
    if metric == "minkowski":
        p, w = kw.get("p", 2), kw.get("w")
        size = np.abs(d) ** p
        return np.sum(size if w is None else w * size, axis=-1) ** (1.0 / p)
    if metric == "seuclidean":
        v = kw.get("V")
        v = np.var(np.concatenate((x, y)), axis=0, ddof=1) if v is None else v
        return _euclidean(d / np.sqrt(v))
    if metric == "mahalanobis" and "VI" in kw:
        return np.sqrt(np.sum((d @ np.asarray(kw["VI"])) * d, axis=-1))
    known: dict[str, Callable[[], Array]] = {
        "euclidean": lambda: _euclidean(d),
        "sqeuclidean": lambda: np.sum(d * d, axis=-1),
        "cityblock": lambda: np.sum(np.abs(d), axis=-1),
        "chebyshev": lambda: np.max(np.abs(d), axis=-1),
        "canberra": lambda: np.sum(np.abs(d) / (np.abs(a) + np.abs(b)), axis=-1),
        "braycurtis": lambda: np.sum(np.abs(d), axis=-1) / np.sum(np.abs(a + b), axis=-1),
    }
    if metric not in known or kw:
        raise NotImplementedError(f"cdist with metric={metric!r} and {', '.join(kw) or 'no options'}")
    return known[metric]()


@composes("scipy.spatial.distance")
def pdist(X: Array, metric: Any = "euclidean", *, out: Any = None, **kw: Any) -> Array:
    x = inexact(X)
    if metric == "seuclidean" and "V" not in kw:
        kw["V"] = np.var(x, axis=0, ddof=1)
    first, second = np.triu_indices(x.shape[0], 1)
    if metric in ("euclidean", "sqeuclidean"):
        d = x[first] - x[second]
        return _euclidean(d) if metric == "euclidean" else np.sum(d * d, axis=-1)
    return cdist(x, x, metric, **kw)[first, second]


@composes("scipy.spatial.distance")
def squareform(X: Array, force: str = "no", checks: bool = True) -> Array:
    x = np.asarray(X)
    if x.ndim == 2:
        return x[np.triu_indices(x.shape[0], 1)]
    n = int(np.ceil(np.sqrt(x.shape[0] * 2)))
    y = np.zeros((n, n), x.dtype)
    first, second = np.triu_indices(n, 1)
    y[first, second] = x
    y[second, first] = x
    return y


# Products with a sparse matrix whose pattern and values are constant.


class _Held:
    """A sparse matrix as a parameter of an op: compared by identity."""

    def __init__(self, matrix: Any) -> None:
        self.matrix = matrix


def _sparse(x: Array, held: _Held) -> Array:
    return held.matrix @ x


def _sparse_T(y_bar: Array, x: Array, held: _Held) -> Array:
    return SPARSE(y_bar, params=(_Held(held.matrix.T),))


SPARSE = linear("sparse_product", _sparse, "matrix", transposes=(_sparse_T,))


def _times(original: Any, self: Any, other: Any) -> Any:
    return SPARSE(inexact(other), params=(_Held(self),))


def _times_from_left(original: Any, self: Any, other: Any) -> Any:
    x = inexact(other)
    y = SPARSE(np.transpose(x), params=(_Held(self.T),))
    return np.transpose(y)


@when("scipy.sparse")
def _enter(sparse: Any) -> None:
    base = next(c for c in sparse.csr_matrix.__mro__ if "_matmul_dispatch" in vars(c))
    METHODS.append((base, "_matmul_dispatch", _times))
    METHODS.append((base, "_rmatmul_dispatch", _times_from_left))
