"""How NumPy's calls reach the ops: the two array protocols, with ``out=``, ``where=``, ``dtype=`` and ufunc methods."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from geartrain.errors import RuleError, ShapeError, TraceError, teach
from geartrain.ir.aval import Array, aval_of
from geartrain.ir.op import Op
from geartrain.kinds import is_a, kind_of
from geartrain.ops.calls import CALLS_BACK
from geartrain.ops.index import at_by
from geartrain.ops.shape import cast
from geartrain.ops.table import SPELLINGS
from geartrain.ops.ufunc_methods import accumulate_by, outer_by, reduce_by, reduceat_by
from geartrain.trace.apply import apply, binary, unary
from geartrain.trace.level import active, aside
from geartrain.trace.tracer import Tracer, depends_of, fresh, here, known, plain, refuse_strange, value_of
from geartrain.trace.write import write_out

__all__ = ["READY", "call_function", "call_ufunc", "traced"]


def traced(x: Any) -> bool:
    """Whether a traced value is in ``x`` or in the lists, tuples and dicts of ``x``."""
    kind = kind_of(x)
    if kind is Tracer:
        return depends_of(x) != 0
    if kind is dict:
        x = x.values()
    elif kind is not list and kind is not tuple:
        return False
    for v in x:  # a loop: any() of a generator takes three times as long, and this is asked at every call
        kind = kind_of(v)
        if (kind is Tracer or kind is list or kind is tuple or kind is dict) and traced(v):
            return True
    return False


_UFUNC_METHODS: dict[str, Callable[..., Array]] = {
    "reduce": reduce_by,
    "accumulate": accumulate_by,
    "reduceat": reduceat_by,
    "outer": outer_by,
    "at": at_by,
}
_IGNORED = {"casting", "order", "subok"}
"""Options of a ufunc that do not change a result that could be computed."""


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Array, ...], kwargs: dict[str, Any]) -> Any:
    """A ufunc was called with a tracer among its operands or outputs."""
    if method == "__call__" and not kwargs:
        mean = SPELLINGS.get(ufunc)
        if isinstance(mean, Op) and _are_ready(inputs):
            return _call_op(mean, inputs)
    out = kwargs.pop("out", None)
    if not kwargs and not traced(inputs):
        result = _untraced(getattr(ufunc, method), inputs, {})
    elif kwargs and not traced(inputs) and not traced(kwargs):
        if kwargs.get("where", True) is not True and out is not None:
            kwargs["out"] = tuple([np.array(value_of(o)) for o in out])
        result = _untraced(getattr(ufunc, method), inputs, kwargs)
    elif method == "__call__":
        result = _elementwise(ufunc, inputs, kwargs, out)
    else:
        if SPELLINGS.get(ufunc) is None:
            raise _no_rule(f"{_name(ufunc)}.{method}")
        if method == "at" and type(inputs[0]) is not Tracer:
            raise _outside(f"{ufunc.__name__}.at")
        for name in _IGNORED:
            kwargs.pop(name, None)
        result = _UFUNC_METHODS[method](ufunc, *inputs, **kwargs)
    return result if out is None else _write_out(ufunc.__name__, out, result)


def _call_op(op: Op, inputs: tuple[Array, ...]) -> Any:
    """A ufunc that is one op, on operands that can be taken as they are."""
    if not op.pointwise or len(inputs) > 2:
        return apply(op, inputs)
    return binary(op, *inputs) if len(inputs) == 2 else unary(op, *inputs)


PYTHON = frozenset((float, int))
READY = frozenset((Tracer, np.ndarray, np.float64, np.float32, *PYTHON))
"""Kinds of operands that can be taken as they are, if not all are ``PYTHON``'s."""


def _are_ready(inputs: tuple[Array, ...]) -> bool:
    """Whether operands can be taken as they are: no sequences, and not Python's numbers alone."""
    ready = False
    for x in inputs:
        kind = kind_of(x)
        if kind not in READY:
            return False
        if kind is Tracer and x.store is None:
            kind = kind_of(x.node.value)
        ready = ready or kind not in PYTHON
    return ready


def _elementwise(ufunc: np.ufunc, inputs: tuple[Array, ...], kwargs: dict[str, Any], out: Any) -> Any:
    mean = SPELLINGS.get(ufunc)
    if mean is None:
        raise _no_rule(_name(ufunc))
    inputs = tuple([np.asarray(x) if type(x) in (list, tuple) else x for x in inputs])
    if kwargs:
        for name in _IGNORED:
            kwargs.pop(name, None)
        where, dtype = kwargs.pop("where", True), kwargs.pop("dtype", None)
        if dtype is not None:
            inputs = tuple([cast(x if hasattr(x, "dtype") else np.asarray(x), dtype) for x in inputs])
        result = mean(*inputs, **kwargs)
        if where is True:
            return result
        return np.where(where, result, np.zeros((), result.dtype) if out is None else out[0])
    if isinstance(mean, Op) and mean.pointwise and all(_is_python_number(x) for x in inputs):
        inputs = tuple([cast(here(x, ufunc.__name__), float) if type(x) is Tracer else float(x) for x in inputs])
    return mean(*inputs)


