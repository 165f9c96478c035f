"""Elementary functions as LLVM IR: no library is called, and a loop around them runs in vector registers.

``FUNCTIONS["exp"](builder, x)`` appends the function to the block under construction and returns its value, where
``x`` is a value of llvmlite.ir: a float32 or float64, or a fixed-width vector of them. There is no branch, but for
one in sin, cos and tan that is taken for huge operands only. Results do not depend on the width.

Bounds of the error in units in the last place (ulp) are in the docstring of each function and hold over the whole
range, for both formats, subnormal numbers included. Special values are NumPy's; floating-point flags are not kept.
"""

from geartrain.backends.cpu.vecmath.exponential import exp, exp2, expm1, sigmoid
from geartrain.backends.cpu.vecmath.hyperbolic import tanh
from geartrain.backends.cpu.vecmath.lanes import Emit, assume_no_fma
from geartrain.backends.cpu.vecmath.logarithm import log, log1p, log2, log10, logaddexp, softplus
from geartrain.backends.cpu.vecmath.power import power
from geartrain.backends.cpu.vecmath.trigonometric import cos, sin, tan

__all__ = ["FUNCTIONS", "Emit", "assume_no_fma"]

FUNCTIONS: dict[str, Emit] = {
    "cos": cos,
    "exp": exp,
    "exp2": exp2,
    "expm1": expm1,
    "log": log,
    "log10": log10,
    "log1p": log1p,
    "log2": log2,
    "logaddexp": logaddexp,
    "power": power,
    "sigmoid": sigmoid,
    "sin": sin,
    "softplus": softplus,
    "tan": tan,
    "tanh": tanh,
}
"""By the names of NumPy's ufuncs, and of SciPy's where NumPy has none."""
