"""Numerical recipes, as expressions: interpolation, integration, differences, convolution, windows."""

from collections.abc import Sequence
from typing import Any, Literal

from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import conj
from geartrain.ops.index import choose_by
from geartrain.ops.shape import cast, common_dtype
from geartrain.ops.table import composite, constant, numbered, spells

__all__ = ["ROUND", "convolve", "interp", "trapezoid"]

Mode = Literal["full", "same", "valid"]


@composite(np.interp)
def interp(x: Array, xp: Array, fp: Array, left: Any = None, right: Any = None, period: float | None = None) -> Array:
    """Piecewise linear; it moves with the places, the nodes and the values."""
    x, xp, fp = (cast(v, np.result_type(v, float)) for v in (np.asarray(x), np.asarray(xp), np.asarray(fp)))
    if period is not None:
        x, xp = np.mod(x, abs(period)), np.mod(xp, abs(period))
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = np.concatenate((xp[-1:] - abs(period), xp, xp[:1] + abs(period)))
        fp = np.concatenate((fp[-1:], fp, fp[:1]))
        left = right = None
    n = xp.shape[0]
    below, above = x < xp[0], x > xp[-1]
    if n == 1:
        y = fp[0] + 0 * x
    else:
        place: Array = np.searchsorted(xp, x, "right")
        i = np.clip(place, 1, n - 1)
        width = xp[i] - xp[i - 1]
        safe = np.where(width == 0, np.ones((), xp.dtype), width)
        y = fp[i - 1] + (fp[i] - fp[i - 1]) * ((x - xp[i - 1]) / safe)
    y = choose_by(below, fp[0] if left is None else left, y)
    return choose_by(above, fp[-1] if right is None else right, y)


