"""Fourier transforms. Three linear rows, one axis or several; the other transforms are written in them.

The matrix of a discrete Fourier transform is symmetric, so a complex transform is its own transpose (a cotangent pairs
with a tangent without conjugation). Of a real signal half the spectrum is enough; the transpose of ``rfft`` is the real
part of a transform of the cotangent, and that of ``irfft`` counts the doubled frequencies twice.
"""

from collections.abc import Sequence
from typing import Any

from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import conj, is_complex
from geartrain.ops.shape import cast
from geartrain.ops.table import composite, linear

__all__ = ["FFTN", "IFFTN", "IRFFT", "RFFT"]

Axes = tuple[int, ...]
_OTHER_WAY = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


def _sized(x: Array, n: int, axis: int) -> Array:
    """``x`` cut or padded with zeros to n elements along an axis."""
    have = x.shape[axis]
    if have == n:
        return x
    before = (slice(None),) * axis
    if have > n:
        return x[(*before, slice(None, n))]
    return np.concatenate((x, np.zeros((*x.shape[:axis], n - have, *x.shape[axis + 1 :]), x.dtype)), axis=axis)


# The rows. The parameter ``norm`` is NumPy's.


def _fftn(x: Array, axes: Axes, norm: str | None) -> Array:
    return np.fft.fftn(x, axes=axes, norm=norm)


def _ifftn(x: Array, axes: Axes, norm: str | None) -> Array:
    return np.fft.ifftn(x, axes=axes, norm=norm)


def _fftn_T(y_bar: Array, x: Array, axes: Axes, norm: str | None) -> Array:
    return FFTN(y_bar, params=(axes, norm))


def _ifftn_T(y_bar: Array, x: Array, axes: Axes, norm: str | None) -> Array:
    return IFFTN(y_bar, params=(axes, norm))


def _batch_fftn(size: int, batched: Sequence[bool], x: Array, axes: Axes, norm: str | None) -> Array:
    return FFTN(x, params=(tuple(i + 1 for i in axes), norm))


def _batch_ifftn(size: int, batched: Sequence[bool], x: Array, axes: Axes, norm: str | None) -> Array:
    return IFFTN(x, params=(tuple(i + 1 for i in axes), norm))


FFTN = linear("fftn", _fftn, "axes", "norm", transposes=(_fftn_T,), batch=_batch_fftn)
IFFTN = linear("ifftn", _ifftn, "axes", "norm", transposes=(_ifftn_T,), batch=_batch_ifftn)


def _rfft(x: Array, axis: int, norm: str | None) -> Array:
    return np.fft.rfft(x, axis=axis, norm=norm)


def _rfft_T(y_bar: Array, x: Array, axis: int, norm: str | None) -> Array:
    return np.real(FFTN(_sized(y_bar, x.shape[axis], axis), params=((axis,), norm)))


def _batch_rfft(size: int, batched: Sequence[bool], x: Array, axis: int, norm: str | None) -> Array:
    return RFFT(x, params=(axis + 1, norm))


def _irfft(x: Array, n: int, axis: int, norm: str | None) -> Array:
    return np.fft.irfft(x, n, axis, norm)


