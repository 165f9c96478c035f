"""Parts of arrays that the body of a loop changes in place.

Of an input that changes, each write makes a new version, and all versions lie in the same memory. So nobody may read a
version when the next one is there. ``in_place`` puts the nodes of a body into such an order, and where there is none it
takes a copy in time. ``Traffic`` then tells at which step memory may be read or written.
"""

import heapq
from collections.abc import Sequence

import numpy as np

from geartrain.ir.graph import Graph, needed
from geartrain.ir.node import INPUT, Node
from geartrain.ir.views import View, broadcast, contiguous, diagonal, indexed, reshaped, transposed
from geartrain.ops.index import SCATTER
from geartrain.schedule.steps import COPY

__all__ = ["Traffic", "apart", "in_place", "versions", "viewed"]

MOST_PLACES = 1 << 12
"""Elements of a view up to which they are compared one by one."""


def viewed(node: Node, view: View) -> View | None:
    """Where the value of a node lies in the memory of its only operand, which is ``view``; none where it does not."""
    name = node.op.name
    if len(node.inputs) != 1:
        return None
    if name == "getitem":
        return indexed(view, node.params[0])
    if name == "reshape":
        return reshaped(view, node.aval.shape)
    if name == "transpose":
        return transposed(view, node.params[0])
    if name == "broadcast":
        return broadcast(view, node.params[0])
    if name in ("diagonal", "inner_diagonal"):
        return diagonal(view, *(node.params or (0, -2, -1)))
    return None


def apart(a: View, b: View) -> bool:
    """Whether two views of a buffer have no element in common, as far as is seen."""
    if 0 in a.shape or 0 in b.shape:
        return True
    (low_a, high_a), (low_b, high_b) = _range(a), _range(b)
    if high_a < low_b or high_b < low_a:
        return True
    if max(np.prod(a.shape), np.prod(b.shape)) > MOST_PLACES:
        return False
    return not np.isin(_places(a), _places(b)).any()


def _range(view: View) -> tuple[int, int]:
    ends = [(n - 1) * s for n, s in zip(view.shape, view.strides, strict=True)]
    return view.offset + sum(min(e, 0) for e in ends), view.offset + sum(max(e, 0) for e in ends)


def _places(view: View) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    found = np.full((), view.offset, np.int64)
    for n, stride in zip(view.shape, view.strides, strict=True):
        found = found[..., None] + np.arange(n, dtype=np.int64) * stride
    return found.reshape(-1)


def versions(graph: Graph, changing: Sequence[tuple[int, int]]) -> dict[Node, Node]:
    """The versions of the inputs that change, and of which input each is.

    ``changing``: the number of an input, and that of the output which is its last version.
    """
    found: dict[Node, Node] = {}
    for i, number in changing:
        whole, version = graph.inputs[i], graph.outputs[number]
        chain = [version]
        while version is not whole and version.op is SCATTER and len(version.inputs) == 2:
            version = version.inputs[0]
            chain.append(version)
        if version is whole:
            found.update(dict.fromkeys(chain, whole))
    return found


def in_place(graph: Graph, changing: Sequence[tuple[int, int]]) -> Graph:
    """The same program so that each version of an input that changes is read before there is the next one."""
    return _Order(_ending(graph, changing), changing).graph() if changing else graph


def _ending(graph: Graph, changing: Sequence[tuple[int, int]]) -> Graph:
    """The graph with a last version for each of the inputs: where it is computed elsewhere it is written at the end."""
    known = versions(graph, changing)
    nodes, outputs = list(graph.nodes), list(graph.outputs)
    for i, number in changing:
        whole = graph.inputs[i]
        if known.get(outputs[number]) is not whole:
            outputs[number] = Node(SCATTER, (whole, outputs[number]), ((Ellipsis,),), whole.aval)
            nodes.append(outputs[number])
    return Graph(graph.inputs, tuple(nodes), tuple(outputs))


