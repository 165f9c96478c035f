"""Linear algebra as native steps: the values of NumPy, its errors, and no step that NumPy computes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain import tree
from geartrain.backends import llvm
from geartrain.backends.cpu import blocked_ir, runtime

pytestmark = [
    pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed"),
    pytest.mark.skipif(not (llvm.installed() and runtime.has_blas()), reason="there is no LAPACK"),
]

R = np.random.default_rng(0)
A, B = R.normal(size=(5, 5)), R.normal(size=(5, 3))
S = A @ A.T + 5 * np.eye(5)
STACK, TALL = R.normal(size=(2, 4, 4)), R.normal(size=(4, 6, 3))
WIDE = np.ascontiguousarray(np.swapaxes(TALL, -1, -2))
L = np.linalg


def evidence(a: Any, y: Any) -> Any:
    """A Gaussian process: minus the logarithm of what it says of the data."""
    lower = L.cholesky(a)
    weights = L.solve(lower.T, L.solve(lower, y))
    return 0.5 * np.sum(y * weights) + np.sum(np.log(np.diagonal(lower)))


def filtered(a: Any, y: Any) -> Any:
    """A Kalman filter of a few steps: a loop whose body solves an equation."""
    mean, cov = np.zeros(5), np.eye(5)
    total = 0.0
    for row in y:
        mean, cov = 0.9 * a @ mean, 0.8 * a @ cov @ a.T + np.eye(5)
        seen = cov[:3, :3] + np.eye(3)
        gain = L.solve(seen.T, cov[:3]).T
        off = row - mean[:3]
        total = total + off @ L.solve(seen, off) + L.slogdet(seen)[1]
        mean, cov = mean + gain @ off, cov - gain @ cov[:3]
    return total


CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "solve": (L.solve, (A, B)),
    "solve by the transpose": (lambda a, b: L.solve(a.T, b), (A, B)),
    "solve for a vector": (lambda a, b: L.solve(a, b[:, 0]), (A, B)),
    "solve a stack": (L.solve, (STACK, R.normal(size=(2, 4, 3)))),
    "solve for many": (L.solve, (A, R.normal(size=(5, 300)))),
    "one factorisation": (lambda a, b: (L.solve(a, b), L.solve(a.T, 2 * b), L.det(a), tuple(L.slogdet(a))), (A, B)),
    "inv": (L.inv, (STACK,)),
    "inv of a transpose": (lambda a: L.inv(a.T), (A,)),
    "det": (L.det, (STACK,)),
    "slogdet": (lambda a: tuple(L.slogdet(a)), (STACK,)),
    "det of what is singular": (lambda a: (L.det(a), tuple(L.slogdet(a))), (np.zeros((3, 3)),)),
    "cholesky": (L.cholesky, (S,)),
    "triangular": (lambda a, b: L.solve(L.cholesky(a).T, L.solve(L.cholesky(a), b)), (S, B)),
    "qr": (lambda a: tuple(L.qr(a)), (TALL,)),
    "qr complete": (lambda a: tuple(L.qr(a, mode="complete")), (TALL,)),
    "qr of wide ones": (lambda a: tuple(L.qr(a)), (WIDE,)),
    "eigh": (lambda a: tuple(L.eigh(a)), (S,)),
    "eigh of the other triangle": (lambda a: tuple(L.eigh(a, "U")), (A,)),
    "svd": (lambda a: tuple(L.svd(a)), (TALL,)),
    "svd thin": (lambda a: tuple(L.svd(a, full_matrices=False)), (TALL,)),
    "svd of wide ones": (lambda a: tuple(L.svd(a)), (WIDE,)),
    "singular values": (lambda a: L.svd(a, compute_uv=False), (TALL,)),
    "pinv": (L.pinv, (TALL,)),
    "rank": (L.matrix_rank, (TALL,)),
    "lstsq": (lambda a, b: L.lstsq(a, b)[0], (R.normal(size=(6, 3)), R.normal(size=(6, 2)))),
    "gradient of det": (gt.grad(lambda a: np.sum(L.det(a))), (STACK,)),
    "gradient of eigh": (gt.grad(lambda a: np.sum(L.eigh(a)[1] * L.eigh(a)[0] ** 2)), (S,)),
    "gradient of qr": (gt.grad(lambda a: np.sum(L.qr(a)[0] ** 3) + np.sum(L.qr(a)[1] ** 3)), (TALL,)),
    "gaussian process": (gt.value_and_grad(evidence), (S, B)),
    "kalman filter": (gt.value_and_grad(filtered), (A / 3, R.normal(size=(6, 3)))),
}


def _complex(*shape: int) -> Any:
    return R.normal(size=shape) + 1j * R.normal(size=shape)


CA, CB = _complex(5, 5), _complex(5, 3)
H = CA @ CA.conj().T + 5 * np.eye(5)
C_STACK, C_TALL = _complex(2, 4, 4), _complex(4, 6, 3)
OF_COMPLEX = ("solve", "solve by the transpose", "solve for a vector", "solve a stack", "solve for many", "inv", "det")
OF_COMPLEX += ("one factorisation", "slogdet", "inv of a transpose", "det of what is singular", "cholesky")
OF_COMPLEX += ("qr", "qr complete", "qr of wide ones", "eigh", "eigh of the other triangle", "svd", "svd thin")
OF_COMPLEX += ("triangular", "svd of wide ones", "singular values", "pinv", "rank", "lstsq")
COMPLEX: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    **{name: (CASES[name][0], tuple([x + 1j * x[::-1] for x in CASES[name][1]])) for name in OF_COMPLEX},
    **{name: (CASES[name][0], (H, CB)[: len(CASES[name][1])]) for name in ("cholesky", "triangular", "eigh")},
    "eig": (lambda a: tuple(L.eig(a)), (C_STACK,)),
    "eig of real ones": (lambda a: tuple(L.eig(np.real(a))), (C_STACK,)),
    "eigvals": (L.eigvals, (CA,)),
    "gradient of det": (gt.grad(lambda a: np.sum(np.abs(L.det(a)))), (C_STACK,)),
    "gradient of slogdet": (gt.grad(lambda a: L.slogdet(a)[1]), (CA,)),
    "gradient of eigh": (gt.grad(lambda a: np.sum(np.abs(L.eigh(a)[1]) ** 3 * L.eigh(a)[0] ** 2)), (H,)),
    "gradient of eig": (gt.grad(lambda a: np.sum(np.abs(L.eigvals(a)) ** 2)), (CA,)),
    "gradient of qr": (gt.grad(lambda a: np.sum(np.abs(L.qr(a)[0]) ** 3)), (C_TALL,)),
    "gradient of svd": (gt.grad(lambda a: np.sum(L.svd(a)[1] ** 2)), (C_TALL,)),
    "gradient of cholesky": (gt.grad(lambda a: np.sum(np.abs(L.cholesky(a)) ** 3)), (H,)),
    "gradient of solve": (gt.grad(lambda a, b: np.sum(np.abs(L.solve(a, b)) ** 2), argnums=(0, 1)), (CA, CB)),
}
EVERY = [(CASES[name], d, name) for name in CASES for d in (np.float64, np.float32)]
EVERY += [(COMPLEX[name], d, name) for name in COMPLEX for d in (np.complex128, np.complex64)]


@pytest.mark.parametrize(("case", "dtype"), [x[:2] for x in EVERY], ids=[f"{n} {d.__name__}" for _, d, n in EVERY])
def test_as_numpy_and_native(case: tuple[Callable[..., Any], tuple[Any, ...]], dtype: type) -> None:
    f, args = case
    xs = [x.astype(dtype) for x in args]
    with np.errstate(all="ignore"):
        want = tree.leaves(f(*xs))
    compiled = gt.jit(f)
    compiled(*xs)
    got = tree.leaves(compiled(*xs))
    near = 1e-9 if dtype in (np.float64, np.complex128) else 3e-3
    for g, w in zip(got, want, strict=True):
        assert np.asarray(g).dtype == np.asarray(w).dtype
        np.testing.assert_allclose(g, w, rtol=near, atol=near * np.max(np.abs(w), initial=1, where=np.isfinite(w)))
    assert not compiled.report(*xs).numpy


@pytest.mark.parametrize(
    ("f", "bad"),
    [
        (L.cholesky, -np.eye(3)),
        (lambda a: L.solve(a, a), np.zeros((3, 3))),
        (L.inv, np.ones((3, 3))),
        (lambda a: L.svd(a)[1], np.full((3, 3), np.nan)),
        (lambda a: L.solve(a + 0j, a * 1j), np.zeros((3, 3))),
        (lambda a: L.cholesky(a + 0j), -np.eye(3)),
        (lambda a: L.eig(a * 1j)[0], np.full((3, 3), np.nan)),
    ],
)
def test_errors_are_numpys(f: Callable[..., Any], bad: Any) -> None:
    compiled = gt.jit(f)
    good = 2 * np.eye(3) + 0.1
    compiled(good)
    with pytest.raises(L.LinAlgError) as plain:
        f(bad)
    with pytest.raises(L.LinAlgError) as native:
        compiled(bad)
    assert str(plain.value) == str(native.value)
    np.testing.assert_allclose(compiled(good), f(good))


def test_one_factorisation_serves_all() -> None:
    """The gradient solves by the transpose of what the value was solved by."""
    compiled = gt.jit(gt.grad(lambda a, b: np.sum(np.sin(L.solve(a, b))) + L.slogdet(a)[1]))
    compiled(A, B)
    names = [step.name for step in compiled.report(A, B).steps]
    assert [names.count(name) for name in ("lu", "lu_solve", "lu_inverse")] == [1, 2, 1]


def test_one_factorisation_of_a_complex_matrix() -> None:
    compiled = gt.jit(gt.grad(lambda a, b: np.sum(np.abs(L.solve(a, b))) + L.slogdet(a)[1]))
    compiled(CA, CB)
    names = [step.name for step in compiled.report(CA, CB).steps]
    assert [names.count(f"complex {name}") for name in ("lu", "lu_solve", "lu_inverse")] == [1, 2, 1]


def test_a_complex_factor_is_solved_by_as_it_is() -> None:
    compiled = gt.jit(gt.grad(lambda a: np.sum(np.abs(L.cholesky(a)))))
    compiled(H)
    names = [step.name for step in compiled.report(H).steps]
    assert "complex lu" not in names
    assert names.count("complex tri_solve") == 2


def factored(a: Any, b: Any, s: Any) -> Any:
    return L.solve(a, b), L.solve(a.T, b), L.inv(a), tuple(L.slogdet(a)), L.cholesky(s)


BLOCKED = 3 * blocked_ir.BLOCK + blocked_ir.LEAST + 1


@pytest.mark.parametrize(("n", "dtype"), [(60, np.float64), (BLOCKED, np.float64), (blocked_ir.LEAST, np.complex128)])
def test_same_bits_for_any_number_of_threads(n: int, dtype: type) -> None:
    """Large ones are factored by blocks, on the pool; the last block may have a single column."""
    a, b = R.normal(size=(n, n)).astype(dtype), R.normal(size=(n, 140)).astype(dtype)
    if dtype is np.complex128:
        a = a + 1j * R.normal(size=(n, n))
    s = a @ a.conj().T + n * np.eye(n)
    compiled = gt.jit(factored)
    before = gt.get_threads()
    found: list[list[Any]] = []
    for threads in (1, 2):
        gt.set_threads(threads)
        compiled(a, b, s)
        found.append(tree.leaves(compiled(a, b, s)))
    gt.set_threads(before)
    assert all(np.array_equal(x, y) for x, y in zip(*found, strict=True))
    for got, want in zip(found[0], tree.leaves(factored(a, b, s)), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-8 * np.max(np.abs(want)))


def test_a_large_matrix_that_cannot_be_factored() -> None:
    n = BLOCKED
    compiled = gt.jit(lambda a: (L.cholesky(a), L.solve(a, a[:, :1])))
    good = np.eye(n)
    compiled(good)
    bad = np.eye(n)
    bad[n - 1, n - 1] = -1
    with pytest.raises(L.LinAlgError, match="not positive definite"):
        compiled(bad)
    bad[n - 1, n - 1] = 0
    solved = gt.jit(L.solve)
    solved(good, good)
    with pytest.raises(L.LinAlgError, match="Singular"):
        solved(bad, good)


def test_a_long_stack_takes_no_stack_of_the_thread() -> None:
    a = R.normal(size=(300_000, 2, 2)) + 3 * np.eye(2)
    compiled = gt.jit(L.solve)
    compiled(a, a)
    np.testing.assert_allclose(compiled(a, a), np.broadcast_to(np.eye(2), a.shape), atol=1e-6)
