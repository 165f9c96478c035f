"""What a step computes, and its local rate, as formulas.

A formula of a rate comes from the op's own row: ``op.partials[i](y, *xs)`` runs on symbols, traced like any program,
and what it recorded is printed. So a new row explains itself.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from geartrain.errors import GeartrainError
from geartrain.ir.aval import Array, Aval, aval_of
from geartrain.ir.node import CONST, Node
from geartrain.ir.op import ONE, Pointwise
from geartrain.ops.index import HERE
from geartrain.view import algebra
from geartrain.view.algebra import Call, Expr, Num, Power, Product, Raw, Sum, Sym
from geartrain.view.tape import record

__all__ = ["constant_text", "rate_text", "step_text"]

Names = Mapping[Node, str]

_TIDY: dict[str, Callable[..., Expr]] = {
    "add": algebra.add,
    "subtract": algebra.subtract,
    "multiply": algebra.multiply,
    "divide": algebra.divide,
    "negative": algebra.negative,
    "positive": lambda a: a,
    "square": lambda a: algebra.power(a, Num(2)),
    "reciprocal": lambda a: algebra.divide(Num(1), a),
    "power": algebra.power,
    "float_power": algebra.power,
    "cast": lambda a, dtype: a,
    "broadcast": lambda a, shape: a,
    "alias": lambda a: a,
}
"""How operations of a rate are put together, tidied."""


def _as_power(a: Expr, b: Expr) -> Expr:
    return Product(((a, b.value),)) if isinstance(b, Num) and b.value > 0 else Power(a, b)


_AS_WRITTEN: dict[str, Callable[..., Expr]] = {
    "add": Sum,
    "subtract": lambda a, b: Sum(a, b, minus=True),
    "multiply": lambda a, b: Product(((a, 1), (b, 1))),
    "divide": lambda a, b: Product(((a, 1), (b, -1))),
    "negative": lambda a: Product(((Num(-1), 1), (a, 1))),
    "square": lambda a: Product(((a, 2),)),
    "reciprocal": lambda a: Product(((Num(1), 1), (a, -1))),
    "power": _as_power,
    "float_power": _as_power,
    "matmul": lambda a, b: _infix("@", a, b),
    "getitem": lambda a, *rest: _read_part(a, *rest),
    "scatter": lambda a, part, *rest: _written_part("=", a, part, *rest),
    "scatter_add": lambda a, part, *rest: _written_part("+=", a, part, *rest),
    "cast": lambda a, dtype: Call("cast", (a, Raw(_dtype_word(dtype), tight=True))),
    "alias": lambda a: a,
}
"""How an operation of the program is written: as it stands, without tidying."""

_COMPARISONS = {
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}

LONG = 40
"""Parameters with a longer text are cut."""


def step_text(node: Node, names: Names) -> str:
    """What a step computes, in the names of its operands: ``3x``, ``u²``, ``x @ w``, ``sum(u)``."""
    operands = [Sym(names[x]) if x in names else _constant(x.value) for x in node.inputs]
    return algebra.show(_apply(node, operands, _AS_WRITTEN))


def rate_text(node: Node, i: int, names: Names) -> str | None:
    """The local rate of a pointwise step in operand ``i``, as its row says it; ``None`` for other kinds."""
    op = node.op
    if not isinstance(op, Pointwise):
        return None
    rule = op.partials[i]
    if rule is None or rule is ONE:
        return "1" if rule is ONE else "0"
    # A scalar constant goes in as it is, so that the rule sees what it saw; all else as a number with a name.
    symbols = [node, *node.inputs]
    named = {
        j: names.get(x) or constant_text(x.value) for j, x in enumerate(symbols) if x in names or not _is_scalar(x)
    }
    try:
        nodes, rate = record(
            _with_named(rule, [x.value for x in symbols], list(named)), *[_element(symbols[j]) for j in named]
        )
    except GeartrainError:
        return None
    leaves = {n: Sym(name) for n, name in zip(nodes, named.values(), strict=True)}
    return algebra.show(_tidy(rate, leaves))


def _with_named(rule: Callable[..., Array], values: Sequence[Array], places: Sequence[int]) -> Callable[..., Array]:
    """``rule`` as a function of the values at ``places`` alone."""

    def of_named(*xs: Array) -> Array:
        full = list(values)
        for j, x in zip(places, xs, strict=True):
            full[j] = x
        return rule(*full)

    return of_named


def _element(node: Node) -> Array:
    """One element of a value, to run a rule on: its formula is the same for all."""
    value, aval = node.value, node.aval
    if isinstance(value, Aval) or aval.size == 0:
        return aval.dtype.type(1)
    return np.asarray(value).reshape(-1)[0]


def _tidy(root: Node | Array, leaves: Mapping[Node, Expr]) -> Expr:
    """The expression that was recorded. A rule may be long, so no recursion over its depth."""
    if not isinstance(root, Node):
        return _constant(root)
    done: dict[Node, Expr] = dict(leaves)
    stack = [root]
    while stack:
        node = stack[-1]
        missing = [x for x in node.inputs if x not in done and x.op is not CONST]
        if node in done or not missing:
            stack.pop()
            if node not in done:
                operands = [done[x] if x in done else _constant(x.value) for x in node.inputs]
                done[node] = _apply(node, operands, _TIDY)
        stack.extend(missing)
    return done[root]


def _apply(node: Node, operands: Sequence[Expr], table: Mapping[str, Callable[..., Expr]]) -> Expr:
    name = node.op.name
    if name in _COMPARISONS and len(operands) == 2:
        return _infix(_COMPARISONS[name], *operands)
    if name in table:
        return table[name](*operands, *node.params)
    shown = list(operands)
    for label, value in _telling(node):
        shown.append(Raw(f"{label}={_short(repr(value))}", tight=True))
    return Call(name, tuple(shown))


def _telling(node: Node) -> list[tuple[str, Any]]:
    """The parameters that say something: not the axes of a sum over all axes."""
    labels = node.op.params if len(node.op.params) == len(node.params) else [f"p{i}" for i in range(len(node.params))]
    found: list[tuple[str, Any]] = []
    for label, value in zip(labels, node.params, strict=True):
        everything = label == "axes" and value == tuple(range(node.inputs[0].aval.ndim))
        if not everything:
            found.append((label, value))
    return found


def _infix(sign: str, a: Expr, b: Expr) -> Expr:
    sides = [algebra.show(x) if isinstance(x, (Sym, Call, Num)) else f"({algebra.show(x)})" for x in (a, b)]
    return Raw(f"{sides[0]} {sign} {sides[1]}")


def _read_part(a: Expr, *rest: Any) -> Expr:
    return Raw(f"{algebra.show(a)}[{_index_text(rest)}]", tight=True)


def _written_part(sign: str, base: Expr, part: Expr, *rest: Any) -> Expr:
    return Raw(f"{algebra.show(base)} with [{_index_text(rest)}] {sign} {algebra.show(part)}")


def _index_text(rest: Sequence[Any]) -> str:
    """An index as Python writes it; ``rest`` is its arrays and then the template with their places."""
    *arrays, template = rest
    remaining = iter(arrays)
    here = [type(part) is str and part == HERE for part in template]
    return _short(
        ", ".join(
            algebra.show(next(remaining)) if is_here else _part(part)
            for part, is_here in zip(template, here, strict=True)
        )
    )


def _part(part: Any) -> str:
    if isinstance(part, slice):
        ends = ["" if end is None else str(end) for end in (part.start, part.stop)]
        return ":".join(ends) + (f":{part.step}" if part.step is not None else "")
    return "..." if part is Ellipsis else "None" if part is None else str(part)


def _dtype_word(code: str) -> str:
    return repr(Aval((), np.dtype(code)))[:-2]


def _is_scalar(node: Node) -> bool:
    return node.op is CONST and not isinstance(node.value, np.ndarray)


def _constant(value: Array) -> Expr:
    """A constant: a number as it is, an array by its dtype and shape."""
    aval = aval_of(value)
    if aval.shape != () or isinstance(value, Aval) or aval.dtype.kind not in "fiub":
        return Raw(constant_text(value), tight=True)
    return Num(float(value))


def constant_text(value: Array) -> str:
    """How a constant is shown: a number as it is, an array by its dtype and shape."""
    aval = aval_of(value)
    if aval.shape != () or isinstance(value, Aval):
        return repr(aval)
    if aval.dtype.kind == "c":
        return f"({complex(value):.6g})"
    return algebra.number_text(float(value)) if math.isfinite(value) else str(float(value))


def _short(text: str) -> str:
    return text if len(text) <= LONG else f"{text[: LONG - 4]} ..."
