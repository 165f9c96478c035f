"""From tapes to pure graphs: what a run did, interned, with everything that nobody needs left out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from geartrain.ir.aval import Array, Aval, aval_of, is_array
from geartrain.ir.graph import Graph, topological
from geartrain.ir.node import CONST, INPUT, Node, Table
from geartrain.ir.op import Op
from geartrain.ops.shape import BROADCAST, RESHAPE
from geartrain.ops.table import ROWS
from geartrain.run import F, Run
from geartrain.trace.late import Late
from geartrain.trace.level import undisturbed
from geartrain.trace.tracer import ALIAS

__all__ = ["Recording", "closure", "record"]


LARGE = 1 << 12
"""Bytes of a constant from which on it is looked at whether it repeats one number, as the cotangents of a sum do."""


def _repeats(x: Array) -> bool:
    if x.dtype.kind not in "fiub" or x.dtype.itemsize > 8:
        return False
    numbers = np.ascontiguousarray(x).reshape(-1).view(f"u{x.dtype.itemsize}") if any(x.strides) else np.zeros(1)
    first = numbers[0]
    return bool(numbers[len(numbers) // 2] == first == numbers[-1] and np.all(numbers == first))


class Recording:
    """Pure nodes made from one tape or several: equal operations on equal inputs are one node.

    ``inputs`` stand for the inputs of all tapes. The nodes keep the order of the program, which lets a later write in
    place follow all reads of what it overwrites.
    """

    def __init__(self, avals: Iterable[Aval]) -> None:
        self.table = Table()
        self.inputs = [self.table.input(aval) for aval in avals]
        self._position: dict[Node, int] = {}

    def take(self, tape: Sequence[Node], inputs: Sequence[Node], wanted: Sequence[Node]) -> list[Node]:
        """The pure nodes of the ``wanted`` nodes of a tape, whose own inputs are ``inputs``."""
        known = dict(zip(inputs, self.inputs, strict=True))
        node_of, number, lookup = self.table.node, self._position.setdefault, known.__getitem__
        with undisturbed():
            for node in _needed(tape, wanted, known):
                op = node.op
                if op is CONST or op is INPUT:  # an input of an inner transformation stands for a plain value
                    made = self._const(node.value)
                elif op is ALIAS:
                    made = lookup(node.inputs[0])
                else:
                    aval = node.like.aval if type(node) is Late else aval_of(node.value)
                    made = node_of(op, tuple(map(lookup, node.inputs)), node.params, aval)
                known[node] = made
                number(made, len(self._position))
        return [known[node] for node in wanted]

    def _const(self, value: Array) -> Node:
        """A constant. A large one that repeats a number is that number, broadcast: it is kept with the recording."""
        if not is_array(value) or value.nbytes < LARGE or not _repeats(value):
            return self.table.const(value)
        number = self.table.const(value[(0,) * value.ndim])
        return self._node(BROADCAST, (number,), (value.shape,), Aval(value.shape, value.dtype))

    def all_hold(self, decisions: Iterable[tuple[Node, str, Any]]) -> Node:
        """A node that is true if Python would be told the same again: ``bool()`` and ``int()`` of values."""
        truth = Aval((), np.dtype(bool))
        total: Node | None = None
        for node, how, answer in decisions:
            aval = node.aval
            if aval.shape != ():
                aval = Aval((), aval.dtype)
                node = self._node(RESHAPE, (node,), ((),), aval)
            if how == "bool":
                zero = self.table.const(aval.dtype.type(0))
                holds = self._node(ROWS["not_equal" if answer else "equal"], (node, zero), (), truth)
            else:
                if aval.dtype.kind == "f":
                    node = self._node(ROWS["trunc"], (node,), (), Aval((), aval.dtype))
                holds = self._node(ROWS["equal"], (node, self.table.const(aval.dtype.type(answer))), (), truth)
            total = holds if total is None else self._node(ROWS["logical_and"], (total, holds), (), truth)
        return total if total is not None else self.table.const(np.True_)

    def _node(self, op: Op, inputs: tuple[Node, ...], params: tuple[Any, ...], aval: Aval) -> Node:
        made = self.table.node(op, inputs, params, aval)
        for node in (*inputs, made):
            self._position.setdefault(node, len(self._position))
        return made

    def whole(self, outputs: Sequence[Node]) -> Graph:
        """The graph that computes ``outputs`` from all inputs: ``graph``, in less time where most nodes are needed."""
        needed = {*outputs, *self.inputs}
        nodes: list[Node] = []
        for node in reversed(self._position):
            if node in needed and node.op is not INPUT:
                needed.update(node.inputs)
                nodes.append(node)
        if len(nodes) + len(self.inputs) < len(needed):  # something that was never taken
            return self.graph(self.inputs, outputs)
        return Graph(tuple(self.inputs), tuple(reversed(nodes)), tuple(outputs))

    def graph(self, available: Iterable[Node], outputs: Sequence[Node]) -> Graph:
        """The graph that computes ``outputs`` from the nodes that are ``available``, in the order of the program."""
        have = dict.fromkeys(available)
        nodes = topological(outputs, have)
        nodes.sort(key=lambda node: self._position.get(node, -1))
        used = {x for node in nodes for x in node.inputs}.union(outputs)
        return Graph(tuple([x for x in have if x in used]), tuple(nodes), tuple(outputs))


def _needed(tape: Sequence[Node], wanted: Sequence[Node], known: Mapping[Node, Node]) -> list[Node]:
    """The nodes that ``wanted`` need and that are not ``known``: constants, then those of the tape in its order."""
    need, found = set(wanted), list[Node]()
    constants = dict.fromkeys([node for node in wanted if node.op is CONST])
    for node in reversed(tape):
        if node in need and node not in known:
            inputs = node.inputs
            need.update(inputs)
            found.append(node)
            for x in inputs:
                if x.op is CONST:
                    constants[x] = None
    if len(need) > len(found) + len(constants) + len(need & known.keys()):  # nodes of an outer run, on no tape of ours
        return topological(wanted, known)
    return [*[node for node in constants if node not in known], *reversed(found)]


def record(f: F, *args: Any) -> tuple[Graph, Run]:
    """The graph of one run of ``f``, from all of its numbers to all of its results, and the run.

    Decisions that Python took on the way are not in the graph: it is right for arguments that take them alike.
    """
    run = Run("record", f, args, kind="record")
    inputs = [node for node in run.nodes if node is not None]
    recording = Recording([aval_of(node.value) for node in inputs])
    tape = run.level.segment
    outputs = recording.take(tape, inputs, [run.constant_or_node(y) for y in run.results])
    made = recording.graph(recording.inputs, outputs)
    return Graph(tuple(recording.inputs), made.nodes, made.outputs), run


def closure(run: Run) -> tuple[Graph, list[Node]]:
    """The graph of a run from its inputs and from what it captured to its results, and the captured nodes.

    The captured nodes stand for values of outer transformations that the function reads; they are the last inputs of
    the graph. What the function reads and nobody differentiates is a constant of it.
    """
    segment = run.level.segment
    own = [node for node in run.nodes if node is not None]
    wanted = [run.constant_or_node(y) for y in run.results]
    inside, mine = {*segment, *own}, set(own)
    reads = [x for node in segment if node not in mine for x in node.inputs] + wanted
    captured = list(dict.fromkeys([x for x in reads if x not in inside and x.depends]))
    recording = Recording([aval_of(node.value) for node in (*own, *captured)])
    pure = recording.take(segment, [*own, *captured], wanted)
    made = recording.graph(recording.inputs, pure)
    return Graph(tuple(recording.inputs), made.nodes, made.outputs), captured
