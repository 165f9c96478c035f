"""What stands in NumPy's namespace for a ufunc while a trace runs: the same, but it hears lists that hold tracers.

NumPy asks operands for ``__array_ufunc__``, which a list does not have: ``np.sin([t, u])`` needs a function of our own.
Operands that are tracers already go straight to their op, without the way through NumPy.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geartrain.kinds import kind_of
from geartrain.trace.level import active
from geartrain.trace.sequences import has_tracer, heard
from geartrain.trace.spellings import READY, call_ufunc
from geartrain.trace.tracer import Tracer, fresh

__all__ = ["Listening"]


ALL, FIRST, LAST = slice(None), slice(1), slice(2, None)
ARRAYS = {"reduce": FIRST, "accumulate": FIRST, "reduceat": FIRST, "outer": ALL, "at": LAST}
"""The arguments of a ufunc's methods that are arrays; the others are axes and indices."""


class Listening:
    """Stands for ``ufunc``: is called like it, has its methods, and is equal to it."""

    def __init__(self, ufunc: Any) -> None:
        self._ufunc = ufunc
        self._nin = ufunc.nin
        self.__doc__, self.__name__, self.__qualname__ = ufunc.__doc__, ufunc.__name__, ufunc.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if active.trace is None:
            return self._ufunc(*args, **kwargs)
        if not kwargs and len(args) == self._nin:
            met = False
            for x in args:
                kind = kind_of(x)
                if kind not in READY:
                    break
                met = met or kind is Tracer
            else:
                if met:
                    return call_ufunc(self._ufunc, "__call__", args, kwargs)
        return _call(self._ufunc, ALL, args, kwargs)

    @property
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return np.ufunc

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._ufunc, name)
        if name in ARRAYS:
            found = _method(found, ARRAYS[name])
            setattr(self, name, found)  # so that it is the same one each time
        return found

    def __eq__(self, other: object) -> bool:
        return self is other or self._ufunc is other

    def __hash__(self) -> int:
        return hash(self._ufunc)

    def __repr__(self) -> str:
        return repr(self._ufunc)

    def __reduce__(self) -> Any:
        return _named, (self.__name__,)


def _named(name: str) -> Any:
    """The ufunc of this name: how one is unpickled."""
    return vars(np)[name]


def _method(original: Callable[..., Any], arrays: slice) -> Callable[..., Any]:
    def method(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs) if active.trace is None else _call(original, arrays, args, kwargs)

    method.__name__, method.__doc__ = original.__name__, original.__doc__
    return method


def _call(original: Callable[..., Any], arrays: slice, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    trace = active.trace
    assert trace is not None
    places = range(len(args))[arrays]
    args = tuple([heard(x) if type(x) in (list, tuple) and i in places else x for i, x in enumerate(args)])
    result = original(*args, **kwargs)
    if has_tracer(args) or has_tracer(list(kwargs.values())):
        return result
    return fresh(trace, result)  # made in here, so traced values may be written into it
