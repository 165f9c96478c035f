"""Birth certificates: forward, backward, masked; and nothing said about what is fine."""

import re
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.view.nan import first_nonfinite


def test_a_forward_birth_names_op_element_operand_and_line() -> None:
    def loss(x: Any) -> Any:
        p = x * 2 - 2
        z = np.log(p)
        return np.sum(z * z)

    said = first_nonfinite(loss, np.array([[2.0, 3.0], [1.5, 1.0]]))
    assert said is not None
    assert re.fullmatch(
        r"log: -inf at element \[1, 1\] of f64\[2,2\], where its operand is 0, at \S*test_nan.py:\d+: z = np.log\(p\)",
        said,
    )


def test_the_first_of_several_that_lead_to_the_end() -> None:
    def loss(x: Any) -> Any:
        harmless = 1 / (1 + np.exp(x * 1000))  # exp overflows, and 1/inf is a fine 0
        return np.sum(np.sqrt(x - 5) * harmless)

    said = first_nonfinite(loss, np.array([1.0]))
    assert said is not None
    assert said.startswith("sqrt: nan at element [0] of f64[1], where its operand is -4, at")


def test_finite_programs_have_nothing_to_say() -> None:
    assert first_nonfinite(lambda x: np.sum(np.tanh(x)), np.ones(3)) is None
    assert first_nonfinite(lambda x: 3.0, 1.0) is None


def test_an_overflow_that_only_the_derivative_sees() -> None:
    said = first_nonfinite(lambda x: 1 / (1 + np.exp(x)), np.float64(1000.0))
    assert said is not None
    assert said.startswith("the derivative of exp: nan, where its operand is 1000, its rate y is inf, and -0 arrives")


def test_operands_of_two() -> None:
    said = first_nonfinite(lambda x: np.sum(np.array([1.0, -2.0]) / x), np.array([1.0, 0.0]))
    assert said is not None
    assert said.startswith("divide: -inf at element [1] of f64[2], where its operands are -2 and 0, at")


def test_an_op_that_mixes_elements_tells_the_range() -> None:
    said = first_nonfinite(lambda x: np.sum(x), np.full(3, 1e308))
    assert said is not None
    assert said.startswith("sum: inf, where its operand is f64[3] from 1e+308 to 1e+308, at")


def test_a_bad_argument_is_named() -> None:
    def loss(params: Any, images: Any) -> Any:
        return np.sum(images * params["w"])

    said = first_nonfinite(loss, {"w": np.ones(2)}, np.array([1.0, np.nan]))
    assert said == "the argument images, which holds nan at element [1] of f64[2]"
    said = first_nonfinite(loss, {"w": np.array([np.inf, 1.0])}, np.ones(2))
    assert said == "the argument params.w, which holds inf at element [0] of f64[2]"


def test_a_bad_constant_is_named() -> None:
    def loss(x: Any) -> Any:
        return np.sum(x * np.array([1.0, np.nan]))

    said = first_nonfinite(loss, np.ones(2))
    assert said is not None
    assert said.startswith("a constant that holds nan at element [1] of f64[2], an operand of multiply, at")


def test_a_nan_written_into_an_array() -> None:
    def loss(x: Any) -> Any:
        y = np.zeros(3)
        for i in range(3):
            y[i] = np.log(x[i])
        return np.sum(y)

    said = first_nonfinite(loss, np.array([1.0, -1.0, 2.0]))
    assert said is not None
    assert said.startswith("log: nan, where its operand is -1, at")
    assert said.endswith("y[i] = np.log(x[i])")


def test_the_masked_birth() -> None:
    """The trap of where: a finite value, and the derivative 0 × inf."""

    def loss(x: Any) -> Any:
        return np.sum(np.where(x > 0, np.sqrt(x), 0.0))

    x = np.array([4.0, 0.0])
    with np.errstate(all="ignore"):
        assert loss(x) == 2.0
        assert np.isnan(gt.grad(loss)(x)[1])
    said = first_nonfinite(loss, x)
    assert said is not None
    assert said.startswith(
        "the derivative of sqrt: nan at element [1] of f64[2],"
        " where its operand is 0, its rate 0.5/y is inf, and 0 arrives, at"
    )
    assert said.endswith("keep the operand away from there before the op, as in sqrt(np.where(ok, x, 1))")

    def cured(x: Any) -> Any:
        ok = x > 0
        return np.sum(np.where(ok, np.sqrt(np.where(ok, x, 1.0)), 0.0))

    assert first_nonfinite(cured, x) is None


def test_a_backward_birth_that_is_not_masked() -> None:
    said = first_nonfinite(lambda x: np.sqrt(x) + 1.0, np.float64(0.0))
    assert said is not None
    assert said.startswith(
        "the derivative of sqrt: inf, where its operand is 0, its rate 0.5/y is inf, and 1 arrives, at"
    )
    assert said.endswith("The value is finite, its derivative is not")


def test_cotangents_that_overflow_when_they_meet() -> None:
    def loss(x: Any) -> Any:
        u = x * 1e-300
        return u * 1e308 + u * 1e308

    said = first_nonfinite(loss, np.float64(1.0))
    assert said is not None
    assert said.startswith("the sum of what comes back to the result of multiply, which overflows, at")
    said = first_nonfinite(lambda x: x * 1e308 + x * 1e308, np.float64(1e-300))
    assert said == "the sum of what comes back to the argument x, which overflows"


def test_only_the_asked_arguments_count() -> None:
    def loss(x: Any, z: Any) -> Any:
        return np.sum(x) + np.sum(np.sqrt(z))

    assert first_nonfinite(loss, np.ones(2), np.zeros(2), argnums=0) is None
    assert first_nonfinite(loss, np.ones(2), np.zeros(2)) is not None


def test_a_rule_by_hand() -> None:
    said = first_nonfinite(lambda a: np.sum(np.linalg.norm(a, axis=0)), np.zeros((2, 2)))
    assert said is None or "derivative of" in said


@pytest.mark.parametrize("value", [np.float32(1.0), 1.0, np.array(1.0)])
def test_numbers_of_every_kind(value: Any) -> None:
    said = first_nonfinite(lambda x: np.log(x - 1), value)
    assert said is not None
    assert said.startswith("log: -inf, where its operand is 0, at")
