"""Arrays that a repeat reads and writes itself: ``b[i] = f(b[i - 1])``, or two writes in every repetition.

The writes into one array are a *chain*: each changes what the one before it left behind, and the first one what the
last one of the repetition before did. If all reads and writes of a chain move evenly, then what a repetition touches is
a part of the array, which moves likewise. The body of the loop sees only that part, as an input, and gives it changed.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from geartrain.ir.views import View, contiguous, indexed
from geartrain.ops.index import GETITEM, SCATTER
from geartrain.passes.repeats import Before, Chain, Part, Repeat

__all__ = ["columns_of", "framed", "is_read"]


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
    """The part of an array that a repetition touches; none if not all that touch it move alike."""
    source = r.node(columns[0], 0).inputs[0]
    shape = source.aval.shape
    boxes: dict[int, _Box] = {}
    steps: set[int] = set()
    for column in (*columns, *reads):
        box = _box(r.node(column, 0).params[0], shape)
        if box is None:
            return None
        boxes[column] = box
        part = r.writes.get(column) or r.parts.get(column)
        steps.add(part.step if part is not None else 0)
    if len(steps) != 1:
        return None
    (step,) = steps
    low = [min(spans) for spans in zip(*[[min(s) for s in box.spans] for box in boxes.values()], strict=True)]
    high = [max(spans) for spans in zip(*[[max(s) for s in box.spans] for box in boxes.values()], strict=True)]
    view = indexed(contiguous(shape), tuple([slice(a, b + 1) for a, b in zip(low, high, strict=True)]))
    ends = [view.offset + k * step + s for k in (0, r.trips - 1) for s in (0, _last(view))]
    if min(ends) < 0 or max(ends) >= source.aval.size:
        return None
    templates = {column: box.template(low) for column, box in boxes.items()}
    return Chain(columns, Part(source, view, step), templates)


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
