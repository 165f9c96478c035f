"""The registry: every row of the tables, and what NumPy calls it.

``ROWS`` has each op of the graph by name. ``SPELLINGS`` has, for each NumPy function, the function of this package that
takes the same arguments and works on ndarrays and tracers alike.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from geartrain.ir.aval import Array
from geartrain.ir.op import ONE, Careful, Composite, Constant, Custom, Linear, Op, Pointwise, Rule

__all__ = ["COMPOSITES", "ROWS", "SPELLINGS"]
__all__ += ["binary", "composite", "constant", "custom", "linear", "numbered", "spells", "still", "unary"]

ROWS: dict[str, Op] = {}
COMPOSITES: dict[str, Composite] = {}
SPELLINGS: dict[Any, Callable[..., Array]] = {}

F = TypeVar("F", bound=Callable[..., Any])
O = TypeVar("O", bound=Op)
Interval = tuple[float, float]
Unary = Callable[[Array, Array], Array]
Binary = Callable[[Array, Array, Array], Array]

ANY: Interval = (-3.0, 3.0)


def row(op: O) -> O:
    """Enter ``op`` in the table."""
    if op.name in ROWS:
        raise ValueError(f"[{op.name}] there are two rows of this name")
    ROWS[op.name] = op
    return op


def unary(f: np.ufunc, partial: Unary | None, domain: Interval = ANY, fn: Rule | None = None) -> Pointwise:
    """A row for a pointwise function of one operand: ``partial(y, x)`` is its local rate; ``fn`` as in ``binary``."""
    op = row(Pointwise(name=f.__name__, fn=fn or f, partials=(partial,), domain=(domain,)))
    SPELLINGS[f] = op
    return op


def binary(
    f: np.ufunc,
    in_a: Binary | None,
    in_b: Binary | None,
    domain: tuple[Interval, Interval] = (ANY, ANY),
    fn: Rule | None = None,
) -> Pointwise:
    """A row for a pointwise function of two operands: ``in_a(y, a, b)`` and ``in_b(y, a, b)`` are its local rates.

    ``fn`` is a quicker way to compute the same, where there is one: Python's operator, which keeps a Python number one.
    """
    op = row(Pointwise(name=f.__name__, fn=fn or f, partials=(in_a, in_b), domain=domain))
    SPELLINGS[f] = op
    return op


def constant(
    name: str,
    fn: Rule,
    *params: str,
    pointwise: bool = False,
    data_shape: bool = False,
    batch: Rule | None = None,
) -> Constant:
    """A row for an op that does not move when its operands do."""
    return row(Constant(name=name, fn=fn, params=params, pointwise=pointwise, data_shape=data_shape, batch=batch))


def still(f: np.ufunc, fn: Rule | None = None) -> Constant:
    """A row for a ufunc that does not move when its operands do; ``fn`` as in ``binary``."""
    op = constant(f.__name__, fn or f, pointwise=True)
    SPELLINGS[f] = op
    return op


def linear(
    name: str,
    fn: Rule,
    *params: str,
    transposes: tuple[Rule | None, ...],
    jointly: bool = False,
    variadic: bool = False,
    pointwise: bool = False,
    into: Rule | None = None,
    take: Rule | None = None,
    give: Rule | None = None,
    batch: Rule | None = None,
) -> Linear:
    """A row for a linear op: see :class:`geartrain.ir.op.Linear`."""
    return row(
        Linear(
            name=name,
            fn=fn,
            params=params,
            transposes=transposes,
            jointly=jointly,
            variadic=variadic,
            pointwise=pointwise,
            into=into,
            take=take,
            give=give,
            batch=batch,
        )
    )


def custom(
    name: str, fn: Rule, *params: str, push: Rule, pull: Rule, batch: Rule | None = None, careful: Careful | None = None
) -> Custom:
    """A row for an op with both directions by hand: see :class:`geartrain.ir.op.Custom`."""
    return row(Custom(name=name, fn=fn, params=params, push=push, pull=pull, batch=batch, careful=careful))


def numbered(name: str, fn: Rule, rate: Rule) -> Custom:
    """A row for pointwise functions ``fn(x, order)`` whose local rate ``rate(x, order)`` is made of others of them."""

    def push(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array], order: int) -> Array:
        return xs_dot[0] * rate(xs[0], order)

    def pull(y_bar: Array, y: Array, xs: Sequence[Array], order: int) -> tuple[Array]:
        return (y_bar * rate(xs[0], order),)

    def batch(size: int, batched: Sequence[bool], x: Array, order: int) -> Array:
        return op(x, params=(order,))

    op = custom(name, fn, "order", push=push, pull=pull, batch=batch)
    return op


def spells(*functions: Any) -> Callable[[F], F]:
    """Enter a Python function as what the given NumPy functions mean; ``None`` is one that this NumPy lacks."""

    def enter(f: F) -> F:
        for function in functions:
            if function is not None:
                SPELLINGS[function] = f
        return f

    return enter


def composite(*functions: Any) -> Callable[[F], F]:
    """Enter a NumPy expression as the definition of the given NumPy functions, which then need no rule."""

    def enter(f: F) -> F:
        for function in functions:
            if function is None:
                continue
            COMPOSITES[function.__name__] = Composite(name=function.__name__, expression=f)
            SPELLINGS[function] = f
        return f

    return enter


__all__ += ["ANY", "ONE", "row"]
