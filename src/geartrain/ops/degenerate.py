"""Where eigenvalues or singular values coincide: derivatives from a look at what follows.

There ``v`` in ``a = v w v^H`` is one of many: ``v u`` does as well, for each unitary ``u`` among the vectors of equal
values. A function that is smooth in ``a`` has the same value for all of them, and ``a_bar = v m v^H`` with a Hermitian
``m`` among them. How the function moves with ``v`` and ``w`` at this ``v`` tells only the diagonal of ``m``: the log of
the determinant and ``trace(y log(a))`` with ones on the diagonal of ``y`` have the same cotangents of ``v`` and ``w``
at the identity. But the diagonal of ``u^H m u`` is the cotangent of ``w`` where the program that follows goes on
with ``v u``. With two vectors mixed half and half, ``(v_i + v_k) / sqrt 2`` and ``(v_k - v_i) / sqrt 2``, the
cotangents of ``w_i`` and ``w_k`` differ by ``2 Re m_ik``; mixed with a factor ``1j`` they show its imaginary part.

So ``m`` costs a run, forward and back, of what follows for each of twice ``n`` pairings (each pair by itself, where
the derivative is to be differentiated again). One more run, with everything mixed, checks the answer: a program that is
not smooth here (it shows one vector of several) has no derivative, and gets NaN. One that reads the values alone is at
a kink if it treats equal values differently, and keeps the slope along the vectors that are there.

What is told here of two equal values holds of two nearly equal ones. There, too, is the usual quotient with the gap
between the values; whichever promises the smaller error is taken.
"""

from collections.abc import Callable, Iterator

from geartrain.ir.aval import Array
from geartrain.ir.op import Elsewhere
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import conj, is_complex
from geartrain.ops.contract import mT
from geartrain.ops.table import custom

__all__ = ["UNKNOWN", "At", "any_near", "coupling", "near", "turn_along"]

At = Callable[[Array], tuple[Array, Array]]
"""The cotangents of the values, and of how vectors turn into each other, where the vectors are mixed by a matrix."""

HALF = float(np.sqrt(0.5))


def near(w: Array) -> Array:
    """Which pairs of values are equal, or so near that their quotients lose half of their digits."""
    n = w.shape[-1]
    gap = np.abs(w[..., None, :] - w[..., :, None])
    size = np.max(np.abs(w), axis=-1, initial=0)[..., None, None]
    return (gap <= size * float(np.sqrt(np.finfo(w.dtype).eps))) & ~np.eye(n, dtype=bool)


def any_near(w: Array) -> Array:
    """Whether there is such a pair."""
    return np.any(near(w))


# A number that is known to a certain order only.


def _unknown_slope(x: Array, order: int) -> Array:
    return UNKNOWN(x, params=(order - 1,)) if order else np.full(x.shape, np.nan, x.dtype)


UNKNOWN = custom(
    "unknown",
    lambda x, order: np.zeros_like(x),
    "order",
    push=lambda y, xs, xs_dot, order: xs_dot[0] * _unknown_slope(xs[0], order),
    pull=lambda y_bar, y, xs, order: (y_bar * _unknown_slope(xs[0], order),),
    batch=lambda size, batched, x, order: UNKNOWN(x, params=(order,)),
)
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


def _mixed(active: Array, partner: Array, factor: Array, angle: float | None = None) -> Array:
    """The matrix that adds to each active vector ``factor`` times its partner."""
    cosine, sine = (HALF, HALF) if angle is None else (float(np.cos(angle)), float(np.sin(angle)))
    n = partner.shape[0]
    keep = np.where(active, cosine, 1.0)[..., None, :] * np.eye(n)
    return keep + np.eye(n)[partner] * (np.where(active, sine, 0.0) * factor)[..., None, :]


def _signs(partner: Array) -> Array:
    return np.where(np.arange(partner.shape[0]) < partner, 1.0, -1.0)


