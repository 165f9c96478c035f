"""Abstract values: the shape and dtype of a value, without the value."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy import generic, ndarray

from geartrain.kinds import kind_of

__all__ = ["Array", "Aval", "Ufunc", "aval_of", "is_array", "is_scalar", "shape_of"]

Array = Any
"""An array-like: an ndarray, a NumPy or Python scalar, or a tracer standing for one."""

Ufunc = Any
"""A ufunc of NumPy."""

_PYTHON_DTYPES = {bool: np.dtype(bool), int: np.dtype(int), float: np.dtype(float), complex: np.dtype(complex)}


class Aval(NamedTuple):
    """Shape and dtype of a value.

    ``weak`` marks a Python scalar, which by NumPy's promotion (NEP 50) takes the dtype of the arrays that it meets.

    >>> Aval((2, 3), np.dtype("float32"))
    f32[2,3]
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    weak: bool = False

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def __repr__(self) -> str:
        kind = self.dtype.kind
        code = f"{kind}{self.dtype.itemsize * 8}" if kind in "fciu" else str(self.dtype)
        return f"{code}[{','.join(map(str, self.shape))}]{'~' if self.weak else ''}"

    def said(self) -> str:
        """What an error calls it.

        >>> aval_of(3.0).said(), aval_of(np.float32(3.0)).said(), aval_of(np.zeros(3)).said()
        ('Python float', 'f32[]', 'f64[3]')
        """
        return f"Python {_PYTHON_NAMES[self.dtype]}" if self.weak else repr(self)


_PYTHON_NAMES = {dtype: kind.__name__ for kind, dtype in _PYTHON_DTYPES.items()}
_SCALAR_AVALS = {
    **{kind: Aval((), np.dtype(kind)) for kind in np.sctypeDict.values() if np.dtype(kind).kind in "biufc"},
    **{kind: Aval((), dtype, weak=True) for kind, dtype in _PYTHON_DTYPES.items()},
}


def is_scalar(value: Array) -> bool:
    """Whether ``value`` is a Python or NumPy scalar (immutable, as opposed to a 0-d array)."""
    return isinstance(value, generic) or type(value) in _PYTHON_DTYPES


def is_array(value: Array) -> bool:
    """Whether ``value`` is an ndarray or stands for one (a scalar is none)."""
    return isinstance(value, ndarray)


def shape_of(value: Array) -> tuple[int, ...]:
    """The shape of a number, an array or nested lists: ``np.shape`` by the shortest way.

    >>> shape_of(np.zeros((2, 3))), shape_of(1.5), shape_of([1, 2])
    ((2, 3), (), (2,))
    """
    kind = kind_of(value)
    return () if kind in _PYTHON_DTYPES else value.shape if hasattr(kind, "shape") else np.shape(value)


def aval_of(value: Array) -> Aval:
    """The shape and dtype of ``value``.

    >>> aval_of(np.zeros((2, 3))), aval_of(1.5)
    (f64[2,3], f64[]~)
    """
    kind = kind_of(value)
    if kind is Aval:
        return value
    return _SCALAR_AVALS[kind] if kind in _SCALAR_AVALS else Aval(value.shape, value.dtype)
