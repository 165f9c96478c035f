"""Steps that go over the same rows become one: it does them all on a strip of rows while these are in the cache.

Kernels, products whose rows they are, and sums over rows; so softmax, layernorm, and what follows a product (bias,
activation, the update of a weight) take one pass over memory. Strips depend on shapes and on the number of cores of the
machine, never on how many threads there are, and one thread does a strip: the bits are the same for any number.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from geartrain.ir.aval import Aval
from geartrain.ir.node import INPUT, Node
from geartrain.ir.views import contiguous
from geartrain.schedule.element import code_of
from geartrain.schedule.nest import Nest, Run
from geartrain.schedule.rows import Rows, Touch, by_rows, counts
from geartrain.schedule.steps import Home, Product

__all__ = ["Part", "Strip", "in_strips"]

AHEAD = 32
"""How many steps behind the first one are looked at."""

SHARED = 1 << 16
"""Bytes of a buffer for which going together is worth it."""

CACHE = 1 << 18
"""Bytes of a strip, about: it is to stay in the cache of one core."""

PRODUCT, ROWS = 1 << 21, 128
"""A product of more multiplications gets strips of at least so many rows, since packing its operands costs time."""

MOST_PARTS = 16


class Part(NamedTuple):
    """One step of a strip: of ``size`` repetitions of its outermost loop ``per`` are for one strip."""

    step: Run | Product
    per: int
    size: int
    way: str


class Strip(NamedTuple):
    """Do ``parts`` in order, for each of ``many`` strips; in any order of strips, or at the same time.

    A strip is ``rows`` of ``total`` rows. ``aligned``: buffers of which every part touches only the rows of its strip.
    """

    parts: tuple[Part, ...]
    many: int
    rows: int
    total: int
    aligned: frozenset[Node]

    def bytes_of(self, root: Node) -> int:
        """The bytes of one strip of an aligned buffer."""
        return root.aval.size // self.total * self.rows * root.aval.dtype.itemsize


Touched = tuple[set[Node], set[Node]]
"""The buffers that a step touches, and those that it writes."""


def in_strips(
    steps: Sequence[Run | Product | None],
    homes: dict[Node, Home],
    owner: Callable[[Node], Node],
    touched: Sequence[Touched],
    cores: int,
) -> list[int | Strip | Run]:
    """The numbers of steps in their new order, strips in place of some, and sums of what strips leave.

    Args:
        steps: what may be part of a strip; ``None`` for others.
        homes: where values lie; new buffers find their way into it.
        owner: whose memory a buffer takes.
        touched: what each step touches.
        cores: there are to be so many strips at least.
    """
    return _Strips(steps, homes, owner, touched, cores).steps()


class _Growing:
    """A strip in the making: numbers of steps, and what they touch."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.members: list[int] = []
        self.ways: list[Rows] = []
        self.before: list[int] = []  # steps that have to come first
        self.touches: dict[Node, list[tuple[int, Touch]]] = {}
        self.closed: set[Node] = set()  # summed when all strips are done


