"""What a tracer wears: the operators, methods and attributes of ndarray, by tables.

Each entry means a NumPy function, which means an op; so ``t.sum()``, ``np.sum(t)`` and ``np.add.reduce(t)`` are one.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from geartrain.errors import InputError, TraceError, teach
from geartrain.ir.aval import Array, aval_of, is_array
from geartrain.ir.op import Op
from geartrain.ir.untyped import numpy
from geartrain.kinds import kind_of
from geartrain.ops.pointwise import ADD, DIVIDE, MULTIPLY, NEGATIVE, POWER, SQUARE, SUBTRACT
from geartrain.ops.shape import cast
from geartrain.trace.apply import apply, binary, unary
from geartrain.trace.decide import bare, decide
from geartrain.trace.spellings import call_function, call_ufunc
from geartrain.trace.tracer import Tracer, depends_of, known, stand_in, value_of
from geartrain.trace.write import read, write

__all__ = ["METHODS", "OPERATORS"]

_PYTHON = (float, int, complex, bool)
_OPERANDS = (np.ndarray, np.generic, *_PYTHON)
_NDARRAY = np.array  # NumPy's own, also while a trace runs
_QUICK = frozenset((Tracer, np.ndarray, np.float64, *_PYTHON))


def _wear(name: str, f: Any) -> None:
    if callable(f):
        f.__name__, f.__qualname__ = name, f"Tracer.{name}"
    setattr(Tracer, name, f)


# Operators.

ARITHMETIC: dict[str, Op] = {"add": ADD, "sub": SUBTRACT, "mul": MULTIPLY, "truediv": DIVIDE}

OPERATORS: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "divmod": np.divmod,
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
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}

UNARY = {"pos": np.positive, "abs": np.absolute, "invert": np.invert}


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
            raise TypeError(
                f"Cannot cast ufunc '{name}' output from {have!r} to {want!r} with casting rule 'same_kind'"
            )
        write(self, Ellipsis, value)
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
    if _name != "divmod":
        _wear(f"__i{_name}__", _augmented(_ufunc.__name__, _ufunc))
for _name, _ufunc in COMPARISONS.items():
    _wear(f"__{_name}__", _forward(_ufunc))
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
    return decide(np.rint(self), "int") if ndigits is None else numpy.round(self, ndigits)


def _format(self: Any, spec: str) -> str:
    return format(value_of(self), spec)


def _deepcopy(self: Any, memo: Any) -> Array:
    return np.copy(self)


def _refuse_pickle(self: Any, protocol: Any = None) -> Any:
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
    "reduce_ex": _refuse_pickle,
    "deepcopy": _deepcopy,
    "array_ufunc": _array_ufunc,
    "array_function": _array_function,
    "geartrain_apply": staticmethod(apply),
}
"""What Python and NumPy ask with further arguments."""

for _name, _f in {**ASKED, **WITH_MORE}.items():
    setattr(Tracer, f"__{_name}__", _f)


# Methods.

METHODS: dict[str, Callable[..., Any]] = {
    name: getattr(np, name)
    for name in [
        "all",
        "any",
        "argmax",
        "argmin",
        "argpartition",
        "argsort",
        "choose",
        "clip",
        "conj",
        "conjugate",
        "cumprod",
        "cumsum",
        "diagonal",
        "dot",
        "max",
        "mean",
        "min",
        "nonzero",
        "partition",
        "prod",
        "put",
        "ravel",
        "repeat",
        "round",
        "searchsorted",
        "squeeze",
        "std",
        "sum",
        "swapaxes",
        "take",
        "trace",
        "var",
    ]
}
"""The methods that take the array as the first argument of the NumPy function of the same name."""


def _method(f: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return call_function(f, (self, *args), kwargs)

    return method


def _astype(
    self: Any, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
) -> Array:
    if not np.can_cast(self.dtype, dtype, casting):  # type: ignore[arg-type]
        raise TypeError(f"Cannot cast array data from {self.dtype!r} to {np.dtype(dtype)!r} according to '{casting}'")
    return self if not copy and self.dtype == np.dtype(dtype) else cast(self, dtype)


def _reshape(self: Any, *shape: Any, order: str = "C", copy: bool | None = None) -> Array:
    return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)  # type: ignore[call-overload]


def _transpose(self: Any, *axes: Any) -> Array:
    return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)


def _copy(self: Any, order: str = "C") -> Array:
    return np.copy(self)


def _flatten(self: Any, order: str = "C") -> Array:
    return np.copy(np.ravel(self, order=order))  # type: ignore[call-overload]


def _item(self: Any, *index: Any) -> Array:
    if not index and self.size != 1:
        raise ValueError("can only convert an array of size 1 to a Python scalar")
    flat = np.ravel(self)
    return flat[0] if not index else flat[index[0]] if len(index) == 1 else self[index]


def _tolist(self: Any) -> Any:
    return [part.tolist() for part in self] if self.ndim else self


def _fill(self: Any, value: Any) -> None:
    write(self, Ellipsis, value)


def _sort(self: Any, axis: int = -1, kind: Any = None, order: Any = None, *, stable: bool | None = None) -> None:
    write(self, Ellipsis, np.sort(self, axis=axis))


def _partition(self: Any, kth: Any, axis: int = -1, kind: str = "introselect", order: Any = None) -> None:
    write(self, Ellipsis, np.partition(self, kth, axis=axis))


def _put(self: Any, indices: Any, values: Any, mode: str = "raise") -> None:
    np.put(self, indices, values, mode=mode)  # type: ignore[call-overload]


def _compress(self: Any, condition: Any, axis: int | None = None) -> Array:
    return np.compress(condition, self, axis=axis)


def _view(self: Any, dtype: Any = None, type: Any = None) -> Array:
    if (dtype is None or dtype is np.ndarray or dtype == self.dtype) and type in (None, np.ndarray):
        return self[...]
    raise InputError(
        teach("view", "the bits of a traced array cannot be read as another dtype.", "Convert it: x.astype(dtype).")
    )


def _tobytes(self: Any, order: Any = "C") -> bytes:
    return bare(self, "np.asarray").tobytes(order)


def _is_integer(self: Any) -> bool:
    return bool(self == np.floor(self))


def _setflags(self: Any, **flags: Any) -> None:
    """A copy is written instead of an array that is locked, so whether it may be written does not matter here."""
    if set(flags) - {"write"}:
        value_of(self).setflags(**flags)


def _refuse_resize(self: Any, *shape: Any, refcheck: bool = True) -> None:
    raise InputError(
        teach("resize", "a traced array cannot change its size in place.", "Write x = np.resize(x, shape).")
    )


for _name, _f in METHODS.items():
    _wear(_name, _method(_f))
for _f in (_astype, _reshape, _transpose, _copy, _flatten, _item, _tolist, _fill, _sort, _partition, _put, _compress):
    _wear(_f.__name__.lstrip("_"), _f)
_wear("view", _view)
_wear("resize", _refuse_resize)
for _f in (_tobytes, _is_integer, _setflags):
    _wear(_f.__name__.removeprefix("_"), _f)


# Attributes.


def _set_part(imaginary: bool) -> Callable[[Any, Any], None]:
    def set_part(self: Any, value: Any) -> None:
        if self.dtype.kind != "c":
            if imaginary:
                raise TypeError("array does not have imaginary part to set")
            return write(self, Ellipsis, value)
        return write(self, Ellipsis, self.real + 1j * value if imaginary else value + 1j * self.imag)

    return set_part


def _set_shape(self: Any, shape: Any) -> None:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    reshaped = np.reshape(self, shape)
    if not np.may_share_memory(value_of(reshaped), value_of(self)):
        raise AttributeError("Incompatible shape for in-place modification. Use `.reshape()` to make a copy.")
    store = stand_in(self)
    assert reshaped.store is store  # type: ignore[attr-defined]
    self.path, self.node = reshaped.path, None  # type: ignore[attr-defined]


def _places(size: int, index: Any, shape: tuple[int, ...]) -> Any:
    """The index that names what ``index`` names in the flat array."""
    flat: Any = np.arange(size)
    return numpy.unravel_index(flat[index], shape)


class Flat:
    """``x.flat``: a 1-D face of an array, written through."""

    def __init__(self, of: Any) -> None:
        self._of = of

    def __getitem__(self, index: Any) -> Array:
        return np.ravel(self._of)[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._of[_places(self._of.size, index, self._of.shape)] = value

    def __iter__(self) -> Iterator[Array]:
        flat: Any = np.ravel(self._of)
        return iter(flat)

    def __len__(self) -> int:
        return self._of.size


def _set_flat(self: Any, value: Any) -> None:
    write(self, Ellipsis, np.reshape(value, self.shape))


Get = Callable[[Any], Any]
Set = Callable[[Any, Any], None]
ATTRIBUTES: dict[str, tuple[Get, Set | None]] = {
    "shape": (lambda self: aval_of(known(self)).shape, _set_shape),
    "dtype": (lambda self: aval_of(known(self)).dtype, None),
    "ndim": (lambda self: len(aval_of(known(self)).shape), None),
    "size": (lambda self: aval_of(known(self)).size, None),
    "itemsize": (lambda self: aval_of(known(self)).dtype.itemsize, None),
    "nbytes": (lambda self: aval_of(known(self)).size * aval_of(known(self)).dtype.itemsize, None),
    "strides": (lambda self: value_of(self).strides, None),
    "flags": (lambda self: value_of(self).flags, None),
    "base": (lambda self: value_of(self).base, None),
    "device": (lambda self: "cpu", None),
    "T": (lambda self: np.transpose(self), None),
    "mT": (lambda self: np.swapaxes(self, -1, -2), None),
    "real": (lambda self: np.real(self), _set_part(imaginary=False)),
    "imag": (lambda self: np.imag(self), _set_part(imaginary=True)),
    "flat": (Flat, _set_flat),
}

for _name, (_get, _set) in ATTRIBUTES.items():
    setattr(Tracer, _name, property(_get, _set))
