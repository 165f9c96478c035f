"""The implicit function theorem: what solves ``r(x, p) = 0`` moves with ``p`` by ``-(dr/dx)^-1 dr/dp``.

The solution is one operation whose operands are the traced values that the equation reads. Its rule has the equation
as a graph, and names the solution itself, so all orders and mixes of modes follow (A. Griewank, A. Walther,
*Evaluating Derivatives*, 2008, chapter 15).
"""

from collections.abc import Callable, Sequence
from typing import Any

from geartrain.api import jvp, vjp
from geartrain.errors import RuleError, own_line, teach
from geartrain.ir.aval import Array, aval_of, is_array
from geartrain.ir.graph import Graph
from geartrain.ir.interpret import interpret
from geartrain.ir.op import Custom
from geartrain.ir.untyped import numpy as np
from geartrain.jacobians import jacobian
from geartrain.recording import closure
from geartrain.run import Run, is_value
from geartrain.trace.apply import applied
from geartrain.trace.level import active, aside
from geartrain.trace.tracer import Tracer, value_of

__all__ = ["SOLUTION", "Found", "implicit", "without_rule"]

NEAR, DOUBTED = 1e-2, 1e-6
"""How far Newton's method may move a solution, in proportion to its size or to 1, before it counts as none; and one
that SciPy says has failed, as it also does where the tolerance is finer than rounding."""


class Found:
    """What a solver found, as a parameter of an op: compared by identity.

    ``x`` is flat, or one of Python's numbers, and solves ``graph(x, *reads) = 0``. ``refusal`` says why there is no
    derivative, if there is none. Without a graph it is a result beside the solution. ``failed`` is SciPy's message
    where it says that it has failed.
    """

    def __init__(self, name: str, x: Array, graph: Graph | None, reads: Sequence[Array]) -> None:
        self.name, self.x, self.graph, self.reads = name, x, graph, reads
        self.refusal = self.failed = ""
        self.line = own_line()

    def error(self, what: str, do: str) -> RuleError:
        return RuleError(teach(self.name, what, do, self.line))

    def equation(self, x: Array, operands: Sequence[Array]) -> Array:
        """The left side of the equation."""
        if self.refusal or self.graph is None:
            do = "Use gt.stop_gradient on it, or leave it out of what is differentiated."
            raise self.error(self.refusal, do)
        return interpret(self.graph, [x, *operands])[0]

    def moving(self, y: Array, xs: Sequence[Array]) -> tuple[list[int], Callable[..., Array]]:
        """The operands that can move, and the left side at ``y`` as a function of these."""
        places = [i for i, x in enumerate(xs) if aval_of(value_of(x)).dtype.kind in "fc"]

        def left(*some: Array) -> Array:
            full = list(xs)
            for i, x in zip(places, some, strict=True):
                full[i] = x
            return self.equation(y, full)

        return places, left

    def solve(self, y: Array, xs: Sequence[Array], right: Array, transposed: bool = False) -> Array:
        """``(dr/dx)^-1 right`` at the solution ``y``."""

        def left(x: Array) -> Array:
            return self.equation(x, xs)

        rates = jacobian(left)(y)
        aside(self._check, [value_of(rates), value_of(left(y)), value_of(y)])
        return np.linalg.solve(rates.T if transposed else rates, right)

    def _check(self, rates: Array, left: Array, x: Array) -> None:
        """Refuse what is no solution, or none that moves smoothly."""
        try:
            step = np.linalg.solve(rates, left)
        except np.linalg.LinAlgError:
            step = np.array(np.nan)
        if not np.all(np.isfinite(step)):
            what = "the equation has no unique solution nearby (its Jacobian is singular), so there is no derivative."
            raise self.error(what, "Add what makes the solution unique, or start nearer to a regular one.")
        if np.any(np.abs(step) > (DOUBTED if self.failed else NEAR) * (1 + np.abs(x))):
            said = f"; SciPy says: {self.failed}" if self.failed else ""
            far = f"Newton's method would go on by {np.max(np.abs(step)):.2g}{said}"
            what = f"it ended where the equation does not hold ({far}), so there is nothing to differentiate."
            raise self.error(what, "Ask for a smaller tolerance or more iterations, or start nearer to the solution.")


