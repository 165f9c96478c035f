"""What follows an op, run again with another result of it: for rules that must look ahead (``ir.op.Careful``).

The eigenvectors of equal eigenvalues are one choice of many. How a smooth function of them moves shows when the rest of
the program is run with other choices. This happens at such points only; nothing is run twice elsewhere.
"""

import functools
import threading
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from geartrain.ir.aval import Array, Aval, aval_of
from geartrain.ir.node import Node
from geartrain.ir.op import Custom, Elsewhere, Linear
from geartrain.ops.degenerate import UNKNOWN
from geartrain.trace.level import active
from geartrain.trace.tracer import Tracer, depends_of, node_of, value_of

__all__ = ["Ends", "Operand", "Rerun", "always", "is_careful", "looked", "looking_always", "turned"]

Operand = Callable[[Node], Array]


class Ends(NamedTuple):
    """A whole tape, and the cotangents that a sweep back along it starts with."""

    nodes: Sequence[Node]
    bars: dict[Node, Array]


class _Looking(threading.local):
    always = False


_looking = _Looking()


@contextmanager
def always() -> Generator[None]:
    """Rules look ahead without asking first whether they must: for batches, where there is no one answer."""
    before, _looking.always = _looking.always, True
    try:
        yield
    finally:
        _looking.always = before


def looking_always() -> bool:
    """Whether rules do so now."""
    return _looking.always


def _is_number(x: Array) -> bool:
    return type(value_of(x)) is not Aval


class Rerun:
    """The values of the nodes on a tape that depend on some whose values are given anew."""

    def __init__(self, operand: Operand, values: dict[Node, Array]) -> None:
        self.operand = operand
        self.values = values

    def value(self, node: Node) -> Array:
        return self.values[node] if node in self.values else self.operand(node)

    def needs(self, node: Node) -> bool:
        """Whether a node has another value now, or (as an array that is written part by part) had none so far."""
        return (
            bool(node.inputs)
            and node not in self.values
            and (type(node.value) is Aval or any(x in self.values for x in node.inputs))
        )

    def along(self, node: Node) -> Operand:
        """Compute one node, if it must be; the nodes come in the order of the tape."""
        if self.needs(node):
            self.values[node] = node.op(*[self.value(x) for x in node.inputs], params=node.params)
        return self.value

    def refuse_change(self, dots: dict[Node, Array], wanted: Collection[Node]) -> None:
        """NaN for the tangents of ``wanted`` nodes whose values depend on the choice that was made anew."""
        for node in wanted:
            if node in dots and node in self.values and type(node.value) is not Aval:
                was, now = self.operand(node), self.values[node]
                dtype = aval_of(value_of(was)).dtype
                slack = 100 * float(np.sqrt(np.finfo(dtype).eps)) if dtype.kind in "fc" else 0.0
                sizes = [np.max(np.abs(x), initial=0) for x in (was, *map(self.operand, node.inputs)) if _is_number(x)]
                size = functools.reduce(np.maximum, sizes)  # what it was made of says how exact it can be
                differ = ~(np.abs(now - was) <= slack * size)
                dots[node] = np.where(differ, np.asarray(np.nan, aval_of(value_of(dots[node])).dtype), dots[node])[()]


def _truth(x: Array, default: bool) -> bool:
    trace = active.trace
    if type(x) is Tracer and trace is not None and depends_of(x) & trace.vmap_bits:
        return default
    return bool(x)


def is_careful(node: Node) -> bool:
    """Whether the result of an op may be one of several."""
    return isinstance(node.op, Custom) and node.op.careful is not None


def _must(node: Node, tape: Sequence[Node], operand: Operand, back: bool) -> bool:
    """Whether the rule of an op is to look ahead: at such a point, and if somebody reads what is a choice there."""
    op = node.op
    assert isinstance(op, Custom)
    assert op.careful is not None
    hidden = op.careful.hidden(value_of(node.value), [value_of(operand(x)) for x in node.inputs], *node.params)
    return any(node in one.inputs and _shows(one, node, hidden) for one in tape) and _near(node, operand, back)


