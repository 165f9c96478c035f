"""Factorisations: Cholesky, QR, eigenvalues of Hermitian matrices, singular values.

A factorisation has several results but is computed once: its row gives them packed into one flat axis, and the
spelling takes them apart. Rules for several factors follow M. Giles, "An extended collection of matrix derivative
results" (2008), and for complex ones S. Ma, Z. Wan, "Automatic differentiation of complex singular value
decomposition" (2019).

``cholesky`` and ``eigh`` read one triangle but are defined on Hermitian matrices: their cotangents are Hermitian.
Where eigenvalues or singular values coincide the factors do not have a derivative, but smooth functions of them do, and
get it by a look at what follows: see ``degenerate``.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

from geartrain.errors import RuleError, teach
from geartrain.ir.aval import Array
from geartrain.ir.op import Careful, Elsewhere
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import conj, is_complex, over_stacks
from geartrain.ops.contract import mT
from geartrain.ops.degenerate import any_near, coupling, turn_along
from geartrain.ops.shape import cast
from geartrain.ops.table import custom, spells

__all__ = ["CHOLESKY", "EIGH", "QR", "SVD", "SVDVALS", "adjoint", "hermitian", "inexact"]

Shapes = tuple[tuple[int, ...], ...]
EighResult: Any = np.linalg.eigh(np.eye(1)).__class__
QRResult: Any = np.linalg.qr(np.eye(1)).__class__
SVDResult: Any = np.linalg.svd(np.eye(1)).__class__


def adjoint(x: Array) -> Array:
    """The conjugate transposed matrices."""
    return conj(mT(x))


def hermitian(x: Array) -> Array:
    """The Hermitian part."""
    return (x + adjoint(x)) / 2


def inexact(a: Array) -> Array:
    """``a`` as NumPy's linear algebra takes it: floats, from integers too."""
    a = a if hasattr(a, "dtype") else np.asarray(a)
    return a if a.dtype.kind in "fc" else cast(a, float)


def square(name: str, a: Array) -> Array:
    """``a`` as a stack of square floating matrices."""
    a = inexact(a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise np.linalg.LinAlgError(f"{name}: the last two axes of shape {a.shape} must be a square matrix")
    return a


def pack(*parts: Array) -> Array:
    """Several results of a stack of matrices along one flat axis. ``parts`` have one or two axes each."""
    lead = parts[0].shape[:-2]
    flat = [np.reshape(p, (*lead, math.prod(p.shape[len(lead) :]))) for p in parts]
    dtype = flat[0].dtype
    return np.concatenate([f if f.dtype == dtype else cast(f, dtype) for f in flat], axis=-1)


def unpack(y: Array, *shapes: tuple[int, ...]) -> list[Array]:
    """The inverse of :func:`pack`."""
    lead, start = y.shape[:-1], 0
    parts: list[Array] = []
    for shape in shapes:
        size = math.prod(shape)
        parts.append(np.reshape(y[..., start : start + size], (*lead, *shape)))
        start += size
    return parts


def diagonal_of(x: Array) -> Array:
    """The diagonals of a stack of matrices."""
    steps = np.arange(min(x.shape[-2:]))
    return x[..., steps, steps]


def as_diagonal(d: Array) -> Array:
    """A stack of vectors as diagonal matrices."""
    return d[..., None] * np.eye(d.shape[-1], dtype=d.dtype)


def _imaginary(d: Array) -> Array:
    return 1j * np.imag(d)


def _gaps(w: Array) -> Array:
    """``1 / (w_j - w_i)``, and 0 where both are equal up to rounding."""
    gap = w[..., None, :] - w[..., :, None]
    size = np.max(np.abs(w), axis=-1, initial=0)[..., None, None]
    equal = np.abs(gap) <= size * np.finfo(w.dtype).eps * w.shape[-1]
    return np.where(equal, np.zeros((), w.dtype), 1 / np.where(equal, np.ones((), w.dtype), gap))


def _inverse(s: Array) -> Array:
    zero = s == 0
    return np.where(zero, np.zeros((), s.dtype), 1 / np.where(zero, np.ones((), s.dtype), s))


def _sums(s: Array) -> Array:
    """``1 / (s_j + s_i)`` off the diagonal, and 0 where both are zero."""
    total = s[..., None, :] + s[..., :, None]
    none = (total == 0) | (np.eye(s.shape[-1]) == 1)
    return np.where(none, np.zeros((), s.dtype), 1 / np.where(none, np.ones((), s.dtype), total))


# Cholesky: a = l l^H. With phi the lower triangle with half the diagonal, l^-1 l_dot = phi(l^-1 a_dot l^-H).


def _phi(x: Array) -> Array:
    return (np.tril(x) + np.tril(x, -1)) / 2


def _cholesky(a: Array) -> Array:
    lower: Array = np.linalg.cholesky(a)
    return lower


def _push_cholesky(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array]) -> Array:
    half: Array = np.linalg.solve(y, hermitian(xs_dot[0]))
    return y @ _phi(adjoint(np.linalg.solve(y, adjoint(half))))


