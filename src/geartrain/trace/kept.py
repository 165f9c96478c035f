"""Where a program keeps functions besides its namespaces: tables, default arguments, closures, classes, partial calls.

``def f(x, act=math.tanh)`` got the function before any trace ran, so what stands for it has to be put there. Each such
place is found by walking from the values of a namespace, or from the function that is to be traced. The walk goes
through functions, dicts, lists, classes and objects of the user's; long containers hold data, and are left alone.
"""

import functools
from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from geartrain.errors import is_installed
from geartrain.kinds import is_a, kind_of

__all__ = ["Kept", "keeps", "places"]

LONG = 1000
"""Entries of a container that is not looked through."""

DEEP = 4
"""Steps of a walk: from a namespace to an object, its dict, a table in it, and a function in that."""

STEPS = 20_000
"""Values that a walk looks at before it ends."""

New = Callable[[Any], Any]
"""What stands for a function while a trace runs, or ``None``."""


class Place(NamedTuple):
    """Where a function is kept: how to read and write the place, what it holds and what it is to hold."""

    get: Callable[[], Any]
    put: Callable[[Any], None]
    old: Any
    new: Any


class Kept:
    """Places of the same origin, entered and left together."""

    def __init__(self, found: list[Place]) -> None:
        self.places = found

    def enter(self) -> None:
        """Put the replacements where the originals still are."""
        for place in self.places:
            if place.get() is place.old:
                place.put(place.new)

    def leave(self) -> None:
        """Put back what was there, but keep what the program put there in the meantime."""
        for place in self.places:
            if place.get() is place.new:
                place.put(place.old)


def places(values: Iterable[Any], new: New, own: Callable[[Any], bool]) -> list[Place]:
    """The places in reach of ``values`` that hold replaced functions. ``own``: whether a class is the user's."""
    walk = _Walk(new, own)
    for x in values:
        walk.through(x, 0)
    return walk.found


def keeps(f: Any) -> bool:
    """Whether it is worth a walk to look at what a function keeps: a quick answer, as each trace asks for it."""
    if type(f) is not FunctionType:
        return f is not None and type(f) not in _BUILTIN
    for cell in f.__closure__ or ():
        x = _content(cell)
        if kind_of(x) not in _DATA and not (kind_of(x) is FunctionType and _is_bare(x)):
            return True
    return bool(f.__defaults__ or f.__kwdefaults__)


def _is_bare(f: Any) -> bool:
    return not (f.__closure__ or f.__defaults__ or f.__kwdefaults__)


class _Walk:
    def __init__(self, new: New, own: Callable[[Any], bool]) -> None:
        self.new, self.own = new, own
        self.found: list[Place] = []
        self.seen: set[int] = set()
        self.left = STEPS

    def through(self, x: Any, depth: int) -> None:
        """Find what is kept in ``x``."""
        kind = kind_of(x)
        if kind in _DATA or depth > DEEP or id(x) in self.seen:
            return
        self.seen.add(id(x))
        if kind is FunctionType:
            if not is_installed(x.__code__.co_filename):
                self._function(x, depth)
        elif kind is MethodType:
            self.through(x.__func__, depth + 1)
            self.through(x.__self__, depth + 1)
        elif is_a(x, dict, list):
            pairs: Any = x.items() if kind is dict else enumerate(x)
            self._items(x, pairs, depth)
        elif kind is functools.partial:
            self.through(x.keywords, depth)
            new = self._value(x.func, depth)
            if new is not None:
                self.found.append(Place(lambda: x.func, functools.partial(_set_called, x), x.func, new))
        elif issubclass(kind, type):
            if self.own(x):
                self._class(x, depth)
        elif self.own(kind):
            self.through(kind, depth + 1)
            self.through(getattr(x, "__dict__", None), depth + 1)

    def _value(self, value: Any, depth: int) -> Any:
        """What stands for a value that is kept somewhere; ``None`` for what stays, which is walked through."""
        self.left -= 1
        if kind_of(value) in _DATA or self.left < 0:
            return None
        new = self.new(value)
        if new is None:
            self.through(value, depth + 1)
        return new

    def _items(self, x: Any, items: Iterable[tuple[Any, Any]], depth: int) -> None:
        for key, value in list(items) if len(x) <= LONG else []:
            new = self._value(value, depth)
            if new is not None:
                get = functools.partial(_item, x, key)
                self.found.append(Place(get, functools.partial(x.__setitem__, key), value, new))

    def _function(self, f: Any, depth: int) -> None:
        for i, value in enumerate(f.__defaults__ or ()):
            new = self._value(value, depth)
            if new is not None:
                get, put = functools.partial(_default, f, i), functools.partial(_set_default, f, i)
                self.found.append(Place(get, put, value, new))
        if f.__kwdefaults__:
            self.through(f.__kwdefaults__, depth)
        for cell in f.__closure__ or ():
            value = _content(cell)
            new = self._value(value, depth)
            if new is not None:
                get = functools.partial(_content, cell)
                self.found.append(Place(get, functools.partial(setattr, cell, "cell_contents"), value, new))

    def _class(self, owner: Any, depth: int) -> None:
        """A builtin function is no method, what stands for it would be one: so it becomes a static method."""
        held = owner.__dict__
        for name, value in list(held.items()):
            wrapped = is_a(value, staticmethod, classmethod)
            new = self._value(value.__func__ if wrapped else value, depth)
            if new is not None and not is_a(value, classmethod):
                put = functools.partial(setattr, owner, name)
                self.found.append(Place(functools.partial(held.get, name), put, value, staticmethod(new)))


_DATA: frozenset[Any] = frozenset(
    (int, float, complex, bool, str, bytes, type(None), type(Ellipsis), np.ndarray, ModuleType)
)
_BUILTIN: frozenset[Any] = frozenset((BuiltinFunctionType, np.ufunc, kind_of(np.sum)))


def _item(x: Any, key: Any) -> Any:
    try:
        return x[key]
    except (KeyError, IndexError):
        return None


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that is bound later
        return None


def _set_called(partial: Any, f: Any) -> None:
    partial.__setstate__((f, partial.args, partial.keywords, vars(partial)))


def _default(f: Any, i: int) -> Any:
    have = f.__defaults__ or ()
    return have[i] if i < len(have) else None


def _set_default(f: Any, i: int, value: Any) -> None:
    f.__defaults__ = (*f.__defaults__[:i], value, *f.__defaults__[i + 1 :])
