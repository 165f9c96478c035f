"""The questions that Python asks a traced value: is it true, which integer is it, what bare number is it?

A decision is taken on the concrete value. Under ``jit`` it becomes a guard, which the compiled program takes again;
under ``vmap`` there is no one answer for a whole batch. A bare number would drop the derivative, so it is refused.
"""

import dis
from collections.abc import Callable
from typing import Any

import numpy as np

from geartrain.errors import LeakError, TraceError, library_function, teach, user_frame
from geartrain.ir.aval import Array, Aval, aval_of
from geartrain.ir.node import Node
from geartrain.trace.level import Decision, Trace, active
from geartrain.trace.tracer import Tracer, depends_of, known, leaked, node_of, value_of

__all__ = ["DECIDE", "bare", "decide", "decide_shape"]


DECIDE: dict[str, Callable[[Array], Any]] = {"bool": bool, "int": int, "shape": np.shape}
"""The decisions that Python takes on a value, and how a compiled path takes them again."""


def decide(t: Array, how: str) -> Any:
    """The answer to a question that Python asks a traced value ``t``."""
    answer = DECIDE[how](value_of(t))
    trace = active.trace
    depends = depends_of(t) if type(t) is Tracer else 0
    if depends < 0 or (depends and trace is not t.home):
        raise LeakError(leaked(how, t.home))
    if depends and trace is not None:
        if depends & trace.vmap_bits:
            raise TraceError(_no_one_answer(f"Python takes {how}() of a value"))
        if depends & trace.guard_bits:
            trace.decisions.append(Decision(node_of(t), how, answer))
    return answer


def decide_shape(trace: Trace, node: Node) -> None:
    """The shape of this result depends on data."""
    if node.depends & trace.vmap_bits:
        raise TraceError(_no_one_answer("the program makes an array whose shape depends on a value"))
    if node.depends & trace.guard_bits:
        trace.decisions.append(Decision(node, "shape", np.shape(node.value)))


def _no_one_answer(what: str) -> str:
    return teach(
        "vmap",
        f"{what} that differs between the examples of a batch.",
        "Write np.where(condition, a, b) for both outcomes, or loop over the examples.",
    )


_WAYS_OUT = {
    "float": "Leave float() out, since a traced value is a number already; call a function of math by its name"
    " (math.sin, not one kept in a tuple); make an array that is filled with it inside the function.",
    "complex": "Leave complex() out, since a traced value is a number already.",
    "np.asarray": "Use the NumPy function of the same meaning (np.float64(x): x.astype(float)); give a function that"
    " NumPy does not know a rule by gt.custom_rule; use gt.stop_gradient where no derivative is wanted.",
}


_OF_PACKAGES = {
    "numpy.ma": "A masked array cannot be traced: keep the mask as an array, and write np.where(mask, 0.0, x).",
    "numpy.matrixlib": "np.matrix cannot be traced: use arrays and @.",
    "pandas": "Compute with arrays: df.to_numpy(), outside of the function.",
    "matplotlib": "Draw what does not move, gt.stop_gradient(x); or return it and draw it outside of the function.",
}
"""What to do where these packages take a traced value for a plain one."""


def bare(t: Array, how: str) -> Array:
    """The bare value of a tracer, for code that cannot be traced: only where nothing that depends on it is lost."""
    trace = active.trace
    depends = depends_of(t)
    if depends < 0 or (depends and trace is not t.home):
        raise LeakError(leaked(how, t.home))
    if depends:
        assert trace is not None
        trace.refused = TraceError(_refusal(aval_of(known(t)), how))
        raise trace.refused
    return value_of(t)


def _refusal(aval: Aval, how: str) -> str:
    what = f"a traced {aval.said()}"
    if _is_assignment():
        return teach(
            "setitem",
            f"{what} is written into an array that was made outside of the function, which would drop its derivative.",
            "Make the array inside the function, by np.zeros, np.array, np.copy or np.zeros_like.",
        )
    if aval.dtype.kind in "iub":
        return teach(
            how,
            f"{what} is read by code that cannot be traced: most likely as an index into an array that was made"
            " outside of the function.",
            "Write np.take(table, i, axis=0), or np.array(table)[i].",
        )
    library = library_function()
    by = "" if library is None else f" by {library}"
    do = next((way for name, way in _OF_PACKAGES.items() if f"{library}".startswith(f"{name}.")), _WAYS_OUT[how])
    return teach(how, f"{what} is turned into a bare number{by}, which drops its derivative.", do)


def _is_assignment() -> bool:
    """Whether the user's line under way assigns to an index: then it is ndarray's own code that asks."""
    frame = user_frame()
    if frame is None:
        return False
    code = frame.f_code.co_code[frame.f_lasti]
    return dis.opname[code] in ("STORE_SUBSCR", "STORE_SLICE")
