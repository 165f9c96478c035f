"""The same bits for all operands: NaN stays NaN, and a zero keeps its sign."""

import numpy as np

from geartrain.passes.rules.rule import rule

__all__ = ["EXACT"]

WIDE = (-1e3, 1e3)

EXACT = (
    rule(lambda x: (x * 1, x), WIDE, kinds="fiu"),
    rule(lambda x: (x / 1, x), WIDE),
    rule(lambda x: (x - 0, x), WIDE, kinds="fiu"),
    rule(lambda x: (x * -1, -x), WIDE, kinds="fi"),
    rule(lambda x: (np.negative(-x), x), WIDE, kinds="fi"),
    rule(lambda x: (x * x, np.square(x)), WIDE, kinds="fiu"),
    rule(lambda x: (np.square(-x), np.square(x)), WIDE, kinds="fi"),
    rule(lambda x: (np.square(np.abs(x)), np.square(x)), WIDE, kinds="fi"),
    rule(lambda x: (np.abs(-x), np.abs(x)), WIDE, kinds="fi"),
    rule(lambda x: (np.abs(np.abs(x)), np.abs(x)), WIDE, kinds="fi"),
    rule(lambda x: (np.maximum(x, x), x), WIDE, kinds="fiu"),
    rule(lambda x: (np.minimum(x, x), x), WIDE, kinds="fiu"),
    rule(lambda x: (np.cos(-x), np.cos(x)), WIDE),
    rule(lambda x: (np.cosh(-x), np.cosh(x)), (-20.0, 20.0)),
    rule(lambda x, y: ((-x) * (-y), x * y), WIDE, WIDE, kinds="fi"),
    rule(lambda x, y: ((-x) * y, -(x * y)), WIDE, WIDE, kinds="fi"),
    rule(lambda x, y: ((-x) / (-y), x / y), WIDE, WIDE),
    rule(lambda x, y: (x + (-y), x - y), WIDE, WIDE, kinds="fi"),
    rule(lambda x, y: (x - (-y), x + y), WIDE, WIDE, kinds="fi"),
)
