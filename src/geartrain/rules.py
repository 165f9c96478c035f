"""Functions that are one operation: with a rule of the user's own, or run again instead of remembered."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from geartrain import tree
from geartrain.api import jvp, vjp
from geartrain.batch import batch
from geartrain.errors import InputError, teach
from geartrain.ir.aval import Array, Aval, aval_of, is_array
from geartrain.ir.graph import Graph
from geartrain.ir.interpret import interpret
from geartrain.ir.node import CONST, Node
from geartrain.ir.op import Custom, Op, Pointwise
from geartrain.kinds import kind_of
from geartrain.ops.shape import cast
from geartrain.recording import closure
from geartrain.run import F, Run, is_value
from geartrain.trace.apply import applied
from geartrain.trace.intercept import stand_in
from geartrain.trace.level import active, aside
from geartrain.trace.tracer import Tracer, plain, value_of

__all__ = ["checkpoint", "custom_rule"]


# An op has one result. Several travel as one flat array.


class _Packed(NamedTuple):
    """What the results of an op are, when they are not one array."""

    treedef: tree.TreeDef
    avals: tuple[Aval, ...]

    @staticmethod
    def of(leaves: Sequence[Array], treedef: tree.TreeDef) -> "_Packed | None":
        return None if treedef == tree.LEAF else _Packed(treedef, tuple([aval_of(y) for y in leaves]))

    def pack(self, leaves: Sequence[Array]) -> Array:
        dtype = np.result_type(*[a.dtype for a in self.avals])
        return np.concatenate([cast(np.reshape(y, (-1,)), dtype) for y in leaves])

    def unpack(self, flat: Array) -> Any:
        parts: list[Array] = []
        start = 0
        for aval in self.avals:
            part = np.reshape(flat[start : start + aval.size], aval.shape)
            part = np.real(part) if part.dtype.kind == "c" and aval.dtype.kind == "f" else part
            part = part if aval.shape else part[()]
            parts.append(part if part.dtype == aval.dtype else cast(part, aval.dtype))
            start += aval.size
        return tree.unflatten(self.treedef, parts)


def _unpacked(packed: _Packed | None, y: Array) -> Any:
    return y if packed is None else packed.unpack(y)


# A rule of the user's own.


def custom_rule(
    f: F | None = None,
    *,
    partials: Callable[..., Array] | Sequence[Callable[..., Array] | None] | None = None,
    push: Callable[..., Any] | None = None,
    pull: Callable[..., Any] | None = None,
) -> Any:
    """Make a function one operation with a rule of your own: for foreign code, or for better numbers.

    The function gets plain NumPy values, so it may call anything. One rule serves both directions and, as long as it is
    written in NumPy, every order. Give one of

    - ``partials``, for a function of each element alone: the local rate ``partial(y, *xs)``, or a tuple with one for
      each operand (``None`` for a rate of zero);
    - ``pull(y_bar, y, xs)``, which returns a tuple with the cotangent of each operand (``None`` for zero);
    - ``push(y, xs, xs_dot)``, which returns how the result moves. With both ``push`` and ``pull`` neither is derived
      from the other, so they may call foreign code themselves.

    Args:
        f: a function of arrays and numbers, passed by position, to an array, a number or a container of them. Keyword
            arguments are not differentiated.

    Raises:
        InputError: no rule, or two kinds of rule; an operand that is no number.

    >>> from geartrain.api import grad
    >>> import math
    >>> @custom_rule(partials=lambda y, x: np.cos(x))
    ... def sine(x):
    ...     return math.sin(x)
    >>> grad(lambda x: sine(x) ** 2)(0.5) == 2 * math.sin(0.5) * math.cos(0.5)
    True
    >>> @custom_rule(pull=lambda y_bar, y, xs: (np.clip(y_bar, -1.0, 1.0),))
    ... def clip_gradient(x):
    ...     return x
    >>> grad(lambda x: clip_gradient(x) ** 2)(30.0)
    1.0
    """
    if (partials is None) == (push is None and pull is None):
        what = "there is no rule." if partials is None else "partials= and push= or pull= are two rules."
        raise InputError(teach("custom_rule", what, "Give partials=, or push= or pull= or both."))
    if f is None:
        return functools.partial(custom_rule, partials=partials, push=push, pull=pull)
    return _Ruled(f, partials, push, pull)


def _own(y: Any) -> Any:
    """A result in memory of its own: a function may return its operand, or keep what it returns."""
    return y.copy() if is_array(y) else y


class _Ruled:
    """A function with a rule of its own."""

    def __init__(self, f: F, partials: Any, push: Any, pull: Any) -> None:
        functools.update_wrapper(self, f)
        self._f = f
        self._name = getattr(f, "__name__", "custom")
        self._partials = None if partials is None else (partials,) if callable(partials) else tuple(partials)
        self._push, self._pull = push, pull
        self._op = self._make({})

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        trace = active.trace
        if trace is None or not any(type(x) is Tracer for x in args):
            return self._f(*args, **kwargs)
        self._check(args)
        kwargs = plain(kwargs)
        out = aside(self._f, [value_of(x) for x in args], kwargs)
        leaves, treedef = tree.flatten(tree.map(_own, out))
        packed = _Packed.of(leaves, treedef)
        op = self._make(kwargs) if kwargs else self._op
        params = () if isinstance(op, Pointwise) else (packed,)
        return _unpacked(packed, applied(op, args, params, leaves[0] if packed is None else packed.pack(leaves)))

    def _check(self, args: Sequence[Any]) -> None:
        for x in args:
            if not is_value(x):
                what = f"an operand is a {type(x).__name__}."
                raise InputError(teach(self._name, what, "Pass arrays and numbers by position, the rest by keyword."))
        if self._partials is not None and len(self._partials) != len(args):
            what = f"it has {len(self._partials)} partials for {len(args)} operands."
            raise InputError(teach(self._name, what, "Give partials= one local rate for each operand."))

    def _make(self, keywords: dict[str, Any]) -> Op:
        """The op of calls with these keywords."""

        def bound(f: Callable[..., Any] | None) -> Any:
            return None if f is None else functools.partial(f, **keywords) if keywords else f

        f = bound(self._f)
        if self._partials is not None:
            return Pointwise(name=self._name, fn=f, partials=tuple(map(bound, self._partials)))
        own = _Rule(self._name, f, bound(self._push), bound(self._pull))
        return Custom(name=self._name, fn=own.compute, params=("results",), push=own.pushed, pull=own.pulled)


class _Rule(NamedTuple):
    """``push`` and ``pull`` of a user, each derived from the other where there is one only."""

    name: str
    f: F
    push: Callable[..., Any] | None
    pull: Callable[..., Any] | None

    def compute(self, *operands: Any) -> Array:
        *xs, packed = operands
        y = self.f(*xs)
        return y if packed is None else packed.pack(tree.leaves(y))

    def pulled(self, y_bar: Array, y: Array, xs: Sequence[Array], packed: Any) -> Sequence[Array | None]:
        y, y_bar = _unpacked(packed, y), _unpacked(packed, y_bar)
        if self.pull is not None:
            return self._checked(self.pull(y_bar, y, tuple(xs)), xs)
        push = self.push
        assert push is not None
        moving = _floating(xs)

        def pushed(*dots: Array) -> Any:
            every = [dots[moving.index(i)] if i in moving else _zeros(x) for i, x in enumerate(xs)]
            return push(y, tuple(xs), tuple(every))

        bars = vjp(pushed, *[_zeros(xs[i]) for i in moving])[1](y_bar)
        return [bars[moving.index(i)] if i in moving else None for i in range(len(xs))]

    def pushed(self, y: Array, xs: Sequence[Array], xs_dot: Sequence[Array | None], packed: Any) -> Array:
        y_parts = _unpacked(packed, y)
        dots = tuple([_zeros(x) if dot is None else dot for x, dot in zip(xs, xs_dot, strict=True)])
        if self.push is not None:
            y_dot = self.push(y_parts, tuple(xs), dots)
            return y_dot if packed is None else packed.pack(tree.leaves(y_dot))
        pull = self.pull
        assert pull is not None

        def pulled(y_bar: Array) -> list[Array]:
            bars = self._checked(pull(_unpacked(packed, y_bar), y_parts, tuple(xs)), xs)
            return [_zeros(x) if bar is None else bar for x, bar in zip(xs, bars, strict=True)]

        return vjp(pulled, _zeros(y))[1](list(dots))[0]

    def _checked(self, bars: Any, xs: Sequence[Array]) -> Sequence[Array | None]:
        """What the user's ``pull`` returned, if it fits the operands."""
        found: list[Array | None] = list(bars) if kind_of(bars) in (tuple, list) else []
        if len(found) != len(xs):
            what = f"its pull returned a {kind_of(bars).__name__} for {len(xs)} operand(s)."
            raise InputError(teach(self.name, what, "Return a tuple with a cotangent or None for each operand."))
        for x, bar in zip(xs, found, strict=True):
            if bar is not None and np.shape(bar) != np.shape(x):
                what = f"its pull returned a cotangent of shape {np.shape(bar)} for an operand of shape {np.shape(x)}."
                raise InputError(teach(self.name, what, "A cotangent has the shape of its operand."))
        return found


