"""Traces and levels: which transformations are under way in this thread.

The outermost transformation opens a trace, whose tape lists the nodes in the order in which the program made them. Each
transformation, outer or inner, opens a level of it: a bit, and a place on the tape where it begins. A node carries the
bits of the levels whose inputs it depends on, so "does this depend on what I differentiate" is one AND, and what
depends on nothing stays a plain value.
"""

import gc
import os
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Literal, NamedTuple

import numpy as np

from geartrain.errors import SourceLine, TraceError, user_line
from geartrain.ir.node import Node
from geartrain.ir.op import run_aside
from geartrain.trace.foreign import explained
from geartrain.trace.late import Waiting
from geartrain.trace.letgo import LettingGo

__all__ = ["DEAD", "Decision", "Kind", "Level", "Trace", "active", "aside", "patient", "tracing", "undisturbed"]

Kind = Literal["grad", "record", "jit", "vmap"]
"""What a level is for. ``record`` and ``vmap`` run a program to keep its graph and throw the run away; ``jit`` keeps
the graph, too, and must know each decision that Python takes."""


DEAD = -1
"""What a node carries that stood for a run that has been thrown away, as ``vmap`` and ``checkpoint`` do."""


class Decision(NamedTuple):
    """Python asked a traced value: ``how`` names the question (see ``decide.DECIDE``), ``answer`` what it was told."""

    node: Node
    how: str
    answer: Any


class Trace:
    """One run of the user's program under one or more transformations.

    ``bits`` has the levels under way; ``data_bits`` those that need every operation on their inputs, and not just what
    is differentiable; ``guard_bits`` and ``vmap_bits`` the ones of those kinds. ``epoch`` counts the levels that throw
    their run away, and ``sealed`` is the epoch of the innermost one: older storages must not be written.
    ``refused`` is the last error about a bare number, which NumPy may swallow. ``drawn`` names where random numbers
    without a seed came from, and ``unrepeatable`` a function whose way through its work depends on values by more than
    decisions tell, so that a record of it is good for one run.
    ``elements`` has the nodes of single elements that were read, by what they were read of. ``doubts`` has truth values
    that a rule would have asked for, had there been one answer for a whole batch. ``letting_go`` frees values while a
    program is recorded; ``waiting`` has nodes whose values nobody has asked for.

    A level that has ended still walks its nodes, to pull or to push, so its bit is not given away before it says that
    it is done (``Level.forget``). New nodes carry bits of levels under way only.
    """

    __slots__ = (
        "bits",
        "data_bits",
        "decisions",
        "doubts",
        "drawn",
        "elements",
        "ended",
        "epoch",
        "guard_bits",
        "letting_go",
        "lines",
        "refused",
        "sealed",
        "taken",
        "tape",
        "unrepeatable",
        "vmap_bits",
        "waiting",
    )

    def __init__(self) -> None:
        self.tape: list[Node] = []
        self.taken = 0
        self.ended: list[int] = []
        self.bits = self.data_bits = self.guard_bits = self.vmap_bits = 0
        self.epoch = self.sealed = 0
        self.decisions: list[Decision] = []
        self.doubts: list[Node] = []
        self.elements: dict[tuple[tuple[Node, ...], tuple[Any, ...]], Node] = {}
        self.lines: dict[Node, SourceLine | None] | None = None
        self.letting_go: LettingGo | None = None
        self.waiting: Waiting | None = None
        self.refused: TraceError | None = None
        self.unrepeatable = self.drawn = ""

    def new_bit(self) -> int:
        """A bit that no node carries."""
        if self.ended:
            return self.ended.pop()
        self.taken += 1
        return 1 << (self.taken - 1)

    def add(self, node: Node) -> None:
        self.tape.append(node)
        if self.lines is not None:
            self.lines[node] = user_line()
        letting_go = self.letting_go
        if letting_go is not None and len(self.tape) >= letting_go.next:
            letting_go.look()


class _Active(threading.local):
    trace: Trace | None = None


active = _Active()
_PATIENT = 200_000
"""New objects between two looks of the garbage collector while a trace runs. A tape is one long chain of live objects,
and walking it again and again would make long programs slower than in proportion to their length."""

tracing: Any = np.zeros(1, np.int64)
"""How many traces run, in all threads: one word of memory, which native code can look at."""

_open: set[Trace | object] = set()
"""The traces that run, and whoever else wants the collector to be patient."""

_usual = (0, 0, 0)
_lock = threading.Lock()


