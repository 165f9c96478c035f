"""How operations are written in a formula: signs for arithmetic, brackets for indices, a function call for all else."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np

from geartrain.ir.aval import Aval
from geartrain.ir.node import Node
from geartrain.ops.index import HERE
from geartrain.view import algebra
from geartrain.view.algebra import Call, Expr, Num, Power, Product, Raw, Sum

__all__ = ["AS_WRITTEN", "TIDY", "spell"]

Spelling = Callable[..., Expr]
"""From the operands, and then the parameters of the op, to its formula."""

LONG = 40
"""Parameters with a longer text are cut."""

_SIGNS = {
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "matmul": "@",
}


def spell(node: Node, operands: Sequence[Expr], table: Mapping[str, Spelling]) -> Expr:
    """What ``node`` does with ``operands``, by one of the two tables below."""
    name = node.op.name
    if name in table:
        return table[name](*operands, *node.params)
    if name in _SIGNS and len(operands) == 2:
        return _infix(_SIGNS[name], *operands)
    told = [Raw(f"{label}={_short(repr(value))}", tight=True) for label, value in _telling(node)]
    return Call(name, (*operands, *told))


def _telling(node: Node) -> list[tuple[str, Any]]:
    """The parameters that say something: not the axes of a sum over all axes, and no functions or graphs."""
    labels = node.op.params if len(node.op.params) == len(node.params) else [f"p{i}" for i in range(len(node.params))]
    everything = ("axes", tuple(range(node.inputs[0].aval.ndim)) if node.inputs else ())
    pairs = zip(labels, node.params, strict=True)
    return [(label, value) for label, value in pairs if _is_plain(value) and (label, value) != everything]


def _is_plain(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, cast("Sequence[Any]", value)))
    return isinstance(value, (bool, int, float, complex, str))


# Arithmetic, as the program has it.


def _add(a: Expr, b: Expr) -> Expr:
    return Sum(a, b)


def _subtract(a: Expr, b: Expr) -> Expr:
    return Sum(a, b, minus=True)


def _multiply(a: Expr, b: Expr) -> Expr:
    return Product(((a, 1), (b, 1)))


def _divide(a: Expr, b: Expr) -> Expr:
    return Product(((a, 1), (b, -1)))


def _negative(a: Expr) -> Expr:
    return Product(((Num(-1), 1), (a, 1)))


def _square(a: Expr) -> Expr:
    return Product(((a, 2),))


def _reciprocal(a: Expr) -> Expr:
    return _divide(Num(1), a)


def _power(a: Expr, b: Expr) -> Expr:
    return Product(((a, b.value),)) if isinstance(b, Num) and b.value > 0 else Power(a, b)


# The same, tidied.


def _tidy_square(a: Expr) -> Expr:
    return algebra.power(a, Num(2))


def _tidy_reciprocal(a: Expr) -> Expr:
    return algebra.divide(Num(1), a)


def _itself(a: Expr, *params: Any) -> Expr:
    return a


# Parts and dtypes.


def _cast(a: Expr, dtype: str) -> Expr:
    return Call(repr(Aval((), np.dtype(dtype)))[:-2], (a,))


def _getitem(a: Expr, *rest: Any) -> Expr:
    return Raw(f"{algebra.show(a)}[{_index(rest)}]", tight=True)


def _scatter(base: Expr, part: Expr, *rest: Any) -> Expr:
    return Raw(f"{algebra.show(base)} with [{_index(rest)}] = {algebra.show(part)}")


def _scatter_add(base: Expr, part: Expr, *rest: Any) -> Expr:
    return Raw(f"{algebra.show(base)} with [{_index(rest)}] += {algebra.show(part)}")


def _index(rest: Sequence[Any]) -> str:
    """An index as Python writes it; ``rest`` is its arrays and then the template with their places."""
    *arrays, template = rest
    remaining = iter(arrays)
    texts: list[str] = []
    for part in template:
        here = type(part) is str and part == HERE
        texts.append(algebra.show(next(remaining)) if here else _index_part(part))
    return _short(", ".join(texts))


def _index_part(part: Any) -> str:
    if _is_slice(part):
        ends = ":".join("" if end is None else str(end) for end in (part.start, part.stop))
        return ends if part.step is None else f"{ends}:{part.step}"
    return "..." if part is Ellipsis else str(part)


def _is_slice(part: Any) -> bool:
    return isinstance(part, slice)


def _infix(sign: str, a: Expr, b: Expr) -> Expr:
    left, right = (algebra.show(x) if algebra.is_tight(x) else f"({algebra.show(x)})" for x in (a, b))
    return Raw(f"{left} {sign} {right}")


def _short(text: str) -> str:
    return text if len(text) <= LONG else f"{text[: LONG - 4]} ..."


AS_WRITTEN: dict[str, Spelling] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "negative": _negative,
    "square": _square,
    "reciprocal": _reciprocal,
    "power": _power,
    "float_power": _power,
    "getitem": _getitem,
    "scatter": _scatter,
    "scatter_add": _scatter_add,
    "cast": _cast,
    "alias": _itself,
}
"""For the steps of a program."""

TIDY: dict[str, Spelling] = {
    "add": algebra.add,
    "subtract": algebra.subtract,
    "multiply": algebra.multiply,
    "divide": algebra.divide,
    "negative": algebra.negative,
    "positive": _itself,
    "square": _tidy_square,
    "reciprocal": _tidy_reciprocal,
    "power": algebra.power,
    "float_power": algebra.power,
    "cast": _itself,
    "broadcast": _itself,
    "alias": _itself,
}
"""For local rates: put together tidily, and without casts and broadcasts, which change no formula."""