def _floating(xs: Sequence[Array]) -> list[int]:
    """The operands that can move."""
    return [i for i, x in enumerate(xs) if aval_of(value_of(x)).dtype.kind in "fc"]


def _zeros(x: Array) -> Array:
    x = value_of(x)
    aval = aval_of(x)
    if aval.dtype.kind not in "fc":
        return np.zeros(aval.shape)
    return np.zeros(aval.shape, aval.dtype) if aval.shape or isinstance(x, np.ndarray) else aval.dtype.type(0)


# Run again instead of remembered.


def _call(*operands: Any) -> Array:
    *xs, graph, packed = operands
    made = interpret(graph, xs)
    return made[0] if packed is None else packed.pack(made)


def _differentiable(xs: Sequence[Array], graph: Graph, packed: Any) -> tuple[list[int], F]:
    """The operands of a call that can move, and the call as a function of these."""
    moving = _floating(xs)

    def moved(*some: Array) -> Array:
        full = list(xs)
        for i, x in zip(moving, some, strict=True):
            full[i] = x
        return _call(*full, graph, packed)

    return moving, moved


def _push_call(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array | None], graph: Graph, packed: Any) -> Array:
    moving, f = _differentiable(xs, graph, packed)
    dots = [_zeros(xs[i]) if xs_dot[i] is None else xs_dot[i] for i in moving]
    return jvp(f, [xs[i] for i in moving], dots)[1]


