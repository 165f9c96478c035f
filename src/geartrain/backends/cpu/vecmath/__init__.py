"""Elementary functions as LLVM IR: no library is called, and a loop around them runs in vector registers.

``FUNCTIONS["exp"](builder, x)`` appends the function to the block under construction and returns its value, where
``x`` is a value of llvmlite.ir: a float32 or float64, or a fixed-width vector of them. There is no branch, but for
one in sin, cos and tan that is taken for huge operands only. Results do not depend on the width.

Bounds of the error in units in the last place (ulp) are in the docstring of each function and hold over the whole
range, for both formats, subnormal numbers included. Special values are NumPy's; floating-point flags are not kept.
"""

from geartrain.backends.cpu.vecmath.error_function import erf, erfc
from geartrain.backends.cpu.vecmath.exponential import exp, exp2, expm1, sigmoid
from geartrain.backends.cpu.vecmath.hyperbolic import arccosh, arcsinh, arctanh, cosh, sinh, tanh
from geartrain.backends.cpu.vecmath.inverse_trigonometric import arccos, arcsin, arctan, arctan2
from geartrain.backends.cpu.vecmath.lanes import Emit, assume_no_fma
from geartrain.backends.cpu.vecmath.logarithm import log, log1p, log2, log10, logaddexp, softplus
from geartrain.backends.cpu.vecmath.power import power
from geartrain.backends.cpu.vecmath.roots import cbrt, hypot, sqrt
from geartrain.backends.cpu.vecmath.trigonometric import cos, sin, tan

__all__ = ["FUNCTIONS", "Emit", "assume_no_fma"]

FUNCTIONS: dict[str, Emit] = {
    "arccos": arccos,
    "arccosh": arccosh,
    "arcsin": arcsin,
    "arcsinh": arcsinh,
    "arctan": arctan,
    "arctan2": arctan2,
    "arctanh": arctanh,
    "cbrt": cbrt,
    "cos": cos,
    "cosh": cosh,
    "erf": erf,
    "erfc": erfc,
    "exp": exp,
    "exp2": exp2,
    "expit": sigmoid,
    "expm1": expm1,
    "hypot": hypot,
    "log": log,
    "log10": log10,
    "log1p": log1p,
    "log2": log2,
    "logaddexp": logaddexp,
    "power": power,
    "sigmoid": sigmoid,
    "sin": sin,
    "sinh": sinh,
    "softplus": softplus,
    "sqrt": sqrt,
    "tan": tan,
    "tanh": tanh,
}
"""By the names of NumPy's ufuncs, and of SciPy's where NumPy has none; sigmoid and softplus as everybody calls them."""
