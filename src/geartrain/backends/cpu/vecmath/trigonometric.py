"""sin, cos, tan.

The operand is ``n pi / 2 + r`` with an integer n and ``|r| <= pi / 4``; r has a low part, as it can be as small as
2**-61 (2**-30 in float32) where x is near a multiple of pi / 2. Up to 2**30 (2**18) three parts of pi / 2 give
enough digits (Cody & Waite, Software Manual for the Elementary Functions, 1980, ch. 8). Beyond, the digits of 2 / pi
that count are multiplied in integers (``payne_hanek``), lane by lane, behind a branch that is taken only if some
lane needs it.
"""

from typing import Any, NamedTuple

from geartrain.backends.cpu.vecmath import payne_hanek, tables
from geartrain.backends.cpu.vecmath.builder import Phi
from geartrain.backends.cpu.vecmath.exponential import NEGLIGIBLE
from geartrain.backends.cpu.vecmath.lanes import Float, Int, Table, emitter, poly, select
from geartrain.backends.cpu.vecmath.pairs import Pair, fast_sum, product, quotient, sum_of

__all__ = ["cos", "sin", "tan"]

HUGE: Table = {64: (2.0**30,), 32: (2.0**18,)}
"""From here on the integers have too many digits for three parts of pi / 2."""


class Reduced(NamedTuple):
    """``x = n pi / 2 + r``, n in the low bits of an integer."""

    quadrant: Int
    r: Pair


def reduce(x: Float) -> Reduced:
    """Take the nearest multiple of pi / 2 away from any finite number."""
    huge = abs(x) >= x.of(HUGE)[0]
    near = _reduce_near(x)
    builder, before = x.builder, x.builder.block
    with builder.if_rare(huge.any()):
        far = payne_hanek.reduce(select(huge, x, 1.0))
        inside = builder.block
        chosen = [builder.select(huge.value, a.value, b.value) for a, b in zip(far, near, strict=True)]

    def joined(kind: type[Any], index: int) -> Any:
        phi = Phi(builder, near[index].value.type)
        phi.add_incoming(near[index].value, before)
        phi.add_incoming(chosen[index], inside)
        return kind(builder, phi.value)

    return Reduced(joined(Int, 0), Pair(joined(Float, 1), joined(Float, 2)))


def _reduce_near(x: Float) -> tuple[Int, Float, Float]:
    first, second, third = x.of(tables.PI_HALF)
    n, quadrant = (x * x.of(tables.TWO_OVER_PI)[0]).nearest()
    # x - n * first is a multiple of the last place of `first` and at most about 1, hence a float.
    if x.has_fma:
        rest = n.mad(-first, x)
    else:
        exact = product(n, first)
        rest = (x - exact.high) - exact.low
    exact = product(n, second)
    total = sum_of(rest, -exact.high)
    high, low = fast_sum(total.high, n.mad(-third, total.low - exact.low))
    return quadrant, high, low


def sin_and_cos(r: Pair) -> tuple[Pair, Pair]:
    """Sine and cosine of ``|r| <= pi / 4``, each as its leading part and what is small against that."""
    high, low = r
    z = high * high
    half = z * 0.5
    flat = 1.0 - half
    sin_rest = (z * high).mad(poly(z, z.of(tables.SIN)), low * flat)
    cos_rest = ((1.0 - flat) - half) + (z * z).mad(poly(z, z.of(tables.COS)), -(high * low))
    return Pair(high, sin_rest), Pair(flat, cos_rest)


def _sin_of(x: Float, turned: int) -> Float:
    """``sin(x + turned * pi / 2)``."""
    quadrant, r = reduce(x)
    sine, cosine = sin_and_cos(r)
    if turned:
        quadrant = quadrant + turned
    value = select((quadrant & 1).nonzero(), cosine.value(), sine.value())
    negative = (quadrant & 2) << (x.format.bits - 2)
    return select(abs(x) < float("inf"), (value.bits() ^ negative).real(), float("nan"))


@emitter
def sin(x: Float) -> Float:
    """The sine of any number. Within 1 ulp."""
    return select(abs(x) < x.of(NEGLIGIBLE)[0], x, _sin_of(x, 0))


@emitter
def cos(x: Float) -> Float:
    """The cosine of any number. Within 1 ulp."""
    return _sin_of(x, 1)


@emitter
def tan(x: Float) -> Float:
    """The tangent of any number. Within 1.5 ulp."""
    quadrant, r = reduce(x)
    sine, cosine = (fast_sum(*each) for each in sin_and_cos(r))
    swap = (quadrant & 1).nonzero()
    over = Pair(select(swap, -cosine.high, sine.high), select(swap, -cosine.low, sine.low))
    under = Pair(select(swap, sine.high, cosine.high), select(swap, sine.low, cosine.low))
    value = quotient(over, under).value()
    finite = select(abs(x) < float("inf"), value, float("nan"))
    return select(abs(x) < x.of(NEGLIGIBLE)[0], x, finite)
