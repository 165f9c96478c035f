"""A traced number of Python's is one: what Python makes of it is what Python would make of the number."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.trace.tracer import value_of

SMALL: Any = np.float32(1.0)

PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "floor division": lambda t: t // 1,
    "floor division from the right": lambda t: 7.5 // t,
    "remainder": lambda t: t % 2,
    "remainder from the right": lambda t: 7.5 % t,
    "divmod": lambda t: divmod(t, 2),
    "divmod from the right": lambda t: divmod(7.5, t),
    "comparisons": lambda t: (t > 1, t >= 1.0, t < t, t <= 2, t == 2.5, t != 2.5),
    "sums of comparisons": lambda t: (t > 1) + (t > 2) + (t > 3),
    "signs": lambda t: (+t, -t, abs(t)),
    "rounded": lambda t: (round(t, 1), round(t), t.real, t.conjugate(), t.is_integer()),
    "powers": lambda t: (t**2, 2**t, t**-1, pow(t, 0.5)),
    "sum, max, min": lambda t: (sum([t, t]), max(t, 1.0), min(t, 9.0), sorted([3.0, t])),
    "with single precision": lambda t: (t * SMALL, t // SMALL, t % SMALL, round(t, 1) * SMALL, (t > 1) * SMALL),
    "an element as a number": lambda t: (np.array([t])[0].item() * SMALL, np.array([t, 1.0]).tolist()[1] * SMALL),
    "elements of a list": lambda t: [v * SMALL for v in np.array([t, 2 * t]).tolist()],
    "an item of an array without axes": lambda t: (
        np.array(t).item(),
        np.array([[t]]).item(0, 0),
        np.array([t]).item(0),
    ),
}


def plain(y: Any) -> list[Any]:
    return [value_of(v) for v in gt.tree.leaves(y)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_types_are_those_of_python(name: str) -> None:
    seen: list[Any] = []

    def f(t: Any) -> Any:
        seen.extend(plain(PROGRAMS[name](t)))
        return t

    gt.grad(f)(2.5)
    want = gt.tree.leaves(PROGRAMS[name](2.5))
    assert seen == want
    assert [type(v) for v in seen] == [type(v) for v in want]


def test_they_move() -> None:
    assert gt.grad(lambda t: divmod(t, 2.0)[1] * 3 + t % 1 + t // 1)(2.5) == 4.0
    assert gt.grad(lambda t: np.array([t, t]).tolist()[0] * np.array([[t]]).item())(3.0) == 6.0
    assert gt.grad(gt.grad(lambda t: np.array([t]).item() ** 3))(2.0) == 12.0
    assert gt.jit(gt.grad(lambda t: np.array([t * 2]).item() ** 2))(3.0) == 24.0
    np.testing.assert_array_equal(gt.vmap(lambda x: x.item() * 2)(np.ones((3, 1))), [2.0, 2.0, 2.0])


def test_division_by_zero_is_an_error_of_python() -> None:
    for f in (lambda t: t // 0, lambda t: t % 0.0, lambda t: divmod(t, 0.0)):
        with pytest.raises(ZeroDivisionError):
            gt.grad(f)(1.0)
