"""Fourier transforms as native steps: NumPy's values in all its forms, and no step that NumPy computes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.backends import llvm
from geartrain.backends.cpu import fourier, fourier_trial, runtime

pytestmark = [
    pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed"),
    pytest.mark.skipif(not (llvm.installed() and runtime.has_blas()), reason="there is no LAPACK"),
    pytest.mark.skipif(not (llvm.installed() and fourier.usable()), reason="NumPy's loops are not to be had"),
]

R = np.random.default_rng(0)
F = np.fft
ALONG_ONE = (F.fft, F.ifft, F.rfft, F.irfft, F.hfft, F.ihfft)
ALONG_SEVERAL = (F.fftn, F.ifftn, F.rfftn, F.irfftn, F.fft2, F.ifft2, F.rfft2, F.irfft2)
OF_REAL = (F.rfft, F.ihfft, F.rfftn, F.rfft2)

ONE: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((5, 12), {}),
    ((6, 5, 3), {"axis": 1, "norm": "ortho"}),
    ((7, 4), {"axis": 0, "n": 9}),
    ((3, 40), {"n": 16, "norm": "forward"}),
    ((1, 2), {}),
]
BIG: tuple[tuple[int, ...], dict[str, Any]] = ((2, 11, 1500), {"axis": 1})
"""More than one worker takes."""

SEVERAL: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((5, 12), {}),
    ((6, 5, 3), {"axes": (0, 2), "norm": "ortho"}),
    ((7, 4), {"s": (9, 6), "axes": (0, 1)}),
]
FORMS = [(f, shape, options) for f in ALONG_ONE for shape, options in ONE]
FORMS += [(f, *BIG) for f in (F.fft, F.rfft, F.irfft)]
FORMS += [(f, shape, options) for f in ALONG_SEVERAL for shape, options in SEVERAL]


def signal(f: Any, shape: tuple[int, ...]) -> Any:
    x = R.normal(size=shape)
    return x if f in OF_REAL else x + 1j * R.normal(size=shape)


def weighted(f: Callable[..., Any], options: dict[str, Any]) -> Callable[..., Any]:
    def run(x: Any) -> Any:
        y = f(x, **options)
        return np.sum(np.abs(y) ** 2 * np.reshape(np.arange(y.size), y.shape))

    return run


def name_of(value: Any) -> str:
    return str(value) if isinstance(value, (tuple, dict)) else value.__name__


@pytest.mark.parametrize(("f", "shape", "options"), FORMS, ids=name_of)
def test_as_numpy_and_native(f: Any, shape: tuple[int, ...], options: dict[str, Any]) -> None:
    wide = signal(f, shape)
    narrow = wide.astype("c8" if wide.dtype.kind == "c" else "f4")
    plain, slope = (lambda x: f(x, **options)), gt.grad(weighted(f, options))
    for g, x, near in ((plain, wide, 1e-12), (slope, wide, 1e-12), (plain, narrow, 1e-5)):
        compiled, want = gt.jit(g), g(x)
        compiled(x)
        got = compiled(x)
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=near, atol=near * np.max(np.abs(want), initial=1))
        assert not compiled.report(x).numpy


def test_same_bits_for_any_number_of_threads() -> None:
    x = signal(F.fft, (60, 48, 31))
    compiled = gt.jit(lambda x: (F.fftn(x), F.irfft(x), F.ifft(x, axis=1)))
    before = gt.get_threads()
    found: list[Any] = []
    for n in (1, 2):
        gt.set_threads(n)
        compiled(x)
        found.append(compiled(x))
    gt.set_threads(before)
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))


def test_a_spectral_step_rolled_up() -> None:
    """A loop of transforms is a loop of the plan."""
    k = 2 * np.pi * F.fftfreq(32)

    def heat(u: Any) -> Any:
        for _ in range(20):
            u = np.real(F.ifft(F.fft(u) * np.exp(-0.1 * k**2)))
        return np.sum(u**3)

    u = R.normal(size=32)
    compiled = gt.jit(gt.grad(heat))
    compiled(u)
    np.testing.assert_allclose(compiled(u), gt.grad(heat)(u), rtol=1e-9)
    report = compiled.report(u)
    assert not report.numpy
    assert len(report.steps) < 20


def test_what_lies_otherwise_in_memory_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another NumPy: transforms are its steps, and the report says so."""
    monkeypatch.setitem(fourier.LOOPS, "fft", ("fft", "Dd->D Fd->F"))
    with pytest.raises(LookupError, match=r"fft is another one"):
        fourier.read()
    monkeypatch.setattr(fourier, "_found", vars(fourier)["_found"].__wrapped__)
    assert not fourier.usable()
    assert "another one" in fourier.why_not()
    x = signal(F.fft, (4, 9))
    compiled = gt.jit(lambda x: 3 * F.fft(x))
    compiled(x)
    np.testing.assert_allclose(compiled(x), 3 * F.fft(x))
    assert compiled.report(x).numpy == ["complex fftn"]


def test_a_wrong_loop_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fourier_trial.trial() == ""
    loops = fourier.read()
    swapped = loops | {"gt_fft_ifft_f8_data": loops["gt_fft_fft_f8_data"]}
    monkeypatch.setattr(fourier_trial, "read", lambda: swapped)
    assert fourier_trial.wrong() == "ifft of complex128(3, 8) is wrong"
