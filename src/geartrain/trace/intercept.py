"""NumPy's names, and math's, know tracers while a trace runs, only in the tracing thread; restored even on error.

What stands for a function is in ``replaced``. While a trace runs, it is put where the function is: in NumPy, wherever a
module holds it by ``from numpy import zeros``, and where the user's program keeps it besides (``kept``).
"""

import cmath
import math
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import numpy as np

from geartrain.errors import is_installed
from geartrain.ops.later import METHODS, arrive
from geartrain.trace import compiled
from geartrain.trace.arrivals import Arrivals
from geartrain.trace.holders import Exchanged, Holder, Room, dressed
from geartrain.trace.kept import Kept, keeps, places
from geartrain.trace.level import on_close, on_open, tracing
from geartrain.trace.replaced import come, instead_of, replaced_method
from geartrain.trace.vectorizing import VECTORIZE_CALL, vectorize_call

__all__ = ["HOLDERS", "stand_in", "watch"]


def _held(space: dict[str, Any]) -> list[str]:
    return [name for name, value in list(space.items()) if instead_of(value) is not None]


def _rooms() -> list[Holder]:
    """The namespaces whose Python code is to meet the replacements; np.r_ and poly1d are such code."""
    modules = (np, np.linalg, np.fft, np.lib.stride_tricks, math, cmath)
    code = (type(np.r_).__getitem__, np.poly1d.__call__)
    return [
        *(dressed(module, _held(vars(module)), instead_of) for module in modules),
        *(Room(f.__globals__, _held(f.__globals__), instead_of) for f in code),
    ]


NUMPY = _rooms()
HOLDERS: dict[int, Exchanged] = {}
"""The namespaces of the user's modules that hold replaced functions, by identity."""

KEPT: dict[int, Kept] = {}
"""Other places of the user's modules that do, by the identity of the namespace."""

PASSING: list[Kept] = []
"""Such places of functions that are being traced: for as long as the trace runs."""

_lock = threading.RLock()
_replaced = False
_searched: dict[int, tuple[dict[str, Any], int]] = {}
"""The namespaces that were looked through, and how many names they had then. Held: their identity stays theirs."""

_loose: OrderedDict[int, dict[str, Any]] = OrderedDict()
"""Those that are no module's, such as those of ``exec``: the one that was traced last at the end."""

LOOSE = 64
"""So many of them are known when no trace runs. A program may make new ones for as long as it runs."""

_OUTSIDE = {"numpy", "scipy", "geartrain", "sklearn", "pytest", "_pytest", "hypothesis", "matplotlib", "pandas"}


def _search(space: dict[str, Any]) -> None:
    """Find the functions that a namespace got by ``from numpy import zeros``; quick if it has not grown."""
    size = len(space)
    if _searched.get(id(space), (space, -1))[1] == size:
        return
    names = _held(space)
    if names:
        _hold(space, names)
    if not is_installed(space.get("__file__") or ""):
        _keep(space)
    _searched[id(space)] = space, size  # at the end: an interrupt may come before


def _is_loose(space: dict[str, Any]) -> bool:
    return getattr(sys.modules.get(space.get("__name__", "")), "__dict__", None) is not space


def _forget_loose() -> None:
    """Let go of the namespaces that were not traced for longest, while nothing is replaced in them."""
    while len(_loose) > LOOSE:
        at, space = _loose.popitem(last=False)
        if _is_loose(space):
            for table in (_searched, HOLDERS, KEPT):
                table.pop(at, None)


def _keep(space: dict[str, Any]) -> None:
    """Find the functions that a module of the user's keeps in tables, default arguments, closures and classes."""
    found = places(list(space.values()), instead_of, _is_own)
    if id(space) in KEPT:
        KEPT.pop(id(space)).leave()
    if found:
        KEPT[id(space)] = kept = Kept(found)
        if _replaced:
            kept.enter()


def _is_own(owner: Any) -> bool:
    """Whether a class is defined in a module of the user's."""
    module = sys.modules.get(owner.__module__)
    return module is not None and owner.__module__ != "builtins" and not _is_outside(owner.__module__, module)


def _is_outside(name: str, module: Any) -> bool:
    top = name.partition(".")[0]
    outside = top in _OUTSIDE or (top in sys.stdlib_module_names and top != "__main__")
    return outside or is_installed(getattr(module, "__file__", None) or "")


def _hold(space: dict[str, Any], names: list[str]) -> None:
    if id(space) in HOLDERS:
        holder = HOLDERS[id(space)]
        holder.add(names)
    else:
        HOLDERS[id(space)] = holder = Exchanged(space, names, instead_of)
    if _replaced:
        holder.enter()


_modules_seen = -1


