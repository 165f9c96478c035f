"""Lists and tuples that hold traced values, where NumPy takes them for arrays."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from geartrain.errors import ShapeError, teach
from geartrain.ir.aval import Array
from geartrain.kinds import kind_of
from geartrain.ops.join import STACK
from geartrain.ops.shape import cast
from geartrain.trace.spellings import traced
from geartrain.trace.tracer import Tracer, value_of

__all__ = ["has_tracer", "heard", "named_like", "stacked"]

_ASARRAY = np.asarray  # NumPy's own, also while a trace runs


def named_like(original: Callable[..., Any], f: Callable[..., Any]) -> Callable[..., Any]:
    """``f``, called what ``original`` is called."""
    f.__name__ = f.__qualname__ = original.__name__
    f.__doc__, f.__wrapped__ = original.__doc__, original  # type: ignore[attr-defined]
    return f


def stacked(value: Any) -> Array:
    """A nested sequence of values, some of them traced, as one array."""
    if type(value) not in (list, tuple):
        return value
    items = [stacked(v) for v in value]
    shapes = {np.shape(v) for v in items}
    if len(shapes) > 1:
        what = f"the parts of a list have different shapes: {' and '.join(map(str, sorted(shapes)))}."
        raise ShapeError(teach("array", what, "Make them equal: np.zeros(n) in place of 0.0, rows of one length."))
    dtype = np.result_type(*(v.dtype if hasattr(v, "dtype") else _ASARRAY(v).dtype for v in items))
    return STACK(*[_as(v, dtype) for v in items], params=(0,))


def _as(value: Array, dtype: np.dtype[Any]) -> Array:
    if kind_of(value) is Tracer or (hasattr(value, "dtype") and value.dtype == dtype):
        same = value.dtype == dtype and type(value_of(value)) not in (float, int, complex, bool)
        return value if same else cast(value, dtype)
    return _ASARRAY(value, dtype)


def has_tracer(values: Iterable[Any]) -> bool:
    """Whether a tracer, also one that depends on nothing, is among values or in their lists and tuples."""
    for x in values:
        kind = kind_of(x)
        if kind is Tracer or ((kind is list or kind is tuple) and has_tracer(x)):
            return True
    return False


def heard(x: Any, several: bool = False) -> Any:
    """An argument, with a sequence of traced values made an array (or each of ``several`` in it)."""
    if not traced(x):
        return x
    if several:
        return [stacked(v) if type(v) in (list, tuple) and traced(v) else v for v in x]
    return stacked(x)
