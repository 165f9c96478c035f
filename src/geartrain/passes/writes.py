"""Repeats that write into an array at places that move: ``b[i] = f(x[i])``.

The array before the first repetition, the *source*, is what every repetition reads, if it reads places only that no
earlier repetition has written. Then the repetitions need not hand the array on: what they write is collected, and
written at once behind the loop.
"""

import numpy as np

from geartrain.ir.aval import Array
from geartrain.ir.node import Node
from geartrain.ir.views import View, contiguous, indexed
from geartrain.passes.chains import columns_of, framed, is_read
from geartrain.passes.repeats import Before, Elsewhere, Part, Repeat

__all__ = ["MOST_PLACES", "places", "settled"]

MOST_PLACES = 1 << 22
"""Elements written by all repetitions together up to which it is checked, one by one, that none is written twice."""


def settled(r: Repeat) -> bool:
    """Whether all moving reads and writes of a repeat can be had in a loop.

    An array that is written once in each repetition and read as it was before is written behind the loop; reads then
    have the source as theirs. Of all others the loop changes a part: they become ``chains``.
    """
    arrays: dict[tuple[int, ...], list[tuple[int, int]]] = {}  # columns that write -> (column, operand) that read
    of: dict[int, tuple[int, ...]] = {}
    for column in r.writes:
        columns = columns_of(r, column)
        if columns is None:
            return False
        arrays.setdefault(columns, [])
        of.update(dict.fromkeys(columns, columns))
    for column, part in r.parts.items():
        base = r.operands[column, 0]
        if isinstance(base, Before) and base.column not in of and part.step:
            return False
    for (column, j), pattern in r.operands.items():
        if isinstance(pattern, Elsewhere) and (
            pattern.column in pattern.repeat.writes or pattern.column in pattern.repeat.chains
        ):
            return False
        if isinstance(pattern, Before) and pattern.column in of:
            columns = of[pattern.column]
            if not is_read(r, column, j, columns):
                return False
            if column not in columns:
                arrays[columns].append((column, pattern.lag))
    return all(_collected(r, *array) or _changed(r, *array) for array in arrays.items())


def _collected(r: Repeat, columns: tuple[int, ...], reads: list[tuple[int, int]]) -> bool:
    """Whether what is written to an array can be collected; reads then have the source as theirs."""
    column, *more = columns
    times = None if more else _written(r, column)
    if times is None:
        return False
    found = {reader: _reading(r, reader, r.writes[column].source) for reader, _ in reads}
    if not all(_is_read_before(r, found[reader], lag, times) for reader, lag in reads):
        return False
    r.parts.update(found)
    return True


def _changed(r: Repeat, columns: tuple[int, ...], reads: list[tuple[int, int]]) -> bool:
    """Whether the loop can change a part of the array."""
    chain = framed(r, columns, [column for column, _ in reads])
    if chain is None:
        return False
    r.chains.update(dict.fromkeys(columns, chain))
    for column in chain.templates:
        r.writes.pop(column, None)
        r.parts.pop(column, None)
    return True


def places(part: Part, trips: int) -> Array:
    """The elements of a moving view, repetition after repetition: of shape (trips, elements of the view)."""
    view = part.view
    at = np.full((1,) * len(view.shape), view.offset, np.int64)
    for axis, (n, stride) in enumerate(zip(view.shape, view.strides, strict=True)):
        steps = np.arange(n, dtype=np.int64) * stride
        at = at + steps.reshape((n,) + (1,) * (len(view.shape) - axis - 1))
    return np.arange(trips, dtype=np.int64)[:, None] * part.step + at.reshape(1, -1)


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


def _reading(r: Repeat, column: int, source: Node) -> Part:
    """What a column reads of an array that is written to, as a part of the source."""
    part = r.parts.get(column)
    if part is None:
        return Part(source, indexed(contiguous(source.aval.shape), r.node(column, 0).params[0]), 0)
    return part._replace(source=source)


def _is_read_before(r: Repeat, part: Part, lag: int, times: Array) -> bool:
    """Whether each repetition finds what it reads as it was in the source."""
    view: View = part.view
    if r.trips * int(np.prod(view.shape)) > MOST_PLACES:
        return False
    first = times[places(part, r.trips)]
    now = np.arange(r.trips)[:, None]
    return bool(np.all(first >= now if lag else first > now))