class _Strips:
    def __init__(
        self,
        given: Sequence[Run | Product | None],
        homes: dict[Node, Home],
        owner: Callable[[Node], Node],
        touched: Sequence[Touched],
        cores: int,
    ) -> None:
        self.given, self.homes, self.owner, self.touched, self.cores = given, homes, owner, touched, cores
        self.done = [False] * len(given)
        self.ways: dict[tuple[int, int], Rows | None] = {}
        self.bytes: dict[Node, int] = {}

    def steps(self) -> list[int | Strip | Run]:
        found: list[int | Strip | Run] = []
        for i in range(len(self.given)):
            if self.done[i]:
                continue
            grown = [self._grown(i, rows) for rows in self._rows(i)]
            saved = [self._saves(each) for each in grown]
            best = grown[saved.index(max(saved))] if any(saved) else None
            made = self._made(best) if best is not None else None
            if best is None or made is None:
                found.append(i)
                continue
            found += best.before
            found += made
            for k in (*best.before, *best.members):
                self.done[k] = True
        return found

    def _rows(self, i: int) -> list[int]:
        """How many rows a strip that begins with this step may have: as the step, or as what comes next, has it."""
        step = self.given[i]
        if step is None:
            return []
        found = counts(step)
        for j in range(i + 1, min(i + 4, len(self.given))):
            other = self.given[j]
            if other is not None and self.touched[j][0] & self.touched[i][0]:
                found += counts(other)
        return [rows for rows in dict.fromkeys(found) if self._way(i, rows)]

    def _way(self, i: int, rows: int) -> Rows | None:
        """How step ``i`` goes over so many rows."""
        key = i, rows
        if key not in self.ways:
            step = self.given[i]
            few = isinstance(step, Product) and self._too_few(step, rows)
            self.ways[key] = None if step is None or few else by_rows(step, rows)
        return self.ways[key]

    def _grown(self, first: int, rows: int) -> _Growing:
        grown = _Growing(rows)
        if not self._join(grown, first):
            return grown
        ahead = range(first + 1, min(first + AHEAD, len(self.given)))
        large = {root for root, each in grown.touches.items() if each[0][1].row and self._bytes(root) >= SHARED}
        if not large or all(large.isdisjoint(self.touched[j][0]) for j in ahead):
            return grown
        waiting: list[int] = []  # they do not depend on the strip
        behind: list[int] = []  # they do
        for j in ahead:
            if self.done[j]:
                continue
            if any(self._depends(j, k) for k in behind):
                behind.append(j)
            elif len(grown.members) < MOST_PARTS and self._join(grown, j):
                needed = self._needed(j, waiting)
                grown.before += needed
                waiting = [k for k in waiting if k not in needed]
            elif any(self._depends(j, k) for k in grown.members):
                behind.append(j)
            else:
                waiting.append(j)
        return grown

    def _depends(self, later: int, earlier: int) -> bool:
        (a, a_writes), (b, b_writes) = self.touched[later], self.touched[earlier]
        return not a_writes.isdisjoint(b) or not b_writes.isdisjoint(a)

    def _needed(self, j: int, waiting: list[int]) -> list[int]:
        """Those of the waiting steps that have to come before step ``j``."""
        found: list[int] = []
        for k in reversed(waiting):
            if any(self._depends(x, k) for x in (j, *found)):
                found.append(k)
        return found[::-1]

    def _join(self, grown: _Growing, j: int) -> bool:
        """Let a step be a part of the strip, if it can be, and if it shares a buffer with the others."""
        way = self._way(j, grown.rows)
        step = self.given[j]
        if way is None or not self.touched[j][0].isdisjoint(grown.closed):
            return False
        shared = False
        for root in {self.owner(touch.root) for touch in way.touches}:
            new = [touch for touch in way.touches if self.owner(touch.root) is root]
            old = [touch for _, touch in grown.touches.get(root, ())]
            if old and any(t.write for t in (*new, *old)) and not all(t.row for t in (*new, *old)):
                return False
            shared |= any(t.row for t in new) and any(t.row for t in old)
        if grown.members and not shared:
            return False
        grown.members.append(j)
        grown.ways.append(way)
        for touch in way.touches:
            grown.touches.setdefault(self.owner(touch.root), []).append((j, touch))
        if way.way == "summed":
            grown.closed.add(self.owner(step.node if isinstance(step, Product) else way.touches[-1].root))
        return True

    def _saves(self, grown: _Growing) -> int:
        """The bytes that need not come from memory again, if that is worth it."""
        saved = 0
        for root, touches in grown.touches.items():
            size = self._bytes(root)
            readers = len({k for k, touch in touches if touch.row})
            saved += size * (readers - 1) if size >= SHARED and readers else 0
        return saved

    def _bytes(self, root: Node) -> int:
        found = self.bytes.get(root)
        if found is None:
            found = self.bytes[root] = root.aval.size * root.aval.dtype.itemsize
        return found

    def _too_few(self, step: Product, rows: int) -> bool:
        large = step.m * step.n * step.k > PRODUCT and 1 not in (step.m, step.n)
        return rows == step.m and large and rows < ROWS * self.cores

    def _made(self, grown: _Growing) -> list[int | Strip | Run] | None:
        """The strip, and what comes behind it: sums of what its products left."""
        aligned = {root for root, touches in grown.touches.items() if all(touch.row for _, touch in touches)}
        bytes_ = sum([grown.touches[root][0][1].row * root.aval.dtype.itemsize for root in aligned])
        products = [step for k in grown.members if isinstance(step := self.given[k], Product)]
        unit = math.lcm(*[way.unit for way in grown.ways])
        rows = max(1, CACHE // max(bytes_, 1))
        if any(p.m * p.n * p.k > PRODUCT and 1 not in (p.m, p.n) and p.many == 1 for p in products):
            rows = max(rows, ROWS)
        rounds = math.ceil(grown.rows / rows / self.cores)
        rows = math.ceil(grown.rows / (rounds * self.cores))
        unit = math.lcm(unit, 8) if rows >= 64 else unit
        rows = math.ceil(rows / unit) * unit
        many = math.ceil(grown.rows / rows)
        if many < self.cores:
            return None
        parts: list[Part] = []
        after: list[Run] = []
        for k, way in zip(grown.members, grown.ways, strict=True):
            step = self.given[k]
            assert step is not None
            if isinstance(step, Product):
                if way.way == "summed":
                    step, more = self._summed(step, many)
                    after += more
                parts.append(Part(step, rows, grown.rows, way.way))
            else:
                parts.append(Part(step, rows * way.per // way.unit, step.sizes[0], ""))
        return [Strip(tuple(parts), many, rows, grown.rows, frozenset(aligned)), *after]

    def _summed(self, product: Product, many: int) -> tuple[Product, list[Run]]:
        """The product with a place of its own for each strip, and the sum of those."""
        home = self.homes[product.node]
        shape = (many, product.m * product.n)
        part = Node(INPUT, (), (), Aval(shape, product.node.aval.dtype))
        self.homes[part] = Home(part, contiguous(shape))
        nest = Nest(shape)
        dtype = code_of(product.node.aval.dtype)
        nest.fold("sum", nest.load(self.homes[part], dtype), Home(home.root, contiguous(shape[1:])), (0,))
        return product._replace(node=part), nest.runs()
