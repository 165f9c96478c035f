"""log, log2, log10, log1p, softplus, logaddexp.

The operand is ``2**k (1 + f)`` with ``sqrt(1/2) <= 1 + f < sqrt(2)``. With ``s = f / (2 + f)``, ``log(1 + f)`` is
``2 artanh s = 2 s + s**3 (2/3 + ...)`` (Cody & Waite, Software Manual for the Elementary Functions, 1980, ch. 5). As
``2 s = f - s f``, that is ``f - R`` with a small ``R = s (f - s**2 P(s**2))``: f is exact, so that almost all of the
rounding errors are in what is small.
"""

import math
from typing import NamedTuple

from geartrain.backends.cpu.vecmath import tables
from geartrain.backends.cpu.vecmath.exponential import LOWEST, exp_pair
from geartrain.backends.cpu.vecmath.lanes import Float, Int, Table, emitter, poly, select
from geartrain.backends.cpu.vecmath.pairs import Pair, fast_sum, product, sum_of

__all__ = ["log", "log1p", "log2", "log10", "log_of_pair", "logaddexp", "softplus", "split"]

ROOT_HALF_BITS = {64: 0x3FE6A09E667F3BCD, 32: 0x3F3504F3}
SUBNORMAL_LIFT: Table = {64: (54.0,), 32: (25.0,)}
INF = float("inf")
NAN = float("nan")


class Parts(NamedTuple):
    """``x = 2**k (1 + f)``."""

    k: Float
    f: Float
    biased: Int
    """k plus the bias of the format."""


def split(x: Float) -> Parts:
    """Take a positive normal number apart so that ``1 + f`` is between ``sqrt(1/2)`` and ``sqrt(2)``."""
    bits, digits, bias = x.format.bits, x.format.digits, x.format.bias
    moved = x.bits() + ((bias << digits) - ROOT_HALF_BITS[bits])
    biased = moved >> digits
    fraction = (moved & ((1 << digits) - 1)) + ROOT_HALF_BITS[bits]
    # Or-ing an integer into the digits of 2**digits and taking that away again makes a float of it.
    k = (biased | (bias + digits << digits)).real() - (2.0**digits + bias)
    return Parts(k, fraction.real() - 1.0, biased)


def split_any(x: Float) -> Parts:
    """The same for every positive finite number, the subnormals too."""
    small = x < x.format.smallest
    lift = x.of(SUBNORMAL_LIFT)[0]
    k, f, biased = split(select(small, x * 2.0**lift, x))
    return Parts(k - select(small, x.like(lift), 0.0), f, biased)


def remainder(f: Float) -> Float:
    """``f - log(1 + f)``."""
    s = f / (2.0 + f)
    z = s * s
    return s * (z.mad(-poly(z, f.of(tables.LOG)), f))


def log_of_parts(k: Float, f: Float, low: Float | None = None) -> Pair:
    """``k ln 2 + log(1 + f) + low``; what is small has not been added yet."""
    ln2, ln2_low = f.of(tables.LN2)
    high, rest = fast_sum(k * ln2, f)
    small = k.mad(ln2_low, -remainder(f))
    return Pair(high, rest + (small if low is None else small + low))


def log_of_pair(x: Pair, doublings: Float | None = None) -> Pair:
    """The log of ``2**doublings x``, x a positive normal number with a low part; relatively accurate near 1 as well."""
    k, f, biased = split(x.high)
    power = (2 * f.format.bias - biased << f.format.digits).real()  # 2**-k
    scaled = select(x.high < 2.0**60, x.low * power, 0.0)
    k = k if doublings is None else k + doublings
    return log_of_parts(k, f, scaled * f.mad(f - 1.0, 1.0))  # low / (1 + f), to the few digits that count


def log_in_base(x: Float, scale: Table, unit: Table | None) -> Float:
    """The log of x to a base: ``scale`` is one over the log of the base, ``unit`` is the log of 2 in it, if not 1."""
    k, f, _ = split_any(x)
    factor, factor_low = x.of(scale)
    r = remainder(f)
    high, low = product(f, factor)
    low = r.mad(-factor, f.mad(factor_low, low))
    if unit is not None:
        one, one_low = x.of(unit)
        low = k.mad(one_low, low)
        k = k * one
    total = fast_sum(k, high)
    return total.high + (total.low + low)


def special(x: Float, found: Float) -> Float:
    """Put in the logs of what is not positive and finite."""
    return select(x > 0.0, select(x < INF, found, x), select(x.same(0.0), x.like(-INF), NAN))


@emitter
def log(x: Float) -> Float:
    """The natural logarithm. Within 1 ulp."""
    k, f, _ = split_any(x)
    return special(x, log_of_parts(k, f).value())


@emitter
def log2(x: Float) -> Float:
    """The logarithm to the base 2. Within 1.5 ulp; exact for powers of 2."""
    return special(x, log_in_base(x, tables.LOG2_E, None))


@emitter
def log10(x: Float) -> Float:
    """The logarithm to the base 10. Within 1.5 ulp; exact for powers of 10."""
    return special(x, log_in_base(x, tables.LOG10_E, tables.LOG10_2))


@emitter
def log1p(x: Float) -> Float:
    """``log(1 + x)`` without cancellation near 0. Within 1 ulp."""
    total = sum_of(x, 1.0)
    return select(x.same(0.0), x, special(total.high, log_of_pair(total).value()))


@emitter
def softplus(x: Float) -> Float:
    """``log(1 + e**x)``, the smooth ramp. Within 2 ulp."""
    e = exp_pair((-abs(x)).at_least(x.of(LOWEST)[0]))
    total = fast_sum(x.like(1.0), e.high)
    found = log_of_pair(Pair(total.high, total.low + e.low)).value() + x.at_least(0.0)
    return select(x < INF, found, x)


@emitter
def logaddexp(a: Float, b: Float) -> Float:
    """``log(e**a + e**b)`` without overflow. Within 2 ulp of the larger of the result and the larger operand."""
    larger = select(a > b, a, b)
    d = a - b
    e = exp_pair((-abs(d)).at_least(a.of(LOWEST)[0]))
    total = fast_sum(a.like(1.0), e.high)
    log = log_of_pair(Pair(total.high, total.low + e.low))
    leading = sum_of(larger, log.high)
    found = leading.high + (leading.low + log.low)
    apart = select(abs(d) < INF, found, select(d.nan(), d, larger))
    return select(a.same(b), a + math.log(2.0), apart)  # also of equal infinities
