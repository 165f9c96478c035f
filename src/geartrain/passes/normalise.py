"""Make everything explicit, and drop what does nothing."""

from geartrain.ir.aval import Aval
from geartrain.ir.graph import Graph
from geartrain.ir.node import CONST, Node
from geartrain.ops.index import GETITEM, SCATTER, SCATTER_ADD
from geartrain.ops.pointwise import ADD
from geartrain.ops.shape import BROADCAST, RESHAPE, TRANSPOSE
from geartrain.passes.rewrite import Builder, rewritten, uniform

__all__ = ["explicit", "plain"]


def explicit(graph: Graph) -> Graph:
    """Constants that repeat one number are that number, broadcast; operands of pointwise ops get the result's shape."""
    return rewritten(graph, _explicit, settled=False)


def _explicit(builder: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    if node.op is CONST:
        number = uniform(node) if node.aval.size > 1 else None
        return None if number is None else builder.broadcast(builder.const(number), node.aval.shape)
    if node.op.pointwise or node.op.name == "where":
        shape = node.aval.shape
        if any(x.aval.shape != shape for x in inputs):
            wide = [x if x.aval.shape == shape or _is_python(x) else builder.broadcast(x, shape) for x in inputs]
            return builder.op(node.op, *wide, params=node.params, aval=node.aval)
    if node.op is SCATTER_ADD and len(inputs) == 2:
        base, part = inputs
        aval = Aval(part.aval.shape, node.aval.dtype)
        old = builder.op(GETITEM, base, params=node.params, aval=aval)
        if base.aval.dtype == part.aval.dtype and old.aval.shape == part.aval.shape:
            total = builder.op(ADD, old, part, aval=aval)
            return builder.op(SCATTER, base, total, params=node.params, aval=node.aval)
    return None


def _is_python(x: Node) -> bool:
    """A Python number stays as it is: its dtype is decided by what it meets."""
    return x.op is CONST and x.aval.weak


def plain(graph: Graph) -> Graph:
    """Drop nodes that are their operand: aliases, casts to the same dtype, views that change nothing."""
    return rewritten(graph, _plain)


def _plain(builder: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    if not inputs:
        return None
    x, name = inputs[0], node.op.name
    if name in ("loop", "loop_out"):
        return None
    same = x.aval == node.aval
    if name in ("alias", "stop_gradient") and same:
        return x
    if name in ("cast", "cast_constant", "positive") and same:
        return x
    if name in ("real", "conjugate") and same and x.aval.dtype.kind != "c":
        return x
    if node.op in (BROADCAST, RESHAPE) and same:
        return x
    if node.op is TRANSPOSE and node.params[0] == tuple(range(len(node.params[0]))):
        return x
    if node.op in (BROADCAST, RESHAPE) and x.op is node.op:
        return builder.op(node.op, x.inputs[0], params=node.params, aval=node.aval)
    if node.op is TRANSPOSE and x.op is TRANSPOSE:
        axes = tuple([x.params[0][i] for i in node.params[0]])
        if axes == tuple(range(len(axes))):
            return x.inputs[0]
        return builder.op(TRANSPOSE, x.inputs[0], params=(axes,), aval=node.aval)
    if node.op is GETITEM and len(inputs) == 1 and same and all(_is_all(part) for part in node.params[0]):
        return x
    return None


def _is_all(part: object) -> bool:
    return part is Ellipsis or part == slice(None)
