"""Polynomials by their coefficients, the highest power first, as NumPy's older functions have them.

The package ``numpy.polynomial`` is written in NumPy functions and needs no rules.
"""

from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.later import when
from geartrain.ops.table import composite

__all__ = ["polyval"]


@composite(np.polyval)
def polyval(p: Array, x: Array) -> Array:
    y = np.zeros_like(x)
    for coefficient in p:
        y = y * x + coefficient
    return y


@composite(np.polyadd)
def polyadd(a1: Array, a2: Array) -> Array:
    a, b = np.atleast_1d(np.asarray(a1)), np.atleast_1d(np.asarray(a2))
    n = max(a.shape[0], b.shape[0])
    return _wide(a, n) + _wide(b, n)


@composite(np.polysub)
def polysub(a1: Array, a2: Array) -> Array:
    return np.polyadd(a1, np.negative(a2))


def _wide(a: Array, n: int) -> Array:
    return a if a.shape[0] == n else np.concatenate((np.zeros(n - a.shape[0], a.dtype), a))


@composite(np.polymul)
def polymul(a1: Array, a2: Array) -> Array:
    return np.convolve(a1, a2)


@composite(np.polyder)
def polyder(p: Array, m: int = 1) -> Array:
    for _ in range(m):
        powers: Array = np.arange(p.shape[0] - 1, 0, -1)
        p = p[:-1] * powers
    return p


@composite(np.polyint)
def polyint(p: Array, m: int = 1, k: Any = None) -> Array:
    constants = [0.0] * m if k is None else list(np.broadcast_to(np.asarray(k), (m,)))
    for c in constants:
        powers: Array = np.arange(p.shape[0], 0, -1)
        p = np.concatenate((p / powers, np.reshape(np.asarray(c), (1,))))
    return p


@composite(np.vander)
def vander(x: Array, N: int | None = None, increasing: bool = False) -> Array:
    x = np.asarray(x)
    powers = np.arange(x.shape[0] if N is None else N)
    return x[:, None] ** (powers if increasing else powers[::-1])


@composite(np.polydiv)
def polydiv(u: Array, v: Array) -> tuple[Array, Array]:
    u, v = np.atleast_1d(np.asarray(u)) + 0.0, np.atleast_1d(np.asarray(v)) + 0.0
    steps = max(u.shape[0] - v.shape[0] + 1, 0)
    quotient: list[Array] = []
    rest = u
    for _ in range(steps):
        factor = rest[0] / v[0]
        quotient.append(factor)
        rest = np.concatenate((rest[1 : v.shape[0]] - factor * v[1:], rest[v.shape[0] :]))
    while rest.shape[0] > 1 and bool(np.abs(rest[0]) <= 1e-14):
        rest = rest[1:]
    q = np.stack(quotient) if quotient else np.zeros(1, u.dtype)
    return q, rest if rest.shape[0] else np.zeros(1, u.dtype)


@composite(np.poly)
def poly(seq_of_zeros: Array) -> Array:
    zeros = np.atleast_1d(np.asarray(seq_of_zeros))
    zeros = np.linalg.eigvals(zeros) if zeros.ndim == 2 else zeros
    y = np.ones(1, zeros.dtype)
    for zero in zeros:
        y = np.convolve(y, np.stack((np.ones((), zeros.dtype)[()], -zero)))
    paired = y.dtype.kind == "c" and bool(np.all(np.sort(zeros) == np.sort(np.conjugate(zeros))))
    return np.real(y) if paired else y


@composite(np.roots)
def roots(p: Array) -> Array:
    p = np.atleast_1d(np.asarray(p)) + 0.0
    there = np.flatnonzero(p != 0)
    if there.shape[0] == 0:
        return np.zeros(0)
    trailing = p.shape[0] - 1 - int(there[-1])
    p = p[int(there[0]) : int(there[-1]) + 1]
    n = p.shape[0] - 1
    if n < 1:
        return np.zeros(trailing)
    first = np.reshape(-p[1:] / p[0], (1, n))
    found = np.linalg.eigvals(np.concatenate((first, np.eye(n, dtype=p.dtype)[: n - 1])))
    return np.concatenate((found, np.zeros(trailing, found.dtype))) if trailing else found


@composite(np.polyfit)
def polyfit(
    x: Array, y: Array, deg: int, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:
    x, y = np.asarray(x) + 0.0, np.asarray(y) + 0.0
    order = int(deg) + 1
    rcond = len(x) * np.finfo(x.dtype).eps if rcond is None else rcond
    left, right = np.vander(x, order), y
    if w is not None:
        w = np.asarray(w) + 0.0
        left, right = left * w[:, None], right * (w if y.ndim == 1 else w[:, None])
    scale = np.sqrt(np.sum(left * left, axis=0))
    left = left / scale
    c, residuals, rank, s = np.linalg.lstsq(left, right, rcond)
    c = c / (scale if y.ndim == 1 else scale[:, None])
    if full:
        return c, residuals, rank, s, rcond
    if not cov:
        return c
    spread = np.linalg.inv(left.T @ left) / np.outer(scale, scale)
    if cov == "unscaled":
        factor: Array = 1
    elif len(x) > order:
        factor = residuals / (len(x) - order)
    else:
        raise ValueError("the number of data points must exceed order to scale the covariance matrix")
    return c, (spread * factor if y.ndim == 1 else spread[:, :, None] * factor)


# The package numpy.polynomial is plain NumPy; those of its functions that ask the array protocol first are told so.

_PACKAGES = ("polynomial", "chebyshev", "legendre", "hermite", "hermite_e", "laguerre")


@when("numpy.polynomial")
def _come(module: Any) -> None:
    for package in (getattr(module, name) for name in _PACKAGES):
        for f in (getattr(package, name) for name in dir(package)):
            if hasattr(f, "_implementation") and f.__module__.startswith("numpy.polynomial"):
                composite(f)(f._implementation)
