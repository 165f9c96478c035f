"""``jet``: all derivatives up to an order at once, by truncated power series.

Along the curve ``x + t`` every value of a program is a power series in t. What adds, multiplies, divides or moves
elements has a rule for its coefficients. Every other op is solved as the differential equation that it satisfies by
the chain rule: ``y'(t)`` is its own push of ``x'(t)``, recorded as a graph of other ops, whose coefficient k - 1 gives
y's coefficient k. So ``exp`` is ``y' = y x'``, and sine and cosine are found through each other, since equal ops on
equal inputs are one node. One local rule serves here, too.

Griewank and Walther, *Evaluating Derivatives* (2008), chapter 13; Knuth, volume 2, 4.7, on power series.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from geartrain import tree
from geartrain.chain import push
from geartrain.errors import InputError, teach
from geartrain.ir.aval import Array, aval_of
from geartrain.ir.node import CONST, INPUT, Node, Table
from geartrain.ir.op import Constant, Linear, Op, Rule
from geartrain.ir.untyped import numpy as np
from geartrain.ops import pointwise
from geartrain.recording import record
from geartrain.run import F, Run, called, is_value
from geartrain.trace.level import aside
from geartrain.trace.tracer import ALIAS, Tracer, value_of

__all__ = ["jet"]

Coefficient = Any
"""An array, or ``None`` for zero."""


def jet(f: F, x: Any, *, order: int) -> Any:
    """The value of ``f`` at ``x`` and its derivatives up to ``order``: Taylor mode.

    Args:
        f: a function of one number, to a number, an array, or a container of them.
        x: where, a float or complex number.
        order: of the last derivative. The work grows with its square (with its cube for some special functions), not
            exponentially as in ``grad(grad(...))``.

    Returns:
        A container like ``f(x)``, of arrays with a new first axis: element k is the k-th derivative, which is k! times
        the k-th coefficient of the Taylor series.

    For a function of several numbers, give the curve: ``jet(lambda t: f(x + t * v), 0.0, order=n)``. At a kink the
    derivatives are those of one side or of neither, as documented per operation in ``docs/derivatives.md``.

    Raises:
        InputError: ``x`` is no floating number, or ``order`` no whole number from 0.

    >>> jet(lambda x: np.exp(2 * x), 0.0, order=4)
    array([ 1.,  2.,  4.,  8., 16.])
    >>> jet(lambda t: [t**3, np.array([1.0, t])], 2.0, order=2)
    [array([ 8., 12., 12.]), array([[1., 2.],
           [0., 1.],
           [0., 0.]])]
    """
    given = value_of(x)
    if not is_value(x) or np.shape(given) != () or aval_of(given).dtype.kind not in "fc":
        what = f"the argument is {called(x)}, and a Taylor series is in one number."
        raise InputError(teach("jet", what, "Pass a float, or give a curve: gt.jet(lambda t: f(x + t * v), 0.0, ...)."))
    if not isinstance(order, int) or isinstance(order, bool) or order < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(teach("jet", f"order={order!r} counts no derivatives.", "Give a whole number from 0."))
    run = Run("jet", f, (x,))
    series = _Series()
    known = series.read(run)
    results: list[Any] = []
    for y in run.results:
        node, value = run.output(y)
        if not is_value(value):
            results.append(value)
            continue
        found: list[Coefficient] = [value, *[None] * order] if node is None else series.of(known[node], order)
        results.append(_derivatives(found, value))
    run.level.forget()
    return tree.unflatten(run.result_def, results)


def _derivatives(coefficients: Sequence[Coefficient], value: Any) -> Array:
    """Coefficients as derivatives, along a new first axis."""
    zero = np.zeros(np.shape(value), aval_of(value_of(value)).dtype)
    parts = [zero if c is None else c * float(math.factorial(k)) if k > 1 else c for k, c in enumerate(coefficients)]
    return np.stack(parts)


def _no_value(*_: object) -> Array:
    raise RuntimeError("a flow has coefficients; it is not computed")


FLOW = Op(name="flow", fn=_no_value)
"""How fast the series of its operand moves: its derivative in t."""


class _Series:
    """The power series of the nodes of a program, as far as they have been asked for.

    ``coefficients`` grow one at a time. Nodes are interned, those of the program together with those of the rates that
    are recorded on the way; ``still`` has the ones that do not depend on t.
    """

    def __init__(self) -> None:
        self.table = Table()
        self.coefficients: dict[Node, list[Coefficient]] = {}
        self.still: set[Node] = set()
        self.rates: dict[Node, Node | None] = {}

    def read(self, run: Run) -> dict[Node, Node]:
        """Take in the tape of a run of one input; the nodes that stand for those of the tape."""
        (x,) = run.nodes
        assert x is not None
        known = {x: Node(INPUT, (), (), x.aval)}
        given = run.leaves[0]
        self.coefficients[known[x]] = [given, aval_of(value_of(given)).dtype.type(1)]
        for node in run.level.segment:
            if node.depends & run.level.bit and node is not x:
                inputs = tuple([known[i] if i in known else self._constant(run.operand(i)) for i in node.inputs])
                if node.op is ALIAS:
                    known[node] = inputs[0]
                    continue
                known[node] = made = self.table.node(node.op, inputs, node.params, node.aval)
                value = run.operand(node)
                if type(value) is Tracer or value is not node.aval:  # a storage that is written to has no value
                    self.coefficients.setdefault(made, [value])
        return known

    def _constant(self, value: Array) -> Node:
        if type(value) is Tracer:  # an outer transformation sees it move
            node = Node(INPUT, (), (), aval_of(value_of(value)))
        else:
            node = self.table.const(value)
            value = node.value
        self.coefficients.setdefault(node, [value])
        self.still.add(node)
        return node

    def of(self, node: Node, order: int) -> list[Coefficient]:
        """The coefficients of a node up to an order."""
        for k in range(order + 1):
            self._extend(node, k)
        return self.coefficients[node][: order + 1]

    def _extend(self, node: Node, k: int) -> None:
        """Find the coefficients of a node up to k, and before them those that they need."""
        stack = [(node, k)]
        while stack:
            node, k = stack[-1]
            have = self.coefficients.setdefault(node, [])
            if len(have) > k:
                stack.pop()
                continue
            following = len(have)
            missing = [(x, j) for x, j in self._needs(node, following) if len(self.coefficients.get(x, ())) <= j]
            if missing:
                stack += missing
            else:
                have.append(self._coefficient(node, following))

    def _needs(self, node: Node, k: int) -> Iterator[tuple[Node, int]]:
        """The coefficients that the k-th one of a node is made of, beside the earlier ones of its own."""
        op = node.op
        if op is FLOW:
            yield node.inputs[0], k + 1
        elif k == 0 or isinstance(op, Linear) or op in _ALGEBRAIC:
            yield from ((x, k) for x in node.inputs)
        elif not self._stands(node):
            rate = self._rate(node)
            if rate is not None:
                yield rate, k - 1

    def _stands(self, node: Node) -> bool:
        """Whether a node has no coefficient but the first."""
        return not node.inputs or isinstance(node.op, Constant) or all(x in self.still for x in node.inputs)

    def _coefficient(self, node: Node, k: int) -> Coefficient:
        op = node.op
        if op is FLOW:
            return _times(k + 1, self.coefficients[node.inputs[0]][k + 1])
        if k and self._stands(node):
            return None
        xs = [self.coefficients[x] for x in node.inputs]
        if k == 0:
            return op(*[_filled(x[0], of) for x, of in zip(xs, node.inputs, strict=True)], params=node.params)
        if isinstance(op, Linear):
            return _moved_together(node, op, xs, k) if op.jointly else self._multiplied(node, op, xs, k)
        if op in _ALGEBRAIC:
            return _ALGEBRAIC[op](k, self.coefficients[node], *xs)
        rate = self._rate(node)
        return None if rate is None else _times(1 / k, self.coefficients[rate][k - 1])

    def _multiplied(self, node: Node, op: Linear, xs: Sequence[list[Coefficient]], k: int) -> Coefficient:
        """Cauchy's product: all ways to share the order k among the operands that move."""
        moving = [i for i, x in enumerate(node.inputs) if x not in self.still and _transposes(op, i)]
        total: Coefficient = None
        for orders in _shares(k, len(moving)):
            parts = [x[0] for x in xs]
            for i, j in zip(moving, orders, strict=True):
                parts[i] = xs[i][j]
            if not any(part is None for part in parts):
                total = _plus(total, op(*parts, params=node.params))
        return total

    def _rate(self, node: Node) -> Node | None:
        """The node of ``y'(t)``: the op's own push of the flows of its operands, recorded on the values at t = 0."""
        if node in self.rates:
            return self.rates[node]
        values = [value_of(_filled(self.coefficients[x][0], x)) for x in node.inputs]
        y = value_of(self.coefficients[node][0])
        moving = [i for i, x in enumerate(node.inputs) if x not in self.still and x.aval.dtype.kind in "fc"]

        def pushed(y: Array, *rest: Array) -> Array:
            xs, dots = list(values), [None] * len(values)
            for i, x, dot in zip(moving, rest[: len(moving)], rest[len(moving) :], strict=True):
                xs[i], dots[i] = x, dot
            return push(node, y, xs, dots)

        around = [values[i] for i in moving]
        flows = [np.ones(np.shape(x), aval_of(x).dtype)[()] for x in around]
        graph, _ = aside(record, (pushed, y, *around, *flows))
        if not graph.outputs:
            self.rates[node] = None
            return None
        inputs = [node.inputs[i] for i in moving]
        own = [node, *inputs, *[self.table.node(FLOW, (x,), (), x.aval) for x in inputs]]
        known = dict(zip(graph.inputs, own, strict=True))
        for n in graph.nodes:
            if n.op is CONST:
                known[n] = self._constant(n.value)
            else:
                inputs = tuple([known[x] for x in n.inputs])
                known[n] = self.table.node(n.op, inputs, n.params, n.value)
                if all(x in self.still for x in inputs):
                    self.still.add(known[n])
        self.rates[node] = rate = known[graph.outputs[0]]
        return rate