class _Order:
    def __init__(self, graph: Graph, changing: Sequence[tuple[int, int]]) -> None:
        self.before = graph
        self.versions = versions(graph, changing)
        self.new: dict[Node, Node] = {x: x for x in graph.inputs}  # for who reads
        self.now: dict[Node, Node] = {x: x for x in graph.inputs}  # of versions, for who writes
        self.views: dict[Node, View] = {}  # of versions and of what lies in their memory
        self.of: dict[Node, Node] = {}  # which version that is
        self.users: dict[Node, list[Node]] = {}
        for node in (*graph.inputs, *graph.nodes):
            if node in self.versions:
                self.views[node], self.of[node] = contiguous(node.aval.shape), node
            elif node.inputs and node.inputs[0] in self.views:
                view = viewed(node, self.views[node.inputs[0]])
                if view is not None:
                    self.views[node], self.of[node] = view, self.of[node.inputs[0]]
            for x in dict.fromkeys(node.inputs):
                self.users.setdefault(x, []).append(node)
        self.readers: dict[Node, set[Node]] = {}  # of a version, by way of views, too: who has yet to read it
        for x, of in self.of.items():
            self.readers.setdefault(of, set()).update([user for user in self.users.get(x, ()) if self._reads(user, x)])
        last = {number for _, number in changing}
        self.wanted = {x for k, x in enumerate(graph.outputs) if k not in last}
        self.last = last
        self.done: dict[Node, None] = {}
        self.made: list[Node] = []

    def _reads(self, user: Node, x: Node) -> bool:
        """Whether a node reads ``x``: it is no view of it, and does not just write into it."""
        return user not in self.of or (user in self.versions and x in user.inputs[1:])

    def graph(self) -> Graph:
        number = {node: i for i, node in enumerate(self.before.nodes)}
        waiting = {node: sum(x not in self.new for x in dict.fromkeys(node.inputs)) for node in self.before.nodes}
        ready = [number[node] for node, n in waiting.items() if n == 0]
        writes: list[int] = []
        heapq.heapify(ready)
        while ready or writes:
            node = self.before.nodes[heapq.heappop(ready) if ready else self._chosen(writes)]
            self._emit(node)
            for user in self.users.get(node, ()):
                waiting[user] -= 1
                if waiting[user] == 0:
                    heapq.heappush(writes if user in self.versions else ready, number[user])
        outputs = tuple([(self.now if k in self.last else self.new)[x] for k, x in enumerate(self.before.outputs)])
        return Graph(self.before.inputs, tuple(needed(self.made, outputs)), outputs)

    def _chosen(self, writes: list[int]) -> int:
        """The next write: one that nobody has to copy for, if there is one."""
        for i in sorted(writes):
            node = self.before.nodes[i]
            if self.readers.get(node.inputs[0], set()) <= {node}:
                writes.remove(i)
                heapq.heapify(writes)
                return i
        return heapq.heappop(writes)

    def _emit(self, node: Node) -> None:
        write = self.versions.get(node) if node.op is not INPUT else None
        if write is not None:
            self._save(node)
        inputs = tuple([self.new[x] for x in node.inputs])
        if write is not None:
            inputs = (self.now[node.inputs[0]], *inputs[1:])
        same = all(x is y for x, y in zip(inputs, node.inputs, strict=True))
        self.new[node] = self.now[node] = made = node if same else Node(node.op, inputs, node.params, node.value)
        self.made.append(made)
        self.done[node] = None
        for x in node.inputs:
            if x in self.of:
                self.readers[self.of[x]].discard(node)
        if write is not None:
            self._move(node)

    def _save(self, write: Node) -> None:
        """Copy what is overwritten and still wanted, also by the write itself where that reads other places."""
        place = self.place(write)
        for x in self._here(write):
            view = self.views[x]
            if apart(view, place) or not self._wanted(x, write, itself=view != place):
                continue
            self.new[x] = copy = Node(COPY, (self.new[x],), (), x.aval)
            self.made.append(copy)
            del self.views[x]

    def _move(self, write: Node) -> None:
        """What is still wanted, and not overwritten, is the same in the new version."""
        for x in self._here(write):
            if x not in self.versions and self._wanted(x, write, itself=False):
                self.new[x] = self._again(x, self.now[write])

    def _again(self, x: Node, version: Node) -> Node:
        if x in self.versions:
            return version
        made = Node(x.op, (self._again(x.inputs[0], version),), x.params, x.value)
        self.made.append(made)
        return made

    def _here(self, write: Node) -> list[Node]:
        """What there is so far of the memory that is written to, and not copied."""
        whole = self.versions[write]
        found = [x for x in (whole, *self.done) if x in self.views and x is not write]
        return [x for x in found if self.versions[self.of[x]] is whole]

    def place(self, write: Node) -> View:
        return indexed(contiguous(write.aval.shape), write.params[0])

    def _wanted(self, x: Node, write: Node, itself: bool) -> bool:
        """Whether somebody has yet to read ``x``; other than the write, if not ``itself``."""
        later = [user for user in self.users.get(x, ()) if user not in self.done and self._reads(user, x)]
        return x in self.wanted or any(itself or user is not write for user in later)


class Traffic:
    """Reads and writes of one piece of memory by steps so far."""

    def __init__(self) -> None:
        self.reads: list[tuple[int, View]] = []
        self.writes: list[tuple[int, View]] = []

    def read_after(self, view: View) -> int:
        """The last step that writes there; what reads has to come after it."""
        return max([pos for pos, written in self.writes if not apart(written, view)], default=-1)

    def write_at(self, view: View) -> int:
        """The first step that may write there: a kernel may read the very places that it writes."""
        first = [pos + (read != view) for pos, read in self.reads if not apart(read, view)]
        return max([*first, self.read_after(view) + 1, 0])
