"""Nodes: one operation applied to inputs."""

from collections.abc import Hashable
from typing import Any

import numpy as np

from geartrain.ir.aval import Array, Aval, aval_of, is_array
from geartrain.ir.op import Op
from geartrain.kinds import kind_of

__all__ = ["CONST", "INPUT", "Node", "Table", "bits"]


def _no_value(*_: object) -> Array:
    raise RuntimeError("inputs and constants have a value; they are not computed")


INPUT = Op(name="input", fn=_no_value)
CONST = Op(name="const", fn=_no_value)


class Node:
    """One operation applied to inputs. Immutable; compared by identity.

    ``value`` is what the node is: in a pure graph its ``Aval`` (for a constant, the constant itself); on the tape of a
    trace the concrete value seen there, or its ``Aval`` as long as no rule can need more.
    ``depends`` is a set of bits: the transformations under way whose inputs this value depends on. Zero in a graph.
    """

    __slots__ = ("depends", "inputs", "op", "params", "value")

    def __init__(
        self, op: Op, inputs: tuple["Node", ...], params: tuple[Any, ...], value: Array, depends: int = 0
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.params = params
        self.value = value
        self.depends = depends

    @property
    def aval(self) -> Aval:
        value = self.value
        return value if type(value) is Aval else aval_of(value)

    def __repr__(self) -> str:
        return f"<{self.op.name} {self.value!r}>"


class Table:
    """Interns pure nodes: the same operation on the same inputs is the same node, so common subexpressions are free.

    A table lives and dies with what it was made for. ``1 == True == 1.0``, ``0.0 == -0.0`` and ``nan != nan`` are
    told apart by keys that carry type and bits.

    >>> from geartrain.ir.op import Op
    >>> table, neg = Table(), Op(name="neg", fn=np.negative)
    >>> x = table.input(Aval((), np.dtype(float)))
    >>> table.node(neg, (x,), (), x.value) is table.node(neg, (x,), (), x.value)
    True
    >>> table.const(0.0) is table.const(-0.0), table.const(1) is table.const(True)
    (False, False)
    """

    def __init__(self) -> None:
        self._nodes: dict[Hashable, Node] = {}

    def input(self, aval: Aval) -> Node:
        return Node(INPUT, (), (), aval)

    def const(self, value: Array) -> Node:
        if is_array(value) and (value.flags.writeable or not value.flags.owndata):
            value = value.copy()
            value.flags.writeable = False
        return self._nodes.setdefault((CONST, bits(value)), Node(CONST, (), (), value))

    def node(self, op: Op, inputs: tuple[Node, ...], params: tuple[Any, ...], aval: Aval | tuple[Aval, ...]) -> Node:
        key = (op, inputs, bits(params) if params else ())
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = Node(op, inputs, params, aval)
        return found

    def enter(self, node: Node) -> Node:
        """The node that is equal to this one: the first that was made or entered."""
        if node.op is CONST:
            return self._nodes.setdefault((CONST, bits(node.value)), node)
        params = node.params
        return self._nodes.setdefault((node.op, node.inputs, bits(params) if params else ()), node)


_SMALL = 4096
"""Bytes of a constant array up to which it is compared by value; a larger one is equal to itself only."""


_OWN = frozenset([int, str, type(None), type(...)])
"""Types whose values are their own keys: what equals one of them, but is of another type, has a key of another form."""


def bits(value: Any) -> Hashable:
    """A hashable key that tells apart everything that behaves differently."""
    kind = kind_of(value)
    if kind in _OWN:
        return value
    if kind is tuple:
        return (tuple, *[part if kind_of(part) in _OWN else bits(part) for part in value])
    if kind is slice:
        start, stop, step = value.start, value.stop, value.step
        if {kind_of(start), kind_of(stop), kind_of(step)} <= _OWN:
            return slice, start, stop, step
        return slice, bits(start), bits(stop), bits(step)
    if is_array(value):
        if value.dtype == object:
            return kind, id(value)
        same = value.tobytes() if value.nbytes <= _SMALL else id(value)
        return kind, value.shape, value.dtype.str, same
    if isinstance(value, np.generic):
        return kind, value.tobytes()
    return (kind, repr(value)) if kind is float or kind is complex else (kind, value)
