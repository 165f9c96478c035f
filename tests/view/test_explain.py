"""The worked example: golden text for the lesson, and what a reader relies on for any program."""

import re
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.errors import InputError
from geartrain.view.page import Explanation

LESSON = """\
y = lesson(x) at x = 1

Forward: each step computes its value, and knows its own rate: how it moves when its operand moves.

  x           = 1
  v = 3x      = 3    dv/dx = 3        HERE:1  u = 3 * x + 1
  u = v + 1   = 4    du/dv = 1        HERE:1
  y = u²      = 16   dy/du = 2u = 8   HERE:2  return u**2

Backward, from the end: start with 1, since y moves exactly as itself.

  1. y = u²      Multiply what arrived, 1, by this step's own rate, 2u = 8.   dy/du = 8
  2. u = v + 1   Multiply what arrived, 8, by this step's own rate, 1.        dy/dv = 8
  3. v = 3x      Multiply what arrived, 8, by this step's own rate, 3.        dy/dx = 24

dy/dx = 8 × 1 × 3 = 24. Rates multiply like gears: move x a little, and y moves 24 times as far.

Multiplications for this derivative:

  path by path      2   1 path, multiplied out
  forward mode      3   3 edges, once for the one input number
  backpropagation   3   3 edges, once: every shared factor is computed once"""


def lesson(x: Any) -> Any:
    u = 3 * x + 1
    return u**2


def text_of(explanation: Explanation) -> str:
    """The text with this file as HERE and lines counted from the function's own."""
    first = lesson.__code__.co_firstlineno
    here = re.compile(r"\S*test_explain\.py:(\d+)")
    return here.sub(lambda found: f"HERE:{int(found[1]) - first}", str(explanation))


def test_the_lesson() -> None:
    assert text_of(gt.explain(lesson, 1.0)) == LESSON


def test_its_parts_can_be_used() -> None:
    lesson_at_1 = gt.explain(lesson, 1.0)
    assert (lesson_at_1.value, lesson_at_1.gradient) == (16.0, 24.0)
    assert [step.name for step in lesson_at_1.steps] == ["v", "u", "y"]
    assert [rate.formula for step in lesson_at_1.steps for rate in step.rates] == ["3", "1", "2u"]
    assert [rate.number for step in lesson_at_1.steps for rate in step.rates] == [3, 1, 8]
    assert repr(lesson_at_1) == str(lesson_at_1)


def test_paths_that_meet_add_up() -> None:
    text = str(gt.explain(lambda x: x * 2 + x * 5, 1.0))
    assert "by this step's own rate, 2, and add it to the 5 that came another way.   dy/dx = 7" in text
    assert "dy/dx = 7. Rates" in text  # two paths: no single product


def test_a_value_used_twice_by_one_step() -> None:
    square = gt.explain(lambda x: x * x, 3.0)
    assert square.gradient == 6.0
    assert "y = x·x" in str(square)
    assert "and add it to the 3 that came another way.   dy/dx = 6" in str(square)


def test_several_arguments_by_name() -> None:
    def area(width: Any, height: Any) -> Any:
        return width * height

    both = gt.explain(area, 2.0, 5.0)
    assert both.gradient == (5.0, 2.0)
    assert "y = area(width, height) at width = 2, height = 5" in str(both)
    assert "dy/dwidth = 5\ndy/dheight = 2" in str(both)
    one = gt.explain(area, 2.0, 5.0, argnums=1)
    assert one.gradient == 2.0
    assert "y = area(height) at height = 5" in str(one)
    assert gt.explain(area, 2.0, 5.0, argnums=(1, -2)).gradient == (2.0, 5.0)


def test_arguments_without_floats_are_constants() -> None:
    def pick(x: Any, labels: Any, name: str) -> Any:
        assert name == "fine"
        return np.sum(x[labels])

    picked = gt.explain(pick, np.array([1.0, 2.0, 3.0]), np.array([2, 2]), "fine")
    assert np.array_equal(picked.gradient, [0, 0, 2])


def test_names_stay_out_of_each_others_way() -> None:
    text = str(gt.explain(lambda y, u, v1: (y * u + v1) * u, 2.0, 3.0, 1.0))
    assert "z = v·u" in text
    assert "dz/dy = 9" in text
    long = gt.explain(lambda v1: sum(v1 * i for i in range(10)), 2.0)
    assert {step.name for step in long.steps} >= {"step1", "y"}


def test_containers_come_back() -> None:
    params = [{"w": np.ones((3, 2)), "b": np.zeros(2)}]
    explained = gt.explain(
        lambda params, x: np.sum((x @ params[0]["w"] + params[0]["b"]) ** 2), params, np.ones(3), argnums=0
    )
    assert np.array_equal(explained.gradient[0]["w"], np.full((3, 2), 6.0))
    assert "params[0].w" in str(explained)
    assert "y = <lambda>" not in str(explained)
    assert str(explained).startswith("y = f(params)\n")


def test_arrays_are_summarised() -> None:
    def f(x: Any) -> Any:
        return np.sum(np.tanh(np.ones((2, 3)) @ x))

    text = str(gt.explain(f, np.array([1.0, 2.0, -2.0])))
    assert "= f64[3], rms 1.732" in text
    assert "f64[2,3] @ x" in text
    assert "dv/du = 1 - v²" not in text  # names go from the end: u is the tanh
    assert "du/dv = 1 - u² (rms 0.42)" in text
    assert "linear in u" in text
    assert "Multiply what arrived, |u_bar| = 1.414, by this step's own rate, 1 - u²." in text
    assert "back through the transpose of matmul" in text
    assert "x_bar: f64[3], rms 0.8399, norm 1.455" in text


