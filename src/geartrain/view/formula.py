"""What a step computes, and its local rate, as formulas.

A formula of a rate comes from the op's own row: ``op.partials[i](y, *xs)`` runs on symbols, traced like any program,
and what it recorded is printed. So a new row explains itself.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from geartrain.errors import GeartrainError
from geartrain.ir.aval import Array, Aval, aval_of
from geartrain.ir.graph import topological
from geartrain.ir.node import CONST, Node
from geartrain.ir.op import ONE, Pointwise
from geartrain.view import algebra
from geartrain.view.algebra import Expr, Num, Raw, Sym
from geartrain.view.spelling import AS_WRITTEN, TIDY, spell
from geartrain.view.tape import record

__all__ = ["constant_text", "rate_text", "step_text"]

Names = Mapping[Node, str]


def step_text(node: Node, names: Names) -> str:
    """What a step computes, in the names of its operands: ``3x``, ``u²``, ``x @ w``, ``sum(u)``."""
    operands = [Sym(names[x]) if x in names else _constant(x.value) for x in node.inputs]
    return algebra.show(spell(node, operands, AS_WRITTEN))


def rate_text(node: Node, i: int, names: Names) -> str | None:
    """The local rate of a pointwise step in operand ``i``, as its row says it; ``None`` for other kinds."""
    op = node.op
    if not isinstance(op, Pointwise):
        return None
    rule = op.partials[i]
    if rule is None or rule is ONE:
        return "1" if rule is ONE else "0"
    # A constant number goes in as it is, so that the rule sees what it saw; all else becomes a symbol.
    values = [node, *node.inputs]
    symbols = [j for j, x in enumerate(values) if x in names or not _is_number(x)]
    try:
        nodes, rate = record(_in(rule, [x.value for x in values], symbols), *[_element(values[j]) for j in symbols])
    except GeartrainError:
        return None  # a rule that cannot be traced has no formula
    leaves: dict[Node, Expr] = {}
    for j, leaf in zip(symbols, nodes, strict=True):
        assert leaf is not None
        leaves[leaf] = Sym(names[values[j]]) if values[j] in names else _constant(values[j].value)
    return algebra.show(_tidied(rate, leaves))


def constant_text(value: Array) -> str:
    """How a constant is shown: a number as it is, an array by its dtype and shape.

    >>> constant_text(np.float64(2.5)), constant_text(np.zeros((2, 3)))
    ('2.5', 'f64[2,3]')
    """
    return algebra.show(_constant(value))


def _constant(value: Array) -> Expr:
    aval = aval_of(value)
    if aval.shape != () or isinstance(value, Aval) or aval.dtype.kind not in "fciub":
        return Raw(repr(aval), tight=True)
    if aval.dtype.kind == "b":
        return Raw(str(bool(value)), tight=True)
    if aval.dtype.kind == "c":
        return Raw(f"({complex(value):.6g})", tight=True)
    return Num(float(value)) if math.isfinite(value) else Raw(str(float(value)), tight=True)


def _in(rule: Callable[..., Array], values: Sequence[Array], places: Sequence[int]) -> Callable[..., Array]:
    """``rule`` as a function of the values at ``places`` alone."""

    def of_places(*xs: Array) -> Array:
        full = list(values)
        for j, x in zip(places, xs, strict=True):
            full[j] = x
        return rule(*full)

    return of_places


def _is_number(node: Node) -> bool:
    return node.op is CONST and not isinstance(node.value, np.ndarray)


def _element(node: Node) -> Array:
    """One element of a value, to run a rule on: its formula is the same for all of them."""
    aval = node.aval
    if isinstance(node.value, Aval) or aval.size == 0:
        return aval.dtype.type(1)
    return np.asarray(node.value).reshape(-1)[0]


def _tidied(root: Node | Array, leaves: Mapping[Node, Expr]) -> Expr:
    """The expression that was recorded."""
    if not isinstance(root, Node):
        return _constant(root)
    done = dict(leaves)
    for node in topological([root], known=leaves):
        operands = [done[x] for x in node.inputs]
        done[node] = _constant(node.value) if node.op is CONST else spell(node, operands, TIDY)
    return done[root]
