"""A pass may change how a graph computes, never what it takes and gives."""

from geartrain.ir.graph import Graph
from geartrain.ir.node import INPUT

__all__ = ["verify"]


def verify(name: str, before: Graph, after: Graph) -> None:
    """Check the result of a pass: same inputs, outputs of the same kind, every node after its inputs.

    Raises:
        RuntimeError: the pass is wrong.
    """
    if after.inputs != before.inputs:
        raise RuntimeError(f"[{name}] the pass changed the inputs")
    if [x.aval for x in after.outputs] != [x.aval for x in before.outputs]:
        raise RuntimeError(f"[{name}] the pass changed the kinds of the outputs")
    known = set(after.inputs)
    for node in after.nodes:
        if node.op is INPUT and node not in known:
            raise RuntimeError(f"[{name}] a node needs an input that is not the graph's")
        if any(x not in known for x in node.inputs):
            raise RuntimeError(f"[{name}] {node.op.name} comes before one of its inputs")
        known.add(node)
    if not known.issuperset(after.outputs):
        raise RuntimeError(f"[{name}] an output is not computed")