@composite(np.trapezoid)
def trapezoid(y: Array, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Array:
    y = np.asarray(y)
    if x is None:
        step = dx
    else:
        step = np.diff(np.asarray(x), axis=axis if np.ndim(x) != 1 else 0)
        if np.ndim(x) == 1:
            step = np.reshape(step, [-1 if i == axis % y.ndim else 1 for i in range(y.ndim)])
    before = (slice(None),) * normalize_axis_index(axis, y.ndim)
    return np.sum(step * (y[(*before, slice(1, None))] + y[(*before, slice(None, -1))]) / 2.0, axis=axis)


@composite(np.ediff1d)
def ediff1d(ary: Array, to_end: Any = None, to_begin: Any = None) -> Array:
    flat = np.ravel(np.asarray(ary))
    ends = [None if x is None else cast(np.ravel(np.asarray(x)), flat.dtype) for x in (to_begin, to_end)]
    parts = [x for x in (ends[0], flat[1:] - flat[:-1], ends[1]) if x is not None]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


@composite(np.gradient)
def gradient(f: Array, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = np.asarray(f)
    f = f if f.dtype.kind in "fc" else cast(f, float)
    axes = tuple(range(f.ndim)) if axis is None else normalize_axis_tuple(axis, f.ndim)
    if len(varargs) not in (0, 1, len(axes)):
        raise TypeError("invalid number of arguments")
    steps = [1.0] * len(axes) if not varargs else list(varargs) if len(varargs) == len(axes) else [*varargs] * len(axes)
    out = [_gradient_along(f, h, i, edge_order) for h, i in zip(steps, axes, strict=True)]
    return out[0] if len(out) == 1 else tuple(out)


def _gradient_along(f: Array, h: Any, axis: int, edge_order: int) -> Array:
    n = f.shape[axis]
    if n < edge_order + 1:
        raise ValueError("Shape of array too small to calculate a numerical gradient")
    f = np.moveaxis(f, axis, -1)
    if np.ndim(h) == 0:
        first, last = [h, h], [h, h]
        inner = (f[..., 2:] - f[..., :-2]) / (2.0 * h)
    else:
        d: Array = np.diff(np.asarray(h))
        first, last = [d[0], d[min(1, n - 2)]], [d[-1], d[max(-2, 1 - n)]]
        d1, d2 = d[:-1], d[1:]
        a, b, c = -d2 / (d1 * (d1 + d2)), (d2 - d1) / (d1 * d2), d1 / (d2 * (d1 + d2))
        inner = a * f[..., :-2] + b * f[..., 1:-1] + c * f[..., 2:]
    start, end = _edge(f[..., :3], first, edge_order), -_edge(f[..., ::-1][..., :3], last, edge_order)
    return np.moveaxis(np.concatenate((start, inner, end), axis=-1), -1, axis)


def _edge(f: Array, d: list[Any], order: int) -> Array:
    """The slope at the first of the points, from two or three of them."""
    if order == 1:
        return (f[..., 1:2] - f[..., 0:1]) / d[0]
    p, q = d
    a, b, c = -(2.0 * p + q) / (p * (p + q)), (p + q) / (p * q), -p / (q * (p + q))
    return a * f[..., 0:1] + b * f[..., 1:2] + c * f[..., 2:3]


# Rounding to decimals.


def _round(x: Array, decimals: int) -> Array:
    return round(x, decimals) if type(x) in (float, int) else np.round(x, decimals)


def _batch_round(size: int, batched: Sequence[bool], x: Array, decimals: int) -> Array:
    return ROUND(x, params=(decimals,))


ROUND = constant("round", _round, "decimals", batch=_batch_round)


@spells(np.round, np.around)
def round_(a: Array, decimals: int = 0) -> Array:
    """Piecewise constant."""
    return ROUND(a if hasattr(a, "dtype") else np.asarray(a), params=(int(decimals),))


@composite(np.fix)
def fix(x: Array) -> Array:
    return np.trunc(x)


# Convolution: a matrix of shifted copies times a vector.


@composite(np.convolve)
def convolve(a: Array, v: Array, mode: Mode = "full") -> Array:
    a, v = common_dtype([np.atleast_1d(np.asarray(a)), np.atleast_1d(np.asarray(v))])
    if a.shape[0] == 0 or v.shape[0] == 0:
        raise ValueError("convolve: both arrays must have elements")
    if v.shape[0] > a.shape[0]:
        a, v = v, a
    n, m = a.shape[0], v.shape[0]
    length, start = {"full": (n + m - 1, 0), "same": (n, (m - 1) // 2), "valid": (n - m + 1, m - 1)}[mode]
    framed = np.concatenate((np.zeros(m - 1, a.dtype), a, np.zeros(m - 1, a.dtype)))
    steps: Array = np.arange(length)
    return framed[start + steps[:, None] + (m - 1 - np.arange(m))] @ v


@composite(np.correlate)
def correlate(a: Array, v: Array, mode: Mode = "valid") -> Array:
    a, v = np.asarray(a), np.asarray(v)
    if mode == "same" and v.shape[0] > a.shape[0]:
        return conj(np.correlate(v, a, mode))[::-1]
    return np.convolve(a, conj(v)[::-1], mode)


# Cross products.


@composite(np.cross)
def cross(a: Array, b: Array, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Array:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(np.asarray(a), axisa, -1), np.moveaxis(np.asarray(b), axisb, -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError(f"cross: both arrays must be vectors of 2 or 3 elements, got shapes {a.shape} and {b.shape}")
    if a.shape[-1] == b.shape[-1] == 2:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    a0, a1, a2 = a[..., 0], a[..., 1], a[..., 2] if a.shape[-1] == 3 else np.zeros_like(a[..., 0])
    b0, b1, b2 = b[..., 0], b[..., 1], b[..., 2] if b.shape[-1] == 3 else np.zeros_like(b[..., 0])
    return np.stack((a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0), axis=axisc)


@composite(np.sinc)
def sinc(x: Array) -> Array:
    """By its series near 0, where the quotient loses its derivatives."""
    y = np.pi * np.asarray(x)
    near = np.abs(y) < 1e-2
    far = np.where(near, np.ones((), y.dtype), y)
    q = np.where(near, y, np.zeros((), y.dtype)) ** 2
    series = 1 - q / 6 * (1 - q / 20 * (1 - q / 42 * (1 - q / 72)))
    return np.where(near, series, np.sin(far) / far)


# The modified Bessel functions of the first kind and integer order. Each one's rate is the mean of its neighbours.


def _bessel_i(x: Array, order: int) -> Array:
    """By the integral of DLMF 10.32.3; the trapezoidal rule converges exponentially for a periodic function."""
    if order == 0:
        return np.i0(x)
    x = np.asarray(x)
    n = 64 + order + int(2 * np.max(np.abs(x), initial=0) ** 0.5 * 8)
    angle = ((np.arange(n) + 0.5) * (np.pi / n)).astype(x.dtype)
    grown = np.exp(x[..., None] * np.cos(angle) - np.abs(x)[..., None]) * np.cos(order * angle)
    return np.exp(np.abs(x)) * np.mean(grown, axis=-1)


def _bessel_i_rate(x: Array, order: int) -> Array:
    if order == 0:
        return BESSEL_I(x, params=(1,))
    return (BESSEL_I(x, params=(order - 1,)) + BESSEL_I(x, params=(order + 1,))) / 2


BESSEL_I = numbered("bessel_i", _bessel_i, _bessel_i_rate)


@composite(np.i0)
def i0(x: Array) -> Array:
    x = np.asarray(x)
    return BESSEL_I(x if x.dtype.kind == "f" else cast(x, float), params=(0,))


# Windows of an array.


@composite(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    x: Array, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Array:
    x = np.asarray(x)
    sizes = (window_shape,) if np.ndim(window_shape) == 0 else tuple(window_shape)
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim, allow_duplicate=True)
    if len(sizes) != len(axes):
        raise ValueError("Must provide matching length window_shape and axis")
    for size, i in zip(sizes, axes, strict=True):
        count = x.shape[i] - size + 1
        if count < 1:
            raise ValueError("window shape cannot be larger than input array shape")
        places = np.arange(count)[:, None] + np.arange(size)
        x = np.moveaxis(x[(*(slice(None),) * i, places)], i + 1, -1)
    return x


# Running folds by their newer names.


def _with_start(y: Array, axis: int, start: float) -> Array:
    return np.concatenate((np.full((*y.shape[:axis], 1, *y.shape[axis + 1 :]), start, y.dtype), y), axis=axis)


@composite(getattr(np, "cumulative_sum", None))
def cumulative_sum(
    x: Array, /, *, axis: int | None = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> Array:
    y = np.cumsum(x, axis=0 if axis is None else axis, dtype=dtype)
    return _with_start(y, (axis or 0) % y.ndim, 0) if include_initial else y


@composite(getattr(np, "cumulative_prod", None))
def cumulative_prod(
    x: Array, /, *, axis: int | None = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> Array:
    y = np.cumprod(x, axis=0 if axis is None else axis, dtype=dtype)
    return _with_start(y, (axis or 0) % y.ndim, 1) if include_initial else y
