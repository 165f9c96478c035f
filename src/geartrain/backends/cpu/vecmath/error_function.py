"""erf and erfc.

Up to 1/2 erf is a polynomial. Beyond, ``(1 + 2 x) exp(x**2) erfc(x)`` is a flat function of ``t = (x - c) / (x + c)``,
which takes all of the way to infinity into an interval, and a polynomial in t (Shepherd & Laframboise, Chebyshev
approximation of (1 + 2x) exp(x**2) erfc x in 0 <= x < inf, Math. Comp. 36 (1981)).
"""

from geartrain.backends.cpu.vecmath import tables
from geartrain.backends.cpu.vecmath.exponential import exp_parts, put_exponent
from geartrain.backends.cpu.vecmath.lanes import Float, Table, emitter, poly, select
from geartrain.backends.cpu.vecmath.pairs import fast_sum, product, sum_of

__all__ = ["erf", "erfc"]

VANISHED: Table = {64: (27.3,), 32: (10.2,)}
"""From here on erfc is 0."""


def _near(x: Float) -> Float:
    """``erf(x) - x`` for magnitudes up to 1/2."""
    z = x * x
    return x * poly(z, z.of(tables.ERF))


def _tail(x: Float) -> Float:
    """``erfc(x)`` from 1/2 to VANISHED."""
    under = sum_of(x + x, 1.0)
    shifted = x + tables.ERFC_CENTER
    both = 1.0 / (under.high * shifted)
    inverse = both * shifted
    exact = product(inverse, under.high)
    inverse_low = inverse * (((1.0 - exact.high) - exact.low) - inverse * under.low)
    t = (x - tables.ERFC_CENTER) * (under.high * both)
    middle, middle_low = x.of(tables.ERFC_MIDDLE)
    flat = fast_sum(x.like(middle), t * poly(t, t.of(tables.ERFC)))
    scaled, scaled_low = product(flat.high, inverse)
    scaled_low = flat.high.mad(inverse_low, inverse.mad(flat.low + middle_low, scaled_low))
    square = product(x, x)
    n, exponent, fraction = exp_parts(-square.high, -square.low)
    high, low = product(scaled, fraction.high)
    low = scaled.mad(fraction.low, fraction.high.mad(scaled_low, low))
    return put_exponent(high + low, exponent, n)


@emitter
def erf(x: Float) -> Float:
    """The error function. Within 1.5 ulp."""
    size = abs(x)
    far = 1.0 - _tail(size.at_most(x.of(VANISHED)[0]))
    return select(size > 0.5, far.signed(x), x + _near(x))


@emitter
def erfc(x: Float) -> Float:
    """``1 - erf(x)`` without cancellation for large x. Within 2 ulp."""
    size = abs(x)
    tail = _tail(size.at_most(x.of(VANISHED)[0]))
    far = select(x < 0.0, 2.0 - tail, tail)
    one_less = fast_sum(x.like(1.0), -x)
    return select(size > 0.5, far, one_less.high + (one_less.low - _near(x)))
