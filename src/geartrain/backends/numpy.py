"""A graph as a plan of NumPy calls: values in registers, let go after their last use, dead updates done in place."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from geartrain.ir.aval import Array, aval_of, is_array
from geartrain.ir.graph import Graph
from geartrain.ir.node import CONST, Node
from geartrain.ir.op import Op
from geartrain.ops.index import GETITEM, SCATTER, SCATTER_ADD, VIEWS, fill
from geartrain.ops.table import ROWS

__all__ = ["Program", "compile"]

Program = Callable[[Sequence[Array]], list[Array]]
"""Takes a value for each input of the graph and returns one for each output."""

UPDATES = (SCATTER, SCATTER_ADD)


class Step(NamedTuple):
    """One call: the registers that it reads, the one that it writes, and those that nobody needs afterwards."""

    fn: Callable[..., Array]
    reads: tuple[int, ...]
    params: tuple[Any, ...]
    writes: int
    frees: tuple[int, ...]


def compile(graph: Graph) -> Program:
    """The program of ``graph``. It keeps no state between calls, so threads may run it at once.

    Results share no memory with arguments, with constants of the graph, or with each other.
    """
    register = {node: i for i, node in enumerate(dict.fromkeys((*graph.inputs, *graph.nodes)))}
    start: list[Any] = [None] * len(register)
    steps: list[Step] = []
    last = _last_uses(graph)
    kept = _kept(graph)
    for i, node in enumerate(graph.nodes):
        if node.op is CONST:
            start[register[node]] = node.value
            continue
        fn = _in_place[node.op] if _may_overwrite(node, i, last, kept) else node.op.fn
        frees = {register[x] for x in node.inputs if last[x] == i and x.op is not CONST}
        steps.append(Step(fn, tuple([register[x] for x in node.inputs]), node.params, register[node], tuple(frees)))
    inputs, outputs = len(graph.inputs), [register[node] for node in graph.outputs]

    def program(args: Sequence[Array]) -> list[Array]:
        values = start.copy()
        values[:inputs] = args
        for fn, reads, params, writes, frees in steps:
            values[writes] = fn(*[values[r] for r in reads], *params)
            for r in frees:
                values[r] = None
        return _apart([values[r] for r in outputs], args, start)

    return program


def _last_uses(graph: Graph) -> dict[Node, float]:
    """The place of the last node that reads each node; never for outputs."""
    last: dict[Node, float] = dict.fromkeys(graph.nodes, -1)
    for i, node in enumerate(graph.nodes):
        for x in node.inputs:
            last[x] = i
    last.update(dict.fromkeys(graph.outputs, float("inf")))
    return last


def _may_overwrite(node: Node, place: int, last: dict[Node, float], kept: set[Node]) -> bool:
    """Whether an update may change its base in place: the base was made by an update, and this is its last reader."""
    if node.op not in UPDATES:
        return False
    base = node.inputs[0]
    return base.op in UPDATES and last[base] == place and base not in node.inputs[1:] and base not in kept


def _kept(graph: Graph) -> set[Node]:
    """The nodes whose memory others hold: inputs, which belong to the caller, and what some other node may view.

    An op that no row describes runs code of the user's, which may return its operand.
    """
    kept = set(graph.inputs)
    for node in graph.nodes:
        if node.op in VIEWS and not _is_element(node):
            kept.add(node.inputs[0])
        elif node.inputs and ROWS.get(node.op.name) is not node.op:
            kept.update(node.inputs)
    return kept


def _is_element(node: Node) -> bool:
    """Whether a node reads one element, which NumPy copies. With ``...`` in the index it is a view without axes."""
    return node.op is GETITEM and aval_of(node.value).shape == () and Ellipsis not in node.params[0]


def _scatter_in_place(base: Array, part: Array, *rest: Any) -> Array:
    *arrays, template = rest
    base[fill(template, arrays)] = part
    return base


def _scatter_add_in_place(base: Array, part: Array, *rest: Any) -> Array:
    *arrays, template = rest
    np.add.at(base, fill(template, arrays), part)
    return base


_in_place: dict[Op, Callable[..., Array]] = {SCATTER: _scatter_in_place, SCATTER_ADD: _scatter_add_in_place}


def _apart(values: list[Array], args: Sequence[Array], constants: Sequence[Any]) -> list[Array]:
    """The results in memory of their own."""
    seen = {id(x) for x in args}.union([id(x) for x in constants])
    for i, value in enumerate(values):
        if is_array(value):
            if not value.flags.owndata or not value.flags.writeable or id(value) in seen:
                values[i] = value = value.copy()
            seen.add(id(value))
    return values
