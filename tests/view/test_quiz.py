"""Quizzes: the right answer is the engine's, and each wrong one has a name."""

import numpy as np
import pytest

import geartrain as gt
from geartrain.errors import InputError
from geartrain.view.expression import parse_expression
from geartrain.view.quiz import EXPLAINED, quiz

FUNCTIONS = [
    "(3*x + 1)**2",
    "(x**2 + 1)**3",
    "exp(sin(2*x))",
    "x*(x + 1)",
    "(2*x + 1)**2 + 3*x",
    "1/(x + 1)",
    "3*x",
    "tanh(-x)",
]


def test_the_lessons_example() -> None:
    asked = quiz(lambda x: (3 * x + 1) ** 2, 1.0)
    assert asked.right == 24
    names = {m.value: m.name for m in asked.mistakes}
    assert names == {8: "inner", 6: "at x", 11: "added", 16: "value", 3: "outer", -24: "sign"}


@pytest.mark.parametrize("text", FUNCTIONS)
@pytest.mark.parametrize("x", [0.5, 1.0, 2.0])
def test_the_answer_is_right_and_no_mistake_is(text: str, x: float) -> None:
    f = parse_expression(text)
    asked = quiz(f, x)
    assert asked.right == pytest.approx(float(gt.grad(f)(x)))
    assert asked.check(asked.right).startswith("Yes")
    values = [m.value for m in asked.mistakes]
    assert len(set(values)) == len(values)
    for mistake in asked.mistakes:
        assert mistake.said in asked.check(mistake.value)
        assert mistake.said == EXPLAINED[mistake.name]
    assert asked.check(12345.678).startswith("Not")


def test_two_paths_are_asked_about() -> None:
    assert [m.name for m in quiz(lambda x: x * x + 5 * x, 1.0).mistakes] == ["one path", "value", "sign"]


def test_rounded_answers_count() -> None:
    assert quiz(lambda x: np.exp(x), 1.0).check(2.72).startswith("Yes")


@pytest.mark.parametrize("x", [np.ones(3), "one", 1j, None])
def test_it_asks_about_numbers(x: object) -> None:
    with pytest.raises(InputError, match="number"):
        quiz(lambda x: x * 2, x)


def test_a_whole_number_will_do() -> None:
    assert quiz(lambda x: x**3, 2).right == 12
