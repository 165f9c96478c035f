"""While ``jit`` records: values that nobody can reach any more are let go, and their nodes keep shape and dtype.

A tape keeps every value that the program makes, since a sweep may read it. No sweep goes past a node that depends on
the arguments of ``jit`` alone. If none goes past its readers either, its value is needed as long as a tracer stands for
it, so that Python may ask for it, and no longer. Recording a training step then takes about the memory of the step
itself, rather than that of all its values together.

Who holds a node is counted: the tape, the nodes that read it, and anybody else. Python keeps the number of all of them,
and those on the tape are known; where there is nobody else, the value goes. Where a holder is not known, a value is
kept longer than it need be.
"""

import sys
from typing import Any, NamedTuple

import numpy as np

from geartrain.ir.aval import Aval
from geartrain.ir.node import CONST, INPUT, Node

__all__ = ["Gone", "LettingGo", "let_go"]

ENOUGH, EACH = 1 << 25, 1 << 10
"""Bytes of new values before anybody looks; and bytes for each node of the tape, which is looked through."""

SMALL = 1 << 12
"""Bytes of a value that is not worth it."""

OFTEN = 32
"""Nodes between two looks at how many bytes there are."""


class Gone(NamedTuple):
    """What is left of the value of a node; ``aval_of`` knows it by its shape and dtype."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class LettingGo:
    """Looks through a tape now and then. ``next`` is the length of the tape at which to look again."""

    __slots__ = ("_bytes", "_seen", "_tape", "next")

    def __init__(self, tape: list[Node]) -> None:
        self._tape = tape
        self._bytes = self._seen = 0
        self.next = OFTEN

    def look(self, quiet: int) -> None:
        """Let go of what depends on the levels ``quiet`` alone, if enough has come since the last time."""
        tape = self._tape
        for node in tape[self._seen :]:
            value = node.value
            if type(value) is np.ndarray and value.base is None:
                self._bytes += value.nbytes
        self._seen = len(tape)
        self.next = len(tape) + OFTEN
        if self._bytes >= max(ENOUGH, EACH * len(tape)):
            self._bytes = 0
            let_go(tape, quiet)


def let_go(tape: list[Node], quiet: int) -> None:
    """Let go of values on the tape that no sweep and no tracer can reach.

    Arrays that are written part by part have no value of their own: what they are made of stays.
    """
    readers = _readers(tape)
    if len(readers) != len(tape):
        return  # a node is on the tape once; if not, holders cannot be counted
    swept = {x for node in tape if node.depends & ~quiet or type(node.value) is Aval for x in (node, *node.inputs)}
    for node in tape:
        value = node.value
        if type(value) is not np.ndarray or value.nbytes < SMALL or node.op is CONST or node.op is INPUT:
            continue
        if sys.getrefcount(node) == _NOBODY + readers[node] and node not in swept:
            node.value = Gone(value.shape, value.dtype)


def _readers(tape: list[Node]) -> dict[Node, int]:
    """How often each node of the tape is an operand of others."""
    readers = dict.fromkeys(tape, 0)
    for node in tape:
        for x in node.inputs:
            if x in readers:
                readers[x] += 1
    return readers


def _references_of_nobody() -> int:
    """What ``let_go`` is told of a node that the tape and its own count hold, and nobody else."""
    tape = [Node(INPUT, (), (), 0.0)]
    readers = dict.fromkeys(tape, 0)
    found = 0
    for node in tape:
        found = sys.getrefcount(node) + readers[node]
    return found


_NOBODY = _references_of_nobody()
