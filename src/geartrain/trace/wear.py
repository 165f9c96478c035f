"""What a tracer wears: NumPy's protocols, Python's operators and questions, by tables; ``methods`` has the rest.

Each entry means a NumPy function, which means an op; so ``t.sum()``, ``np.sum(t)`` and ``np.add.reduce(t)`` are one.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from geartrain.errors import TraceError, teach
from geartrain.ir.aval import Array, aval_of, is_array
from geartrain.ir.op import Op
from geartrain.ir.untyped import numpy
from geartrain.kinds import kind_of
from geartrain.ops.numeric import ROUND
from geartrain.ops.pointwise import (
    ADD,
    DIVIDE,
    EQUAL,
    FLOOR_DIVIDE,
    GREATER,
    GREATER_EQUAL,
    LESS,
    LESS_EQUAL,
    MULTIPLY,
    NEGATIVE,
    NOT_EQUAL,
    POSITIVE_OP,
    POWER,
    REMAINDER,
    SQUARE,
    SUBTRACT,
)
from geartrain.trace.apply import apply, binary, unary
from geartrain.trace.decide import bare, decide
from geartrain.trace.spellings import call_function, call_ufunc
from geartrain.trace.tracer import Tracer, depends_of, known, value_of
from geartrain.trace.write import read, write, write_out

__all__ = ["ASKED", "OPERATORS"]

_PYTHON = (float, int, complex, bool)
_OPERANDS = (np.ndarray, np.generic, *_PYTHON)
_NDARRAY = np.array  # NumPy's own, also while a trace runs
_QUICK = frozenset((Tracer, np.ndarray, np.float64, *_PYTHON))


def _wear(name: str, f: Any) -> None:
    if callable(f):
        f.__name__, f.__qualname__ = name, f"Tracer.{name}"
    setattr(Tracer, name, f)


# Operators.

ARITHMETIC: dict[str, Op] = {
    "add": ADD,
    "sub": SUBTRACT,
    "mul": MULTIPLY,
    "truediv": DIVIDE,
    "floordiv": FLOOR_DIVIDE,
    "mod": REMAINDER,
}
"""Operators that are one op. On Python's numbers they give Python's numbers, as NumPy's functions do not."""

OPERATORS: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "pow": np.power,
    "matmul": np.matmul,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "lshift": np.left_shift,
    "rshift": np.right_shift,
}
"""What each binary operator means; its reflected and augmented forms follow."""

COMPARISONS = {
    "lt": LESS,
    "le": LESS_EQUAL,
    "eq": EQUAL,
    "ne": NOT_EQUAL,
    "gt": GREATER,
    "ge": GREATER_EQUAL,
}

UNARY = {"abs": np.absolute, "invert": np.invert}


def _operand(other: Any) -> Any:
    """The other operand, or NotImplemented where it is none of ours."""
    kind = kind_of(other)
    if kind is Tracer or issubclass(kind, _OPERANDS):
        return other
    return np.asarray(other) if issubclass(kind, (list, tuple)) else NotImplemented


