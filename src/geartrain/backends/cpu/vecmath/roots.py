"""sqrt, cbrt, hypot."""

from geartrain.backends.cpu.vecmath import tables
from geartrain.backends.cpu.vecmath.lanes import Float, Table, emitter, poly, select
from geartrain.backends.cpu.vecmath.pairs import Pair, fast_sum, product, root

__all__ = ["cbrt", "hypot", "sqrt"]

INF, NAN = float("inf"), float("nan")
SQUARES: Table = {64: (2.0**-450, 2.0**600), 32: (2.0**-50, 2.0**100)}
"""Two sides that are both below this are scaled up by that before they are squared; above its inverse, down."""


@emitter
def sqrt(x: Float) -> Float:
    """The square root, correctly rounded. Within 0.5 ulp."""
    return x.sqrt()


@emitter
def cbrt(x: Float) -> Float:
    """The cube root, of negative numbers too. Within 1 ulp.

    A polynomial gives ``m**(-1/3)`` for the fraction m. Two steps of Newton's kind do the rest without a division: one
    of third order, and one of second order from an exact remainder.
    """
    size = abs(x)
    small = size < x.format.smallest
    digits, bias = x.format.digits, x.format.bias
    lift = 54 if x.format.bits == 64 else 24  # a multiple of 3
    bits = select(small, size * 2.0**lift, size).bits()
    # size = 2**(3 third + left) m, with an offset that keeps the exponent positive and is a multiple of 3
    offset = bias + -bias % 3
    exponent = ((bits >> digits) + -bias % 3 | (bias + digits << digits)).real() - 2.0**digits
    third, third_bits = ((exponent - 1.0) * (1.0 / 3.0)).nearest()
    left = exponent - third * 3.0
    m = ((bits & ((1 << digits) - 1)) | (bias << digits)).real()
    once, twice = m.of(tables.ROOTS_OF_TWO)
    doubled, quadrupled = left.same(1.0), left.same(2.0)
    a = m * select(doubled, m.like(2.0), select(quadrupled, m.like(4.0), 1.0))
    w = poly(m, m.of(tables.CBRT)) * select(doubled, m.like(once), select(quadrupled, m.like(twice), 1.0))
    h = 1.0 - a * w * (w * w)
    w = (w * h).mad(h.mad(2.0 / 9.0, 1.0 / 3.0), w)
    y = a * w * w
    square = product(y, y)
    cube = product(square.high, y)
    rest = (a - cube.high) - square.low.mad(y, cube.low)
    y = (rest * (w * w)).mad(1.0 / 3.0, y)
    found = y.times_power(third_bits - offset // 3) * select(small, y.like(2.0 ** (-lift // 3)), 1.0)
    return select((size > 0.0) & (size < INF), found.signed(x), x)


@emitter
def hypot(x: Float, y: Float) -> Float:
    """``sqrt(x**2 + y**2)`` without overflow on the way. Within 1 ulp."""
    if x.format.bits == 32:
        a, b = x.double(), y.double()
        found = (a * a + b * b).sqrt().rounded_like(x)
    else:
        found = _long_side(abs(x), abs(y))
    endless = abs(x).same(INF) | abs(y).same(INF)  # even if the other is NaN
    return select(endless, INF, found)


def _long_side(a: Float, b: Float) -> Float:
    larger, smaller = select(a > b, a, b), select(a > b, b, a)
    small, scale = a.of(SQUARES)
    down, up = larger > 1.0 / small, larger < small
    factor = select(up, a.like(scale), select(down, a.like(1.0 / scale), 1.0))
    back = select(up, a.like(1.0 / scale), select(down, a.like(scale), 1.0))
    first, second = product(larger * factor, larger * factor), product(smaller * factor, smaller * factor)
    total = fast_sum(first.high, second.high)
    side = root(Pair(total.high, total.low + (first.low + second.low))).value() * back
    return select(larger.same(0.0), smaller, select(a.nan() | b.nan(), NAN, side))
