"""The living definition: what a graph means, on NumPy.

Every backend and every pass is tested against this interpreter. It is as short as it can be and never fast.
"""

from collections.abc import Iterable, Mapping, Sequence

from geartrain.ir.aval import Array
from geartrain.ir.graph import Graph
from geartrain.ir.node import CONST, Node

__all__ = ["evaluate", "interpret"]


def interpret(graph: Graph, args: Sequence[Array]) -> tuple[Array, ...]:
    """The outputs of ``graph`` for ``args``, one for each of its inputs.

    On ndarrays it computes; on tracers it records, so that a graph can be differentiated, batched or inlined.

    >>> import numpy as np
    >>> from geartrain.ir.aval import Aval
    >>> from geartrain.ir.node import Table
    >>> from geartrain.ir.op import Op
    >>> table = Table()
    >>> x = table.input(Aval((), np.dtype(float)))
    >>> y = table.node(Op(name="square", fn=np.square), (x,), (), x.value)
    >>> interpret(Graph.of([x], [y]), [3.0])
    (np.float64(9.0),)
    """
    if len(args) != len(graph.inputs):
        raise TypeError(f"[interpret] the graph has {len(graph.inputs)} inputs, got {len(args)} values")
    known = evaluate(graph.nodes, dict(zip(graph.inputs, args, strict=True)))
    return tuple(known[node] for node in graph.outputs)


def evaluate(nodes: Iterable[Node], known: Mapping[Node, Array]) -> dict[Node, Array]:
    """The values of ``nodes`` (in topological order), added to those already ``known``."""
    values = dict(known)
    for node in nodes:
        if node.op is CONST:
            values[node] = node.value
        elif node not in values:
            values[node] = node.op(*[values[x] for x in node.inputs], params=node.params)
    return values
