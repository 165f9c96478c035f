"""Where eigenvalues or singular values coincide: derivatives from a look at what follows.

There ``v`` in ``a = v w v^H`` is one of many: ``v u`` does as well, for each unitary ``u`` among the vectors of equal
values. A function that is smooth in ``a`` has the same value for all of them, and ``a_bar = v m v^H`` with a Hermitian
``m`` among them. How the function moves with ``v`` and ``w`` at this ``v`` tells only the diagonal of ``m``: the log of
the determinant and ``trace(y log(a))`` with ones on the diagonal of ``y`` have the same cotangents of ``v`` and ``w``
at the identity. But the diagonal of ``u^H m u`` is the cotangent of ``w`` where the program that follows goes on
with ``v u``. With two vectors turned to each other by the angle t, ``cos t v_i + sin t v_k`` and ``cos t v_k - sin t
v_i``, and again by -t, the cotangent of ``w_i`` differs by ``2 sin 2t Re m_ik`` between the two, that of ``w_k`` by as
much the other way; turned with a factor ``1j`` they show the imaginary part. Any t will do; at 30 degrees the error is
of second order where the two values are not quite equal, so the answer can be differentiated once more. (For values
apart by 2d, the program goes on with a matrix that is off by d (cos 2t - 1, sin 2t) in the plane of diagonal and
mixed motion. In the difference of t and -t the mixed second derivative counts ``2 cos 2t`` times, and once is right.)

So ``m`` costs a run, forward and back, of what follows for each of twice ``n`` pairings (each pair by itself, where
the derivative is to be differentiated again). One more run, with everything mixed, checks the answer: a program that is
not smooth here (it shows one vector of several) has no derivative, and gets NaN. One that reads the values alone is at
a kink if it treats equal values differently, and keeps the slope along the vectors that are there.

What is told here of two equal values holds of two nearly equal ones. There, too, is the usual quotient with the gap
between the values; whichever promises the smaller error is taken.
"""

from collections.abc import Callable, Iterator
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.op import Elsewhere
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import conj, is_complex
from geartrain.ops.contract import mT
from geartrain.ops.table import numbered

__all__ = ["UNKNOWN", "At", "by_shears", "coupling", "near", "shear", "turn_along", "turning"]

At = Callable[[Array], tuple[Array, Array]]
"""The cotangents of the values, and of how vectors turn into each other, where the vectors are mixed by a matrix."""

THIRTY, SINE = float(np.pi / 6), float(np.sin(np.pi / 3))


def near(w: Array, back: bool = False) -> Array:
    """Which pairs of values are equal, or so near that their quotients lose digits.

    Forward, the error of what is done about it is about the gap. ``back`` it is about the square of the gap, also for
    what is differentiated again, and the quotient is kept where it does as well, so more may count as near.
    """
    eps, n = float(np.finfo(w.dtype).eps), w.shape[-1]
    gap = np.abs(w[..., None, :] - w[..., :, None])
    size = np.max(np.abs(w), axis=-1, initial=0)[..., None, None]
    return (gap <= size * eps ** (1 / 3 if back and eps < 1e-10 else 1 / 2)) & ~np.eye(n, dtype=bool)


# A number that is known to a certain order only.


def _unknown(x: Array, order: int) -> Array:
    return np.zeros_like(x)


def _unknown_slope(x: Array, order: int) -> Array:
    return UNKNOWN(x, params=(order - 1,)) if order else np.full(np.shape(x), np.nan, x.dtype)


UNKNOWN = numbered("unknown", _unknown, _unknown_slope)
"""Zero, and so are its derivatives up to ``order``: the next one is NaN. Added to what is right up to that order."""


# Mixing vectors.


def _rounds(n: int, one_by_one: bool) -> Iterator[Array]:
    """Pairings in which everybody meets everybody once: the partner of each, or itself."""
    steps = np.arange(n)
    if not one_by_one:
        yield from ((total - steps) % n for total in range(n))
        return
    for i in range(n):
        for k in range(i + 1, n):
            partner = steps.copy()
            partner[[i, k]] = k, i
            yield partner


def _among(pairs: Array, partner: Array) -> Array:
    """Which vectors are to be mixed with their partners."""
    return pairs[..., np.arange(partner.shape[0]), partner]


def _mixed(active: Array, partner: Array, factor: Array, angle: float = THIRTY) -> Array:
    """The matrix that turns each active vector by ``angle`` to ``factor`` times its partner."""
    n = partner.shape[0]
    keep = np.where(active, float(np.cos(angle)), 1.0)[..., None, :] * np.eye(n)
    return keep + np.eye(n)[partner] * (np.where(active, float(np.sin(angle)), 0.0) * factor)[..., None, :]


