"""Numbers that an optimiser works out anew at every step: its learning rate, its corrections of bias.

They are worked out by Python, from the count of steps. A compiled step cannot hold them, since they change: it takes
them as inputs. So an optimiser asks for them by ``at_step``, and whoever compiles a step answers.
"""

import contextlib
import contextvars
from collections.abc import Callable, Generator
from typing import Any

import numpy as np

Numbers = Callable[..., Any]
"""A function of Python numbers that returns a float, or a tuple of them."""

_answer: contextvars.ContextVar[Callable[[Numbers, tuple[Any, ...]], Any] | None] = contextvars.ContextVar(
    "answer", default=None
)


def at_step(numbers: Numbers, *counts: Any) -> Any:
    """``numbers`` of what the arrays without axes ``counts`` hold, leaves of the optimiser's state.

    >>> at_step(lambda step: 0.5**step, np.array(2))
    0.25
    """
    answer = _answer.get()
    return numbers(*[count.item() for count in counts]) if answer is None else answer(numbers, counts)


def next_step(step: Any) -> Any:
    """The count after this step, an array without axes.

    >>> next_step(np.array(2))
    array(3)
    """
    return np.array(step + 1)


@contextlib.contextmanager
def answered(answer: Callable[[Numbers, tuple[Any, ...]], Any]) -> Generator[None]:
    """Let ``answer(numbers, counts)`` answer all that ``at_step`` is asked inside the ``with``, in this thread."""
    before = _answer.set(answer)
    try:
        yield
    finally:
        _answer.reset(before)
