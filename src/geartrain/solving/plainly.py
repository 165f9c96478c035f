"""The user's functions on plain numbers, for solvers that know nothing of traces.

A solver of SciPy's calls a function many times to find its way. That way does not matter to the derivative of what it
finds, so the function runs on plain numbers: it stays in the trace, because it may read traced values from around it
and make arrays that these are written into, but what it leaves there is thrown away, and the solver gets bare values.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from geartrain.errors import TraceError, teach
from geartrain.ir.aval import is_array
from geartrain.kinds import is_a, kind_of
from geartrain.run import throw_away
from geartrain.trace.level import Level, active, aside
from geartrain.trace.tracer import Tracer, depends_of, fresh, value_of

__all__ = ["Plainly"]


class Plainly:
    """One call of a solver on plain numbers.

    ``depends`` has the transformations that its arguments, and the values and decisions of its functions, depend on.
    """

    def __init__(self, name: str) -> None:
        trace = active.trace
        assert trace is not None
        self.name, self.trace, self.depends = name, trace, 0

    @property
    def recorded(self) -> bool:
        """Whether what it depends on is being recorded, to be run for other numbers."""
        return self.depends & self.trace.guard_bits != 0

    def call(self, solver: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], repeatable: bool) -> Any:
        """``solver(*args, **kwargs)`` on plain numbers; what of it is traced is noted in ``depends``.

        ``repeatable`` says that the traced result will not rest on the way that the solver took.
        """
        result = aside(solver, [self.bare(x) for x in args], {key: self.bare(x) for key, x in kwargs.items()})
        if self.depends & self.trace.vmap_bits and not repeatable:
            what = "it finds its way by the values of one example, and a batch has many."
            raise TraceError(teach(self.name, what, "Loop over the examples: np.stack([f(x) for x in xs])."))
        if self.recorded and not repeatable:
            self.trace.unrepeatable = self.name
        return result

    def bare(self, x: Any) -> Any:
        """``x`` for the solver: values for tracers, functions of plain numbers for functions."""
        if type(x) is Tracer:
            self.depends |= depends_of(x)
            value = value_of(x)
            return value.copy() if is_array(value) else value
        if is_a(x, list, tuple):
            return kind_of(x)([self.bare(v) for v in x])
        if hasattr(x, "_fields"):
            return kind_of(x)(*[self.bare(v) for v in x])
        if is_a(x, dict):
            return {key: self.bare(value) for key, value in x.items()}
        return self._function(x) if _is_function(x) else x

    def _function(self, f: Callable[..., Any]) -> Callable[..., Any]:
        trace = self.trace

        def plain(*args: Any, **kwargs: Any) -> Any:
            outer, active.trace = active.trace, trace
            asked = len(trace.decisions)
            level = Level("record")
            try:
                with level:
                    out = f(*[fresh(trace, a) for a in args], **kwargs)
                return self.bare(out)
            finally:
                for decision in trace.decisions[asked:]:
                    self.depends |= decision.node.depends
                del trace.decisions[asked:]
                throw_away(level, everything=True)
                active.trace = outer

        functools.update_wrapper(plain, f)
        return plain


def _is_function(x: Any) -> bool:
    return callable(x) and not isinstance(x, type) and not hasattr(x, "matvec")
