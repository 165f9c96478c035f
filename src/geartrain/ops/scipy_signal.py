"""``scipy.signal``: convolutions in any number of axes, and filters.

The full convolution and the valid one are each other's transposes: of ``y = full(a, b)``, the cotangent of ``a`` is
``valid(y_bar, reversed b)``.
"""

from collections.abc import Sequence
from typing import Any

from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import conj
from geartrain.ops.factor import inexact
from geartrain.ops.later import Later, composes, no_option
from geartrain.ops.shape import common_dtype
from geartrain.ops.table import custom, linear

__all__ = ["FULL", "RECURSION", "VALID"]

SIGNAL = Later("scipy.signal")


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
    return convolve(in1, in2, mode) if axes is None else _along_axes(in1, in2, mode, axes)


def _along_axes(in1: Array, in2: Array, mode: str, axes: Any) -> Array:
    """Some axes are convolved, by Fourier's transform; the others are repeated to fit."""
    a, b = common_dtype([inexact(in1), inexact(in2)])
    chosen = sorted(normalize_axis_tuple(axes, a.ndim))
    if mode == "valid" and all(a.shape[i] <= b.shape[i] for i in chosen):
        a, b = b, a
    sizes = [a.shape[i] + b.shape[i] - 1 for i in chosen]
    if a.dtype.kind == "c":
        y = np.fft.ifftn(np.fft.fftn(a, sizes, chosen) * np.fft.fftn(b, sizes, chosen), sizes, chosen)
    else:
        y = np.fft.irfftn(np.fft.rfftn(a, sizes, chosen) * np.fft.rfftn(b, sizes, chosen), sizes, chosen)
    if mode == "full":
        return y
    wanted = list(y.shape)
    for i in chosen:
        wanted[i] = a.shape[i] if mode == "same" else a.shape[i] - b.shape[i] + 1
    return _centred(y, tuple(wanted))


@composes("scipy.signal")
def correlate(in1: Array, in2: Array, mode: str = "full", method: str = "auto") -> Array:
    a, b = common_dtype([inexact(in1), inexact(in2)])
    if mode == "valid" and a.size < b.size:
        return conj(np.flip(VALID(b, np.flip(conj(a)))))
    return convolve(a, np.flip(conj(b)), mode)


