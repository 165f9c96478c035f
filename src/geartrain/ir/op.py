"""The kinds of operation, named by how they are differentiated.

An op is data: what it computes (``fn``) and one local rule. Both directions of the chain rule are derived from that one
rule in ``chain.py``. Rules are written in plain NumPy, so on ndarrays they give numbers and on tracers they give graph.

===========  ==============================================================================================
kind         its rule
===========  ==============================================================================================
Pointwise    ``partials``: for each operand the local rate, of the shape of the result
Linear       ``transposes``: for each operand the transposed map; the op itself is its own push
Constant     none: its result does not move when its operands do
Custom       ``push`` and ``pull`` by hand, only where no other kind fits
Composite    none of its own: a NumPy expression of other ops, expanded when it is called
===========  ==============================================================================================
"""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, dataclass_transform

from geartrain.ir.aval import Array
from geartrain.kinds import kind_of

__all__ = ["ONE", "Careful", "Composite", "Constant", "Custom", "Elsewhere", "Linear", "Op", "Pointwise", "Rule"]
__all__ += ["is_traced", "run_aside"]

Rule = Callable[..., Array]


@dataclass_transform(eq_default=False, kw_only_default=True, frozen_default=True)
class _Data:
    """What a dataclass is, immutable and made by keywords, without the 0.6 ms that it takes to make a dataclass."""

    _fields: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        own = {name: vars(cls).get(name, _NEEDED) for name in inspect.get_annotations(cls)}
        cls._fields = {**cls._fields, **own}

    def __init__(self, **given: Any) -> None:
        values = self._fields | given
        for name, value in values.items():
            if value is _NEEDED or name not in self._fields:
                raise TypeError(f"{type(self).__name__} takes {', '.join(self._fields)}; got {', '.join(given)}")
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a {type(self).__name__} is not to be changed: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a {type(self).__name__} is not to be changed: {name}")


_NEEDED = object()


class Op(_Data):
    """One operation of the graph.

    ``fn(*operands, *params)`` is its meaning on ndarrays; ``params`` names its static parameters. ``batch`` maps it
    over a leading axis: ``batch(size, batched, operands, *params)``, where ``batched`` says which operands carry the
    axis. An op without one is mapped example by example. ``pointwise`` says that it acts on each element alone;
    ``data_shape`` that the shape of its result depends on data, so that a compiled path must check it; ``effects`` that
    somebody else notices that it runs (another process), so that it must run once in each call.

    Calling an op computes it on ndarrays and records it on tracers (anything whose type has ``__geartrain_apply__``).
    """

    name: str
    fn: Rule
    params: tuple[str, ...] = ()
    batch: Rule | None = None
    pointwise: bool = False
    data_shape: bool = False
    effects: bool = False

    def __call__(self, *operands: Array, params: tuple[Any, ...] = ()) -> Array:
        for operand in operands:
            apply = getattr(kind_of(operand), "__geartrain_apply__", None)
            if apply is not None:
                return apply(self, operands, params)
        if self.pointwise:
            return self.fn(*operands, *params)
        return run_aside[0](self.fn, (*operands, *params))

    def __repr__(self) -> str:
        return self.name


def _at_once(f: Rule, args: tuple[Any, ...]) -> Any:
    return f(*args)


run_aside: list[Callable[[Rule, tuple[Any, ...]], Any]] = [_at_once]
"""How an op computes plain values. Tracing, which is above, puts its own way here: as if no trace ran."""


def is_traced(x: Array) -> bool:
    """Whether ``x`` stands for a value while a program is traced."""
    return hasattr(kind_of(x), "__geartrain_apply__")


def ONE(*_: Array) -> Array:
    """The local rate 1, known by name so that nothing is multiplied by it."""
    return 1


class Pointwise(Op):
    """Acts on each element alone. ``partials[i](y, *xs)`` is the local rate in operand i; ``None`` means zero.

    ``domain`` has an interval for each operand, inside which the op is smooth: tests draw from it.
    """

    partials: tuple[Rule | None, ...]
    domain: tuple[tuple[float, float], ...] = ()
    pointwise: bool = True


class Linear(Op):
    """Linear in each differentiable operand. ``transposes[i](y_bar, *xs, *params)`` is the cotangent of operand i.

    The last transpose serves all further operands of a variadic op, which takes the operand's number first
    (``variadic``). ``jointly`` marks ops that are linear in all differentiable operands together (``a + b``) rather
    than in each one separately (``a @ b``). ``None`` marks an operand without derivative, such as an index.

    Three rules may change tangents and cotangents in place, for ops that touch a part of a large operand: n reads or
    writes of one element each then cost O(n) and not O(n^2). ``into(x_bar, y_bar, *xs, *params)`` adds the cotangent of
    operand 0 to an accumulator; ``take(y_bar, *xs, *params)`` gives the cotangent of operand 1 and leaves that of
    operand 0 in ``y_bar``; its mirror ``give(x_dot, part_dot, *xs, *params)`` makes the tangent of the result out of
    that of operand 0.
    """

    transposes: tuple[Rule | None, ...]
    jointly: bool = False
    variadic: bool = False
    into: Rule | None = None
    take: Rule | None = None
    give: Rule | None = None


class Constant(Op):
    """Piecewise constant (floor, comparisons, argmax): its derivative is zero wherever it exists."""


class Elsewhere(NamedTuple):
    """What a rule may ask of the program that follows its op.

    ``at(y)`` is the cotangent that would arrive if the result were ``y``: what follows is run again for it. ``None``
    where that cannot be done. ``watched`` says that the answer is to be differentiated again. ``truth(x, default)`` is
    the truth of ``x``, or ``default`` where there is no one answer for a batch.
    """

    at: Callable[[Array], Array] | None
    watched: bool
    truth: Callable[[Array, bool], bool]


class Careful(NamedTuple):
    """The rules of a custom op at points where its result is not unique, so that local rates do not tell enough.

    ``hidden(y, xs, *params)`` is the result with NaN in place of what may be chosen. If somebody reads that,
    ``near(back, y, xs, *params)`` says whether it is such a point, for a sweep ``back`` or forward. There
    ``pull(elsewhere, y_bar, y, xs, *params)`` stands in for the op's own; and ``turn(y, xs, xs_dot, *params)`` for its
    ``push``: it gives the result, of those that would do, that has a tangent when the operands move by ``xs_dot``, and
    this tangent.
    """

    hidden: Rule
    near: Rule
    pull: Rule
    turn: Rule


class Custom(Op):
    """Both directions by hand.

    ``push(y, xs, xs_dot, *params)`` gives ``y_dot`` (``None`` in ``xs_dot`` is zero); ``pull(y_bar, y, xs, *params)``
    gives a cotangent (or ``None``) for each operand. ``careful`` has the rules where the result is not unique.
    """

    push: Rule
    pull: Rule
    careful: Careful | None = None


class Composite(_Data):
    """A NumPy function that is an expression of other ops; ``expression`` has NumPy's own signature."""

    name: str
    expression: Rule
