"""Algebra on views: a small value is worked on before it is repeated, a turned one before it is turned.

Kernels read views for nothing, but a value that is repeated a thousand times would be worked on a thousand times, and
one that is turned is read with strides.
"""

from typing import Any

from geartrain.ir.aval import Aval
from geartrain.ir.graph import Graph
from geartrain.ir.node import CONST, Node
from geartrain.ops.index import GETITEM
from geartrain.ops.shape import BROADCAST, RESHAPE, TRANSPOSE
from geartrain.passes.rewrite import Builder, rewritten, uniform

__all__ = ["FEW", "move_views"]

FEW = 8
"""A part is small if the whole is so many times as large: then it is worked on by itself."""

DEEP = 4
"""Operations that a small part is taken through at most."""


def move_views(graph: Graph) -> Graph:
    """Four rules, all exact.

    - An operation on elements, of values that are all repeated from one shape, is done before they are.
    - One of values that are all turned the same way is done before they are.
    - The largest and the least of a repeated value, along axes that were repeated, are those of the value itself.
    - A few elements, chosen by arrays, of what an operation gives are what it gives for those of its operands.
    """
    if all(node.op not in (BROADCAST, TRANSPOSE, GETITEM) for node in graph.nodes):
        return graph
    return rewritten(graph, _moved)


def _moved(builder: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    if len(inputs) == 0 or type(node.value) is not Aval or node.aval.weak:
        return None
    if node.op.pointwise or node.op.name == "where":
        return _pointwise(builder, node, inputs)
    if node.op is GETITEM and len(inputs) > 1:
        return _part(builder, node, inputs, DEEP)
    if node.op.name in ("max", "min") and inputs[0].op is BROADCAST:
        return _extreme(builder, node, inputs[0])
    return None


def _pointwise(builder: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    views = [x for x in inputs if uniform(x) is None]
    if not views or views[0].op not in (BROADCAST, TRANSPOSE):
        return None
    first, shape = views[0], views[0].inputs[0].aval.shape
    if any(x.op is not first.op or x.params != first.params or x.inputs[0].aval.shape != shape for x in views):
        return None
    if first.op is BROADCAST and Aval(shape, node.aval.dtype).size == node.aval.size:
        return None  # only axes of size one: nothing is repeated
    small: list[Node] = []
    for x in inputs:
        number = uniform(x)
        if number is None:
            small.append(x.inputs[0])
        elif x.op is CONST and x.aval.shape == ():
            small.append(x)
        else:
            small.append(builder.broadcast(builder.const(number), shape))
    made = builder.op(node.op, *small, params=node.params, aval=Aval(shape, node.aval.dtype))
    return builder.op(first.op, made, params=first.params, aval=node.aval)


def _extreme(builder: Builder, node: Node, x: Node) -> Node | None:
    """Folding repeated axes away."""
    axes: tuple[int, ...] = node.params[0]
    source = x.inputs[0]
    lead = x.aval.ndim - source.aval.ndim
    repeated = [i for i in range(x.aval.ndim) if i < lead or source.aval.shape[i - lead] == 1]
    if not axes or x.aval.size == 0 or any(i not in repeated for i in axes):
        return None
    shape = tuple([1 if i in axes else n for i, n in enumerate((*(1,) * lead, *source.aval.shape))])
    kept: tuple[Any, ...] = tuple([n for i, n in enumerate(shape) if i not in axes])
    made = builder.op(RESHAPE, source, params=(kept,), aval=Aval(kept, node.aval.dtype))
    return builder.broadcast(made, node.aval.shape)


def _part(builder: Builder, node: Node, inputs: tuple[Node, ...], deep: int) -> Node | None:
    """Reading a few elements of a computed value."""
    x, *arrays = inputs
    shape = node.aval.shape
    if deep == 0 or not x.op.pointwise or not x.inputs or x.aval.weak or FEW * node.aval.size > x.aval.size:
        return None
    if any(y.aval.shape not in ((), x.aval.shape) for y in x.inputs):
        return None
    parts: list[Node] = []
    for y in x.inputs:
        number = uniform(y)
        if number is not None:
            parts.append(y if y.aval.shape == () else builder.broadcast(builder.const(number), shape))
            continue
        if y.aval.shape == ():
            return None
        aval = Aval(shape, y.aval.dtype)
        part = builder.op(GETITEM, y, *arrays, params=node.params, aval=aval)
        parts.append(_part(builder, part, (y, *arrays), deep - 1) or part)
    return builder.op(x.op, *parts, params=x.params, aval=node.aval)
