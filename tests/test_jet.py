"""Taylor mode: against mpmath, against nested derivatives, and its cost."""

from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest
import scipy.special

import geartrain as gt
from geartrain import taylor
from geartrain.errors import InputError

MP: Any = mpmath
S: Any = scipy.special


class Known(NamedTuple):
    f: Callable[[Any], Any]
    exact: Callable[[Any], Any]
    x: float = 0.7
    order: int = 20
    rtol: float = 1e-10


KNOWN = {
    "exp(sin x)": Known(lambda x: np.exp(np.sin(x)), lambda x: MP.exp(MP.sin(x)), rtol=1e-13),
    "polynomial at 0": Known(lambda x: 3 * x**5 - x**2 + 2 * x, lambda x: 3 * x**5 - x**2 + 2 * x, 0.0),
    "quotient": Known(lambda x: (1 + x * x) / (2 - x), lambda x: (1 + x * x) / (2 - x)),
    "tanh": Known(lambda x: np.tanh(x) ** 2 / x, lambda x: MP.tanh(x) ** 2 / x, rtol=1e-8),
    "roots and logarithms": Known(lambda x: np.sqrt(x) * np.log1p(x), lambda x: MP.sqrt(x) * MP.log1p(x)),
    "a real power": Known(lambda x: x**2.5, lambda x: x**2.5),
    "x to the x": Known(lambda x: x**x, lambda x: x**x),
    "arcs": Known(lambda x: np.arctan(x) + np.arcsin(x), lambda x: MP.atan(x) + MP.asin(x), 0.3),
    "hyperbolic": Known(lambda x: np.sinh(x) * np.arccosh(x + 1), lambda x: MP.sinh(x) * MP.acosh(x + 1)),
    "error function": Known(S.erf, MP.erf),
    "gamma": Known(S.gammaln, MP.loggamma, 1.7, 8),
    "Bessel": Known(lambda x: S.jv(2, x), lambda x: MP.besselj(2, x), order=8),
    "norm": Known(lambda x: np.linalg.norm(np.array([x, 2.0, x * x])), lambda x: MP.sqrt(x**2 + 4 + x**4)),
    "determinant": Known(
        lambda x: np.linalg.det(np.array([[x, 1.0], [np.sin(x), 3.0]])), lambda x: 3 * x - MP.sin(x), order=6
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_against_mpmath(name: str) -> None:
    known = KNOWN[name]
    with MP.workdps(60):
        exact = [float(c * MP.factorial(k)) for k, c in enumerate(MP.taylor(known.exact, MP.mpf(known.x), known.order))]
    got = gt.jet(known.f, known.x, order=known.order)
    assert got.shape == (known.order + 1,)
    np.testing.assert_allclose(got, exact, rtol=known.rtol, atol=1e-25)


def filled(x: Any) -> Any:
    b = np.zeros(4)
    b[0] = x
    b[1:] = np.sin(b[0]) * np.arange(1, 4)
    b[b > 1.5] *= x
    return np.sum(b**2)


def newton(x: Any) -> Any:
    y = 1.0
    while abs(y * y - x) > 1e-12:
        y = 0.5 * (y + x / y)
    return y


def linear(x: Any) -> Any:
    a = np.array([[2.0, 1.0], [0.5, 3.0]]) * x + np.eye(2) * np.sin(x)
    return np.einsum("i,ij,j->", np.linalg.solve(a, np.array([1.0, x])), a, np.array([x, 1.0]))


def checkpointed(x: Any) -> Any:
    return gt.checkpoint(lambda u: np.exp(np.sin(u)))(x) * x


def own_rule(x: Any) -> Any:
    return gt.custom_rule(lambda u: np.sin(u), partials=lambda y, u: np.cos(u))(x * x)


def nested(x: Any) -> Any:
    return gt.grad(lambda y: np.sin(x * y) * y)(0.5)


PROGRAMS = [filled, newton, linear, checkpointed, own_rule, nested]


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_programs_against_nested_gradients(f: Any) -> None:
    got = gt.jet(f, 1.3, order=3)
    for k, d in enumerate((f, gt.grad(f), gt.grad(gt.grad(f)), gt.grad(gt.grad(gt.grad(f))))):
        np.testing.assert_allclose(got[k], d(1.3), rtol=1e-9, atol=1e-9)


def test_containers_dtypes_and_constants() -> None:
    got = gt.jet(lambda x: {"a": x * np.ones((2, 3), np.float32), "b": (7.0, "text")}, np.float32(2.0), order=2)
    assert got["a"].shape == (3, 2, 3)
    assert got["a"].dtype == np.float32
    np.testing.assert_array_equal(got["b"][0], [7.0, 0.0, 0.0])
    assert got["b"][1] == "text"
    np.testing.assert_allclose(gt.jet(lambda z: np.exp(1j * z), 0.5 + 0.2j, order=2)[2], -np.exp(1j * (0.5 + 0.2j)))


def test_inside_other_transformations() -> None:
    def third(w: Any) -> Any:
        return gt.jet(lambda t: np.sin(w * t), 0.3, order=3)[3]  # -w^3 cos(0.3 w)

    w = 0.5
    np.testing.assert_allclose(gt.grad(third)(w), -3 * w**2 * np.cos(0.3 * w) + 0.3 * w**3 * np.sin(0.3 * w))
    np.testing.assert_allclose(gt.jit(third)(w), third(w))
    np.testing.assert_allclose(gt.vmap(third)(np.array([0.5, 1.0])), [third(0.5), third(1.0)])


@pytest.mark.parametrize("name", ["exp(sin x)", "quotient", "x to the x", "gamma"])
def test_the_work_is_polynomial_in_the_order(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = 0
    original = taylor._Series._coefficient

    def count(series: Any, node: Any, k: int) -> Any:
        nonlocal counted
        counted += 1
        return original(series, node, k)

    monkeypatch.setattr(taylor._Series, "_coefficient", count)
    work: list[int] = []
    for order in (8, 16):
        counted = 0
        gt.jet(KNOWN[name].f, 1.3, order=order)
        work.append(counted)
    assert work[1] <= 4.5 * work[0]  # nested gradients would take thousands of times as much


def test_a_long_chain() -> None:
    def f(x: Any) -> Any:
        for _ in range(3000):
            x = x + 0.001 * np.sin(x)
        return x

    np.testing.assert_allclose(gt.jet(f, 0.5, order=1)[1], gt.grad(f)(0.5))


@pytest.mark.parametrize("x", [3, np.ones(2), "1.0"])
def test_refuses_what_is_no_number(x: Any) -> None:
    with pytest.raises(InputError, match=r"(?s)\[jet\].*one number.*curve"):
        gt.jet(np.sin, x, order=2)


@pytest.mark.parametrize("order", [-1, 1.5, True])
def test_refuses_a_strange_order(order: Any) -> None:
    with pytest.raises(InputError, match=r"\[jet\] order="):
        gt.jet(np.sin, 1.0, order=order)
