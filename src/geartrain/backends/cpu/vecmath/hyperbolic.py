"""tanh, sinh, cosh and their inverses, from exp and log of numbers with a low part."""

from geartrain.backends.cpu.vecmath.exponential import NEGLIGIBLE, scaled_expm1
from geartrain.backends.cpu.vecmath.lanes import Float, Table, emitter, select
from geartrain.backends.cpu.vecmath.pairs import Pair, fast_sum, quotient, sum_of

__all__ = ["tanh"]

TANH_ONE: Table = {64: (20.0,), 32: (10.0,)}
"""From here on tanh is 1."""


@emitter
def tanh(x: Float) -> Float:
    """The hyperbolic tangent, ``t / (t + 2)`` with ``t = e**(2 |x|) - 1``. Within 1.5 ulp."""
    size = abs(x)
    half = fast_sum(*scaled_expm1((size + size).at_most(2.0 * x.of(TANH_ONE)[0])))
    under = sum_of(half.high, 1.0)
    found = quotient(half, Pair(under.high, under.low + half.low)).value()
    return select(size >= x.of(NEGLIGIBLE)[0], found.signed(x), x)  # also NaN
