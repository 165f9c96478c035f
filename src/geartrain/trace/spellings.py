"""How NumPy's calls reach the ops: the two array protocols."""

from typing import Any

import numpy as np

from geartrain.errors import RuleError, TraceError, teach
from geartrain.ir.aval import Array
from geartrain.ir.op import Pointwise
from geartrain.ops.shape import cast
from geartrain.ops.table import SPELLINGS
from geartrain.trace.level import active
from geartrain.trace.tracer import Tracer, depends_of, fresh, plain, protocols

__all__ = ["call_function", "call_ufunc"]


def traced(x: Any) -> bool:
    """Whether a traced value is in ``x`` or in the lists, tuples and dicts of ``x``."""
    if type(x) is Tracer:
        return depends_of(x) != 0
    if type(x) in (list, tuple):
        return any(traced(v) for v in x)
    return type(x) is dict and any(traced(v) for v in x.values())


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Array, ...], kwargs: dict[str, Any]) -> Any:
    """A ufunc was called with a tracer among its operands."""
    out = kwargs.pop("out", None)
    if not traced(inputs) and not traced(list(kwargs.values())):
        value = getattr(ufunc, method)(*plain(inputs), **plain(kwargs))
        result = value if active.trace is None else fresh(active.trace, value)
    else:
        mean = SPELLINGS.get(ufunc) if method == "__call__" else None
        if mean is None or set(kwargs) - {"dtype"}:
            spelled = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
            raise _no_rule(spelled, f" with {', '.join(kwargs)}" if kwargs else "")
        if isinstance(mean, Pointwise) and all(type(plain_value(x)) in (int, float) for x in inputs):
            inputs = tuple(cast(x, float) if type(x) is Tracer else float(x) for x in inputs)
        result = mean(*inputs)
        if kwargs.get("dtype") is not None:
            result = cast(result, kwargs["dtype"])
    return result if out is None else _write_out(ufunc.__name__, out, result)


def plain_value(x: Array) -> Array:
    return x._node.value if type(x) is Tracer and x._node is not None else x  # pyright: ignore[reportPrivateUsage]


def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A NumPy function was called with a tracer among its arguments."""
    if not traced(args) and not traced(kwargs):
        value = function(*plain(args), **plain(kwargs))
        return value if active.trace is None else fresh(active.trace, value)
    mean = SPELLINGS.get(function)
    if mean is None:
        raise _no_rule(f"np.{function.__name__}", "")
    out = kwargs.pop("out", None)
    result = mean(*args, **kwargs)
    return result if out is None else _write_out(function.__name__, (out,), result)


def _write_out(name: str, out: tuple[Any, ...], result: Any) -> Any:
    results = result if len(out) > 1 else (result,)
    for target, value in zip(out, results, strict=True):
        if type(target) is not Tracer and traced(value):
            raise TraceError(
                teach(
                    name, "out= is an array made outside of the function.", "Make it inside, by np.zeros or np.empty."
                )
            )
        target[...] = value
    return out if len(out) > 1 else out[0]


def _no_rule(name: str, detail: str) -> RuleError:
    do = "Write it with other NumPy functions, or give it a rule by gt.custom_rule."
    return RuleError(teach(name, f"this function has no derivative rule yet{detail}.", do))


protocols["ufunc"] = call_ufunc
protocols["function"] = call_function
