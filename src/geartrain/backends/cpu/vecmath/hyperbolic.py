"""tanh, sinh, cosh, from exp and expm1; arcsinh, arccosh, arctanh, from logarithms of numbers with a low part."""

from geartrain.backends.cpu.vecmath import tables
from geartrain.backends.cpu.vecmath.exponential import one_and_exp, scaled_exp
from geartrain.backends.cpu.vecmath.lanes import Float, Table, emitter, poly, select
from geartrain.backends.cpu.vecmath.logarithm import log_of_pair
from geartrain.backends.cpu.vecmath.pairs import Pair, fast_sum, product, quotient, root, sum_of

__all__ = ["arccosh", "arcsinh", "arctanh", "cosh", "sinh", "tanh"]

INF = float("inf")
TANH_ONE: Table = {64: (20.0,), 32: (10.0,)}
"""From here on tanh is 1."""
HIGHEST: Table = {64: (710.4758600739439,), 32: (89.41598510742188,)}
"""The largest operand where sinh and cosh are finite."""
SQUARE_ALONE: Table = {64: (2.0**28,), 32: (2.0**13,)}
"""From here on ``sqrt(x**2 + 1)`` is as good as x, and so is ``sqrt(x**2 - 1)``."""


@emitter
def tanh(x: Float) -> Float:
    """The hyperbolic tangent: ``1 - 2 / (e**(2 |x|) + 1)`` from 0.55 on, a polynomial below. Within 1.5 ulp."""
    size = abs(x)
    z = size * size
    near = (z * size).mad(poly(z, z.of(tables.TANH)), size)
    far = 1.0 - 2.0 / one_and_exp((size + size).at_most(2.0 * x.of(TANH_ONE)[0]))
    return select(size >= 0.55, far, near).signed(x)  # NaN is near


@emitter
def sinh(x: Float) -> Float:
    """The hyperbolic sine: ``e**|x| / 2 - e**-|x| / 2`` from 1 on, a polynomial below. Within 2 ulp."""
    size = abs(x)
    highest = x.of(HIGHEST)[0]
    half = scaled_exp(size.at_most(highest), -1)
    z = size * size
    near = (z * size).mad(poly(z, z.of(tables.SINH)), size)
    found = select(size < 1.0, near, half - 0.25 / half)
    return select(size <= highest, found, size + INF).signed(x)


@emitter
def cosh(x: Float) -> Float:
    """The hyperbolic cosine. Within 2 ulp."""
    size = abs(x)
    highest = x.of(HIGHEST)[0]
    half = scaled_exp(size.at_most(highest), -1)
    return select(size <= highest, half + 0.25 / half, size + INF)


def _area(size: Float, sign: float) -> Float:
    """``log(size + sqrt(size**2 + sign))`` for a positive operand, from 1 on if the sign is -1."""
    alone = size >= size.of(SQUARE_ALONE)[0]
    square = product(size, size)
    total = sum_of(square.high, sign)
    other = root(Pair(total.high, total.low + square.low))
    argument = fast_sum(other.high, size) if sign > 0 else fast_sum(size, other.high)
    low = select(alone, 0.0, argument.low + other.low)
    return log_of_pair(Pair(select(alone, size, argument.high), low), select(alone, size.like(1.0), 0.0)).value()


@emitter
def arcsinh(x: Float) -> Float:
    """The inverse of sinh. Within 1.5 ulp."""
    size = abs(x)
    return select(size < INF, _area(size, 1.0).signed(x), x)


@emitter
def arccosh(x: Float) -> Float:
    """The inverse of cosh; NaN below 1. Within 1.5 ulp."""
    found = select(x < INF, _area(x, -1.0), x)
    return select(x > 1.0, found, select(x.same(1.0), x.like(0.0), float("nan")))


@emitter
def arctanh(x: Float) -> Float:
    """The inverse of tanh; NaN beyond -1 and 1. Within 1.5 ulp.

    It is ``log((1 + x) / (1 - x)) / 2``; with that quotient near ``2**k``, it is ``k ln(2) / 2 + artanh s``, where
    ``s = (1 + x - 2**k (1 - x)) / (1 + x + 2**k (1 - x))`` takes one division, and is x if k is 0.
    """
    size = abs(x)
    digits, bias = x.format.digits, x.format.bias
    above, below = fast_sum(size.like(1.0), size), fast_sum(size.like(1.0), -size)
    # The bits of a float are its log2 times 2**digits, but for less than a tenth.
    k = (above.high.bits() - below.high.bits() + (1 << (digits - 1))) >> digits
    power = x.power_of_two(k)
    over = Pair(above.high - power * below.high, above.low - power * below.low)  # exact: the two are close
    total = fast_sum(above.high, power * below.high)
    under = Pair(total.high, total.low + (above.low + power * below.low))
    s = quotient(over, under)
    z = s.high * s.high
    half_ln2, half_ln2_low = (0.5 * part for part in x.of(tables.LN2))
    turns = (k | (bias + digits << digits)).real() - 2.0**digits
    leading = fast_sum(turns * half_ln2, s.high)
    small = (z * s.high).mad(poly(z, z.of(tables.ATANH)), turns.mad(half_ln2_low, s.low))
    found = leading.high + (leading.low + small)
    return select(size < 1.0, found, select(size.same(1.0), x.like(INF), float("nan"))).signed(x)
