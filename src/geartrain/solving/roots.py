"""``scipy.optimize``: roots and fixed points, as implicit functions of what their equations read.

SciPy finds them, on plain numbers; a solution then moves as the equation says (see ``implicit``). Where the search
starts, and its tolerances, do not move it.
"""

import inspect
from collections.abc import Callable
from typing import Any

from geartrain.ir.untyped import numpy as np
from geartrain.kinds import is_a, kind_of
from geartrain.ops.calls import CALLS_BACK
from geartrain.ops.later import RAW, when
from geartrain.ops.table import SPELLINGS
from geartrain.solving.implicit import implicit, without_rule
from geartrain.solving.plainly import Plainly
from geartrain.trace.level import Trace, active
from geartrain.trace.tracer import fresh

__all__ = ["Call", "enter", "without_rules"]


class Call:
    """A call of a solver by its own name: what it was given, and what it found on plain numbers.

    ``asked`` has the arguments that the program wrote, ``given`` those and the defaults; ``instead`` goes before both.
    """

    def __init__(
        self, original: Callable[..., Any], args: Any, kwargs: Any, repeatable: bool = False, **instead: Any
    ) -> None:
        bound = inspect.signature(original).bind(*args, **kwargs)
        self.asked = dict(bound.arguments)
        bound.arguments.update(instead)
        self.name = f"{original.__module__.rpartition('._')[0].partition('._')[0]}.{original.__name__}"
        self.plainly = Plainly(self.name)
        self.result = self.plainly.call(original, bound.args, bound.kwargs, repeatable)
        self.traced = self.plainly.depends != 0
        bound.apply_defaults()
        self.given: dict[str, Any] = bound.arguments

    def function(self, name: str, first: bool = False) -> Callable[[Any], Any]:
        """The function that was given as ``name``, with its further arguments; of several results the ``first``."""
        f, extra = self.given[name], self.given.get("args", ())
        rest: tuple[Any, ...] = extra if is_a(extra, tuple) else (extra,)

        def called(x: Any) -> Any:
            y = f(x, *rest)
            return y[0] if first else y

        return called

    def untraced(self) -> Any:
        """The result as the program sees it, where nothing of it moves."""
        trace = active.trace
        assert trace is not None
        return _fresh(trace, self.result)


def _fresh(trace: Trace, result: Any) -> Any:
    if issubclass(kind_of(result), dict):  # SciPy's results are dicts of a kind
        for key, value in list(result.items()):
            result[key] = fresh(trace, value)
        return result
    return fresh(trace, result)


def without_rules(name: str, results: Any, reads: list[Any], *keys: str) -> None:
    """Refuse the derivatives of the named results of a solver, where they are there."""
    for key in keys:
        if key in results:
            what = f"its result {key} has no rule, as the solution itself has."
            results[key] = without_rule(name, results[key], reads, what)


def enter(module: str, names: dict[str, Callable[..., Any]]) -> None:
    """Enter what the named functions of a module mean: ``mean(original, args, kwargs)``."""

    def come(arrived: Any) -> None:
        for name, mean in names.items():
            original = getattr(arrived, name, None)
            if original is not None:
                SPELLINGS[original] = _spelled(original, mean)
                CALLS_BACK.add(original)
                RAW.add(original)

    when(module)(come)


def _spelled(original: Callable[..., Any], mean: Callable[..., Any]) -> Callable[..., Any]:
    def spelled(*args: Any, **kwargs: Any) -> Any:
        return mean(original, args, kwargs)

    return spelled


# Equations of several unknowns.


def _root(original: Any, args: Any, kwargs: Any) -> Any:
    call = Call(original, args, kwargs)
    result = call.result
    if not call.traced:
        return call.untraced()
    failed = "" if result.success else result.message
    result.x, reads = implicit(call.name, result.x, call.function("fun", call.given["jac"] is True), failed)
    without_rules(call.name, result, reads, "fjac", "r", "qtf", "jac")
    return result


def _fsolve(original: Any, args: Any, kwargs: Any) -> Any:
    call = Call(original, args, kwargs)
    if not call.traced:
        return call.untraced()
    full = bool(call.given["full_output"])
    x, reads = implicit(call.name, call.result[0] if full else call.result, call.function("func"))
    if not full:
        return x
    _, info, *rest = call.result
    without_rules(call.name, info, reads, *info)
    return (x, info, *rest)


def _fixed_point(original: Any, args: Any, kwargs: Any) -> Any:
    call = Call(original, args, kwargs)
    if not call.traced:
        return call.untraced()
    f = call.function("func")
    return implicit(call.name, call.result, lambda x: f(x) - x)[0]


# Equations of one unknown.


def _root_scalar(original: Any, args: Any, kwargs: Any) -> Any:
    call = Call(original, args, kwargs)
    result = call.result
    if not call.traced:
        return result
    several = call.given["fprime"] is True or call.given["fprime2"] is True
    failed = "" if result.converged else result.flag
    result.root = implicit(call.name, result.root, call.function("f", several), failed)[0]
    return result


def _bracketed(original: Any, args: Any, kwargs: Any) -> Any:
    call = Call(original, args, kwargs)
    if not call.traced:
        return call.result
    full = bool(call.given["full_output"])
    root, *rest = call.result if full else (call.result,)
    failed = "" if not full or rest[0].converged else rest[0].flag
    root = implicit(call.name, root, call.function("f"), failed)[0]
    if not full:
        return root
    rest[0].root = root
    return (root, *rest)


def _newton(original: Any, args: Any, kwargs: Any) -> Any:
    call = Call(original, args, kwargs)
    if not call.traced:
        return call.untraced()
    full, result, f = bool(call.given["full_output"]), call.result, call.function("func")
    if not full:
        return implicit(call.name, result, f)[0]
    if hasattr(result, "_fields"):  # of many equations at once
        good = bool(np.all(result.converged))
        root = implicit(call.name, result.root, f, "" if good else "not everywhere converged")[0]
        return result._replace(root=root)
    result[1].root = implicit(call.name, result[0], f, "" if result[1].converged else "not converged")[0]
    return (result[1].root, *result[1:])


def _unnamed(original: Any, args: Any, kwargs: Any) -> Any:
    call = Call(original, args, kwargs)
    if not call.traced:
        return call.untraced()
    return implicit(call.name, call.result, call.function("F"))[0]


enter(
    "scipy.optimize",
    {
        "root": _root,
        "fsolve": _fsolve,
        "fixed_point": _fixed_point,
        "root_scalar": _root_scalar,
        "newton": _newton,
        **dict.fromkeys(("brentq", "brenth", "bisect", "ridder", "toms748"), _bracketed),
        **dict.fromkeys(("newton_krylov", "broyden1", "broyden2", "anderson"), _unnamed),
    },
)
