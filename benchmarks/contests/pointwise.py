"""A chain of pointwise functions and a sum: as quick as memory, if it is one pass."""

from typing import Any

import numpy as np

from benchmarks.contest import Contest
from benchmarks.sides import gradient_sides


def program(xp: Any, x: Any) -> Any:
    return xp.sum(xp.exp(-xp.tanh(x)) + x)


CONTEST = Contest(
    title="sum(exp(-tanh(x)) + x), value and gradient",
    variants={
        f"{dtype}, 1e{k}": (np.linspace(-2, 2, 10**k).astype(dtype),)
        for dtype in ("float32", "float64")
        for k in (3, 4, 5, 6, 7)
    },
    sides=gradient_sides(program),
    must=1.0,
    target=0.7,
    tolerance=1e-4,
)
