"""Where a program repeats: stretches of equal operations whose operands move evenly.

A *column* is one place of the repeated stretch, with a node for each repetition. An operand of a column follows one of
these patterns: it stays the same; it is the node of a column some repetitions before; it is a node of an earlier
repeated stretch, moving evenly through it; it is a part of an array that moves evenly; it is a constant. Everything
else is no repetition. A column that reads or writes a part of an array may have another part each time, if it moves
evenly.
"""

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, cast

from geartrain.ir.node import CONST, Node
from geartrain.ir.views import View, contiguous, indexed
from geartrain.ops.index import GETITEM, SCATTER

__all__ = ["Aside", "Before", "Chain", "Constants", "Elsewhere", "Part", "Pattern", "Place"]
__all__ += ["Repeat", "Same", "find_repeats"]

LEAST_TRIPS = 4
LEAST_NODES = 40
WINDOW = 5
"""So many equal operations in a row are a hint that a stretch repeats."""

TRIES = 4
"""How many periods are looked at from one place: the first is often that of a loop inside of the loop."""


MOST_LAG = 8
"""A value is carried over so many repetitions at most: each has a place of its own."""


class Same(NamedTuple):
    """The same node in every repetition."""

    node: Node


class Before(NamedTuple):
    """The node of ``column``, ``lag`` repetitions before (0: in the same one)."""

    column: int
    lag: int


class Elsewhere(NamedTuple):
    """A node of a column of an earlier repeat: of its repetition ``first``, then ``step`` further each time."""

    repeat: "Repeat"
    column: int
    first: int
    step: int


class Constants(NamedTuple):
    """A constant that differs from repetition to repetition."""


class Part(NamedTuple):
    """For a column that reads or writes a part of an array: ``source``, and a view of it that moves by ``step``."""

    source: Node
    view: View
    step: int

    def at(self, trip: int) -> "Part":
        """The part of a repetition, which does not move."""
        return Part(self.source, self.view._replace(offset=self.view.offset + trip * self.step), 0)


class Chain(NamedTuple):
    """An array that every repetition changes: see :mod:`chains`.

    ``columns`` write into it, in order. A repetition touches one or more ``parts`` of the array, which have no element
    in common. ``places`` has for each column that reads or writes the array in which part, and where in that.
    """

    columns: tuple[int, ...]
    parts: tuple[Part, ...]
    places: dict[int, tuple[int, tuple[Any, ...]]]


class Aside(NamedTuple):
    """A part of an array, read by nodes that are in no repeat, which moves evenly."""

    part: Part


Pattern = Same | Before | Elsewhere | Constants | Aside


class Repeat:
    """A stretch of ``period`` nodes, repeated ``trips`` times from ``start`` on."""

    def __init__(self, sequence: Sequence[Node], start: int, period: int, trips: int) -> None:
        self.sequence = sequence
        self.start, self.period, self.trips = start, period, trips
        self.operands: dict[tuple[int, int], Pattern] = {}
        self.parts: dict[int, Part] = {}
        self.writes: dict[int, Part] = {}
        self.chains: dict[int, Chain] = {}  # of each column that writes into an array that the repeat reads, too

    def node(self, column: int, trip: int) -> Node:
        return self.sequence[self.start + trip * self.period + column]

    def nodes(self, column: int) -> Sequence[Node]:
        """The nodes of a column, one for each repetition."""
        return self.sequence[self.start + column : self.stop : self.period]

    @property
    def stop(self) -> int:
        return self.start + self.trips * self.period


class Place(NamedTuple):
    """Where a node of a repeat is."""

    repeat: Repeat
    column: int
    trip: int


def find_repeats(sequence: Sequence[Node], settled: Callable[[Repeat], int]) -> tuple[list[Repeat], dict[Node, Place]]:
    """The repeats of a program in order, and the place of each node in one.

    ``settled`` has the last word on a repeat, when its repetitions are known: how many of them may be, the first ones.
    """
    finder = _Finder(sequence, settled)
    return finder.repeats, finder.places


