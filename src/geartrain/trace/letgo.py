"""While ``jit`` records: values that nobody can reach any more are let go, and their nodes keep shape and dtype.

A tape keeps every value that the program makes, since a sweep may read it. No sweep goes past a node that depends on
the arguments of ``jit`` alone. If none goes past its readers either, its value is needed as long as a tracer stands for
it, so that Python may ask for it, and no longer. Recording a training step then takes about the memory of the step
itself, rather than that of all its values together. And most sweeps, those of ``nodewise``, read few values: so a long
program lets go, too, of what can be computed again for the sweep that does.

Who holds a node is counted: the tape, the nodes that read it, and anybody else. Python keeps the number of all of them,
and those on the tape are known; where there is nobody else, the value goes. Where a holder is not known, a value is
kept longer than it need be.
"""

import sys
from itertools import islice

import numpy as np

from geartrain.ir.aval import Aval
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.trace.late import Away, Gone, Late, kept_value

__all__ = ["Gone", "LettingGo"]

ENOUGH = 1 << 23
"""Bytes of new values before anybody looks."""

GROWN = 4 / 3
"""How much longer the tape is when all of it is looked through again."""

SMALL = 1 << 12
"""Bytes of a value that is not worth it."""

OFTEN = 32
"""Nodes between two looks at how many bytes there are."""


class LettingGo:
    """Looks through a tape now and then. ``next`` is the length of the tape at which to look again.

    ``quiet`` are the levels that no sweep is for. ``again``: let go, too, of what a sweep may want but can have
    computed again, until one has; ``dropped`` says whether there is such a value.

    Most values go young, so a look goes through what has come since the last look but one. Now and then it goes through
    the whole tape, for what a sweep needed until it was done: each time that the tape has grown by a third, which makes
    some four passes over a tape of any length.
    """

    __slots__ = ("_bytes", "_looked", "_seen", "_whole", "_young", "again", "dropped", "next", "quiet", "tape")

    def __init__(self, tape: list[Node], quiet: int) -> None:
        self.tape, self.quiet = tape, quiet
        self._bytes = self._seen = self._looked = self._young = self._whole = 0
        self.next = OFTEN
        self.again, self.dropped = True, False

    def look(self) -> None:
        """Let go of what nobody can reach, if enough has come since the last time."""
        tape = self.tape
        for node in tape[self._seen :]:
            value = kept_value(node)
            if type(value) is np.ndarray and value.base is None:
                self._bytes += value.nbytes
        self._seen = len(tape)
        self.next = len(tape) + OFTEN
        if self._bytes < ENOUGH:
            return
        self._bytes = 0
        if len(tape) >= GROWN * self._whole:
            self._whole, self._young = len(tape), 0
        self._let_go(self._young)
        self._young, self._looked = self._looked, len(tape)

    def came(self, nbytes: int) -> None:
        """The value of a node has come that was on the tape before, anywhere: look there, too, if that makes enough."""
        self._bytes += nbytes
        if self._bytes >= ENOUGH:
            self._bytes = 0
            self._let_go(0)

    def _let_go(self, start: int) -> None:
        """Let go of values on the tape, from ``start`` on, that no sweep and no tracer can reach.

        Arrays that are written part by part have no value of their own: what they are made of stays.
        """
        tape = self.tape
        holders = self._holders(start)
        if len(holders) != len(tape) - start:
            return  # a node is on the tape once; if not, holders cannot be counted
        for node in islice(tape, start, None):
            value = kept_value(node)
            if type(value) is not np.ndarray or value.nbytes < SMALL or node.op is CONST or node.op is INPUT:
                continue
            if sys.getrefcount(node) == _NOBODY + holders[node]:
                if self._comes_again(node):
                    node.value = Away(value.shape, value.dtype)
                    self.dropped = True
                else:
                    node.value = Gone(value.shape, value.dtype)

    def _holders(self, start: int) -> dict[Node, int]:
        """How often each node is an operand of others: more often than anything can be, where a sweep may go past it.

        The operands of what is to be computed again have to be there then, or be computed again themselves.
        """
        tape, quiet, comes_again = self.tape, self.quiet, self._comes_again
        holders = dict.fromkeys(islice(tape, start, None), 0)
        for node in islice(tape, start, None):
            if comes_again(node):
                for x in node.inputs:
                    if x in holders:
                        holders[x] += 1 if comes_again(x) else _SWEPT
                continue
            once = 1
            if node.depends & ~quiet or type(kept_value(node)) is Aval or (type(node) is Late and node.waits):
                once = _SWEPT
                holders[node] = _SWEPT
            for x in node.inputs:
                if x in holders:
                    holders[x] += once
        return holders

    def _comes_again(self, node: Node) -> bool:
        """Whether the value of a node has been let go to be computed again, or may be."""
        if type(node) is not Late:
            return False
        kept = kept_value(node)
        may_go = self.again and node.depends & ~self.quiet and kept is not NotImplemented
        return type(kept) is Away or bool(may_go)


_SWEPT = 1 << 40


def _references_of_nobody() -> int:
    """What ``let_go`` is told of a node that the tape and its own count hold, and nobody else."""
    tape = [Node(INPUT, (), (), 0.0)]
    holders = dict.fromkeys(tape, 0)
    found = 0
    for node in islice(tape, 0, None):
        found = sys.getrefcount(node) + holders[node]
    return found


_NOBODY = _references_of_nobody()
