"""How a function moves, measured and not derived: by a complex step where that applies, else by differences.

A step of ``i h`` in a direction leaves the slope in the imaginary part, without subtraction and so to all digits
(Squire and Trapp, *Using Complex Variables to Estimate Derivatives of Real Functions*, SIAM Review 40, 1998). It needs
a program whose every operation is analytic and takes complex numbers. Central differences of fourth order take any
program; they are made with two steps, and the step is chosen for which both agree best.
"""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

from geartrain import tree
from geartrain.ir.aval import aval_of
from geartrain.ir.op import Linear, Op
from geartrain.ir.untyped import numpy as np
from geartrain.ops.table import ROWS
from geartrain.run import F, Run, is_value

__all__ = ["Slope", "arrays", "is_analytic", "largest", "slope"]


class Slope(NamedTuple):
    """How the results move: ``values`` in the order of the leaves, how it was measured, and how far to trust it.

    ``spread`` is by how much two steps disagree, relative to the size of the slope; 0 for a complex step.
    """

    values: list[Any]
    method: str
    spread: float


ANALYTIC = frozenset(
    ROWS[name]
    for name in (
        *("add", "subtract", "multiply", "divide", "negative", "positive", "square", "reciprocal", "power"),
        *("exp", "expm1", "log", "log2", "log10", "log1p", "sqrt", "sin", "cos", "tan", "arcsin", "arccos", "arctan"),
        *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "solve", "inv", "det"),
    )
)
NOT_COMPLEX = frozenset(ROWS[name] for name in ("real", "imag", "conjugate", "set_real", "set_imag", "cast", "irfft"))
NO_STEP = 1e-20
"""Too small to move the real part."""


def is_analytic(f: F, args: Sequence[Any]) -> bool:
    """Whether ``f`` takes real numbers through operations only that continue to complex ones, at these arguments."""
    leaves = [x for x in tree.leaves(tuple(args)) if is_value(x)]
    if not all(aval_of(x).dtype.kind == "f" for x in leaves):
        return False
    run = Run("check_derivatives", f, args, kind="record")
    ops = {node.op for node in run.level.segment if node.depends & run.level.bit and node.inputs}
    real = all(aval_of(node.value).dtype.kind == "f" for node in run.level.segment if node.op in ops)
    run.throw_away()
    return real and all(_continues(op) for op in ops)


def _continues(op: Op) -> bool:
    return op in ANALYTIC or (isinstance(op, Linear) and op not in NOT_COMPLEX)


def slope(f: F, args: Sequence[Any], xs_dot: Sequence[Any], analytic: bool) -> Slope:
    """How ``f`` moves at ``args`` when they move by ``xs_dot``, containers alike."""
    found = _complex_step(f, args, xs_dot) if analytic else None
    return found or _differences(f, args, xs_dot)


def arrays(y: Any) -> list[Any]:
    """The numbers among the leaves."""
    return [np.asarray(v) for v in tree.leaves(y) if is_value(v)]


def _complex_step(f: F, args: Sequence[Any], xs_dot: Sequence[Any]) -> Slope | None:
    """``None`` if the program does not take complex numbers, or loses them on the way."""

    def move(x: Any, x_dot: Any) -> Any:
        return x + 1j * (NO_STEP * np.asarray(x_dot))[()] if is_value(x) else x

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            moved = arrays(f(*tree.map(move, tuple(args), tuple(xs_dot))))
            still = arrays(f(*args))
    except Exception:  # whatever it is, differences will do
        return None
    pairs = list(zip(moved, still, strict=False))
    close = all(a.shape == b.shape and np.allclose(a.real, b, rtol=1e-5, atol=1e-12, equal_nan=True) for a, b in pairs)
    if len(moved) != len(still) or not close:
        return None
    return Slope([a.imag / NO_STEP for a in moved], "a complex step", 0.0)


def _differences(f: F, args: Sequence[Any], xs_dot: Sequence[Any]) -> Slope:
    """Central differences of fourth order with a step and its half, for the step at which both agree best."""
    single = any(
        aval_of(x).dtype.itemsize * (2 - (aval_of(x).dtype.kind == "c")) < 16 for x in tree.leaves(args) if is_value(x)
    )
    best: Slope | None = None
    for step in (3e-2, 1e-1, 3e-3) if single else (1e-3, 1e-2, 1e-4):
        wide, narrow = _central(f, args, xs_dot, step), _central(f, args, xs_dot, step / 2)
        size = largest(narrow)
        spread = max([largest([a - b]) for a, b in zip(wide, narrow, strict=True)], default=0.0) / (size or 1.0)
        if best is None or spread < best.spread or best.spread != best.spread:
            best = Slope(narrow, f"differences with steps {step:g} and {step / 2:g}", spread)
        if spread < (1e-3 if single else 1e-8):
            break
    assert best is not None
    return best


def _central(f: F, args: Sequence[Any], xs_dot: Sequence[Any], step: float) -> list[Any]:
    def at(t: float) -> list[Any]:
        def move(x: Any, x_dot: Any) -> Any:
            return x + np.asarray(t, aval_of(x_dot).dtype) * x_dot if is_value(x) else x

        return arrays(f(*tree.map(move, tuple(args), tuple(xs_dot))))

    points = zip(at(-2 * step), at(-step), at(step), at(2 * step), strict=True)
    return [(a - 8 * b + 8 * c - d) / (12 * step) if a.dtype.kind in "fc" else a * 0.0 for a, b, c, d in points]


def largest(values: Sequence[Any]) -> float:
    """The largest modulus of all elements."""
    return max([float(np.max(np.abs(v), initial=0.0)) for v in values], default=0.0)
