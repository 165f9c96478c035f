"""Repeats that write into an array at places that move: ``b[i] = f(x[i])``.

The array before the first repetition, the *source*, is what every repetition reads, if it reads places only that no
earlier repetition has written. Then the repetitions need not hand the array on: what they write is collected, and
written at once behind the loop.
"""

import numpy as np

from geartrain.ir.aval import Array
from geartrain.ir.views import View, contiguous, indexed
from geartrain.ops.index import GETITEM
from geartrain.passes.repeats import Before, Elsewhere, Part, Repeat

__all__ = ["MOST_PLACES", "places", "settled"]

MOST_PLACES = 1 << 22
"""Elements written by all repetitions together up to which it is checked, one by one, that none is written twice."""


def settled(r: Repeat) -> bool:
    """Whether all moving reads and writes of a repeat are of such a kind; reads then have the source as theirs."""
    for column, part in r.parts.items():
        base = r.operands[column, 0]
        if isinstance(base, Before) and base.column not in r.writes and part.step:
            return False
    if not all(_is_chain(r, column) for column in r.writes):
        return False
    written = {column: _written(r, column) for column in r.writes}
    if any(times is None for times in written.values()):
        return False
    for (column, j), pattern in r.operands.items():
        if isinstance(pattern, Elsewhere) and pattern.column in pattern.repeat.writes:
            return False
        if not isinstance(pattern, Before) or pattern.column not in r.writes or (column in r.writes and j == 0):
            continue
        part = _reading(r, column, pattern)
        times = written[pattern.column]
        if part is None or times is None or not _is_read_before(r, part, pattern.lag, times):
            return False
        r.parts[column] = part
    return True


def places(part: Part, trips: int) -> Array:
    """The elements of a moving view, repetition after repetition: of shape (trips, elements of the view)."""
    view = part.view
    at = np.full((1,) * len(view.shape), view.offset, np.int64)
    for axis, (n, stride) in enumerate(zip(view.shape, view.strides, strict=True)):
        steps = np.arange(n, dtype=np.int64) * stride
        at = at + steps.reshape((n,) + (1,) * (len(view.shape) - axis - 1))
    return np.arange(trips, dtype=np.int64)[:, None] * part.step + at.reshape(1, -1)


def _is_chain(r: Repeat, column: int) -> bool:
    """Whether each repetition writes into the array as the one before it has left it."""
    return r.operands[column, 0] == Before(column, 1)


def _written(r: Repeat, column: int) -> Array | None:
    """For each element of the array the repetition that writes it, or their number if none does; not if two do."""
    part = r.writes[column]
    size = part.source.aval.size
    if part.view.offset < 0 or r.trips * int(np.prod(part.view.shape)) > min(size, MOST_PLACES):
        return None
    where = places(part, r.trips)
    times = np.full(size, r.trips, np.int64)
    times[where] = np.arange(r.trips)[:, None]
    return times if np.count_nonzero(times < r.trips) == where.size else None


def _reading(r: Repeat, column: int, pattern: Before) -> Part | None:
    """What a column reads of an array that is written to, as a part of the source."""
    node = r.node(column, 0)
    if node.op is not GETITEM or len(node.inputs) != 1 or pattern.lag > 1:
        return None
    source = r.writes[pattern.column].source
    if pattern.lag == 1 and node.inputs[0] is not source:
        return None
    part = r.parts.get(column)
    if part is None:
        return Part(source, indexed(contiguous(source.aval.shape), node.params[0]), 0)
    return part._replace(source=source)


def _is_read_before(r: Repeat, part: Part, lag: int, times: Array) -> bool:
    """Whether each repetition finds what it reads as it was in the source."""
    view: View = part.view
    if r.trips * int(np.prod(view.shape)) > MOST_PLACES:
        return False
    first = times[places(part, r.trips)]
    now = np.arange(r.trips)[:, None]
    return bool(np.all(first >= now if lag else first > now))
