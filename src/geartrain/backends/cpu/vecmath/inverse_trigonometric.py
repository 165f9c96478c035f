"""arcsin, arccos, arctan, arctan2 (Cody & Waite, Software Manual for the Elementary Functions, 1980, ch. 10 and 11)."""

from typing import NamedTuple

from geartrain.backends.cpu.vecmath import tables
from geartrain.backends.cpu.vecmath.lanes import Bool, Float, Table, emitter, poly, select
from geartrain.backends.cpu.vecmath.pairs import Pair, fast_sum, quotient, root, sum_of

__all__ = ["arccos", "arcsin", "arctan", "arctan2"]

INF, NAN = float("inf"), float("nan")
FLAT: Table = {64: (2.0**60,), 32: (2.0**30,)}
"""Beyond this arctan is pi / 2."""
NEAR_POINT: Table = {64: (2.0**6, 2.0**900), 32: (2.0**4, 2.0**96)}
"""A point whose sides are both below this is scaled up by that."""
FAR_POINT: Table = {64: (2.0**906, 2.0**-200), 32: (2.0**100, 2.0**-48)}
"""A point with a side above this is scaled down by that."""


class Arcsine(NamedTuple):
    """The arcsine of ``s`` as ``s + rest``: s is the operand or, where that is ``large``, ``sqrt((1 - |x|) / 2)``."""

    large: Bool
    s: Float
    rest: Float


def _arcsine(size: Float) -> Arcsine:
    """``arcsin(x) = pi / 2 - 2 arcsin(sqrt((1 - x) / 2))`` brings operands from 1/2 to 1 down to at most 1/2."""
    large = size > 0.5
    z = select(large, (1.0 - size) * 0.5, size * size)
    other = root(Pair(z, z.like(0.0)))
    s = select(large, other.high, size)
    low = select(large & (size < 1.0), other.low, 0.0)  # at 1 it is 0 / 0
    return Arcsine(large, s, (s * z).mad(poly(z, z.of(tables.ASIN)), low))


@emitter
def arcsin(x: Float) -> Float:
    """The inverse of sin, from -pi/2 to pi/2; NaN beyond -1 and 1. Within 1.5 ulp."""
    large, s, rest = _arcsine(abs(x))
    quarter, quarter_low, _ = x.of(tables.PI_HALF)
    far = fast_sum(x.like(quarter), -(s + s))
    found = select(large, far.high + (far.low + (quarter_low - (rest + rest))), s + rest)
    return found.signed(x)


@emitter
def arccos(x: Float) -> Float:
    """The inverse of cos, from 0 to pi; NaN beyond -1 and 1. Within 1.5 ulp."""
    large, s, rest = _arcsine(abs(x))
    positive = x > 0.0
    start = select(large, select(positive, x.like(0.0), x.of(tables.PI)[0]), x.of(tables.PI_HALF)[0])
    start_low = select(large, select(positive, x.like(0.0), x.of(tables.PI)[1]), x.of(tables.PI_HALF)[1])
    # Up from 0 or down from pi by twice the arcsine, or from pi / 2 by the arcsine of the operand.
    step = select(large, select(positive, x.like(2.0), -2.0), select(positive, x.like(-1.0), 1.0))
    total = fast_sum(start, step * s)
    return total.high + (total.low + step.mad(rest, start_low))


class Angle(NamedTuple):
    """An angle ``turned + t + rest``: a multiple of pi / 4, a tangent of at most tan(pi / 8), and what is small."""

    turned: Pair
    t: Float
    rest: Float


def _angle(over: Float, under: Float) -> Angle:
    """The angle whose tangent is ``over / under``, both from 0 on and not both 0.

    Turning by pi / 4 or pi / 2 brings it to within pi / 8 of an axis by sums and differences: there is one division.
    """
    steep = over > under * 2.414213562373095
    middle = ~steep & (over > under * 0.4142135623730951)

    def choose(in_the_middle: Float | float, if_steep: Float | float, if_flat: Float) -> Float:
        return select(middle, in_the_middle, select(steep, if_steep, if_flat))

    zero = over.like(0.0)
    difference, total = sum_of(over, -under), sum_of(over, under)
    numerator = Pair(choose(difference.high, -under, over), select(middle, difference.low, zero))
    denominator = Pair(choose(total.high, over, under), select(middle, total.low, zero))
    quarter, half = over.of(tables.PI_QUARTER), over.of(tables.PI_HALF)
    t = quotient(numerator, denominator)
    z = t.high * t.high
    rest = (z * t.high).mad(poly(z, z.of(tables.ATAN)), t.low)
    return Angle(Pair(choose(quarter[0], half[0], zero), choose(quarter[1], half[1], zero)), t.high, rest)


@emitter
def arctan(x: Float) -> Float:
    """The inverse of tan, from -pi/2 to pi/2. Within 1.5 ulp."""
    turned, t, rest = _angle(abs(x).at_most(x.of(FLAT)[0]), x.like(1.0))
    total = fast_sum(turned.high, t)
    found = total.high + (total.low + (turned.low + rest))
    return select(x.nan(), x, found.signed(x))


@emitter
def arctan2(y: Float, x: Float) -> Float:
    """The angle of the point (x, y), from -pi to pi, with the sign of y. Within 2 ulp."""
    up, along = abs(y), abs(x)
    endless = up.same(INF) | along.same(INF)
    up = select(endless, select(up.same(INF), up.like(1.0), 0.0), up)
    along = select(endless, select(along.same(INF), up.like(1.0), 0.0), along)
    larger = select(up > along, up, along)
    # So that no part of the quotient underflows, unless the angle does.
    (near, up_scale), (far, down_scale) = x.of(NEAR_POINT), x.of(FAR_POINT)
    factor = select(larger < near, x.like(up_scale), select(larger > far, x.like(down_scale), 1.0))
    along = select(larger.same(0.0), x.like(1.0), along * factor)
    turned, t, rest = _angle(up * factor, along)
    behind = x.like(1.0).signed(x) < 0.0
    pi, pi_low = x.of(tables.PI)
    start = fast_sum(select(behind, x.like(pi), 0.0), select(behind, -turned.high, turned.high))
    low = select(behind, pi_low - turned.low, turned.low) + start.low
    total = fast_sum(start.high, select(behind, -t, t))
    found = total.high + (total.low + (low + select(behind, -rest, rest)))
    return select(x.nan() | y.nan(), NAN, found.signed(y))
