"""The exponential of matrices as a native step, against numbers of 50 digits, and in programs."""

from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.backends import llvm
from geartrain.backends.cpu import runtime

linalg = pytest.importorskip("scipy.linalg")
mpmath = pytest.importorskip("mpmath")

pytestmark = [
    pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed"),
    pytest.mark.skipif(not (llvm.installed() and runtime.has_blas()), reason="there is no LAPACK"),
]

R = np.random.default_rng(0)
A = R.normal(size=(4, 4))
Z = A + 1j * R.normal(size=(4, 4))

MATRICES: dict[str, Any] = {
    **{f"norm {norm}": A * (norm / np.linalg.norm(A, np.inf)) for norm in (1e-9, 0.3, 5.3, 5.4, 40, 300)},
    "complex": Z,
    "complex and large": 20 * Z,
    "far from normal": np.array([[1.0, 1e6], [0.0, -1.0]]),
    "nothing but what is far from normal": np.array([[0.0, 1e9], [0.0, 0.0]]),
    "a corner": np.block([[A, 1e8 * A.T], [np.zeros((4, 4)), A]]),
    "zero": np.zeros((3, 3)),
    "one number": np.array([[-3.0]]),
    "a turn": np.array([[0.0, -20.0], [20.0, 0.0]]),
}


def exact(a: Any) -> Any:
    mpmath.mp.dps = 50
    y = mpmath.expm(mpmath.matrix(a.tolist()), method="taylor")
    return np.array(y.tolist(), a.dtype)


def exponential(a: Any) -> Any:
    return linalg.expm(a)


@pytest.mark.parametrize("name", MATRICES)
def test_right_to_what_rounding_of_the_matrix_does(name: str) -> None:
    a = MATRICES[name]
    compiled = gt.jit(exponential)
    compiled(a)
    got, want = compiled(a), exact(a)
    assert not compiled.report(a).numpy
    assert got.dtype == want.dtype
    norm = np.linalg.norm(a, np.inf)
    far = 1 if "far" in name or "corner" in name else max(norm, 1)  # those by the norms of their powers
    assert np.max(np.abs(got - want)) <= 2e-15 * far * np.max(np.abs(want))


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_single_precision_and_stacks(dtype: type) -> None:
    a = (Z if dtype is np.complex64 else A).astype(dtype) * np.reshape([0.1, 1, 3], (3, 1, 1)).astype(np.float32)
    compiled = gt.jit(exponential)
    compiled(a)
    got = compiled(a)
    assert got.dtype == dtype
    for one, x in zip(got, a, strict=True):
        want = exact(x.astype(np.complex128 if dtype is np.complex64 else np.float64))
        assert np.max(np.abs(one - want)) <= 1e-5 * np.max(np.abs(want))


def test_gradients_are_native() -> None:
    def loss(a: Any) -> Any:
        return np.sum(linalg.expm(a) ** 2)

    for f in (gt.grad(loss), gt.grad(lambda a: np.sum(gt.grad(loss)(a) ** 2))):
        compiled = gt.jit(f)
        compiled(A / 3)
        np.testing.assert_allclose(compiled(A / 3), f(A / 3), rtol=1e-9)
        assert not compiled.report(A / 3).numpy


def test_what_is_no_number_is_scipys() -> None:
    compiled = gt.jit(exponential)
    compiled(np.eye(2))
    for bad in (np.full((2, 2), np.nan), np.full((2, 2), np.inf)):
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(compiled(bad), linalg.expm(bad))
