"""Linear algebra: equations, inverses, determinants, norms. The factorisations are in ``factor``."""

import math
from collections.abc import Sequence
from typing import Any

from numpy.lib.array_utils import normalize_axis_tuple

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import conj, is_complex, over_stacks
from geartrain.ops.contract import mT
from geartrain.ops.factor import adjoint, inexact, square, svdvals
from geartrain.ops.reduce import axes_of, keep
from geartrain.ops.shape import cast, common_dtype
from geartrain.ops.table import constant, custom, spells

__all__ = ["COFACTOR", "DET", "INV", "LOGABSDET", "NORM2", "PINV", "SIGN_DET", "SIGN_DET_COMPLEX", "SOLVE"]

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


# Determinants. The rate of ``det`` is the matrix of cofactors, by singular values: right where there is no inverse.


def _others(s: Array) -> Array:
    """For each singular value the product of the others."""
    grid = np.where(np.eye(s.shape[-1], dtype=bool), 1, s[..., None, :])
    return np.prod(grid, axis=-1)


def _turned(a: Array) -> tuple[Array, Array, Array, Array]:
    """``phase, u, s, v^H`` with ``cof(a) = phase conj(u) others(s) conj(v^H)``."""
    u, s, vh = np.linalg.svd(a)
    return (np.linalg.det(u) * np.linalg.det(vh))[..., None, None], u, s, vh


def _cofactor(a: Array) -> Array:
    phase, u, s, vh = _turned(a)
    return phase * (np.conj(u) * _others(s)[..., None, :]) @ np.conj(vh)


def _cofactor_rate(a: Array, e: Array) -> Array:
    """How the cofactors move when ``a`` moves by ``e``. Symmetric: the derivative of ``det`` by ``e`` and a third."""
    phase, u, s, vh = _turned(a)
    n = s.shape[-1]
    unit = np.eye(n, dtype=bool)
    rest = np.where(unit[:, None, :] | unit[None, :, :], 1, s[..., None, None, :])
    pairs = np.where(unit, 0, np.prod(rest, axis=-1))
    inner = np.conj(np.swapaxes(u, -1, -2)) @ e @ np.conj(np.swapaxes(vh, -1, -2))
    along = (pairs @ np.diagonal(inner, axis1=-2, axis2=-1)[..., None]) * unit
    return phase * np.conj(u) @ (along - np.swapaxes(pairs * inner, -1, -2)) @ np.conj(vh)


def _second_rate(a: Array, e: Array, f: Array) -> Array:
    """How ``_cofactor_rate(a, e)`` moves when ``a`` moves by ``f``, where ``a`` has an inverse."""
    b: Array = np.linalg.inv(a)
    be, bf = b @ e, b @ f
    trace_e, trace_f, trace_ef = (np.trace(x, axis1=-2, axis2=-1)[..., None, None] for x in (be, bf, be @ bf))
    moved = (trace_e * trace_f - trace_ef) * b - trace_f * (be @ b) - trace_e * (bf @ b) + (be @ bf + bf @ be) @ b
    return mT(np.linalg.det(a)[..., None, None] * moved)


def _push_det(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array]) -> Array:
    return np.sum(COFACTOR(xs[0]) * xs_dot[0], axis=(-2, -1))


def _pull_det(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array]:
    return (np.reshape(y_bar, (*np.shape(y_bar), 1, 1)) * COFACTOR(xs[0]),)


def _push_cofactor(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array]) -> Array:
    return COFACTOR_RATE(xs[0], xs_dot[0])


def _pull_cofactor(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array]:
    return (COFACTOR_RATE(xs[0], y_bar),)


def _push_cofactor_rate(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array | None]) -> Array:
    (a, e), (a_dot, e_dot) = xs, xs_dot
    terms = [] if a_dot is None else [_second_rate(a, e, a_dot)]
    terms += [] if e_dot is None else [COFACTOR_RATE(a, e_dot)]
    return terms[0] if len(terms) == 1 else terms[0] + terms[1]


def _pull_cofactor_rate(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array, Array]:
    return _second_rate(xs[0], xs[1], y_bar), COFACTOR_RATE(xs[0], y_bar)


def _batch_pair(size: int, batched: Sequence[bool], a: Array, e: Array) -> Array:
    a, e = (x if t else np.broadcast_to(x, (size, *x.shape)) for x, t in zip((a, e), batched, strict=True))
    return COFACTOR_RATE(a, e)


DET = custom("det", np.linalg.det, push=_push_det, pull=_pull_det, batch=over_stacks("det"))
COFACTOR = custom("cofactor", _cofactor, push=_push_cofactor, pull=_pull_cofactor, batch=over_stacks("cofactor"))
COFACTOR_RATE = custom(
    "cofactor_rate", _cofactor_rate, push=_push_cofactor_rate, pull=_pull_cofactor_rate, batch=_batch_pair
)


@spells(np.linalg.det)
def det(a: Array) -> Array:
    return DET(square("det", a))


def _logabsdet(a: Array) -> Array:
    return np.linalg.slogdet(a)[1]


def _trace_by(a: Array, a_dot: Array) -> Array:
    """``trace(a^-1 a_dot)``, the relative rate of the determinant."""
    return np.trace(_solve(a, a_dot), axis1=-2, axis2=-1)


def _push_logabsdet(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array]) -> Array:
    rate = _trace_by(xs[0], xs_dot[0])
    return np.real(rate) if is_complex(rate) else rate


def _pull_logabsdet(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array]:
    return (np.reshape(y_bar, (*np.shape(y_bar), 1, 1)) * mT(np.linalg.inv(xs[0])),)


