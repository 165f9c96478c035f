"""The chain rule from the end, edge by edge, with everything that it multiplies and adds.

An edge e leads from operand u to step v. Its contribution ``c_e`` is ``v_bar``, pulled through v; ``u_bar`` is the sum
of the contributions over the edges out of u. From these:

- gain of an edge, ``|c_e| / |v_bar|``: for numbers the absolute local rate; for arrays the gain for this gradient at
  this point, which is no operator norm;
- merge at u on a path, ``|u_bar| / |c_e|`` with e the path's edge out of u.

Along any path, exactly: ``|x_bar| = |y_bar|`` times all gains times all merges.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from geartrain.again import Ends, is_careful, looked
from geartrain.chain import pull, pull_through
from geartrain.ir.aval import Array
from geartrain.ir.node import Node
from geartrain.view.record import norm
from geartrain.view.tape import Tape

__all__ = ["Edge", "Pulled", "rms", "sweep"]


class Edge(NamedTuple):
    """Operand ``i`` of a step, with what the step hands back to it."""

    i: int
    operand: Node
    contribution: Array

    def gain(self, y_bar: Array) -> float:
        """How much the cotangent grows over this edge, in the 2-norm; nan where it was zero."""
        return norm(self.contribution) / norm(y_bar) if norm(y_bar) else float("nan")


class Pulled(NamedTuple):
    """One step of the sweep: the node, what arrived, and its edges."""

    node: Node
    y_bar: Array
    edges: list[Edge]


def sweep(tape: Tape, bars: dict[Node, Array], shown: Callable[[Node], bool] = lambda node: True) -> Iterator[Pulled]:
    """Pull 1 from the output back to the inputs, and yield what happens at each step that is ``shown``.

    ``bars`` is filled with the cotangents: that of a step is there until its turn is over, those of the inputs are
    there at the end. Steps that are not shown are pulled as the engine pulls them, so that n reads and writes of one
    element each cost O(n).
    """
    if tape.output is None:
        return
    bars[tape.output] = np.ones((), tape.output.aval.dtype)[()]
    ends = Ends(tape.nodes, dict(bars))
    unshown: list[Node] = []
    for node in reversed(tape.nodes):
        if tape.source(node) is not node or not shown(node):
            unshown.append(node)
            continue
        _pull_quickly(tape, unshown, bars, ends)
        y_bar = bars.pop(node, None)
        if y_bar is None:  # every step that uses it has a hand-written rule that hands back nothing
            continue
        numbers = tape.edges(node)
        xs = [x.value for x in node.inputs]
        more = looked(node, ends, tape.bit, _value, pull_through) if is_careful(node) else None
        with np.errstate(all="ignore"):
            contributions = pull(node, y_bar, node.value, xs, [i in numbers for i in range(len(xs))], more)
        edges = [
            Edge(i, tape.source(node.inputs[i]), contributions[i]) for i in numbers if contributions[i] is not None
        ]
        yield Pulled(node, y_bar, edges)
        for edge in edges:
            have = bars.get(edge.operand)
            with np.errstate(all="ignore"):
                bars[edge.operand] = edge.contribution if have is None else have + edge.contribution
    _pull_quickly(tape, unshown, bars, ends)


def _value(node: Node) -> Array:
    return node.value


def _pull_quickly(tape: Tape, nodes: list[Node], bars: dict[Node, Array], ends: Ends) -> None:
    """Pull through ``nodes``, which stand from the last to the first, and forget them."""
    with np.errstate(all="ignore"):
        pull_through(nodes[::-1], tape.bit, bars, _value, ends=ends)
    for node in nodes:
        bars.pop(node, None)
    nodes.clear()


def rms(x: Array) -> float:
    """The root of the mean of the squares of all elements; 0 for an empty array."""
    return norm(x) / max(np.size(x), 1) ** 0.5
