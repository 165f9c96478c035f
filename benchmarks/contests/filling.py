"""``b[i] = f(x[i])`` for 1,000 places: an array that a Python loop fills."""

from typing import Any

import numpy as np

from benchmarks.contest import Contest
from benchmarks.sides import gradient_sides

SIZE = 1000


def program(xp: Any, x: Any) -> Any:
    b = xp.zeros(SIZE)
    for i in range(SIZE):
        b[i] = xp.sin(x[i]) * x[i]
    return xp.sum(b * b)


def theirs(xp: Any, x: Any) -> Any:
    """The same for those without assignment."""
    b = xp.sin(x) * x
    return xp.sum(b * b)


CONTEST = Contest(
    title="b[i] = sin(x[i]) * x[i], 1,000 places in a Python loop; peers as one expression",
    variants={"1,000 places": (np.linspace(0.0, 1.0, SIZE),)},
    sides=gradient_sides(program, theirs=theirs),
    must=1.0,
    target=0.5,
)
