"""``scipy.linalg``: further functions of matrices, banded and circulant systems, bases and factors."""

from collections.abc import Sequence
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import conj, is_complex
from geartrain.ops.contract import mT
from geartrain.ops.factor import adjoint, inexact, square
from geartrain.ops.later import Later, composes, no_option
from geartrain.ops.scipy_linalg import EXPM, LOGM, SQRTM, circulant, toeplitz
from geartrain.ops.shape import cast, common_dtype
from geartrain.ops.table import custom

__all__ = ["BANDED"]

L = Later("scipy.linalg")
HERE = "scipy.linalg"

# Functions of matrices, by the exponential, the logarithm and the square root.


def _turned(a: Array) -> tuple[Array, Array]:
    """Cosine and sine."""
    if not is_complex(a):
        whole = EXPM(cast(a, np.result_type(a.dtype, np.complex64)) * 1j)
        return np.real(whole), np.imag(whole)
    forth, back = EXPM(1j * a), EXPM(-1j * a)
    return (forth + back) / 2, (forth - back) / 2j


@composes(HERE)
def cosm(A: Array) -> Array:
    return _turned(square("cosm", A))[0]


@composes(HERE)
def sinm(A: Array) -> Array:
    return _turned(square("sinm", A))[1]


@composes(HERE)
def tanm(A: Array) -> Array:
    cosine, sine = _turned(square("tanm", A))
    return np.linalg.solve(cosine, sine)


@composes(HERE)
def coshm(A: Array) -> Array:
    a = square("coshm", A)
    return (EXPM(a) + EXPM(-a)) / 2


@composes(HERE)
def sinhm(A: Array) -> Array:
    a = square("sinhm", A)
    return (EXPM(a) - EXPM(-a)) / 2


@composes(HERE)
def tanhm(A: Array) -> Array:
    a = square("tanhm", A)
    return np.linalg.solve(EXPM(a) + EXPM(-a), EXPM(a) - EXPM(-a))


@composes(HERE)
def signm(A: Array, disp: Any = True) -> Array:
    """N. Higham, "Functions of Matrices" (2008), equation 5.2."""
    a = square("signm", A)
    return mT(np.linalg.solve(mT(SQRTM(a @ a)), mT(a)))


@composes(HERE)
def fractional_matrix_power(A: Array, t: Any) -> Array:
    a = square("fractional_matrix_power", A)
    return np.linalg.matrix_power(a, t) if t.__class__ is int else EXPM(t * LOGM(a))


@composes(HERE)
def polar(a: Array, side: str = "right") -> tuple[Array, Array]:
    """By the square root of ``a^H a``, which is smooth where singular values coincide, but not where one is zero."""
    a = inexact(a)
    if side not in ("left", "right"):
        raise ValueError("`side` must be either 'right' or 'left'")
    right = side == "right"
    if (a.shape[0] < a.shape[1]) == right and a.shape[0] != a.shape[1]:
        w, s, vh = np.linalg.svd(a, full_matrices=False)
        return w @ vh, (adjoint(vh) * s) @ vh if right else (w * s) @ adjoint(w)
    p = SQRTM(adjoint(a) @ a if right else a @ adjoint(a))
    return (mT(np.linalg.solve(mT(p), mT(a))) if right else np.linalg.solve(p, a)), p


# Banded systems: the matrix has ``ab[u + i - j, j]`` at (i, j). The transposed one has the same numbers, shifted.


def _banded(ab: Array, b: Array, low: int, up: int) -> Array:
    return L.solve_banded((low, up), ab, b)


def _shifted(row: Array, by: int) -> Array:
    """A diagonal moved along by some places, zeros behind."""
    n = row.shape[0]
    if abs(by) >= n:
        return np.zeros_like(row)
    none = np.zeros(abs(by), row.dtype)
    return np.concatenate((row[by:], none)) if by > 0 else np.concatenate((none, row[: n + by])) if by else row


def _transposed(ab: Array, low: int, up: int) -> Array:
    return np.stack([_shifted(ab[up + low - k], k - low) for k in range(low + up + 1)])


def _times(ab: Array, x: Array, low: int, up: int) -> Array:
    """The banded matrix times the columns of ``x``."""
    total: Array = 0.0
    for k in range(low + up + 1):
        product = ab[k][:, None] * x
        by = up - k
        none = np.zeros((min(abs(by), x.shape[0]), x.shape[1]), x.dtype)
        moved = np.concatenate((product[by:], none)) if by > 0 else product
        moved = np.concatenate((none, product[:by])) if by < 0 else moved
        total = total + moved
    return total


def _push_banded(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array | None], low: int, up: int) -> Array:
    ab_dot, b_dot = xs_dot
    right = np.zeros_like(y) if b_dot is None else b_dot
    right = right if ab_dot is None else right - _times(ab_dot, y, low, up)
    return BANDED(xs[0], right, params=(low, up))


