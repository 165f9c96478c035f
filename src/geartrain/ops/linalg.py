"""Linear algebra: equations, inverses, products. The factorisations are in ``factor``."""

import math
from collections.abc import Sequence
from typing import Any

from numpy.lib.array_utils import normalize_axis_tuple

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import conj, over_stacks
from geartrain.ops.contract import mT
from geartrain.ops.factor import adjoint, inexact, square
from geartrain.ops.shape import common_dtype
from geartrain.ops.spectral import svdvals
from geartrain.ops.table import custom, spells

__all__ = ["INV", "PINV", "SOLVE", "inv", "solve"]

SlogdetResult: Any = np.linalg.slogdet(np.eye(1)).__class__

# Equations. The row knows stacks of equal stacking, and matrices on the right; the spelling does the rest.


def _solve(a: Array, b: Array) -> Array:
    y: Array = np.linalg.solve(a, b)
    return y


def _push_solve(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array | None]) -> Array:
    a_dot, b_dot = xs_dot
    if a_dot is None:
        return SOLVE(xs[0], b_dot)
    return SOLVE(xs[0], -(a_dot @ y) if b_dot is None else b_dot - a_dot @ y)


def _pull_solve(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array, Array]:
    b_bar = SOLVE(mT(xs[0]), y_bar)
    return -(b_bar @ mT(y)), b_bar


def _batch_solve(size: int, batched: Sequence[bool], a: Array, b: Array) -> Array:
    a, b = (x if t else np.broadcast_to(x, (size, *x.shape)) for x, t in zip((a, b), batched, strict=True))
    return SOLVE(a, b)


SOLVE = custom("solve", _solve, push=_push_solve, pull=_pull_solve, batch=_batch_solve)


@spells(np.linalg.solve)
def solve(a: Array, b: Array) -> Array:
    a, b = common_dtype([square("solve", a), inexact(b)])
    vector = b.ndim == 1
    if vector:
        b = b[:, None]
    if b.ndim == 0 or a.shape[-1] != b.shape[-2]:
        raise ValueError(f"solve: the matrix of shape {a.shape} does not fit a right side of shape {b.shape}")
    if a.shape[:-2] != b.shape[:-2]:
        lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a, b = (x if x.shape[:-2] == lead else np.broadcast_to(x, (*lead, *x.shape[-2:])) for x in (a, b))
    y = SOLVE(a, b)
    return y[..., 0] if vector else y


def _push_inv(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array]) -> Array:
    return -(y @ xs_dot[0] @ y)


def _pull_inv(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array]:
    return (-(mT(y) @ y_bar @ mT(y)),)


INV = custom("inv", np.linalg.inv, push=_push_inv, pull=_pull_inv, batch=over_stacks("inv"))


@spells(np.linalg.inv)
def inv(a: Array) -> Array:
    return INV(square("inv", a))


def _pinv(a: Array, rcond: Any) -> Array:
    y: Array = np.linalg.pinv(a) if rcond is None else np.linalg.pinv(a, rcond)
    return y


def _push_pinv(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array], rcond: Any) -> Array:
    """G. H. Golub, V. Pereyra (1973); for a constant rank."""
    a, a_dot = xs[0], xs_dot[0]
    turned = adjoint(a_dot)
    rows, columns = turned - turned @ a @ y, turned - y @ a @ turned
    return y @ adjoint(y) @ rows - y @ a_dot @ y + columns @ adjoint(y) @ y


def _pull_pinv(y_bar: Array, y: Array, xs: Sequence[Array], rcond: Any) -> tuple[Array]:
    a, bar = xs[0], conj(y_bar)
    left, right = y @ adjoint(y) @ bar, bar @ adjoint(y) @ y
    left, right = left - left @ a @ y, right - y @ a @ right
    return (conj(adjoint(left) + adjoint(right) - adjoint(y) @ bar @ adjoint(y)),)


PINV = custom(
    "pinv",
    _pinv,
    "rcond",
    push=_push_pinv,
    pull=_pull_pinv,
    batch=over_stacks("pinv"),
)


