"""The chain rule where zero wins: what took no part in a result has no say in its derivative.

``np.where(x > 0, np.sqrt(x), 0)`` at 0 does not use the root, so the cotangent 0 arrives there; but the root's own rate
is infinite, and 0 × inf is nan. Here a factor that is not finite counts as zero where what it is multiplied with is
exactly zero. Nothing changes as long as all factors are finite, so derivatives of derivatives stay right, too.

``push`` and ``pull`` are those of ``chain``, with this product.
"""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TypeGuard

from geartrain import chain
from geartrain.ir.aval import Array, aval_of
from geartrain.ir.node import Node
from geartrain.ir.op import ONE, Custom, Elsewhere, Linear, Op, Pointwise, Rule, is_traced
from geartrain.ir.untyped import numpy as np
from geartrain.ops.reduce import keep
from geartrain.trace.level import active
from geartrain.trace.tracer import value_of

__all__ = ["pull", "push", "safely", "sweeping"]


class _Sweeping(threading.local):
    safely = False


sweeping = _Sweeping()
"""Whether this thread sweeps safely now: rules that differentiate something themselves (``checkpoint``) do so, too."""


@contextmanager
def safely() -> Generator[None]:
    """Sweeps inside are safe, and do not warn of infinite rates that nobody asked for."""
    before = sweeping.safely
    sweeping.safely = True
    try:
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            yield
    finally:
        sweeping.safely = before


def push(node: Node, y: Array, xs: Sequence[Array], xs_dot: Sequence[Array | None]) -> Array | None:
    """:func:`geartrain.chain.push`, where zero wins."""
    op = node.op
    if isinstance(op, Pointwise):
        y_dot = None
        for rate, x_dot in zip(op.partials, xs_dot, strict=True):
            if x_dot is not None and rate is not None:
                term = x_dot if rate is ONE else _product(x_dot, _rate(op, rate, y, xs))
                y_dot = term if y_dot is None else y_dot + term
        return y_dot
    if _multiplies(op):
        y_dot = None
        for i, x_dot in enumerate(xs_dot):
            if x_dot is not None:

                def moved(*parts: Array) -> Array:
                    return op(*parts, params=node.params)

                term = _of_parts(moved, [*xs[:i], x_dot, *xs[i + 1 :]])
                y_dot = term if y_dot is None else y_dot + term
        return y_dot
    y_dot = chain.push(node, y, xs, xs_dot)
    if isinstance(op, Custom) and y_dot is not None:
        return _where_alive(y_dot, [x_dot for x_dot in xs_dot if x_dot is not None])
    return y_dot


def pull(
    node: Node,
    y_bar: Array,
    y: Array,
    xs: Sequence[Array],
    wanted: Sequence[int],
    elsewhere: Elsewhere | None = None,
) -> list[Array | None]:
    """:func:`geartrain.chain.pull`, where zero wins."""
    op = node.op
    if isinstance(op, Pointwise):
        bars: list[Array | None] = [None] * len(xs)
        for i, rate in enumerate(op.partials):
            if wanted[i] and rate is not None:
                bars[i] = y_bar if rate is ONE else _product(y_bar, _rate(op, rate, y, xs))
        return bars
    if _multiplies(op):
        return [_pulled_part(node, op, i, y_bar, xs) if want else None for i, want in enumerate(wanted)]
    bars = chain.pull(node, y_bar, y, xs, wanted, elsewhere)
    if not isinstance(op, Custom):
        return bars
    if op.name in _FOLDS:
        by = np.broadcast_to(keep(y_bar, np.shape(xs[0]), node.params[0]), np.shape(xs[0]))
        return [_masked(bar, by) for bar in bars]
    if op.name in _ALONE:
        return [_masked(bar, y_bar) for bar in bars]
    if op.name in _BY_MATRIX and np.ndim(xs[0]) > 2:
        lead = np.shape(xs[0])[:-2]
        alive = np.any(np.reshape(y_bar, (*lead, -1)) != 0, axis=-1)[..., None, None]
        return [_masked(bar, alive) for bar in bars]
    return [_where_alive(bar, [y_bar]) for bar in bars]


