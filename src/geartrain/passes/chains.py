"""Arrays that a repeat reads and writes itself: ``b[i] = f(b[i - 1])``, or two writes in every repetition.

The writes into one array are a *chain*: each changes what the one before it left behind, and the first one what the
last one of the repetition before did. If all reads and writes of a chain move evenly, then what a repetition touches is
a part of the array, which moves likewise. The body of the loop sees only that part, as an input, and gives it changed.
Where they move differently (``k[i, j]`` and ``k[j, i]``) there are some such parts, if these never meet.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from geartrain.ir.aval import Array
from geartrain.ir.views import View, contiguous, indexed
from geartrain.ops.index import GETITEM, SCATTER
from geartrain.passes.repeats import Before, Chain, Part, Repeat

__all__ = ["MOST_PLACES", "columns_of", "framed", "is_read", "meeting", "places"]

MOST_PLACES = 1 << 22
"""Elements touched by all repetitions together up to which they are looked at one by one."""


def columns_of(r: Repeat, column: int) -> tuple[int, ...] | None:
    """The columns that write into the same array as ``column`` does, in order; none if they are no chain."""
    found: list[int] = []
    at = column
    while True:  # forward to none, backward to the first one
        before = r.operands[at, 0]
        if not isinstance(before, Before) or not _writes(r, before.column) or before.lag > 1:
            return None
        if before.lag == 1:
            break
        at = before.column
    first, at = at, before.column
    while at != first:
        found.append(at)
        before = r.operands[at, 0]
        if not isinstance(before, Before) or not _writes(r, before.column) or before.lag != 0:
            return None
        at = before.column
    found.append(first)
    return tuple(reversed(found)) if column in found else None


def _writes(r: Repeat, column: int) -> bool:
    node = r.node(column, 0)
    return node.op is SCATTER and len(node.inputs) == 2


def is_read(r: Repeat, column: int, j: int, columns: tuple[int, ...]) -> bool:
    """Whether an operand, a version of the array of a chain, is read there in part; or is written to, in the chain."""
    before = r.operands[column, j]
    assert isinstance(before, Before)
    if column in columns and j == 0:
        return True
    node = r.node(column, 0)
    if node.op is not GETITEM or len(node.inputs) != 1:
        return False
    last = before.lag == 1 and before.column == columns[-1] and node.inputs[0] is r.node(columns[0], 0).inputs[0]
    return before.lag == 0 or last


def framed(r: Repeat, columns: tuple[int, ...], reads: Iterable[int]) -> Chain | None:
    """The parts of an array that a repetition touches: all of one part moves alike. None if one is not a box."""
    source = r.node(columns[0], 0).inputs[0]
    boxes: dict[int, dict[int, _Box]] = {}  # how far it moves -> column -> box
    for column in (*columns, *reads):
        box = _box(r.node(column, 0).params[0], source.aval.shape)
        if box is None:
            return None
        part = r.writes.get(column) or r.parts.get(column)
        boxes.setdefault(part.step if part is not None else 0, {})[column] = box
    parts: list[Part] = []
    found: dict[int, tuple[int, tuple[Any, ...]]] = {}
    for step, inside in boxes.items():
        low, view = _frame(inside.values(), source.aval.shape)
        ends = [view.offset + k * step + s for k in (0, r.trips - 1) for s in (0, _last(view))]
        if min(ends) < 0 or max(ends) >= source.aval.size:
            return None
        found.update({column: (len(parts), box.template(low)) for column, box in inside.items()})
        parts.append(Part(source, view, step))
    return Chain(columns, tuple(parts), found)


def _frame(boxes: Iterable["_Box"], shape: tuple[int, ...]) -> tuple[list[int], View]:
    """Where the smallest box begins that has all of these in it, and all of it."""
    ends = [[(min(span), max(span)) for span in box.spans] for box in boxes]
    low = [min(first for first, _ in spans) for spans in zip(*ends, strict=True)]
    high = [max(last for _, last in spans) for spans in zip(*ends, strict=True)]
    return low, indexed(contiguous(shape), tuple([slice(a, b + 1) for a, b in zip(low, high, strict=True)]))


def meeting(r: Repeat, chain: Chain) -> int:
    """The first repetition in which a part that is written to has an element that another part has, too; else all."""
    found = r.trips
    if len(chain.parts) == 1:
        return found
    first = np.full((len(chain.parts), chain.parts[0].source.aval.size), r.trips)
    for part, when in zip(chain.parts, first, strict=True):
        where = places(part, r.trips)
        if where.size > MOST_PLACES:
            return 0
        np.minimum.at(when, where, np.arange(r.trips)[:, None])
    for a in {chain.places[column][0] for column in chain.columns}:
        for b in range(len(chain.parts)):
            if a != b:
                found = min(found, int(np.min(np.maximum(first[a], first[b]), initial=found)))
    return found


def places(part: Part, trips: int) -> Array:
    """The elements of a moving view, repetition after repetition: of shape (trips, elements of the view)."""
    view = part.view
    at = np.full((1,) * len(view.shape), view.offset, np.int64)
    for axis, (n, stride) in enumerate(zip(view.shape, view.strides, strict=True)):
        steps = np.arange(n, dtype=np.int64) * stride
        at = at + steps.reshape((n,) + (1,) * (len(view.shape) - axis - 1))
    return np.arange(trips, dtype=np.int64)[:, None] * part.step + at.reshape(1, -1)


def _last(view: View) -> int:
    return sum([(n - 1) * stride for n, stride in zip(view.shape, view.strides, strict=True)])


class _Box(NamedTuple):
    """A basic index: for each axis the places; ``kinds`` says for each part of the index which axis it is for."""

    spans: tuple[range, ...]
    kinds: tuple[int | None, ...]
    whole: tuple[bool, ...]
    """Whether an axis is still there in what is indexed."""

    def template(self, low: list[int]) -> tuple[Any, ...]:
        """The same index for the part of the array that begins at ``low``."""
        parts: list[Any] = []
        for axis in self.kinds:
            if axis is None:
                parts.append(None)
            elif not self.whole[axis]:
                parts.append(self.spans[axis][0] - low[axis])
            else:
                span = self.spans[axis]
                start, stop = span.start - low[axis], span.stop - low[axis]
                parts.append(slice(start, stop if stop >= 0 else None, span.step))
        return tuple(parts)


def _box(template: tuple[Any, ...], shape: tuple[int, ...]) -> _Box | None:
    """None where nothing is indexed."""
    used = sum(1 for part in template if part is not None and part is not Ellipsis)
    rest = [slice(None)] * (len(shape) - used)
    parts: list[Any] = []
    for part in template if Ellipsis in template else (*template, Ellipsis):
        parts += rest if part is Ellipsis else [part]
    spans, kinds, whole = list[range](), list[int | None](), list[bool]()
    for part in parts:
        if part is None:
            kinds.append(None)
            continue
        n = shape[len(spans)]
        kinds.append(len(spans))
        whole.append(isinstance(part, slice))
        spans.append(range(*part.indices(n)) if isinstance(part, slice) else range(part % n, part % n + 1))
    return None if any(len(span) == 0 for span in spans) else _Box(tuple(spans), tuple(kinds), tuple(whole))
