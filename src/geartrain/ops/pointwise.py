"""Functions of each element alone. A row: the ufunc, its local rates, the domain in which tests draw.

Kinks: ``abs`` and ``sign`` have rate 0 at 0; ``maximum`` and its kin share the rate between ties; ``sqrt`` at 0 has
rate inf, as the limit says; ``hypot`` at (0, 0) has rate nan.
"""

import operator
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.table import ANY, ONE, binary, spells, still, unary

POSITIVE = (0.1, 3.0)
UNIT = (-0.9, 0.9)
LN2 = float(np.log(2.0))
LN10 = float(np.log(10.0))
DEGREE = float(np.pi / 180)

PYTHON: Any = operator

# Arithmetic. Python's operators compute the same as the ufuncs and are quicker on scalars.


def _square(x: Array) -> Array:
    return x * x


ADD = binary(np.add, ONE, ONE, fn=operator.add)
SUBTRACT = binary(np.subtract, ONE, lambda y, a, b: -1, fn=operator.sub)
MULTIPLY = binary(np.multiply, lambda y, a, b: b, lambda y, a, b: a, fn=operator.mul)
DIVIDE = binary(np.divide, lambda y, a, b: 1 / b, lambda y, a, b: -y / b, (ANY, POSITIVE), fn=PYTHON.truediv)
NEGATIVE = unary(np.negative, lambda y, x: -1, fn=operator.neg)
POSITIVE_OP = unary(np.positive, ONE, fn=operator.pos)
SQUARE = unary(np.square, lambda y, x: 2 * x, fn=_square)
RECIPROCAL = unary(np.reciprocal, lambda y, x: -y * y, POSITIVE)


def _power_in_base(y: Array, a: Array, b: Array) -> Array:
    if type(b) in (int, float):
        if 0 < b < 1:  # infinite at 0, where Python's own operator would raise
            return b * np.power(a, b - 1)
        return b * a ** (b - 1) if b != 0 else 0 * a
    return b * a ** np.where(b == 0, 1, b - 1)


def _power_in_exponent(y: Array, a: Array, b: Array) -> Array:
    return y * np.log(np.where(a == 0, 1, a))


POWER = binary(np.power, _power_in_base, _power_in_exponent, (POSITIVE, ANY), fn=PYTHON.pow)
binary(np.float_power, _power_in_base, _power_in_exponent, (POSITIVE, ANY))
binary(np.fmod, ONE, lambda y, a, b: -np.trunc(a / b), ((5.1, 5.9), (2.0, 2.4)))
REMAINDER = binary(np.remainder, ONE, lambda y, a, b: -np.floor(a / b), ((5.1, 5.9), (2.0, 2.4)), fn=operator.mod)

# Exponentials and logarithms.

EXP = unary(np.exp, lambda y, x: y)
unary(np.exp2, lambda y, x: y * LN2)
unary(np.expm1, lambda y, x: y + 1)
LOG = unary(np.log, lambda y, x: 1 / x, POSITIVE)
unary(np.log2, lambda y, x: 1 / (x * LN2), POSITIVE)
unary(np.log10, lambda y, x: 1 / (x * LN10), POSITIVE)
unary(np.log1p, lambda y, x: 1 / (1 + x), POSITIVE)
binary(np.logaddexp, lambda y, a, b: np.exp(a - y), lambda y, a, b: np.exp(b - y))
binary(np.logaddexp2, lambda y, a, b: np.exp2(a - y), lambda y, a, b: np.exp2(b - y))
SQRT = unary(np.sqrt, lambda y, x: 0.5 / y, POSITIVE)
unary(np.cbrt, lambda y, x: 1 / (3 * y * y), POSITIVE)

# Trigonometry.

