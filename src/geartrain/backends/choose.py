"""The compiler is loaded when the first graph is to be compiled, so that ``import geartrain`` stays quick."""

import importlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from geartrain.backends import numpy
from geartrain.ir.aval import Array
from geartrain.ir.graph import Graph
from geartrain.ir.node import Node
from geartrain.tree import TreeDef

__all__ = [
    "COMPILER",
    "Calls",
    "Native",
    "Program",
    "Result",
    "StepReport",
    "Texts",
    "begin",
    "calls",
    "compile",
    "has_native",
    "lowered",
    "measured",
    "natively_now",
    "passes",
]

_LOADING = threading.RLock()
"""Held while a part of the compiler is imported, so that a fork waits: Python's locks on modules do not survive one."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_LOADING.acquire, after_in_parent=_LOADING.release, after_in_child=_LOADING.release)


def _load(name: str) -> Any:
    found = sys.modules.get(name)
    if found is not None and name in _loaded:
        return found
    with _LOADING:
        found = importlib.import_module(name)
        _loaded.add(name)
    return found


_loaded: set[str] = set()

Program = Callable[[Sequence[Array]], list[Array]]
"""Takes a value for each input of the graph and returns one for each output, in memory of its own."""


def compile(graph: Graph, memory: int | None = None) -> Program:
    """The program of ``graph``: native where llvmlite is installed, and else NumPy's.

    ``memory``: the bytes that intermediate values of native code may take.

    A result whose shape depends on data has no place in a plan, so such a graph, a segment that ``jit`` ends there, is
    NumPy's. So is one with numbers in the byte order of another machine.
    """
    if any(node.op.data_shape or not node.aval.dtype.isnative for node in (*graph.inputs, *graph.nodes)):
        return numpy.compile(graph)
    stored = _load("geartrain.backends.stored")
    key = stored.key_of(graph, memory)
    found: Program | None = None if key is None else stored.find(key, graph, memory)
    return found or _load("geartrain.backends.compile").compile(graph, memory, key)


COMPILER = "geartrain compiler"
"""The name of the thread that compiles ahead."""


def begin() -> None:
    """A program is going to be recorded: what has to be compiled in any case is, meanwhile."""
    _load("geartrain.backends.ahead").begin()


def natively_now() -> bool:
    """Whether ``calls`` need not wait for a compiler. If it must, that is under way from now on."""
    ahead = _load("geartrain.backends.ahead")
    ahead.go_on()
    return bool(ahead.entries_there())


def has_native() -> bool:
    """Whether there is a compiler here: the extra ``native``, on a POSIX system. Asking loads it."""
    return bool(_load("geartrain.backends.llvm").installed())


class Result(NamedTuple):
    """A leaf of the return value: what a node computes, or else (``node`` None) ``value`` itself, which is no number.

    ``array``: it is an ndarray, also where it has no axes.
    """

    node: Node | None
    value: Any
    array: bool


class Texts(NamedTuple):
    """A segment of a program at each stage of its way to the processor."""

    graph: str
    optimised: str
    schedule: str
    plan: str
    llvm: str
    assembly: str


class StepReport(NamedTuple):
    """A step of a compiled program: what it is called, what it does, what that takes; when it began, in nanoseconds.

    ``numpy``: it is no native code.
    """

    name: str
    does: str
    flops: int
    bytes: int
    begin: int
    nanoseconds: int
    numpy: bool


class Native(NamedTuple):
    """A program that may be called natively: what it takes, by example, and what it gives.

    ``leaves`` are the leaves of the ``arguments``; those that are not ``static`` are the program's inputs. The last
    arguments are given by name: ``names`` in the order of the call, the arguments in that of the sorted names.
    ``guarded``: its last output is no result, and says whether the results are valid. ``donated`` says which leaves the
    caller gives away: results may be written there.
    """

    program: Program
    arguments: TreeDef
    leaves: Sequence[Any]
    static: Sequence[bool]
    results: Sequence[Result]
    result: TreeDef
    guarded: bool
    donated: Sequence[bool]
    names: Sequence[str] = ()


class Calls(Protocol):
    """A function in native code, which tries programs and asks Python where none fits."""

    call: Callable[..., Any] | None

    def add(self, key: Any, native: Native) -> None:
        """Try this program, too, if it can be had as native code. ``key`` is to drop it by."""
        ...

    def drop(self, key: Any) -> None:
        """Do not try the programs under this key any more."""
        ...

    def count(self) -> int:
        """How many calls were native from end to end."""
        ...


def calls(python: Callable[[tuple[Any, ...], dict[str, Any]], Any], name: str) -> Calls | None:
    """A native function without programs; ``python(args, kwargs)`` is called where none fits. ``None``: there is none.

    To be asked for when a program has been compiled, since it loads the compiler.
    """
    if not has_native():
        return None
    made: Calls | None = _load("geartrain.backends.calls").calls(python, name)
    return made


def lowered(graph: Graph, program: Program) -> Texts:
    """The stages of the program that was compiled from a graph, as text."""
    made: Texts = _load("geartrain.backends.lowered").lowered(graph, program)
    return made


def passes(graph: Graph) -> list[tuple[str, str, str]]:
    """The name of each pass, and the text of the graph before and after it."""
    found: list[tuple[str, str, str]] = _load("geartrain.backends.lowered").passes(graph)
    return found


def measured(program: Program, args: Sequence[Array]) -> tuple[list[StepReport], int]:
    """The steps of a program with their times, and the bytes of its arena."""
    found: tuple[list[StepReport], int] = _load("geartrain.backends.measured").measured(program, args)
    return found
