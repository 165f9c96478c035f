"""Elementary functions as LLVM IR: no library is called, and a loop around them runs in vector registers.

``FUNCTIONS["exp"](builder, x)`` appends the function to the block under construction and returns its value, where
``x`` is a value of ``builder``: a float32 or float64, or a fixed-width vector of them. There is no branch, but for
one in sin, cos and tan that is taken for huge operands only. Results do not depend on the width.

Bounds of the error in units in the last place (ulp) are in the docstring of each function and hold over the whole
range, for both formats, subnormal numbers included. Special values are NumPy's; floating-point flags are not kept.
"""

import importlib
from collections.abc import Iterator, Mapping

from geartrain.backends.cpu.vecmath.lanes import Emit

__all__ = ["FUNCTIONS", "Emit"]

_HOMES = {
    "error_function": "erf erfc",
    "exponential": "exp exp2 expm1 sigmoid",
    "hyperbolic": "arccosh arcsinh arctanh cosh sinh tanh",
    "inverse_trigonometric": "arccos arcsin arctan arctan2",
    "logarithm": "log log10 log1p log2 logaddexp softplus",
    "power": "power",
    "roots": "cbrt hypot sqrt",
    "trigonometric": "cos sin tan",
}
"""The functions of each module, which is loaded when one of them is wanted."""


class _Functions(Mapping[str, Emit]):
    def __init__(self) -> None:
        homes = {name: (home, name) for home, names in _HOMES.items() for name in names.split()}
        homes["expit"] = homes["sigmoid"]
        self._homes = dict(sorted(homes.items()))

    def __getitem__(self, name: str) -> Emit:
        home, function = self._homes[name]
        found: Emit = getattr(importlib.import_module(f"geartrain.backends.cpu.vecmath.{home}"), function)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._homes

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)


FUNCTIONS: Mapping[str, Emit] = _Functions()
"""By the names of NumPy's ufuncs, and of SciPy's where NumPy has none; sigmoid and softplus as everybody calls them."""
