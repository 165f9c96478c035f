"""One traced run of a function: its tape, its inputs, what came out, and the two sweeps along the tape."""

import collections
import operator
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np

from geartrain import tree, zero
from geartrain.again import Ends, is_careful
from geartrain.chain import Operand, pull_once, pull_through, push_through
from geartrain.errors import InputError, teach
from geartrain.ir.aval import Array, aval_of, is_array
from geartrain.ir.node import Node
from geartrain.kinds import kind_of
from geartrain.nodewise import applies, pull_nodes
from geartrain.ops.complexes import REAL
from geartrain.ops.shape import ITEM, cast
from geartrain.trace import intercept, methods, wear
from geartrain.trace.level import DEAD, Kind, Level
from geartrain.trace.tracer import (
    Tracer,
    capture,
    depends_of,
    kind_of_value,
    known,
    new_input,
    node_of,
    refuse_strange,
    value_of,
    waits,
)

__all__ = ["F", "Run", "as_leaf", "called", "is_value", "throw_away"]

F = Callable[..., Any]

assert methods.METHODS
assert wear.OPERATORS  # a tracer without its dress could do nothing


_VALUES = (np.ndarray, np.generic, bool, int, float, complex)


def is_value(x: Any) -> bool:
    """Whether ``x`` is a number or an array, traced or not."""
    return type(x) is Tracer or isinstance(x, _VALUES)


_STATIC = (bool, int, np.integer, np.bool_)


def is_static(x: Any) -> bool:
    """Whether ``jit`` takes ``x`` as a part of the program: whole numbers, truth values, and what is no number."""
    return type(x) is not Tracer and (isinstance(x, _STATIC) or not is_value(x))


def lift(name: str, level: Level, values: Sequence[Any]) -> list[Any]:
    """Fresh inputs of a level for the leaves; what is not a number is passed on as it is."""
    grad = level.kind == "grad"
    if grad:
        _check_movable(name, values)
    out: list[Any] = []
    for x in values:
        refuse_strange(name, x)
        kind = aval_of(x).dtype.kind if is_value(x) else ""
        if grad and kind and kind not in "fc":
            raise InputError(
                teach(
                    name,
                    f"an argument to differentiate in is {called(x)}, which has no derivative.",
                    "Pass floats: 3.0, or x.astype(float); or choose other arguments by argnums.",
                )
            )
        if level.kind in ("jit", "vmap") and kind and kind not in "fciub":
            what = f"an argument is {called(x)}, and only numbers can be traced."
            raise InputError(teach(name, what, "Pass numbers or truth values; text as strings; objects in a closure."))
        lifted = not is_static(x) if level.kind == "jit" else kind != "" and kind in "fciub"
        out.append(new_input(level, x) if lifted else x)
    return out


def _check_movable(name: str, values: Sequence[Any]) -> None:
    """Refuse arguments that would be handed back as their own gradient."""
    for x in values:
        if not is_value(x) and isinstance(x, (dict, list, set, frozenset, collections.deque)):
            what = f"an argument to differentiate in holds {called(x)}, in which no numbers are looked for."
            raise InputError(teach(name, what, "Make it a dict, a list, a tuple, a namedtuple or a dataclass."))
    if values and not any(map(is_value, values)):
        what = f"there is no number to differentiate in: the arguments hold {called(values[0])}."
        do = "Pass numbers, arrays or containers of them (a dataclass is one); or choose other arguments by argnums."
        raise InputError(teach(name, what, do))


def called(x: Any) -> str:
    """What an error calls an argument or a result."""
    if not is_value(x):
        name = type(x).__name__
        return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
    value = value_of(x)
    aval = aval_of(value)
    if is_array(value) and aval.dtype == object:
        return "an array of Python objects"
    return f"a {aval.said()}" if aval.weak else f"{aval!r} (of integers)" if aval.dtype.kind in "iu" else repr(aval)


_VALUE = operator.attrgetter("value")