def _sign_det(a: Array) -> Array:
    return np.linalg.slogdet(a)[0]


def _push_sign_det(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array]) -> Array:
    return 1j * y * np.imag(_trace_by(xs[0], xs_dot[0]))


def _pull_sign_det(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array]:
    turn = np.imag(y_bar * y)
    return (1j * np.reshape(turn, (*np.shape(turn), 1, 1)) * mT(np.linalg.inv(xs[0])),)


LOGABSDET = custom("logabsdet", _logabsdet, push=_push_logabsdet, pull=_pull_logabsdet, batch=over_stacks("logabsdet"))
SIGN_DET = constant("sign_det", _sign_det, batch=over_stacks("sign_det"))
SIGN_DET_COMPLEX = custom(
    "sign_det_complex",
    _sign_det,
    push=_push_sign_det,
    pull=_pull_sign_det,
    batch=over_stacks("sign_det_complex"),
)


@spells(np.linalg.slogdet)
def slogdet(a: Array) -> Any:
    a = square("slogdet", a)
    return SlogdetResult((SIGN_DET_COMPLEX if is_complex(a) else SIGN_DET)(a), LOGABSDET(a))


# Norms. The Euclidean one has rate 0 at 0.


def _norm2(x: Array, axes: tuple[int, ...]) -> Array:
    squares = x.real**2 + x.imag**2 if is_complex(x) else x * x
    return np.sqrt(np.add.reduce(squares, axis=axes))


def _direction(y: Array, x: Array, axes: tuple[int, ...]) -> Array:
    y = keep(y, np.shape(x), axes)
    zero = y == 0
    return np.where(zero, np.zeros((), y.dtype), conj(x) / np.where(zero, np.ones((), y.dtype), y))


def _push_norm2(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array], axes: tuple[int, ...]) -> Array:
    rate = np.sum(_direction(y, xs[0], axes) * xs_dot[0], axis=axes)
    return np.real(rate) if is_complex(rate) else rate


def _pull_norm2(y_bar: Array, y: Array, xs: Sequence[Array], axes: tuple[int, ...]) -> tuple[Array]:
    return (keep(y_bar, np.shape(xs[0]), axes) * _direction(y, xs[0], axes),)


def _batch_norm2(size: int, batched: Sequence[bool], x: Array, axes: tuple[int, ...]) -> Array:
    return NORM2(x, params=(tuple(i + 1 for i in axes),))


NORM2 = custom(
    "norm2",
    _norm2,
    "axes",
    push=_push_norm2,
    pull=_pull_norm2,
    batch=_batch_norm2,
)


@spells(np.linalg.norm)
def norm(x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    x = inexact(x)
    axes = axes_of(x, axis)
    if ord is None or (ord == 2 and len(axes) == 1) or (ord in ("fro", "f") and len(axes) == 2):
        y = NORM2(x, params=(axes,))
    elif len(axes) == 1:
        y = _vector_norm(x, ord, axes[0])
    elif len(axes) == 2:
        y = _matrix_norm(np.moveaxis(x, axes, (-2, -1)), ord)
    else:
        raise ValueError("Improper number of dimensions to norm.")
    return keep(y, x.shape, axes) if keepdims else y


def _vector_norm(x: Array, ord: Any, axis: int) -> Array:
    if ord == 0:
        return cast(np.sum(x != 0, axis=axis), x.real.dtype)
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    size = np.abs(x)
    if ord == np.inf:
        return np.max(size, axis=axis)
    if ord == -np.inf:
        return np.min(size, axis=axis)
    return np.sum(size, axis=axis) if ord == 1 else np.sum(size**ord, axis=axis) ** (1 / ord)


def _matrix_norm(x: Array, ord: Any) -> Array:
    if ord == "nuc":
        return np.sum(svdvals(x), axis=-1)
    if ord in (2, -2):
        return (np.max if ord == 2 else np.min)(svdvals(x), axis=-1)
    if ord not in (1, -1, np.inf, -np.inf):
        raise ValueError("Invalid norm order for matrices.")
    sums = np.sum(np.abs(x), axis=-2 if abs(ord) == 1 else -1)
    return (np.max if ord > 0 else np.min)(sums, axis=-1)


@spells(np.linalg.vector_norm)
def vector_norm(x: Array, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Array:
    x = inexact(x)
    axes = axes_of(x, axis)
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    flat = np.reshape(np.transpose(x, (*rest, *axes)), (*(x.shape[i] for i in rest), -1 if x.size else 0))
    y = norm(flat, ord=ord, axis=-1)
    return keep(y, x.shape, axes) if keepdims else y


@spells(np.linalg.matrix_norm)
def matrix_norm(x: Array, /, *, keepdims: bool = False, ord: Any = "fro") -> Array:
    return norm(x, ord=ord, axis=(-2, -1), keepdims=keepdims)


@spells(np.linalg.cond)
def cond(x: Array, p: Any = None) -> Array:
    x = inexact(x)
    if p in (None, 2, -2):
        s = svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return norm(x, ord=p, axis=(-2, -1)) * norm(inv(x), ord=p, axis=(-2, -1))


def _rank(a: Array, tol: Any, hermitian: bool, rtol: Any) -> Array:
    return np.linalg.matrix_rank(a, tol, hermitian, rtol=rtol)


RANK = constant("matrix_rank", _rank, "tol", "hermitian", "rtol")


@spells(np.linalg.matrix_rank)
def matrix_rank(A: Array, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Array:
    return RANK(A, params=(tol, hermitian, rtol))


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
    rank = matrix_rank(a, rtol=cut)
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
