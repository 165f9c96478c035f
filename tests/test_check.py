"""check_derivatives: what it lets pass, what it finds, and how it says so."""

import math
import re
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.errors import CheckError, InputError


def loss(p: Any, x: Any) -> Any:
    return {"y": np.tanh(p["w"] @ x), "z": [np.sum(x**2), 3]}


WEIGHTS = np.linspace(-1.0, 1.0, 6).reshape(2, 3)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("modes", [("forward",), ("reverse",), ("forward", "reverse")])
def test_right_derivatives_pass(order: int, modes: Any) -> None:
    found = gt.check_derivatives(loss, {"w": WEIGHTS}, np.array([0.3, -0.2, 1.0]), order=order, modes=modes)
    assert max(found.forward, found.reverse) < 1e-12
    assert found.method == "a complex step"
    assert found.directions == 3


KINKED = {
    "abs": lambda x: np.sum(np.abs(x) * x),
    "a branch": lambda x: x[0] ** 2 if x[0] > 0 else x[1],
    "written": lambda x: _written(x),
    "foreign": lambda x: gt.custom_rule(lambda u: math.sin(u), partials=lambda y, u: np.cos(u))(x[0]) ** 2,
    "real part": lambda x: np.sum(np.real(x) ** 2),
    "cast": lambda x: np.sum(x.astype(float) ** 2),
}


def _written(x: Any) -> Any:
    y = np.zeros(3)
    y[:2] = np.exp(x)
    return y


@pytest.mark.parametrize("name", KINKED)
def test_programs_that_take_no_complex_numbers_are_measured_by_differences(name: str) -> None:
    found = gt.check_derivatives(KINKED[name], np.array([0.4, 0.7]), order=2 if name != "foreign" else 1)
    assert found.method.startswith("differences with steps")
    assert max(found.forward, found.reverse) < 1e-7


def test_single_precision_and_complex_arguments() -> None:
    gt.check_derivatives(lambda x: np.sin(x) * x, np.linspace(0.0, 1.0, 4, dtype=np.float32), order=2)
    gt.check_derivatives(lambda z: np.abs(z) ** 2 * np.exp(z), np.array([0.3 + 0.1j, 1.0 - 2j]))


@gt.custom_rule(partials=lambda y, x: 1.1 * np.cos(x))
def wrong_sine(x: Any) -> Any:
    return np.sin(x)


@gt.custom_rule(push=lambda y, xs, xs_dot: 2 * xs[0] * xs_dot[0], pull=lambda y_bar, y, xs: (3 * xs[0] * y_bar,))
def wrong_way_back(x: Any) -> Any:
    return x * x


def report(f: Any, *args: Any, **options: Any) -> str:
    with pytest.raises(CheckError) as caught:
        gt.check_derivatives(f, *args, **options)
    return str(caught.value)


def test_the_report_names_the_element_the_numbers_and_the_wrong_operation() -> None:
    def f(x: Any) -> Any:
        y = np.exp(x)
        z = wrong_sine(y)
        return {"a": y, "b": [z * 2.0]}

    said = report(f, np.array([0.1, 0.2, 0.3]))
    for pattern in (
        r"\[check_derivatives\] the forward derivative is wrong at result\.b\[0\]\[\d\], in direction 1 of 3",
        r"gt\.jvp: -?[\d.]+\n\s+differences with steps 0\.001 and 0\.0005, which agree to [\d.e-]+: -?[\d.]+",
        r"relative difference: [\d.e-]+, allowed: 1e-06",
        r"first operation that is wrong by itself: wrong_sine, at \S*test_check\.py:\d+: z = wrong_sine\(y\)",
    ):
        assert re.search(pattern, said), pattern
    assert "its own differences" in said
    assert "Correct its rule." in said


def test_a_wrong_pull_is_told_from_a_wrong_push() -> None:
    said = report(lambda x: np.sum(wrong_way_back(x)), np.array([1.0, 2.0]))
    assert "the reverse derivative is wrong" in said
    assert "jvp, which agrees with the slope" in said
    assert "wrong_way_back" in said
    assert "its reverse rule gives" in said
    gt.check_derivatives(lambda x: np.sum(wrong_way_back(x)), np.array([1.0, 2.0]), modes=("forward",))
    assert "differences with steps" in report(
        lambda x: np.sum(wrong_way_back(x)), np.array([1.0, 2.0]), modes=("reverse",)
    )


def test_a_wrong_second_derivative() -> None:
    @gt.custom_rule(partials=lambda y, x: wrong_slope(x))
    def sine(x: Any) -> Any:
        return np.sin(x)

    @gt.custom_rule(partials=lambda y, x: -1.2 * np.sin(x))
    def wrong_slope(x: Any) -> Any:
        return np.cos(x)

    gt.check_derivatives(sine, 0.7)
    assert "derivative of the forward derivative is wrong" in report(sine, 0.7, order=2)
    assert "derivative of the reverse derivative is wrong" in report(sine, 0.7, order=2, modes=("reverse",))


def test_a_kink_is_told_from_a_wrong_rule() -> None:
    said = report(lambda x: x if x > 0 else 3 * x, 0.0)
    assert "Each operation is right alone: look for a kink there" in said
    said = report(lambda x: np.sqrt(np.abs(x)) * np.sign(x), 1e-5)
    assert "The two steps do not agree" in said
    rng = np.random.default_rng(0)
    said = report(lambda x: x * rng.normal(), 1.0)
    assert "not deterministic" in said


def test_refusals() -> None:
    with pytest.raises(InputError, match="no number"):
        gt.check_derivatives(lambda x: x, "text")
    with pytest.raises(InputError, match="modes="):
        gt.check_derivatives(np.sin, 1.0, modes=("backward",))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="order=3"):
        gt.check_derivatives(np.sin, 1.0, order=3)
    with pytest.raises(InputError, match="integers"):
        gt.check_derivatives(np.sin, np.array([1, 2]))