def _near(node: Node, operand: Operand, back: bool) -> bool:
    """Whether this is such a point. In a batch nobody knows yet: that is a doubt, for later."""
    op = node.op
    assert isinstance(op, Custom)
    assert op.careful is not None
    near = op.careful.near(back, operand(node), [operand(x) for x in node.inputs], *node.params)
    trace = active.trace
    if type(near) is Tracer and trace is not None and depends_of(near) & trace.vmap_bits:
        trace.doubts.append(node_of(near))
        return _looking.always
    return bool(near)


def _shows(reader: Node, node: Node, hidden: Array) -> bool:
    """Whether something of a result that is NaN is read."""
    xs = [hidden if x is node else x.value for x in reader.inputs]
    plain = isinstance(reader.op, Linear) and not any(type(x) is Aval for x in xs)
    return not plain or bool(np.any(np.isnan(reader.op.fn(*xs, *reader.params))))


def looked(
    node: Node, ends: Ends, bit: int, operand: Operand, sweep: Callable[..., dict[Node, Array]]
) -> Elsewhere | None:
    """What the rule of a node may ask of the tape that follows it; ``None`` where its result is unique.

    ``sweep(nodes, bit, bars, operand)`` carries cotangents back.
    """
    if not _must(node, ends.nodes, operand, True):
        return None
    later = ends.nodes
    marked = {node}
    for one in later:
        if one.inputs and one is not node and (type(one.value) is Aval or any(x in marked for x in one.inputs)):
            marked.add(one)
    again = [one for one in later if one in marked]

    after = [one for one in again if one is not node]
    others = [one for one in later if is_careful(one) and one not in marked and _near(one, operand, True)]
    usual: dict[Node, Array] = {}

    def at(y: Array) -> Array:
        rerun = Rerun(operand, {node: y})
        for one in again:
            rerun.along(one)
        bars = sweep(after, bit, dict(ends.bars), rerun.value)
        y_bar = bars.get(node)
        aval = aval_of(value_of(y))
        y_bar = np.zeros(aval.shape, aval.dtype) if y_bar is None else y_bar
        return y_bar + sum([_strife(usual[one], bars[one]) for one in others if one in bars and one in usual])

    if others:  # they may be asked for another part of the same choice; then they notice
        usual.update(sweep(after, bit, dict(ends.bars), operand))

    noticed = any(one.op.effects for one in again)
    return Elsewhere(None if noticed else at, _is_watched(operand(node)), _truth)


def _is_watched(y: Array) -> bool:
    """Whether a transformation around this one is going to differentiate what is made of ``y``."""
    trace = active.trace
    depends = depends_of(y) if type(y) is Tracer else 0
    return trace is not None and bool(depends & trace.bits & ~(trace.guard_bits | trace.vmap_bits))


def _strife(usual: Array, now: Array) -> Array:
    """NaN where the cotangent of one result that is a choice depends on another such result; else zero."""
    slack = 100 * float(np.sqrt(np.finfo(aval_of(value_of(usual)).dtype).eps))
    differ = np.max(np.abs(now - usual), initial=0) > slack * np.max(np.abs(usual), initial=0)
    return np.where(differ, np.nan, 0.0).astype(np.abs(usual).dtype)


def turned(
    node: Node, xs_dot: Sequence[Array | None], operand: Operand, before: Rerun | None, tape: Sequence[Node]
) -> tuple[Rerun, Array] | None:
    """The run that goes on with the result of a node that suits the tangents, and how that moves.

    ``None`` where there is one result only.
    """
    op = node.op
    if not isinstance(op, Custom) or op.careful is None or not _must(node, tape, operand, False):
        return None
    rerun = before
    if rerun is None:
        rerun = Rerun(operand, {})
        for one in tape[: tape.index(node)]:
            rerun.along(one)
    xs = [operand(x) for x in node.inputs]
    y, y_dot = op.careful.turn(operand(node), xs, xs_dot, *node.params)
    rerun.values[node] = y + UNKNOWN(y, params=(0,)) if _is_watched(operand(node)) else y
    return rerun, y_dot
