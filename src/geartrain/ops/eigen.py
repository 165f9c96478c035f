"""Eigenvalues and eigenvectors of general matrices: ``a v = v diag(w)``.

LAPACK scales each vector to length one and turns it so that its largest component is real. The rule is the derivative
under these two conditions (M. Giles, 2008, section 3.1, and the conditions written out).

Where eigenvalues coincide, vectors of equal values may be replaced by combinations of each other. Smooth functions have
their gradient by a look at what follows, as in ``degenerate``. Forward, what shows the vectors gets NaN, and so do
second derivatives. Where there is just one vector for two values, no derivative exists.
"""

from collections.abc import Sequence
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.op import Careful, Elsewhere
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import conj, is_complex, over_stacks
from geartrain.ops.contract import mT
from geartrain.ops.degenerate import UNKNOWN, by_shears, near, shear
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
    """``1 / (w_j - w_i)``, and 0 where both are equal or nearly so."""
    none = near(w) | np.eye(w.shape[-1], dtype=bool)
    gap = np.where(none, np.ones((), w.dtype), w[..., None, :] - w[..., :, None])
    return np.where(none, np.zeros((), w.dtype), 1 / gap)


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
    return _pulled(y_bar, y, xs, None)


def _turning(y_bar: Array, y: Array, a: Array) -> Array:
    """The cotangents of ``v^-1 v_dot``, apart from what keeps the vectors' length and phase."""
    _, v = _parts(y, a)
    _, v_bar = _parts(y_bar, a)
    there, peak = _peak(v)
    along = np.sum(v_bar * v, axis=-2, keepdims=True)
    turn = np.where(there, -1j * np.imag(along) / peak, np.zeros((), v.dtype))
    return mT(v) @ (v_bar - np.real(along) * conj(v) + turn)


def _pulled(y_bar: Array, y: Array, xs: Sequence[Array], among: Array | None) -> tuple[Array]:
    """``among`` has the cotangents of turning vectors of near values into each other, where they are asked for."""
    w, v = _parts(y, xs[0])
    inner_bar = _gaps(w) * _turning(y_bar, y, xs[0]) + as_diagonal(_parts(y_bar, xs[0])[0])
    inner_bar = inner_bar if among is None else inner_bar + among
    return (np.linalg.solve(mT(v), inner_bar) @ mT(v),)


def _hidden_eig(y: Array, xs: Sequence[Array]) -> Array:
    w, v = _parts(y, xs[0])
    return pack(np.full_like(v, np.nan), w)


def _near_eig(back: bool, y: Array, xs: Sequence[Array]) -> Array:
    return np.any(near(_parts(y, xs[0])[0]))


def _pull_eig_ahead(look: Elsewhere, y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array]:
    (w, v), again = _parts(y, xs[0]), look.at
    w_bar, pairs = _parts(y_bar, xs[0])[0], near(w)
    if again is None:
        return _pulled(y_bar, y, xs, np.where(pairs, np.nan, 0.0))

    turning = np.max(np.abs(np.where(pairs, _turning(y_bar, y, xs[0]), 0)), axis=(-2, -1), keepdims=True)

    def at(mix: Array) -> Array:
        mixed = v @ mix
        there = np.sum(np.where(_peak(mixed)[0], mixed, np.zeros((), v.dtype)), axis=-2, keepdims=True)
        unit = mixed * conj(there) / np.abs(there)
        unit = unit / np.sqrt(np.sum(np.real(unit * conj(unit)), axis=-2, keepdims=True))
        return _parts(again(pack(unit, w)), xs[0])[0]

    among = by_shears(look, pairs, v.dtype, at)
    mix = shear(pairs).astype(v.dtype)
    seen = at(mix)
    whole = among + as_diagonal(w_bar)
    # A motion along which only the k-th mixed vector has a value that moves: mix e_k e_k^T mix^-1.
    want = np.sum(mix * (whole @ mT(np.linalg.inv(mix))), axis=-2)
    slack = 100 * float(np.sqrt(np.finfo(np.abs(w).dtype).eps))
    off = np.max(np.abs(want - seen), axis=-1)[..., None, None]
    size = np.max(np.abs(whole), axis=(-2, -1), keepdims=True) + np.max(np.abs(seen), axis=-1)[..., None, None]
    size = size + np.max(np.abs(_parts(y_bar, xs[0])[1]), axis=(-2, -1), keepdims=True)
    alone = np.max(np.abs(seen - w_bar), axis=-1)[..., None, None] <= slack * size
    smooth = (turning <= slack * size) & ((off <= slack * size) | alone)
    among = np.where(smooth, np.where(off <= slack * size, among, np.zeros((), v.dtype)), np.nan)
    if look.watched:
        among = among + UNKNOWN(np.abs(w[..., None, :] - w[..., :, None]), params=(0,))
    return _pulled(y_bar, y, xs, among)


def _turn_eig(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array]) -> tuple[Array, Array]:
    w, v = _parts(y, xs[0])
    hidden = np.where(np.any(near(w), axis=-1), np.nan, 1.0)[..., None, :]
    return pack(v * hidden, w), _push_eig(y, xs, xs_dot)


EIG = custom(
    "eig",
    _eig,
    push=_push_eig,
    pull=_pull_eig,
    batch=over_stacks("eig"),
    careful=Careful(_hidden_eig, _near_eig, _pull_eig_ahead, _turn_eig),
)


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