def _signs(partner: Array) -> Array:
    return np.where(np.arange(partner.shape[0]) < partner, 1.0, -1.0)


def turning(chosen: Array, complex_too: bool) -> Array:
    """A unitary matrix that mixes the ``chosen`` vectors by angles of no pattern, and turns each of them round."""
    both = chosen[..., None, :] & chosen[..., :, None] & ~np.eye(chosen.shape[-1], dtype=bool)
    return _generic(both, complex_too) * np.where(chosen, -1.0, 1.0)[..., None, :]


def _generic(pairs: Array, complex_too: bool) -> Array:
    n = pairs.shape[-1]
    whole: Array = np.eye(n)
    for i, partner in enumerate(_rounds(n, False)):
        active = _among(pairs, partner)
        whole = whole @ _mixed(active, partner, _signs(partner), 1 + 0.618 * i)
        if complex_too:
            whole = whole @ _mixed(active, partner, np.full(n, 1j), 2 + 0.618 * i)
    return whole


def _largest(x: Array) -> Array:
    return np.max(np.abs(x), axis=(-2, -1), initial=0, keepdims=True)


def coupling(look: Elsewhere, w: Array, w_bar: Array, inner: Array, at: At | None) -> Array:
    """What stands beside the diagonal of ``m``: where values are near what other choices tell, else the usual quotient.

    ``inner`` is ``v^H v_bar``; ``at`` as said there, ``None`` where what follows cannot be run again. All are of the
    shapes (..., n) and (..., n, n).
    """
    pairs, eps = near(w, True), float(np.finfo(w.dtype).eps)
    gap = w[..., None, :] - w[..., :, None]
    skew, same = (inner - conj(mT(inner))) / 2, gap == 0
    quotient = skew / np.where(same, np.ones((), w.dtype), gap)
    size = _largest(inner) + _largest(w_bar[..., None]) * _largest(w[..., None])
    # Some quotients are good enough: with an error of eps size / gap, and a derivative with one of eps size / gap^2.
    answer = _largest(w_bar[..., None]) + _largest(np.where(pairs, 0, quotient))
    bend = np.maximum(answer / np.where(size == 0, 1, size), 1 / np.where(pairs, _largest(w[..., None]), 1))
    good = 0.01 * bend * answer * gap * gap if look.watched else 0.1 * answer * np.abs(gap)
    pairs = pairs & (same | (float(np.sqrt(eps)) * size > good))
    if not look.truth(np.any(pairs), True):
        return quotient
    if at is None:
        return np.where(pairs, np.nan, quotient)
    beside, doubt = np.zeros_like(inner), np.zeros_like(gap)
    if look.watched or not look.truth(_takes_all_alike(pairs, w_bar, at, inner), False):
        beside, doubt = _by_pairs(look, pairs, inner.dtype, at)
    pairs = pairs & (same | (eps * size * (np.abs(beside) + eps * answer) >= doubt * doubt * np.abs(gap)))
    beside = np.where(pairs, beside, quotient)
    return beside + _doubts(pairs, w, w_bar, inner, skew - beside * gap, beside, at, look.watched)


def _takes_all_alike(pairs: Array, w_bar: Array, at: At, inner: Array) -> Array:
    """Whether no mixing of near vectors makes their values count differently, so that ``m`` is their diagonal."""
    seen = at(_generic(pairs, is_complex(inner)).astype(inner.dtype))[0]
    limit = 1e3 * float(np.finfo(w_bar.dtype).eps) * np.maximum(_largest(w_bar[..., None]), _largest(seen[..., None]))
    return np.all([np.abs(np.where(pairs, x[..., None, :] - x[..., None], 0)) <= limit for x in (seen, w_bar)])


