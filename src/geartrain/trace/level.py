"""Traces and levels: which transformations are under way in this thread.

The outermost transformation opens a trace, whose tape lists the nodes in the order in which the program made them. Each
transformation, outer or inner, opens a level of it: a bit, and a place on the tape where it begins. A node carries the
bits of the levels whose inputs it depends on, so "does this depend on what I differentiate" is one AND, and what
depends on nothing stays a plain value.
"""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal

from geartrain.errors import SourceLine, user_line
from geartrain.ir.node import Node

__all__ = ["Level", "Trace", "current_trace"]

Kind = Literal["grad", "jit", "vmap"]


class Trace:
    """One run of the user's program under one or more transformations."""

    __slots__ = ("bits", "closed", "data_bits", "decisions", "lines", "tape", "vmap_bits")

    def __init__(self) -> None:
        self.tape: list[Node] = []
        self.bits = 0
        self.data_bits = 0  # levels for which data matters even where nothing is differentiable: jit and vmap
        self.vmap_bits = 0
        self.closed = False
        self.decisions: list[tuple[Node, Any]] = []
        self.lines: dict[Node, SourceLine | None] | None = None

    def add(self, node: Node) -> None:
        self.tape.append(node)
        if self.lines is not None:
            self.lines[node] = user_line()


class _Active(threading.local):
    trace: Trace | None = None


active = _Active()
on_open: list[Callable[[], None]] = []
on_close: list[Callable[[], None]] = []


def current_trace() -> Trace | None:
    """The trace under way in this thread."""
    return active.trace


class Level:
    """One transformation under way. A context manager; ``nested`` says whether another one encloses it."""

    def __init__(self, kind: Kind, *, lines: bool = False) -> None:
        self.kind = kind
        self.want_lines = lines

    def __enter__(self) -> "Level":
        trace = active.trace
        self.nested = trace is not None
        if trace is None:
            trace = Trace()
            for hook in on_open:
                hook()
            active.trace = trace
        if self.want_lines and trace.lines is None:
            trace.lines = {}
        self.trace = trace
        self.start = len(trace.tape)
        self.outer_bits = trace.bits
        self.bit = trace.bits + 1  # the bits under way are always 1, 11, 111, ...: levels open and close as a stack
        trace.bits |= self.bit
        if self.kind != "grad":
            trace.data_bits |= self.bit
        if self.kind == "vmap":
            trace.vmap_bits |= self.bit
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        trace = self.trace
        self.segment = trace.tape[self.start :] if self.nested else trace.tape
        trace.bits &= ~self.bit
        trace.data_bits &= ~self.bit
        trace.vmap_bits &= ~self.bit
        if not self.nested:
            trace.closed = True
            active.trace = None
            for hook in on_close:
                hook()
