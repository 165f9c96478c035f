"""Namespaces that hold replaced functions: what stands there while a trace runs, and what is put back.

A module is dressed: as long as a trace runs it has a class of ours, which looks a name up among the replacements first.
That is one assignment for a module, however many names it has. Where code reads its own globals there is no class to
ask, so names in them are exchanged one by one.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol

__all__ = ["Exchanged", "Holder", "Room", "dressed"]

_SET = ModuleType.__setattr__
_DELETE = ModuleType.__delattr__


class Holder(Protocol):
    """A namespace that holds replaced functions. To enter or leave twice is to do it once."""

    def enter(self) -> None: ...

    def leave(self) -> None: ...


class Exchanged:
    """A dict of globals, whose names are exchanged. ``replacement`` says what stands for a function."""

    def __init__(self, space: dict[str, Any], names: list[str], replacement: Callable[[Any], Any]) -> None:
        self.space = space
        self.replacement = replacement
        self.original: dict[str, Any] = {}
        self.changed: dict[str, Any] = {}
        self.add(names)

    def add(self, names: list[str]) -> None:
        """Hold further names: a notebook goes on importing."""
        self.original.update({name: self.space[name] for name in names})
        self.changed.update({name: self.replacement(self.space[name]) for name in names})

    def enter(self) -> None:
        """Put the replacements where the originals are, or where the program bound the name to another original."""
        for name, old in self.original.items():
            now = self.space.get(name)
            if now is not old and now is not self.changed[name] and self.replacement(now) is not None:
                self.add([name])
                old = now
            if now is old:
                self.space[name] = self.changed[name]

    def leave(self) -> None:
        """Put back what was there, but keep what the program bound itself in the meantime."""
        for name, new in self.changed.items():
            if self.space.get(name) is new:
                self.space[name] = self.original[name]


class Room:
    """The globals of NumPy's own code, in which nobody else binds names: exchanged as a whole."""

    def __init__(self, space: dict[str, Any], names: list[str], replacement: Callable[[Any], Any]) -> None:
        self.space = space
        self.original = {name: space[name] for name in names}
        self.changed = {name: replacement(f) for name, f in self.original.items()}

    def enter(self) -> None:
        self.space.update(self.changed)

    def leave(self) -> None:
        self.space.update(self.original)


class Dressed:
    """A module that wears a class of ours while a trace runs; its own dict stays as it is.

    All that is done to read a name is done in C. The class has a ``__getattribute__`` of its own, so the interpreter
    does not remember where in the module's dict a name was.
    """

    def __init__(self, module: ModuleType, names: list[str], replacement: Callable[[Any], Any]) -> None:
        self.module = module
        self.original = {name: vars(module)[name] for name in names}
        self.changed = {name: replacement(f) for name, f in self.original.items()}
        self.touched = False

        class Names(dict[str, Any]):
            __missing__ = staticmethod(module.__getattribute__)

        self.names = Names(self.changed)
        holder = self

        class Dress(ModuleType):
            __getattribute__: Any = self.names.__getitem__

            def __setattr__(self, name: str, value: Any) -> None:
                _SET(self, name, holder.bound(name, value))

            def __delattr__(self, name: str) -> None:
                holder.bound(name, None)
                holder.names.pop(name, None)
                _DELETE(self, name)

        self.dress = Dress

    def bound(self, name: str, value: Any) -> Any:
        """The program binds a name: that is what the name means until the trace ends. What the module is to hold."""
        if name not in self.changed:
            return value
        self.touched = True
        ours = value is self.changed[name] or value is self.original[name]
        self.names[name] = self.changed[name] if ours else value
        return self.original[name] if ours else value

    def enter(self) -> None:
        _SET(self.module, "__class__", self.dress)

    def leave(self) -> None:
        _SET(self.module, "__class__", ModuleType)
        if self.touched:
            self.names.update(self.changed)
            self.touched = False


def dressed(module: ModuleType, names: list[str], replacement: Callable[[Any], Any]) -> Holder:
    """The holder for a module's attributes. A module that has a class of its own keeps it."""
    if type(module) is not ModuleType:
        return Exchanged(vars(module), names, replacement)
    return Dressed(module, names, replacement)