def _pull_cholesky(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array]:
    inner = hermitian(_phi(adjoint(y) @ np.tril(conj(y_bar))))
    half: Array = np.linalg.solve(adjoint(y), inner)
    return (conj(adjoint(np.linalg.solve(adjoint(y), adjoint(half)))),)


CHOLESKY = custom(
    "cholesky",
    _cholesky,
    push=_push_cholesky,
    pull=_pull_cholesky,
    batch=over_stacks("cholesky"),
)


@spells(np.linalg.cholesky)
def cholesky(a: Array, /, *, upper: bool = False) -> Array:
    a = square("cholesky", a)
    return adjoint(CHOLESKY(adjoint(a))) if upper else CHOLESKY(a)


# QR: a = q r with r upper triangular and its diagonal real. b = q^H a_dot r^-1 splits into a skew and an upper part.


def _qr_shapes(a: Array, complete: bool) -> Shapes:
    m, n = a.shape[-2:]
    k = m if complete else n
    return (m, k), (k, n)


def _qr(a: Array, complete: bool) -> Array:
    return pack(*np.linalg.qr(a, mode="complete" if complete else "reduced"))


def _over(x: Array, r: Array) -> Array:
    """``x r^-1``."""
    return mT(np.linalg.solve(mT(r), mT(x)))


def _push_qr(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array], complete: bool) -> Array:
    q, r = unpack(y, *_qr_shapes(xs[0], complete))
    n = xs[0].shape[-1]
    q1, q2, r1 = q[..., :n], q[..., n:], r[..., :n, :]
    b = _over(xs_dot[0], r1)
    c = adjoint(q1) @ b
    skew = np.tril(c, -1) - adjoint(np.tril(c, -1))
    if is_complex(c):
        skew = skew + as_diagonal(_imaginary(diagonal_of(c)))
    q_dot, r_dot = b - q1 @ c + q1 @ skew, (c - skew) @ r1
    if complete:
        q_dot = np.concatenate((q_dot, -q1 @ (adjoint(b) @ q2)), axis=-1)
        r_dot = np.concatenate((r_dot, np.zeros_like(r[..., n:, :])), axis=-2)
    return pack(q_dot, r_dot)


def _pull_qr(y_bar: Array, y: Array, xs: Sequence[Array], complete: bool) -> tuple[Array]:
    shapes = _qr_shapes(xs[0], complete)
    n = xs[0].shape[-1]
    q, r = unpack(y, *shapes)
    q_bar, r_bar = unpack(conj(y_bar), *shapes)
    q1, q2, r1 = q[..., :n], q[..., n:], r[..., :n, :]
    w = r_bar[..., :n, :] @ adjoint(r1) - adjoint(q1) @ q_bar[..., :n]
    upper = w - np.tril(w - adjoint(w), -1)
    if is_complex(w):
        upper = upper - as_diagonal(_imaginary(diagonal_of(w)))
    inner = q_bar[..., :n] + q1 @ upper
    if complete:
        inner = inner - q2 @ (adjoint(q_bar[..., n:]) @ q1)
    return (conj(_over(inner, adjoint(r1))),)


QR = custom(
    "qr",
    _qr,
    "complete",
    push=_push_qr,
    pull=_pull_qr,
    batch=over_stacks("qr"),
)


@spells(np.linalg.qr)
def qr(a: Array, mode: str = "reduced") -> Any:
    """Of a wide matrix the first square part is factored, and the rest of ``r`` follows from it."""
    a = inexact(a)
    if mode not in ("reduced", "complete", "r"):
        what = f"mode={mode!r} gives what LAPACK keeps, which has no derivative rule."
        raise RuleError(teach("np.linalg.qr", what, "Take mode='reduced', 'complete' or 'r'."))
    m, n = a.shape[-2:]
    if m < n:
        q, r = qr(a[..., :m])
        r = np.concatenate((r, adjoint(q) @ a[..., m:]), axis=-1)
    else:
        complete = mode == "complete" and m > n
        q, r = unpack(QR(a, params=(complete,)), *_qr_shapes(a, complete))
    return r if mode == "r" else QRResult(q, r)


