"""Values computed once more instead of kept: less memory, for a little more time.

On interned nodes a duplicate is the original, so a value that is to be computed again is a second node, made here,
after all passes. It reads its operands by way of ``AFTER``, which lets it run only when something else is done: else it
would join the kernel that has its operands at hand, and be kept after all.

In a perceptron of 20 layers, what goes is ``1 - h * h``, which the sweep back makes from ``h``: 0.52 of the arena. Less
than that takes ``h`` itself, with its product: stretches of a few layers are then computed a second time, from what is
kept between them.
"""

from geartrain.ir.graph import Graph, needed
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.schedule.element import element_of
from geartrain.schedule.group import group
from geartrain.schedule.order import freeing
from geartrain.schedule.plan import Plan, make_plan
from geartrain.schedule.steps import AFTER, Call, Group, Grouping, Product, Rolled, Routine

__all__ = ["within"]

ROUNDS = 12
MOST = 16
"""Nodes that are computed again for one value."""

SMALL = 4
"""What is this much smaller than a value may live longer for it."""


def within(plan: Plan, products: int, memory: int, cores: int = 0) -> Plan:
    """A plan of the same program whose arena has at most ``memory`` bytes, or the smallest that was found."""
    if plan.arena > memory:
        made = _smaller(freeing(plan.graph, products), products, cores)
        plan = made if made.arena <= plan.arena else plan
    for by_products in (False, True):
        for _ in range(ROUNDS):
            if plan.arena <= memory:
                return plan
            graph = _Lighter(plan.graph, products, memory, by_products).graph()
            made = plan if graph is None else _smaller(graph, products, cores)
            if made.arena >= plan.arena:
                break
            plan = made
    return plan


def _smaller(graph: Graph, products: int, cores: int) -> Plan:
    """With strips, whose steps let go of more at once, or without, which may be in another order."""
    plain = make_plan(graph, products)
    made = make_plan(graph, products, cores=cores)
    return made if made.arena <= plain.arena else plain


