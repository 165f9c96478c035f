"""One operation on one element, as an expression in C. NumPy's rules hold for NaN, zeros and wrapping integers."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["TYPES", "Unwritable", "cast", "expression", "fold", "literal", "neutral"]

TYPES = {"f8": "double", "f4": "float", "b1": "uint8_t"}
TYPES.update({f"{kind}{n}": f"{'u' * (kind == 'u')}int{8 * n}_t" for kind in "iu" for n in (1, 2, 4, 8)})


class Unwritable(Exception):
    """There is no C for this: ``args[0]`` names it."""


_MATH = {
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arctan2": "atan2",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "power": "pow",
    "float_power": "pow",
    "absolute": "fabs",
    "logaddexp": "gt_logaddexp",
    "heaviside": "gt_heaviside",
    "sigmoid": "gt_sigmoid",
    "softplus": "gt_softplus",
    "floor_divide": "gt_floor_divide",
    "remainder": "gt_remainder",
}
_SAME = (
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "cbrt", "hypot", "fmod", "sqrt", "fabs", "erf", "erfc"),
    *("sin", "cos", "tan", "sinh", "cosh", "tanh", "floor", "ceil", "trunc", "rint", "copysign"),
)
_MATH.update({name: name for name in _SAME})
_ARITHMETIC = {"add": "+", "subtract": "-", "multiply": "*"}
_BITS = {"bitwise_and": "&", "bitwise_or": "|", "bitwise_xor": "^"}
_COMPARE = {"equal": "==", "not_equal": "!=", "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">="}
_LOGIC = {"logical_and": "&&", "logical_or": "||", "logical_xor": "!="}
_TESTS = {"isnan": "isnan", "isinf": "isinf", "isfinite": "isfinite", "signbit": "signbit"}
_EXTREMES = {"maximum": (">=", 0), "minimum": ("<=", 0), "fmax": (">=", 1), "fmin": ("<=", 1)}
_FACTORS = {"deg2rad": math.pi / 180, "radians": math.pi / 180, "rad2deg": 180 / math.pi, "degrees": 180 / math.pi}
_WHOLE = {"floor_divide": ("gt_floor_divide_i", "/"), "remainder": ("gt_remainder_i", "%"), "fmod": ("gt_fmod_i", "%")}
_FOLDS = {"sum": "add", "max": "maximum", "min": "minimum", "any": "logical_or", "all": "logical_and"}


def expression(op: str, dtype: str, args: Sequence[str]) -> str:
    """What ``op`` gives for values of this dtype.

    >>> expression("add", "f8", ["v0", "v1"]), expression("tanh", "f4", ["v0"])
    ('v0 + v1', 'tanhf(v0)')

    Raises:
        Unwritable: there is no C for it.
    """
    if dtype not in TYPES:
        raise Unwritable(f"the dtype {dtype}")
    floating, x = dtype[0] == "f", args[0]
    if op in _ARITHMETIC:
        return _arithmetic(op, dtype, *args)
    if op == "divide" and floating:
        return f"{x} / {args[1]}"
    if op in _BITS:
        return f"({TYPES[dtype]})({x} {_BITS[op]} {args[1]})"
    if op in _COMPARE:
        return f"{x} {_COMPARE[op]} {args[1]}"
    if op in _LOGIC:
        return f"({x} != 0) {_LOGIC[op]} ({args[1]} != 0)"
    if op in _EXTREMES:
        how, which = _EXTREMES[op]
        other = f" || {args[which]} != {args[which]}" if floating else ""
        return f"({x} {how} {args[1]}{other}) ? {x} : {args[1]}"
    if op in _FACTORS:
        return f"{x} * {literal(dtype, _FACTORS[op])}"
    if op in _TESTS and floating:
        return f"{_TESTS[op]}({x}) != 0"
    if op in _MATH and floating:
        return f"{_MATH[op]}{'f' if dtype == 'f4' else ''}({', '.join(args)})"
    found = _simple(op, dtype, args)
    if found is None:
        raise Unwritable(f"{op} of {dtype}")
    return found


def _arithmetic(op: str, dtype: str, a: str, b: str) -> str:
    if dtype[0] == "f":
        return f"{a} {_ARITHMETIC[op]} {b}"
    if dtype == "b1":
        return f"{a} {'|' if op == 'add' else '&'} {b}"
    wide = "uint64_t"
    return f"({TYPES[dtype]})(({wide}){a} {_ARITHMETIC[op]} ({wide}){b})"


def _simple(op: str, dtype: str, args: Sequence[str]) -> str | None:
    x, floating, kind = args[0], dtype[0] == "f", TYPES[dtype]
    if op == "where":
        return f"{x} ? {args[1]} : {args[2]}"
    if op in ("positive", "copy"):
        return x
    if op == "square":
        return _arithmetic("multiply", dtype, x, x)
    if op == "negative":
        return f"-{x}" if floating else f"({kind})(0 - (uint64_t){x})"
    if op == "reciprocal" and floating:
        return f"1 / {x}"
    if op == "absolute":
        return f"{x} < 0 ? ({kind})(0 - (uint64_t){x}) : {x}"
    if op == "sign":
        sign = f"({kind})(({x} > 0) - ({x} < 0))"
        return f"{x} != {x} ? {x} : {sign}" if floating else sign
    if op == "logical_not":
        return f"{x} == 0"
    if op in _WHOLE and dtype[0] in "iu":
        name, unsigned = _WHOLE[op]
        if dtype[0] == "i":
            return f"({kind}){name}({x}, {args[1]})"
        return f"{args[1]} == 0 ? 0 : ({kind})({x} {unsigned} {args[1]})"
    if op in ("left_shift", "right_shift") and dtype[0] in "iu":
        inside = f"{args[1]} >= 0 && {args[1]} < {8 * int(dtype[1])}"
        if op == "left_shift":
            return f"{inside} ? ({kind})((uint64_t){x} << {args[1]}) : 0"
        return f"{inside} ? ({kind})({x} >> {args[1]}) : ({kind}){f'-({x} < 0)' if dtype[0] == 'i' else '0'}"
    if op == "invert":
        return f"!{x}" if dtype == "b1" else f"({kind})~{x}"
    return None


def fold(kind: str, dtype: str, total: str, value: str) -> str:
    """``total`` with one more value."""
    return expression(_FOLDS[kind], dtype, [total, value])


def neutral(kind: str, dtype: str) -> str:
    """What a fold begins with."""
    if kind in ("sum", "any", "all"):
        return literal(dtype, kind == "all")
    if dtype[0] == "f":
        return literal(dtype, -math.inf if kind == "max" else math.inf)
    if dtype == "b1":
        return literal(dtype, kind == "min")
    info = np.iinfo(dtype)
    return literal(dtype, info.min if kind == "max" else info.max)


def cast(have: str, to: str, x: str) -> str:
    """``x`` in another dtype."""
    if to not in TYPES or have not in TYPES:
        raise Unwritable(f"a conversion from {have} to {to}")
    if have == to:
        return x
    if to == "b1":
        return f"{x} != 0"
    by_way = "(int64_t)" if have[0] == "f" and to[0] != "f" and to != "u8" else ""
    return f"({TYPES[to]}){by_way}{x}"


def literal(dtype: str, value: Any) -> str:
    """A number in C, to the bit.

    >>> literal("f8", 0.5), literal("f4", -1), literal("i8", -3), literal("b1", True)
    ('0x1.0000000000000p-1', '-0x1.0000000000000p+0f', '-INT64_C(3)', '1')
    """
    if dtype == "b1":
        return "1" if value else "0"
    if dtype[0] == "f":
        number = float(np.float32(value)) if dtype == "f4" else float(value)
        if math.isnan(number):
            return "NAN"
        if math.isinf(number):
            return "INFINITY" if number > 0 else "-INFINITY"
        return number.hex() + ("f" if dtype == "f4" else "")
    number = int(value)
    if number == -(1 << 63):
        return "(-INT64_C(9223372036854775807) - 1)"
    name = "UINT64_C" if dtype[0] == "u" else "INT64_C"
    return f"-{name}({-number})" if number < 0 else f"{name}({number})"