def test_assignment_shows_what_is_written_where() -> None:
    def f(x: Any) -> Any:
        y = np.zeros(3)
        y[0] = 3 * x + 1
        y[1:] = np.tanh(y[0])
        return np.sum(y**2)

    text = str(gt.explain(f, 1.0))
    assert "v = r with [1:] = w" in text
    assert "= f64[3], rms 2.449" in text  # the run did not keep this value; it is computed again
    assert "dy/dx = 24.016" in text


def test_a_cast_that_changes_nothing_is_no_step() -> None:
    """NumPy makes a Python float a float64 on the way; a reader sees none of it."""
    text = str(gt.explain(lambda x: np.sin(x) * np.cos(x), 1.0))
    assert "f64(" not in text
    assert "and add it to" in text
    assert gt.cost(lambda x: np.sin(x), 1.0).forward == 1
    assert "u = f32(x)" in str(gt.explain(lambda x: np.sum(x.astype(np.float32)), np.ones(2)))


def test_a_long_program_is_folded() -> None:
    def f(x: Any) -> Any:
        for _ in range(10_000):
            x = 1.00001 * x + 0.5
        return x

    folded = gt.explain(f, 1.0)
    assert folded.hidden == 20_000 - 16
    text = str(folded)
    assert text.count("... 19,984 steps between ...") == 2
    assert "20000. v1 = 1.00001x" in text
    assert len(text.splitlines()) < 60
    assert folded.gradient == pytest.approx(1.00001**10_000)


def test_the_count_of_work() -> None:
    def doubled(x: Any) -> Any:
        for _ in range(20):
            x = x + x
        return x

    text = str(gt.explain(doubled, 1.0))
    assert "path by path      19,922,944   1,048,576 paths, each multiplied out alone" in text
    assert "backpropagation           40   40 edges, once" in text


def test_nothing_to_do() -> None:
    assert "y = x" in str(gt.explain(lambda x: x, 2.0))
    assert gt.explain(lambda x: x, 2.0).gradient == 1.0
    still = gt.explain(lambda x: 3.0, 2.0)
    assert still.gradient == 0.0
    assert "y does not depend on x" in str(still)
    assert "To first order y does not move when x moves." in str(gt.explain(lambda x: x * 0, 2.0))
    assert "moves 3 times as far, the other way" in str(gt.explain(lambda x: -3 * x, 2.0))


def test_what_is_not_finite_is_said() -> None:
    text = str(gt.explain(lambda x: np.log(x), np.float64(0.0)))
    assert "Not everything here is finite. It began with log: -inf, where its operand is 0, at " in text
    assert gt.explain(lambda x: np.log(x), 1.0).trouble is None


def test_custom_rules_and_complex_values() -> None:
    text = str(gt.explain(lambda x: np.sum(np.sort(x) * np.arange(3.0)), np.array([3.0, 1.0, 2.0])))
    assert "dy/dx" not in text
    assert "x_bar: f64[3]" in text
    text = str(gt.explain(lambda x: np.abs(np.exp(1j * x) + 0.5) ** 2, 0.3))
    assert re.search(r"= \(0\.955336\+0\.29552j\)", text)


@pytest.mark.parametrize(
    ("f", "args", "says"),
    [
        (lambda x: x, (3,), "no argument holds floats"),
        (lambda x: x, (np.ones(3),), "must return one real number"),
        (lambda x: (x, x), (3.0,), "must return one real number"),
        (lambda x: x * 1j, (3.0,), "must return one real number"),
        (lambda x: "text", (3.0,), "must return one real number"),
    ],
)
def test_bad_input(f: Any, args: tuple[Any, ...], says: str) -> None:
    with pytest.raises(InputError, match=says):
        gt.explain(f, *args)
    with pytest.raises(InputError, match=says):
        gt.cost(f, *args)


def test_a_wrong_argnum() -> None:
    with pytest.raises(InputError, match="argnums=1 for 1 positional"):
        gt.explain(lesson, 1.0, argnums=1)


def test_inside_another_transformation() -> None:
    """Explaining looks at plain values and disturbs nobody."""
    seen: list[str] = []

    def f(x: Any) -> Any:
        seen.append(str(gt.explain(lambda t: t * t, 3.0)))
        return x * x

    assert gt.grad(f)(2.0) == 4.0
    assert "dy/dt = 6" in seen[0]


# Cost.


def test_cost_counts_operations() -> None:
    doubled = gt.cost(lambda x: x + x, 1.0)
    assert (doubled.forward, doubled.gradient, doubled.ratio) == (1, 2, 2.0)
    square = gt.cost(lesson, 1.0)
    assert square.forward == 3
    assert square.gradient == 6  # 2u, times what arrived, times 3; times 1 costs nothing
    assert square.work == gt.explain(lesson, 1.0).work


def test_a_gradient_costs_a_small_multiple() -> None:
    def network(weights: Any, x: Any) -> Any:
        for w in weights:
            x = np.tanh(w @ x)
        return np.sum(x**2)

    weights = [np.eye(4) * 0.3 for _ in range(30)]
    found = gt.cost(network, weights, np.ones(4), argnums=0)
    assert found.forward == 62
    assert 1 < found.ratio < 6
    assert found.work.inputs == 30 * 16


def test_a_function_that_does_nothing_costs_nothing() -> None:
    found = gt.cost(lambda x: 3.0, 1.0)
    assert found.forward == found.gradient == 0
    assert np.isnan(found.ratio)
