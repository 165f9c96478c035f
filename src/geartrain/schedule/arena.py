"""One block of memory for all intermediate buffers: two may share bytes if they never live at the same time."""

from collections.abc import Mapping
from heapq import heappop, heappush
from typing import Any, NamedTuple

__all__ = ["LINE", "Lifetime", "cells", "pack"]

LINE = 64


class Lifetime(NamedTuple):
    """Written first at step ``first``, touched last at step ``last``; ``size`` in bytes."""

    first: int
    last: int
    size: int


def pack(lives: Mapping[Any, Lifetime], successors: Mapping[Any, Any]) -> tuple[dict[Any, int], int]:
    """The offset of each buffer, and the bytes needed. ``successors[b]`` is a buffer whose place ``b`` may take over.

    Best fit, in order of first use.

    >>> pack({"a": Lifetime(0, 1, 64), "b": Lifetime(1, 2, 64), "c": Lifetime(2, 3, 64)}, {})
    ({'a': 0, 'b': 64, 'c': 0}, 128)
    >>> pack({"a": Lifetime(0, 1, 64), "b": Lifetime(1, 2, 64)}, {"b": "a"})
    ({'a': 0, 'b': 0}, 64)
    """
    free: list[tuple[int, int]] = []  # (offset, size), by offset
    top = 0
    offsets: dict[Any, int] = {}
    ends: dict[int, list[Any]] = {}
    handed_on = set(successors.values())
    clock = 0
    for key, life in sorted(lives.items(), key=lambda item: item[1].first):
        while clock < life.first:
            for old in ends.pop(clock, []):
                if old not in handed_on:
                    _release(free, offsets[old], _rounded(lives[old].size))
            clock += 1
        size = _rounded(life.size)
        old = successors.get(key)
        if old is not None:
            offsets[key] = offsets[old]
        else:
            fit = min([(n, at) for at, n in free if n >= size], default=None)
            if fit is not None:
                n, at = fit
                free.remove((at, n))
                if n > size:
                    _release(free, at + size, n - size)
            elif free and sum(free[-1]) == top:
                at = free.pop()[0]
                top = at + size
            else:
                at, top = top, top + size
            offsets[key] = at
        ends.setdefault(life.last, []).append(key)
    return offsets, top


def _rounded(size: int) -> int:
    return -(-size // LINE) * LINE


def cells(lives: Mapping[Any, Lifetime]) -> tuple[dict[Any, int], int]:
    """The same for many buffers of at most eight bytes: a stack of free cells.

    >>> cells({"a": Lifetime(0, 1, 8), "b": Lifetime(1, 2, 8), "c": Lifetime(2, 3, 4)})
    ({'a': 0, 'b': 8, 'c': 0}, 16)
    """
    offsets: dict[Any, int] = {}
    free: list[int] = []
    dying: list[tuple[int, int]] = []
    top = 0
    for key, life in sorted(lives.items(), key=lambda item: item[1].first):
        while dying and dying[0][0] < life.first:
            free.append(heappop(dying)[1])
        if not free:
            free.append(top)
            top += 8
        offsets[key] = free.pop()
        heappush(dying, (life.last, offsets[key]))
    return offsets, top


def _release(free: list[tuple[int, int]], at: int, size: int) -> None:
    """Give bytes back, joined with free neighbours."""
    if not size:
        return
    i = 0
    while i < len(free) and free[i][0] < at:
        i += 1
    if i < len(free) and at + size == free[i][0]:
        size += free.pop(i)[1]
    if i and sum(free[i - 1]) == at:
        at, n = free.pop(i - 1)
        size, i = size + n, i - 1
    free.insert(i, (at, size))
