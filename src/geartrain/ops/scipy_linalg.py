"""``scipy.linalg``: what differs from ``numpy.linalg``, and functions of matrices.

A smooth function of matrices has its derivative in the corner of its value at ``[[a, a_dot], [0, a]]`` (R. Mathias,
1996; N. Higham, "Functions of Matrices", theorem 3.6). That is an expression in the function: all orders follow.
"""

from collections.abc import Sequence
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import conj, is_complex
from geartrain.ops.contract import mT
from geartrain.ops.factor import adjoint, as_diagonal, diagonal_of, inexact, square
from geartrain.ops.later import Later, composes, no_option
from geartrain.ops.shape import cast, common_dtype
from geartrain.ops.table import constant, custom

__all__ = ["EXPM", "LOGM", "LU", "SQRTM", "SYLVESTER"]

L = Later("scipy.linalg")
HERE = "scipy.linalg"

# Functions of matrices.


def _corner(function: Any, a: Array, e: Array) -> Array:
    """How ``function(a)`` moves when ``a`` moves by ``e``."""
    n = a.shape[-1]
    whole = np.concatenate((np.concatenate((a, e), axis=-1), np.concatenate((np.zeros_like(a), a), axis=-1)), axis=-2)
    return function(whole)[..., :n, n:]


def _native(a: Array) -> Array:
    return a.astype(a.dtype.newbyteorder("="), copy=False)


def _expm(a: Array) -> Array:
    return L.expm(_native(a))


def _logm(a: Array) -> Array:
    y = L.logm(_native(a))
    return y if is_complex(a) == is_complex(y) else cast(np.real(y), a.dtype)


def _push_expm(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array]) -> Array:
    return _corner(EXPM, xs[0], xs_dot[0])


def _pull_expm(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array]:
    return (_corner(EXPM, mT(xs[0]), y_bar),)


def _push_logm(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array]) -> Array:
    return _corner(LOGM, xs[0], xs_dot[0])


def _pull_logm(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array]:
    return (_corner(LOGM, mT(xs[0]), y_bar),)


EXPM = custom("expm", _expm, push=_push_expm, pull=_pull_expm)
LOGM = custom("logm", _logm, push=_push_logm, pull=_pull_logm)


@composes(HERE)
def expm(A: Array) -> Array:
    return EXPM(square("expm", A))


@composes(HERE)
def logm(A: Array, disp: bool = True) -> Array:
    return LOGM(square("logm", A))


@composes(HERE)
def expm_frechet(A: Array, E: Array, method: Any = None, compute_expm: bool = True, check_finite: bool = True) -> Any:
    a, e, _ = common_dtype([inexact(A), inexact(E), np.zeros(())])
    moved = _corner(EXPM, a, e)
    return (EXPM(a), moved) if compute_expm else moved


# Sylvester's equation: a x + x b = q.


def _sylvester(a: Array, b: Array, q: Array) -> Array:
    return L.solve_sylvester(a, b, q)


def _push_sylvester(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array | None]) -> Array:
    a_dot, b_dot, q_dot = xs_dot
    right = np.zeros_like(y) if q_dot is None else q_dot
    right = right if a_dot is None else right - a_dot @ y
    right = right if b_dot is None else right - y @ b_dot
    return SYLVESTER(xs[0], xs[1], right)


def _pull_sylvester(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array, Array, Array]:
    q_bar = SYLVESTER(mT(xs[0]), mT(xs[1]), y_bar)
    return -(q_bar @ mT(y)), -(mT(y) @ q_bar), q_bar


SYLVESTER = custom("sylvester", _sylvester, push=_push_sylvester, pull=_pull_sylvester)


@composes(HERE)
def solve_sylvester(a: Array, b: Array, q: Array) -> Array:
    return SYLVESTER(*common_dtype([inexact(a), inexact(b), inexact(q)]))


@composes(HERE, "solve_continuous_lyapunov", "solve_lyapunov")
def solve_continuous_lyapunov(a: Array, q: Array) -> Array:
    a, q = common_dtype([inexact(a), inexact(q)])
    return SYLVESTER(a, adjoint(a), q)