class _Finder:
    def __init__(self, sequence: Sequence[Node], settled: Callable[[Repeat], int]) -> None:
        self.sequence = sequence
        self.settled = settled
        self.position = {node: i for i, node in enumerate(sequence)}
        self.repeats: list[Repeat] = []
        self.places: dict[Node, Place] = {}
        for start, period, trips in _candidates(_kinds(sequence)):
            self.search(start, period, trips)

    def search(self, start: int, period: int, trips: int) -> None:
        """Find repeats in a stretch of equal operations: around its middle, then before and behind that.

        Of two loops, one in the other, the inner one repeats throughout, but moves evenly only as long as it runs.
        """
        if trips < LEAST_TRIPS or trips * period < LEAST_NODES:
            return
        whole = Repeat(self.sequence, start, period, trips)
        found = self.fitted(whole, trips // 2)
        if found is None:  # may be for what comes first is no repeat yet, or since the middle is not even
            self.search(start, period, trips // 2)
            self.search(start + trips // 2 * period, period, trips - trips // 2)
            return
        many = len(self.repeats)
        self.search(start, period, (found.start - start) // period)
        if len(self.repeats) > many:  # which it may read
            found = self.fitted(Repeat(self.sequence, found.start, period, found.trips), found.trips // 2)
            if found is None:
                return
        self.repeats.append(found)
        for trip in range(found.trips):
            first = found.start + trip * found.period
            nodes = self.sequence[first : first + found.period]
            self.places.update((node, Place(found, column, trip)) for column, node in enumerate(nodes))
        self.search(found.stop, period, trips - (found.stop - start) // period)

    def fitted(self, whole: Repeat, middle: int) -> Repeat | None:
        """The repeat with a pattern for every operand, cut to the repetitions in which all of them hold.

        These are around the repetition ``middle``, which is not the last one.
        """
        r = Repeat(self.sequence, whole.start, whole.period, whole.trips)
        low, high = 0, r.trips
        for column in range(r.period):
            node = r.node(column, middle)
            for j in range(len(node.inputs)):
                found = self.pattern(r, column, j, middle)
                if found is None:
                    return None
                r.operands[column, j] = found
                low, high = self.holding(r, column, j, found, low, high, middle)
            if node.op is GETITEM and len(node.inputs) == 1:
                low, high = self.part(r, column, low, high, middle, r.parts)
            elif node.op is SCATTER and len(node.inputs) == 2:
                low, high = self.part(r, column, low, high, middle, r.writes)
            if high - low < LEAST_TRIPS:
                return None
        for pattern in r.operands.values():
            if isinstance(pattern, Same) and (at := self.position.get(pattern.node, -1)) >= r.start:
                low = max(low, (at - r.start) // r.period + 1)
        if high - low < LEAST_TRIPS or (high - low) * r.period < LEAST_NODES:
            return None
        cut = self.cut(r, low, high)
        while (good := self.settled(cut)) < cut.trips:
            if good < LEAST_TRIPS or good * r.period < LEAST_NODES:
                return None
            cut = self.cut(r, low, low + good)
        return cut

    def cut(self, r: Repeat, low: int, high: int) -> Repeat:
        """Some of the repetitions."""
        cut = Repeat(self.sequence, r.start + low * r.period, r.period, high - low)
        cut.operands = {key: _later(p, low) for key, p in r.operands.items()}
        for part, of in ((r.parts, cut.parts), (r.writes, cut.writes)):
            for column, p in part.items():
                of[column] = p._replace(view=p.at(low).view)
        for column, p in cut.writes.items():
            cut.writes[column] = p._replace(source=cut.node(column, 0).inputs[0])
        return cut

    def pattern(self, r: Repeat, column: int, j: int, middle: int) -> Pattern | None:
        """What the operand follows, judged by two repetitions in the middle."""
        a, b = (r.node(column, middle + k).inputs[j] for k in (0, 1))
        if a.op is CONST and b.op is CONST:  # the same one twice may yet be another one elsewhere
            return Same(a) if all(node.inputs[j] is a for node in r.nodes(column)) else Constants()
        if a is b:
            return Same(a)
        at_a, at_b = self.position.get(a, -1), self.position.get(b, -1)
        if at_a >= r.start and at_b - at_a == r.period:
            trip, before = divmod(at_a - r.start, r.period)
            if middle - trip <= MOST_LAG:
                return Before(before, middle - trip)
        place_a, place_b = self.places.get(a), self.places.get(b)
        if place_a is None or place_b is None or place_a[:2] != place_b[:2]:
            return self.aside(r, a, b, middle)
        step = place_b.trip - place_a.trip
        return Elsewhere(place_a.repeat, place_a.column, place_a.trip - middle * step, step)

    def aside(self, r: Repeat, a: Node, b: Node, middle: int) -> Aside | None:
        """The pattern of operands that are parts of one array, whoever reads them."""
        first, second = _read(a), _read(b)
        if first is None or second is None or first.source is not second.source:
            return None
        step = second.view.offset - first.view.offset
        if self.position.get(first.source, -1) >= r.start:
            return None
        start = first.view._replace(offset=first.view.offset - middle * step)
        return Aside(Part(first.source, start, step))

    def holding(self, r: Repeat, column: int, j: int, p: Pattern, low: int, high: int, middle: int) -> tuple[int, int]:
        """The repetitions around the middle in which the operand follows its pattern."""
        have = [node.inputs[j] for node in r.nodes(column)]
        if isinstance(p, Same):
            holds = [x is p.node for x in have]
        elif isinstance(p, Before):
            holds = [True] * p.lag + [*map(operator.is_, have[p.lag :], r.nodes(p.column))]
        elif isinstance(p, Elsewhere):
            there = p.repeat.nodes(p.column)
            at = range(p.first, p.first + p.step * r.trips, p.step) if p.step else [p.first] * r.trips
            holds = [0 <= k < p.repeat.trips and x is there[k] for x, k in zip(have, at, strict=True)]
        elif isinstance(p, Aside):
            holds = [_read(x) == p.part.at(t) for t, x in enumerate(have)]
        else:
            holds = [x.op is CONST for x in have]
        return _stretch(holds.__getitem__, low, high, middle)

    def part(self, r: Repeat, column: int, low: int, high: int, middle: int, parts: dict[int, Part]) -> tuple[int, int]:
        """A column of views: those that move are noted in ``parts``; :mod:`writes` sees whether they may."""
        node = r.node(column, middle)
        params = node.params
        if all(r.node(column, trip).params == params for trip in range(low, high)):
            return low, high
        source = r.operands[column, 0]
        if not isinstance(source, (Same, Before)):
            return middle, middle
        whole = contiguous(node.inputs[0].aval.shape)
        views = {trip: indexed(whole, r.node(column, trip).params[0]) for trip in range(low, high)}
        view = views[middle]
        step = views[middle + 1].offset - view.offset if middle + 1 < high else 0
        start = view.offset - middle * step
        parts[column] = Part(node.inputs[0], view._replace(offset=start), step)
        return _stretch(lambda trip: views[trip] == view._replace(offset=start + trip * step), low, high, middle)


def _later(p: Pattern, low: int) -> Pattern:
    """The pattern as seen from a later repetition."""
    if isinstance(p, Elsewhere):
        return p._replace(first=p.first + low * p.step)
    return Aside(p.part._replace(view=p.part.at(low).view)) if isinstance(p, Aside) else p


def _read(x: Node) -> Part | None:
    """What a node reads, if it is a part of an array."""
    if x.op is not GETITEM or len(x.inputs) != 1:
        return None
    (source,) = x.inputs
    return Part(source, indexed(contiguous(source.aval.shape), x.params[0]), 0)


def _stretch(holds: Callable[[int], bool], low: int, high: int, middle: int) -> tuple[int, int]:
    first = middle
    while first > low and holds(first - 1):
        first -= 1
    last = middle
    while last < high and holds(last):
        last += 1
    return first, last


def _kinds(sequence: Sequence[Node]) -> list[int]:
    """A number for each node: equal for nodes that do the same to operands of the same kinds."""
    numbers: dict[Any, int] = {}
    found: list[int] = []
    for node in sequence:
        if (node.op is GETITEM and len(node.inputs) == 1) or (node.op is SCATTER and len(node.inputs) == 2):
            params: Any = None
        else:
            params = _key(node.params) if node.params else None
        operands = [x.value if x.op is not CONST else (CONST, x.aval) for x in node.inputs]
        found.append(numbers.setdefault((node.op, params, node.value, *operands), len(numbers)))
    return found


def _key(params: Any) -> Any:
    """Something to compare parameters by; a fresh object where they cannot be."""
    if isinstance(params, tuple):
        return tuple([_key(p) for p in cast("tuple[Any, ...]", params)])
    if isinstance(params, slice):
        return str(cast("slice[Any, Any, Any]", params))
    return (type(params), params) if type(params) in (int, str, bool, float, type(None), type(...)) else object()


def _candidates(kinds: list[int]) -> Iterator[tuple[int, int, int]]:
    """Stretches that repeat, judged by kinds alone: start, period, repetitions."""
    n = len(kinds)
    following: dict[tuple[int, ...], int] = {}
    ahead: list[int | None] = [None] * n
    for i in range(n - WINDOW, -1, -1):
        window = tuple(kinds[i : i + WINDOW])
        ahead[i] = following.get(window)
        following[window] = i
    i = 0
    while i < n:
        best: tuple[int, int] | None = None
        j = ahead[i]
        for _ in range(TRIES):
            if j is None:
                break
            period, end = j - i, i
            while end + period < n and kinds[end] == kinds[end + period]:
                end += 1
            trips = (end - i) // period + 1
            enough = trips >= LEAST_TRIPS and period * trips >= LEAST_NODES
            if enough and (best is None or period * trips > 1.2 * best[0] * best[1]):
                best = period, trips
            j = ahead[j]
        if best is None:
            i += 1
        else:
            yield i, *best
            i += best[0] * best[1]
