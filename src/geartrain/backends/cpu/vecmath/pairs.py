"""Numbers as unevaluated sums of two floats: about twice the digits, for the steps that need them.

Sources: Dekker, A floating-point technique for extending the available precision, Numer. Math. 18 (1971); Knuth, The
Art of Computer Programming 2, 4.2.2 (the sum of any two floats); Muller et al., Handbook of Floating-Point
Arithmetic, 2nd ed., ch. 4 and 14.
"""

from typing import NamedTuple

from geartrain.backends.cpu.vecmath.lanes import Float

__all__ = ["Pair", "fast_sum", "product", "quotient", "root", "sum_of"]


class Pair(NamedTuple):
    """The number ``high + low``, where ``low`` is at most half a unit in the last place of ``high``, or nearly so."""

    high: Float
    low: Float

    def value(self) -> Float:
        """The nearest float."""
        return self.high + self.low


def fast_sum(a: Float, b: Float) -> Pair:
    """``a + b`` exactly, if ``|a| >= |b|`` or a is 0."""
    high = a + b
    return Pair(high, b - (high - a))


def sum_of(a: Float, b: Float | float) -> Pair:
    """``a + b`` exactly, whichever is larger."""
    high = a + b
    back = high - a
    return Pair(high, (a - (high - back)) + (b - back))


def product(a: Float, b: Float | float) -> Pair:
    """``a * b`` exactly, unless the low part underflows or, without fused multiply-add, a factor is near overflow."""
    b = b if isinstance(b, Float) else a.like(b)
    high = a * b
    if a.has_fma:
        return Pair(high, a.mad(b, -high))
    (a1, a2), (b1, b2) = _halves(a), _halves(b)
    return Pair(high, a2 * b2 - (((high - a1 * b1) - a2 * b1) - a1 * b2))


def quotient(numerator: Pair, denominator: Pair) -> Pair:
    """``numerator / denominator`` with a relative error of a few units of the square of the precision."""
    inverse = 1.0 / denominator.high
    high = numerator.high * inverse
    exact = product(high, denominator.high)
    rest = (numerator.high - exact.high) - exact.low + (numerator.low - high * denominator.low)
    return Pair(high, rest * inverse)


def root(square: Pair) -> Pair:
    """The square root of a positive number."""
    high = square.high.sqrt()
    exact = product(high, high)
    rest = (square.high - exact.high) - exact.low + square.low
    return Pair(high, rest * 0.5 / high)


def _halves(a: Float) -> Pair:
    """``a`` as a sum of two numbers with half of its digits each (Veltkamp)."""
    big = a * (2.0 ** (a.format.digits // 2 + 1) + 1.0)
    high = big - (big - a)
    return Pair(high, a - high)