class _Lighter:
    """Looks at the step at which most bytes are alive, and drops values that are not read there."""

    def __init__(self, graph: Graph, products: int, memory: int, by_products: bool) -> None:
        self.before, self.memory, self.by_products = graph, memory, by_products
        self.grouping = group(graph, products)
        self.at: dict[Node, int] = {}  # the step that computes a node
        self.first: dict[Node, int] = {}  # of a buffer: written first, read last
        self.last: dict[Node, int] = {}
        self.reads: dict[Node, set[int]] = {}
        for i, step in enumerate(self.grouping.steps):
            for node in _made(step):
                self.at[node] = i
                self.first.setdefault(self.root(node), i)
            for root in _read(step, self.grouping):
                self.last[root] = i
                self.reads.setdefault(root, set()).add(i)
        self.peak = 0
        self.dropped: set[Node] = set()
        self.redone: set[Node] = set()  # products on the way to what is dropped
        self.pinned: set[Node] = set()

    def root(self, node: Node) -> Node:
        return self.grouping.homes[node].root

    def _alive(self) -> list[int]:
        """The bytes alive at each step."""
        change = [0] * (len(self.grouping.steps) + 1)
        for root, start in self.first.items():
            if root in self.grouping.outputs or (root not in self.grouping.stored and root in self.at):
                continue
            size = root.aval.size * root.aval.dtype.itemsize
            end = self.last.get(root, start)
            if root in self.dropped:  # up to the peak, and again from the first use behind it
                later = [t for t in self.reads[root] if t > self.peak]
                end = max([t for t in self.reads[root] if t < self.peak], default=start)
                change[min(later)] += size
                change[max(later) + 1] -= size
            change[start] += size
            change[end + 1] -= size
        total, found = 0, list[int]()
        for each in change[:-1]:
            total += each
            found.append(total)
        return found

    def graph(self) -> Graph | None:
        """The program with other nodes; ``None`` if nothing more can be dropped."""
        alive = self._alive()
        if not alive:
            return None
        self.peak = alive.index(max(alive))
        for node in self._candidates():
            if max(self._alive()) <= self.memory:
                break
            found = self._again(node)
            if found is not None:
                wanted, through = found
                self.dropped.add(node)
                self.redone |= through
                for root in wanted:
                    self.pinned.add(root)
                    self.last[root] = max(self.last.get(root, 0), self.last[node])
        return self._rebuilt() if self.dropped else None

    def _candidates(self) -> list[Node]:
        """Values alive at the peak and not read there, the largest first."""
        found: list[Node] = []
        for root, start in self.first.items():
            kept = root in self.grouping.stored and root not in self.grouping.outputs
            crosses = start < self.peak < self.last.get(root, -1) and self.peak not in self.reads[root]
            if kept and crosses and element_of(root) is not None:
                found.append(root)
        return sorted(found, key=lambda root: -root.aval.size * root.aval.dtype.itemsize)

    def _again(self, node: Node) -> tuple[set[Node], set[Node]] | None:
        """The buffers from which a value can be computed again, and by which products; ``None`` if it cannot."""
        if node in self.pinned:
            return None
        needed: set[Node] = set()
        through: set[Node] = set()
        todo, seen = [node], {node}
        while todo:
            if len(seen) > MOST:
                return None
            for x in todo.pop().inputs:
                root = self.root(x)
                if root.op is CONST or root.op is INPUT or root in self.grouping.outputs:
                    continue
                lives = self.last.get(root, -1) >= self.peak and root in self.grouping.stored
                small = root.aval.size * SMALL <= node.aval.size
                if root not in self.dropped and (lives or small) and root is not node:
                    needed.add(root)
                elif root in self.at and root.op.name == "matmul" and self.by_products:
                    through.add(root)
                    if root not in seen:
                        seen.add(root)
                        todo.append(root)
                elif element_of(root) is None or root not in self.at:
                    return None
                elif root not in seen:
                    seen.add(root)
                    todo.append(root)
        return needed, through

    def _rebuilt(self) -> Graph:
        new: dict[Node, Node] = {node: node for node in self.before.inputs}
        again: dict[Node, Node] = {}
        order: list[Node] = []
        anchor: tuple[int, Node] | None = None  # the latest step so far, and a node of it

        def add(node: Node) -> Node:
            order.append(node)
            return node

        def copied(x: Node) -> Node:
            """A node for use behind the peak: of a dropped value, its second self."""
            found = again.get(x)
            if found is not None:
                return found
            root = self.root(x)
            in_registers = root not in self.grouping.stored and self.at.get(root, -1) <= self.peak
            inside = root in self.dropped or root in self.redone or (root in self.at and in_registers)
            if x.op is CONST or x.op is INPUT or not inside:
                made = new[x]
            elif x is root:
                assert anchor is not None
                operands: list[Node] = []
                for y in x.inputs:
                    value = copied(y)
                    late = value.op is not CONST and value not in second
                    operands.append(add(Node(AFTER, (value, anchor[1]), (), y.value)) if late else value)
                made = add(Node(x.op, tuple(operands), x.params, x.value))
                second.add(made)
            else:  # a view of it
                made = add(Node(x.op, tuple([copied(y) for y in x.inputs]), x.params, x.value))
                second.add(made)
            again[x] = made
            return made

        second: set[Node] = set()
        for node in self.before.nodes:
            late = self.at.get(node, -1) > self.peak and any(self.root(x) in self.dropped for x in node.inputs)
            if late and anchor is not None and anchor[0] >= self.peak:
                inputs = tuple([copied(x) for x in node.inputs])
            else:
                inputs = tuple([new[x] for x in node.inputs])
            made = node if inputs == node.inputs else Node(node.op, inputs, node.params, node.value)
            new[node] = add(made)
            step = self.at.get(node, -1)
            if node.op is not CONST and (anchor is None or anchor[0] <= step):
                anchor = step, made
        outputs = tuple([new[x] for x in self.before.outputs])
        return Graph(self.before.inputs, tuple(needed(order, outputs)), outputs)


def _made(step: Group | Call | Product | Routine | Rolled) -> list[Node]:
    """The nodes that a step computes."""
    if isinstance(step, Group):
        return [*step.members, *step.folds, *[place.home.root for place in step.places]]
    return list(step.outs) if isinstance(step, (Rolled, Routine)) else [step.node]


def _read(step: Group | Call | Product | Routine | Rolled, grouping: Grouping) -> list[Node]:
    """The buffers that a step reads from memory."""
    if isinstance(step, Product):
        return [step.a.home.root, step.b.home.root]
    if isinstance(step, (Rolled, Routine)):
        bases = step.bases if isinstance(step, Rolled) else ()
        return [*[home.root for home in step.inputs], *[grouping.homes[base].root for _, base in bases]]
    if isinstance(step, Call):
        return [grouping.homes[x].root for x in step.node.inputs]
    own = set(step.members)
    found = [x for n in (*step.members, *step.folds) for x in n.inputs if x not in own]
    found += [x for place in step.places for x in (place.value, *place.arrays) if x not in own]
    found += [base for _, base in step.bases]
    return [grouping.homes[x].root for x in found]
