"""Complex numbers in native code: NumPy's values, also at infinities, zeros and NaN."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain import tree
from geartrain.backends import llvm

pytestmark = pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed")

R = np.random.default_rng(0)


def draw(*shape: int) -> Any:
    return R.normal(size=shape) + 1j * R.normal(size=shape)


A, B, M, X = draw(4, 5), draw(4, 5), draw(5, 3), R.normal(size=(4, 5))


def written(a: Any) -> Any:
    b = np.zeros(5, a.dtype)
    b[1:3] = a[0, 1:3]
    b[0] = 1j
    b.real[4] = 7
    return b


def spectrum(x: Any) -> Any:
    return np.sum(np.abs(np.exp(1j * x) * x - 2j) ** 2)


CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "arithmetic": (lambda a, b, x: (a + b, a - b * x, a * b / (b + 2), -a, 2j * a + 1, a**2, 1 / a), (A, B, X)),
    "parts": (lambda a, b: (a.conj(), a.real, a.imag, abs(a), np.angle(a), np.sign(a), a == b, a != a), (A, B)),
    "products": (lambda a, m, x: (a @ m, x @ m, a.T @ x, (a @ m)[0] @ m[0].conj()), (A, M, X)),
    "layout": (
        lambda a, b: (np.concatenate([a, b]), np.stack([a, b]).sum(0), a.T[1:3], a.reshape(2, -1), a[[0, 1], [2, 3]]),
        (A, B),
    ),
    "choice": (lambda a, b: (np.where(a.real > 0, a, b), a[::-1].mean()), (A, B)),
    "functions": (lambda a: (np.exp(a), np.log(a), np.sqrt(a), np.tanh(a), np.sin(a), np.cos(a), np.tan(a)), (A,)),
    "powers": (lambda a: (a**3, a**-2, a**7, a**0, a**2.0, a**0.5, a ** (1 + 2j)), (A,)),
    "contraction": (lambda a, m: (np.einsum("ij,jk->ik", a, m), np.linalg.norm(a), np.vdot(a, a)), (A, M)),
    "writes": (written, (A,)),
    "running": (lambda a: (np.cumsum(a, 1), np.round(a, 1), np.sort(a), np.median(a), np.any(a, 0), np.all(a)), (A,)),
    "from real": (lambda x: (x * 1j, x + 0j, np.exp(1j * x)), (X,)),
    "scalars": (lambda x: (x * 1j + 2, x * x, x.imag), (2 + 1j,)),
    "gradient": (gt.grad(spectrum), (X,)),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("single", [False, True])
def test_as_numpy_and_native(name: str, single: bool) -> None:
    f, args = CASES[name]
    small = {np.dtype(float): np.float32, np.dtype(complex): np.complex64}
    xs = [x.astype(small[x.dtype]) if single and isinstance(x, np.ndarray) else x for x in args]
    compiled = gt.jit(f)
    compiled(*xs)
    calls = compiled.calls()[0]
    got = tree.leaves(compiled(*xs))
    assert compiled.calls()[0] == calls + 1
    for g, w in zip(got, tree.leaves(f(*xs)), strict=True):
        assert type(g) is type(w)
        assert np.asarray(g).dtype == np.asarray(w).dtype
        np.testing.assert_allclose(g, w, rtol=1e-4 if single else 1e-12, atol=1e-5 if single else 1e-12)


FUNCTIONS = [
    *("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sign", "conjugate", "reciprocal"),
    *("absolute", "angle", "isnan", "isinf", "isfinite", "logical_not"),
    *("exp2", "expm1", "log2", "log10", "log1p"),
]
OF_TWO = ["divide", "less", "less_equal", "greater", "greater_equal", "maximum", "minimum", "fmax", "fmin"]
OF_TWO += ["logical_and", "logical_or", "logical_xor"]
SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.5, -3.5, 0.5, np.inf, -np.inf, np.nan, 1e300, 1e-300, 25.0, -700.5]


@pytest.mark.parametrize("name", FUNCTIONS + OF_TWO)
def test_special_values(name: str) -> None:
    z = np.array([complex(x, y) for x, y in itertools.product(SPECIAL, SPECIAL)])
    f = getattr(np, name)
    xs = [x.ravel() for x in np.meshgrid(z, z)] if name in OF_TWO else [z]
    with np.errstate(all="ignore"):
        want = f(*xs)
        compiled = gt.jit(lambda *xs: f(*xs))
        compiled(*xs)
        got = compiled(*xs)
        for part in (np.real, np.imag):
            g, w = part(got) * 1.0, part(want) * 1.0
            fine = (g == w) | (np.isnan(g) & np.isnan(w)) | (np.abs(g - w) <= 1e-12 * np.abs(w))
            assert fine.all(), list(zip(*[x[~fine] for x in xs], got[~fine], want[~fine], strict=True))[:5]


def test_what_stays_numpys_is_given_complex_numbers() -> None:
    def f(a: Any, x: Any) -> Any:
        y = np.fft.fft(a) * a
        return y, np.fft.ifft(np.fft.fft(x) * np.exp(-x)).real, np.linalg.solve(a[:, :4], y[:, :2]), a > a[0, 0]

    compiled = gt.jit(f)
    compiled(A, X)
    for g, w in zip(tree.leaves(compiled(A, X)), tree.leaves(f(A, X)), strict=True):
        np.testing.assert_allclose(g, w, 1e-12, 1e-12)
    assert not compiled.report(A, X).numpy


@pytest.mark.parametrize("axis", [0, 1])
def test_order(axis: int) -> None:
    """Also of NaN, and of what has one equal part; equals keep their order."""
    z = np.array([complex(x, y) for x, y in itertools.product(SPECIAL, SPECIAL)])
    z = R.permutation(np.concatenate([z, z[::-1], z.conj()])).reshape(12, -1)

    def f(z: Any) -> Any:
        return np.argsort(z, axis, kind="stable"), np.sort(z, axis), np.lexsort((z.real, z.imag), axis)

    compiled = gt.jit(f)
    compiled(z)
    for g, w in zip(compiled(z), f(z), strict=True):
        np.testing.assert_array_equal(g, w)
    assert not compiled.report(z).numpy
