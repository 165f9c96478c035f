"""Complex numbers as pairs of real ones: behind this pass no loop nest meets a complex dtype.

A complex input or output of shape (...) is an array of floats of shape (..., 2) over the same memory; in between, the
two parts are nodes of their own, so that they need not lie side by side. What ``passes/complexes.py`` has no expression
for stays an operation on complex numbers, which NumPy computes: it is wrapped to take and give pairs.
"""

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from geartrain.ir.aval import Array, Aval, aval_of
from geartrain.ir.graph import Graph, topological
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.ir.op import Op, is_traced
from geartrain.ops.index import GETITEM
from geartrain.ops.join import STACK
from geartrain.ops.shape import CAST, TRANSPOSE
from geartrain.passes.complexes import APART, PARTS
from geartrain.passes.expand import expand
from geartrain.passes.rewrite import Builder, uniform
from geartrain.recent import Recent
from geartrain.trace import wear
from geartrain.trace.level import Level, aside
from geartrain.trace.tracer import Tracer, capture, new_input, node_of

__all__ = ["as_pairs", "in_pairs"]

assert wear.OPERATORS  # a tracer without its dress could do nothing

Parts = tuple[Node, ...]
"""Of a complex value both parts, of another one itself."""

CASTS = ("cast", "cast_constant")


def as_pairs(aval: Aval) -> Aval:
    """How a value lies in memory.

    >>> as_pairs(Aval((3,), np.dtype(complex)))
    f64[3,2]
    """
    if aval.dtype.kind != "c":
        return aval._replace(weak=False)
    return Aval((*aval.shape, 2), _part_dtype(aval.dtype))


def in_pairs(graph: Graph) -> Graph:
    """The graph on pairs; the same one if nothing in it is complex, or a complex number is not of two floats."""
    found = [x for x in (*graph.inputs, *graph.nodes) if type(x.value) is not tuple and x.aval.dtype.kind == "c"]
    if not found or any(x.aval.dtype.itemsize > 16 for x in found):
        return graph
    return _Splitter().graph(expand(graph))


def _part_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype


