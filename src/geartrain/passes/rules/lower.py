"""What loop nests have no instruction for, by what they have."""

import math

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.passes.rules.rule import Rule, named, rule
from geartrain.passes.rules.stable import softplus

__all__ = ["LOWER"]

NEAR = (-3.0, 3.0)
POSITIVE = (0.1, 3.0)
UNIT = (0.1, 0.9)
LN2 = math.log(2.0)


def _times_log(x: Array, y: Array, log: Array) -> Array:
    """``x * log``, which is 0 for x = 0 whatever the logarithm is, unless y is NaN."""
    return np.where(np.logical_and(x == 0, y == y), 0.0, x * log)


def _entropy(x: Array) -> Array:
    return np.where(x > 0, -x * np.log(x), np.where(x == 0, 0.0, np.where(x < 0, -math.inf, x)))


def _log_of_powers(x: Array, y: Array) -> Array:
    """``log2(2**x + 2**y)``; equal operands may be infinite, and so have no difference."""
    return np.where(x == y, x + 1, np.maximum(x, y) + np.log1p(np.exp2(-np.abs(x - y))) / LN2)


_OF_SCIPY: tuple[Rule, ...] = (
    rule(lambda x: (named("special_expm1", x), np.expm1(x)), NEAR),
    rule(lambda x: (named("special_log1p", x), np.log1p(x)), POSITIVE),
    rule(lambda x: (named("special_exp2", x), np.exp2(x)), NEAR),
    rule(lambda x: (named("special_cbrt", x), np.cbrt(x)), NEAR),
    rule(lambda x: (named("special_log_expit", x), -softplus(-x)), NEAR),
    rule(lambda x: (named("special_logit", x), np.log(x / (1 - x))), UNIT),
    rule(lambda x: (named("special_ndtr", x), 0.5 * named("special_erfc", x * -math.sqrt(0.5))), NEAR),
    rule(lambda x: (named("special_entr", x), _entropy(x)), POSITIVE),
    rule(lambda x, y: (named("special_xlogy", x, y), _times_log(x, y, np.log(y))), NEAR, POSITIVE),
    rule(lambda x, y: (named("special_xlog1py", x, y), _times_log(x, y, np.log1p(y))), NEAR, POSITIVE),
)

LOWER: tuple[Rule, ...] = (
    rule(lambda x: (np.power(x, 3), x * np.square(x)), NEAR, kinds="fiu"),
    rule(lambda x: (np.power(x, 4), np.square(np.square(x))), NEAR, kinds="fiu"),
    rule(lambda x: (np.power(x, -1), np.reciprocal(x)), POSITIVE),
    rule(
        lambda x, y: (np.logaddexp2(x, y), _log_of_powers(x, y)),
        NEAR,
        NEAR,
    ),
    *_OF_SCIPY,
)
