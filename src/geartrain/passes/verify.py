"""A pass may change how a graph computes, never what it takes and gives."""

from collections.abc import Callable

from geartrain.ir.aval import Aval
from geartrain.ir.graph import Graph
from geartrain.ir.node import INPUT

__all__ = ["verify"]


def verify(name: str, before: Graph, after: Graph, lies: Callable[[Aval], Aval] | None = None) -> None:
    """Check the result of a pass: same inputs, outputs of the same kind, every node after its inputs.

    A pass that returns the graph it got has done nothing.

    ``lies``: the pass may look at the memory of inputs and outputs in this other way.

    Raises:
        RuntimeError: the pass is wrong.
    """
    if after is before:
        return
    if lies is None:
        lies = _itself
        if after.inputs != before.inputs:
            raise RuntimeError(f"[{name}] the pass changed the inputs")
    for what, old, new in (("inputs", before.inputs, after.inputs), ("outputs", before.outputs, after.outputs)):
        if [lies(x.aval) for x in new] != [lies(x.aval) for x in old]:
            raise RuntimeError(f"[{name}] the pass changed the kinds of the {what}")
    known = set(after.inputs)
    for node in after.nodes:
        if node.op is INPUT and node not in known:
            raise RuntimeError(f"[{name}] a node needs an input that is not the graph's")
        if any(x not in known for x in node.inputs):
            raise RuntimeError(f"[{name}] {node.op.name} comes before one of its inputs")
        known.add(node)
    if not known.issuperset(after.outputs):
        raise RuntimeError(f"[{name}] an output is not computed")


def _itself(aval: Aval) -> Aval:
    return aval
