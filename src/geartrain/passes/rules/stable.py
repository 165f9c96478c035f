"""The same numbers where both sides can be computed; the right side is good where the left one overflows or cancels.

So ``log(1 + exp(x))`` is right for x = 1000 in a compiled program, and ``log(1 + x)`` for x = 1e-20.
"""

import numpy as np

from geartrain.ir.aval import Array
from geartrain.ir.op import Op
from geartrain.passes.rules.rule import rule

__all__ = ["STABLE", "sigmoid", "softplus"]

NEAR = (-3.0, 3.0)
POSITIVE = (0.1, 3.0)


_exp, _logaddexp = np.exp, np.logaddexp  # NumPy's own, also while a rule is traced


def _sigmoid(x: Array) -> Array:
    return _exp(-_logaddexp(0, -x))


def _softplus(x: Array) -> Array:
    return _logaddexp(x, 0)


sigmoid = Op(name="sigmoid", fn=_sigmoid, pointwise=True)
"""``1 / (1 + exp(-x))``, which our vector mathematics has as one function."""

softplus = Op(name="softplus", fn=_softplus, pointwise=True)
"""``log(1 + exp(x))``, likewise."""

STABLE = (
    rule(lambda x: (np.log(np.exp(x)), x), NEAR),
    rule(lambda x: (np.log(1 + x), np.log1p(x)), POSITIVE),
    rule(lambda x: (np.exp(x) - 1, np.expm1(x)), (0.1, 3.0)),
    rule(lambda x: (np.log1p(np.exp(x)), softplus(x)), NEAR),
    rule(lambda x: (np.logaddexp(x, 0), softplus(x)), NEAR),
    rule(lambda x: (1 / (1 + np.exp(-x)), sigmoid(x)), NEAR),
    rule(lambda x: (np.sqrt(np.square(x)), np.abs(x)), NEAR),
    rule(lambda x, y: (np.log(np.exp(x) / y), x - np.log(y)), NEAR, POSITIVE),
)