def _irfft_T(y_bar: Array, x: Array, n: int, axis: int, norm: str | None) -> Array:
    half = n // 2 + 1
    once = [0, n // 2] if n % 2 == 0 else [0]
    times = np.where(np.isin(np.arange(half), once), 1, 2).astype(y_bar.dtype)
    spectrum = conj(RFFT(y_bar, params=(axis, _OTHER_WAY[norm])))
    return _sized(np.reshape(times, (half, *(1,) * (x.ndim - 1 - axis))) * spectrum, x.shape[axis], axis)


def _batch_irfft(size: int, batched: Sequence[bool], x: Array, n: int, axis: int, norm: str | None) -> Array:
    return IRFFT(x, params=(n, axis + 1, norm))


RFFT = linear("rfft", _rfft, "axis", "norm", transposes=(_rfft_T,), batch=_batch_rfft)
IRFFT = linear("irfft", _irfft, "n", "axis", "norm", transposes=(_irfft_T,), batch=_batch_irfft)

# NumPy's spellings.


def _complex(a: Array) -> Array:
    a = a if hasattr(a, "dtype") else np.asarray(a)
    return a if is_complex(a) else cast(a, np.result_type(a.dtype, np.complex64))


def _real(a: Array) -> Array:
    a = a if hasattr(a, "dtype") else np.asarray(a)
    if is_complex(a):
        raise TypeError("a transform of real signals got complex numbers; use fft, or x.real")
    return a if a.dtype.kind == "f" else cast(a, float)


def _several(a: Array, s: Any, axes: Any) -> tuple[Array, Axes]:
    """The array, sized along the axes that a transform over several of them takes."""
    if axes is None:
        axes = range(a.ndim) if s is None else range(a.ndim - len(s), a.ndim)
    axes = normalize_axis_tuple(tuple(axes), a.ndim, allow_duplicate=True)
    if s is not None:
        if len(s) != len(axes):
            raise ValueError("Shape and axes have different lengths.")
        for n, axis in zip(s, axes, strict=True):
            a = a if n in (None, -1) else _sized(a, int(n), axis)
    return a, axes


def _along(row: Any, a: Array, n: int | None, axis: int, norm: str | None) -> Array:
    a = _complex(a)
    axis = normalize_axis_index(axis, a.ndim)
    return row(a if n is None else _sized(a, int(n), axis), params=((axis,), norm))


@composite(np.fft.fft)
def fft(a: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    return _along(FFTN, a, n, axis, norm)


@composite(np.fft.ifft)
def ifft(a: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    return _along(IFFTN, a, n, axis, norm)


@composite(np.fft.fftn)
def fftn(a: Array, s: Any = None, axes: Any = None, norm: str | None = None) -> Array:
    a, axes = _several(_complex(a), s, axes)
    return FFTN(a, params=(axes, norm))


@composite(np.fft.ifftn)
def ifftn(a: Array, s: Any = None, axes: Any = None, norm: str | None = None) -> Array:
    a, axes = _several(_complex(a), s, axes)
    return IFFTN(a, params=(axes, norm))


@composite(np.fft.fft2)
def fft2(a: Array, s: Any = None, axes: Any = (-2, -1), norm: str | None = None) -> Array:
    return fftn(a, s, axes, norm)


@composite(np.fft.ifft2)
def ifft2(a: Array, s: Any = None, axes: Any = (-2, -1), norm: str | None = None) -> Array:
    return ifftn(a, s, axes, norm)


@composite(np.fft.rfft)
def rfft(a: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    a = _real(a)
    axis = normalize_axis_index(axis, a.ndim)
    return RFFT(a if n is None else _sized(a, int(n), axis), params=(axis, norm))


@composite(np.fft.irfft)
def irfft(a: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    a = _complex(a)
    axis = normalize_axis_index(axis, a.ndim)
    length = 2 * (a.shape[axis] - 1) if n is None else int(n)
    return IRFFT(_sized(a, length // 2 + 1, axis), params=(length, axis, norm))


@composite(np.fft.rfftn)
def rfftn(a: Array, s: Any = None, axes: Any = None, norm: str | None = None) -> Array:
    a, axes = _several(_real(a), s, axes)
    y = RFFT(a, params=(axes[-1], norm))
    return FFTN(y, params=(axes[:-1], norm)) if len(axes) > 1 else y


@composite(np.fft.rfft2)
def rfft2(a: Array, s: Any = None, axes: Any = (-2, -1), norm: str | None = None) -> Array:
    return rfftn(a, s, axes, norm)


@composite(np.fft.irfftn)
def irfftn(a: Array, s: Any = None, axes: Any = None, norm: str | None = None) -> Array:
    a = _complex(a)
    if axes is None:
        axes = range(a.ndim) if s is None else range(a.ndim - len(s), a.ndim)
    *front, last = normalize_axis_tuple(tuple(axes), a.ndim, allow_duplicate=True)
    sizes = [None] * (len(front) + 1) if s is None else [None if n in (None, -1) else int(n) for n in s]
    if front:
        a, others = _several(a, sizes[:-1], front)
        a = IFFTN(a, params=(others, norm))
    return irfft(a, sizes[-1], last, norm)


@composite(np.fft.irfft2)
def irfft2(a: Array, s: Any = None, axes: Any = (-2, -1), norm: str | None = None) -> Array:
    return irfftn(a, s, axes, norm)


@composite(np.fft.hfft)
def hfft(a: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    return irfft(conj(_complex(a)), n, axis, _OTHER_WAY[norm])


@composite(np.fft.ihfft)
def ihfft(a: Array, n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    return conj(rfft(a, n, axis, _OTHER_WAY[norm]))


@composite(np.fft.fftshift)
def fftshift(x: Array, axes: Any = None) -> Array:
    return _shifted(x, axes, 1)


@composite(np.fft.ifftshift)
def ifftshift(x: Array, axes: Any = None) -> Array:
    return _shifted(x, axes, -1)


def _shifted(x: Array, axes: Any, way: int) -> Array:
    x = np.asarray(x)
    numbers = normalize_axis_tuple(range(x.ndim) if axes is None else axes, x.ndim)
    return np.roll(x, [way * (x.shape[i] // 2) for i in numbers], numbers)


@composite(np.fft.fftfreq)
def fftfreq(n: int, d: Any = 1.0, device: Any = None) -> Array:
    return np.fft.fftfreq(n) / d


@composite(np.fft.rfftfreq)
def rfftfreq(n: int, d: Any = 1.0, device: Any = None) -> Array:
    return np.fft.rfftfreq(n) / d