unary(np.sin, lambda y, x: np.cos(x))
unary(np.cos, lambda y, x: -np.sin(x))
unary(np.tan, lambda y, x: 1 + y * y, (-1.2, 1.2))
unary(np.arcsin, lambda y, x: 1 / np.sqrt(1 - x * x), UNIT)
unary(np.arccos, lambda y, x: -1 / np.sqrt(1 - x * x), UNIT)
unary(np.arctan, lambda y, x: 1 / (1 + x * x))
unary(np.sinh, lambda y, x: np.cosh(x))
unary(np.cosh, lambda y, x: np.sinh(x))
unary(np.tanh, lambda y, x: 1 - y * y)
unary(np.arcsinh, lambda y, x: 1 / np.sqrt(x * x + 1))
unary(np.arccosh, lambda y, x: 1 / np.sqrt(x * x - 1), (1.1, 3.0))
unary(np.arctanh, lambda y, x: 1 / (1 - x * x), UNIT)
unary(np.deg2rad, lambda y, x: DEGREE)
unary(np.rad2deg, lambda y, x: 1 / DEGREE)
unary(np.radians, lambda y, x: DEGREE)
unary(np.degrees, lambda y, x: 1 / DEGREE)
ARCTAN2 = binary(
    np.arctan2,
    lambda y, a, b: b / (a * a + b * b),
    lambda y, a, b: -a / (a * a + b * b),
    (POSITIVE, POSITIVE),
)
binary(np.hypot, lambda y, a, b: a / y, lambda y, a, b: b / y, (POSITIVE, POSITIVE))

# Kinks: ties share the rate.


def _beats(greater: Array, at_least: Array, y: Array) -> Array:
    """1 where an operand is the chosen one, 1/2 in a tie: in as few passes over memory as that takes."""
    return np.add(greater, at_least, dtype=y.dtype) * 0.5


def _wins(y: Array, x: Array, other: Array) -> Array:
    """The same where a NaN loses against a number: which one was chosen is then known by the result only."""
    won = np.equal(x, y)
    return _beats(np.logical_and(won, np.not_equal(other, y)), won, y)


binary(np.maximum, lambda y, a, b: _beats(a > b, a >= b, y), lambda y, a, b: _beats(b > a, b >= a, y))
binary(np.minimum, lambda y, a, b: _beats(a < b, a <= b, y), lambda y, a, b: _beats(b < a, b <= a, y))
for _f in (np.fmax, np.fmin):
    binary(_f, lambda y, a, b: _wins(y, a, b), lambda y, a, b: _wins(y, b, a))

ABS = unary(np.absolute, lambda y, x: np.sign(x), POSITIVE, fn=abs)
unary(np.fabs, lambda y, x: np.sign(x), POSITIVE)
binary(np.copysign, lambda y, a, b: np.copysign(1.0, a) * np.copysign(1.0, b), None)
binary(np.nextafter, ONE, None)
binary(np.ldexp, lambda y, a, b: np.exp2(b), None, (ANY, (1, 4)))
binary(np.heaviside, None, lambda y, a, b: np.where(a == 0, 1.0, 0.0))

# Constants: they do not move when their operands do.

LESS = still(np.less, PYTHON.lt)
LESS_EQUAL = still(np.less_equal, PYTHON.le)
EQUAL = still(np.equal, PYTHON.eq)
NOT_EQUAL = still(np.not_equal, PYTHON.ne)
GREATER = still(np.greater, PYTHON.gt)
GREATER_EQUAL = still(np.greater_equal, PYTHON.ge)
FLOOR_DIVIDE = still(np.floor_divide, PYTHON.floordiv)
for _f in (
    *(np.floor, np.ceil, np.trunc, np.rint, np.sign, np.signbit, np.spacing, np.isfinite, np.isinf, np.isnan),
    *(np.logical_not, np.logical_and, np.logical_or, np.logical_xor, np.gcd, np.lcm),
    *(np.invert, np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift),
):
    still(_f)


@spells(np.power)
def power(a: Array, b: Array) -> Array:
    """``a ** b``; a square is known as one."""
    if type(b) is int and b == 2:
        return SQUARE(a)
    return POWER(a, b)


@spells(np.divmod)
def divmod_(a: Array, b: Array) -> tuple[Array, Array]:
    return np.floor_divide(a, b), np.remainder(a, b)


@spells(np.modf)
def modf(x: Array) -> tuple[Array, Array]:
    whole = np.trunc(x)
    return x - whole, whole


@spells(np.frexp)
def frexp(x: Array) -> tuple[Array, Array]:
    exponent = np.where(x == 0, 0, np.floor(np.log2(np.where(x == 0, 1, abs(x)))) + 1).astype(int)
    return np.ldexp(x, -exponent), exponent
