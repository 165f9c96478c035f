"""Splines as coefficients: piecewise cubics from values and slopes, and B-splines, as in ``scipy.interpolate``."""

import math
from collections.abc import Sequence
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.factor import inexact
from geartrain.ops.later import Later
from geartrain.ops.table import custom

__all__ = ["BSPLINE", "akima_slopes", "bspline", "cubic_slopes", "front", "hermite", "interpolating"]
__all__ += ["pchip_slopes", "piecewise", "places_of"]

I = Later("scipy.interpolate")


def front(y: Any, axis: int) -> Array:
    y = inexact(y)
    return np.moveaxis(y if y.dtype.kind == "c" else y * np.float64(1), axis, 0)


def places_of(t: Any) -> Array:
    t = np.asarray(t)
    return np.reshape(t * np.float64(1), (-1,))


# Piecewise polynomials: coefficients c (degree + 1, pieces, ...), highest power first, between break points x.


def piecewise(c: Array, x: Array, t: Array, nu: int, extrapolate: Any) -> Array:
    """The derivative of order ``nu`` at the places ``t`` (a vector); NaN outside unless it is to be continued."""
    c, x = np.array(c), np.array(x)  # so that traced indices may read them
    if extrapolate == "periodic":
        t = x[0] + np.mod(t - x[0], x[-1] - x[0])
    place = np.clip(np.searchsorted(x, t, side="right") - 1, 0, x.shape[0] - 2)
    step = np.reshape(t - x[place], (-1, *(1,) * (c.ndim - 2)))
    degree = c.shape[0] - 1
    y: Array = np.zeros((t.shape[0], *c.shape[2:]))
    for i in range(degree - nu + 1):
        power = degree - i
        y = y * step + c[i][place] * (math.factorial(power) / math.factorial(power - nu))
    if extrapolate is False or extrapolate == 0:
        inside = np.reshape((t >= x[0]) & (t <= x[-1]), (-1, *(1,) * (c.ndim - 2)))
        y = np.where(inside, y, np.nan)
    return y


def hermite(x: Array, y: Array, slopes: Array) -> Array:
    """Cubics with given values and slopes at their ends."""
    h = np.reshape(np.diff(x), (-1, *(1,) * (y.ndim - 1)))
    slope = np.diff(y, axis=0) / h
    bend = (slopes[:-1] + slopes[1:] - 2 * slope) / h
    return np.stack((bend / h, (slope - slopes[:-1]) / h - bend, slopes[:-1], y[:-1]))


def _ends(bc: Any, y: Array) -> list[Any]:
    """The conditions at both ends as (order, value), or a name."""
    both = [bc, bc] if bc.__class__ is str else list(bc)
    named = {"natural": (2, 0.0), "clamped": (1, 0.0)}
    return [named.get(end, end) if end.__class__ is str else end for end in both]


def cubic_slopes(x: Array, y: Array, bc: Any) -> Array:
    """The slopes with which cubics join in their second derivatives (C. de Boor, 2001, chapter IV)."""
    n = x.shape[0]
    h = np.diff(x)
    hs = np.reshape(h, (-1, *(1,) * (y.ndim - 1)))
    slope = np.diff(y, axis=0) / hs
    if isinstance(bc, str) and bc == "periodic":
        return _periodic_slopes(n, h, hs, slope)
    first, last = _ends(bc, y)
    if n == 2:
        first, last = ((1, slope[0]) if end == "not-a-knot" else end for end in (first, last))
    a = np.zeros((n, n))
    b = np.zeros(y.shape, y.dtype)
    if n == 3 and isinstance(first, str) and isinstance(last, str):
        a[0, 0] = a[0, 1] = a[2, 1] = a[2, 2] = 1.0
        b[0], b[2] = 2 * slope[0], 2 * slope[1]
    else:
        _end(a, b, h, hs, y, slope, first, 1)
        _end(a, b, h, hs, y, slope, last, -1)
    for i in range(1, n - 1):
        a[i, i - 1], a[i, i], a[i, i + 1] = h[i], 2 * (h[i - 1] + h[i]), h[i - 1]
    b[1:-1] = 3 * (hs[1:] * slope[:-1] + hs[:-1] * slope[1:])
    return np.reshape(np.linalg.solve(a, np.reshape(b, (n, -1))), y.shape)


def _end(a: Array, b: Array, h: Array, hs: Array, y: Array, slope: Array, condition: Any, sign: int) -> None:
    """The equation at the first end (``sign`` 1) or the last one (-1)."""
    i, j, k, l = (0, 1, 0, 1) if sign == 1 else (-1, -2, -1, -2)
    if isinstance(condition, str):
        if condition != "not-a-knot":
            raise ValueError(f"bc_type={condition!r} is not allowed.")
        d = h[k] + h[l]
        a[i, i], a[i, j] = h[l], d
        b[i] = ((hs[k] + 2 * d) * hs[l] * slope[k] + hs[k] ** 2 * slope[l]) / d
    elif condition[0] == 1:
        a[i, i] = 1.0
        b[i] = condition[1]
    else:
        a[i, i], a[i, j] = 2 * h[k], h[k]
        b[i] = -sign * 0.5 * np.asarray(condition[1]) * h[k] ** 2 + 3 * sign * (y[j] - y[i])


