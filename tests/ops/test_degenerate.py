"""Where eigenvalues or singular values coincide: derivatives of what is smooth there, and NaN for the rest."""

from collections.abc import Callable
from typing import Any

import pytest
import scipy.linalg

import geartrain as gt
from geartrain.ir.untyped import numpy as np

S: Any = scipy.linalg
DRAW = np.random.default_rng(0)
TURN, OTHER = (np.linalg.qr(DRAW.normal(size=(4, 4)))[0] for _ in range(2))
Y, Z, MOVE = DRAW.normal(size=(4, 4)), DRAW.normal(size=(4, 4)), np.random.default_rng(1).normal(size=(4, 4))


def hermitian(x: Any) -> Any:
    return (x + np.conj(np.swapaxes(x, -1, -2))) / 2


def upper_space(x: Any) -> Any:
    """The projection on the two largest eigenvalues, which are equal: smooth, though its vectors are not."""
    v = np.linalg.eigh(hermitian(x))[1][..., -2:]
    return v @ np.swapaxes(v, -1, -2)


def of_matrix(f: Callable[[Any], Any], x: Any) -> Any:
    w, v = np.linalg.eigh(hermitian(x))
    return (v * f(w)[..., None, :]) @ np.conj(v.mT)


def of_values(f: Callable[[Any], Any], x: Any) -> Any:
    u, s, vh = np.linalg.svd(x)
    return (u * f(s)[..., None, :]) @ vh


def of_general(f: Callable[[Any], Any], x: Any) -> Any:
    w, v = np.linalg.eig(x)
    return np.sum(Y * ((v * f(w)[..., None, :]) @ np.linalg.inv(v))).real


SMOOTH: dict[str, Callable[[Any], Any]] = {
    "squares": lambda x: np.sum(np.linalg.eigvalsh(hermitian(x)) ** 2),
    "exponentials": lambda x: np.sum(np.exp(np.linalg.eigh(hermitian(x))[0])),
    "the trace of a function": lambda x: np.sum(of_matrix(np.sin, x) ** 2),
    "a square root": lambda x: np.sum(Y * of_matrix(lambda w: np.sqrt(w + 3), x)),
    "a logarithm, zero at 1": lambda x: np.sum(Y * of_matrix(lambda w: np.log(w * w), x)),
    "two functions": lambda x: np.sum(Y * of_matrix(np.exp, x)) * np.sum(Z * of_matrix(np.sin, x)),
    "a projection": lambda x: np.sum(np.arange(16.0).reshape(4, 4) * upper_space(x)),
    "nuclear norm": lambda x: np.sum(np.linalg.norm(x, "nuc", axis=(-2, -1))),
    "singular values": lambda x: np.sum(np.linalg.svd(x)[1]) + np.sum(np.linalg.svdvals(x) ** 3),
    "polar factor": lambda x: np.sum(of_values(np.ones_like, x) * np.arange(16.0).reshape(4, 4)),
    "a function of singular values": lambda x: np.sum(Y * of_values(np.tanh, x)),
}
PAIRS = TURN @ np.diag([1.0, 1.0, 2.0, 2.0]) @ TURN.T
MATRICES = {"pairs": PAIRS, "a stack": np.stack([PAIRS, np.diag([1.0, 1.5, 3.0, 3.0])])}


def slope(f: Callable[[Any], Any], x: Any, x_dot: Any, h: float = 1e-3) -> Any:
    a, b, c, d = (f(x + t * h * x_dot) for t in (-2, -1, 1, 2))
    return (a - 8 * b + 8 * c - d) / (12 * h)


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("name", SMOOTH)
def test_gradient(name: str, matrix: str) -> None:
    f, x = SMOOTH[name], MATRICES[matrix]
    x_dot = np.broadcast_to(MOVE, x.shape)
    want = slope(f, x, x_dot)
    x_bar = gt.grad(f)(x)
    assert np.sum(x_bar * x_dot) == pytest.approx(want, rel=1e-8, abs=1e-8)
    assert gt.jvp(f, (x,), (x_dot,))[1] == pytest.approx(want, rel=1e-8, abs=1e-8)
    np.testing.assert_allclose(gt.grad(f, nan_safe=True)(x), x_bar, rtol=1e-12, atol=1e-12)


