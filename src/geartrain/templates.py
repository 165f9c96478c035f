"""What a rule records, learned once for each kind of node: a few operations, and how their operands hang together.

A rule is Python, written for arrays of any kind. What it records depends on the op, on what its operands are (shape,
dtype, array or scalar) and on plain numbers among them, and on nothing else, as long as it takes no decision on a
traced value. A program that repeats itself, and most do, asks the same rules the same again and again. So a rule runs
once, on nodes that stand for its operands, and what it records is kept as a template to be filled in.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from geartrain.ir.aval import Array, Aval
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.ir.op import Custom, Op
from geartrain.kinds import kind_of
from geartrain.ops.table import ROWS
from geartrain.trace.late import Gone, Late, Like, Waiting, kept_value
from geartrain.trace.level import Trace, aside
from geartrain.trace.tracer import Tracer, capture, depends_of, node_of

__all__ = ["Step", "Template", "learn"]

Rule = Callable[..., Sequence[Array | None]]


class Step(NamedTuple):
    """An operation of a template. ``reads`` numbers its operands: what is given, then constants, then earlier steps."""

    op: Op
    reads: tuple[int, ...]
    params: tuple[Any, ...]
    like: Like


class Template(NamedTuple):
    """What a rule records. ``results`` numbers what it returns, as ``Step.reads`` does; ``None`` for nothing.

    ``elements`` is how many numbers the steps compute.
    """

    constants: list[Node]
    steps: tuple[Step, ...]
    results: tuple[int | None, ...]
    elements: int

    def filled(
        self, given: list[Node], trace: Trace, waiting: Waiting, depends: int, values: Sequence[Any] = ()
    ) -> list[Node | None]:
        """Record it for the nodes that are ``given``, and return the nodes of the results.

        The nodes wait for their values, unless those are given, too.
        """
        known = given + self.constants
        me = waiting.me
        made: list[Late] = []
        for op, reads, params, like in self.steps:
            node = Late(op, tuple([known[i] for i in reads]), params, like, depends, me)
            known.append(node)
            made.append(node)
        trace.tape += made
        if values:
            for node, value in zip(made, values, strict=True):
                node.value = value
        else:
            waiting.nodes += made
            waiting.elements += self.elements
        return [None if i is None else known[i] for i in self.results]


def learn(
    rule: Rule, node: Node, y_bar: Node, wanted: Sequence[int], trace: Trace, waiting: Waiting, depends: int
) -> tuple[Template, list[Any]] | None:
    """The template of a rule at a node: ``given`` will be the cotangent of its result, the result, and the operands.

    ``None`` where there is none: the rule asks for values, reads something else, or computes with a constant array.
    The values of its steps are there at once, unless those of the operands wait.
    """
    given = [y_bar, node, *node.inputs]
    stand: list[Node] = []
    operands: list[Array] = []
    arrays = False
    for x in given:
        if x.op is CONST and not x.depends:
            plain = type(x.value) is not np.ndarray
            arrays |= not plain
            stand.append(x if plain else Node(CONST, (), (), x.value))
            operands.append(x.value if plain else Tracer(trace, stand[-1]))
        else:
            stand.append(Node(INPUT, (), (), _example(waiting.like(x), x), depends))
            operands.append(Tracer(trace, stand[-1]))
    start, taken, doubts, elements = len(trace.tape), len(trace.decisions), len(trace.doubts), trace.elements
    letting_go, trace.letting_go = trace.letting_go, None
    trace.elements = {}
    try:
        with np.errstate(all="ignore"):
            results = list(rule(_standing(node, stand), operands[0], operands[1], operands[2:], wanted))
        ends = [None if x_bar is None or not w else _end(x_bar) for x_bar, w in zip(results, wanted, strict=True)]
        asked = len(trace.decisions) > taken or len(trace.doubts) > doubts
        if asked:
            return None
        at_once = not any(type(x) is Late and x.waits for x in given)
        return _template(stand, trace.tape[start:], ends, arrays, waiting, at_once)
    finally:
        del trace.tape[start:], trace.decisions[taken:], trace.doubts[doubts:]
        trace.elements, trace.letting_go = elements, letting_go


def _standing(node: Node, stand: Sequence[Node]) -> Node:
    return Node(node.op, tuple(stand[2:]), node.params, stand[1].value, node.depends)


def _example(like: Like, x: Node) -> Array:
    """A value of the kind: the node's own if it has one, for want of it ones."""
    if not (type(x) is Late and x.waits):
        return kept_value(x)
    shape, dtype, _ = like.aval
    return aside(np.ones, (shape, dtype)) if like.kind is np.ndarray else like.kind(1)


def _end(x_bar: Array) -> Node:
    return node_of(x_bar) if type(x_bar) is Tracer and depends_of(x_bar) else capture(x_bar)


def _template(
    stand: Sequence[Node],
    recorded: Sequence[Node],
    ends: Sequence[Node | None],
    arrays: bool,
    waiting: Waiting,
    at_once: bool,
) -> tuple[Template, list[Any]] | None:
    needed = {end for end in ends if end is not None}
    steps: list[Node] = []
    for node in reversed(recorded):
        if node in needed:
            if not _may_wait(node.op):
                return None
            needed.update(node.inputs)
            steps.append(node)
    number = {node: i for i, node in enumerate(stand)}
    there = {*number, *steps}
    constants = [node for node in needed if node not in there]
    for node in constants:
        if node.op is not CONST or node.depends or (arrays and kind_of(node.value) not in _LITERALS):
            return None
    for node in (*constants, *reversed(steps)):
        number[node] = len(number)
    made = [
        Step(node.op, tuple([number[x] for x in node.inputs]), node.params, _like(node, waiting))
        for node in reversed(steps)
    ]
    values = [node.value for node in reversed(steps)]
    there_are = at_once and not any(type(value) in (Aval, Gone) for value in values)
    results = tuple([None if end is None else number[end] for end in ends])
    elements = sum([step.like.size for step in made])
    return Template(constants, tuple(made), results, elements), values if there_are else []


_LITERALS = frozenset((int, float, bool))
"""Numbers that a rule's own text may hold. Others may come of a constant array that the rule was given."""


def _may_wait(op: Op) -> bool:
    careful = isinstance(op, Custom) and op.careful is not None
    return ROWS.get(op.name) is op and not op.data_shape and not op.effects and not careful


def _like(node: Node, waiting: Waiting) -> Like:
    """What a step gives. Arrays that are written part by part have no value yet, and will."""
    value = node.value
    return waiting.array(value.shape, value.dtype) if type(value) is Aval else waiting.like_of(value)