class _Splitter:
    def __init__(self) -> None:
        self.builder = Builder()
        self.parts: dict[Node, Parts] = {}
        self.pairs: dict[Node, Node] = {}  # what lies as pairs already

    def graph(self, graph: Graph) -> Graph:
        inputs: list[Node] = []
        for node in graph.inputs:
            if node.aval.dtype.kind == "c":
                inputs.append(self.builder.table.input(as_pairs(node.aval)))
                self.pairs[node], self.parts[node] = inputs[-1], self.taken_apart(inputs[-1])
            else:
                inputs.append(node)
                self.parts[node] = (node,)
        for node in graph.nodes:
            if node.op is not INPUT:
                self.parts[node] = self.split(node)
        return Graph.of(inputs, [self.joined(node) for node in graph.outputs])

    # Pairs in memory.

    def taken_apart(self, pairs: Node) -> Parts:
        aval = Aval(pairs.aval.shape[:-1], pairs.aval.dtype)
        return tuple([self.builder.op(GETITEM, pairs, params=((Ellipsis, i),), aval=aval) for i in range(2)])

    def joined(self, node: Node) -> Node:
        """A value as it lies in memory."""
        parts = self.parts[node]
        if len(parts) == 1:
            return parts[0]
        if node in self.pairs:
            return self.pairs[node]
        re, im = parts
        if re.op is GETITEM and im.op is GETITEM and re.inputs == im.inputs and self.taken_apart(re.inputs[0]) == parts:
            return re.inputs[0]
        return self.builder.op(STACK, re, im, params=(len(re.aval.shape),), aval=as_pairs(node.aval))

    # One node.

    def split(self, node: Node) -> Parts:
        if node.op is CONST:
            return self.constant(node)
        operands = [self.parts[x] for x in node.inputs]
        complex_in = any(len(x) == 2 for x in operands)
        if not complex_in and node.aval.dtype.kind != "c":
            return (self.builder.op(node.op, *[x[0] for x in operands], params=node.params, aval=node.value),)
        dtype = self.part_dtype(node)
        name = node.op.name
        if name in CASTS or name == "item":
            return self.cast(node, operands[0])
        if name in APART and node.aval.dtype.kind == "c":
            return self.apart(node, dtype)
        if name == "where" and node.aval.dtype.kind == "c":
            pairs = [self.pair(x, dtype) for x in operands[1:]]
            aval = Aval(node.aval.shape, dtype)
            return tuple([self.builder.op(node.op, operands[0][0], *xs, aval=aval) for xs in zip(*pairs, strict=True)])
        if name in PARTS and complex_in:
            pairs = [self.pair(x, dtype) for x in operands]
            shapes = tuple([x[0].aval.shape for x in pairs])
            params = node.params
            if name == "power":
                exponent = uniform(node.inputs[1])
                if exponent is None:
                    return self.numpy(node)
                params = (_whole(exponent),)
            made = _template(name, shapes, dtype, params)
            if as_pairs(node.aval) == as_pairs(_aval_of(made, node, dtype)):
                return self.instance(made, pairs, node)
        return self.numpy(node)

    def constant(self, node: Node) -> Parts:
        value = node.value
        if node.aval.dtype.kind != "c":
            return (self.builder.const(value),)
        dtype = _part_dtype(node.aval.dtype)
        return tuple([self.builder.const(np.asarray(part, dtype)[()]) for part in (np.real(value), np.imag(value))])

    def cast(self, node: Node, x: Parts) -> Parts:
        if node.aval.dtype.kind == "c":
            return self.pair(x, _part_dtype(node.aval.dtype))
        return (self.as_dtype(x[0], node.aval.dtype, node.op if node.op.name == "cast" else CAST),)

    def pair(self, x: Parts, dtype: np.dtype[Any]) -> Parts:
        """Both parts of an operand, in a dtype."""
        re = self.as_dtype(x[0], dtype)
        if len(x) == 2:
            return re, self.as_dtype(x[1], dtype)
        return re, self.builder.broadcast(self.builder.const(dtype.type(0)), re.aval.shape)

    def as_dtype(self, x: Node, dtype: np.dtype[Any], op: Op = CAST) -> Node:
        aval = Aval(x.aval.shape, dtype)
        if x.aval == aval:
            return x
        if x.op is CONST:
            return self.builder.const(np.asarray(x.value).astype(dtype)[()])
        return self.builder.op(op, x, params=(dtype,), aval=aval)

    def part_dtype(self, node: Node) -> np.dtype[Any]:
        """In which dtype NumPy computes: that of the result; for a real result, that of the operands together."""
        if node.aval.dtype.kind == "c":
            return _part_dtype(node.aval.dtype)
        strong = [x.aval.dtype for x in node.inputs if not x.aval.weak]
        return _part_dtype(np.result_type(*strong) if any(d.kind == "c" for d in strong) else np.dtype(complex))

    def apart(self, node: Node, dtype: np.dtype[Any]) -> Parts:
        """The same operation on each part; operands that are no numbers, such as indices, go with both."""
        linear = self.numbers(node)
        made: list[Node] = []
        if node.op is TRANSPOSE and node.inputs[0] in self.pairs:  # a view of pairs, for what reads matrices turned
            order = (*node.params[0], len(node.aval.shape))
            pairs = self.pairs[node.inputs[0]]
            self.pairs[node] = self.builder.op(TRANSPOSE, pairs, params=(order,), aval=as_pairs(node.aval))
        for i in range(2):
            operands = [
                self.pair(self.parts[x], dtype)[i] if k in linear else self.parts[x][0]
                for k, x in enumerate(node.inputs)
            ]
            made.append(self.builder.op(node.op, *operands, params=node.params, aval=Aval(node.aval.shape, dtype)))
        return tuple(made)

    def numbers(self, node: Node) -> range:
        """Which operands are numbers."""
        if node.op.name in ("concatenate", "stack"):
            return range(len(node.inputs))
        return range(2 if node.op.name.startswith("scatter") else 1)

    def instance(self, template: "_Template", pairs: Sequence[Parts], node: Node) -> Parts:
        made: dict[Node, Node] = dict(zip(template.inputs, [part for pair in pairs for part in pair], strict=True))
        for each in template.order:
            if each.op is CONST:
                made[each] = self.builder.const(each.value)
            elif each not in made:
                inputs = [made[x] for x in each.inputs]
                made[each] = self.builder.op(each.op, *inputs, params=each.params, aval=aval_of(each.value))
        return tuple([made[x] for x in template.outputs])

    def numpy(self, node: Node) -> Parts:
        """An operation that stays one on complex numbers."""
        kinds = tuple([(len(self.parts[x]), x.aval.weak) for x in node.inputs])
        operands = [self.joined(x) for x in node.inputs]
        wanted = node.aval.dtype if node.aval.dtype.kind == "c" else None
        aval = as_pairs(node.aval)
        made = self.builder.op(_wrapped(node.op, kinds, wanted), *operands, params=node.params, aval=aval)
        if wanted is None:
            return (made,)
        self.pairs[node] = made
        return self.taken_apart(made)


