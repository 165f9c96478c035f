"""SciPy's minimisers find what they should, with our derivatives and on trees."""

from typing import Any

import numpy as np
import pytest
from scipy import optimize

import geartrain as gt
from geartrain import nn, optim
from geartrain.errors import InputError


def rosenbrock(x: Any) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS", "CG", "Newton-CG", "trust-ncg", "trust-krylov", "SLSQP"])
def test_every_method_ends_in_the_valley(method: str) -> None:
    best = gt.minimize(rosenbrock, np.full(4, 1.3), method=method)
    np.testing.assert_allclose(best.params, 1, atol=1e-3)
    assert best.value < 1e-5


def test_compiled_it_ends_in_the_same_place() -> None:
    plain, compiled = (gt.minimize(rosenbrock, np.full(4, 1.3), compiled=compiled) for compiled in (False, True))
    np.testing.assert_allclose(plain.params, compiled.params, rtol=1e-6)
    assert plain.result.nfev == compiled.result.nfev


def test_the_plain_spelling_works_as_documented() -> None:
    found = optimize.minimize(gt.value_and_grad(rosenbrock), np.full(3, 1.2), jac=True)
    np.testing.assert_allclose(found.x, 1, atol=1e-3)

    def residuals(x: Any) -> Any:
        return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])

    jac: Any = gt.jacobian(residuals)
    solved = optimize.least_squares(residuals, np.array([-1.2, 1.0]), jac=jac)
    np.testing.assert_allclose(solved.x, 1, atol=1e-6)


def test_a_container_comes_back_as_it_came() -> None:
    params = {"w": np.zeros((2, 2), np.float32), "b": [0.0, np.zeros(3)]}
    target = np.array([[1.0, 2.0], [3.0, 4.0]])

    def loss(p: Any, shift: float) -> Any:
        return np.sum((p["w"] - target) ** 2) + (p["b"][0] - shift) ** 2 + np.sum(p["b"][1] ** 2)

    best = gt.minimize(loss, params, 5.0)
    assert best.success
    np.testing.assert_allclose(best.params["w"], target, atol=1e-4)
    assert best.params["w"].dtype == np.float32
    assert type(best.params["b"][0]) is float
    assert best.params["b"][0] == pytest.approx(5, abs=1e-4)


def test_integers_are_refused() -> None:
    with pytest.raises(InputError, match=r"\[minimize\] the parameters must be floats, got int64"):
        gt.minimize(rosenbrock, np.array([1, 2]))
    with pytest.raises(InputError, match=r"\[least_squares\] .* got nothing"):
        gt.least_squares(rosenbrock, ())


@pytest.mark.parametrize("compiled", [False, True])
def test_lbfgs_of_optim_fits_a_network_that_is_a_tree(compiled: bool) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 3))
    y = np.sin(x @ np.array([1.0, -2.0, 0.5]))
    network = nn.sequential(nn.dense(3, 12), np.tanh, nn.dense(12, 1))

    def loss(params: Any, x: Any, y: Any) -> Any:
        return np.mean((network.apply(params, x)[:, 0] - y) ** 2)

    start = network.init(rng)
    few, many = (optim.lbfgs(loss, start, x, y, steps=n, compiled=compiled) for n in (3, 200))
    assert few.result.nit == 3
    assert not few.success
    assert many.value < 0.01 * few.value < 0.01 * float(loss(start, x, y))
    assert many.params[0]["weights"].dtype == np.float32
    assert float(loss(many.params, x, y)) == pytest.approx(many.value, rel=0.1)
    inside = optim.lbfgs(loss, start, x, y, bounds=[(-0.1, 0.1)] * many.result.x.size)
    assert np.abs(inside.result.x).max() <= 0.1
    with pytest.raises(ValueError, match="steps and memory must be at least 1, got 0 and 10"):
        optim.lbfgs(loss, start, x, y, steps=0)
