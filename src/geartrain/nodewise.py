"""The sweep back while ``jit`` records it: from node to node, without values, by what rules have been seen to record.

It makes the program that ``chain.pull_once`` would record. That one runs each rule in Python, on traced values, and
computes all it records; this one fills in a template of what the rule records (see ``templates``) by nodes whose values
wait until somebody asks for them (see ``trace.late``), and mostly nobody does, since the compiled program will compute
them. Where there is no template for a rule, it runs as it does in ``chain``.
"""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from geartrain.again import Operand
from geartrain.chain import pull
from geartrain.ir.aval import Array, Aval, is_array
from geartrain.ir.node import CONST, Node, bits
from geartrain.ir.op import Linear, Op
from geartrain.kinds import kind_of
from geartrain.ops.index import GETITEM, SCATTER, SCATTER_ADD
from geartrain.ops.pointwise import ADD
from geartrain.ops.table import ROWS
from geartrain.templates import Template, learn
from geartrain.trace.late import Late, Like
from geartrain.trace.level import Trace
from geartrain.trace.tracer import ALIAS, Tracer, capture, depends_of, node_of

__all__ = ["applies", "pull_nodes"]

CHEAP = 4
"""What waits is computed before a rule is looked at for the first time, if that is no more than so many times as much
as the rule computes: then nothing is computed twice."""

_STILL, _STRANGE = object(), object()

LEAST = 1 << 12
"""Elements that are computed without a thought."""


def applies(trace: Trace, outer: int) -> bool:
    """Whether a sweep is recorded for ``jit`` and for nobody else."""
    return (
        outer != 0
        and trace.bits == trace.guard_bits == outer
        and trace.waiting is not None
        and trace.lines is None
        and trace.sealed == 0
    )


def pull_nodes(
    nodes: list[Node],
    bit: int,
    bars: dict[Node, Array],
    operand: Operand,
    wanted: Collection[Node],
    forget: bool,
    trace: Trace,
) -> dict[Node, Array]:
    """``chain.pull_once``, where it is recorded: takes the ``nodes`` off the list, and leaves those ``wanted``."""
    sweep = _Sweep(bit, bars, operand, trace)
    letting_go = trace.letting_go
    while nodes:
        node = nodes.pop()
        y_bar = sweep.bars.get(node) if node in wanted else sweep.bars.pop(node, None)
        if y_bar is not None and node.inputs:
            sweep.pull(node, y_bar)
        sweep.mine.discard(node)
        if forget and node.depends > 0:
            node.depends &= ~bit
        if sweep.computed and letting_go is not None:
            sweep.computed = False
            if len(trace.tape) >= letting_go.next:
                letting_go.look()
    return {node: sweep.shown(bar) for node, bar in sweep.bars.items()}