@composes("scipy.signal")
def convolve2d(in1: Array, in2: Array, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Array:
    """Beyond the border ``in1`` goes on by zeros, by ``fillvalue``, periodically or mirrored."""
    if (boundary in ("fill", "pad") and fillvalue.__class__ in (int, float) and fillvalue == 0) or mode == "valid":
        return convolve(in1, in2, mode)
    a, b = common_dtype([inexact(in1), inexact(in2)])
    extra = {"constant_values": fillvalue} if boundary in ("fill", "pad") else {}
    known = {"fill": "constant", "pad": "constant", "wrap": "wrap", "circular": "wrap"}
    by = known.get(boundary, "symmetric")
    y = VALID(np.pad(a, [(n - 1, n - 1) for n in b.shape], mode=by, **extra), b)
    return y if mode == "full" else _centred(y, a.shape)


@composes("scipy.signal")
def correlate2d(in1: Array, in2: Array, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Array:
    if boundary == "fill" and fillvalue.__class__ in (int, float) and fillvalue == 0:
        return correlate(in1, in2, mode)
    return convolve2d(in1, np.flip(conj(np.asarray(in2))), mode, boundary, fillvalue)


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
def lfilter(b: Array, a: Array, x: Array, axis: int = -1, zi: Any = None) -> Any:
    """``zi`` is what the delays hold at the start; with it the result is a pair, of which the second is their end."""
    given = [np.atleast_1d(inexact(b)), np.atleast_1d(inexact(a)), inexact(x)]
    if zi is None:
        b, a, x = common_dtype(given)
        x = np.moveaxis(x, axis, -1)
        v = _delayed(x, b.shape[0]) @ b
        y = RECURSION(v, a) if a.shape[0] > 1 else v / a[0]
        return np.moveaxis(y, -1, axis)
    b, a, x, z = common_dtype([*given, inexact(zi)])
    b, a = b / a[0], a / a[0]
    x, z = np.moveaxis(x, axis, -1), np.moveaxis(z, axis, -1)
    n, held = x.shape[-1], max(a.shape[0], b.shape[0]) - 1
    lead = np.broadcast_shapes(x.shape[:-1], z.shape[:-1])
    x, z = np.broadcast_to(x, (*lead, n)), np.broadcast_to(z, (*lead, held))
    driven = _delayed(_longer(x, held), b.shape[0]) @ b + _longer(z, n)
    y = RECURSION(driven[..., :n], a)
    end = driven[..., n:] - (_delayed(_longer(y, held), a.shape[0]) @ a)[..., n:]
    return np.moveaxis(y, -1, axis), np.moveaxis(end, -1, axis)


def _longer(x: Array, n: int) -> Array:
    """``n`` zeros behind."""
    return np.concatenate((x, np.zeros((*x.shape[:-1], n), x.dtype)), axis=-1)


@composes("scipy.signal")
def lfilter_zi(b: Array, a: Array) -> Array:
    """The state of a filter that has met ones for ever: z solves ``z = A^T z + B``."""
    b, a = common_dtype([np.atleast_1d(inexact(b)), np.atleast_1d(inexact(a))])
    b, a = b / a[0], a / a[0]
    n = max(b.shape[0], a.shape[0])
    b, a = _longer(b, n - b.shape[0]), _longer(a, n - a.shape[0])
    first = np.eye(n - 1, 1, dtype=a.dtype)
    turned = np.eye(n - 1, dtype=a.dtype) - np.eye(n - 1, k=1, dtype=a.dtype) + a[1:, None] * first.T
    return np.linalg.solve(turned, b[1:] - a[1:] * b[0])


@composes("scipy.signal")
def filtfilt(
    b: Array,
    a: Array,
    x: Array,
    axis: int = -1,
    padtype: Any = "odd",
    padlen: Any = None,
    method: str = "pad",
    irlen: Any = None,
) -> Array:
    """Forward and backward, so that nothing is delayed; the ends are continued first."""
    if method != "pad":
        raise no_option("scipy.signal.filtfilt", f"method={method!r}", "Leave it out: method='pad'.")
    b, a = np.atleast_1d(inexact(b)), np.atleast_1d(inexact(a))
    x = np.moveaxis(inexact(x), axis, -1)
    edge = 3 * max(a.shape[0], b.shape[0]) if padlen is None else padlen
    edge = 0 if padtype is None else edge
    if x.shape[-1] <= edge:
        raise ValueError(f"The length of the input vector x must be greater than padlen, which is {edge}.")
    zi = lfilter_zi(b, a)
    y, _ = lfilter(b, a, _continued(x, padtype, edge), -1, zi * _continued(x, padtype, edge)[..., :1])
    y, _ = lfilter(b, a, np.flip(y, -1), -1, zi * y[..., -1:])
    y = np.flip(y, -1)
    return np.moveaxis(y[..., edge : y.shape[-1] - edge], -1, axis)


def _continued(x: Array, how: Any, n: int) -> Array:
    if n == 0:
        return x
    before, behind = np.flip(x[..., 1 : n + 1], -1), np.flip(x[..., -n - 1 : -1], -1)
    if how == "odd":
        before, behind = 2 * x[..., :1] - before, 2 * x[..., -1:] - behind
    elif how == "constant":
        before, behind = before * 0 + x[..., :1], behind * 0 + x[..., -1:]
    return np.concatenate((before, x, behind), axis=-1)


@composes("scipy.signal")
def sosfilt(sos: Array, x: Array, axis: int = -1, zi: Any = None) -> Any:
    sos, x = common_dtype([inexact(sos), inexact(x)])
    ends: list[Array] = []
    for i in range(sos.shape[0]):
        if zi is None:
            x = lfilter(sos[i, :3], sos[i, 3:], x, axis)
        else:
            x, end = lfilter(sos[i, :3], sos[i, 3:], x, axis, zi[i])
            ends.append(end)
    return x if zi is None else (x, np.stack(ends))


def _by_matrix(name: str, along: int) -> None:
    """A function that is linear along one axis, as the matrix that SciPy makes of the unit vectors."""

    def spelled(x: Array, *args: Any, axis: Any = along, **kwargs: Any) -> Array:
        x = inexact(x)
        axis = normalize_axis_index(axis, x.ndim)
        made = getattr(SIGNAL, name)(np.eye(x.shape[axis]), *args, axis=0, **kwargs)
        made = made.astype(np.result_type(x.dtype, np.complex64) if made.dtype.kind == "c" else x.dtype)
        return np.moveaxis(np.moveaxis(x, axis, -1) @ made.T, -1, axis)

    composes("scipy.signal", name)(spelled)


for _name, _axis in (("savgol_filter", -1), ("hilbert", -1), ("resample", 0), ("resample_poly", 0), ("decimate", -1)):
    _by_matrix(_name, _axis)


@composes("scipy.signal")
def freqz(
    b: Array,
    a: Any = 1,
    worN: Any = 512,
    whole: bool = False,
    plot: Any = None,
    fs: float = 2 * np.pi,
    include_nyquist: bool = False,
) -> tuple[Array, Array]:
    """The frequencies, which do not move, and the response there."""
    places = SIGNAL.freqz([1.0], 1, worN, whole, None, fs, include_nyquist)[0]
    b, a = common_dtype([np.atleast_1d(inexact(b)), np.atleast_1d(inexact(a))])
    turn = np.exp(-2j * np.pi / fs * np.outer(places, np.arange(max(b.shape[0], a.shape[0]))))
    return places, (turn[:, : b.shape[0]] @ b) / (turn[:, : a.shape[0]] @ a)


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
        raise no_option("scipy.signal.detrend", "break points (bp=)", "Detrend the parts one by one.")
    return np.moveaxis(y, -1, axis)