def _doubts(
    pairs: Array, w: Array, w_bar: Array, inner: Array, left: Array, beside: Array, at: At, watched: bool
) -> Array:
    """Zero where ``m`` explains how yet another mixing moves, and the vectors as they are do not turn; NaN elsewhere.

    Zero, too, where the values alone are read: then it is a kink.
    """
    gap = w[..., None, :] - w[..., :, None]
    wide = _largest(np.where(pairs, gap, 0)) / np.where(
        np.any(pairs, axis=(-2, -1), keepdims=True), _largest(w[..., None]), 1
    )
    slack = 100 * float(np.sqrt(np.finfo(w.dtype).eps)) + 10 * wide
    mix = _generic(pairs, is_complex(inner)).astype(inner.dtype)
    seen, seen_inner = at(mix)
    whole = np.where(pairs, beside, 0) + w_bar[..., None] * np.eye(w_bar.shape[-1])
    unit = _largest(whole) + _largest(seen[..., None])
    size = _largest(inner) + unit
    off = _largest((np.real(np.sum(conj(mix) * (whole @ mix), axis=-2)) - seen)[..., None])
    turning = np.abs(left) + np.abs(seen_inner - conj(mT(seen_inner)))
    smooth = (off <= slack * unit) & (_largest(np.where(pairs, turning, 0)) <= slack * size)
    shown = _largest(np.where(pairs, np.abs(inner) + np.abs(seen_inner), 0))
    alone = (_largest((seen - w_bar)[..., None]) <= slack * unit) & (shown <= slack * size)
    wrong = pairs & ~smooth & ~alone
    doubts = np.where(wrong, np.asarray(np.nan, w_bar.dtype), np.zeros((), w_bar.dtype))
    return doubts + np.where(pairs, UNKNOWN(gap, params=(1,)), np.zeros((), gap.dtype)) if watched else doubts


def _by_pairs(look: Elsewhere, pairs: Array, dtype: Any, at: At) -> tuple[Array, Array]:
    """The elements of ``m`` among near values, and by how much the two vectors of a pair disagree about them."""
    n = pairs.shape[-1]
    total: Array = np.zeros(pairs.shape, dtype)
    doubt = np.abs(total)
    for partner in _rounds(n, look.watched):
        active = _among(pairs, partner)
        if not look.truth(np.any(active), True):
            continue
        place = np.eye(n, dtype=doubt.dtype)[partner] * active[..., None]
        sign = _signs(partner)
        real = [at(_mixed(active, partner, s).astype(dtype))[0] for s in (sign, -sign)]
        one = (real[0] - real[1]) * sign / (2 * SINE)
        total = total + place * ((one + one[..., partner]) / 2)[..., None]
        doubt = doubt + place * np.abs(one - one[..., partner])[..., None]
        if total.dtype.kind == "c":
            turned = [at(_mixed(active, partner, np.full(n, s)).astype(dtype))[0] for s in (1j, -1j)]
            one = (turned[1] - turned[0]) / (2 * SINE)
            total = total + 1j * place * ((one - one[..., partner]) / 2)[..., None]
            doubt = doubt + place * np.abs(one + one[..., partner])[..., None]
    return total, doubt


def by_shears(look: Elsewhere, pairs: Array, dtype: Any, at: Callable[[Array], Array]) -> Array:
    """The same for vectors that are not perpendicular, where ``m`` is any matrix; ``at`` gives cotangents of values.

    With vector i added to vector k, the cotangent of ``w_k`` grows by ``m_ik``, and that of ``w_i`` shrinks by it.
    """
    n = pairs.shape[-1]
    total: Array = np.zeros(pairs.shape, dtype)
    for partner in _rounds(n, False):
        for receives in (np.arange(n) > partner, np.arange(n) < partner):
            active = _among(pairs, partner) & receives
            if not look.truth(np.any(active), True):
                continue
            place = np.eye(n)[partner] * active[..., None, :]
            plus, minus = (at((np.eye(n) + sign * place).astype(dtype)) for sign in (1, -1))
            one = (plus - minus) / 2
            total = total + (place * ((one - one[..., partner]) / 2)[..., None, :]).astype(dtype)
    return total


def shear(pairs: Array) -> Array:
    """A matrix that adds to each vector others that are near it, in shares of no pattern."""
    n = pairs.shape[-1]
    return np.eye(n) + pairs * np.sin(1 + 7 * np.arange(n)[:, None] + 3.7 * np.arange(n)) / n


def turn_along(w: Array, moved: Array) -> Array:
    """The mixing of near vectors for which a motion, ``moved = v^H a_dot v``, does not turn them into each other.

    The values are in order, up or down.
    """
    pairs, n = near(w), w.shape[-1]
    block = np.where(pairs | np.eye(n, dtype=bool), moved, np.zeros((), moved.dtype))
    first = ~pairs[..., np.arange(1, n), np.arange(n - 1)]
    group = np.concatenate((np.zeros((*w.shape[:-1], 1)), np.cumsum(first, axis=-1)), axis=-1)
    size = _largest(block)
    block = block / np.where(size == 0, 1, size) + (4 * n * group)[..., None] * np.eye(n)
    mix = np.linalg.eigh(block.astype(moved.dtype))[1]
    own = np.real(mix[..., np.arange(n), np.arange(n)])
    mix = mix * np.where(own < 0, -1.0, 1.0)[..., None, :]
    return np.where(np.any(pairs, axis=(-2, -1), keepdims=True), mix, np.eye(n)).astype(moved.dtype)