class _Sweep:
    """``bars`` has the node of each cotangent; ``mine`` says which of them nobody else reads any more.

    ``computed``: a rule has run on values, so there are new ones.
    """

    def __init__(self, bit: int, bars: dict[Node, Array], operand: Operand, trace: Trace) -> None:
        self.bit, self.operand, self.trace, self.depends = bit, operand, trace, trace.bits
        assert trace.waiting is not None
        self.waiting = trace.waiting
        self.bars = {node: self.node(bar) for node, bar in bars.items()}
        self.mine: set[Node] = set()
        self.tags: dict[Node, Any] = {}
        self.zeros: dict[Like, Node] = {}
        self.computed = False

    def node(self, x: Array) -> Node:
        """The node of what a rule returned."""
        return node_of(x) if type(x) is Tracer and depends_of(x) else capture(x)

    def shown(self, node: Node) -> Array:
        """What a rule sees of it."""
        return Tracer(self.trace, node) if node.depends else node.value

    def pull(self, node: Node, y_bar: Node) -> None:
        """Carry the cotangent of a node to its operands."""
        op, inputs = node.op, node.inputs
        if op is GETITEM or op is SCATTER or op is SCATTER_ADD:
            (self._read if op is GETITEM else self._written)(node, y_bar)
            return
        tags, bars = self.tags, self.bars
        key = (
            op,
            y_bar.like if type(y_bar) is Late else tags.get(y_bar) or self._tag(y_bar),
            *[tags.get(x) or self._tag(x) for x in (node, *inputs)],
            bits(node.params) if node.params else (),
        )
        known = self.waiting.learned.get(key)
        template, values = self._learned(key, node, y_bar) if known is None else (known[0], ())
        if template is None:
            made = self._ruled(node, y_bar)
        else:
            made = template.filled([y_bar, node, *inputs], self.trace, self.waiting, self.depends, values)
        for x, x_bar in zip(inputs, made, strict=True):
            if x_bar is not None:
                if x in bars:
                    self._add(x, x_bar)
                else:
                    bars[x] = x_bar

    def _tag(self, x: Node) -> Any:
        """What a template depends on in a node: what its value is, whether its cotangent is wanted, or its number."""
        if x.depends & self.depends:
            tag: Any = self.waiting.like(x)
            if not x.depends & self.bit:
                tag = _STILL, tag
        elif x.op is CONST:
            value = x.value
            kind = kind_of(value)
            if kind is float and value:
                tag = value
            else:
                tag = (CONST, self.waiting.like_of(value)) if is_array(value) else (kind, bits(value))
        else:
            tag = _STRANGE  # it is known to this sweep only, and has a plain value
        self.tags[x] = tag
        return tag

    def _ruled(self, node: Node, y_bar: Node) -> list[Node | None]:
        """What the rule itself records."""
        self.computed = True
        wanted = [x.depends & self.bit for x in node.inputs]
        xs = [self.operand(x) for x in node.inputs]
        found = pull(node, self.shown(y_bar), self.operand(node), xs, wanted)
        return [None if x_bar is None or not w else self.node(x_bar) for x_bar, w in zip(found, wanted, strict=True)]

    def _learned(self, key: tuple[Any, ...], node: Node, y_bar: Node) -> tuple[Template | None, Sequence[Any]]:
        """The template of a rule that is met for the first time, with what it computed; ``None`` if it cannot have one.

        Code of a user's has none, nor has what was made for one occasion.
        """
        waiting, found, self.computed = self.waiting, None, True
        if _STRANGE not in key and (ROWS.get(node.op.name) is node.op or node.op is ALIAS):
            if 0 < waiting.elements <= max(CHEAP * waiting.like(y_bar).size, LEAST) and not waiting.keeper.dropped:
                waiting.settle()
            wanted = [x.depends & self.bit for x in node.inputs]
            try:
                found = learn(pull, node, y_bar, wanted, self.trace, waiting, self.depends)
            except Exception:
                if not any(type(x) is Late and x.waits for x in (y_bar, node, *node.inputs)):
                    raise
                _ = [x.value for x in (y_bar, node, *node.inputs)]  # not any will do: a matrix of ones is singular
                found = learn(pull, node, y_bar, wanted, self.trace, waiting, self.depends)
        template, values = found or (None, ())
        waiting.learned[key] = template, node.params  # the key may have the identities of what is in params
        return template, values

    def _late(self, op: Op, inputs: tuple[Node, ...], params: tuple[Any, ...], like: Like, gives: bool = False) -> Late:
        waiting = self.waiting
        node = Late(op, inputs, params, like, self.depends, waiting.me, gives)
        self.trace.tape.append(node)
        waiting.nodes.append(node)
        waiting.elements += like.size
        return node

    def _add(self, x: Node, x_bar: Node) -> None:
        """Paths that meet add up."""
        bars = self.bars
        have = bars.get(x)
        if have is None:
            bars[x] = x_bar
            return
        like = self._sum(have, x_bar)
        if like is None:
            bars[x] = self.node(self.shown(have) + self.shown(x_bar))
            self.mine.discard(x)
        else:
            bars[x] = self._late(ADD, (have, x_bar), (), like)
            self.mine.add(x)

    def _sum(self, a: Node, b: Node) -> Like | None:
        """What the sum of two values is; ``None`` if that takes a look."""
        like = self.waiting.like(a)
        if like.aval != self.waiting.like(b).aval or not (a.depends or b.depends):
            return None
        return like if like.kind is not np.ndarray or like.aval.shape else self._array(like.aval)

    def _array(self, aval: Aval) -> Like:
        return self.waiting.array(aval.shape, aval.dtype)

    def _zeros(self, aval: Aval) -> Node:
        like = self._array(aval)
        if like not in self.zeros:
            self.zeros[like] = capture(np.zeros(aval.shape, aval.dtype))
        return self.zeros[like]

    def _read(self, node: Node, y_bar: Node) -> None:
        """A part of an array was read: its cotangent is added to that part of the array's."""
        whole, *arrays = node.inputs
        if not whole.depends & self.bit:
            return
        bars, like = self.bars, self.waiting.like(whole)
        have = bars.get(whole)
        fits = self._fits(y_bar, node) and (have is None or self._fits(have, whole))
        if not fits or not (y_bar.depends or (have is not None and have.depends)):
            self._read_slowly(node, y_bar, have)
            return
        of = self._array(like.aval)
        params, gives = node.params, whole in self.mine
        if arrays:
            base = self._zeros(like.aval) if have is None else have
            bars[whole] = self._late(SCATTER_ADD, (base, y_bar, *arrays), params, of, gives)
        elif have is None:
            bars[whole] = self._late(SCATTER, (self._zeros(like.aval), y_bar), params, of)
        else:
            part = self._array(node.aval)
            sum_of_both = self._late(ADD, (self._late(GETITEM, (have,), params, part), y_bar), (), part)
            bars[whole] = self._late(SCATTER, (have, sum_of_both), params, of, gives)
        self.mine.add(whole)

    def _fits(self, bar: Node, node: Node) -> bool:
        """Whether a cotangent has the shape and dtype of what it belongs to."""
        return self.waiting.like(bar).aval[:2] == self.waiting.like(node).aval[:2]

    def _read_slowly(self, node: Node, y_bar: Node, have: Node | None) -> None:
        """As ``chain`` does it."""
        whole, (shape, dtype, _) = node.inputs[0], node.inputs[0].aval
        total = np.zeros(shape, dtype) if have is None else np.array(self.shown(have))
        assert isinstance(GETITEM, Linear)
        assert GETITEM.into is not None
        GETITEM.into(total, self.shown(y_bar), *[self.operand(x) for x in node.inputs], *node.params)
        self.bars[whole] = self.node(total)
        self.mine.discard(whole)

    def _written(self, node: Node, y_bar: Node) -> None:
        """A part of an array was written, or added to: what was there before has the rest of its cotangent, or all."""
        whole, part, *arrays = node.inputs
        if not self._fits(y_bar, node) or not y_bar.depends or (arrays and node.op is SCATTER):
            self._written_slowly(node, y_bar)
            return
        if part.depends & self.bit:
            self._add(part, self._late(GETITEM, (y_bar, *arrays), node.params, self._array(part.aval)))
        if whole.depends & self.bit:
            mine = node in self.mine
            if node.op is SCATTER:
                zero, like = self._zeros(part.aval), self._array(node.aval)
                y_bar = self._late(SCATTER, (y_bar, zero), node.params, like, mine)
                mine = True
            if whole in self.bars:
                self._add(whole, y_bar)
            else:
                self.bars[whole] = y_bar
                if mine:
                    self.mine.add(whole)

    def _written_slowly(self, node: Node, y_bar: Node) -> None:
        op = node.op
        assert isinstance(op, Linear)
        assert op.take is not None
        rest = np.array(self.shown(y_bar))
        part_bar = op.take(rest, *[self.operand(x) for x in node.inputs], *node.params)
        whole, part = node.inputs[:2]
        if part.depends & self.bit:
            self._add(part, self.node(part_bar))
        if whole.depends & self.bit:
            self._add(whole, self.node(rest))