def _periodic_slopes(n: int, h: Array, hs: Array, slope: Array) -> Array:
    a = np.zeros((n - 1, n - 1))
    for i in range(n - 1):
        a[i, i - 1] += h[i]
        a[i, i] += 2 * (h[i - 1] + h[i])
        a[i, (i + 1) % (n - 1)] += h[i - 1]
    before, hb = np.roll(slope, 1, axis=0), np.roll(hs, 1, axis=0)
    b = 3 * (hs * before + hb * slope)
    s = np.reshape(np.linalg.solve(a, np.reshape(b, (n - 1, -1))), slope.shape)
    return np.concatenate((s, s[:1]))


def pchip_slopes(x: Array, y: Array) -> Array:
    """Slopes that keep what rises rising (F. Fritsch, J. Butland, 1984)."""
    h = np.reshape(np.diff(x), (-1, *(1,) * (y.ndim - 1)))
    m = np.diff(y, axis=0) / h
    if y.shape[0] == 2:
        return np.concatenate((m, m))
    flat = (np.sign(m[1:]) != np.sign(m[:-1])) | (m[1:] == 0) | (m[:-1] == 0)
    w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    low, high = np.where(flat, 1.0, m[:-1]), np.where(flat, 1.0, m[1:])
    inner = np.where(flat, 0.0, (w1 + w2) / (w1 / low + w2 / high))

    def end(h0: Array, h1: Array, m0: Array, m1: Array) -> Array:
        d = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
        turned = np.sign(d) != np.sign(m0)
        steep = (np.sign(m0) != np.sign(m1)) & (np.abs(d) > 3.0 * np.abs(m0))
        return np.where(turned, 0.0, np.where(steep, 3.0 * m0, d))[None]

    return np.concatenate((end(h[0], h[1], m[0], m[1]), inner, end(h[-1], h[-2], m[-1], m[-2])))


def akima_slopes(x: Array, y: Array, modified: bool) -> Array:
    """Slopes that follow what is straight: a mean of both sides, weighted by how little the other one turns.

    H. Akima, Journal of the ACM 17 (1970), page 589; ``modified`` as C. Moler and C. Ionita have it (2019).
    """
    slope = np.diff(y, axis=0) / np.reshape(np.diff(x), (-1, *(1,) * (y.ndim - 1)))
    if y.shape[0] == 2:
        return np.concatenate((slope, slope))
    left, right = 2 * slope[:1] - slope[1:2], 2 * slope[-1:] - slope[-2:-1]
    m = np.concatenate((2 * left - slope[:1], left, slope, right, 2 * right - slope[-1:]))
    turn = np.abs(np.diff(m, axis=0))
    if modified:
        turn = turn + 0.5 * np.abs(m[1:] + m[:-1])
    before, behind = turn[:-2], turn[2:]
    total = before + behind
    even = total <= 1e-9 * np.max(total)
    share = before / np.where(even, 1.0, total)
    return np.where(even, 0.5 * (m[3:] + m[:-3]), m[1:-2] + share * (m[2:-1] - m[1:-2]))


# B-splines: linear in the coefficients c (n, r); the row knows a vector of places.


def _bspline_value(c: Array, x: Array, knots: Array, k: int, nu: int) -> Array:
    return I.BSpline(knots, c, k)(x, nu)


def _push_bspline(
    y: Array, xs: Sequence[Array], xs_dot: Sequence[Array | None], knots: Array, k: int, nu: int
) -> Array:
    (c, x), (c_dot, x_dot) = xs, xs_dot
    moved: Array = np.zeros(y.shape)
    if c_dot is not None:
        moved = moved + BSPLINE(c_dot, x, params=(knots, k, nu))
    if x_dot is not None:
        moved = moved + x_dot[:, None] * BSPLINE(c, x, params=(knots, k, nu + 1))
    return moved


def _pull_bspline(y_bar: Array, y: Array, xs: Sequence[Array], knots: Array, k: int, nu: int) -> tuple[Array, Array]:
    c, x = xs
    basis = BSPLINE(np.eye(c.shape[0]), x, params=(knots, k, nu))
    return basis.T @ y_bar, np.sum(y_bar * BSPLINE(c, x, params=(knots, k, nu + 1)), axis=-1)


BSPLINE = custom("bspline", _bspline_value, "knots", "k", "nu", push=_push_bspline, pull=_pull_bspline)


def interpolating(x: Array, y: Array, k: int, t: Any = None) -> tuple[tuple[float, ...], Array]:
    """The knots and coefficients of the spline of degree k through points; TraceError where knots are traced."""
    if t is None:
        inner = x[(k + 1) // 2 : -((k + 1) // 2)] if k % 2 else ((x[1:] + x[:-1]) / 2)[k // 2 : -(k // 2)]
        t = np.concatenate((np.repeat(x[:1], k + 1), inner, np.repeat(x[-1:], k + 1)))
    knots = tuple([float(v) for v in t])
    basis = bspline(knots, np.eye(y.shape[0]), k, x, 0)
    return knots, np.reshape(np.linalg.solve(basis, np.reshape(y, (y.shape[0], -1))), y.shape)


def bspline(knots: Any, c: Any, k: int, t: Array, nu: int) -> Array:
    """A B-spline of coefficients c (n, ...) at the places ``t`` (a vector)."""
    c = inexact(c) * np.float64(1)
    flat = np.reshape(c, (c.shape[0], -1))
    return np.reshape(BSPLINE(flat, t, params=(knots, int(k), int(nu))), (-1, *c.shape[1:]))
