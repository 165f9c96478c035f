"""power.

``x**y = 2**(y log2 |x|)``. As a product of up to 1024, the exponent needs ten digits more than a float has, so the
logarithm and the product are pairs (Cody & Waite, Software Manual for the Elementary Functions, 1980, ch. 7). For
float32, float64 has those digits.
"""

from geartrain.backends.cpu.vecmath import tables
from geartrain.backends.cpu.vecmath.exponential import put_exponent
from geartrain.backends.cpu.vecmath.lanes import Bool, Float, emitter, poly, select
from geartrain.backends.cpu.vecmath.logarithm import split, split_any
from geartrain.backends.cpu.vecmath.pairs import Pair, fast_sum, product, quotient

__all__ = ["power"]

INF = float("inf")


def is_whole(x: Float) -> Bool:
    """Whether a number from 0 on is an integer; infinity is."""
    ones = 2.0**x.format.digits  # from here on all are, and adding it rounds to an integer
    return (x >= ones) | ((x + ones) - ones).same(x)


def log2_pair(x: Float) -> Pair:
    """log2 of a positive finite float64, with a relative error below 2**-63."""
    k, f, _ = split_any(x)
    s, s_low = quotient(Pair(f, f.like(0.0)), fast_sum(f.like(2.0), f))
    z, z_low = product(s, s)
    z_low = s.mad(s_low + s_low, z_low)
    cube, cube_low = x.of(tables.POW_CUBE)
    inner, inner_low = fast_sum(f.like(cube), z * poly(z, z.of(tables.POW_LOG2)))
    inner_low = inner_low + cube_low
    outer, outer_low = product(z, inner)
    outer_low = z.mad(inner_low, z_low.mad(inner, outer_low))
    one, one_low = x.of(tables.TWO_LOG2_E)
    slope, slope_low = fast_sum(f.like(one), outer)
    slope_low = slope_low + (outer_low + one_low)
    high, low = product(s, slope)
    low = s.mad(slope_low, s_low.mad(slope, low))
    total = fast_sum(k, high)
    return fast_sum(total.high, total.low + low)


def power_64(a: Float, y: Float) -> Float:
    """``a**y`` for positive finite a, with infinities where it overflows."""
    log, log_low = log2_pair(a)
    bounded = y.at_least(-(2.0**64)).at_most(2.0**64)
    product_high, product_low = product(bounded, log)
    total = fast_sum(product_high, bounded.mad(log_low, product_low))
    clamped = total.high.at_least(-1080.0).at_most(1030.0)
    n, exponent = clamped.nearest()
    r = (clamped - n) + select(clamped.same(total.high), total.low, 0.0)
    found = put_exponent(r.mad(poly(r, r.of(tables.EXP2)), 1.0), exponent, n)
    return select((total.high - 1024.0) + total.low >= 0.0, INF, found)


def power_32(a: Float, y: Float) -> Float:
    """The same for float32, in float64 without pairs."""
    wide, wide_y = a.double(), y.double()
    k, f, _ = split(wide)
    s = f / (2.0 + f)
    z = s * s
    log = s.mad(poly(z, z.of(tables.POW_LOG2_SHORT)), k)
    bounded = wide_y.at_least(-(2.0**40)).at_most(2.0**40)
    clamped = (bounded * log).at_least(-300.0).at_most(300.0)
    n, exponent = clamped.nearest()
    r = clamped - n
    return poly(r, r.of(tables.EXP2_SHORT)).times_power(exponent).rounded_like(a)


@emitter
def power(x: Float, y: Float) -> Float:
    """``x**y``, as C's pow for all signs, zeros, infinities and NaN. Within 1.5 ulp."""
    size = abs(x)
    found = power_32(size, y) if x.format.bits == 32 else power_64(size, y)
    grows = ((size > 1.0) & (y > 0.0)) | ((size < 1.0) & (y < 0.0))
    extreme = size.same(0.0) | size.same(INF)
    found = select(extreme, select(grows, x.like(INF), 0.0), found)
    whole = is_whole(abs(y))
    odd = whole & ~is_whole(abs(y) * 0.5)
    found = select(odd, found.signed(x), found)
    found = select((x < 0.0) & ~whole & (size < INF), float("nan"), found)
    found = select(x.nan() | y.nan(), float("nan"), found)
    return select(y.same(0.0) | x.same(1.0), 1.0, found)
