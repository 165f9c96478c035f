"""Nodes whose values are computed when somebody asks, and not when they are recorded.

While ``jit`` records a gradient, most of what the sweep back makes is graph that nobody looks at: the compiled program
will compute it. So these nodes wait, in the order in which they were made. Who reads the ``value`` of one of them has
all computed that wait; that costs what it would have cost at once, and the values are the same.
"""

import collections
import math
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from geartrain.ir.aval import Array, Aval, aval_of
from geartrain.ir.node import Node
from geartrain.ir.op import Op, run_aside
from geartrain.kinds import kind_of
from geartrain.ops.index import GETITEM, SCATTER_ADD, fill

__all__ = ["Away", "Gone", "Late", "Like", "Waiting", "kept_value"]


kept_value: Callable[[Node], Any] = vars(Node)["value"].__get__
"""The value of a node if it has one; of one that waits, ``NotImplemented``. Nothing is computed."""

_set: Callable[[Node, Any], None] = vars(Node)["value"].__set__


class Gone(NamedTuple):
    """What is left of the value of a node that nobody can reach; ``aval_of`` knows it by its shape and dtype."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Away(NamedTuple):
    """What is left of a value that has been let go and can be computed again."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True, eq=False, slots=True)
class Like:
    """What a value is without its numbers: its type (an array without axes is no scalar), its aval, its elements.

    Two are the same if they are one object: see :class:`Waiting`.
    """

    kind: Any
    aval: Aval
    size: int


class Late(Node):
    """A node whose value may wait. ``like`` is known at once.

    ``gives``: it writes a part of its first operand, which nobody else reads any more, so it may change it in place.
    """

    __slots__ = ("_waiting", "gives", "like")

    def __init__(
        self,
        op: Op,
        inputs: tuple[Node, ...],
        params: tuple[Any, ...],
        like: Like,
        depends: int,
        waiting: "weakref.ref[Waiting]",
        gives: bool = False,
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.params = params
        self.depends = depends
        self.like = like
        self.gives = gives
        self._waiting = waiting
        _set(self, NotImplemented)

    @property
    def value(self) -> Array:  # pyright: ignore[reportIncompatibleVariableOverride]
        found = kept_value(self)
        if found is NotImplemented or type(found) is Away:
            waiting = self._waiting()
            if waiting is not None:
                waiting.settle()
                found = kept_value(self)
            elif found is NotImplemented:
                raise RuntimeError("a value is asked for after its trace is gone")
        return found

    @value.setter
    def value(self, value: Array) -> None:
        _set(self, value)

    @property
    def waits(self) -> bool:
        """Whether its value is still to be computed, or to be computed again."""
        found = kept_value(self)
        return found is NotImplemented or type(found) is Away

    @property
    def aval(self) -> Aval:
        return self.like.aval

    def compute(self) -> Array:
        """Its value, of those of its operands, which are there."""
        op, inputs, params = self.op, self.inputs, self.params
        values = [x.value for x in inputs]
        if self.gives and type(inputs[0]) is Late and type(values[0]) is np.ndarray:
            inputs[0].value = Gone(values[0].shape, values[0].dtype)
            return _put(op, *values, *params)
        value = op.fn(*values, *params)
        if self.like.kind is not np.ndarray:
            return value[()] if type(value) is np.ndarray else value
        if type(value) is not np.ndarray:
            return np.asarray(value)
        return value.copy() if op is GETITEM and value.base is not None else value  # what it is a part of may change


def _put(op: Op, base: Array, part: Array, *rest: Any) -> Array:
    """A scatter into ``base`` itself."""
    *arrays, template = rest
    if op is SCATTER_ADD:
        np.add.at(base, fill(template, arrays), part)
    else:
        base[fill(template, arrays)] = part
    return base


class Keeper(Protocol):
    """Who lets go of the values on a ``tape``.

    ``again``: it may let go of what can be computed again. ``dropped``: it did.
    """

    tape: list[Node]
    again: bool
    dropped: bool

    def came(self, nbytes: int) -> None:
        """So many bytes of new values are on the tape."""
        ...


class Waiting:
    """The nodes of a trace that wait for their values, in the order of the tape; ``elements`` is how many numbers.

    ``likes`` has each :class:`Like` once, so that two are the same if they are one object. What sweeps learn about
    rules is in ``learned``.
    """

    __slots__ = ("__weakref__", "elements", "keeper", "learned", "likes", "me", "nodes")

    def __init__(self, keeper: Keeper) -> None:
        self.nodes: collections.deque[Late] = collections.deque()
        self.elements = 0
        self.likes: dict[Any, Like] = {}
        self.learned: dict[Any, Any] = {}
        self.me: weakref.ref[Waiting] = weakref.ref(self)
        self.keeper = keeper

    def kept(self, op: Op, inputs: tuple[Node, ...], params: tuple[Any, ...], value: Array, depends: int) -> Late:
        """A node that has its value, which may be let go and is computed again if somebody asks."""
        made = Late(op, inputs, params, self.like_of(value), depends, self.me)
        made.value = value
        return made

    def settle(self) -> None:
        """Compute all values that wait, and once those that were let go, which from then on are kept for the sweep."""
        run_aside[0](self._settle, ())

    def _settle(self) -> None:
        keeper, nodes = self.keeper, self.nodes
        if keeper.dropped:
            keeper.again = False
            for node in keeper.tape:
                if type(node) is Late and node.waits:
                    self._compute(node)
                if nodes and node is nodes[0]:
                    nodes.popleft()
            keeper.dropped = False
        while nodes:
            self._compute(nodes[0])
            nodes.popleft()  # not before: an interrupt may have come between
        self.elements = 0

    def _compute(self, node: Late) -> None:
        value = node.value = node.compute()
        del node  # who lets go counts who holds it
        if type(value) is np.ndarray:
            self.keeper.came(value.nbytes)

    def like(self, node: Node) -> Like:
        """What the value of a node is, also if it waits."""
        return node.like if type(node) is Late else self.like_of(kept_value(node))

    def like_of(self, value: Array) -> Like:
        """What a value is."""
        kind = kind_of(value)
        key = (value.shape, value.dtype) if kind is np.ndarray else (kind, *value) if kind in _SHAPES else kind
        return self.likes.get(key) or self._like(key, kind, aval_of(value))

    def array(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Like:
        """An array; without axes it is a scalar of NumPy's, as operations give it."""
        if not shape:
            return self.likes.get(dtype.type) or self._like(dtype.type, dtype.type, Aval(shape, dtype))
        return self.likes.get((shape, dtype)) or self._like((shape, dtype), np.ndarray, Aval(shape, dtype))

    def _like(self, key: Any, kind: Any, aval: Aval) -> Like:
        made = self.likes[key] = Like(kind, aval, math.prod(aval.shape))
        return made


_SHAPES = frozenset((Aval, Gone))
