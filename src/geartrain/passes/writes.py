"""Repeats that write into an array at places that move: ``b[i] = f(x[i])``.

The array before the first repetition, the *source*, is what every repetition reads, if it reads places only that no
earlier repetition has written. Then the repetitions need not hand the array on: what they write is collected, and
written at once behind the loop.
"""

import numpy as np

from geartrain.ir.aval import Array
from geartrain.ir.node import Node
from geartrain.ir.views import View, contiguous, indexed
from geartrain.passes.chains import MOST_PLACES, columns_of, framed, is_read, meeting, places
from geartrain.passes.repeats import Before, Elsewhere, Part, Repeat

__all__ = ["settled"]


def settled(r: Repeat) -> int:
    """In how many repetitions, the first ones, all moving reads and writes can be had in a loop.

    An array that is written once in each repetition and read as it was before is written behind the loop; reads then
    have the source as theirs. Of all others the loop changes a part: they become ``chains``.
    """
    arrays: dict[tuple[int, ...], list[tuple[int, int]]] = {}  # columns that write -> (column, operand) that read
    of: dict[int, tuple[int, ...]] = {}
    for column in r.writes:
        columns = columns_of(r, column)
        if columns is None:
            return 0
        arrays.setdefault(columns, [])
        of.update(dict.fromkeys(columns, columns))
    for column, part in r.parts.items():
        base = r.operands[column, 0]
        if isinstance(base, Before) and base.column not in of and part.step:
            return 0
    for (column, j), pattern in r.operands.items():
        if isinstance(pattern, Elsewhere) and (
            pattern.column in pattern.repeat.writes or pattern.column in pattern.repeat.chains
        ):
            return 0
        if isinstance(pattern, Before) and pattern.column in of:
            columns = of[pattern.column]
            if not is_read(r, column, j, columns):
                return 0
            if column not in columns:
                arrays[columns].append((column, pattern.lag))
    good = r.trips
    for columns, readers in arrays.items():
        if not _collected(r, columns, readers):
            good = min(good, _changed(r, columns, readers))
    return good


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


def _changed(r: Repeat, columns: tuple[int, ...], reads: list[tuple[int, int]]) -> int:
    """In how many repetitions the loop can change parts of the array."""
    chain = framed(r, columns, [column for column, _ in reads])
    if chain is None:
        return 0
    r.chains.update(dict.fromkeys(columns, chain))
    for column in chain.places:
        r.writes.pop(column, None)
        r.parts.pop(column, None)
    return meeting(r, chain)


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
