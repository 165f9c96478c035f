"""Rebuild a graph from its inputs on, node by node, with something else in the place of some nodes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from geartrain.ir.aval import Array, Aval
from geartrain.ir.graph import Graph
from geartrain.ir.node import CONST, INPUT, Node, Table
from geartrain.ir.op import Op
from geartrain.ops.shape import BROADCAST

__all__ = ["Builder", "Change", "rewritten", "uniform"]


class Builder:
    """Makes nodes of the new graph, equal ones once. Nodes of the old one may be in it, too."""

    def __init__(self) -> None:
        self._table = Table()
        self._later: list[Node] = []

    def later(self, node: Node) -> None:
        """A node of the old graph stays. Which nodes there are is of interest when the first new one is made."""
        self._later.append(node)

    @property
    def table(self) -> Table:
        if self._later:
            for node in self._later:
                self._table.enter(node)
            self._later.clear()
        return self._table

    def op(self, op: Op, *inputs: Node, params: tuple[Any, ...] = (), aval: Aval | tuple[Aval, ...]) -> Node:
        return self.table.node(op, inputs, params, aval)

    def const(self, value: Array) -> Node:
        return self.table.const(value)

    def broadcast(self, x: Node, shape: tuple[int, ...]) -> Node:
        if x.aval.shape == shape:
            return x
        return self.op(BROADCAST, x, params=(shape,), aval=Aval(shape, x.aval.dtype))


Change = Callable[[Builder, Node, tuple[Node, ...]], Node | None]
"""``change(builder, node, inputs)``: what stands for ``node``, whose inputs are now ``inputs``; None keeps it."""


def rewritten(graph: Graph, change: Change, settled: bool = True) -> Graph:
    """The graph with each node replaced by what ``change`` gives for it; equal nodes are one, dead ones are gone.

    Where nothing changes it is the very graph that was given, if that was ``settled``: made by this function before.
    """
    builder = Builder()
    new: dict[Node, Node] = {}
    for node in graph.nodes:
        if node.op is INPUT:
            continue
        inputs = node.inputs
        if new:
            inputs = tuple([new.get(x, x) for x in inputs])
        made = change(builder, node, inputs)
        if made is None or made is node:
            if inputs != node.inputs:
                made = builder.op(node.op, *inputs, params=node.params, aval=node.value)
            elif settled and not new:
                builder.later(node)
                continue
            else:
                made = builder.table.enter(node)
        if made is not node:
            new[node] = made
    if settled and not new:
        return graph
    return Graph.of(graph.inputs, [new.get(x, x) for x in graph.outputs])


def uniform(node: Node) -> Array | None:
    """The number that a constant repeats, as a NumPy or Python scalar; None where it is no constant or not uniform."""
    while node.op is BROADCAST:
        node = node.inputs[0]
    if node.op is not CONST:
        return None
    value: Array = node.value
    if type(value) is not np.ndarray:
        return value
    if value.size == 0 or value.dtype == object:
        return None
    first = value.reshape(-1)[:1]
    if value.size > 1 and value.tobytes() != first.tobytes() * value.size:
        return None
    return first[0]
