"""``scipy.signal`` and ``scipy.ndimage``: convolutions in any number of axes, filters, interpolation in images.

The full convolution and the valid one are each other's transposes: of ``y = full(a, b)``, the cotangent of ``a`` is
``valid(y_bar, reversed b)``.
"""

import math
from collections.abc import Sequence
from typing import Any

from numpy.lib.array_utils import normalize_axis_index

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import conj
from geartrain.ops.factor import inexact
from geartrain.ops.later import Later, composes
from geartrain.ops.shape import common_dtype
from geartrain.ops.table import custom, linear

__all__ = ["FULL", "RECURSION", "VALID"]

SIGNAL = Later("scipy.signal")
NDIMAGE = "scipy.ndimage"


def _native(x: Array) -> Array:
    return x.astype(x.dtype.newbyteorder("="), copy=False)


def _full(a: Array, b: Array) -> Array:
    return SIGNAL.convolve(_native(a), _native(b), mode="full", method="direct")


def _valid(a: Array, b: Array) -> Array:
    return SIGNAL.convolve(_native(a), _native(b), mode="valid", method="direct")


def _full_T_a(y_bar: Array, a: Array, b: Array) -> Array:
    return VALID(y_bar, np.flip(b))


def _full_T_b(y_bar: Array, a: Array, b: Array) -> Array:
    return VALID(y_bar, np.flip(a))


def _valid_T_a(y_bar: Array, a: Array, b: Array) -> Array:
    return FULL(y_bar, np.flip(b))


def _valid_T_b(y_bar: Array, a: Array, b: Array) -> Array:
    return np.flip(VALID(a, np.flip(y_bar)))


FULL = linear("convolve_full", _full, transposes=(_full_T_a, _full_T_b))
VALID = linear("convolve_valid", _valid, transposes=(_valid_T_a, _valid_T_b))


@composes("scipy.signal")
def convolve(in1: Array, in2: Array, mode: str = "full", method: str = "auto") -> Array:
    a, b = common_dtype([inexact(in1), inexact(in2)])
    if a.ndim != b.ndim:
        raise ValueError("in1 and in2 should have the same dimensionality")
    if mode == "valid":
        smaller = all(m <= n for m, n in zip(a.shape, b.shape, strict=True))
        if smaller and a.shape != b.shape:
            a, b = b, a
        return VALID(a, b)
    y = FULL(a, b)
    return y if mode == "full" else _centred(y, a.shape)


