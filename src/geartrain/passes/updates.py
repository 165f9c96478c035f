"""Algebra on reading and writing parts: what an assignment through a view leaves behind.

Python's ``x[i] += y`` reads a part, adds to it in place, and writes it back: three nodes of which one matters.
"""

from geartrain.ir.graph import Graph
from geartrain.ir.node import Node
from geartrain.ir.views import contiguous, indexed
from geartrain.ops.index import GETITEM, SCATTER
from geartrain.passes.rewrite import Builder, rewritten

__all__ = ["simplify_updates"]


def simplify_updates(graph: Graph) -> Graph:
    """Four rules, all exact, for basic indices.

    - All of ``x`` replaced by ``p`` is ``p``.
    - ``x`` with a part replaced by that part of ``x`` is ``x``.
    - A part that is replaced twice was replaced the second time.
    - The part of (``x`` with that part replaced by ``p``) is ``p``.
    """
    return rewritten(graph, _simplify)


def _simplify(builder: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    if node.op is SCATTER and len(inputs) == 2:
        base, part = inputs
        if part.aval == node.aval and _is_whole(node):
            return part
        if part.op is GETITEM and part.inputs == (base,) and part.params == node.params:
            return base
        if base.op is SCATTER and len(base.inputs) == 2 and base.params == node.params:
            return builder.op(SCATTER, base.inputs[0], part, params=node.params, aval=node.aval)
    if node.op is GETITEM and len(inputs) == 1:
        (x,) = inputs
        if x.op is SCATTER and len(x.inputs) == 2 and x.params == node.params and x.inputs[1].aval == node.aval:
            return x.inputs[1]
    return None


def _is_whole(node: Node) -> bool:
    whole = contiguous(node.aval.shape)
    return indexed(whole, node.params[0]) == whole