@composes(HERE)
def solve_discrete_lyapunov(a: Array, q: Array, method: str | None = None) -> Array:
    a, q, _ = common_dtype([inexact(a), inexact(q), np.zeros(())])
    n = a.shape[0]
    left = np.eye(n * n, dtype=a.dtype) - np.kron(a, conj(a))
    return np.reshape(np.linalg.solve(left, np.ravel(q)), (n, n))


def _sqrtm(a: Array) -> Array:
    y = L.sqrtm(_native(a))
    return y if is_complex(a) == is_complex(y) else cast(np.real(y), a.dtype)


def _push_sqrtm(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array]) -> Array:
    return SYLVESTER(y, y, xs_dot[0])


def _pull_sqrtm(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array]:
    return (SYLVESTER(mT(y), mT(y), y_bar),)


SQRTM = custom("sqrtm", _sqrtm, push=_push_sqrtm, pull=_pull_sqrtm)


@composes(HERE)
def sqrtm(A: Array, disp: Any = True, blocksize: Any = 64) -> Array:
    return SQRTM(square("sqrtm", A))


# LU: the rows in the order of the pivots, which does not move, are l u. With m = l^-1 a_dot u^-1, l_dot = l tril(m, -1)
# and u_dot = triu(m) u.


def _lu(a: Array) -> Array:
    return L.lu_factor(a)[0]


def _pivots(a: Array) -> Array:
    return L.lu_factor(a)[1]


def _triangles(y: Array) -> tuple[Array, Array]:
    return np.tril(y, -1) + np.eye(y.shape[-1], dtype=y.dtype), np.triu(y)


def _rows(pivots: Array, n: int) -> Array:
    """The order of rows that a sequence of exchanges leads to."""
    order = np.arange(n)
    for i in range(pivots.shape[0]):
        j = int(pivots[i])
        if j != i:
            order = order[_exchange(n, i, j)]
    return order


def _exchange(n: int, i: int, j: int) -> list[int]:
    order = list(range(n))
    order[i], order[j] = j, i
    return order


def _push_lu(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array]) -> Array:
    lower, upper = _triangles(y)
    moved = xs_dot[0][_rows(PIVOTS(xs[0]), y.shape[0])]
    inner = mT(np.linalg.solve(mT(upper), mT(np.linalg.solve(lower, moved))))
    return lower @ np.tril(inner, -1) + np.triu(inner) @ upper


def _pull_lu(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array]:
    lower, upper = _triangles(y)
    inner = np.tril(mT(lower) @ np.tril(y_bar, -1), -1) + np.triu(np.triu(y_bar) @ mT(upper))
    bar = np.linalg.solve(mT(lower), mT(np.linalg.solve(upper, mT(inner))))
    order = _rows(PIVOTS(xs[0]), y.shape[0])
    return (bar[np.argsort(order)],)


LU = custom("lu", _lu, push=_push_lu, pull=_pull_lu)
PIVOTS = constant("lu_pivots", _pivots)


@composes(HERE)
def lu_factor(a: Array, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Array, Array]:
    a = square("lu_factor", a)
    return LU(a), PIVOTS(a)


@composes(HERE, raw=True)
def lu_solve(lu_and_piv: Any, b: Array, trans: int = 0, overwrite_b: bool = False, check_finite: bool = True) -> Array:
    lower, upper = _triangles(np.asarray(lu_and_piv[0]))
    order = _rows(np.asarray(lu_and_piv[1]), lower.shape[0])
    b = np.asarray(b)
    if trans == 0:
        return np.linalg.solve(upper, np.linalg.solve(lower, b[order]))
    turn = adjoint if trans == 2 else mT
    return np.linalg.solve(turn(lower), np.linalg.solve(turn(upper), b))[np.argsort(order)]


