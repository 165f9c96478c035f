"""Factorisations, and equations by way of them: which routines of linear algebra a node needs.

``a x = b`` is two steps, the factors of ``a`` and the solution by them. The first one serves all that ask for the same
matrix or its transpose: a gradient solves by the transpose of what the value was solved by. What ``cholesky`` gave is
triangular as it is. A routine that finds no answer (a matrix that is singular, no convergence) notes an error; the call
is then NumPy's, which raises its own.

=========== ============================ =================================== ==========================================
routine     reads                        gives, then works in                sizes
=========== ============================ =================================== ==========================================
lu          a                            factors, pivots (int64)             n
lu_solve    factors, pivots, b           x                                   n, columns of b, whether by the transpose
lu_inverse  factors, pivots              the inverse                         n
det ...     factors, pivots              one number                          n
cholesky    a                            the lower factor                    n
tri_solve   the lower factor, b          x                                   n, columns of b, whether by the transpose
qr          a                            q, r, one after the other           m, n, columns of q, numbers to work in
eigh        a                            vectors, values                     n, whether of the lower triangle, numbers
                                                                             and integers to work in
svd         a                            u, v^H, values                      m, n, columns of u, rows of v^H, both
=========== ============================ =================================== ==========================================

In a stack each matrix has its own part of everything but of what is worked in.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from geartrain.ir.aval import Aval
from geartrain.ir.node import INPUT, Node
from geartrain.ir.views import View, contiguous, is_contiguous
from geartrain.schedule.steps import Home, Routine

__all__ = ["ROWS", "Factors"]

ROWS = ("solve", "inv", "det", "logabsdet", "sign_det", "cholesky", "qr", "eigh", "svd")
"""The rows that are steps of this kind."""

BLOCK = 64
"""Columns that LAPACK works on at once, at most."""

Copied = Callable[[Node], Home]


class Factors:
    """The routines of one program, and which factors are there already."""

    def __init__(self) -> None:
        self._lu: dict[tuple[Node, View], tuple[Node, Node]] = {}

    def steps(self, node: Node, homes: Sequence[Home], copied: Copied, pos: int) -> list[Routine]:
        """The steps from number ``pos`` on. ``homes``: where the operands lie; ``copied`` gives one in C order."""
        a = node.inputs[0]
        many = math.prod(a.aval.shape[:-2])
        m, n = a.aval.shape[-2:]
        name = node.op.name
        if name == "cholesky":
            return [Routine(node, pos, name, (copied(a),), (node,), many, (n,))]
        if name in ("qr", "eigh", "svd"):
            sizes, rooms = _sizes(node, m, n)
            work = [_room(size, dtype) for size, dtype in zip(rooms, (a.aval.dtype, np.dtype(np.int64)), strict=False)]
            return [Routine(node, pos, name, (copied(a),), (node, *work), many, (*sizes, *rooms))]
        if name == "solve":
            b = node.inputs[1]
            columns = b.aval.shape[-1]
            lower = _triangular(homes[0])
            if lower is not None:
                inputs = (lower, copied(b))
                return [Routine(node, pos, "tri_solve", inputs, (node,), many, (n, columns, lower != homes[0]))]
            (lu, pivots), turned, before = self._factors(a, homes[0], copied, pos)
            inputs = (*_whole(lu, pivots), copied(b))
            sizes = (n, columns, turned)
            return [*before, Routine(node, pos + len(before), "lu_solve", inputs, (node,), many, sizes)]
        (lu, pivots), turned, before = self._factors(a, homes[0], copied, pos, turning=name != "inv")
        name = {"inv": "lu_inverse"}.get(name, name)
        return [*before, Routine(node, pos + len(before), name, _whole(lu, pivots), (node,), many, (n,))]

    def _factors(
        self, a: Node, home: Home, copied: Copied, pos: int, turning: bool = True
    ) -> tuple[tuple[Node, Node], bool, list[Routine]]:
        """The factors of a matrix, or of its transpose and ``True``; the step that makes them, if there is none yet."""
        turned = turning and not is_contiguous(home.view) and is_contiguous(_turned(home.view))
        home = Home(home.root, _turned(home.view)) if turned else home if is_contiguous(home.view) else copied(a)
        found = self._lu.get(home)
        if found is not None:
            return found, turned, []
        aval, n = a.aval, a.aval.shape[-1]
        many = math.prod(aval.shape[:-2])
        lu = Node(INPUT, (), (), Aval((many, n, n), aval.dtype))
        pivots = _room(many * n, np.dtype(np.int64))
        self._lu[home] = lu, pivots
        return (lu, pivots), turned, [Routine(lu, pos, "lu", (home,), (lu, pivots), many, (n,))]


def _room(size: int, dtype: np.dtype[np.generic]) -> Node:
    return Node(INPUT, (), (), Aval((size,), dtype))


def _whole(*nodes: Node) -> tuple[Home, ...]:
    return tuple([Home(node, contiguous(node.aval.shape)) for node in nodes])


def _turned(view: View) -> View:
    """The transposed matrices."""
    shape, strides = view.shape, view.strides
    return View(view.offset, (*shape[:-2], shape[-1], shape[-2]), (*strides[:-2], strides[-1], strides[-2]))


def _triangular(home: Home) -> Home | None:
    """Where a matrix, or its transpose, is a lower factor as ``cholesky`` gave it: that factor."""
    root, view = home
    if root.op.name != "cholesky" or view.offset or math.prod(view.shape) != root.aval.size:
        return None
    for each in (view, _turned(view)):
        if is_contiguous(each):
            return Home(root, each)
    return None


def _sizes(node: Node, m: int, n: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The sizes of a factorisation, and how many numbers and integers it works in.

    These are its copies of a and of what it gives, and what LAPACK asks for, to work in blocks.
    """
    name, short, long = node.op.name, min(m, n), max(m, n)
    if name == "qr":
        k = m if node.params[0] else n
        return (m, n, k), (m * k + n + BLOCK * k,)
    if name == "eigh":
        return (n, node.params[0] == "L"), (n * n + max(1 + 6 * n + 2 * n * n, BLOCK * n), 3 + 5 * n)
    columns, rows = (m, n) if node.params[0] else (short, short)
    work = 4 * short * short + 7 * short + long + m * columns + rows * n
    return (m, n, columns, rows), (work + BLOCK * (m + n) + m * n, 8 * short)
