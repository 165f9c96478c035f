"""What a loop need not do itself: products of all repetitions as one.

Two things are taken out of a loop, each a product that is small in every repetition and large, so that it runs at full
speed, outside of it:

- ``x[t] @ w`` of another part of an array each time and of a matrix that stays the same: all of it before the loop.
- ``total += x[t].T @ y[t]``, which nobody reads before the end, as in the cotangent of a weight: the loop keeps what is
  multiplied, and the sum over repetitions is one product behind it. Sums over rows of what is kept anyway go with it.

It takes memory, so it is done only up to as much as the loop has in its arrays already. Sums are in another order.
"""

from typing import Any, NamedTuple

from geartrain.ir.aval import Aval
from geartrain.ir.graph import Graph
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.ir.views import contiguous, is_contiguous
from geartrain.ops.index import GETITEM
from geartrain.ops.shape import RESHAPE, TRANSPOSE
from geartrain.passes.loops import LOOP, LOOP_OUT, Loop, Moving
from geartrain.passes.rewrite import Builder, rewritten

__all__ = ["outside"]


def outside(graph: Graph) -> Graph:
    """The graph with its loops made lighter; what is inside of their bodies stays."""
    found: dict[Node, dict[int, Node]] = {}

    def change(builder: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
        if node.op is LOOP:
            lighter = _Lighter(builder, node.params[0], inputs)
            made = lighter.made()
            found[made] = lighter.results(made)
            return made
        if node.op is LOOP_OUT:
            return found[inputs[0]].get(node.params[0])
        return None

    return rewritten(graph, change)


class Stack(NamedTuple):
    """All values of a node of the body, (repetitions, ...); ``back``: the last repetition's first."""

    node: Node
    back: bool


class _Lighter:
    def __init__(self, builder: Builder, loop: Loop, operands: tuple[Node, ...]) -> None:
        self.builder, self.loop, self.body = builder, loop, loop.body
        inputs, first = loop.body.inputs, loop.fixed
        behind = first + len(loop.moving)
        self.fixed = dict(zip(inputs[:first], operands[:first], strict=True))
        moving = zip(operands[first:behind], loop.moving, strict=True)
        self.moving = dict(zip(inputs[first:behind], moving, strict=True))
        then = behind + len(loop.carried)
        carried = zip(operands[behind:then], loop.carried, strict=True)
        self.carried = dict(zip(inputs[behind:then], carried, strict=True))
        self.changing = dict(zip(inputs[then:], zip(operands[then:], loop.changing, strict=True), strict=True))
        self.users: dict[Node, list[Node]] = {}
        for node in loop.body.nodes:
            for x in dict.fromkeys(node.inputs):
                self.users.setdefault(x, []).append(node)
        self.instead: dict[Node, Node] = {}  # in the body
        self.kept: dict[Node, bool] = {}  # new outputs that are stacked
        self.sums: dict[int, tuple[Node, Node, Node]] = {}  # output -> what it adds up, its addition, where it starts
        self.room = sum([_bytes(source.aval) for source, _ in self.moving.values()])
        self.room += sum([_bytes(aval) for aval, every in zip(loop.avals(), loop.keep_all, strict=True) if every])

    def made(self) -> Node:
        """The loop without what is done outside."""
        for node in self.body.nodes:
            self._before(node)
        accumulated = self._accumulated()
        for wanted in ("matmul", "sum"):  # what products keep is there for sums, too
            for number, (total, out, first) in accumulated.items():
                if total.op.name == wanted and self._can_wait(total):
                    self.sums[number] = total, out, first
        return self._loop()

    def _take(self, aval: Aval) -> bool:
        """Whether there is room for all values of a node."""
        size = self.loop.trips * _bytes(aval)
        fits = size <= self.room
        self.room -= size if fits else 0
        return fits

    # Before the loop.

    def _before(self, node: Node) -> None:
        """A product of a moving matrix with one that stays the same."""
        if not _is_product(node):
            return
        x, w = node.inputs
        matrix = w.inputs[0] if w.op is TRANSPOSE else w
        stack = self._moving_stack(x)
        if stack is None or matrix not in self.fixed or not self._take(node.aval):
            return
        (rows, inner), columns, trips = x.aval.shape, node.aval.shape[1], self.loop.trips
        right = self.fixed[matrix]
        if w.op is TRANSPOSE:
            right = self.builder.op(TRANSPOSE, right, params=w.params, aval=w.aval)
        left = self._reshaped(stack.node, (trips * rows, inner))
        aval = Aval((trips * rows, columns), node.aval.dtype)
        product = self.builder.op(node.op, left, right, params=node.params, aval=aval)
        size = node.aval.size
        start = (trips - 1) * size if stack.back else 0
        made = Node(INPUT, (), (), node.aval)
        self.moving[made] = product, Moving(contiguous(node.aval.shape, start), -size if stack.back else size)
        self.instead[node] = made

    def _moving_stack(self, x: Node) -> Stack | None:
        """All parts that a moving input is, if they lie one after the other."""
        if x not in self.moving:
            return None
        source, (view, step) = self.moving[x]
        size, trips = x.aval.size, self.loop.trips
        if not is_contiguous(view) or abs(step) != size or size == 0:
            return None
        start = view.offset + (min(step, 0) * (trips - 1))
        flat = self._reshaped(source, (source.aval.size,))
        aval = Aval((trips * size,), x.aval.dtype)
        if aval != flat.aval:
            flat = self.builder.op(GETITEM, flat, params=((slice(start, start + trips * size, 1),),), aval=aval)
        return Stack(self._reshaped(flat, (trips, *x.aval.shape)), step < 0)

    # Behind the loop.

    def _accumulated(self) -> dict[int, tuple[Node, Node, Node]]:
        """Outputs that are what they were before and something more, and that nobody reads in the loop."""
        found: dict[int, tuple[Node, Node, Node]] = {}
        outputs = self.body.outputs
        for before, (first, number) in self.carried.items():
            out = outputs[number]
            if out.op.name != "add" or before not in out.inputs or self.loop.keep_all[number]:
                continue
            alone = self.users[before] == [out] and out not in self.users and outputs.count(out) == 1
            (total,) = [x for x in out.inputs if x is not before] or [before]
            once = self.loop.carried.count(number) == 1 and before not in outputs
            if alone and once and self.users[total] == [out] and total not in outputs and total.aval == out.aval:
                found[number] = total, out, first
        return found

    def _can_wait(self, total: Node) -> bool:
        if total.op.name == "sum":
            (x,) = total.inputs
            return x in self.kept or self._moving_stack(x) is not None
        if not _is_product(total) or total.inputs[0].op is not TRANSPOSE:
            return False
        sides = [total.inputs[0].inputs[0], total.inputs[1]]
        new = [x for x in dict.fromkeys(sides) if x not in self.kept and self._moving_stack(x) is None]
        if any(x.op in (INPUT, CONST, TRANSPOSE) or x in self.instead for x in new):
            return False
        for x in new:
            if not self._take(x.aval):
                return False
            self.kept[x] = True
        return True

    # The new loop.

    def _loop(self) -> Node:
        gone = set(self.sums)
        inputs = [*self.fixed, *self.moving, *[x for x, (_, k) in self.carried.items() if k not in gone]]
        inputs += self.changing
        new = {x: x for x in inputs}
        inside = Builder()
        for node in self.body.nodes:
            if node.op is CONST:
                new[node] = inside.const(node.value)
            elif node in self.instead:
                new[node] = self.instead[node]
            elif node.op is not INPUT and all(x in new for x in node.inputs):
                new[node] = inside.table.node(node.op, tuple([new[x] for x in node.inputs]), node.params, node.value)
        self.numbers: dict[int, int] = {}
        outputs: list[Node] = []
        keep_all: list[bool] = []
        for k, (output, every) in enumerate(zip(self.body.outputs, self.loop.keep_all, strict=True)):
            if k not in gone:
                self.numbers[k] = len(outputs)
                outputs.append(new[output])
                keep_all.append(every)
        self.stacks: dict[Node, int] = {}
        for x in self.kept:
            if new[x] in outputs and keep_all[outputs.index(new[x])]:
                self.stacks[x] = outputs.index(new[x])
                continue
            self.stacks[x] = len(outputs)
            outputs.append(new[x])
            keep_all.append(True)
        moving = tuple([move for _, move in self.moving.values()])
        carried = tuple([self.numbers[k] for _, k in self.carried.values() if k not in gone])
        changing = tuple([change._replace(number=self.numbers[change.number]) for _, change in self.changing.values()])
        loop = Loop(Graph.of(inputs, outputs), self.loop.trips, moving, carried, tuple(keep_all), changing)
        operands = [*self.fixed.values(), *[source for source, _ in self.moving.values()]]
        operands += [first for first, k in self.carried.values() if k not in gone]
        operands += [array for array, _ in self.changing.values()]
        return self.builder.table.node(LOOP, tuple(operands), (loop,), loop.avals())

    def results(self, made: Node) -> dict[int, Node]:
        """What stands for each output of the old loop."""
        found = {k: self._out(made, number) for k, number in self.numbers.items()}
        for k, (total, out, first) in self.sums.items():
            summed = self._summed(made, total)
            found[k] = self.builder.op(out.op, first, summed, params=out.params, aval=out.aval)
        return found

    def _out(self, made: Node, number: int) -> Node:
        return self.builder.op(LOOP_OUT, made, params=(number,), aval=made.params[0].avals()[number])

    def _stack(self, made: Node, x: Node) -> Stack:
        if x in self.stacks:
            return Stack(self._out(made, self.stacks[x]), False)
        found = self._moving_stack(x)
        assert found is not None
        return found

    def _summed(self, made: Node, total: Node) -> Node:
        if total.op.name == "sum":
            axes: tuple[int, ...] = total.params[0]
            params: tuple[Any, ...] = ((0, *[axis + 1 for axis in axes]), *total.params[1:])
            return self.builder.op(total.op, self._stack(made, total.inputs[0]).node, params=params, aval=total.aval)
        turned, y = total.inputs
        a, b = self._stack(made, turned.inputs[0]), self._stack(made, y)
        if a.back != b.back:
            if a.node.aval.size <= b.node.aval.size:
                a = self._reversed(a)
            else:
                b = self._reversed(b)
        flat: list[Node] = []
        for side in (a, b):
            trips, rows, columns = side.node.aval.shape
            flat.append(self._reshaped(side.node, (trips * rows, columns)))
        aval = Aval(flat[0].aval.shape[::-1], flat[0].aval.dtype)
        left = self.builder.op(TRANSPOSE, flat[0], params=((1, 0),), aval=aval)
        return self.builder.op(total.op, left, flat[1], params=total.params, aval=total.aval)

    def _reversed(self, x: Stack) -> Stack:
        index = (slice(None, None, -1),)
        return Stack(self.builder.op(GETITEM, x.node, params=(index,), aval=x.node.aval), not x.back)

    def _reshaped(self, x: Node, shape: tuple[int, ...]) -> Node:
        if x.aval.shape == shape:
            return x
        return self.builder.op(RESHAPE, x, params=(shape,), aval=Aval(shape, x.aval.dtype))


def _is_product(node: Node) -> bool:
    """Of two matrices of floats."""
    return (
        node.op.name == "matmul"
        and all(len(x.aval.shape) == 2 and x.aval.dtype == node.aval.dtype for x in node.inputs)
        and node.aval.dtype.kind == "f"
    )


def _bytes(aval: Aval) -> int:
    return aval.size * aval.dtype.itemsize
