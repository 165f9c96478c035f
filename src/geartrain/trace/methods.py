"""The methods and attributes of ndarray, which a tracer wears, too: by tables.

Each method means a NumPy function, which means an op; so ``t.sum()``, ``np.sum(t)`` and ``np.add.reduce(t)`` are one.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from geartrain.errors import InputError, teach
from geartrain.ir.aval import Array, Aval, aval_of
from geartrain.ir.untyped import numpy
from geartrain.kinds import kind_of
from geartrain.ops.shape import ITEM, cast
from geartrain.trace.decide import bare
from geartrain.trace.spellings import call_function
from geartrain.trace.tracer import STRANGE, Tracer, depends_of, known, stand_in, value_of
from geartrain.trace.write import write

__all__ = ["ATTRIBUTES", "METHODS"]

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
    if not index:
        return ITEM(np.reshape(self, ()) if self.ndim else self)
    return ITEM(np.ravel(self)[index[0]] if len(index) == 1 and np.ndim(index[0]) == 0 else self[index])


def _tolist(self: Any) -> Any:
    return [part.tolist() for part in self] if self.ndim else ITEM(self)


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
    for wanted in [w for w in (dtype, type) if w is not None]:
        if not depends_of(self):
            return value_of(self).view(wanted)
        if isinstance(wanted, kind_of(np.ndarray)) and issubclass(wanted, np.ndarray):
            what = f"a traced array cannot become a {wanted.__name__}, whose own rules cannot be traced."
            raise InputError(teach("view", what, STRANGE.get(wanted.__name__, "Use plain arrays.")))
    raise InputError(
        teach("view", "the bits of a traced array cannot be read as another dtype.", "Convert it: x.astype(dtype).")
    )


def _tobytes(self: Any, order: Any = "C") -> bytes:
    return bare(self, "np.asarray").tobytes(order)


def _hex(self: Any) -> str:
    return float(bare(self, "float")).hex()


def _as_integer_ratio(self: Any) -> tuple[int, int]:
    return float(bare(self, "float")).as_integer_ratio()


def _is_integer(self: Any) -> bool:
    return bool(self == np.floor(self))


def _setflags(self: Any, **flags: Any) -> None:
    """A copy is written instead of an array that is locked, so whether it may be written does not matter here."""
    if set(flags) - {"write"}:
        value_of(self).setflags(**flags)


def _resize(self: Any, *shape: Any, refcheck: bool = True) -> None:
    raise InputError(
        teach("resize", "a traced array cannot change its size in place.", "Write x = np.resize(x, shape).")
    )


for _name, _f in METHODS.items():
    setattr(Tracer, _name, _method(_f))
for _f in (_astype, _reshape, _transpose, _copy, _flatten, _item, _tolist, _fill, _sort, _partition, _put, _compress):
    setattr(Tracer, _f.__name__.lstrip("_"), _f)
for _f in (_tobytes, _hex, _as_integer_ratio, _is_integer, _setflags, _view, _resize):
    setattr(Tracer, _f.__name__.removeprefix("_"), _f)


# Attributes. The first three are asked at every step, so they go by the shortest way.

_ASKED = (np.ndarray, np.float64, Aval)
"""Kinds of values that have a shape and a dtype of their own; Python's numbers do not."""


def _shape(self: Any) -> tuple[int, ...]:
    value = known(self)
    return value.shape if type(value) in _ASKED else aval_of(value).shape


def _dtype(self: Any) -> Any:
    value = known(self)
    return value.dtype if type(value) in _ASKED else aval_of(value).dtype


def _ndim(self: Any) -> int:
    value = known(self)
    return value.ndim if type(value) in _ASKED else aval_of(value).ndim


def _set_part(imaginary: bool) -> Callable[[Any, Any], None]:
    def set_part(self: Any, value: Any) -> None:
        if imaginary and self.dtype.kind != "c":
            raise TypeError("array does not have imaginary part to set")
        write(self.imag if imaginary else self.real, Ellipsis, value)

    return set_part


def _set_shape(self: Any, shape: Any) -> None:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    reshaped = np.reshape(self, shape)
    if not np.may_share_memory(value_of(reshaped), value_of(self)):
        raise AttributeError("Incompatible shape for in-place modification. Use `.reshape()` to make a copy.")
    store = stand_in(self)
    assert reshaped.store is store  # type: ignore[attr-defined]
    self.path, self.node, self.seen = reshaped.path, None, None  # type: ignore[attr-defined]


def _places(size: int, index: Any, shape: tuple[int, ...]) -> Any:
    """The index that names what ``index`` names in the flat array."""
    flat: Any = np.arange(size)
    return numpy.unravel_index(flat[index], shape)


class Flat:
    """``x.flat``: a 1-D face of an array, written through, and an iterator over it."""

    def __init__(self, of: Any) -> None:
        self._of = of
        self.index = 0
        """The place of the next element in the flat array."""

    @property
    def base(self) -> Any:
        return self._of

    @property
    def coords(self) -> tuple[int, ...]:
        """The place of the next element in the array."""
        return tuple([int(i) for i in np.unravel_index(min(self.index, max(self._of.size - 1, 0)), self._of.shape)])

    def copy(self) -> Array:
        return np.copy(np.ravel(self._of))

    def __getitem__(self, index: Any) -> Array:
        return np.ravel(self._of)[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        of = self._of if self._of.ndim else self._of[None]
        of[_places(of.size, index, of.shape)] = value

    def __iter__(self) -> Iterator[Array]:
        return self

    def __next__(self) -> Array:
        if self.index >= self._of.size:
            raise StopIteration
        self.index += 1
        return np.ravel(self._of)[self.index - 1]

    def __len__(self) -> int:
        return self._of.size

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return np.ravel(self._of).__array__(*args, **kwargs)


def _set_flat(self: Any, value: Any) -> None:
    write(self, Ellipsis, np.reshape(value, self.shape))


Get = Callable[[Any], Any]
Set = Callable[[Any, Any], None]
ATTRIBUTES: dict[str, tuple[Get, Set | None]] = {
    "shape": (_shape, _set_shape),
    "dtype": (_dtype, None),
    "ndim": (_ndim, None),
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
