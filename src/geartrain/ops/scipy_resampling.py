"""``scipy.ndimage``: images between their elements: sampled, moved, turned and scaled."""

import itertools
import math
from typing import Any

from numpy.lib.array_utils import normalize_axis_index

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.factor import inexact
from geartrain.ops.later import Later, composes, no_option

__all__ = ["map_coordinates"]

ND = Later("scipy.ndimage")
NDIMAGE = "scipy.ndimage"

# Interpolation by B-splines of an order from 0 to 5 (M. Unser, "Splines: a perfect fit for signal and image
# processing", 1999): a filter makes coefficients, and the polynomials of a cell weigh those around it.

_GOES_ON = {
    "constant": "mirror",
    "nearest": "nearest",
    "mirror": "mirror",
    "reflect": "reflect",
    "grid-mirror": "reflect",
}
_PADDED = 12
"""Elements that SciPy repeats beyond the border for mode="nearest", whose coefficients have no closed end."""


def _coefficients(x: Array, order: int, mode: str) -> Array:
    """The filter along each axis, as the matrix that SciPy makes of the unit vectors."""
    for axis, n in enumerate(x.shape):
        matrix = ND.spline_filter1d(np.eye(n), order, axis=0, mode=_GOES_ON[mode]).astype(x.dtype)
        x = np.moveaxis(np.moveaxis(x, axis, -1) @ matrix.T, -1, axis)
    return x


def _weights(u: Array, order: int) -> list[Array]:
    """The B-splines of uniform knots that are not zero in a cell, at the part ``u`` of it."""
    w: list[Array] = [np.ones_like(u)]
    for d in range(1, order + 1):
        inner = [(u + d - j) / d * w[j - 1] + (j + 1 - u) / d * w[j] for j in range(1, d)]
        w = [(1 - u) / d * w[0], *inner, u / d * w[-1]]
    return w


def _reflected(i: Array, n: int, mode: str) -> Array:
    """The element that stands at a place beyond the border."""
    if mode == "nearest":
        return np.clip(i, 0, n - 1)
    if n == 1:
        return i * 0
    whole = mode in ("reflect", "grid-mirror")
    period = 2 * n if whole else 2 * n - 2
    i = np.mod(i, period)
    return np.minimum(i, period - (1 if whole else 0) - i)


def _sampled(x: Array, places: Array, order: int, mode: str, cval: float, prefilter: bool, name: str) -> Array:
    """The image at ``places`` (ndim, ...)."""
    if not 0 <= order <= 5 or mode not in _GOES_ON:
        do = "Use order 0 to 5 and mode='constant', 'nearest', 'mirror' or 'reflect'."
        raise no_option(f"scipy.ndimage.{name}", f"order={order}, mode={mode!r}", do)
    shape = x.shape
    wide = (-1, *(1,) * (places.ndim - 1))
    inside = np.all((places >= 0) & (places <= np.reshape(np.array([n - 1.0 for n in shape]), wide)), axis=0)
    if order > 1 and prefilter:
        if mode == "nearest":
            x, places = np.pad(x, _PADDED, mode="edge"), places + _PADDED
        x = _coefficients(x, order, mode)
    if mode == "nearest":
        places = np.clip(places, 0.0, np.reshape(np.array([n - 1.0 for n in x.shape]), wide))
    low = np.floor(places) if order % 2 else np.floor(places + 0.5)
    start = low.astype(int) - order // 2
    cells: list[list[tuple[Array, Array]]] = []
    for axis, n in enumerate(x.shape):
        part = places[axis] - low[axis]
        weights = _weights(part if order % 2 else part + 0.5, order)
        cells.append([(_reflected(start[axis] + j, n, mode), w) for j, w in enumerate(weights)])
    y: Array = 0.0
    for corner in itertools.product(*cells):
        share = math.prod((w for _, w in corner[1:]), start=corner[0][1])
        y = y + share * x[tuple(i for i, _ in corner)]
    return y if mode != "constant" else np.where(inside, y, np.asarray(cval, x.dtype))


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
    x, places = np.array(inexact(input)), inexact(coordinates)
    return _sampled(x, places * np.float64(1), order, mode, cval, prefilter, "map_coordinates").astype(x.dtype)


