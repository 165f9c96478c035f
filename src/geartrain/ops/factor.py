"""Factorisations: Cholesky, QR. Those by eigenvalues and singular values are in ``spectral``.

A factorisation has several results but is computed once: its row gives them packed into one flat axis, and the
spelling takes them apart. Rules for several factors follow M. Giles, "An extended collection of matrix derivative
results" (2008), and for complex ones S. Ma, Z. Wan, "Automatic differentiation of complex singular value
decomposition" (2019).

``cholesky`` reads one triangle but is defined on Hermitian matrices: its cotangent is Hermitian.
"""

import math
from collections.abc import Sequence
from typing import Any

from geartrain.errors import RuleError, teach
from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import conj, is_complex, over_stacks
from geartrain.ops.contract import mT
from geartrain.ops.shape import cast
from geartrain.ops.table import custom, spells

__all__ = ["CHOLESKY", "QR", "adjoint", "as_diagonal", "diagonal_of", "hermitian", "imaginary", "inexact", "pack"]
__all__ += ["square", "unpack"]

Shapes = tuple[tuple[int, ...], ...]
QRResult: Any = np.linalg.qr(np.eye(1)).__class__


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


def imaginary(d: Array) -> Array:
    """The imaginary part, as a complex number."""
    return 1j * np.imag(d)


# Cholesky: a = l l^H. With phi the lower triangle with half the diagonal, l^-1 l_dot = phi(l^-1 a_dot l^-H).


def _phi(x: Array) -> Array:
    return (np.tril(x) + np.tril(x, -1)) / 2


def _cholesky(a: Array) -> Array:
    lower: Array = np.linalg.cholesky(a)
    return lower


def _push_cholesky(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array]) -> Array:
    half: Array = np.linalg.solve(y, hermitian(xs_dot[0]))
    return y @ _phi(adjoint(np.linalg.solve(y, adjoint(half))))


def _by_adjoint(y: Array, b: Array) -> Array:
    """``y^H x = b``, by the transpose of ``y`` as it is."""
    return conj(np.linalg.solve(mT(y), conj(b)))


def _pull_cholesky(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array]:
    inner = hermitian(_phi(adjoint(y) @ np.tril(conj(y_bar))))
    half: Array = _by_adjoint(y, inner)
    return (conj(adjoint(_by_adjoint(y, adjoint(half)))),)


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
        skew = skew + as_diagonal(imaginary(diagonal_of(c)))
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
        upper = upper - as_diagonal(imaginary(diagonal_of(w)))
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