SOME = ["squares", "a logarithm, zero at 1", "a projection", "a function of singular values"]


@pytest.mark.parametrize("name", SOME)
def test_jit(name: str) -> None:
    """Whether values are equal is a guard of the program."""
    f, compiled = SMOOTH[name], gt.jit(gt.grad(SMOOTH[name]))
    for x in (PAIRS, np.diag([1.0, 2.0, 3.0, 5.0]), PAIRS):
        np.testing.assert_allclose(compiled(x), gt.grad(f)(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [*SOME, "two functions"])
def test_second_derivative(name: str) -> None:
    f, x = SMOOTH[name], PAIRS
    want = slope(lambda x: np.sum(gt.grad(f)(x) * MOVE), x, Z)
    assert np.sum(gt.hvp(f, x, Z) * MOVE) == pytest.approx(want, rel=1e-6, abs=1e-6)
    back = gt.grad(lambda x: np.sum(gt.grad(f)(x) * MOVE))(x)
    assert np.sum(back * Z) == pytest.approx(want, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", [*SOME, "nuclear norm"])
def test_vmap(name: str) -> None:
    """The first example, by which a batch is recorded, has no equal values."""
    x = np.stack([np.diag([1.0, 2.0, 3.0, 5.0]), *MATRICES["a stack"]])
    got = gt.vmap(gt.grad(SMOOTH[name]))(x)
    np.testing.assert_allclose(got, np.stack([gt.grad(SMOOTH[name])(m) for m in x]), atol=1e-12)
    moved = gt.vmap(lambda m: gt.jvp(SMOOTH[name], (m,), (MOVE,))[1])(x)
    np.testing.assert_allclose(moved, np.sum(got * MOVE, axis=(1, 2)), rtol=1e-9, atol=1e-10)


FUNCTIONS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "sqrt": (np.sqrt, lambda x: S.sqrtm(x)),
    "exp": (np.exp, lambda x: S.expm(x)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("gap", [0.0, 1e-15, 1e-11, 1e-8, 1e-7, 1e-6, 1e-5])
def test_nearly_equal_eigenvalues(name: str, gap: float) -> None:
    """Against the rules of ``scipy.linalg``, which know of no eigenvalues; also the second derivative."""
    f, of = FUNCTIONS[name]
    turn, y, x_dot = np.linalg.qr(TURN[:3, :3])[0], Y[:3, :3], MOVE[:3, :3]
    x = hermitian(turn @ np.diag([1.0, 1.0 + gap, 2.0]) @ turn.T)

    def ours(x: Any) -> Any:
        return np.sum(y * of_matrix(f, x))

    def theirs(x: Any) -> Any:
        return np.sum(y * of(hermitian(x)))

    np.testing.assert_allclose(gt.grad(ours)(x), gt.grad(theirs)(x), rtol=0, atol=1e-8)
    np.testing.assert_allclose(gt.hvp(ours, x, x_dot), gt.hvp(theirs, x, x_dot), rtol=0, atol=1e-5)


def test_values_on_different_scales_are_not_taken_for_equal() -> None:
    x = hermitian(TURN @ np.diag([1e-9, 2e-9, 3e-9, 1.0]) @ TURN.T)
    w, v = np.linalg.eigh(x)
    want = v @ ((v.T @ hermitian(Y) @ v) / (np.sqrt(w)[:, None] + np.sqrt(w))) @ v.T
    got = gt.grad(lambda x: np.sum(Y * of_matrix(np.sqrt, x)))(x)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9 * np.max(want))


@pytest.mark.parametrize("f", [np.sqrt, np.log])
def test_identity(f: Any) -> None:
    """LAPACK's vectors are the unit vectors here, and the diagonal of ``y`` says nothing about the rest."""
    y = np.ones((3, 3)) + np.diag([0.0, 0.0, 1.0])
    slope_at_one = 0.5 if f is np.sqrt else 1.0
    got = gt.grad(lambda x: np.sum(y * of_matrix(f, x)))(np.eye(3))
    np.testing.assert_allclose(got, slope_at_one * y, atol=1e-14)


def test_values_and_vectors_asked_for_apart() -> None:
    """Of one matrix they are one factorisation; of two that are equal, how each turns does not tell of the other."""

    def once(x: Any) -> Any:
        x = hermitian(x)
        w, v = np.linalg.eigvalsh(x), np.linalg.eigh(x)[1]
        return np.sum(Y * ((v * np.exp(w)) @ v.T))

    def twice(x: Any) -> Any:
        w, v = np.linalg.eigvalsh(hermitian(x)), np.linalg.eigh(hermitian(x))[1]
        return np.sum(Y * ((v * np.exp(w)) @ v.T))

    want = gt.grad(lambda x: np.sum(Y * S.expm(hermitian(x))))(PAIRS)
    np.testing.assert_allclose(gt.grad(once)(PAIRS), want, atol=1e-12)
    assert np.all(np.isnan(gt.grad(twice)(PAIRS)))
    apart = gt.grad(lambda x: np.sum(Y * of_matrix(np.exp, x)) + np.sum(Z * of_matrix(np.sin, x)))(PAIRS)
    both = gt.grad(lambda x: (lambda h: np.sum(Y * S.expm(h)) + np.sum(Z * S.sinm(h)))(hermitian(x)))(PAIRS)
    np.testing.assert_allclose(apart, both, atol=1e-12)


def test_complex() -> None:
    unitary = np.linalg.qr(Y + 1j * Z)[0]
    x = unitary @ np.diag([1.0, 1.0, 1.0, 2.0]) @ np.conj(unitary.T)

    def ours(x: Any) -> Any:
        return np.sum((Y - 2j * Z) * of_matrix(np.exp, x)).real

    def theirs(x: Any) -> Any:
        return np.sum((Y - 2j * Z) * S.expm(hermitian(x))).real

    np.testing.assert_allclose(gt.grad(ours)(x), gt.grad(theirs)(x), atol=1e-12)
    move = MOVE + 1j * Z
    np.testing.assert_allclose(gt.jvp(ours, (x,), (move,))[1], gt.jvp(theirs, (x,), (move,))[1], rtol=1e-12)


def test_single_precision() -> None:
    x, y = PAIRS.astype(np.float32), Y.astype(np.float32)
    x_bar = gt.grad(lambda x: np.sum(y * of_matrix(np.exp, x)))(x)
    assert x_bar.dtype == np.float32
    np.testing.assert_allclose(x_bar, gt.grad(lambda x: np.sum(Y * S.expm(hermitian(x))))(PAIRS), atol=2e-5)


def test_whole_jacobians() -> None:
    want = gt.jacobian(lambda x: S.expm(hermitian(x)))(PAIRS)
    for jacobian in (gt.jacrev, gt.jacfwd):
        np.testing.assert_allclose(jacobian(lambda x: of_matrix(np.exp, x))(PAIRS), want, atol=1e-11)
    small = np.diag([2.0, 2.0])
    want = gt.hessian(lambda x: np.sum(Y[:2, :2] * S.expm(hermitian(x))))(small)
    np.testing.assert_allclose(gt.hessian(lambda x: np.sum(Y[:2, :2] * of_matrix(np.exp, x)))(small), want, atol=1e-10)


@pytest.mark.parametrize("matrix", [np.eye(4), Y @ np.diag([1.0, 1.0, 2.0, 3.0]) @ np.linalg.inv(Y)])
def test_general_matrices(matrix: Any) -> None:
    got = gt.grad(lambda x: of_general(np.exp, x + 0j))(matrix)
    np.testing.assert_allclose(got, gt.grad(lambda x: np.sum(Y * S.expm(x)))(matrix), atol=1e-9)
    squares = gt.grad(lambda x: np.sum(np.linalg.eigvals(x) ** 2).real)(matrix)
    np.testing.assert_allclose(squares, 2 * matrix.T, atol=1e-9)


def test_tall_matrices() -> None:
    x = np.linalg.qr(DRAW.normal(size=(6, 3)))[0] @ np.diag([2.0, 2.0, 1.0])
    y, x_dot = DRAW.normal(size=(6, 3)), DRAW.normal(size=(6, 3))
    for full in (True, False):

        def f(x: Any, full: bool = full) -> Any:
            u, s, vh = np.linalg.svd(x, full_matrices=full)
            return np.sum(y * ((u[:, :3] * np.tanh(s)) @ vh))

        assert np.sum(gt.grad(f)(x) * x_dot) == pytest.approx(slope(f, x, x_dot), rel=1e-8)
        assert gt.jvp(f, (x,), (x_dot,))[1] == pytest.approx(slope(f, x, x_dot), rel=1e-8)


DEFICIENT = TURN @ np.diag([3.0, 2.0, 2.0, 0.0]) @ OTHER


def test_a_singular_value_of_zero_that_is_not_shown() -> None:
    def f(x: Any) -> Any:
        u, s, vh = np.linalg.svd(x)
        return np.sum(Y * ((u[:, :3] * s[:3]) @ vh[:3])) + np.sum(s**2)

    want = slope(f, DEFICIENT, MOVE)
    assert np.sum(gt.grad(f)(DEFICIENT) * MOVE) == pytest.approx(want, rel=1e-7)
    assert gt.jvp(f, (DEFICIENT,), (MOVE,))[1] == pytest.approx(want, rel=1e-7)


NO_DERIVATIVE: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "a vector at rest": (lambda x: np.linalg.eigh(hermitian(x))[1][0, 0], np.eye(4)),
    "one vector of two": (lambda x: np.sum(Y[0] * np.linalg.eigh(hermitian(x))[1][:, 0]), PAIRS),
    "a value and its vector": (lambda x: (lambda w, v: w[0] * np.sum(Y[0] * v[:, 0] ** 2))(*np.linalg.eigh(x)), PAIRS),
    "one singular vector of two": (lambda x: np.sum(Y[0] * np.linalg.svd(x)[0][:, 0]), PAIRS),
    "vectors of a singular value of zero": (lambda x: np.sum(Y * of_values(np.cosh, x)), DEFICIENT),
    "one vector of a general matrix": (lambda x: np.sum(Y[0] * np.linalg.eig(x)[1][:, 0]), np.eye(4)),
}


@pytest.mark.parametrize("name", NO_DERIVATIVE)
def test_what_has_no_derivative_gets_nan(name: str) -> None:
    f, x = NO_DERIVATIVE[name]
    assert np.all(np.isnan(gt.grad(f)(x)))
    assert np.isnan(gt.jvp(f, (x,), (MOVE,))[1])


def test_other_vectors_keep_their_tangents() -> None:
    x = TURN @ np.diag([1.0, 1.0, 2.0, 3.0]) @ TURN.T
    v_dot = gt.jvp(lambda x: np.linalg.eigh(hermitian(x))[1], (x,), (MOVE,))[1]
    assert np.all(np.isnan(v_dot[:, :2]))
    apart = gt.jvp(lambda x: np.linalg.eigh(hermitian(x))[1][:, 2:] ** 2, (x,), (MOVE,))[1]
    np.testing.assert_allclose(apart, slope(lambda x: np.linalg.eigh(hermitian(x))[1][:, 2:] ** 2, x, MOVE), atol=1e-8)


def test_what_is_not_known_is_nan() -> None:
    """Third derivatives, and second ones through a forward sweep inside, are not worked out."""
    f = SMOOTH["a square root"]
    assert np.isnan(gt.jvp(lambda x: np.sum(gt.hvp(f, x, MOVE) * MOVE), (PAIRS,), (MOVE,))[1])
    assert np.all(np.isnan(gt.grad(lambda x: gt.jvp(f, (x,), (MOVE,))[1])(PAIRS)))
    assert np.isnan(gt.jvp(lambda x: gt.jvp(f, (x,), (MOVE,))[1], (PAIRS,), (MOVE,))[1])
