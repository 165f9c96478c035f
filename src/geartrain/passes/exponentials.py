"""One exponential where a sigmoid and its derivative would take two."""

from geartrain.ir.graph import Graph
from geartrain.ir.node import Node
from geartrain.ops.pointwise import ADD, DIVIDE, EXP, NEGATIVE
from geartrain.passes.rewrite import Builder, rewritten
from geartrain.passes.rules.stable import sigmoid

__all__ = ["share_exponentials"]


def share_exponentials(graph: Graph) -> Graph:
    """``sigmoid(x)`` is ``1 / (1 + exp(-x))`` again where ``exp(-x)`` is wanted anyway, as in its derivative."""
    known = {node.inputs[0].inputs[0]: node for node in graph.nodes if node.op is EXP and node.inputs[0].op is NEGATIVE}
    if not any(node.op is sigmoid and node.inputs[0] in known for node in graph.nodes):
        return graph
    wanted = {node for node in graph.nodes if node.op is sigmoid and node.inputs[0] in known}

    def change(builder: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
        if node not in wanted:
            return None
        (x,), aval, one = inputs, node.aval, builder.const(1.0)
        e = builder.op(EXP, builder.op(NEGATIVE, x, aval=aval), aval=aval)
        return builder.op(DIVIDE, one, builder.op(ADD, one, e, aval=aval), aval=aval)

    return rewritten(graph, change)