def _pull_call(y_bar: Array, y: Array, xs: Sequence[Array], graph: Graph, packed: Any) -> list[Array | None]:
    moving, f = _differentiable(xs, graph, packed)
    bars: list[Array | None] = [None] * len(xs)
    for i, bar in zip(moving, vjp(f, *[xs[i] for i in moving])[1](y_bar), strict=True):
        bars[i] = bar
    return bars


def _batch_call(size: int, batched: Sequence[bool], *operands: Any) -> Array:
    *xs, graph, packed = operands
    if packed is not None:
        return NotImplemented
    values: dict[Node, Array] = dict(zip(graph.inputs, xs, strict=True))
    many = {node for node, b in zip(graph.inputs, batched, strict=True) if b}
    for node in graph.nodes:
        flags = [x in many for x in node.inputs]
        if node.op is CONST:
            values[node] = node.value
        elif any(flags):
            values[node] = batch(node, size, flags, [values[x] for x in node.inputs])
            many.add(node)
        else:
            values[node] = node.op(*[values[x] for x in node.inputs], params=node.params)
    out = graph.outputs[0]
    y = values[out]
    return y if out in many else np.broadcast_to(y, (size, *np.shape(y)))


CALL = Custom(name="call", fn=_call, params=("graph", "results"), push=_push_call, pull=_pull_call, batch=_batch_call)
"""A whole graph as one op: computed again where its derivative needs what is inside."""


def checkpoint(f: F) -> F:
    """The same function, but a derivative through it computes its inner values again instead of keeping them.

    A gradient through ``n`` blocks under ``checkpoint`` needs memory for the values between the blocks and for the
    inside of one, at the cost of running each block once more (Griewank and Walther, *Evaluating Derivatives*,
    2008, chapter 12). Decisions that Python takes inside are kept as they were taken.

    ``f`` must not write into arrays that were made outside of it.

    >>> from geartrain.api import grad
    >>> grad(lambda x: checkpoint(lambda u: np.exp(np.sin(u)))(x) ** 2)(0.0)
    2.0
    """

    @functools.wraps(f)
    def checkpoint_f(*args: Any, **kwargs: Any) -> Any:
        trace = active.trace
        if trace is None:
            return f(*args, **kwargs)
        traced = stand_in(f)

        def with_keywords(args: Any, kwargs: Any) -> Any:
            return traced(*args, **kwargs)

        with_keywords.__wrapped__ = f  # type: ignore[attr-defined]
        run = Run("checkpoint", with_keywords, (args, kwargs), kind="record")
        if not all(is_value(y) for y in run.results):
            what = "a checkpointed function returned something that is no number."
            raise InputError(teach("checkpoint", what, "Return numbers, arrays or containers of them."))
        return _as_one_op(run)

    return checkpoint_f


def _as_one_op(run: Run) -> Any:
    """Replace what a run left on the tape by one node."""
    graph, captured = closure(run)
    values = [run.constant_or_node(y).value for y in run.results]
    packed = _Packed.of(values, run.result_def)
    outer = [x for x, node in zip(run.leaves, run.nodes, strict=True) if node is not None]
    operands = (*outer, *[Tracer(run.trace, node) for node in captured])
    value = values[0] if packed is None else packed.pack(values)
    run.throw_away(everything=True)
    return _unpacked(packed, applied(CALL, operands, (graph, packed), value))
