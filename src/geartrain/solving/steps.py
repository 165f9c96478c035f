"""One step of a Runge-Kutta method, as an expression: where the solution is at its end, and on its way.

Explicit methods have SciPy's own coefficients. Of the implicit ones there is Radau IIA of order five (E. Hairer, G.
Wanner, *Solving Ordinary Differential Equations II*, 1996, section IV.8), whose three stages solve an equation: an
implicit function of what the right-hand side reads.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.solving.implicit import implicit

__all__ = ["Step", "explicit", "radau"]

Rate = Callable[[Any, Any], Any]
ROOT = 6**0.5
NODES = np.array([(4 - ROOT) / 10, (4 + ROOT) / 10, 1.0])
_POWERS = NODES[:, None] ** np.arange(1, 4)
STAGES = _POWERS / np.arange(1, 4) @ np.linalg.inv(NODES[:, None] ** np.arange(3))
"""The integral, up to each node, of the polynomial that is 1 at one of them and 0 at the others."""
THROUGH = np.linalg.inv(_POWERS).T
"""The polynomial that is 0 at the start and has given values at the nodes."""


class Step(NamedTuple):
    """``y`` and its rate at the end of a step; ``at(x)`` is the solution at parts ``x`` (a vector) of the step."""

    y: Array
    rate: Array
    at: Callable[[Array], Array]


def _powers(x: Array, n: int) -> Array:
    return np.stack([x ** (k + 1) for k in range(n)])


def explicit(f: Rate, method: Any, t: Any, end: Any, y: Array, rate: Array) -> Step:
    """A step of an explicit method, one of SciPy's classes, from ``t`` to ``end``."""
    h = end - t
    stages = [rate]
    for a, c in zip(method.A[1:], method.C[1:], strict=False):
        stages.append(f(t + c * h, y + h * (a[: len(stages)] @ np.stack(stages))))
    new = y + h * (method.B @ np.stack(stages))
    stages.append(f(end, new))

    def polynomial(x: Array) -> Array:
        slopes = np.stack(stages).T @ method.P
        return y[:, None] + h * (slopes @ _powers(x, method.P.shape[1]))

    def dop853(x: Array) -> Array:
        more = list(stages)
        for a, c in zip(method.A_EXTRA, method.C_EXTRA, strict=True):
            more.append(f(t + c * h, y + h * (a[: len(more)] @ np.stack(more))))
        move = new - y
        parts = [move, h * stages[0] - move, 2 * move - h * (stages[-1] + stages[0])]
        parts += list(h * (method.D @ np.stack(more)))
        out = np.zeros(())
        for i, part in enumerate(reversed(parts)):
            out = (out + part[:, None]) * (x if i % 2 == 0 else 1 - x)
        return out + y[:, None]

    return Step(new, stages[-1], dop853 if method.__name__ == "DOP853" else polynomial)


def radau(f: Rate, name: str, t: Any, end: Any, y: Array, inside: Array) -> Step:
    """A step of Radau IIA. ``inside`` (3, n) has how far the solution has moved at its nodes, as a solver found it."""
    h = end - t

    def equation(moved: Array) -> Array:
        rates = np.stack([f(t + c * h, y + moved[i]) for i, c in enumerate(NODES)])
        return moved - h * (STAGES @ rates)

    moved = implicit(name, inside, equation)[0]

    def at(x: Array) -> Array:
        return y[:, None] + (moved.T @ THROUGH) @ _powers(x, 3)

    return Step(y + moved[2], y, at)
