"""Roll repeated stretches of a program up into loops: what a Python ``for`` had unrolled while it was recorded.

The memory and the time that the rest of the compiler takes then follow the body and not the number of repetitions.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from geartrain.ir.aval import Aval, aval_of
from geartrain.ir.graph import Graph
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.ir.views import contiguous
from geartrain.ops.index import GETITEM, HERE, SCATTER
from geartrain.ops.shape import RESHAPE
from geartrain.passes.chains import places
from geartrain.passes.loops import LOOP, LOOP_OUT, Changing, Loop, Moving
from geartrain.passes.repeats import (
    Aside,
    Before,
    Chain,
    Constants,
    Elsewhere,
    Part,
    Pattern,
    Place,
    Repeat,
    Same,
    find_repeats,
)
from geartrain.passes.rewrite import Builder
from geartrain.passes.writes import settled

__all__ = ["roll"]

SHORT = 64
"""Programs of fewer nodes are not searched."""

ROUNDS = 4
"""How often repeats are looked for, each time without those that cannot be loops after all."""


def roll(graph: Graph) -> Graph:
    """The graph with repeated stretches as loops."""
    sequence = [node for node in graph.nodes if node.op is not CONST]
    if len(sequence) < SHORT:
        return graph
    refused: set[tuple[int, int]] = set()
    for _ in range(ROUNDS):
        repeats, places = find_repeats(sequence, lambda r: 0 if (r.start, r.period) in refused else settled(r))
        roller = _Roller(graph, repeats, places)
        looks = roller.looks_inside()
        if not looks:
            return roller.run() if repeats else graph
        refused.update([(r.start, r.period) for r in looks])
    return graph


def _from_outside(pattern: Pattern, trips: int) -> int:
    """In how many repetitions, the first ones, an operand comes from outside of the repeat."""
    if isinstance(pattern, Before):
        return pattern.lag
    if isinstance(pattern, Aside):
        return 0
    return 1 if isinstance(pattern, Same) else trips


class _Body:
    """The body of a repeat in the making, and what its inputs stand for."""

    def __init__(self, repeat: Repeat) -> None:
        self.repeat = repeat
        self.builder = Builder()
        self.columns: list[Node] = []
        self.fixed: dict[Node, Node] = {}
        self.moving: dict[tuple[Node, Moving], Node] = {}
        self.carried: dict[tuple[int, tuple[Node, ...]], Node] = {}  # (column, first operands) -> input
        self.changing: dict[tuple[tuple[int, ...], int], Node] = {}  # columns of a chain, number of the part -> input
        self.reads: dict[int, Chain] = {}
        for chain in repeat.chains.values():
            self.reads.update(dict.fromkeys(chain.places, chain))
        self.outputs: dict[Node, int] = {}
        self.keep_all: list[bool] = []

    def output(self, node: Node, every: bool) -> int:
        k = self.outputs.setdefault(node, len(self.outputs))
        if k == len(self.keep_all):
            self.keep_all.append(False)
        self.keep_all[k] |= every
        return k


class _Roller:
    def __init__(self, graph: Graph, repeats: Sequence[Repeat], places: dict[Node, Place]) -> None:
        self.graph = graph
        self.repeats = {r.node(0, 0): r for r in repeats}
        self.places = places
        self.builder = Builder()
        self.new: dict[Node, Node] = {node: node for node in graph.inputs}
        self.bodies: dict[Repeat, _Body] = {}
        self.loops: dict[Repeat, Node] = {}
        self.used = self._uses()

    def _uses(self) -> dict[Repeat, set[tuple[int, int]]]:
        """Which (column, trip) of each repeat are used outside of it."""
        used: dict[Repeat, set[tuple[int, int]]] = {r: set() for r in self.repeats.values()}
        places = self.places

        def use(nodes: Iterable[Node], by: Repeat | None) -> None:
            for x in nodes:
                place = places.get(x)
                if place is not None and place.repeat is not by:
                    used[place.repeat].add((place.column, place.trip))

        for node in self.graph.nodes:
            if node not in places:
                use(node.inputs, None)
        use(self.graph.outputs, None)
        for r in used:
            for (column, j), pattern in r.operands.items():
                use([node.inputs[j] for node in r.nodes(column)[: _from_outside(pattern, r.trips)]], r)
            aside = [pattern.part for pattern in r.operands.values() if isinstance(pattern, Aside)]
            parts = [*aside, *r.parts.values(), *r.writes.values(), *[chain.parts[0] for chain in r.chains.values()]]
            use([part.source for part in parts], r)
        return used

    def looks_inside(self) -> list[Repeat]:
        """The repeats of which somebody else reads an array that is in the middle of being written there."""
        found: list[Repeat] = []
        for r, used in self.used.items():
            for column, trip in used:
                chain = r.chains.get(column)
                last = trip == r.trips - 1 and (chain is None or column == chain.columns[-1])
                if (column in r.writes or chain is not None) and not last:
                    found.append(r)
        return found

    def run(self) -> Graph:
        for node in self.graph.nodes:
            if node.op is INPUT:
                continue
            if node.op is CONST:
                self.new[node] = self.builder.const(node.value)
            elif node in self.places:
                repeat = self.repeats.get(node)
                if repeat is not None:
                    self._loop(repeat)
            else:
                inputs = tuple([self.value(x) for x in node.inputs])
                self.new[node] = self.builder.table.node(node.op, inputs, node.params, node.value)
        return Graph.of(self.graph.inputs, [self.value(x) for x in self.graph.outputs])

    def value(self, node: Node) -> Node:
        """The new node for an old one; one repetition of a column is a part of what its loop gives."""
        found = self.new.get(node)
        if found is None:
            repeat, column, trip = self.places[node]
            body = self.bodies[repeat]
            k = body.outputs[body.columns[column]]
            found = self._result(repeat, k)
            if column in repeat.writes:
                found = self._written(repeat.writes[column], repeat.trips, found, node.aval)
            elif body.keep_all[k]:
                found = self.builder.op(GETITEM, found, params=((trip,),), aval=node.value)
            self.new[node] = found
        return found

    def _written(self, part: Part, trips: int, values: Node, aval: Aval) -> Node:
        """An array with all that the repetitions write to it, ``values``: one for each repetition."""
        where = places(part, trips).reshape(-1)
        flat = self._reshaped(self.value(part.source), (aval.size,))
        values = self._reshaped(values, where.shape)
        first, step = int(where[0]), int(where[1] - where[0])
        if np.array_equal(where, first + step * np.arange(len(where))):
            stop = first + step * len(where)
            index: tuple[object, ...] = (slice(first, stop if stop >= 0 else None, step),)
            found = self.builder.op(SCATTER, flat, values, params=(index,), aval=flat.aval)
        else:
            arrays = self.builder.const(where)
            found = self.builder.op(SCATTER, flat, values, arrays, params=((HERE,),), aval=flat.aval)
        return self._reshaped(found, aval.shape)

    def _reshaped(self, x: Node, shape: tuple[int, ...]) -> Node:
        if x.aval.shape == shape:
            return x
        return self.builder.op(RESHAPE, x, params=(shape,), aval=Aval(shape, x.aval.dtype))

    def _result(self, repeat: Repeat, k: int) -> Node:
        loop = self.loops[repeat]
        return self.builder.op(LOOP_OUT, loop, params=(k,), aval=loop.params[0].avals()[k])

    def _loop(self, repeat: Repeat) -> None:
        body = self.bodies[repeat] = _Body(repeat)
        for column in range(repeat.period):
            body.columns.append(self._column(body, column))
        # What is carried is linked once all columns are there.
        links = self._links(body)
        carried = [body.output(of, every=False) for of, _ in links]
        last = repeat.trips - 1
        for column, trip in sorted(self.used[repeat]):
            body.output(body.columns[column], every=trip != last or column in repeat.writes)
        changing = self._changes(body)
        inputs = [*body.fixed.values(), *body.moving.values(), *body.carried.values(), *body.changing.values()]
        graph = Graph.of(inputs, list(body.outputs))
        moving = tuple([move for _, move in body.moving])
        loop = Loop(graph, repeat.trips, moving, tuple(carried), tuple(body.keep_all), tuple(changing))
        operands = [self.value(x) for x in body.fixed]
        operands += [source for source, _ in body.moving]
        operands += [self.value(first) for _, first in links]
        operands += [self.value(repeat.chains[columns[0]].parts[0].source) for columns, _ in body.changing]
        self.loops[repeat] = self.builder.table.node(LOOP, tuple(operands), (loop,), loop.avals())

    def _links(self, body: _Body) -> list[tuple[Node, Node]]:
        """For each carried input: what it is the value before of, and its first operand."""
        found: list[tuple[Node, Node]] = []
        for column, firsts in body.carried:
            of = body.columns[column] if len(firsts) == 1 else body.carried[column, firsts[1:]]
            found.append((of, firsts[0]))
        return found

    def _column(self, body: _Body, column: int) -> Node:
        repeat = body.repeat
        node = repeat.node(column, 0)
        if column in body.reads:
            return self._changed(body, column)
        if column in repeat.writes:  # what is written, in the place of the array
            return self._operand(body, column, 1)
        part = repeat.parts.get(column)
        if part is not None:
            return self._moving(body, self.value(part.source), Moving(part.view, part.step), node.aval)
        inputs = tuple([self._operand(body, column, j) for j in range(len(node.inputs))])
        return body.builder.table.node(node.op, inputs, node.params, node.value)

    def _changes(self, body: _Body) -> list[Changing]:
        """What becomes of the parts of arrays that each repetition changes."""
        found: list[Changing] = []
        arrays = [columns for columns, _ in body.changing]
        for columns, number in body.changing:
            chain = body.repeat.chains[columns[0]]
            node = self._version(body, chain, columns[-1], number)
            view, step, aval = chain.parts[number].view, chain.parts[number].step, chain.parts[number].source.aval
            found.append(Changing(view, step, body.output(node, every=False), aval, arrays.index(columns)))
        return found

    def _version(self, body: _Body, chain: Chain, column: int, number: int) -> Node:
        """A part of an array as the column leaves it; if nobody has written to it yet, as the repetition finds it."""
        for before in reversed(chain.columns[: chain.columns.index(column) + 1]):
            if chain.places[before][0] == number:
                return body.columns[before]
        return self._found(body, chain, number)

    def _found(self, body: _Body, chain: Chain, number: int) -> Node:
        part = chain.parts[number]
        aval = Aval(part.view.shape, part.source.aval.dtype)
        return body.changing.setdefault((chain.columns, number), Node(INPUT, (), (), aval))

    def _changed(self, body: _Body, column: int) -> Node:
        """A column that reads or writes a part of an array that each repetition changes."""
        node, chain = body.repeat.node(column, 0), body.reads[column]
        before = body.repeat.operands[column, 0]
        assert isinstance(before, Before)
        number, template = chain.places[column]
        last = (
            self._version(body, chain, before.column, number) if before.lag == 0 else self._found(body, chain, number)
        )
        others = [self._operand(body, column, j) for j in range(1, len(node.inputs))]
        aval = last.aval if node.op is SCATTER else node.aval
        return body.builder.op(node.op, last, *others, params=(template,), aval=aval)

    def _operand(self, body: _Body, column: int, j: int) -> Node:
        repeat = body.repeat
        pattern = repeat.operands[column, j]
        x = repeat.node(column, 0).inputs[j]
        if isinstance(pattern, Same):
            if x.op is CONST:
                return body.builder.const(x.value)
            return body.fixed.setdefault(x, Node(INPUT, (), (), x.aval))
        if isinstance(pattern, Constants):
            values = [repeat.node(column, trip).inputs[j].value for trip in range(repeat.trips)]
            if len({np.asarray(v).tobytes() for v in values}) == 1:
                return body.builder.const(x.value)
            stacked = self.builder.const(np.stack([np.asarray(v, x.aval.dtype) for v in values]))
            return self._moving(body, stacked, Moving(contiguous(x.aval.shape), x.aval.size), x.aval)
        if isinstance(pattern, Elsewhere):
            other = self.bodies[pattern.repeat]
            source = self._result(pattern.repeat, other.outputs[other.columns[pattern.column]])
            size = x.aval.size
            view = contiguous(x.aval.shape, pattern.first * size)
            return self._moving(body, source, Moving(view, pattern.step * size), x.aval)
        if isinstance(pattern, Aside):
            part = pattern.part
            return self._moving(body, self.value(part.source), Moving(part.view, part.step), x.aval)
        if pattern.lag == 0:
            return body.columns[pattern.column]
        firsts = tuple([repeat.node(column, trip).inputs[j] for trip in range(pattern.lag)])
        return self._carried(body, pattern.column, firsts, x.aval)

    def _carried(self, body: _Body, column: int, firsts: tuple[Node, ...], aval: Aval) -> Node:
        """The value of a column some repetitions ago; before there were any, ``firsts``."""
        if len(firsts) > 1:
            self._carried(body, column, firsts[1:], aval)
        return body.carried.setdefault((column, firsts), Node(INPUT, (), (), aval))

    def _moving(self, body: _Body, source: Node, move: Moving, aval: Aval) -> Node:
        return body.moving.setdefault((source, move), Node(INPUT, (), (), aval_of(aval)))