def _whole(exponent: Array) -> int | None:
    number = complex(exponent)
    return int(number.real) if number.imag == 0 and number.real in range(-99, 100) and number.real else None


_NODE = 500
"""Bytes of a node, about."""


class _Template:
    """An expression of parts as nodes: two inputs for each operand. It is kept, and the values that it saw are not."""

    def __init__(self, inputs: list[Node], outputs: list[Node]) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.order = topological(outputs, inputs)
        self.size = 0
        for node in (*inputs, *self.order):
            self.size += _NODE
            if node.op is CONST:
                self.size += getattr(node.value, "nbytes", 0)
            else:
                node.value = node.aval


def _aval_of(template: _Template, node: Node, dtype: np.dtype[Any]) -> Aval:
    first = aval_of(template.outputs[0].value)
    if len(template.outputs) == 1:
        return first._replace(weak=node.aval.weak)
    return Aval(first.shape, np.dtype(f"c{2 * dtype.itemsize}"), node.aval.weak)


_TEMPLATES: Recent[tuple[Any, ...], _Template] = Recent(4 << 20)
"""In bytes, about: some expressions have constants of the size of their operands."""


def _template(
    name: str, shapes: tuple[tuple[int, ...], ...], dtype: np.dtype[Any], params: tuple[Any, ...]
) -> _Template:
    key = name, shapes, dtype, params
    found = _TEMPLATES.get(key)
    if found is None:
        found = aside(_traced, (PARTS[name], shapes, dtype, params))
        _TEMPLATES.put(key, found, found.size)
    return found


def _traced(
    expression: Callable[..., Any], shapes: Sequence[tuple[int, ...]], dtype: np.dtype[Any], params: tuple[Any, ...]
) -> _Template:
    ones = [np.ones(shape, dtype)[()] for shape in shapes for _ in range(2)]
    with Level("record") as level, np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts: list[Array] = [new_input(level, one) for one in ones]
        inputs = [node_of(part) for part in parts]
        given = expression(*zip(parts[::2], parts[1::2], strict=True), *params)
        values: Sequence[Array] = (given,) if is_traced(given) else given
        outputs = [node_of(y) if type(y) is Tracer else capture(y) for y in values]
    return _Template(inputs, outputs)


@functools.lru_cache(maxsize=1024)
def _wrapped(op: Op, kinds: tuple[tuple[int, bool], ...], wanted: np.dtype[Any] | None) -> Op:
    """``op`` on pairs."""

    def fn(*values: Array) -> Array:
        operands: list[Array] = []
        for x, (parts, weak) in zip(values, kinds, strict=False):
            value: Array = x
            if parts == 2:
                dtype = np.dtype(f"c{2 * x.dtype.itemsize}")
                value = np.ascontiguousarray(x).view(dtype)[..., 0]
                value = value.item() if weak else value[()]
            operands.append(value)
        y: Array = op.fn(*operands, *values[len(kinds) :])
        if wanted is None:
            return y
        y = np.ascontiguousarray(y, wanted) if np.ndim(y) else np.asarray(y, wanted)
        return y[..., None].view(_part_dtype(wanted))

    alike = len({parts for parts, _ in kinds}) == 1
    return Op(name=f"{'complex' if alike else 'mixed'} {op.name}", fn=fn, data_shape=op.data_shape, effects=op.effects)
