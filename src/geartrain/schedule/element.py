"""What a pointwise node does to one element, in which dtype: NumPy's own promotion decides.

A node that has no answer here is computed by NumPy as a step of the plan.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from geartrain.ir.aval import Aval
from geartrain.ir.node import CONST, Node
from geartrain.passes.loops import LOOP_OUT

__all__ = ["FOLDS", "NATIVE_DTYPES", "Element", "code_of", "element_of", "is_native"]

NATIVE_DTYPES = frozenset(["f8", "f4", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1"])

_ARITHMETIC = dict.fromkeys(["add", "subtract", "multiply", "negative", "positive", "square"], "fiu")
_ORDER = dict.fromkeys(["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"], "fiub")
_LOGIC = dict.fromkeys(["logical_and", "logical_or", "logical_xor", "logical_not"], "fiub")
_BITS = dict.fromkeys(["bitwise_and", "bitwise_or", "bitwise_xor", "invert"], "iub")
_CHOICE = {"maximum": "fiub", "minimum": "fiub", "fmax": "f", "fmin": "f", "absolute": "fi", "fabs": "f", "sign": "fi"}
_TESTS = dict.fromkeys(["isnan", "isinf", "isfinite", "signbit"], "f")
_FLOAT = dict.fromkeys(
    [
        *("divide", "reciprocal", "sqrt", "cbrt", "floor", "ceil", "trunc", "rint", "copysign", "heaviside"),
        *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "power", "float_power", "hypot"),
        *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2"),
        *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
        *("deg2rad", "rad2deg", "radians", "degrees"),
    ],
    "f",
)
_WHOLE = {"floor_divide": "fiu", "remainder": "fiu", "fmod": "fiu", "left_shift": "iu", "right_shift": "iu"}
_KINDS = (
    _ARITHMETIC | _ORDER | _LOGIC | _BITS | _CHOICE | _TESTS | _FLOAT | _WHOLE | {"add": "fiub", "multiply": "fiub"}
)

_SAME = frozenset(["alias", "copy", "stop_gradient", "real", "conjugate"])
"""Ops that are the identity on real dtypes."""

_OF_OTHERS = {
    "special_erf": "erf",
    "special_erfc": "erfc",
    "special_expit": "sigmoid",
    "sigmoid": "sigmoid",
    "softplus": "softplus",
}
"""Functions of one operand that NumPy has not: the name of the row, and that of the loop."""

_CHECKED = frozenset(["add", "subtract", "multiply", "negative"])
"""Python's integers grow without end: what does not fit in 64 bits is noted as an error, and is Python's to compute."""

_WITHIN = frozenset(["positive", "maximum", "minimum", "sign", *_ORDER, *_LOGIC, *_BITS])
"""What integers of 64 bits do not leave."""

FOLDS = {"sum": "fiub", "max": "fiub", "min": "fiub", "any": "b", "all": "b"}
"""Reductions with a loop nest, and for which kinds of dtype (``any`` and ``all`` of others are tested against zero)."""


class Element(NamedTuple):
    """``op`` on operands cast to ``dtypes``; the result is of dtype ``out``."""

    op: str
    dtypes: tuple[str, ...]
    out: str


def code_of(dtype: np.dtype[Any]) -> str:
    """The short name of a dtype in the machine's byte order; others have a name that is not native.

    >>> code_of(np.dtype(np.float32)), code_of(np.dtype(bool)), code_of(np.dtype(">f8"))
    ('f4', 'b1', '>f8')
    """
    return dtype.str[1:] if dtype.isnative else dtype.str


def is_native(aval: Any) -> bool:
    """Whether loop nests know the dtype."""
    return type(aval) is Aval and code_of(aval.dtype) in NATIVE_DTYPES


def element_of(node: Node) -> Element | None:
    """What the node does to an element, or ``None`` if loop nests cannot say it."""
    if type(node.value) is not Aval or node.op is LOOP_OUT:
        return None
    parts: list[Any] = [node.op, node.value]
    for x in node.inputs:
        parts += (type(x.value), x.value) if x.op is CONST and type(x.value) is int else (None, x.aval)
    key = tuple(parts)
    try:
        return _known[key]
    except KeyError:
        if len(_known) >= MOST:
            _known.clear()
        found = _known[key] = _element_of(node)
        return found


MOST = 4096
"""What is known of so many kinds of nodes, which many have in common."""

_known: dict[Any, Element | None] = {}
"""By the op, the aval, and those of the operands, or the numbers themselves where those are Python's integers."""


def _element_of(node: Node) -> Element | None:
    name, aval = node.op.name, node.aval
    if not is_native(aval):
        return None
    out = code_of(aval.dtype)
    avals = [x.aval for x in node.inputs]
    if not all(is_native(a) for a in avals):
        return None
    if name in _SAME:
        return Element("copy", (code_of(avals[0].dtype),), out)
    if name in ("cast", "cast_constant", "item"):
        return Element("cast", (code_of(avals[0].dtype),), out)
    if name == "where":
        return Element("where", ("b1", out, out), out) if code_of(avals[0].dtype) == "b1" else None
    if name in _OF_OTHERS:
        return Element(_OF_OTHERS[name], (out,), out) if avals[0].dtype == aval.dtype and out[0] == "f" else None
    if name not in _KINDS or not node.op.pointwise:
        return None
    kinds = tuple([_python_kind(x) for x in node.inputs])
    if name in _ORDER and all(kind is int for kind in kinds):
        return Element(name, ("i8", "i8"), "b1") if out == "b1" else None  # NumPy takes them for objects
    loop = _loop(name, tuple([k if k is not None else a.dtype for k, a in zip(kinds, avals, strict=True)]))
    if loop is None or np.dtype(loop[-1]) != aval.dtype or loop[0][0] not in _KINDS[name] or len({*loop[:-1]}) != 1:
        return None
    if loop[0][0] in "iu" and any(_out_of_range(x, loop[0]) for x in node.inputs):
        return None
    if loop[0][0] == "i" and all(kind is int for kind in kinds):
        if name in _CHECKED:
            return Element(f"{name}_checked", loop[:-1], loop[-1])
        return Element(name, loop[:-1], loop[-1]) if name in _WITHIN else None
    return Element(name, loop[:-1], loop[-1])


def _python_kind(node: Node) -> type | None:
    """The type of Python's numbers, which take the dtype of others; a truth value does not."""
    return {"i": int, "f": float, "c": complex}.get(node.aval.dtype.kind) if node.aval.weak else None


@lru_cache(maxsize=4096)
def _loop(name: str, given: tuple[Any, ...]) -> tuple[str, ...] | None:
    """The dtypes of the loop that NumPy would run, results last."""
    ufunc: np.ufunc = getattr(np, name)
    try:
        found = ufunc.resolve_dtypes((*given, None))
    except TypeError:
        return None
    codes = tuple([code_of(d) for d in found])
    return codes if all(c in NATIVE_DTYPES for c in codes) else None


def _out_of_range(node: Node, dtype: str) -> bool:
    """Whether a Python integer does not fit: NumPy has rules of its own for that."""
    if node.op is not CONST or type(node.value) is not int:
        return node.aval.weak and node.aval.dtype.kind == "i" and dtype != "i8"
    info = np.iinfo(dtype)
    return not info.min <= node.value <= info.max
