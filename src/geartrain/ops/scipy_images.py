"""``scipy.ndimage``: filters of images."""

from typing import Any

from numpy.lib.array_utils import normalize_axis_index

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.factor import inexact
from geartrain.ops.later import Later, composes, no_option
from geartrain.ops.scipy_signal import VALID
from geartrain.ops.shape import common_dtype
from geartrain.ops.table import constant

__all__ = ["correlate1d", "gaussian_filter", "label"]

NDIMAGE = "scipy.ndimage"
ND: Any = Later(NDIMAGE)

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
        do = "Filter axis by axis with gaussian_filter1d."
        raise no_option("scipy.ndimage.gaussian_filter", f"{', '.join(kw)}=", do)
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


# Filters made of these.


def _by_three(x: Array, weights: tuple[float, float, float], axis: int, mode: str, cval: float) -> Array:
    return correlate1d(x, np.array(weights, x.dtype), axis, None, mode, cval)


def _slope(name: str, smooth: tuple[float, float, float]) -> None:
    """A difference along one axis, smoothed along the others."""

    def spelled(input: Array, axis: int = -1, output: Any = None, mode: str = "reflect", cval: float = 0.0) -> Array:
        x = inexact(input)
        axis = normalize_axis_index(axis, x.ndim)
        y = _by_three(x, (-1.0, 0.0, 1.0), axis, mode, cval)
        for i in range(x.ndim):
            y = y if i == axis else _by_three(y, smooth, i, mode, cval)
        return y

    composes(NDIMAGE, name)(spelled)


_slope("sobel", (1.0, 2.0, 1.0))
_slope("prewitt", (1.0, 1.0, 1.0))


@composes(NDIMAGE)
def laplace(input: Array, output: Any = None, mode: str = "reflect", cval: float = 0.0, *, axes: Any = None) -> Array:
    x = inexact(input)
    chosen = range(x.ndim) if axes is None else [axes] if np.ndim(axes) == 0 else axes
    y: Array = 0.0
    for axis in chosen:
        y = y + _by_three(x, (1.0, -2.0, 1.0), axis, mode, cval)
    return y


@composes(NDIMAGE)
def gaussian_laplace(
    input: Array, sigma: Any, output: Any = None, mode: str = "reflect", cval: float = 0.0, **kw: Any
) -> Array:
    x = inexact(input)
    parts = [gaussian_filter(x, sigma, _order(x.ndim, i, 2), None, mode, cval, **kw) for i in range(x.ndim)]
    return sum(parts[1:], parts[0])


@composes(NDIMAGE)
def gaussian_gradient_magnitude(
    input: Array, sigma: Any, output: Any = None, mode: str = "reflect", cval: float = 0.0, **kw: Any
) -> Array:
    x = inexact(input)
    parts = [gaussian_filter(x, sigma, _order(x.ndim, i, 1), None, mode, cval, **kw) ** 2 for i in range(x.ndim)]
    return np.sqrt(sum(parts[1:], parts[0]))


def _order(ndim: int, axis: int, order: int) -> list[int]:
    return [order if i == axis else 0 for i in range(ndim)]


def _ranked(name: str, choose: Any) -> None:
    """The largest, the smallest or the middle one of a window."""

    def spelled(
        input: Array,
        size: Any = None,
        footprint: Any = None,
        output: Any = None,
        mode: str = "reflect",
        cval: float = 0.0,
        origin: Any = 0,
        **kw: Any,
    ) -> Array:
        if footprint is not None or size is None or kw.get("axes") is not None:
            raise no_option(f"scipy.ndimage.{name}", "footprint= or axes=", "Give size=, a number for each axis.")
        x = inexact(input)
        sizes = [int(size)] * x.ndim if np.ndim(size) == 0 else [int(n) for n in size]
        shifts = _origins(origin, x.ndim)
        widths = [(n // 2 + o, n - 1 - n // 2 - o) for n, o in zip(sizes, shifts, strict=True)]
        windows = np.lib.stride_tricks.sliding_window_view(_bordered(x, widths, mode, cval), tuple(sizes))
        return choose(np.reshape(windows, (*x.shape, -1)))

    composes(NDIMAGE, name)(spelled)


def _largest(windows: Array) -> Array:
    return np.max(windows, axis=-1)


def _smallest(windows: Array) -> Array:
    return np.min(windows, axis=-1)


def _middle(windows: Array) -> Array:
    return np.sort(windows, axis=-1)[..., windows.shape[-1] // 2]


_ranked("maximum_filter", _largest)
_ranked("minimum_filter", _smallest)
_ranked("median_filter", _middle)


# What hangs together. Labels are numbers of parts: they do not move.


def _labels(x: Array, *rest: Any) -> Array:
    """Of an image, and of what touches if it is given; the last argument is a dtype."""
    *structure, dtype = rest
    return ND.label(x, *structure, output=dtype)[0]


LABELS = constant("image_labels", _labels, "dtype")


@composes(NDIMAGE)
def label(input: Array, structure: Any = None, output: Any = None) -> tuple[Array, Array]:
    if isinstance(output, np.ndarray):
        raise no_option("scipy.ndimage.label", "an array as output=", "Leave it out, or give a dtype.")
    operands = [np.asarray(input)] if structure is None else [np.asarray(input), np.asarray(structure)]
    labels = LABELS(*operands, params=(np.dtype(np.int32 if output is None else output),))
    return labels, np.max(labels, initial=0).item()
