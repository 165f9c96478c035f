"""Graphs: pure programs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from geartrain.ir.node import INPUT, Node

__all__ = ["Graph", "closed", "needed", "topological"]


@dataclass(frozen=True, eq=False)
class Graph:
    """Inputs, outputs, and between them nodes in topological order. Pure: no effects, no dead nodes."""

    inputs: tuple[Node, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Node, ...]

    @staticmethod
    def of(inputs: Sequence[Node], outputs: Sequence[Node]) -> "Graph":
        """The graph that computes ``outputs`` from ``inputs``: just the nodes that they need."""
        nodes = tuple(topological(outputs, known=inputs))
        strays = [n for n in nodes if n.op is INPUT]
        if strays:
            raise ValueError(f"[Graph] the outputs need {len(strays)} input(s) that are not among the inputs")
        return Graph(tuple(inputs), nodes, tuple(outputs))


def topological(outputs: Iterable[Node], known: Iterable[Node] = ()) -> list[Node]:
    """The nodes that ``outputs`` need and that are not ``known``, every node after its inputs.

    Walks with a stack of its own: a chain of 100,000 nodes is no deeper than one of three.
    """
    order: list[Node] = []
    done = set(known)
    for output in outputs:
        stack = [output]
        while stack:
            node = stack[-1]
            if node in done:
                stack.pop()
                continue
            waiting = len(stack)
            stack.extend([x for x in reversed(node.inputs) if x not in done])
            if len(stack) == waiting:
                done.add(node)
                order.append(stack.pop())
    return order


def needed(order: Iterable[Node], outputs: Iterable[Node]) -> list[Node]:
    """The nodes of ``order`` on which the outputs depend, in that order, each once."""
    seen: set[Node] = set()
    todo = list(outputs)
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo.extend(node.inputs)
    return [node for node in dict.fromkeys(order) if node in seen]


def closed(graph: Graph) -> Graph:
    """The same graph with inputs that are just inputs, where they were nodes of a larger program."""
    if all(x.op is INPUT for x in graph.inputs):
        return graph
    known = {x: x if x.op is INPUT else Node(INPUT, (), (), x.aval) for x in graph.inputs}
    for node in graph.nodes:
        inputs = tuple([known[x] for x in node.inputs])
        known[node] = node if inputs == node.inputs else Node(node.op, inputs, node.params, node.value)
    return Graph(
        tuple([known[x] for x in graph.inputs]),
        tuple([known[node] for node in graph.nodes]),
        tuple([known[node] for node in graph.outputs]),
    )