def _again(*operands: Any) -> Array:
    *xs, found = operands
    if not all(np.array_equal(x, read) for x, read in zip(xs, found.reads, strict=True)):
        what = "its solution is known for the numbers of one run, and others are asked for."
        raise found.error(what, "Call the function again; loop over the examples of a batch.")
    return found.x


def _push(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array | None], found: Found) -> Array:
    if found.graph is None:  # the forward sweep comes by here whether somebody needs it or not
        return np.full(np.shape(y), np.nan)
    x = np.reshape(y, (-1,))
    places, left = found.moving(x, xs)
    places_dot = [xs_dot[i] if xs_dot[i] is not None else _zero(xs[i]) for i in places]
    moved = jvp(left, [xs[i] for i in places], places_dot)[1]
    return np.reshape(-found.solve(x, xs, moved), np.shape(y))[()]


def _pull(y_bar: Array, y: Array, xs: Sequence[Array], found: Found) -> list[Array | None]:
    x = np.reshape(y, (-1,))
    places, left = found.moving(x, xs)
    left_bar = -found.solve(x, xs, np.reshape(y_bar, (-1,)), transposed=True)
    bars: list[Array | None] = [None] * len(xs)
    for i, bar in zip(places, vjp(left, *[xs[i] for i in places])[1](left_bar), strict=True):
        bars[i] = bar
    return bars


def _zero(x: Array) -> Array:
    aval = aval_of(value_of(x))
    return np.zeros(aval.shape, aval.dtype) if aval.shape else aval.dtype.type(0)


SOLUTION = Custom(name="solution", fn=_again, params=("found",), push=_push, pull=_pull)
"""What solves an equation, as a function of what the equation reads."""


def implicit(name: str, x: Any, residual: Callable[[Any], Any], failed: str = "") -> tuple[Any, list[Any]]:
    """What a solver found, as a function of the traced values that the equation ``residual(x) = 0`` reads.

    ``x`` is a real number or array, and ``residual`` returns as many numbers as it has. The traced values come with it.
    ``failed`` is what SciPy says where it does not hold ``x`` for a solution: then it must be one beyond doubt.
    """
    trace = active.trace
    assert trace is not None
    asked = len(trace.decisions)
    shape, is_number = np.shape(x), not is_array(x)

    def flat(z: Any) -> Any:
        return np.ravel(np.asarray(residual(z[0] if is_number else np.reshape(z, shape))))

    run = Run(name, flat, (_own(x),), kind="record")
    graph, captured = closure(run)
    size = aval_of(value_of(run.out)).size
    operands = [Tracer(trace, node) for node in captured]
    run.throw_away(everything=True)
    del trace.decisions[asked:]
    if not captured:
        return x, []
    value = _own(x)
    found = Found(name, value, graph, [node.value for node in captured])
    found.failed = failed
    if value.dtype.kind == "c":
        found.refusal = "it is complex, and the rule for solutions is one of real numbers."
    elif size != value.size:
        found.refusal = f"it has {size} equations for {value.size} unknowns, so there is no one solution to move."
    if type(x) is float:  # Python's numbers stay Python's
        found.x = x
        return applied(SOLUTION, tuple(operands), (found,), x), operands
    y = applied(SOLUTION, tuple(operands), (found,), value)
    return (y[0] if is_number else np.reshape(y, shape)), operands


def without_rule(name: str, value: Any, operands: Sequence[Any], refusal: str) -> Any:
    """A result of a solver that moves with ``operands`` by no rule: its value is there, its derivative is refused."""
    if not operands or not is_value(value) or aval_of(value).dtype.kind not in "fc":
        return value
    found = Found(name, _own(value), None, [value_of(x) for x in operands])
    found.refusal = refusal
    y = np.reshape(applied(SOLUTION, tuple(operands), (found,), found.x), np.shape(value))
    return y if is_array(value) else y[()]


_ARRAY = np.array  # NumPy's own, also while a trace runs


def _own(x: Any) -> Array:
    """The numbers of a solution as one vector of floats."""
    flat = _ARRAY(value_of(x)).reshape(-1)
    return flat if flat.dtype.kind in "fc" else flat.astype(float)
