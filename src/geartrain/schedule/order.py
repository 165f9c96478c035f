"""Another order of the same nodes: what lets go of more memory than it takes comes as soon as it can."""

from geartrain.ir.aval import Aval
from geartrain.ir.graph import Graph
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.passes.loops import LOOP
from geartrain.schedule.group import group

__all__ = ["freeing"]


def freeing(graph: Graph, products: int) -> Graph:
    """The graph with its nodes in such an order; otherwise they keep theirs.

    A sweep back makes the cotangent of a weight from what the forward pass kept and from what is on its way down. Where
    that product waits for the end, all of it is kept until then.
    """
    return _Freeing(graph, products).graph()


class _Freeing:
    def __init__(self, graph: Graph, products: int) -> None:
        self.before = graph
        homes = group(graph, products).homes
        self.root = {node: homes[node].root if node in homes else node for node in (*graph.inputs, *graph.nodes)}
        self.users: dict[Node, list[Node]] = {}
        self.left: dict[Node, set[Node]] = {}  # of a buffer: who has yet to read it
        for node in graph.nodes:
            for x in dict.fromkeys(node.inputs):
                self.users.setdefault(x, []).append(node)
                if self.root[node] is not self.root[x]:
                    self.left.setdefault(self.root[x], set()).add(node)
        for output in graph.outputs:
            self.left.setdefault(self.root[output], set()).add(output)  # never read to the end
        self.outputs = {self.root[output] for output in graph.outputs}
        self.done: dict[Node, None] = {}

    def graph(self) -> Graph:
        placed = set(self.before.inputs)
        for node in self.before.nodes:
            todo = [node]
            while todo:
                now = todo.pop()
                if now in placed or any(x not in placed and x.op is not INPUT for x in now.inputs):
                    continue
                if now is not node and not self._worth(now):
                    continue
                placed.add(now)
                self.done[now] = None
                for x in now.inputs:
                    self.left.get(self.root[x], set()).discard(now)
                todo += reversed(self._next(now))
        return Graph(self.before.inputs, tuple(self.done), self.before.outputs)

    def _next(self, node: Node) -> list[Node]:
        """Who may be worth it now: users of the node, and the last readers of what it has read."""
        found = list(self.users.get(node, ()))
        for x in node.inputs:
            readers = self.left.get(self.root[x], set())
            if len(readers) == 1:
                found += readers
        return found

    def _worth(self, node: Node) -> bool:
        """Whether a node lets go of more bytes than it takes, or takes none for what lets go of them next."""
        root = self.root[node]
        if node.op is CONST or root is not node:
            return True  # a view takes nothing
        freed = 0
        for x in dict.fromkeys([self.root[x] for x in node.inputs]):
            if x.op is not INPUT and x.op is not CONST and x not in self.outputs and self.left.get(x) == {node}:
                freed += _bytes(x)
        return freed > (0 if node in self.outputs else _bytes(node))


def _bytes(node: Node) -> int:
    avals: tuple[Aval, ...] = node.value if node.op is LOOP else (node.aval,)
    return sum([aval.size * aval.dtype.itemsize for aval in avals])
