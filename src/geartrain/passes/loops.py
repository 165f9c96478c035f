"""A repeated stretch of program as one node: its body once, and how each repetition differs.

``LOOP`` runs a body ``trips`` times. Its results are many: ``LOOP_OUT`` takes one of them. These two ops exist between
the passes and the schedule only; nobody differentiates or prints them for a user.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from geartrain.ir.aval import Array, Aval
from geartrain.ir.graph import Graph
from geartrain.ir.interpret import interpret
from geartrain.ir.op import Op
from geartrain.ir.views import View

__all__ = ["LOOP", "LOOP_OUT", "Changing", "Loop", "Moving"]


class Moving(NamedTuple):
    """An input that is another part of an operand each time: ``view``, and then always ``step`` elements further."""

    view: View
    step: int


class Changing(NamedTuple):
    """An input that is a part of an array, moving likewise, which each repetition changes for those behind it.

    ``number`` is the output that the part then is. The result is all of the array, of kind ``aval``. ``first`` is the
    place in ``Loop.changing`` of the first part of the same array; parts of one array have no element in common.
    """

    view: View
    step: int
    number: int
    aval: Aval
    first: int


@dataclass(frozen=True, eq=False, slots=True)
class Loop:
    """What a ``LOOP`` does.

    The inputs of ``body`` are, in order: those that stay the same; ``moving`` ones; ``carried`` ones, each with the
    number of the output whose value of the repetition before it is (in the first repetition, the operand's);
    ``changing`` ones, whose operands are the arrays before the loop.
    ``keep_all`` says for each output whether all its values are wanted, stacked, or only the last one.
    """

    body: Graph
    trips: int
    moving: tuple[Moving, ...]
    carried: tuple[int, ...]
    keep_all: tuple[bool, ...]
    changing: tuple[Changing, ...] = ()

    @property
    def fixed(self) -> int:
        """How many inputs stay the same."""
        return len(self.body.inputs) - len(self.moving) - len(self.carried) - len(self.changing)

    def avals(self) -> tuple[Aval, ...]:
        """Of the results: stacked values, or the last one, or an array that was changed."""
        arrays = {change.number: change.aval for change in self.changing}
        found: list[Aval] = []
        for k, (output, every) in enumerate(zip(self.body.outputs, self.keep_all, strict=True)):
            aval = arrays.get(k, output.aval)
            found.append(Aval((self.trips, *aval.shape), aval.dtype) if every else aval)
        return tuple(found)


def _run(*operands: Any) -> tuple[Array, ...]:
    """What a loop means, on NumPy."""
    *values, loop = operands
    assert isinstance(loop, Loop)
    fixed, rest = values[: loop.fixed], values[loop.fixed :]
    sources, rest = rest[: len(loop.moving)], rest[len(loop.moving) :]
    carried, rest = rest[: len(loop.carried)], rest[len(loop.carried) :]
    arrays = [np.array(x, order="C") for x in rest]
    arrays = [arrays[change.first] for change in loop.changing]
    kept: list[list[Array]] = []
    for t in range(loop.trips):
        parts = [_part(x, move, t)[()] for x, move in zip(sources, loop.moving, strict=True)]
        changed = [_part(x, change, t) for x, change in zip(arrays, loop.changing, strict=True)]
        made = interpret(loop.body, [*fixed, *parts, *carried, *[np.array(part)[()] for part in changed]])
        for part, change in zip(changed, loop.changing, strict=True):
            part[...] = made[change.number]
        kept.append(list(made))
        carried = [made[k] for k in loop.carried]
    columns = list(zip(*kept, strict=True))
    found = [np.stack(c) if every else c[-1] for c, every in zip(columns, loop.keep_all, strict=True)]
    for x, change in zip(arrays, loop.changing, strict=True):
        found[change.number] = x
    return tuple(found)


def _part(x: Array, move: Moving | Changing, t: int) -> Array:
    """The part of an array at a repetition, as a view of it if it is in C order."""
    flat = np.ascontiguousarray(x).reshape(-1)
    start, size = move.view.offset + t * move.step, flat.itemsize
    strides = [s * size for s in move.view.strides]
    return np.ndarray(move.view.shape, flat.dtype, flat, start * size, strides)


def _take(results: Sequence[Array], k: int) -> Array:
    return results[k]


LOOP = Op(name="loop", fn=_run, params=("loop",))
LOOP_OUT = Op(name="loop_out", fn=_take, params=("number",))