class Run:
    """``f(*args, **kwargs)``, run once with traced leaves of ``args``.

    ``nodes`` has the input node of each leaf (``None`` for a leaf that is no number, and under ``jit`` for what is
    static); ``out`` is what the function returned, ``results`` its leaves and ``result_def`` its containers;
    ``level.segment`` has the nodes made on the way, in order. The sweeps of a run that is ``nan_safe`` are those of
    ``zero``.
    """

    def __init__(
        self,
        name: str,
        f: F,
        args: Sequence[Any],
        kwargs: dict[str, Any] | None = None,
        *,
        kind: Kind = "grad",
        lines: bool = False,
        nan_safe: bool = False,
    ) -> None:
        self.name = name
        self.nan_safe = nan_safe
        self.leaves, self.treedef = tree.flatten(tuple(args))
        intercept.watch(f)
        with Level(kind, lines=lines) as level:
            self.inputs = lift(name, level, self.leaves)
            self.nodes = [node_of(x) if type(x) is Tracer else None for x in self.inputs]
            self.out = intercept.stand_in(f)(*tree.unflatten(self.treedef, self.inputs), **(kwargs or {}))
            self.results, self.result_def = tree.flatten(self.out)
            for y in self.results:
                if type(y) is Tracer and depends_of(y):
                    node_of(y)  # a view gets its node here, where it still belongs to the segment
        self.level = level
        self.trace = level.trace
        self.outer = level.outer_bits

    @property
    def operand(self) -> Operand:
        """How a sweep reads the value of a node. Kept as an attribute, it would hold the run in a circle."""
        return self._operand if self.outer else _VALUE

    def _operand(self, node: Node) -> Array:
        """What rules see: a number, or a tracer if an outer transformation is to see the derivative's own program."""
        return Tracer(self.trace, node) if node.depends & self.outer else node.value

    def output(self, y: Any) -> tuple[Node | None, Array]:
        """The node of an output (if it depends on the inputs) and the output as the caller sees it."""
        if type(y) is not Tracer:
            return None, y
        depends = depends_of(y)
        node = node_of(y) if depends & self.level.bit else None
        if depends & self.outer:
            return node, y
        value = value_of(y)
        return node, _own(value) if node is not None else value

    @property
    def waits(self) -> bool:
        """Whether there is a result whose value nobody has asked for, so that it was not computed."""
        return any(type(y) is Tracer and waits(y) for y in self.results)

    def is_array(self, y: Any) -> bool:
        """Whether an output is an ndarray as the caller sees it."""
        return issubclass(kind_of_value(y), np.ndarray)

    def constant_or_node(self, y: Any) -> Node:
        """The node of a result, also of one that depends on nothing."""
        if type(y) is Tracer and depends_of(y):
            return node_of(y)
        return capture(value_of(y))

    def outputs(self, out: Any) -> Any:
        """A container of outputs as the caller sees it."""
        return tree.map(self._shown, out)

    def _shown(self, y: Any) -> Any:
        return self.output(y)[1]

    def pull(self, y_bars: dict[Node, Array]) -> list[Any]:
        """The cotangents of the leaves."""
        if self.nan_safe or zero.sweeping.safely:
            with zero.safely():
                bars = pull_through(self.level.segment, self.level.bit, y_bars, self.operand, rule=zero.pull)
        else:
            bars = pull_through(self.level.segment, self.level.bit, y_bars, self.operand)
        return self._as_leaves(bars)

    def pull_once(self, y_bars: dict[Node, Array]) -> list[Any]:
        """The same, for a run of which nothing else is wanted: what is behind the sweep is let go."""
        level = self.level
        if any(is_careful(node) for node in level.segment):
            return self.pull(y_bars)
        self.out, self.results = None, []  # from the last node the whole tape can be reached
        ends = {node for node in self.nodes if node is not None}
        what = level.segment, level.bit, y_bars, self.operand, ends, level.nested
        if self.nan_safe or zero.sweeping.safely:
            with zero.safely():
                return self._as_leaves(pull_once(*what, rule=zero.pull))
        if applies(self.trace, self.outer):
            return self._as_leaves(pull_nodes(*what, self.trace))
        return self._as_leaves(pull_once(*what))

    def _as_leaves(self, bars: dict[Node, Array]) -> list[Any]:
        seen: set[int] = set()
        return [
            as_leaf(bars.get(n), x, seen) if n is not None else x for n, x in zip(self.nodes, self.leaves, strict=True)
        ]

    def pull_in_parts(self, y_bars: dict[Node, Array]) -> Iterator[tuple[int, Any]]:
        """The number and the cotangent of each leaf that is a number, as soon as the cotangent is whole.

        That is when its first use in the program is behind the sweep back. So the sweep stops there.
        """
        tape = self.level.segment
        number = {node: i for i, node in enumerate(self.nodes) if node is not None}
        first: dict[Node, int] = {}
        for place, node in enumerate(tape):
            for x in node.inputs:
                if x in number:
                    first.setdefault(x, place)
        behind, seen, ends = len(tape), set[int](), Ends(tape, dict(y_bars))
        unused = {node: behind for node in number if node not in first}
        for node, place in (*unused.items(), *reversed(first.items())):
            pull_through(tape[place:behind], self.level.bit, y_bars, self.operand, ends=ends)
            behind = place
            i = number[node]
            yield i, as_leaf(y_bars.get(node), self.leaves[i], seen)

    def throw_away(self, everything: bool = False) -> None:
        """Take what this run made off the tape: see :func:`throw_away`."""
        throw_away(self.level, everything)

    def push(self, x_dots: dict[Node, Array], wanted: Collection[Node] | None = None) -> dict[Node, Array]:
        """The tangents of all nodes that move, or at least of the ``wanted`` ones."""
        if self.nan_safe or zero.sweeping.safely:
            with zero.safely():
                return push_through(self.level.segment, self.level.bit, x_dots, self.operand, rule=zero.push)
        return push_through(self.level.segment, self.level.bit, x_dots, self.operand, wanted)