# Hermitian eigenvalues: a = v w v^H.


def _eigh(a: Array, uplo: Literal["L", "U"]) -> Array:
    w, v = np.linalg.eigh(a, UPLO=uplo)
    return pack(v, w)


def _vector_and_matrix(y: Array, n: int) -> tuple[Array, Array]:
    v, w = unpack(y, (n, n), (n,))
    return (np.real(w) if is_complex(w) else w), v


def _push_eigh(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array], uplo: str) -> Array:
    w, v = _vector_and_matrix(y, xs[0].shape[-1])
    inner = adjoint(v) @ hermitian(xs_dot[0]) @ v
    return pack(v @ (_gaps(w) * inner), diagonal_of(inner))


def _pull_eigh(y_bar: Array, y: Array, xs: Sequence[Array], uplo: str) -> tuple[Array]:
    w, v = _vector_and_matrix(y, xs[0].shape[-1])
    w_bar, v_bar = _vector_and_matrix(conj(y_bar), xs[0].shape[-1])
    inner = as_diagonal(w_bar) + _gaps(w) * (adjoint(v) @ v_bar)
    return (conj(hermitian(v @ inner @ adjoint(v))),)


def _near_eigh(y: Array, xs: Sequence[Array], uplo: str) -> Array:
    return any_near(_vector_and_matrix(y, xs[0].shape[-1])[0])


def _pull_eigh_ahead(look: Elsewhere, y_bar: Array, y: Array, xs: Sequence[Array], uplo: str) -> tuple[Array]:
    n = xs[0].shape[-1]
    w, v = _vector_and_matrix(y, n)
    w_bar, v_bar = _vector_and_matrix(conj(y_bar), n)
    again = look.at

    def at(mix: Array) -> tuple[Array, Array]:
        turned = v @ mix
        w_bar, v_bar = _vector_and_matrix(conj(again(pack(turned, w))), n)
        return w_bar, adjoint(turned) @ v_bar

    beside = coupling(look, w, w_bar, adjoint(v) @ v_bar, at if again else None)
    return (conj(hermitian(v @ (as_diagonal(w_bar) + beside) @ adjoint(v))),)


def _turn_eigh(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array], uplo: str) -> Array:
    w, v = _vector_and_matrix(y, xs[0].shape[-1])
    return pack(v @ turn_along(w, adjoint(v) @ hermitian(xs_dot[0]) @ v), w)


EIGH = custom(
    "eigh",
    _eigh,
    "uplo",
    push=_push_eigh,
    pull=_pull_eigh,
    batch=over_stacks("eigh"),
    careful=Careful(_near_eigh, _pull_eigh_ahead, _turn_eigh),
)


@spells(np.linalg.eigh)
def eigh(a: Array, UPLO: str = "L") -> Any:
    a = square("eigh", a)
    return EighResult(*_vector_and_matrix(EIGH(a, params=(UPLO,)), a.shape[-1]))


@spells(np.linalg.eigvalsh)
def eigvalsh(a: Array, UPLO: str = "L") -> Array:
    return eigh(a, UPLO)[0]


# Singular values: a = u s v^H. The parts of full u and v beyond the singular values turn against the others. What u and
# v turn by together needs the gap between two singular values, what they turn by against each other just their sum:
# so u v^H has its derivative where singular values coincide.


def _svd_shapes(a: Array, full: bool) -> Shapes:
    m, n = a.shape[-2:]
    k = min(m, n)
    return (m, m if full else k), (n if full else k, n), (k,)


def _svd(a: Array, full: bool) -> Array:
    u, s, vh = np.linalg.svd(a, full_matrices=full)
    return pack(u, vh, s)


def _svd_parts(y: Array, a: Array, full: bool) -> tuple[Array, Array, Array]:
    u, vh, s = unpack(y, *_svd_shapes(a, full))
    return u, (np.real(s) if is_complex(s) else s), vh