@spells(np.linalg.pinv)
def pinv(a: Array, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Array:
    return PINV(inexact(a), params=(rcond if rtol is None else rtol,))


# Products of several matrices, and equations of tensors.


@spells(np.linalg.matrix_power)
def matrix_power(a: Array, n: int) -> Array:
    a = a if hasattr(a, "dtype") else np.asarray(a)
    if n == 0:
        return np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape)
    if n < 0:
        a, n = inv(a), -n
    power: Array = None
    while n:
        if n % 2:
            power = a if power is None else power @ a
        n //= 2
        a = a @ a if n else a
    return power


@spells(np.linalg.multi_dot)
def multi_dot(arrays: Any) -> Array:
    """The product of several matrices, in the order that takes the fewest multiplications."""
    xs = [np.asarray(x) for x in arrays]
    if len(xs) < 2:
        raise ValueError("Expecting at least two arrays.")
    first, last = xs[0].ndim == 1, xs[-1].ndim == 1
    xs[0] = xs[0][None, :] if first else xs[0]
    xs[-1] = xs[-1][:, None] if last else xs[-1]
    sizes = [xs[0].shape[0], *(x.shape[1] for x in xs)]
    best: dict[tuple[int, int], tuple[float, Array]] = {(i, i): (0, i) for i in range(len(xs))}
    for width in range(1, len(xs)):
        for i in range(len(xs) - width):
            j = i + width
            best[i, j] = min(
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )

    def product(i: int, j: int) -> Array:
        cut = best[i, j][1]
        return xs[i] if i == j else product(i, cut) @ product(cut + 1, j)

    y = product(0, len(xs) - 1)
    return y[(0 if first else slice(None), 0 if last else slice(None))] if first or last else y


@spells(np.linalg.tensorsolve)
def tensorsolve(a: Array, b: Array, axes: Any = None) -> Array:
    a, b = np.asarray(a), np.asarray(b)
    if axes is not None:
        rest = [i for i in range(a.ndim) if i not in normalize_axis_tuple(axes, a.ndim)]
        a = np.transpose(a, (*rest, *axes))
    shape = a.shape[b.ndim :]
    if a.size != b.size * b.size:
        raise np.linalg.LinAlgError(f"tensorsolve: shapes {a.shape} and {b.shape} do not make a square system")
    return np.reshape(solve(np.reshape(a, (b.size, b.size)), np.ravel(b)), shape)


@spells(np.linalg.tensorinv)
def tensorinv(a: Array, ind: int = 2) -> Array:
    a = inexact(a)
    size = math.prod(a.shape[ind:])
    return np.reshape(inv(np.reshape(a, (-1, size))), (*a.shape[ind:], *a.shape[:ind]))


@spells(np.linalg.lstsq)
def lstsq(a: Array, b: Array, rcond: Any = None) -> tuple[Array, Array, Array, Array]:
    """The least squares solution by the pseudoinverse: differentiable where the rank of ``a`` is constant."""
    a, b = common_dtype([inexact(a), inexact(b)])
    m, n = a.shape
    cut = float(np.finfo(a.dtype).eps) * max(m, n) if rcond is None else rcond
    s = svdvals(a)
    rank = np.linalg.matrix_rank(a, rtol=cut)
    x = pinv(a, cut) @ b
    left = np.reshape(b - a @ x, (m, -1))
    full = int(rank) == n and m > n
    squares: Array = np.real(left * conj(left))
    residuals = np.sum(squares, axis=0) if full else np.zeros(0, s.dtype)
    return x, residuals, rank, s


# NumPy's second names for these.


@spells(np.linalg.diagonal)
def diagonal(x: Array, /, *, offset: int = 0) -> Array:
    return np.diagonal(x, offset, -2, -1)


@spells(np.linalg.trace)
def trace(x: Array, /, *, offset: int = 0, dtype: Any = None) -> Array:
    return np.trace(x, offset, -2, -1, dtype=dtype)


@spells(np.linalg.matmul)
def matmul(x1: Array, x2: Array, /) -> Array:
    return np.matmul(x1, x2)


@spells(np.linalg.tensordot)
def tensordot(x1: Array, x2: Array, /, *, axes: Any = 2) -> Array:
    return np.tensordot(x1, x2, axes=axes)


@spells(np.linalg.outer)
def outer(x1: Array, x2: Array, /) -> Array:
    return np.outer(x1, x2)


@spells(np.linalg.matrix_transpose)
def matrix_transpose(x: Array, /) -> Array:
    return mT(x)


@spells(np.linalg.cross)
def cross(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    return np.cross(x1, x2, axis=axis)
