"""Factors by eigenvalues and singular values: ``eigh``, ``svd``, and the values alone.

Each is computed once: its row gives the factors packed into one flat axis, and the spelling takes them apart. Rules
for several factors follow M. Giles, "An extended collection of matrix derivative results" (2008), and for complex ones
S. Ma, Z. Wan, "Automatic differentiation of complex singular value decomposition" (2019). ``eigh`` reads one triangle
but is defined on Hermitian matrices: its cotangent is Hermitian.

Where eigenvalues or singular values coincide the factors do not have a derivative, but smooth functions of them do, and
get it by a look at what follows: see ``degenerate``.
"""

from collections.abc import Sequence
from typing import Any, Literal

from geartrain.ir.aval import Array
from geartrain.ir.op import Careful, Elsewhere
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import conj, is_complex, over_stacks
from geartrain.ops.degenerate import coupling, near, turn_along, turning
from geartrain.ops.factor import adjoint, as_diagonal, diagonal_of, hermitian, imaginary, inexact, pack, square, unpack
from geartrain.ops.table import custom, spells

__all__ = ["EIGH", "SVD", "svdvals"]

Shapes = tuple[tuple[int, ...], ...]
EighResult: Any = np.linalg.eigh(np.eye(1)).__class__
SVDResult: Any = np.linalg.svd(np.eye(1)).__class__


def _gaps(w: Array) -> Array:
    """``1 / (w_j - w_i)``, and 0 on the diagonal and where both are equal or nearly so."""
    none = near(w) | np.eye(w.shape[-1], dtype=bool)
    gap = np.where(none, np.ones((), w.dtype), w[..., None, :] - w[..., :, None])
    return np.where(none, np.zeros((), w.dtype), 1 / gap)


def _nothing(s: Array, shape: tuple[int, ...]) -> Array:
    """Which singular values are zero up to rounding."""
    return s <= max(shape[-2:]) * float(np.finfo(s.dtype).eps) * np.max(s, axis=-1, initial=0, keepdims=True)


def _inverse(s: Array, none: Array) -> Array:
    return np.where(none, np.zeros((), s.dtype), 1 / np.where(none, np.ones((), s.dtype), s))


def _sums(s: Array, none: Array) -> Array:
    """``1 / (s_j + s_i)`` off the diagonal, and 0 where both are zero."""
    out = (none[..., None, :] & none[..., :, None]) | np.eye(s.shape[-1], dtype=bool)
    total = np.where(out, np.ones((), s.dtype), s[..., None, :] + s[..., :, None])
    return np.where(out, np.zeros((), s.dtype), 1 / total)


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


def _hidden_eigh(y: Array, xs: Sequence[Array], uplo: str) -> Array:
    w, v = _vector_and_matrix(y, xs[0].shape[-1])
    return pack(np.full_like(v, np.nan), w)


def _near_eigh(back: bool, y: Array, xs: Sequence[Array], uplo: str) -> Array:
    return np.any(near(_vector_and_matrix(y, xs[0].shape[-1])[0], back))


def _pull_eigh_ahead(look: Elsewhere, y_bar: Array, y: Array, xs: Sequence[Array], uplo: str) -> tuple[Array]:
    n = xs[0].shape[-1]
    w, v = _vector_and_matrix(y, n)
    w_bar, v_bar = _vector_and_matrix(conj(y_bar), n)
    again: Any = look.at

    def at(mix: Array) -> tuple[Array, Array]:
        turned = v @ mix
        w_bar, v_bar = _vector_and_matrix(conj(again(pack(turned, w))), n)
        return w_bar, adjoint(turned) @ v_bar

    beside = coupling(look, w, w_bar, adjoint(v) @ v_bar, at if again else None)
    return (conj(hermitian(v @ (as_diagonal(w_bar) + beside) @ adjoint(v))),)


def _turn_eigh(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array], uplo: str) -> tuple[Array, Array]:
    w, v = _vector_and_matrix(y, xs[0].shape[-1])
    turned = pack(v @ turn_along(w, adjoint(v) @ hermitian(xs_dot[0]) @ v), w)
    return turned, _push_eigh(turned, xs, xs_dot, uplo)