def _push_svd(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array], full: bool) -> Array:
    a_dot = xs_dot[0]
    u, s, vh = _svd_parts(y, xs[0], full)
    k, v = s.shape[-1], adjoint(vh)
    u1, v1, row = u[..., :k], v[..., :k], s[..., None, :]
    inner = adjoint(u1) @ a_dot @ v1
    inverse = _inverse(row)
    both, apart = _gaps(s) * (inner + adjoint(inner)) / 2, _sums(s) * (inner - adjoint(inner)) / 2
    turn_u, turn_v = both + apart, both - apart
    if is_complex(inner):
        turn_u = turn_u + as_diagonal(_imaginary(diagonal_of(inner)) * _inverse(s))
    out_u, out_v = a_dot @ v1 * inverse, adjoint(a_dot) @ u1 * inverse
    u_dot = u1 @ turn_u + out_u - u1 @ (adjoint(u1) @ out_u)
    v_dot = v1 @ turn_v + out_v - v1 @ (adjoint(v1) @ out_v)
    if full:
        u_dot = np.concatenate((u_dot, -u1 @ (adjoint(out_u) @ u[..., k:])), axis=-1)
        v_dot = np.concatenate((v_dot, -v1 @ (adjoint(out_v) @ v[..., k:])), axis=-1)
    s_dot = diagonal_of(inner)
    return pack(u_dot, adjoint(v_dot), np.real(s_dot) if is_complex(s_dot) else s_dot)


def _pull_svd(y_bar: Array, y: Array, xs: Sequence[Array], full: bool) -> tuple[Array]:
    u, s, vh = _svd_parts(y, xs[0], full)
    u_bar, s_bar, vh_bar = _svd_parts(conj(y_bar), xs[0], full)
    k, v, v_bar = s.shape[-1], adjoint(vh), adjoint(vh_bar)
    u1, v1, row = u[..., :k], v[..., :k], s[..., None, :]
    inverse = _inverse(row)
    in_u, in_v = adjoint(u1) @ u_bar[..., :k], adjoint(v1) @ v_bar[..., :k]
    both, apart = _gaps(s) * (in_u + in_v) / 2, _sums(s) * (in_u - in_v) / 2
    inner = both + adjoint(both) + apart - adjoint(apart) + as_diagonal(s_bar)
    if is_complex(inner):
        inner = inner + as_diagonal(_imaginary(diagonal_of(in_u)) * _inverse(s))
    out_u, out_v = u_bar[..., :k] - u1 @ in_u, v_bar[..., :k] - v1 @ in_v
    if full:
        out_u = out_u - u[..., k:] @ (adjoint(u_bar[..., k:]) @ u1)
        out_v = out_v - v[..., k:] @ (adjoint(v_bar[..., k:]) @ v1)
    a_bar = u1 @ inner @ adjoint(v1) + (out_u * inverse) @ adjoint(v1) + u1 @ adjoint(out_v * inverse)
    return (conj(a_bar),)


SVD = custom(
    "svd",
    _svd,
    "full",
    push=_push_svd,
    pull=_pull_svd,
    batch=over_stacks("svd"),
)


def _svdvals(a: Array) -> Array:
    return np.linalg.svd(a, compute_uv=False)


def _push_svdvals(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array]) -> Array:
    u, _, vh = np.linalg.svd(xs[0], full_matrices=False)
    return np.real(np.sum(conj(u) * (xs_dot[0] @ adjoint(vh)), axis=-2))


def _pull_svdvals(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array]:
    u, _, vh = np.linalg.svd(xs[0], full_matrices=False)
    return (conj((u * y_bar[..., None, :]) @ vh),)


SVDVALS = custom("svdvals", _svdvals, push=_push_svdvals, pull=_pull_svdvals, batch=over_stacks("svdvals"))


@spells(np.linalg.svd)
def svd(a: Array, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    a = inexact(a)
    if not compute_uv:
        return SVDVALS(a)
    if hermitian:
        w, v = eigh(a)
        order = np.argsort(np.abs(w), axis=-1)[..., ::-1]
        w, v = np.take_along_axis(w, order, -1), np.take_along_axis(v, order[..., None, :], -1)
        return SVDResult(v, np.abs(w), adjoint(v * np.sign(w)[..., None, :]))
    full = full_matrices and a.shape[-1] != a.shape[-2]
    return SVDResult(*_svd_parts(SVD(a, params=(full,)), a, full))


@spells(np.linalg.svdvals)
def svdvals(x: Array, /) -> Array:
    return SVDVALS(inexact(x))