def _steps(shape: tuple[int, ...]) -> Array:
    return np.stack(np.meshgrid(*[np.arange(float(n)) for n in shape], indexing="ij"))


@composes(NDIMAGE)
def shift(
    input: Array,
    shift: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: float = 0.0,
    prefilter: bool = True,
) -> Array:
    x, by = np.array(inexact(input)), inexact(shift)
    by = np.reshape(np.broadcast_to(by, (x.ndim,)), (-1, *(1,) * x.ndim))
    return _sampled(x, _steps(x.shape) - by, order, mode, cval, prefilter, "shift").astype(x.dtype)


@composes(NDIMAGE)
def zoom(
    input: Array,
    zoom: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: float = 0.0,
    prefilter: bool = True,
    *,
    grid_mode: bool = False,
) -> Array:
    """The size of the result is whole, so that the factor does not move it."""
    if grid_mode:
        raise no_option("scipy.ndimage.zoom", "grid_mode=True", "Leave it out, or use map_coordinates.")
    x = np.array(inexact(input))
    factors = [float(zoom)] * x.ndim if np.ndim(zoom) == 0 else [float(v) for v in zoom]
    sizes = tuple([round(n * v) for n, v in zip(x.shape, factors, strict=True)])
    ratios = [(n - 1) / (m - 1) if m > 1 else 1.0 for n, m in zip(x.shape, sizes, strict=True)]
    places = _steps(sizes) * np.reshape(np.array(ratios), (-1, *(1,) * x.ndim))
    return _sampled(x, places, order, mode, cval, prefilter, "zoom").astype(x.dtype)


@composes(NDIMAGE)
def affine_transform(
    input: Array,
    matrix: Array,
    offset: Any = 0.0,
    output_shape: Any = None,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: float = 0.0,
    prefilter: bool = True,
) -> Array:
    """What is at ``matrix @ place + offset`` in the image comes to each place; also in homogeneous coordinates."""
    x, m = np.array(inexact(input)), inexact(matrix)
    n = x.ndim
    if m.ndim == 2 and m.shape[1] == n + 1:
        m, offset = m[:n, :n], m[:n, n]
    off = np.broadcast_to(inexact(offset), (n,))
    steps = _steps(x.shape if output_shape is None else tuple(output_shape))
    flat = np.reshape(steps, (n, -1))
    moved = (m @ flat if m.ndim == 2 else m[:, None] * flat) + off[:, None]
    places = np.reshape(moved, steps.shape)
    return _sampled(x, places, order, mode, cval, prefilter, "affine_transform").astype(x.dtype)


@composes(NDIMAGE)
def rotate(
    input: Array,
    angle: Any,
    axes: Any = (1, 0),
    reshape: bool = True,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: float = 0.0,
    prefilter: bool = True,
) -> Array:
    x = np.array(inexact(input))
    if x.ndim != 2:
        raise no_option("scipy.ndimage.rotate", "an image of other than two axes", "Rotate its planes one by one.")
    turn = np.asarray(angle) * (np.pi / 180)
    c, s = np.cos(turn), np.sin(turn)
    first, second = sorted(normalize_axis_index(i, 2) for i in axes)
    matrix = np.stack((np.stack((c, s)), np.stack((-s, c))))
    size = np.array([float(x.shape[first]), float(x.shape[second])])
    shape = x.shape
    if reshape:
        corners = matrix @ np.array([[0.0, 0, size[0], size[0]], [0.0, size[1], 0, size[1]]])
        extent = np.max(corners, axis=1) - np.min(corners, axis=1) + 0.5
        shape = (int(extent[0]), int(extent[1]))
    centre = matrix @ ((np.array([float(n) for n in shape]) - 1) / 2)
    return affine_transform(x, matrix, (size - 1) / 2 - centre, shape, None, order, mode, cval, prefilter)