def _search_modules() -> None:
    global _modules_seen
    seen = len(sys.modules)
    if _modules_seen == seen:
        return
    compiled.spare()
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        if top in _OUTSIDE or (top in sys.stdlib_module_names and top != "__main__"):
            continue
        space = getattr(module, "__dict__", None)
        if space is not None:
            _search(space)
    for at, (space, _) in _searched.items():
        if at not in _loose and _is_loose(space):  # its module is gone
            _loose[at] = space
    _modules_seen = seen


def stand_in(f: Any) -> Any:
    """What to call for ``f`` while a trace runs: its replacement, if it is itself a function that is replaced."""
    new = instead_of(f)
    return f if new is None else new


def watch(f: Any) -> None:
    """Look for replaced functions in the globals of a function that is about to be traced, and where it keeps some."""
    while hasattr(f, "__wrapped__"):
        f = f.__wrapped__
    if keeps(f):
        found = places([f], instead_of, _is_own)
        if found:
            with _lock:
                PASSING.append(Kept(found))
                if _replaced:
                    PASSING[-1].enter()
    space = getattr(f, "__globals__", None)
    if space is not None and space.get("__name__", "").partition(".")[0] not in ("geartrain", "numpy"):
        with _lock:
            if id(space) in _loose:
                _loose.move_to_end(id(space))
            elif _is_loose(space):
                _loose[id(space)] = space
            _search(space)
            held = HOLDERS[id(space)].original if id(space) in HOLDERS else {}
            names = getattr(getattr(f, "__code__", None), "co_names", ())
            bound = [name for name in names if name not in held and instead_of(space.get(name)) is not None]
            if bound:  # a name that was something else before
                _hold(space, bound)


_METHODS: list[tuple[Any, str, Any, Any]] = []
"""Methods that are replaced while a trace runs: the class, the name, what was there and what comes there."""


def _arrive() -> None:
    """Enter the rules of packages that the program has imported since the last trace."""
    modules = arrive()
    if not modules:
        return
    come()
    for module in modules:
        if held := _held(module.__dict__):
            NUMPY.append(dressed(module, held, instead_of))
    while METHODS:
        owner, name, mean = METHODS.pop()
        original: Any = getattr(owner, name)
        _METHODS.append((owner, name, original, replaced_method(original, mean)))
    _searched.update({at: (space, -1) for at, (space, _) in _searched.items()})


def _came() -> None:
    """A module has come while a trace runs: its rules are in force at once."""
    with _lock:
        holders, methods = len(NUMPY), len(_METHODS)
        _arrive()
        for owner, name, _, new in _METHODS[methods:]:
            setattr(owner, name, new)
        for holder in NUMPY[holders:]:
            holder.enter()


@contextmanager
def _plainly() -> Generator[None]:
    """NumPy's own names, for a module that is to keep them; not where another thread's trace needs them replaced."""
    with _lock:
        if alone := tracing[0] < 2:
            _put_back()
        try:
            yield
        finally:
            compiled.spare()
            if alone:
                _replace()


_ARRIVALS = Arrivals(_came, _plainly)


def _open() -> None:
    with _lock:
        if _replaced:
            return
        if _modules_seen != len(sys.modules):
            compiled.early()
            _arrive()
        _search_modules()
        _replace()


def _replace() -> None:
    global _replaced
    try:
        _replaced = True
        sys.meta_path.insert(0, _ARRIVALS)
        np.vectorize._vectorize_call = vectorize_call  # type: ignore[attr-defined]
        for owner, name, _, new in _METHODS:
            setattr(owner, name, new)
        for holder in (*NUMPY, *HOLDERS.values(), *KEPT.values(), *PASSING):
            holder.enter()
    except BaseException:  # an interrupt: nothing is half replaced
        _put_back()
        raise


def _put_back() -> None:
    """To do it twice is to do it once."""
    global _replaced
    if _ARRIVALS in sys.meta_path:
        sys.meta_path.remove(_ARRIVALS)
    np.vectorize._vectorize_call = VECTORIZE_CALL  # type: ignore[attr-defined]
    for owner, name, original, _ in _METHODS:
        setattr(owner, name, original)
    for holder in (*NUMPY, *HOLDERS.values(), *KEPT.values(), *PASSING):
        holder.leave()
    _replaced = False


def _close() -> None:
    with _lock:
        if _replaced and not tracing[0]:
            _put_back()
            PASSING.clear()
            _forget_loose()


def _wait() -> None:
    """Before a fork: wait until no other thread is changing names."""
    _lock.acquire()


def _go_on() -> None:
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait, after_in_parent=_go_on, after_in_child=_go_on)

on_open.append(_open)
on_close.append(_close)
