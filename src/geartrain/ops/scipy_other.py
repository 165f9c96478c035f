"""``scipy.integrate``, ``scipy.spatial.distance`` and ``scipy.sparse``: integrals, distances, sparse products."""

from collections.abc import Callable
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.factor import inexact
from geartrain.ops.later import METHODS, Later, composes, no_option, when
from geartrain.ops.shape import cast, common_dtype
from geartrain.ops.table import linear

__all__ = ["SPARSE", "cdist"]

S = Later("scipy.special")

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


@composes("scipy.integrate")
def cumulative_simpson(y: Array, *, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None) -> Array:
    """The part of a parabola through three samples, over the first interval and from behind over the second."""
    y = _front(y, axis)
    if y.shape[-1] < 3:
        part = np.moveaxis(y, -1, axis)
        return cumulative_trapezoid(part, x, dx, axis, initial)
    h = _steps(x, dx, y, axis)
    h = cast(h, np.result_type(h, float))

    def first(y: Array, h: Array) -> Array:
        a, b, c = y[..., :-2], y[..., 1:-1], y[..., 2:]
        here, both = h[..., :-1], h[..., :-1] + h[..., 1:]
        share, other = here / both, here / h[..., 1:]
        return here / 6.0 * ((3.0 - share) * a + (3.0 + share * other + share) * b - share * other * c)

    forth, back = first(y, h), np.flip(first(np.flip(y, -1), np.flip(h, -1)), -1)
    n = y.shape[-1] - 1
    even = np.arange(n) % 2 == 0
    even[-1] = False
    parts = np.where(even, forth[..., np.minimum(np.arange(n), n - 2)], back[..., np.maximum(np.arange(n) - 1, 0)])
    total = np.cumsum(parts, axis=-1)
    if initial is not None:
        start = np.broadcast_to(np.asarray(initial, total.dtype), (*total.shape[:-1], 1))
        total = np.concatenate((start, total + start), axis=-1)
    return np.moveaxis(total, -1, axis)


@composes("scipy.integrate")
def romb(y: Array, dx: Any = 1.0, axis: int = -1, show: Any = False) -> Array:
    """Romberg's scheme: trapezoids, extrapolated."""
    y = _front(y, axis)
    n = y.shape[-1] - 1
    if n < 1 or n & (n - 1):
        raise ValueError("Number of samples must be one plus a non-negative power of 2.")
    h = n * (dx if hasattr(dx, "dtype") else np.asarray(dx, np.float64))
    row, step = [(y[..., 0] + y[..., -1]) / 2.0 * h], n
    while step > 1:
        finer = [0.5 * (row[0] + h * np.sum(y[..., step // 2 :: step], axis=-1))]
        for j, coarse in enumerate(row):
            finer.append(finer[j] + (finer[j] - coarse) / (4 ** (j + 1) - 1))
        row, step, h = finer, step // 2, h / 2.0
    return row[-1]


@composes("scipy.integrate", raw=True, calls_back=True)
def fixed_quad(func: Callable[..., Any], a: Any, b: Any, args: Any = (), n: int = 5) -> tuple[Any, None]:
    """Gauss's rule of n points."""
    places, weights = S.roots_legendre(n)
    half = (b - a) * 1.0 / 2
    extra: tuple[Any, ...] = args if args.__class__ is tuple else (args,)
    return half * np.sum(weights * func((places + 1) * half + a, *extra), axis=-1), None


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
        what = f"metric={metric!r} and {', '.join(kw) or 'no'} options"
        raise no_option("scipy.spatial.distance.cdist", what, "Write the distance in NumPy, as metric=lambda u, v: ...")
    return known[metric]()


# Distances of two vectors, with weights.


def _weighed(d: Array, w: Any) -> Array:
    return d if w is None else w * d


@composes("scipy.spatial.distance")
def minkowski(u: Array, v: Array, p: Any = 2, w: Any = None) -> Array:
    d = np.abs(inexact(u) - inexact(v))
    return np.sum(_weighed(d**p, w)) ** (1.0 / p)


@composes("scipy.spatial.distance")
def euclidean(u: Array, v: Array, w: Any = None) -> Array:
    d = inexact(u) - inexact(v)
    return np.linalg.norm(d if w is None else np.sqrt(w) * d)


@composes("scipy.spatial.distance")
def sqeuclidean(u: Array, v: Array, w: Any = None) -> Array:
    d = inexact(u) - inexact(v)
    return np.sum(_weighed(d * d, w))


@composes("scipy.spatial.distance")
def cityblock(u: Array, v: Array, w: Any = None) -> Array:
    return np.sum(_weighed(np.abs(inexact(u) - inexact(v)), w))


@composes("scipy.spatial.distance")
def chebyshev(u: Array, v: Array, w: Any = None) -> Array:
    d = np.abs(inexact(u) - inexact(v))
    return np.max(d if w is None else np.where(np.asarray(w) > 0, d, np.zeros((), d.dtype)))


@composes("scipy.spatial.distance")
def correlation(u: Array, v: Array, w: Any = None, centered: bool = True) -> Array:
    u, v = inexact(u), inexact(v)
    share = None if w is None else np.asarray(w) / np.sum(w)
    if centered:
        u, v = (x - (np.mean(x) if share is None else np.sum(share * x)) for x in (u, v))
    uv, uu, vv = (np.sum(_weighed(x * y, share)) for x, y in ((u, v), (u, u), (v, v)))
    return 1 - uv / np.sqrt(uu * vv)


@composes("scipy.spatial.distance")
def cosine(u: Array, v: Array, w: Any = None) -> Array:
    return correlation(u, v, w, centered=False)


@composes("scipy.spatial.distance")
def canberra(u: Array, v: Array, w: Any = None) -> Array:
    u, v = inexact(u) * np.float64(1), inexact(v) * np.float64(1)
    size = np.abs(u) + np.abs(v)
    zero = size == 0
    return np.sum(_weighed(np.where(zero, 0.0, np.abs(u - v) / np.where(zero, 1.0, size)), w))


@composes("scipy.spatial.distance")
def braycurtis(u: Array, v: Array, w: Any = None) -> Array:
    u, v = inexact(u) * np.float64(1), inexact(v) * np.float64(1)
    return np.sum(_weighed(np.abs(u - v), w)) / np.sum(_weighed(np.abs(u + v), w))


@composes("scipy.spatial.distance")
def mahalanobis(u: Array, v: Array, VI: Array) -> Array:
    d = inexact(u) - inexact(v)
    return np.sqrt(d @ np.asarray(VI) @ d)


@composes("scipy.spatial.distance")
def seuclidean(u: Array, v: Array, V: Array) -> Array:
    return euclidean(u, v, 1 / np.asarray(V))


@composes("scipy.spatial.distance")
def jensenshannon(p: Array, q: Array, base: Any = None, *, axis: int = 0, keepdims: bool = False) -> Array:
    p, q = inexact(p), inexact(q)
    p, q = p / np.sum(p, axis=axis, keepdims=True), q / np.sum(q, axis=axis, keepdims=True)
    m = (p + q) / 2.0
    total = np.sum(S.rel_entr(p, m) + S.rel_entr(q, m), axis=axis, keepdims=keepdims)
    return np.sqrt((total if base is None else total / np.log(base)) / 2.0)


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
