"""What a rule is, how it is found in a graph, and how it is applied."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from geartrain.ir.aval import Array, Aval
from geartrain.ir.graph import topological
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.ir.op import Op
from geartrain.ops.table import ROWS
from geartrain.passes.rewrite import Builder, uniform
from geartrain.trace import wear
from geartrain.trace.level import Level, aside
from geartrain.trace.tracer import Tracer, capture, new_input, node_of

__all__ = ["Interval", "Rule", "named", "rule"]

assert wear.OPERATORS  # a tracer without its dress could do nothing

Interval = tuple[float, float]
Sides = tuple[Array, Array]
Expressions = Callable[[Array], Sides] | Callable[[Array, Array], Sides]
COMMUTE = frozenset(["add", "multiply", "maximum", "minimum", "logaddexp"])


class _Sides(NamedTuple):
    """The two expressions, and the nodes of the right one in order."""

    operands: tuple[Node, ...]
    left: Node
    right: Node
    order: list[Node]


class Rule:
    """``left`` may be replaced by ``right``: two expressions in ``operands``, traced when they are first looked at.

    ``domains`` has an interval for each operand in which a test draws. ``kinds`` are the kinds of dtype for which it
    holds: all operands are of one dtype, and of the result's shape.
    """

    def __init__(self, expressions: Expressions, domains: tuple[Interval, ...], kinds: str) -> None:
        self._expressions = expressions
        self.domains, self.kinds = domains, kinds

    @functools.cached_property
    def _sides(self) -> _Sides:
        return aside(_traced, (self._expressions, self.domains))

    @property
    def operands(self) -> tuple[Node, ...]:
        """What stands for any values."""
        return self._sides.operands

    @property
    def left(self) -> Node:
        """What is replaced."""
        return self._sides.left

    @property
    def right(self) -> Node:
        """What comes in its place."""
        return self._sides.right

    def applied(self, builder: Builder, node: Node) -> Node | None:
        """What stands for ``node`` by this rule; ``None`` if it is not of the form of the left side."""
        aval = node.aval
        if aval.weak or type(node.value) is not Aval:
            return None
        bound: dict[Node, Node] = {}
        sides = self._sides
        if not _matches(sides.left, node, bound):
            return None
        found = {x.aval for x in bound.values()}
        if len(found) != 1 or (operand := found.pop()).weak:
            return None
        if operand.dtype.kind not in self.kinds or operand.shape != aval.shape:
            return None
        made = dict(bound)
        for each in sides.order:
            made[each] = self._made(builder, each, tuple([made[x] for x in each.inputs]), operand)
        result = made[sides.right]
        return result if result.aval == aval else None

    def _made(self, builder: Builder, node: Node, inputs: tuple[Node, ...], like: Aval) -> Node:
        dtype = like.dtype if node.aval.dtype.kind == "f" else node.aval.dtype
        if node.op is CONST:
            if node.aval.weak:
                return builder.const(node.value)
            return builder.broadcast(builder.const(dtype.type(uniform(node))), like.shape)
        op = ROWS[node.op.name] if node.op.fn is _unknown else node.op
        return builder.op(op, *inputs, params=node.params, aval=Aval(like.shape, dtype))

    def __repr__(self) -> str:
        names = dict(zip(self.operands, "xyz", strict=False))
        return f"{_text(self.left, names)} -> {_text(self.right, names)}"


def rule(expressions: Expressions, *domains: Interval, kinds: str = "f") -> Rule:
    """A rule of two NumPy expressions in so many operands as there are domains: see :class:`Rule`.

    >>> rule(lambda x: (np.log(np.exp(x)), x), (-3, 3))
    log(exp(x)) -> x
    """
    return Rule(expressions, domains, kinds)


def _traced(expressions: Callable[..., tuple[Array, Array]], domains: tuple[Interval, ...]) -> _Sides:
    middles = [np.full(3, sum(domain) / 2) for domain in domains]  # made before, or they would be tracers
    with Level("record") as level, np.errstate(all="ignore"):
        xs = [new_input(level, middle) for middle in middles]
        sides = [node_of(y) if type(y) is Tracer else capture(y) for y in expressions(*xs)]
    operands = tuple([node_of(x) for x in xs])
    return _Sides(operands, sides[0], sides[1], topological([sides[1]], operands))


def named(name: str, *operands: Array) -> Array:
    """An operation by the name of its row, which may be entered later, or never: SciPy's."""
    return Op(name=name, fn=_unknown, pointwise=True)(*operands)


def _unknown(x: Array, *_: Array) -> Array:
    """What an operation that has no row yet gives while a rule is traced: numbers of the right shape."""
    return x.copy()


def _matches(pattern: Node, node: Node, bound: dict[Node, Node]) -> bool:
    if pattern.op is INPUT:
        return bound.setdefault(pattern, node) is node
    if pattern.op is CONST:
        return _same_number(pattern.value, uniform(node))
    if node.op.name != pattern.op.name or node.params != pattern.params:
        return False
    orders: Sequence[tuple[Node, ...]] = [node.inputs]
    if node.op.name in COMMUTE:
        orders = [node.inputs, node.inputs[::-1]]
    for inputs in orders:
        trial = dict(bound)
        if all(_matches(p, x, trial) for p, x in zip(pattern.inputs, inputs, strict=True)):
            bound.update(trial)
            return True
    return False


def _same_number(a: Any, b: Any) -> bool:
    if b is None or isinstance(b, (complex, np.complexfloating)):
        return False
    return a == b and math.copysign(1.0, a) == math.copysign(1.0, b)


def _text(node: Node, names: dict[Node, str]) -> str:
    if node in names:
        return names[node]
    if node.op is CONST:
        return f"{uniform(node)}"
    return f"{node.op.name}({', '.join([_text(x, names) for x in node.inputs])})"