def _filled(x: Coefficient, like: Node) -> Array:
    """A first coefficient that is zero, as an array."""
    return np.zeros(like.aval.shape, like.aval.dtype)[()] if x is None else x


def _transposes(op: Linear, i: int) -> Rule | None:
    return op.transposes[min(i, len(op.transposes) - 1)]


def _shares(k: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All tuples of so many numbers from 0 that add up to k."""
    for cuts in itertools.combinations(range(k + parts - 1), parts - 1):
        ends = (-1, *cuts, k + parts - 1)
        yield tuple([b - a - 1 for a, b in itertools.pairwise(ends)])


def _moved_together(node: Node, op: Linear, xs: Sequence[list[Coefficient]], k: int) -> Coefficient:
    """An op that is linear in all operands together takes their k-th coefficients."""
    fixed = [_transposes(op, i) is None for i in range(len(xs))]
    parts = [x[0] if f else x[k] for x, f in zip(xs, fixed, strict=True)]
    if all(f or part is None for part, f in zip(parts, fixed, strict=True)):
        return None
    return op(*[_filled(part, x) for part, x in zip(parts, node.inputs, strict=True)], params=node.params)


# Arithmetic of coefficients: ``rule(k, ys, *xs)`` is the k-th one, where ``ys`` are those of the result before it.


def _plus(a: Coefficient, b: Coefficient) -> Coefficient:
    return b if a is None else a if b is None else a + b


def _times(a: Any, b: Coefficient) -> Coefficient:
    return None if a is None or b is None else b if type(a) is int and a == 1 else a * b


def _negative(a: Coefficient) -> Coefficient:
    return None if a is None else -a


def _product(k: int, ys: Sequence[Coefficient], a: Sequence[Coefficient], b: Sequence[Coefficient]) -> Coefficient:
    total: Coefficient = None
    for j in range(k + 1):
        total = _plus(total, _times(a[j], b[k - j]))
    return total


def _quotient(k: int, ys: Sequence[Coefficient], a: Sequence[Coefficient], b: Sequence[Coefficient]) -> Coefficient:
    rest: Coefficient = a[k]
    for j in range(k):
        rest = _plus(rest, _negative(_times(ys[j], b[k - j])))
    return None if rest is None else rest / b[0]


def _square(k: int, ys: Sequence[Coefficient], x: Sequence[Coefficient]) -> Coefficient:
    half: Coefficient = None
    for j in range((k + 1) // 2):
        half = _plus(half, _times(x[j], x[k - j]))
    twice = _times(2, half)
    return twice if k % 2 else _plus(twice, _times(x[k // 2], x[k // 2]))


def _sum(k: int, ys: Sequence[Coefficient], a: Sequence[Coefficient], b: Sequence[Coefficient]) -> Coefficient:
    return _plus(a[k], b[k])


def _difference(k: int, ys: Sequence[Coefficient], a: Sequence[Coefficient], b: Sequence[Coefficient]) -> Coefficient:
    return _plus(a[k], _negative(b[k]))


def _minus(k: int, ys: Sequence[Coefficient], x: Sequence[Coefficient]) -> Coefficient:
    return _negative(x[k])


def _same(k: int, ys: Sequence[Coefficient], x: Sequence[Coefficient]) -> Coefficient:
    return x[k]


def _reciprocal(k: int, ys: Sequence[Coefficient], x: Sequence[Coefficient]) -> Coefficient:
    return _quotient(k, ys, [None] * (k + 1), x)


_ALGEBRAIC: dict[Op, Callable[..., Coefficient]] = {
    pointwise.ADD: _sum,
    pointwise.SUBTRACT: _difference,
    pointwise.NEGATIVE: _minus,
    pointwise.POSITIVE_OP: _same,
    pointwise.MULTIPLY: _product,
    pointwise.DIVIDE: _quotient,
    pointwise.RECIPROCAL: _reciprocal,
    pointwise.SQUARE: _square,
}
