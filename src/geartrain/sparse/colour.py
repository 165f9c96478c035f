"""Colours: which columns of a sparse matrix can be found by one product with it.

Columns that share no row can be moved together, and so get one colour; the entries are then read off. A symmetric
matrix needs fewer: an entry may be read off on either side of the diagonal (star colouring). Both are greedy, in time
proportional to the entries: the colours that a vertex may not take are the bits of one integer.

Gebremedhin, Manne, Pothen, *What Color Is Your Jacobian?*, SIAM Review 47 (2005), sections 3 and 4.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from geartrain.ir.aval import Array

__all__ = ["columns_apart", "star"]


def columns_apart(rows: Sequence[Sequence[int]], columns: Sequence[Sequence[int]]) -> Array:
    """A colour for each column, such that no row has two entries in columns of one colour.

    ``rows[i]`` has the columns with an entry in row i, ``columns[j]`` the rows with one in column j. The columns are
    taken as they come, which is best for bands; if that needs more colours than the longest row has entries (fewer
    are never enough), also from the fullest to the emptiest.

    >>> columns_apart([[0, 1], [1, 2], [2, 3]], [[0], [0, 1], [1, 2], [2]])
    array([0, 1, 0, 1])
    """
    least = max(map(len, rows), default=0)
    found = _greedy(rows, columns, range(len(columns)))
    if found.max(initial=-1) + 1 > least:
        fullest = sorted(range(len(columns)), key=lambda j: -sum([len(rows[i]) for i in columns[j]]))
        other = _greedy(rows, columns, fullest)
        if other.max(initial=-1) < found.max(initial=-1):
            return other
    return found


def _greedy(rows: Sequence[Sequence[int]], columns: Sequence[Sequence[int]], order: Iterable[int]) -> Array:
    used = [0] * len(rows)
    colours = np.zeros(len(columns), int)
    for j in order:
        taken = 0
        for i in columns[j]:
            taken |= used[i]
        free = ~taken & (taken + 1)
        for i in columns[j]:
            used[i] |= free
        colours[j] = free.bit_length() - 1
    return colours


def star(neighbours: Sequence[Sequence[int]]) -> Array:
    """A colour for each vertex of a graph, such that every path of four vertices has at least three colours.

    ``neighbours[i]`` has the columns with an entry in row i of a symmetric matrix. For each entry (i, j) then either j
    is the only neighbour of i with its colour, or i the only one of j with its own, and the diagonal stands alone. The
    vertices are taken from the one with most neighbours to the one with fewest.

    >>> star([[1, 2, 3], [0], [0], [0]])  # an arrow: two colours, where columns apart would need four
    array([0, 1, 1, 1])
    """
    return _Star(neighbours).colours


class _Star:
    """Greedy star colouring. Three sets of colours are kept of each vertex, as bits.

    - ``once``: the colours of its neighbours;
    - ``twice``: the colours that two of them have;
    - ``ends``: the colours of those neighbours that have another neighbour of its own colour. With one of these, a new
      neighbour would end a path of two colours.
    """

    def __init__(self, neighbours: Sequence[Sequence[int]]) -> None:
        n = len(neighbours)
        self.neighbours = [[j for j in near if j != i] for i, near in enumerate(neighbours)]
        self.bit = [0] * n
        self.once, self.twice, self.ends = [0] * n, [0] * n, [0] * n
        self.first: list[dict[int, int]] = [{} for _ in range(n)]
        for v in sorted(range(n), key=lambda v: -len(self.neighbours[v])):
            self._paint(v, self._free(v))
        self.colours = np.array([bit.bit_length() - 1 for bit in self.bit], int)

    def _free(self, v: int) -> int:
        taken, twice = self.once[v], self.twice[v]
        for w in self.neighbours[v]:
            if self.bit[w]:
                taken |= self.ends[w]  # v - w - x - y, where y has the colour of w
                if self.bit[w] & twice:
                    taken |= self.once[w]  # u - v - w - x, where u has the colour of w
        return ~taken & (taken + 1)

    def _paint(self, v: int, bit: int) -> None:
        self.bit[v] = bit
        for x in self.neighbours[v]:
            if not self.once[x] & bit:
                self.once[x] |= bit
                self.first[x][bit] = v
            elif not self.twice[x] & bit:
                self.twice[x] |= bit
                self.ends[self.first[x][bit]] |= self.bit[x]
            if self.twice[x] & bit:
                self.ends[v] |= self.bit[x]
            if self.bit[x] & self.twice[v]:
                self.ends[x] |= bit
