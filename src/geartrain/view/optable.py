"""The table of operations that the page shares with the engine, generated from the engine's own rows.

A local rate is plain NumPy over array-likes, so given symbols it gives an expression. The page evaluates it when an
input is dragged, and prints it as a formula. Nothing about derivatives is written down a second time.

python -m geartrain.view.optable viewer/src/optable.json
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from geartrain.ir.op import ONE, Constant, Pointwise, Rule
from geartrain.ops.table import ROWS

__all__ = ["expression", "known", "op_table"]

Expression = Any
"""A number, the name of a variable (``y``, ``a``, ``b``), or ``[op, *operands]``."""

_COMPARED = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}
COMPUTED = {
    *("add", "subtract", "multiply", "divide", "negative", "positive", "square", "reciprocal", "power", "float_power"),
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "logaddexp2", "sqrt", "cbrt"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
    *("deg2rad", "rad2deg", "radians", "degrees", "arctan2", "hypot", "maximum", "minimum", "fmax", "fmin"),
    *("absolute", "fabs", "copysign", "floor", "ceil", "trunc", "sign", "heaviside", *_COMPARED),
    *("logical_and", "logical_or", "logical_not", "isnan", "isfinite", "isinf"),
}
"""Pointwise operations whose value the page computes in ``viewer/src/ops.ts``."""


def known(name: str) -> bool:
    """Whether the page can compute an operation that acts on each element alone."""
    return name in COMPUTED


class _Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """Stands for an array of floats and remembers what is computed with it."""

    dtype = np.dtype(float)

    def __init__(self, tree: Expression) -> None:
        self.tree = tree

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **_: Any) -> "_Symbol":
        return _Symbol([ufunc.__name__, *map(_tree, inputs)])

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return _Symbol([function.__name__, *map(_tree, args)])

    def astype(self, dtype: Any) -> "_Symbol":
        return self


def _tree(value: Any) -> Expression:
    if isinstance(value, _Symbol):
        return value.tree
    number = np.asarray(value).item()
    return int(number) if number == int(number) else number


def expression(rule: Rule) -> Expression:
    """The local rate ``rule(y, a, b)`` as an expression, by giving it symbols.

    >>> expression(lambda y, x: 1 - y * y)
    ['subtract', 1, ['multiply', 'y', 'y']]
    """
    return _tree(rule(*[_Symbol(name) for name in ("y", "a", "b")[: rule.__code__.co_argcount]]))


def op_table() -> dict[str, list[Expression]]:
    """For each op that the page computes, its local rates in order; ``null`` where an operand has none.

    >>> op_table()["multiply"]
    ['b', 'a']
    """
    table: dict[str, list[Expression]] = {}
    for name, row in sorted(ROWS.items()):
        if not known(name):
            continue
        if isinstance(row, Pointwise):
            table[name] = [None if rate is None else 1 if rate is ONE else expression(rate) for rate in row.partials]
        elif isinstance(row, Constant):
            table[name] = []
    return table


if __name__ == "__main__":
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(rates)}" for name, rates in op_table().items())
    Path(sys.argv[1]).write_text("{\n" + rows + "\n}\n", encoding="utf-8")