@composes(HERE)
def lu(
    a: Array, permute_l: bool = False, overwrite_a: bool = False, check_finite: bool = True, p_indices: bool = False
) -> Any:
    a = square("lu", a)
    lower, upper = _triangles(LU(a))
    back = np.argsort(_rows(PIVOTS(a), a.shape[0]))
    if permute_l:
        return lower[back], upper
    return (back if p_indices else np.eye(a.shape[0], dtype=a.dtype)[back]), lower, upper


# Equations.


def _turned(a: Array, trans: Any) -> Array:
    return a if trans in (0, "N") else mT(a) if trans in (1, "T") else adjoint(a)


@composes(HERE)
def solve(
    a: Array, b: Array, lower: bool = False, *args: Any, transposed: bool = False, assume_a: Any = None, **kw: Any
) -> Array:
    a = square("solve", a)
    if assume_a in ("sym", "symmetric", "her", "hermitian", "pos", "positive definite"):
        half = np.tril(a, -1) if lower else mT(np.triu(a, 1))
        other = mT(half) if assume_a in ("sym", "symmetric") else adjoint(half)
        a = half + other + as_diagonal(diagonal_of(a))
    elif assume_a is not None and "triangular" in assume_a:
        a = np.tril(a) if "lower" in assume_a else np.triu(a)
    return np.linalg.solve(mT(a) if transposed else a, b)


@composes(HERE)
def solve_triangular(
    a: Array, b: Array, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False, *args: Any, **kw: Any
) -> Array:
    a = square("solve_triangular", a)
    n = a.shape[-1]
    if unit_diagonal:
        a = (np.tril(a, -1) if lower else np.triu(a, 1)) + np.eye(n, dtype=a.dtype)
    else:
        a = np.tril(a) if lower else np.triu(a)
    return np.linalg.solve(_turned(a, trans), b)


