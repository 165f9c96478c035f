"""Which step a node joins.

Nodes come in order, and steps are only ever appended. A pointwise node joins the step of an operand of its own shape if
everything else that it needs is ready before that step; what it then reads of that operand stays in a register. A
pointwise node that reads from memory alone waits for the first that wants it, and goes with it, so that all of an
optimiser's update of a parameter is one kernel.
"""

from collections.abc import Iterable, Sequence

from geartrain.ir.node import CONST, Node
from geartrain.ir.views import View, contiguous
from geartrain.schedule.inplace import Traffic
from geartrain.schedule.steps import MOST_MEMBERS, Call, Group, Home, Place, Product, Rolled, Routine

__all__ = ["Joining"]

SIBLINGS = 6
"""How far back to look for a kernel over the same space that reads the same memory."""


class Joining:
    """The steps so far, and where each value lies."""

    def __init__(self, wanted: Iterable[Node]) -> None:
        self.steps: list[Group | Call | Product | Routine | Rolled] = []
        self.homes: dict[Node, Home] = {}
        self.at: dict[Node, int] = {}
        self.group_of: dict[Node, Group] = {}
        self.by_space: dict[tuple[int, ...], list[Group]] = {}
        self.free: dict[Node, int] = {}
        self.wanted = set(wanted)
        self.in_memory: set[Node] = set()
        self.traffic: dict[Node, Traffic] = {}  # of buffers that change while they are read

    # Where things are.

    def own(self, node: Node, pos: int) -> None:
        self.homes[node] = Home(node, contiguous(node.aval.shape))
        self.at[node] = pos

    def alias(self, node: Node, base: Node, view: View) -> bool:
        root = self.homes[base].root
        self.homes[node] = Home(root, view)
        self.at[node] = self.traffic[root].read_after(view) if root in self.traffic else self.at[base]
        return True

    def ready(self, node: Node) -> int:
        return self.at[node] + 1

    # Joining.

    def step(self, space: tuple[int, ...], operands: Sequence[Node], first: int = 0, more: int = 0) -> Group:
        """The group over ``space`` that something with these operands joins: not before step ``first``."""
        best: Group | None = None
        for x in operands:
            inside = self.group_of.get(x)
            if inside is not None and inside.space == space and (best is None or inside.pos > best.pos):
                best = inside
        if best is not None and not best.full(more):
            need = max([first, *[self.ready(x) for x in operands if self.group_of.get(x) is not best]])
            if best.pos >= need:
                return best
        need = max([first, *[self.ready(x) for x in operands]])
        roots = {self.homes[x].root for x in operands}
        for sibling in reversed(self.by_space.get(space, [])[-SIBLINGS:]):
            if sibling.pos >= need and not sibling.full(more + len(operands)) and (sibling.reads & roots or not space):
                return sibling
        made = Group(space, len(self.steps))
        self.steps.append(made)
        self.by_space.setdefault(space, []).append(made)
        return made

    def note(self, into: Group, operands: Iterable[Node]) -> None:
        for x in operands:
            root = self.homes[x].root
            self.noted(x, into.pos)
            if self.group_of.get(x) is not into and (root.op is not CONST or root.aval.size > 1):
                into.reads.add(root)

    def noted(self, x: Node, pos: int) -> None:
        """Step ``pos`` reads a value from memory, if it is one in a buffer that changes."""
        root, view = self.homes[x]
        if root in self.traffic:
            self.traffic[root].reads.append((pos, view))

    def pointwise(self, node: Node) -> None:
        """A node that reads no kernel's registers is free: it goes where it is wanted first.

        So is one that reads what has to be ``in_memory`` anyway: ``1 - h * h`` in a sweep back, where a product reads
        ``h``, is not stored beside it; or one made of truth values, which are smaller. ``free`` has the number of free
        nodes that go with each at most.
        """
        together = 1 + sum([self.free.get(x, 0) for x in node.inputs])
        bound = any(x not in self.free and x in self.group_of and not self._waits(x, node) for x in node.inputs)
        if node in self.wanted or bound or together > MOST_MEMBERS // 2:
            self.place([node])
        else:
            self.free[node] = together

    def _waits(self, x: Node, node: Node) -> bool:
        """Whether a node need not be computed where its operand is: that is in memory anyway, or much smaller."""
        return x in self.in_memory or (x.aval.dtype.kind == "b" and node.aval.dtype.itemsize >= 4)

    def settle(self, nodes: Iterable[Node]) -> None:
        """Nodes that are wanted in memory are free no longer."""
        for node in nodes:
            if node in self.free:
                self.place([node])

    def place(self, ends: list[Node]) -> None:
        """Put nodes over one space into a group, and with them what is free and just for them."""
        space = ends[0].aval.shape
        cone: list[Node] = []
        seen: set[Node] = set()
        stack = [(node, False) for node in ends]
        while stack:
            node, ready = stack.pop()
            if ready:
                cone.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                for x in node.inputs:
                    if x in self.free and x.aval.shape == space:
                        stack.append((x, False))
                    elif x in self.free:
                        self.place([x])
        outside = [x for node in cone for x in node.inputs if x not in seen]
        into = self.step(space, outside, more=len(cone))
        for node in cone:
            self.free.pop(node, None)
            self.note(into, node.inputs)
            into.members.append(node)
            self.own(node, into.pos)
            self.group_of[node] = into

    def copied(self, node: Node, x: Node) -> bool:
        """``node`` is ``x`` in memory of its own."""
        into = self.step(x.aval.shape, [x], more=1)
        self.note(into, [x])
        self.own(node, into.pos)
        into.places.append(Place(x, Home(node, contiguous(x.aval.shape))))
        return True