def _centred(y: Array, shape: tuple[int, ...]) -> Array:
    starts = [(have - want) // 2 for have, want in zip(y.shape, shape, strict=True)]
    return y[tuple(slice(start, start + n) for start, n in zip(starts, shape, strict=True))]


@composes("scipy.signal", "fftconvolve", "oaconvolve")
def fftconvolve(in1: Array, in2: Array, mode: str = "full", axes: Any = None) -> Array:
    if axes is not None:
        raise NotImplementedError("scipy.signal.fftconvolve with axes=")
    return convolve(in1, in2, mode)


@composes("scipy.signal")
def correlate(in1: Array, in2: Array, mode: str = "full", method: str = "auto") -> Array:
    a, b = common_dtype([inexact(in1), inexact(in2)])
    if mode == "valid" and a.size < b.size:
        return conj(np.flip(VALID(b, np.flip(conj(a)))))
    return convolve(a, np.flip(conj(b)), mode)


@composes("scipy.signal")
def convolve2d(in1: Array, in2: Array, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Array:
    _only_zeros(boundary, fillvalue)
    return convolve(in1, in2, mode)


@composes("scipy.signal")
def correlate2d(in1: Array, in2: Array, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Array:
    _only_zeros(boundary, fillvalue)
    return correlate(in1, in2, mode)


def _only_zeros(boundary: str, fillvalue: Any) -> None:
    if boundary != "fill" or fillvalue != 0:
        raise NotImplementedError("scipy.signal.convolve2d with a boundary other than zeros")


# Recursive filters. The row solves ``c * y = v`` along the last axis, a triangular Toeplitz system.


def _recursion(v: Array, c: Array) -> Array:
    return SIGNAL.lfilter(np.ones(1, c.dtype), _native(c), _native(v), axis=-1)


def _delayed(y: Array, n: int) -> Array:
    """The signal delayed by 0 to n - 1 steps, along a new last axis."""
    steps = np.arange(y.shape[-1])[:, None] - np.arange(n)
    framed = np.concatenate((y, np.zeros((*y.shape[:-1], 1), y.dtype)), axis=-1)
    return framed[..., np.where(steps < 0, y.shape[-1], steps)]


def _push_recursion(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array | None]) -> Array:
    v_dot, c_dot = xs_dot
    moved = np.zeros_like(y) if v_dot is None else v_dot
    if c_dot is not None:
        moved = moved - _delayed(y, xs[1].shape[0]) @ c_dot
    return RECURSION(moved, xs[1])


def _pull_recursion(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array, Array]:
    v_bar = np.flip(RECURSION(np.flip(y_bar, -1), xs[1]), -1)
    n = xs[1].shape[0]
    c_bar = -np.sum(np.reshape(_delayed(y, n) * v_bar[..., None], (-1, n)), axis=0)
    return v_bar, c_bar


RECURSION = custom("recursion", _recursion, push=_push_recursion, pull=_pull_recursion)


@composes("scipy.signal")
def lfilter(b: Array, a: Array, x: Array, axis: int = -1, zi: Any = None) -> Array:
    if zi is not None:
        raise NotImplementedError("scipy.signal.lfilter with zi=")
    b, a, x = common_dtype([np.atleast_1d(inexact(b)), np.atleast_1d(inexact(a)), inexact(x)])
    x = np.moveaxis(x, axis, -1)
    v = _delayed(x, b.shape[0]) @ b
    y = RECURSION(v, a) if a.shape[0] > 1 else v / a[0]
    return np.moveaxis(y, -1, axis)


@composes("scipy.signal")
def detrend(data: Array, axis: int = -1, type: str = "linear", bp: Any = 0, overwrite_data: bool = False) -> Array:
    x = np.moveaxis(inexact(data), axis, -1)
    n = x.shape[-1]
    if type in ("constant", "c"):
        y = x - np.mean(x, axis=-1, keepdims=True)
    elif np.ndim(bp) == 0 and bp == 0:
        basis = np.stack((np.arange(1, n + 1) / n, np.ones(n)), axis=-1).astype(x.dtype)
        y = x - x @ (basis @ np.linalg.pinv(basis)).T
    else:
        raise NotImplementedError("scipy.signal.detrend with break points")
    return np.moveaxis(y, -1, axis)


# Images: pad by the rule of the border, then the valid correlation.

_BORDERS = {
    "reflect": "symmetric",
    "grid-mirror": "symmetric",
    "nearest": "edge",
    "mirror": "reflect",
    "wrap": "wrap",
    "grid-wrap": "wrap",
    "constant": "constant",
    "grid-constant": "constant",
}


def _bordered(x: Array, widths: list[tuple[int, int]], mode: str, cval: float) -> Array:
    extra = {"constant_values": cval} if _BORDERS[mode] == "constant" else {}
    return np.pad(x, widths, mode=_BORDERS[mode], **extra)


def _origins(origin: Any, ndim: int) -> list[int]:
    return [int(origin)] * ndim if np.ndim(origin) == 0 else [int(o) for o in origin]


@composes(NDIMAGE, "correlate")
def image_correlate(
    input: Array,
    weights: Array,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: Any = 0,
    **kw: Any,
) -> Array:
    x, w = common_dtype([inexact(input), inexact(weights)])
    shifts = _origins(origin, x.ndim)
    widths = [(n // 2 + o, n - 1 - n // 2 - o) for n, o in zip(w.shape, shifts, strict=True)]
    return VALID(_bordered(x, widths, mode, cval), np.flip(w))


@composes(NDIMAGE, "convolve")
def image_convolve(
    input: Array,
    weights: Array,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: Any = 0,
    **kw: Any,
) -> Array:
    w = np.asarray(weights)
    shifts = [-o - (1 - n % 2) for o, n in zip(_origins(origin, w.ndim), w.shape, strict=True)]
    return image_correlate(input, np.flip(w), output, mode, cval, shifts)


def _along(weights: Array, axis: int, ndim: int) -> Array:
    w = np.asarray(weights)
    return np.reshape(w, tuple(w.shape[0] if i == axis else 1 for i in range(ndim)))


@composes(NDIMAGE)
def correlate1d(
    input: Array,
    weights: Array,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: int = 0,
) -> Array:
    x = np.asarray(input)
    axis = normalize_axis_index(axis, x.ndim)
    shifts = [int(origin) if i == axis else 0 for i in range(x.ndim)]
    return image_correlate(x, _along(weights, axis, x.ndim), output, mode, cval, shifts)


@composes(NDIMAGE)
def convolve1d(
    input: Array,
    weights: Array,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: int = 0,
) -> Array:
    w = np.asarray(weights)
    shift = -int(origin) - (1 - w.shape[0] % 2)
    return correlate1d(input, np.flip(w), axis, output, mode, cval, shift)


def _gaussian(sigma: float, order: int, radius: int) -> Array:
    """A Gaussian and its derivatives, by the Hermite polynomials; as weights of a correlation."""
    steps = np.arange(-radius, radius + 1)
    bell = np.exp(-0.5 * (steps / sigma) ** 2)
    bell = bell / np.sum(bell)
    past, factor = np.zeros(steps.shape), np.ones(steps.shape)
    for k in range(order):
        past, factor = factor, -steps / sigma**2 * factor - (k / sigma**2) * past
    return np.flip(bell * factor)


@composes(NDIMAGE)
def gaussian_filter1d(
    input: Array,
    sigma: float,
    axis: int = -1,
    order: int = 0,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    truncate: float = 4.0,
    *,
    radius: int | None = None,
) -> Array:
    """``sigma`` is a constant: the width of the window depends on it."""
    width = int(truncate * float(sigma) + 0.5) if radius is None else int(radius)
    x = inexact(input)
    weights = _gaussian(float(sigma), int(order), width).astype(x.dtype)
    return correlate1d(x, weights, axis, output, mode, cval, 0)


@composes(NDIMAGE)
def gaussian_filter(
    input: Array,
    sigma: Any,
    order: Any = 0,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    truncate: float = 4.0,
    **kw: Any,
) -> Array:
    if kw:
        raise NotImplementedError(f"scipy.ndimage.gaussian_filter with {', '.join(kw)}=")
    x = inexact(input)
    for axis in range(x.ndim):
        width, k = (v if np.ndim(v) == 0 else v[axis] for v in (sigma, order))
        if width > 1e-15:
            x = gaussian_filter1d(x, width, axis, k, None, mode, cval, truncate)
    return x


@composes(NDIMAGE)
def uniform_filter1d(
    input: Array,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: int = 0,
) -> Array:
    x = inexact(input)
    return correlate1d(x, np.full(int(size), 1.0 / size, x.dtype), axis, output, mode, cval, origin)


@composes(NDIMAGE)
def uniform_filter(
    input: Array,
    size: Any = 3,
    output: Any = None,
    mode: str = "reflect",
    cval: float = 0.0,
    origin: int = 0,
    **kw: Any,
) -> Array:
    x = inexact(input)
    for axis in range(x.ndim):
        x = uniform_filter1d(x, size if np.ndim(size) == 0 else size[axis], axis, None, mode, cval, origin)
    return x


@composes(NDIMAGE)
def map_coordinates(
    input: Array,
    coordinates: Array,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: float = 0.0,
    prefilter: bool = True,
) -> Array:
    """Linear interpolation (``order=1``), or the nearest element (``order=0``)."""
    x, places = inexact(input), inexact(coordinates)
    if order not in (0, 1) or mode not in ("constant", "nearest"):
        raise NotImplementedError(
            "scipy.ndimage.map_coordinates with order > 1 or another mode than constant and nearest"
        )
    if mode == "nearest":
        tops = np.reshape(np.array([n - 1.0 for n in x.shape]), (-1, *(1,) * (places.ndim - 1)))
        places = np.clip(places, 0.0, tops)
    low = np.floor(places + 0.5) if order == 0 else np.floor(places)
    weight = places - low
    y: Array = 0.0
    inside = places[0] == places[0]
    for axis, n in enumerate(x.shape):
        inside = inside & (places[axis] >= 0) & (places[axis] <= n - 1)
    for corner in range(1 if order == 0 else 2**x.ndim):
        bits = [(corner >> axis) & 1 for axis in range(x.ndim)]
        index = tuple(np.clip(low[axis].astype(int) + bit, 0, x.shape[axis] - 1) for axis, bit in enumerate(bits))
        share = math.prod((weight[axis] if bit else 1 - weight[axis] for axis, bit in enumerate(bits)), start=1.0)
        y = y + (x[index] if order == 0 else share * x[index])
    return np.where(inside, y, np.asarray(cval, x.dtype))