def _pull_banded(y_bar: Array, y: Array, xs: Sequence[Array], low: int, up: int) -> tuple[Array, Array]:
    b_bar = BANDED(_transposed(xs[0], low, up), y_bar, params=(up, low))
    n = y.shape[0]
    rows: list[Array] = []
    for k in range(low + up + 1):
        by = k - up  # the element at (j + by, j)
        there = (np.arange(n) + by >= 0) & (np.arange(n) + by < n)
        at = np.clip(np.arange(n) + by, 0, n - 1)
        rows.append(np.where(there, -np.sum(b_bar[at] * y, axis=1), np.zeros((), y.dtype)))
    return np.stack(rows), b_bar


BANDED = custom("solve_banded", _banded, "low", "up", push=_push_banded, pull=_pull_banded)


@composes(HERE)
def solve_banded(
    l_and_u: Any, ab: Array, b: Array, overwrite_ab: bool = False, overwrite_b: bool = False, check_finite: bool = True
) -> Array:
    ab, b = common_dtype([inexact(ab), inexact(b)])
    low, up = (int(n) for n in l_and_u)
    y = BANDED(ab, np.reshape(b, (b.shape[0], -1)), params=(low, up))
    return np.reshape(y, b.shape)


@composes(HERE)
def solveh_banded(
    ab: Array,
    b: Array,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    lower: bool = False,
    check_finite: bool = True,
) -> Array:
    ab = inexact(ab)
    width = ab.shape[0] - 1
    if lower:
        other = [conj(_shifted(ab[k], -k)) for k in range(width, 0, -1)]
        whole = np.stack([*other, *[ab[k] for k in range(width + 1)]])
    else:
        other = [conj(_shifted(ab[width - k], k)) for k in range(1, width + 1)]
        whole = np.stack([*[ab[k] for k in range(width + 1)], *other])
    return solve_banded((width, width), whole, b)


@composes(HERE, raw=True)
def solve_toeplitz(c_or_cr: Any, b: Array, check_finite: bool = True) -> Array:
    pair = c_or_cr if c_or_cr.__class__ is tuple else (c_or_cr,)
    return np.linalg.solve(toeplitz(*pair), b)


@composes(HERE)
def solve_circulant(
    c: Array, b: Array, singular: str = "raise", tol: Any = None, caxis: int = -1, baxis: int = 0, outaxis: int = 0
) -> Array:
    c, b = np.asarray(c), np.asarray(b)
    if c.ndim > 1 or singular != "raise" or baxis != 0 or outaxis != 0:
        raise no_option("scipy.linalg.solve_circulant", "several matrices or singular=", "Solve one after the other.")
    return np.linalg.solve(circulant(c), b)


# Bases, least squares, eigenvectors.


@composes(HERE)
def orth(A: Array, rcond: Any = None) -> Array:
    a = inexact(A)
    u, s, _ = np.linalg.svd(a, full_matrices=False)
    return u[:, : _rank(a, s, rcond)]


@composes(HERE)
def null_space(A: Array, rcond: Any = None, **kw: Any) -> Array:
    a = inexact(A)
    _, s, vh = np.linalg.svd(a)
    return adjoint(vh[_rank(a, s, rcond) :])


def _rank(a: Array, s: Array, rcond: Any) -> int:
    cut = float(np.finfo(s.dtype).eps) * max(a.shape) if rcond is None else rcond
    return int(np.sum(s > np.max(s) * cut))


@composes(HERE)
def lstsq(a: Array, b: Array, cond: Any = None, *args: Any, **kw: Any) -> tuple[Array, Array, Array, Array]:
    a, b = common_dtype([inexact(a), inexact(b)])
    cut = float(np.finfo(a.dtype).eps) if cond is None else cond
    x, residuals, rank, s = np.linalg.lstsq(a, b, cut)
    return x, residuals[0] if b.ndim == 1 and residuals.shape[0] else residuals, rank, s


@composes(HERE)
def eig(a: Array, b: Any = None, left: bool = False, right: bool = True, *args: Any, **kw: Any) -> Any:
    """Eigenvalues are always complex."""
    if left or kw.get("homogeneous_eigvals") or (b is not None and right):
        do = "Take the eigenvectors of np.linalg.solve(b, a), or of the transposed matrix."
        raise no_option("scipy.linalg.eig", "left=, homogeneous_eigvals=, or vectors of two matrices", do)
    if b is not None:
        return np.linalg.eigvals(np.linalg.solve(b, a)) + 0j
    w, v = np.linalg.eig(a)
    return (w + 0j, v) if right else w + 0j


@composes(HERE)
def companion(a: Array) -> Array:
    a = inexact(a)
    n = a.shape[0] - 1
    return np.concatenate((-(a[1:] / a[0])[None], np.eye(n - 1, n, dtype=a.dtype)))
