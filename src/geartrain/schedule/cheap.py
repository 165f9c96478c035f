"""What costs next to nothing is computed where it is wanted, not stored.

A sweep back wants many values of the forward pass: of a GELU the square, the cube, a half of its operand and more. All
are a few additions and multiplications away from two, the operand and its ``tanh``. So a kernel stores those, and the
kernels that want the others make them again: less memory, and less to write and to read.
"""

from collections.abc import Iterable

from geartrain.ir.graph import Graph
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.schedule.element import element_of
from geartrain.schedule.steps import AFTER, Group, Grouping

__all__ = ["cheaper"]

CHEAP = frozenset(
    [
        *("add", "subtract", "multiply", "negative", "positive", "square", "absolute", "where", "maximum", "minimum"),
        *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or"),
        *("logical_not", "cast", "copy"),
    ]
)
MOST = 6
"""Operations that are done again for one value."""

LEAST = 1 << 12
"""Bytes of a value below which it is not worth it."""


def cheaper(graph: Graph, grouping: Grouping) -> Graph:
    """The same program with such nodes twice, or the very graph if there are none."""
    users: dict[Node, list[Node]] = {}
    for node in graph.nodes:
        for x in dict.fromkeys(node.inputs):
            users.setdefault(x, []).append(node)
    inside = {n: step for step in grouping.steps if isinstance(step, Group) for n in (*step.members, *step.folds)}
    outputs = set(graph.outputs)
    again: dict[Node, list[Node]] = {}  # of a value: what makes it, in order
    for step in grouping.steps:
        if isinstance(step, Group):
            again |= _of_kernel(step, grouping.stored, users, inside, outputs)
    return _rebuilt(graph, again, inside) if again else graph


def _of_kernel(
    step: Group, stored: set[Node], users: dict[Node, list[Node]], inside: dict[Node, Group], outputs: set[Node]
) -> dict[Node, list[Node]]:
    """The values of a kernel that others should make again, if together they are larger than what that takes."""
    members = set(step.members)
    found: dict[Node, list[Node]] = {}
    for node in step.members:
        if node not in stored or node in outputs or _size(node) < LEAST:
            continue
        others = [user for user in users.get(node, ()) if user not in members]
        if all((user in inside and user.aval.shape == node.aval.shape) or _folds(user, inside) for user in others):
            cone = _cone(node, members)
            if cone is not None:
                found[node] = cone
    if not found:
        return {}
    kept = {x for cone in found.values() for n in cone for x in n.inputs if x in members and x not in cone}
    kept -= {n for cone in found.values() for n in cone} & set(found)
    more = [x for x in kept if x not in stored]
    return found if sum(map(_size, more)) < sum(map(_size, found)) else {}


def _folds(user: Node, inside: dict[Node, Group]) -> bool:
    """A reduction in a kernel."""
    return user in inside and user in inside[user].folds


def _size(node: Node) -> int:
    return node.aval.size * node.aval.dtype.itemsize


def _cone(node: Node, members: set[Node]) -> list[Node] | None:
    """What makes a value out of what its kernel has at hand, in order: cheap operations, but not the first ones.

    ``None`` where there is nothing to win: the value is itself read from memory, or made by a costly operation.
    """
    order: list[Node] = []

    def add(x: Node) -> bool:
        if x in order or x.op is CONST or x.op is INPUT:
            return True
        if x not in members:
            return _is_constant(x)
        if not _repeats(x, members):
            return True  # is kept
        order.append(x)
        return len(order) <= MOST and all(map(add, x.inputs))

    if not _repeats(node, members) or not add(node):
        return None
    return order[::-1]


def _repeats(x: Node, members: set[Node]) -> bool:
    """Whether it is a cheap operation on members of its kernel and on constants."""
    if x.op.name not in CHEAP or element_of(x) is None:
        return False
    return any(y in members for y in x.inputs) and all(y in members or _is_constant(y) for y in x.inputs)


def _is_constant(x: Node) -> bool:
    while x.op.name == "broadcast":
        x = x.inputs[0]
    return x.op is CONST


def _rebuilt(graph: Graph, again: dict[Node, list[Node]], inside: dict[Node, Group]) -> Graph:
    new: dict[Node, Node] = {node: node for node in graph.inputs}
    second: dict[tuple[int, Node], Node] = {}
    order: list[Node] = []

    def add(node: Node) -> Node:
        order.append(node)
        return node

    def once_more(where: int, x: Node) -> Node:
        """A value that is dropped, for a kernel."""
        for n in _sorted(again[x]):
            if (where, n) not in second:
                operands = [second.get((where, y)) or read(where, y) for y in n.inputs]
                second[where, n] = add(Node(n.op, tuple(operands), n.params, n.value))
        return second[where, x]

    def read(where: int, y: Node) -> Node:
        """What is kept, from memory: see ``AFTER``."""
        if y not in inside:
            return new[y]
        if (where, y) not in second:
            second[where, y] = add(Node(AFTER, (new[y], new[y]), (), y.value))
        return second[where, y]

    for node in graph.nodes:
        step = inside.get(node)
        inputs: list[Node] = []
        for x in node.inputs:
            elsewhere = x in again and step is not None and inside[x] is not step
            inputs.append(once_more(step.pos, x) if elsewhere and step is not None else new[x])
        same = all(x is y for x, y in zip(inputs, node.inputs, strict=True))
        new[node] = add(node if same else Node(node.op, tuple(inputs), node.params, node.value))
    return Graph(graph.inputs, tuple(order), tuple([new[x] for x in graph.outputs]))


def _sorted(cone: Iterable[Node]) -> list[Node]:
    """Every node after its operands."""
    waiting, done = list(cone), list[Node]()
    while waiting:
        ready = [n for n in waiting if not any(x in waiting for x in n.inputs)]
        done += ready
        waiting = [n for n in waiting if n not in ready]
    return done
