"""Eigenvalues and eigenvectors of general matrices: ``a v = v diag(w)``.

LAPACK scales each vector to length one and turns it so that its largest component is real. The rule is the derivative
under these two conditions (M. Giles, 2008, section 3.1, and the conditions written out). Where eigenvalues coincide the
vectors do not have a derivative; the finite part is given.
"""

from collections.abc import Sequence
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import conj, is_complex, over_stacks
from geartrain.ops.contract import mT
from geartrain.ops.factor import as_diagonal, diagonal_of, pack, square, unpack
from geartrain.ops.shape import cast
from geartrain.ops.table import custom, spells

__all__ = ["EIG"]

EigResult: Any = np.linalg.eig(np.eye(1)).__class__


def _eig(a: Array) -> Array:
    w, v = np.linalg.eig(a if np.any(np.imag(a)) else np.real(a))
    return pack(v.astype(a.dtype), w.astype(a.dtype))


def _parts(y: Array, a: Array) -> tuple[Array, Array]:
    n = a.shape[-1]
    v, w = unpack(y, (n, n), (n,))
    return w, v


def _gaps(w: Array) -> Array:
    """``1 / (w_j - w_i)``, and 0 where both are equal up to rounding."""
    gap = w[..., None, :] - w[..., :, None]
    size = np.max(np.abs(w), axis=-1, initial=0)[..., None, None]
    equal = np.abs(gap) <= size * np.finfo(w.dtype).eps * w.shape[-1]
    return np.where(equal, np.zeros((), w.dtype), 1 / np.where(equal, np.ones((), w.dtype), gap))


def _peak(v: Array) -> tuple[Array, Array]:
    """Which component of each vector is the real one, and that component."""
    row = np.argmax(np.abs(v), axis=-2)[..., None, :]
    there = np.arange(v.shape[-2])[:, None] == row
    return there, np.real(np.sum(np.where(there, v, np.zeros((), v.dtype)), axis=-2, keepdims=True))


def _push_eig(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array]) -> Array:
    w, v = _parts(y, xs[0])
    inner = np.linalg.solve(v, xs_dot[0] @ v)
    move = v @ (_gaps(w) * inner)
    there, peak = _peak(v)
    grow = np.real(np.sum(conj(v) * move, axis=-2, keepdims=True))
    turn = np.imag(np.sum(np.where(there, move, np.zeros((), move.dtype)), axis=-2, keepdims=True)) / peak
    return pack(move - v * (grow + 1j * turn), diagonal_of(inner))


def _pull_eig(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array]:
    w, v = _parts(y, xs[0])
    w_bar, v_bar = _parts(y_bar, xs[0])
    there, peak = _peak(v)
    along = np.sum(v_bar * v, axis=-2, keepdims=True)
    turn = np.where(there, -1j * np.imag(along) / peak, np.zeros((), v.dtype))
    move_bar = v_bar - np.real(along) * conj(v) + turn
    inner_bar = _gaps(w) * (mT(v) @ move_bar) + as_diagonal(w_bar)
    return (np.linalg.solve(mT(v), inner_bar) @ mT(v),)


EIG = custom("eig", _eig, push=_push_eig, pull=_pull_eig, batch=over_stacks("eig"))


@spells(np.linalg.eig)
def eig(a: Array) -> Any:
    """Real results where NumPy gives real ones: that is a decision on the eigenvalues."""
    a = square("eig", a)
    z = a if is_complex(a) else cast(a, np.result_type(a.dtype, np.complex64))
    w, v = _parts(EIG(z), z)
    if not is_complex(a) and bool(np.all(np.imag(w) == 0)):
        w, v = np.real(w), np.real(v)
    return EigResult(w, v)


@spells(np.linalg.eigvals)
def eigvals(a: Array) -> Array:
    return eig(a)[0]