@composes(HERE)
def cholesky(a: Array, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Array:
    """Upper unless ``lower``, from that triangle of ``a``: not as NumPy has it."""
    a = square("cholesky", a)
    return np.linalg.cholesky(a) if lower else adjoint(np.linalg.cholesky(adjoint(a)))


@composes(HERE)
def cho_factor(a: Array, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return cholesky(a, lower), lower


@composes(HERE, raw=True)
def cho_solve(c_and_lower: Any, b: Array, overwrite_b: bool = False, check_finite: bool = True) -> Array:
    c, lower = c_and_lower
    c = np.tril(np.asarray(c)) if lower else adjoint(np.triu(np.asarray(c)))
    return np.linalg.solve(adjoint(c), np.linalg.solve(c, b))


@composes(HERE)
def inv(a: Array, overwrite_a: bool = False, check_finite: bool = True, **kw: Any) -> Array:
    return np.linalg.inv(a)


@composes(HERE)
def det(a: Array, overwrite_a: bool = False, check_finite: bool = True) -> Array:
    return np.linalg.det(a)


@composes(HERE)
def pinv(a: Array, *, atol: Any = None, rtol: Any = None, return_rank: bool = False, check_finite: bool = True) -> Any:
    if atol is not None or return_rank:
        raise no_option("scipy.linalg.pinv", "atol= or return_rank=", "Give rtol=, and take the rank from matrix_rank.")
    a = inexact(a)
    return np.linalg.pinv(a, max(a.shape) * np.finfo(a.dtype).eps if rtol is None else rtol)


@composes(HERE)
def norm(a: Array, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True) -> Array:
    return np.linalg.norm(a, ord, axis, keepdims)


# Factorisations, with SciPy's names for what is wanted.


@composes(HERE)
def svd(a: Array, full_matrices: bool = True, compute_uv: bool = True, *args: Any, **kw: Any) -> Any:
    y = np.linalg.svd(a, full_matrices, compute_uv)
    return tuple(y) if compute_uv else y


@composes(HERE)
def svdvals(a: Array, overwrite_a: bool = False, check_finite: bool = True) -> Array:
    return np.linalg.svd(a, compute_uv=False)


def _qr_pivots(a: Array) -> Array:
    return L.qr(_native(a), mode="r", pivoting=True)[1]


QR_PIVOTS = constant("qr_pivots", _qr_pivots)


@composes(HERE)
def qr(
    a: Array, overwrite_a: bool = False, lwork: Any = None, mode: str = "full", pivoting: bool = False, **kw: Any
) -> Any:
    if mode == "raw":
        raise no_option("scipy.linalg.qr", "mode='raw'", "Ask for mode='full' or 'economic'.")
    order: tuple[Array, ...] = ()
    if pivoting:  # the order of the columns does not move
        a = inexact(a)
        order = (QR_PIVOTS(a),)
        a = a[:, order[0]]
    if mode == "r":
        return (np.linalg.qr(a, mode="complete")[1], *order)
    return (*np.linalg.qr(a, mode="reduced" if mode == "economic" else "complete"), *order)


@composes(HERE)
def eigh(
    a: Array, b: Any = None, *, lower: bool = True, eigvals_only: bool = False, subset_by_index: Any = None, **kw: Any
) -> Any:
    """With ``b``, the problem ``a v = w b v`` by the Cholesky factor of ``b``."""
    a = square("eigh", a)
    a = a if lower else adjoint(a)
    factor: Array = None
    if b is not None:
        b = square("eigh", b)
        factor = np.linalg.cholesky(b if lower else adjoint(b))
        full = np.tril(a, -1) + adjoint(np.tril(a, -1)) + as_diagonal(diagonal_of(a))
        half = np.linalg.solve(factor, full)
        a = adjoint(np.linalg.solve(factor, adjoint(half)))
    w, v = np.linalg.eigh(a)
    v = v if factor is None else np.linalg.solve(adjoint(factor), v)
    if subset_by_index is not None:
        low, high = subset_by_index
        w, v = w[..., low : high + 1], v[..., low : high + 1]
    return w if eigvals_only else (w, v)


@composes(HERE)
def eigvalsh(a: Array, b: Any = None, *, lower: bool = True, **kw: Any) -> Array:
    return eigh(a, b, lower=lower, eigvals_only=True)


@composes(HERE)
def eigvals(a: Array, b: Any = None, *args: Any, **kw: Any) -> Array:
    a = a if b is None else np.linalg.solve(b, a)
    return np.linalg.eigvals(a) + 0j


# Matrices of a pattern.


@composes(HERE)
def block_diag(*arrs: Array) -> Array:
    parts = [np.atleast_2d(np.asarray(x)) for x in arrs]
    width = sum(x.shape[1] for x in parts)
    rows: list[Array] = []
    start = 0
    for x in parts:
        before, behind = np.zeros((x.shape[0], start)), np.zeros((x.shape[0], width - start - x.shape[1]))
        rows.append(np.concatenate((before.astype(x.dtype), x, behind.astype(x.dtype)), axis=1))
        start += x.shape[1]
    return np.concatenate(rows)


@composes(HERE)
def toeplitz(c: Array, r: Any = None) -> Array:
    c = np.ravel(np.asarray(c))
    r = conj(c) if r is None else np.ravel(np.asarray(r))
    values = np.concatenate((c[::-1], r[1:]))
    return values[c.shape[0] - 1 - np.arange(c.shape[0])[:, None] + np.arange(r.shape[0])]


@composes(HERE)
def hankel(c: Array, r: Any = None) -> Array:
    c = np.ravel(np.asarray(c))
    r = np.zeros_like(c) if r is None else np.ravel(np.asarray(r))
    return np.concatenate((c, r[1:]))[np.arange(c.shape[0])[:, None] + np.arange(r.shape[0])]


@composes(HERE)
def circulant(c: Array) -> Array:
    c = np.asarray(c)
    n = c.shape[-1]
    return c[..., (np.arange(n)[:, None] - np.arange(n)) % n]


@composes(HERE)
def khatri_rao(a: Array, b: Array) -> Array:
    a, b = np.asarray(a), np.asarray(b)
    return np.reshape(a[:, None, :] * b[None, :, :], (-1, a.shape[1]))