def _forward(f: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    def forward(self: Any, other: Any) -> Any:
        other = _operand(other)
        return other if other is NotImplemented else f(self, other)

    return forward


def _reflected(f: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    def reflected(self: Any, other: Any) -> Any:
        other = _operand(other)
        return other if other is NotImplemented else f(other, self)

    return reflected


def _alone(f: Callable[..., Any]) -> Callable[[Any], Any]:
    def alone(self: Any) -> Any:
        return f(self)

    return alone


def _augmented(name: str, f: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    def augmented(self: Any, other: Any) -> Any:
        other = _operand(other)
        if other is NotImplemented:
            return other
        value = f(self, other)
        if not isinstance(value_of(self), np.ndarray):
            return value  # scalars are immutable: the name is bound to the new one
        have, want = aval_of(known(value) if type(value) is Tracer else value).dtype, self.dtype
        if not np.can_cast(have, want, "same_kind"):
            what = f"its result is {have}, and would be written into an array of {want}, which cannot hold it."
            raise TraceError(
                teach(name, what, f"Make the array of {have}: x.astype({have}); or write x = x + y for x += y.")
            )
        write_out(self, value)
        return self

    return augmented


def _quick(op: Op) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    """An arithmetic operator and its reflection, by the shortest way."""

    def forward(self: Any, other: Any) -> Any:
        if type(other) not in _QUICK:
            other = _operand(other)
        return other if other is NotImplemented else binary(op, self, other)

    def reflected(self: Any, other: Any) -> Any:
        if type(other) not in _QUICK:
            other = _operand(other)
        return other if other is NotImplemented else binary(op, other, self)

    return forward, reflected


for _name, _ufunc in OPERATORS.items():
    _f, _r = _quick(ARITHMETIC[_name]) if _name in ARITHMETIC else (_forward(_ufunc), _reflected(_ufunc))
    _wear(f"__{_name}__", _f)
    _wear(f"__r{_name}__", _r)
    _wear(f"__i{_name}__", _augmented(_ufunc.__name__, _ufunc))
for _name, _op in COMPARISONS.items():
    _wear(f"__{_name}__", _quick(_op)[0])
for _name, _ufunc in UNARY.items():
    _wear(f"__{_name}__", _alone(_ufunc))


def _pow(self: Any, other: Any, modulo: None = None) -> Any:
    if type(other) is int and other == 2:
        return unary(SQUARE, self)
    if type(other) in _PYTHON or type(other) is Tracer:
        return binary(POWER, self, other)
    other = _operand(other)
    return other if other is NotImplemented else np.power(self, other)


def _rpow(self: Any, other: Any, modulo: None = None) -> Any:
    return binary(POWER, other, self) if type(other) in _PYTHON else _reflected(np.power)(self, other)


def _divmod(self: Any, other: Any) -> Any:
    return (self // other, self % other)


def _rdivmod(self: Any, other: Any) -> Any:
    return (other // self, other % self)


_wear("__divmod__", _divmod)
_wear("__rdivmod__", _rdivmod)
_wear("__pow__", _pow)
_wear("__rpow__", _rpow)


# What Python asks.


def _index(self: Any) -> int:
    if self.dtype.kind not in "iub":
        raise TypeError(f"only integers can be an index, got {aval_of(known(self))!r}")
    return decide(self, "int")


def _array(self: Any, dtype: Any = None, copy: bool | None = None) -> Any:
    """For foreign code: the buffer itself, since it may want to write to it; a copy where a graph needs it as it is."""
    if dtype is not None and np.dtype(dtype).kind in "iub" and self.ndim == 0 and depends_of(self):
        return _NDARRAY(decide(self, "int"), dtype)
    value = bare(self, "np.asarray")
    if not is_array(value):
        return _NDARRAY(value, dtype)
    if self.store is not None and self.store.owned and copy is not True:
        self.store.exposed = True
    elif copy is not False:
        value = value.copy()
    else:
        value = value.view()
        value.flags.writeable = False
    return value if dtype is None or value.dtype == dtype else value.astype(dtype)


def _len(self: Any) -> int:
    if not self.shape:
        raise TypeError("len() of unsized object")
    return self.shape[0]


def _iter(self: Any) -> Iterator[Array]:
    if not self.shape:
        raise TypeError("iteration over a 0-d array")
    return iter([self[i] for i in range(self.shape[0])])


def _contains(self: Any, item: Any) -> bool:
    return bool(numpy.any(self == item))


def _round(self: Any, ndigits: int | None = None) -> Any:
    return decide(np.rint(self), "int") if ndigits is None else ROUND(self, params=(int(ndigits),))


def _format(self: Any, spec: str) -> str:
    return format(value_of(self), spec)


def _deepcopy(self: Any, memo: Any) -> Array:
    return np.copy(self)


def _reduce_ex(self: Any, protocol: Any = None) -> Any:
    if not depends_of(self):
        return value_of(self).__reduce_ex__(protocol)
    raise TraceError(teach("pickle", "a traced value cannot be pickled.", "Return it, and pickle the result."))


def _array_ufunc(self: Any, ufunc: np.ufunc, method: str, *inputs: Array, **kwargs: Any) -> Any:
    return call_ufunc(ufunc, method, inputs, kwargs)


def _array_function(self: Any, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return call_function(func, args, kwargs)


ASKED: dict[str, Callable[[Any], Any]] = {
    "bool": lambda self: decide(self, "bool"),
    "int": lambda self: decide(self, "int"),
    "trunc": lambda self: decide(self, "int"),
    "floor": lambda self: decide(np.floor(self), "int"),
    "ceil": lambda self: decide(np.ceil(self), "int"),
    "index": _index,
    "float": lambda self: float(bare(self, "float")),
    "complex": lambda self: complex(bare(self, "complex")),
    "len": _len,
    "iter": _iter,
    "neg": lambda self: unary(NEGATIVE, self),
    "pos": lambda self: unary(POSITIVE_OP, self),
    "repr": lambda self: f"traced({value_of(self)!r})",
    "str": lambda self: str(value_of(self)),
    "copy": lambda self: np.copy(self),
}
"""What Python asks of a value alone."""

WITH_MORE: dict[str, Callable[..., Any]] = {
    "round": _round,
    "array": _array,
    "contains": _contains,
    "getitem": read,
    "setitem": write,
    "format": _format,
    "reduce_ex": _reduce_ex,
    "deepcopy": _deepcopy,
    "array_ufunc": _array_ufunc,
    "array_function": _array_function,
    "geartrain_apply": staticmethod(apply),
}
"""What Python and NumPy ask with further arguments."""

for _name, _f in {**ASKED, **WITH_MORE}.items():
    setattr(Tracer, f"__{_name}__", _f)