EIGH = custom(
    "eigh",
    _eigh,
    "uplo",
    push=_push_eigh,
    pull=_pull_eigh,
    batch=over_stacks("eigh"),
    careful=Careful(_hidden_eigh, _near_eigh, _pull_eigh_ahead, _turn_eigh),
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
# so u v^H has its derivative where singular values coincide. Where they are zero, u and v turn each by itself, and what
# shows the vectors there gets NaN.


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
    none = _nothing(s, a_dot.shape)
    inner = adjoint(u1) @ a_dot @ v1
    inverse = _inverse(row, none[..., None, :])
    both, apart = _gaps(s) * (inner + adjoint(inner)) / 2, _sums(s, none) * (inner - adjoint(inner)) / 2
    turn_u, turn_v = both + apart, both - apart
    if is_complex(inner):
        turn_u = turn_u + as_diagonal(imaginary(diagonal_of(inner)) * _inverse(s, none))
    out_u, out_v = a_dot @ v1 * inverse, adjoint(a_dot) @ u1 * inverse
    u_dot = u1 @ turn_u + out_u - u1 @ (adjoint(u1) @ out_u)
    v_dot = v1 @ turn_v + out_v - v1 @ (adjoint(v1) @ out_v)
    if full:
        u_dot = np.concatenate((u_dot, -u1 @ (adjoint(out_u) @ u[..., k:])), axis=-1)
        v_dot = np.concatenate((v_dot, -v1 @ (adjoint(out_v) @ v[..., k:])), axis=-1)
    s_dot = diagonal_of(inner)
    return pack(u_dot, adjoint(v_dot), np.real(s_dot) if is_complex(s_dot) else s_dot)


def _pull_svd(y_bar: Array, y: Array, xs: Sequence[Array], full: bool) -> tuple[Array]:
    return _pulled_svd(y_bar, y, xs, full, None)


def _pulled_svd(y_bar: Array, y: Array, xs: Sequence[Array], full: bool, beside: Array | None) -> tuple[Array]:
    """``beside`` has what is said by the cotangents of turning u and v together, where it is known already."""
    u, s, vh = _svd_parts(y, xs[0], full)
    u_bar, s_bar, vh_bar = _svd_parts(conj(y_bar), xs[0], full)
    k, v, v_bar = s.shape[-1], adjoint(vh), adjoint(vh_bar)
    u1, v1, row = u[..., :k], v[..., :k], s[..., None, :]
    none = _nothing(s, xs[0].shape)
    inverse = _inverse(row, none[..., None, :])
    in_u, in_v = adjoint(u1) @ u_bar[..., :k], adjoint(v1) @ v_bar[..., :k]
    both, apart = _gaps(s) * (in_u + in_v) / 2, _sums(s, none) * (in_u - in_v) / 2
    inner = (both + adjoint(both) if beside is None else beside) + apart - adjoint(apart) + as_diagonal(s_bar)
    if is_complex(inner):
        inner = inner + as_diagonal(imaginary(diagonal_of(in_u)) * _inverse(s, none))
    out_u, out_v = u_bar[..., :k] - u1 @ in_u, v_bar[..., :k] - v1 @ in_v
    if full:
        out_u = out_u - u[..., k:] @ (adjoint(u_bar[..., k:]) @ u1)
        out_v = out_v - v[..., k:] @ (adjoint(v_bar[..., k:]) @ v1)
    a_bar = u1 @ inner @ adjoint(v1) + (out_u * inverse) @ adjoint(v1) + u1 @ adjoint(out_v * inverse)
    return (conj(a_bar),)


def _hidden_svd(y: Array, xs: Sequence[Array], full: bool) -> Array:
    u, s, vh = _svd_parts(y, xs[0], full)
    return pack(np.full_like(u, np.nan), np.full_like(vh, np.nan), s)


def _near_svd(back: bool, y: Array, xs: Sequence[Array], full: bool) -> Array:
    s = _svd_parts(y, xs[0], full)[1]
    return np.any(near(s, back)) | np.any(_nothing(s, xs[0].shape))


def _pull_svd_ahead(look: Elsewhere, y_bar: Array, y: Array, xs: Sequence[Array], full: bool) -> tuple[Array]:
    u, s, vh = _svd_parts(y, xs[0], full)
    k = s.shape[-1]
    again: Any = look.at

    def turned(mix_u: Array, mix_v: Array) -> tuple[Array, Array]:
        u_mix = np.concatenate((u[..., :k] @ mix_u, u[..., k:]), axis=-1)
        vh_mix = np.concatenate((adjoint(mix_v) @ vh[..., :k, :], vh[..., k:, :]), axis=-2)
        u_bar, s_bar, vh_bar = _svd_parts(conj(again(pack(u_mix, vh_mix, s))), xs[0], full)
        return s_bar, adjoint(u_mix[..., :k]) @ u_bar[..., :k] + vh_mix[..., :k, :] @ adjoint(vh_bar[..., :k, :])

    u_bar, s_bar, vh_bar = _svd_parts(conj(y_bar), xs[0], full)
    inner = adjoint(u[..., :k]) @ u_bar[..., :k] + vh[..., :k, :] @ adjoint(vh_bar[..., :k, :])
    beside = coupling(look, s, s_bar, inner, (lambda mix: turned(mix, mix)) if again else None)
    none = _nothing(s, xs[0].shape)
    if again is not None and look.truth(np.any(none), True):
        other = turned(turning(none, is_complex(inner)).astype(inner.dtype), np.eye(k).astype(inner.dtype))[0]
        shown = np.any(np.abs(other - s_bar) > _slack(s) * np.max(np.abs(s_bar), axis=-1, initial=0, keepdims=True), -1)
        parts = ((u_bar, none[..., None, :]), (adjoint(vh_bar), none[..., None, :]))
        for bar, column in parts:
            size = np.max(np.abs(bar), axis=(-2, -1), initial=0, keepdims=True)
            at_zero = np.where(column, bar[..., :k], np.zeros((), bar.dtype))
            shown = shown | np.any(np.abs(at_zero) > _slack(s) * size, axis=(-2, -1))
        beside = beside + np.where(shown & np.any(none, axis=-1), np.nan, 0.0)[..., None, None]
    return _pulled_svd(y_bar, y, xs, full, beside)


def _slack(s: Array) -> float:
    return 100 * float(np.sqrt(np.finfo(s.dtype).eps))


def _turn_svd(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array], full: bool) -> tuple[Array, Array]:
    u, s, vh = _svd_parts(y, xs[0], full)
    k = s.shape[-1]
    moved = hermitian(adjoint(u[..., :k]) @ xs_dot[0] @ adjoint(vh[..., :k, :]))
    mix = turn_along(s, moved)
    u_mix = np.concatenate((u[..., :k] @ mix, u[..., k:]), axis=-1)
    vh_mix = np.concatenate((adjoint(mix) @ vh[..., :k, :], vh[..., k:, :]), axis=-2)
    y_dot = _push_svd(pack(u_mix, vh_mix, s), xs, xs_dot, full)
    none = _nothing(s, xs[0].shape)
    hidden = np.where(none, np.nan, 1.0)[..., None, :]
    u_mix = np.concatenate((u_mix[..., :k] * hidden, u_mix[..., k:]), axis=-1)
    vh_mix = np.concatenate((vh_mix[..., :k, :] * np.swapaxes(hidden, -1, -2), vh_mix[..., k:, :]), axis=-2)
    return pack(u_mix, vh_mix, s), y_dot


SVD = custom(
    "svd",
    _svd,
    "full",
    push=_push_svd,
    pull=_pull_svd,
    batch=over_stacks("svd"),
    careful=Careful(_hidden_svd, _near_svd, _pull_svd_ahead, _turn_svd),
)


@spells(np.linalg.svd)
def svd(a: Array, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    a = inexact(a)
    if not compute_uv:
        return svdvals(a)
    if hermitian:
        w, v = eigh(a)
        order = np.argsort(np.abs(w), axis=-1)[..., ::-1]
        w, v = np.take_along_axis(w, order, -1), np.take_along_axis(v, order[..., None, :], -1)
        return SVDResult(v, np.abs(w), adjoint(v * np.sign(w)[..., None, :]))
    full = full_matrices and a.shape[-1] != a.shape[-2]
    return SVDResult(*_svd_parts(SVD(a, params=(full,)), a, full))


@spells(np.linalg.svdvals)
def svdvals(x: Array, /) -> Array:
    """By the row of ``svd``, which its derivative needs anyway: where values are equal, it must know all their uses."""
    a = inexact(x)
    return _svd_parts(SVD(a, params=(False,)), a, False)[1]