def _generic(pairs: Array, complex_too: bool) -> Array:
    """A matrix that mixes all near vectors by angles of no pattern."""
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
    """What stands beside the diagonal of ``m`` among near values, and the usual quotients elsewhere.

    ``inner`` is ``v^H v_bar``; ``at`` as said there, ``None`` where what follows cannot be run again. All are of the
    shapes (..., n) and (..., n, n).
    """
    pairs, eps = near(w), float(np.finfo(w.dtype).eps)
    gap = w[..., None, :] - w[..., :, None]
    skew = (inner - conj(mT(inner))) / 2
    same = gap == 0
    quotient = skew / np.where(same, np.ones((), w.dtype), gap)
    if at is None:
        return np.where(pairs, np.nan, quotient)
    n, complex_too = w.shape[-1], is_complex(inner)
    size = _largest(inner) + _largest(w_bar[..., None]) * np.max(np.abs(w), axis=-1)[..., None, None]
    mix = _generic(pairs, complex_too).astype(inner.dtype)
    seen, seen_inner = at(mix)
    unit = _largest(w_bar[..., None]) + _largest(seen[..., None])
    alone = np.all(np.abs(seen - w_bar)[..., None] <= 1e3 * eps * unit, axis=(-2, -1), keepdims=True) & (
        np.maximum(_largest(np.where(pairs, inner, 0)), _largest(np.where(pairs, seen_inner, 0))) <= 1e3 * eps * size
    )  # the values alone are read, or all that are near take part alike
    alike = np.where(pairs, np.abs(seen[..., None, :] - seen[..., None]) + np.abs(w_bar[..., None, :] - w_bar[..., None]), 0)
    trivial = alone | (_largest(alike) <= 1e3 * eps * unit)
    total = np.zeros_like(inner)
    doubt = np.zeros_like(np.abs(inner))
    if look.watched or not look.decides or not bool(np.all(trivial)):
        for partner in _rounds(n, look.watched):
            active = _among(pairs, partner)
            if look.decides and not bool(np.any(active)):
                continue
            place = (np.eye(n)[partner] * active[..., None]).astype(w.dtype)
            sign = _signs(partner)
            for factor, part in ((sign, 1), (np.full(n, 1j), 1j)) if complex_too else ((sign, 1),):
                plus, minus = (
                    at(_mixed(active, partner, turn).astype(inner.dtype))[0] for turn in (factor, -factor)
                )
                one = (plus - minus) / 2 * (sign if part == 1 else -1)
                other = one[..., partner] * (1 if part == 1 else -1)
                total = total + place * (part * (one + other) / 2)[..., None]
                doubt = doubt + place * np.abs(one - other)[..., None]
    better = ~same & (eps * size < doubt * np.abs(gap))
    made = np.where(better, quotient, total)
    whole = made * pairs + w_bar[..., None] * np.eye(n)
    want = np.real(np.sum(conj(mix) * (whole @ mix), axis=-2))
    slack = float(np.sqrt(eps)) * 100
    smooth = np.all(np.abs(want - seen)[..., None] <= slack * (unit + _largest(whole)), axis=(-2, -1), keepdims=True)
    smooth = smooth & (_largest(np.where(pairs, skew - made * gap, 0)) <= slack * size)
    made = np.where(smooth, made, np.where(alone, np.zeros((), made.dtype), np.nan))
    if look.watched:
        made = made + UNKNOWN(gap, params=(1,))
    return np.where(pairs, made, quotient)


def turn_along(w: Array, moved: Array) -> Array:
    """The mixing of near vectors for which a motion, ``moved = v^H a_dot v``, does not turn them into each other."""
    pairs, n = near(w), w.shape[-1]
    block = np.where(pairs | np.eye(n, dtype=bool), moved, np.zeros((), moved.dtype))
    first = ~pairs[..., np.arange(1, n), np.arange(n - 1)]  # the values are in order
    group = np.concatenate((np.zeros((*w.shape[:-1], 1)), np.cumsum(first, axis=-1)), axis=-1)
    size = _largest(block)
    block = block / np.where(size == 0, 1, size) + (4 * n * group)[..., None] * np.eye(n)
    mix = np.linalg.eigh(block.astype(moved.dtype))[1]
    own = np.real(mix[..., np.arange(n), np.arange(n)])
    mix = mix * np.where(own < 0, -1.0, 1.0)[..., None, :]
    return np.where(np.any(pairs, axis=(-2, -1), keepdims=True), mix, np.eye(n)).astype(moved.dtype)
