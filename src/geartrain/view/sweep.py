"""The chain rule from the end, edge by edge, with everything that it multiplies and adds.

An edge leads from operand u to step v. Its contribution is :math:`c_e = J_e^T v_bar`, and :math:`u_bar` is the sum of the
contributions over the edges out of u. From these:

- gain of an edge, ``|c_e| / |v_bar|``: for numbers the absolute local rate; for arrays the gain for this gradient at this
  point, which is no operator norm;
- merge at u on a path, ``|u_bar| / |c_e|`` with e the path's edge out of u;
- cancellation where paths meet, ``|sum of c_e| / sum of |c_e|``, from 0 (all cancels) to 1.

Along any path, exactly: ``|x_bar| = |y_bar|`` times all gains times all merges.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from geartrain.chain import pull
from geartrain.ir.aval import Array
from geartrain.ir.node import Node
from geartrain.ir.op import Linear
from geartrain.view.tape import Tape

__all__ = ["Edge", "Pulled", "norm", "rms", "sweep"]


class Edge(NamedTuple):
    """Operand ``i`` of a step, with what the step hands back to it."""

    i: int
    operand: Node
    contribution: Array

    def gain(self, y_bar: Array) -> float:
        """How much the cotangent grows over this edge, in the 2-norm; nan where it was zero."""
        return norm(self.contribution) / norm(y_bar) if norm(y_bar) else float("nan")


class Pulled(NamedTuple):
    """One step of the sweep: the node, what arrived, and its edges (``None`` where they were not asked for)."""

    node: Node
    y_bar: Array
    edges: list[Edge] | None


def sweep(tape: Tape, bars: dict[Node, Array], whole: Callable[[Node], bool] = lambda node: True) -> Iterator[Pulled]:
    """Pull 1 from the output back to the inputs, one step at a time.

    ``bars`` is filled with the cotangents: of a step until its turn is over, of the inputs at the end. Steps for which
    ``whole`` says no are pulled as cheaply as the engine does, without their edges: a read of one element out of n then
    costs no array of n.
    """
    if tape.output is None:
        return
    bars[tape.output] = np.ones((), tape.output.aval.dtype)[()]
    own: set[Node] = set()  # accumulators made here, which may be changed in place
    starts = set(tape.inputs)
    for node in reversed(tape.nodes):
        if node in starts:
            continue
        y_bar = bars.pop(node, None)
        if y_bar is None:  # every step that uses it has a hand-written rule that hands back nothing
            continue
        numbers = tape.edges(node)
        xs = [x.value for x in node.inputs]
        op = node.op
        if numbers == [0] and isinstance(op, Linear) and op.into is not None and not whole(node):
            x = node.inputs[0]
            if x not in own:
                bars[x] = np.array(bars[x]) if x in bars else np.zeros(x.aval.shape, x.aval.dtype)
                own.add(x)
            op.into(bars[x], y_bar, *xs, *node.params)
            yield Pulled(node, y_bar, None)
            continue
        wanted = [i in numbers for i in range(len(xs))]
        with np.errstate(all="ignore"):
            contributions = pull(node, y_bar, node.value, xs, wanted)
        edges = [Edge(i, node.inputs[i], contributions[i]) for i in numbers if contributions[i] is not None]
        yield Pulled(node, y_bar, edges)
        for edge in edges:
            have = bars.get(edge.operand)
            with np.errstate(all="ignore"):
                bars[edge.operand] = edge.contribution if have is None else have + edge.contribution
            own.discard(edge.operand)


def norm(x: Array) -> float:
    """The 2-norm of all elements; scaled, so that it neither over- nor underflows."""
    sizes = np.abs(np.asarray(x)).astype(float).reshape(-1)
    largest = float(sizes.max(initial=0.0))
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.sum((sizes / largest) ** 2)))


def rms(x: Array) -> float:
    """The root of the mean of the squares of all elements; 0 for an empty array."""
    return norm(x) / max(np.size(x), 1) ** 0.5
