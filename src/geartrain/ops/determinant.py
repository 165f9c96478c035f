"""Determinants. The rate of ``det`` is the matrix of cofactors, by singular values: right where there is no inverse."""

from collections.abc import Sequence
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import is_complex, over_stacks
from geartrain.ops.contract import mT
from geartrain.ops.factor import square
from geartrain.ops.table import constant, custom, spells

__all__ = ["COFACTOR", "COFACTOR_RATE", "DET", "LOGABSDET", "SIGN_DET", "SIGN_DET_COMPLEX"]

SlogdetResult: Any = np.linalg.slogdet(np.eye(1)).__class__


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
    return np.trace(np.linalg.solve(a, a_dot), axis1=-2, axis2=-1)


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
