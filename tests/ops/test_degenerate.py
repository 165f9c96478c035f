"""Where eigenvalues or singular values coincide, smooth functions of them have their gradients, batched too."""

from collections.abc import Callable
from typing import Any

import pytest

import geartrain as gt
from geartrain.ir.untyped import numpy as np


def hermitian(x: Any) -> Any:
    return (x + np.conj(np.swapaxes(x, -1, -2))) / 2


def upper_space(x: Any) -> Any:
    """The projection on the two largest eigenvalues, which are equal: smooth, though its vectors are not."""
    v = np.linalg.eigh(hermitian(x))[1][..., -2:]
    return v @ np.swapaxes(v, -1, -2)


SMOOTH: dict[str, Callable[[Any], Any]] = {
    "squares": lambda x: np.sum(np.linalg.eigvalsh(hermitian(x)) ** 2),
    "exponentials": lambda x: np.sum(np.exp(np.linalg.eigh(hermitian(x))[0])),
    "general eigenvalues": lambda x: np.sum(np.linalg.eigvals(x) ** 2).real,
    "the trace of a function": lambda x: (lambda w, v: np.sum(((v * np.sin(w)[..., None, :]) @ v.mT) ** 2))(
        *np.linalg.eigh(hermitian(x))
    ),
    "a projection": lambda x: np.sum(np.arange(16.0).reshape(4, 4) * upper_space(x)),
    "nuclear norm": lambda x: np.sum(np.linalg.norm(x, "nuc", axis=(-2, -1))),
    "singular values": lambda x: np.sum(np.linalg.svd(x)[1]) + np.sum(np.linalg.svdvals(x) ** 3),
    "polar factor": lambda x: (lambda u, s, vh: np.sum((u @ vh) * np.arange(16.0).reshape(4, 4)))(*np.linalg.svd(x)),
}
TURN = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
MATRICES = {
    "pairs": TURN @ np.diag([1.0, 1.0, 2.0, 2.0]) @ TURN.T,
    "a stack": np.stack([TURN @ np.diag([1.0, 1.0, 2.0, 2.0]) @ TURN.T, np.diag([1.0, 1.5, 3.0, 3.0])]),
}


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("name", SMOOTH)
def test_gradient(name: str, matrix: str) -> None:
    f, x = SMOOTH[name], MATRICES[matrix]
    x_dot = np.random.default_rng(1).normal(size=x.shape)
    h = 1e-5
    want = (f(x + h * x_dot) - f(x - h * x_dot)) / (2 * h)
    x_bar = gt.grad(f)(x)
    assert np.all(np.isfinite(x_bar))
    assert np.sum(x_bar * x_dot) == pytest.approx(want, rel=1e-6, abs=1e-7)
    assert gt.jvp(f, (x,), (x_dot,))[1] == pytest.approx(want, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("name", [n for n in SMOOTH if n != "general eigenvalues"])  # real or not is a decision there
def test_vmap(name: str) -> None:
    x = MATRICES["a stack"]
    got = gt.vmap(gt.grad(SMOOTH[name]))(x)
    np.testing.assert_allclose(got, np.stack([gt.grad(SMOOTH[name])(m) for m in x]), atol=1e-12)
