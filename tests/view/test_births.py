"""gt.where_did_nan: every kind of birth, with op, element, operands, line and remedy; and the remedies help."""

import re
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.errors import InputError


def test_a_forward_birth() -> None:
    def loss(x: Any) -> Any:
        p = x * 2 - 2
        z = np.log(p)
        return np.sum(z * z)

    (birth,) = found = gt.where_did_nan(loss, np.array([[2.0, 3.0], [1.5, 1.0]]))
    assert (birth.kind, birth.op, birth.element, birth.operands) == ("forward", "log", (1, 1), "its operand is 0")
    assert birth.line is not None
    assert birth.line.text == "z = np.log(p)"
    assert "np.maximum" in birth.remedy
    lines = str(found).splitlines()
    assert lines[0] == "forward: log: -inf at element [1, 1] of f64[2,2], where its operand is 0"
    assert re.fullmatch(r"  at \S*test_births.py:\d+: z = np.log\(p\)", lines[1])
    assert lines[2].startswith("  Remedy: keep the operand above 0")


def test_a_backward_birth() -> None:
    (birth,) = gt.where_did_nan(lambda x: np.sqrt(x) + 1.0, np.float64(0.0))
    assert (birth.kind, birth.op, birth.operands) == ("backward", "sqrt", "its operand is 0")
    assert "its rate 0.5/y is inf, and 1 arrives" in birth.what
    assert "slope at 0 is infinite" in birth.remedy


def test_a_backward_birth_in_an_op_that_mixes_elements() -> None:
    big = np.full((2, 2), 1e200)
    first, *_ = gt.where_did_nan(lambda x: 1e200 * np.sum(big @ x), np.full(2, 1e-300))
    assert (first.kind, first.op) == ("backward", "matmul")
    assert first.operands == "its operands are f64[2,2] from 1e+200 to 1e+200 and f64[2] from 1e-300 to 1e-300"
    assert "arrives" in first.what


def test_a_masked_birth_and_both_of_its_remedies() -> None:
    def loss(x: Any) -> Any:
        return np.sum(np.where(x > 0, np.sqrt(x), 0.0))

    def cured(x: Any) -> Any:
        ok = x > 0
        return np.sum(np.where(ok, np.sqrt(np.where(ok, x, 1)), 0.0))

    x = np.array([4.0, 0.0])
    (birth,) = gt.where_did_nan(loss, x)
    assert (birth.kind, birth.op, birth.element) == ("masked", "sqrt", (1,))
    assert birth.remedy.startswith("pass nan_safe=True")
    assert birth.remedy.endswith("sqrt(np.where(ok, x, 1))")
    with np.errstate(all="ignore"):
        assert np.isnan(gt.grad(loss)(x)[1])
    np.testing.assert_array_equal(gt.grad(loss, nan_safe=True)(x), gt.grad(cured)(x))
    assert not gt.where_did_nan(cured, x)


def test_a_birth_that_nobody_sees() -> None:
    (birth,) = gt.where_did_nan(lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)), np.array([1.0, -1.0]))
    assert (birth.kind, birth.op, birth.element, birth.remedy) == ("hidden", "log", (1,), "")


def test_several_births_the_first_one_first() -> None:
    def loss(x: Any) -> Any:
        return np.sum(np.log(x) + 1 / x)

    first, second = gt.where_did_nan(loss, np.array([1.0, 0.0]))
    assert (first.op, second.op) == ("log", "divide")


def test_what_was_bad_before() -> None:
    (birth,) = gt.where_did_nan(lambda p: np.sum(p["w"]), {"w": np.array([np.inf, 1.0])})
    assert (birth.kind, birth.element) == ("argument", (0,))
    assert "the argument p.w, which holds inf at element [0]" in birth.what
    (birth,) = gt.where_did_nan(lambda x: np.sum(x * np.array([1.0, np.nan])), np.ones(2))
    assert (birth.kind, birth.op, birth.element) == ("constant", "multiply", (1,))


def test_results_of_every_kind() -> None:
    (birth,) = gt.where_did_nan(lambda x: {"a": x, "b": [np.log(x), 3, "text"]}, np.array([1.0, 0.0]))
    assert (birth.kind, birth.op) == ("forward", "log")
    (birth,) = gt.where_did_nan(lambda z: np.log(z), np.array([1.0 + 1j, 0.0]))
    assert birth.op == "log"


def test_nothing_to_say() -> None:
    found = gt.where_did_nan(lambda x: np.sum(np.tanh(x)), np.ones(3))
    assert not found
    assert repr(found) == "No NaN and no infinity was born: the value and its derivatives are finite."
    assert not gt.where_did_nan(lambda x, z: np.sum(x) + np.sum(np.sqrt(z)), np.ones(2), np.zeros(2), argnums=0)
    assert gt.where_did_nan(lambda x, z: np.sum(x) + np.sum(np.sqrt(z)), np.ones(2), np.zeros(2))
    with pytest.raises(InputError, match="no argument holds floats"):
        gt.where_did_nan(lambda x: x, 3)


def test_the_first_births_are_told_and_not_hundreds() -> None:
    def loss(x: Any) -> Any:
        return sum(np.log(x[i]) for i in range(30))

    assert len(gt.where_did_nan(loss, np.zeros(30))) == 8
