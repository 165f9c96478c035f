"""What is known before the program runs is computed once, now."""

import math
import warnings

import numpy as np

from geartrain.ir.graph import Graph
from geartrain.ir.node import CONST, Node
from geartrain.passes.rewrite import Builder, rewritten

__all__ = ["fold_constants"]

LARGEST = 1 << 16
"""Elements of a result that is kept as a constant; what is larger is cheaper to compute than to keep."""


def fold_constants(graph: Graph) -> Graph:
    """Nodes all of whose operands are constants become constants (broadcasts stay, which are no work)."""
    return rewritten(graph, _fold)


def _fold(builder: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    if not inputs or node.op.name in ("broadcast", "loop", "loop_out") or math.prod(node.aval.shape) > LARGEST:
        return None
    if node.op.name == "matmul" and any(x.aval.size == 0 for x in inputs):  # sums of nothing
        return builder.broadcast(builder.const(node.aval.dtype.type(0)), node.aval.shape)
    if not all(x.op is CONST for x in inputs):
        return None
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = node.op.fn(*[x.value for x in inputs], *node.params)
        except Exception:  # it is raised when the program runs, as it was without this pass
            return None
    value = np.asarray(value)
    if value.shape != node.aval.shape or value.dtype != node.aval.dtype:
        return None
    return builder.const(value[()].item() if node.aval.weak else value[()] if value.ndim == 0 else value)