def throw_away(level: Level, everything: bool = False) -> None:
    """Take what a level made off the tape: what depends on its inputs, or ``everything``.

    To be called when a program has been made of the run. Who kept a value of it has a leak from now on.
    """
    bit, tape = level.bit, level.trace.tape
    gone = [node for node in level.segment if node.depends and (everything or node.depends & bit)]
    if level.nested:
        thrown = set(gone)
        tape[level.start :] = [node for node in tape[level.start :] if node not in thrown]
    for node in gone:
        node.depends = DEAD
    level.forget()


def _own(value: Array) -> Array:
    """An array that the caller may keep and change: not a view of the tape's."""
    return value if not is_array(value) or value.flags.owndata else value.copy()


def as_leaf(bar: Array, like: Array, seen: set[int]) -> Array:
    """A tangent or cotangent with the shape and dtype of what it belongs to, in memory of its own; ``None`` is zero."""
    if type(bar) is Tracer:
        if depends_of(bar):
            aval = aval_of(known(bar))
            if not aval.dtype.isnative:
                bar = cast(bar, aval.dtype.newbyteorder("="))
            weak = aval_of(value_of(like)).weak and not aval.weak
            return ITEM(bar) if weak and aval.shape == () else bar
        bar = value_of(bar)
    like = value_of(like)
    if bar is None:
        return np.zeros_like(like) if is_array(like) else _scalar(like, 0)
    dtype = aval_of(like).dtype
    if dtype.kind == "f" and aval_of(bar).dtype.kind == "c":
        bar = REAL(bar)
    if is_array(like):
        if type(bar) is not np.ndarray or bar.dtype != dtype or not dtype.isnative:
            bar = _converted(bar, dtype.newbyteorder("="))
        if not bar.flags.owndata or not bar.flags.writeable or id(bar) in seen:
            bar = bar.copy()
        seen.add(id(bar))
        return bar
    return _scalar(like, bar)


def _converted(value: Array, dtype: np.dtype[Any]) -> Array:
    return np.asarray(value, dtype)


def _scalar(like: Array, value: Array) -> Array:
    kind = kind_of(like)
    return kind(value)