_FOLDS = frozenset(["max", "min", "norm2"])
_ALONE = frozenset(["complex_abs", "complex_sign", "angle", "bessel_i"])
"""Ops with hand-written rules that act on each element alone, after the first have repeated what they folded."""
_BY_MATRIX = frozenset(["solve", "inv", "det", "cofactor", "logabsdet", "cholesky", "eigh", "svd"])
"""And those that act on each matrix of a stack."""


_OF_A_LENGTH = frozenset(["hypot", "arctan2"])
"""Ops whose rates are an operand over a length: zero times infinity where both operands are zero."""


def _rate(op: Pointwise, rate: Rule, y: Array, xs: Sequence[Array]) -> Array:
    """The local rate, where the zero of a product inside it wins, too."""
    made = rate(y, *xs)
    if op.name not in _OF_A_LENGTH or _seen_finite(made):
        return made
    return _chosen((xs[0] != 0) | (xs[1] != 0), made)


def _multiplies(op: Op) -> TypeGuard[Linear]:
    """Whether an op is a sum of products of elements of several operands."""
    return isinstance(op, Linear) and not op.jointly and sum(rule is not None for rule in op.transposes) > 1


def _pulled_part(node: Node, op: Linear, i: int, y_bar: Array, xs: Sequence[Array]) -> Array | None:
    rule = op.transposes[min(i, len(op.transposes) - 1)]
    if rule is None:
        return None
    number = (i,) if op.variadic and len(op.transposes) == 1 else ()

    def back(y_bar: Array, *others: Array) -> Array:
        return rule(*number, y_bar, *others[:i], xs[i], *others[i:], *node.params)

    return _of_parts(back, [y_bar, *xs[:i], *xs[i + 1 :]])


# Products.


def _product(u: Array, v: Array) -> Array:
    """``u * v``, where a factor that is not finite is zero against a zero."""
    w = u * v
    return w if _seen_finite(w) else _tamed(u, v) * _tamed(v, u)


def _tamed(u: Array, against: Array) -> Array:
    if type(u) in (int, float) and np.isfinite(u):
        return u
    return _chosen(np.isfinite(u) | (against != 0), u)


def _of_parts(f: Callable[..., Array], parts: Sequence[Array]) -> Array:
    """``f(*parts)``, linear in each part, where terms with a factor of zero are left out.

    ``f`` itself says where others meet: it is applied to what is there (1) and what is not finite (1).
    """
    if _seen_finite(*parts):
        return f(*parts)
    real = [p.real.dtype for p in parts]
    there = [(p != 0).astype(dtype) for p, dtype in zip(parts, real, strict=True)]
    strange = [(~np.isfinite(p)).astype(dtype) for p, dtype in zip(parts, real, strict=True)]
    met = sum([f(*there[:i], strange[i], *there[i + 1 :]) for i in range(len(parts))])
    return np.where(met > 0, f(*parts), f(*[_chosen(np.isfinite(p), p) for p in parts]))


def _masked(bar: Array, by: Array) -> Array:
    """What is not finite is zero where what it was made of is zero, element by element."""
    return bar if bar is None or _seen_finite(bar) else _chosen(np.isfinite(bar) | (by != 0), bar)


def _where_alive(bar: Array, by: Sequence[Array]) -> Array:
    """What is not finite is zero if all that it was made of is zero."""
    if bar is None or _seen_finite(bar):
        return bar
    alive = np.any(by[0] != 0)
    for x in by[1:]:
        alive = alive | np.any(x != 0)
    return _chosen(np.isfinite(bar) | alive, bar)


def _chosen(kept: Array, x: Array) -> Array:
    """``x`` where it is ``kept``, else zero."""
    return np.where(kept, x, np.zeros((), aval_of(value_of(x)).dtype))[()]


def _seen_finite(*xs: Array) -> bool:
    """Whether all elements are finite, and that may be asked: not where a compiled or batched program is recorded."""
    trace = active.trace
    if trace is not None and (trace.guard_bits | trace.vmap_bits) and any(map(is_traced, xs)):
        return False
    return all(bool(np.all(np.isfinite(value_of(x)))) for x in xs)
