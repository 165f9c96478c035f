"""exp, exp2, expm1, sigmoid.

The operand is ``n ln 2 + r`` with an integer n and ``|r| <= ln(2) / 2`` (Cody & Waite, Software Manual for the
Elementary Functions, 1980, ch. 6). A polynomial gives exp r, and n goes into the exponent of the result.
"""

from typing import NamedTuple

from geartrain.backends.cpu.vecmath import tables
from geartrain.backends.cpu.vecmath.lanes import Float, Int, Table, emitter, poly, select
from geartrain.backends.cpu.vecmath.pairs import Pair, fast_sum

__all__ = ["exp", "exp2", "exp_pair", "exp_parts", "expm1", "put_exponent", "scaled_exp", "scaled_expm1", "sigmoid"]

LOWEST: Table = {64: (-746.0, -1076.0), 32: (-104.0, -151.0)}
"""Below these exp and exp2 are 0: less than half of the smallest subnormal number."""
HIGHEST: Table = {64: (709.782712893384,), 32: (88.72283172607422,)}
"""The largest operand whose exp is finite."""
MINUS_ONE: Table = {64: (-40.0,), 32: (-20.0,)}
"""Below this expm1 is -1."""
NEGLIGIBLE: Table = {64: (2.0**-54,), 32: (2.0**-25,)}
"""Below this magnitude ``1 + x`` is 1, and a function that is ``x + O(x**2)`` is x."""


class Reduced(NamedTuple):
    """``x = n ln 2 + r``: the integer n as a float, and in the low bits of an ``Int``; r to about the last place."""

    n: Float
    exponent: Int
    r: Float
    first: Float
    """``x`` less n times the high part of ln 2: exact."""


def reduce(x: Float) -> Reduced:
    """Take the nearest multiple of ln 2 away; for operands of the range where exp is finite and not 0."""
    high, low = x.of(tables.LN2)
    n, exponent = (x * x.of(tables.LOG2_E)[0]).nearest()
    first = n.mad(-high, x)  # exact: n times the short part is, and in the difference the leading digits cancel
    return Reduced(n, exponent, n.mad(-low, first), first)


def fraction_parts(reduced: Reduced) -> Pair:
    """``exp(x) / 2**n - 1`` as r and what is missing, which is small against r."""
    r = reduced.r
    r_low = reduced.n.mad(-r.of(tables.LN2)[1], reduced.first - r)
    return Pair(r, (r * r).mad(poly(r, r.of(tables.EXPM1)), r_low))


def exp_less_one(x: Float) -> tuple[Float, Int, Float]:
    """The integer n, twice, and ``exp(x) / 2**n - 1``."""
    n, exponent, r, _ = reduce(x)
    return n, exponent, (r * r).mad(poly(r, r.of(tables.EXPM1)), r)


def one_and_exp(x: Float) -> Float:
    """``1 + exp(x)`` where exp(x) is a normal number; more accurate than adding 1 to that."""
    _, exponent, s = exp_less_one(x)
    power = x.power_of_two(exponent)
    return power.mad(s, power + 1.0)


def put_exponent(fraction: Float, exponent: Int, n: Float) -> Float:
    """``fraction * 2**n``, rounded once, also where that is subnormal; n is in the low bits of ``exponent`` as well.

    The fraction is from 2**-8 to 2.
    """
    lift = fraction.format.digits + 12  # takes the exponent of a subnormal number into the normal range
    small = n < 9.0 - fraction.format.bias
    lifted = fraction.times_power(exponent + small.pick(lift, 0, exponent))
    return lifted * select(small, fraction.like(2.0**-lift), 1.0)


def scaled_exp(x: Float, doublings: int = 0) -> Float:
    """``exp(x) * 2**doublings`` without an overflow on the way, for finite operands that are not far below LOWEST."""
    n, exponent, s = exp_less_one(x)
    return put_exponent(1.0 + s, exponent + doublings if doublings else exponent, n)


class Parts(NamedTuple):
    """``2**n * fraction``; n as a float and in the low bits of an ``Int``."""

    n: Float
    exponent: Int
    fraction: Pair


def exp_parts(x: Float, low: Float | None = None) -> Parts:
    """``exp(x + low)`` to about one and a half times the precision."""
    reduced = reduce(x)
    rest = fraction_parts(reduced)
    one, one_low = fast_sum(x.like(1.0), rest.high)
    fraction = fast_sum(one, one_low + rest.low)
    if low is not None:
        fraction = Pair(fraction.high, fraction.high.mad(low, fraction.low))
    return Parts(reduced.n, reduced.exponent, fraction)


def exp_pair(x: Float) -> Pair:
    """exp(x) for x from LOWEST to 0, to about one and a half times the precision down to 2**-60."""
    n, exponent, (high, low) = exp_parts(x)
    return Pair(put_exponent(high, exponent, n), select(n > -60.0, low * x.power_of_two(exponent), 0.0))


def scaled_expm1(x: Float) -> Pair:
    """Half of expm1(x), as a pair, for x from MINUS_ONE to the operand where exp overflows."""
    reduced = reduce(x)
    rest = fraction_parts(reduced)
    power = x.power_of_two(reduced.exponent - 1)  # half, so that there is one for n = 1024
    high, low = fast_sum(power - 0.5, power * rest.high)
    return Pair(high, power.mad(rest.low, low))


@emitter
def exp(x: Float) -> Float:
    """``e**x``. Within 1.5 ulp."""
    found = scaled_exp(x.at_least(x.of(LOWEST)[0]))
    return select(x <= x.of(HIGHEST)[0], found, x + float("inf"))  # where it is not: inf, or NaN


@emitter
def exp2(x: Float) -> Float:
    """``2**x``. Within 1.5 ulp; exact for integers."""
    bounded = x.at_least(x.of(LOWEST)[1])
    n, exponent = bounded.nearest()
    r = bounded - n
    found = put_exponent(r.mad(poly(r, r.of(tables.EXP2)), 1.0), exponent, n)
    return select(x < x.format.bias + 1.0, found, x + float("inf"))


@emitter
def expm1(x: Float) -> Float:
    """``e**x - 1`` without cancellation near 0. Within 1.5 ulp."""
    found = scaled_expm1(x.at_least(x.of(MINUS_ONE)[0])).value() * 2.0
    finite = select(abs(x) < x.of(NEGLIGIBLE)[0], x, found)
    return select(x <= x.of(HIGHEST)[0], finite, x + float("inf"))


@emitter
def sigmoid(x: Float) -> Float:
    """``1 / (1 + e**-x)``, the logistic function. Within 2 ulp."""
    bounded = (-x).at_least(x.of(MINUS_ONE)[0]).at_most(-x.of(LOWEST)[0])
    n, exponent, s = exp_less_one(bounded)
    # Where e**-x would overflow, numerator and denominator are both scaled down.
    lift = x.format.bias // 2 + x.format.digits // 2
    low = n > x.format.bias // 2
    unit = select(low, x.like(2.0**-lift), 1.0)
    power = x.power_of_two(exponent - low.pick(lift, 0, exponent))
    total = fast_sum(power, unit)  # exact where the power is the smaller one, too, unless that is negligible
    return select(x.nan(), x, unit / (power.mad(s, total.low) + total.high))
