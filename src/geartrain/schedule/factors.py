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
                                                                             and integers and reals to work in
svd         a                            u, v^H, values                      m, n, columns of u, rows of v^H, these
eig         a                            vectors, values                     n, these; complex only
expm        a                            the exponential                     n, these
=========== ============================ =================================== ==========================================

In a stack each matrix has its own part of everything but of what is worked in. With ``COMPLEX`` before its name a
routine does the same for complex matrices.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from geartrain.ir.aval import Aval
from geartrain.ir.node import INPUT, Node
from geartrain.ir.views import View, contiguous, is_contiguous, transposed
from geartrain.schedule.steps import Home, Routine

__all__ = ["ROWS", "Factors"]

COMPLEX = "complex "
"""What the name of a step on complex numbers begins with: arrays of pairs, with an axis of two behind all others."""

_REAL = ("solve", "inv", "det", "logabsdet", "sign_det", "cholesky", "qr", "eigh", "svd", "expm")
ROWS = (*_REAL, *[COMPLEX + name for name in (*_REAL, "sign_det_complex", "eig") if name != "sign_det"])
"""The operations that are steps of this kind."""

BLOCK = 64
"""Columns that LAPACK works on at once, at most."""

Copied = Callable[[Node], Home]


class Factors:
    """The routines of one program, and which factors are there already."""

    def __init__(self) -> None:
        self._lu: dict[tuple[Node, View], tuple[Node, Node]] = {}

    def steps(self, node: Node, homes: Sequence[Home], copied: Copied) -> list[Routine]:
        """The steps, without their numbers. ``homes``: where the operands lie; ``copied`` gives one in C order."""
        a = node.inputs[0]
        name = node.op.name.removeprefix(COMPLEX)
        prefix = COMPLEX * (name != node.op.name)
        *stack, m, n = a.aval.shape[:-1] if prefix else a.aval.shape
        many = math.prod(stack)

        def made(what: str, inputs: tuple[Home, ...], outs: tuple[Node, ...], sizes: tuple[int, ...]) -> Routine:
            return Routine(node, -1, prefix + what, inputs, outs, many, sizes)

        if name == "cholesky":
            return [made(name, (copied(a),), (node,), (n,))]
        if name in ("qr", "eigh", "svd", "eig", "expm"):
            sizes, (numbers, integers, reals) = _sizes(node, m, n)
            dtype = np.dtype(float) if name == "eig" else a.aval.dtype
            work = [_room(numbers * (2 if prefix and name != "eig" else 1) + reals, dtype)]
            work += [_room(integers, np.dtype(np.int64))] if integers else []
            rooms = (numbers, integers, reals) if integers else (numbers,)
            return [made(name, (copied(a),), (node, *work), (*sizes, *rooms))]
        columns: int = node.inputs[-1].aval.shape[-2 if prefix else -1]
        if name == "solve":
            lower = _triangular(homes[0], prefix)
            if lower is not None:
                return [made("tri_solve", (lower, copied(node.inputs[1])), (node,), (n, columns, lower != homes[0]))]
        lu, turned, before = self._factors(a, homes[0], copied, prefix, turning=name != "inv")
        if name == "solve":
            return [*before, made("lu_solve", (*_whole(*lu), copied(node.inputs[1])), (node,), (n, columns, turned))]
        return [*before, made({"inv": "lu_inverse"}.get(name, name), _whole(*lu), (node,), (n,))]

    def _factors(
        self, a: Node, home: Home, copied: Copied, prefix: str, turning: bool
    ) -> tuple[tuple[Node, Node], bool, list[Routine]]:
        """The factors of a matrix, or of its transpose and ``True``; the step that makes them, if there is none yet."""
        other = _turned(home.view, prefix)
        turned = turning and not is_contiguous(home.view) and is_contiguous(other)
        home = Home(home.root, other) if turned else home if is_contiguous(home.view) else copied(a)
        found = self._lu.get(home)
        if found is not None:
            return found, turned, []
        shape = a.aval.shape[:-1] if prefix else a.aval.shape
        many, n = math.prod(shape[:-2]), shape[-1]
        lu = Node(INPUT, (), (), Aval((many, n, n, 2) if prefix else (many, n, n), a.aval.dtype))
        pivots = _room(many * n, np.dtype(np.int64))
        self._lu[home] = lu, pivots
        return (lu, pivots), turned, [Routine(lu, -1, f"{prefix}lu", (home,), (lu, pivots), many, (n,))]


def _room(size: int, dtype: np.dtype[np.generic]) -> Node:
    return Node(INPUT, (), (), Aval((size,), dtype))


def _whole(*nodes: Node) -> tuple[Home, ...]:
    return tuple([Home(node, contiguous(node.aval.shape)) for node in nodes])


def _turned(view: View, prefix: str) -> View:
    """The transposed matrices."""
    axes = list(range(len(view.shape)))
    i = len(axes) - (3 if prefix else 2)
    axes[i], axes[i + 1] = i + 1, i
    return transposed(view, tuple(axes))


def _triangular(home: Home, prefix: str) -> Home | None:
    """Where a matrix, or its transpose, is a lower factor as ``cholesky`` gave it: that factor."""
    root, view = home
    if root.op.name != f"{prefix}cholesky" or view.offset or math.prod(view.shape) != root.aval.size:
        return None
    for each in (view, _turned(view, prefix)):
        if is_contiguous(each):
            return Home(root, each)
    return None


def _sizes(node: Node, m: int, n: int) -> tuple[tuple[int, ...], tuple[int, int, int]]:
    """The sizes of a factorisation, and how many numbers and integers it works in; of pairs, real numbers, too.

    These are its copies of a and of what it gives, and what LAPACK asks for, to work in blocks.
    """
    name, short, long = node.op.name, min(m, n), max(m, n)
    if name.endswith("qr"):
        k = m if node.params[0] else n
        return (m, n, k), (m * k + n + BLOCK * k, 0, 0)
    if name == "eigh":
        return (n, node.params[0] == "L"), (n * n + max(1 + 6 * n + 2 * n * n, BLOCK * n), 3 + 5 * n, 0)
    if name == "complex eigh":
        work = n * n + max(2 * n + n * n, BLOCK * n)
        return (n, node.params[0] == "L"), (work, 3 + 5 * n, 1 + 6 * n + 2 * n * n)
    if name == "complex eig":
        return (n,), (4 * n * n + 4 * n + 2 * BLOCK * n, 1, 0)
    if name.endswith("expm"):
        return (n,), (5 * n * n, n, 2 * n * n + 4 * n)
    columns, rows = (m, n) if node.params[0] else (short, short)
    work = 4 * short * short + 7 * short + long + m * columns + rows * n + BLOCK * (m + n) + m * n
    reals = short + max(5 * short * short + 5 * short, 2 * long * short + 2 * short * short + short)
    return (m, n, columns, rows), (work, 8 * short, reals if name == "complex svd" else 0)