def _let_grow(who: Trace | object, opens: bool) -> None:
    """Make the garbage collector patient as long as any trace runs. One that is switched off stays so.

    To do it twice is to do it once: an interrupt may have come between.
    """
    global _usual
    with _lock:
        if opens and not _open:
            _usual = gc.get_threshold()
            if 0 < _usual[0] < _PATIENT:
                gc.set_threshold(_PATIENT, *_usual[1:])
        if opens:
            _open.add(who)
        else:
            _open.discard(who)
        tracing[0] = _traces()
        if not _open and gc.get_threshold()[0] == _PATIENT:
            gc.set_threshold(*_usual)


def _in_child() -> None:
    """After a fork, this is the only thread."""
    global _lock
    _lock = threading.Lock()
    for who in list(_open):
        if isinstance(who, Trace) and who is not active.trace:
            _open.discard(who)
    tracing[0] = _traces()


def _traces() -> int:
    return sum([isinstance(who, Trace) for who in _open])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


@contextmanager
def patient() -> Generator[None]:
    """Keep the garbage collector patient, too, while the nodes of a trace are made into something else."""
    me = object()
    _let_grow(me, True)
    try:
        yield
    finally:
        _let_grow(me, False)


@contextmanager
def undisturbed() -> Generator[None]:
    """Keep the garbage collector from looking at all, for a moment in which much is made and nothing thrown away."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


on_open: list[Callable[[], None]] = []
on_close: list[Callable[[], None]] = []


def aside(f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any] | None = None) -> Any:
    """``f(*args, **kwargs)`` as if no trace ran: for code that computes on plain values."""
    trace = active.trace
    active.trace = None
    try:
        return f(*args, **(kwargs or {}))
    finally:
        active.trace = trace


run_aside[0] = aside  # an op that a rule calls on plain values, while an outer trace runs, sees plain NumPy


def _end(trace: Trace) -> None:
    """No transformation is under way any more in this thread. To do it twice is to do it once."""
    active.trace = None
    _let_grow(trace, False)
    for hook in on_close:
        hook()


class Level:
    """One transformation under way, as a context manager.

    ``nested`` says whether another one encloses it. When it has ended, ``segment`` has the nodes made in it.
    """

    def __init__(self, kind: Kind, *, lines: bool = False) -> None:
        self.kind: Kind = kind
        self.want_lines = lines

    def __enter__(self) -> "Level":
        trace = active.trace
        self.nested = trace is not None
        if trace is None:
            trace = Trace()
            try:
                _let_grow(trace, True)
                for hook in on_open:
                    hook()
                active.trace = trace
                return self._begin(trace)
            except BaseException:  # an interrupt
                self._close(trace)
                raise
        return self._begin(trace)

    def _begin(self, trace: Trace) -> "Level":
        if self.want_lines and trace.lines is None:
            trace.lines = {}
        self.trace = trace
        self.start = len(trace.tape)
        self.outer = (trace.bits, trace.data_bits, trace.guard_bits, trace.vmap_bits, trace.sealed)
        self.outer_bits = trace.bits
        bit = self.bit = trace.new_bit()
        trace.bits |= bit
        if self.kind != "grad":
            trace.data_bits |= bit
        if self.kind == "jit":
            trace.guard_bits |= bit
            if not self.nested:
                trace.letting_go = LettingGo(trace.tape, bit)
                trace.waiting = Waiting(trace.letting_go)
        elif self.kind == "vmap":
            trace.vmap_bits |= bit
        if self.kind in ("vmap", "record"):
            trace.epoch += 1
            trace.sealed = trace.epoch
        return self

    @staticmethod
    def _close(trace: Trace) -> None:
        """End a trace; an interrupt that comes meanwhile waits until that is done."""
        try:
            _end(trace)
        except KeyboardInterrupt:
            _end(trace)
            raise

    def forget(self) -> None:
        """This level's nodes are done with: take its bit off them, and let another level have it."""
        if self.nested:
            for node in self.segment:
                if node.depends > 0:
                    node.depends &= ~self.bit
            self.trace.ended.append(self.bit)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        trace = self.trace
        self.segment = trace.tape[self.start :] if self.nested else trace.tape
        trace.bits, trace.data_bits, trace.guard_bits, trace.vmap_bits, trace.sealed = self.outer
        if not self.nested:
            self._close(trace)
        better = None if error is None else explained(error, trace.refused)
        if better is not None:
            raise better from None