def _is_python_number(x: Array) -> bool:
    """A ufunc makes NumPy scalars of Python's: nothing may stay weak."""
    return type(x.node.value if type(x) is Tracer and x.store is None else x) in PYTHON  # type: ignore[union-attr]


def _untraced(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Computed by NumPy on plain values: nothing depends on anything."""
    value = aside(function, [plain(a) for a in args], plain(kwargs))
    return value if active.trace is None else fresh(active.trace, value)


SHAPES_ONLY = {
    *(np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.min_scalar_type, np.common_type),
    *(np.may_share_memory, np.shares_memory, np.zeros_like, np.empty_like, np.ones_like),
    *(np.array_repr, np.array_str, np.array2string),
}
"""Functions that ask for no number, or print one."""


def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A NumPy function was called with a tracer among its arguments."""
    if function in SHAPES_ONLY:
        value = function(*[value_of(a) for a in args], **{k: value_of(v) for k, v in kwargs.items()})
        return value if active.trace is None else fresh(active.trace, value)
    mean = SPELLINGS.get(function)
    if not traced(args) and not (kwargs and traced(kwargs)):
        if mean is not None and function in WRITERS:
            return mean(*args, **kwargs)
        if kwargs.get("out") is not None:
            return _with_out(function, args, kwargs)
        value = aside(function, [plain(a) for a in args], plain(kwargs))
        if active.trace is None:
            return value
        return mean(*args, **kwargs) if mean is not None and _is_view(value, args) else fresh(active.trace, value)
    if mean is None:
        raise _no_rule(f"{_module(function)}.{function.__name__}")
    for x in args:
        if type(x) not in READY:
            refuse_strange(function.__name__, x)
    if function in WRITERS and args and type(args[0]) is not Tracer:
        raise _outside(function.__name__)
    try:
        return mean(*args, **kwargs) if kwargs.get("out") is None else _with_out(mean, args, kwargs, function.__name__)
    except ValueError as error:
        if type(error) is not ValueError or function in CALLS_BACK:
            raise
        raise ShapeError(_mismatch(function.__name__, args, error)) from error


def _is_view(value: Any, args: tuple[Any, ...]) -> bool:
    """Whether a result is a view of an argument that belongs to the trace, or some of its parts are."""
    if type(value) in (list, tuple):
        return any(_is_view(part, args) for part in value)
    if type(value) is not np.ndarray:
        return False
    return any(type(x) is Tracer and np.may_share_memory(value, value_of(x)) for x in args)


WRITERS = {np.put, np.put_along_axis, np.place, np.putmask, np.copyto, np.fill_diagonal}
"""Functions that change their first argument."""


def _with_out(mean: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], name: str = "out") -> Any:
    out = kwargs.pop("out")
    result = mean(*args, **kwargs)
    return _write_out(name, out if isinstance(out, tuple) else (out,), result)  # pyright: ignore[reportUnknownArgumentType]


def _write_out(name: str, out: tuple[Any, ...], result: Any) -> Any:
    results = result if len(out) > 1 else (result,)
    written: list[Any] = []
    for target, value in zip(out, results, strict=True):
        if target is None:
            written.append(value)
            continue
        if type(target) is Tracer:
            write_out(target, value)
        elif traced(value):
            raise _outside(name)
        else:
            target[...] = value_of(value)
        written.append(target)
    return tuple(written) if len(written) > 1 else written[0]


def _outside(name: str) -> TraceError:
    """A function writes what is traced into an array that is not: by ``out=``, ``+=`` or as its first argument."""
    return TraceError(
        teach(
            name,
            "a traced result is written into an array that was made outside of the function, which would drop its"
            " derivative.",
            "Make the array inside the function, by np.zeros, np.array or np.copy; or use the result: a = a + t for"
            " a += t.",
        )
    )


def _mismatch(name: str, args: tuple[Any, ...], error: ValueError) -> str:
    got = [aval_of(known(x) if type(x) is Tracer else x).said() for x in _numbers(args)]
    given = f" (got {' and '.join(got)})" if 0 < len(got) < 9 else ""
    return teach(name, f"{error}{given}.", "Make the shapes fit; print x.shape on the line before.")


def _numbers(args: Iterable[Any]) -> Iterator[Any]:
    """The numbers and arrays among arguments and in their lists and tuples."""
    for x in args:
        if is_a(x, list, tuple):
            yield from _numbers(x)
        elif type(x) is Tracer or isinstance(x, (np.ndarray, np.generic, float, int, complex)):
            yield x


def _name(ufunc: np.ufunc) -> str:
    name = ufunc.__name__
    return f"np.{name}" if getattr(np, name, None) is ufunc else name


def _module(function: Any) -> str:
    return (getattr(function, "__module__", None) or "numpy").replace("numpy", "np", 1)


def _no_rule(name: str) -> RuleError:
    do = (
        "Write it with other NumPy functions, or give it a rule by gt.custom_rule; use gt.stop_gradient where no"
        " derivative is wanted."
    )
    return RuleError(teach(name, "this function has no derivative rule yet.", do))
