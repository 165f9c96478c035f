"""Whose rate is wrong: the first operation of a program whose own rule disagrees with its own differences."""

from collections.abc import Callable, Sequence
from typing import Any

from geartrain.chain import pull, push
from geartrain.ir.aval import Array, Aval, aval_of
from geartrain.ir.node import Node
from geartrain.ir.op import Constant
from geartrain.ir.untyped import numpy as np
from geartrain.run import F, Run

__all__ = ["first_wrong"]

STEP = 1e-4
WRONG = 1e-4
"""How far a rate may be from its differences; a wrong formula is farther away than that almost everywhere."""


def first_wrong(f: F, args: Sequence[Any], rng: Any) -> str:
    """A line about the first op of ``f(*args)`` whose push or pull is wrong by itself; empty if none is."""
    run = Run("check_derivatives", f, args, lines=True)
    lines = run.trace.lines or {}
    for node in run.level.segment:
        if node.depends & run.level.bit and node.inputs and not isinstance(node.op, Constant):
            found = _wrong(node, run.level.bit, rng)
            if found:
                line = lines.get(node)
                at = f", at {line}: {line.text}" if line is not None else ""
                return f"The first operation that is wrong by itself: {node.op.name}{at}\n    {found}"
    return ""


def _wrong(node: Node, bit: int, rng: Any) -> str:
    values = [x.value for x in (node, *node.inputs)]
    moving = [i for i, x in enumerate(node.inputs) if x.depends & bit]
    if any(isinstance(v, Aval) or aval_of(v).dtype.kind not in "fciub" for v in values) or any(
        aval_of(v).dtype.kind != "f" for v in (node.value, *[node.inputs[i].value for i in moving])
    ):
        return ""
    xs = [x.value for x in node.inputs]
    dots: list[Array | None] = [None] * len(xs)
    for i in moving:
        dots[i] = rng.standard_normal(np.shape(xs[i])).astype(aval_of(xs[i]).dtype)[()]
    try:
        with np.errstate(all="ignore"):
            want, near = (_central(lambda ys: node.op.fn(*ys, *node.params), xs, dots, h) for h in (STEP, STEP / 10))
            y_dot = push(node, node.value, xs, dots)
            y_bar = rng.standard_normal(np.shape(node.value))[()]
            bars = pull(node, y_bar, node.value, xs, [i in moving for i in range(len(xs))])
    except Exception:  # an op that cannot be asked alone is not accused
        return ""
    got = 0.0 if y_dot is None else y_dot
    size = max(float(np.max(np.abs(v), initial=0.0)) for v in (want, got, node.value)) + 1e-30
    if not float(np.max(np.abs(want - near), initial=0.0)) <= WRONG * size:
        return ""  # a kink: differences say nothing here
    off = np.abs(np.asarray(got) - want)
    if not float(np.max(off, initial=0.0)) <= WRONG * size:
        at = np.unravel_index(int(np.argmax(off)), np.shape(off))
        where = f" at element {[int(i) for i in at]}" if at else ""
        ours = np.broadcast_to(got, np.shape(want))[at]
        return f"its forward rule gives {float(ours):.9g}{where}, its own differences {float(np.asarray(want)[at]):.9g}"
    there = sum([float(np.sum(np.multiply(bars[i], dots[i]))) for i in moving if bars[i] is not None])
    here = float(np.sum(y_bar * got))
    if not abs(here - there) <= WRONG * (abs(here) + abs(there) + size):
        return f"its reverse rule gives {there:.9g} in a direction for which its forward rule gives {here:.9g}"
    return ""


def _central(f: Callable[[list[Any]], Any], xs: Sequence[Any], dots: Sequence[Array | None], step: float) -> Array:
    def at(t: float) -> Any:
        pairs = zip(xs, dots, strict=True)
        return f([x if dot is None else x + np.asarray(t, aval_of(x).dtype) * dot for x, dot in pairs])

    return (at(-2 * step) - 8 * at(-step) + 8 * at(step) - at(2 * step)) / (12 * step)
