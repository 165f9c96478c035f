"""One operation on one vector of elements, as lines of LLVM IR.

``LOWERINGS[op](e, dtype, args)`` writes lines to the emitter ``e`` and returns the name of the result. Booleans are
``i1`` in registers. NumPy's rules hold for NaN, infinities, signed zeros and wrapping integers.
"""

import math
from collections.abc import Sequence

from geartrain.backends.cpu.division import DIVISIONS
from geartrain.backends.cpu.emitter import Emitter, Lowering, is_float, select

__all__ = ["LOWERINGS", "MATH", "cast"]


def _arithmetic(in_floats: str, in_integers: str, in_booleans: str = "") -> Lowering:
    def lower(e: Emitter, dtype: str, args: Sequence[str]) -> str:
        op = in_floats if is_float(dtype) else in_booleans if dtype == "b1" else in_integers
        return e.do(f"{op} {e.type(dtype)} {args[0]}, {args[1]}")

    return lower


def _compare(floats: str, signed: str, unsigned: str) -> Lowering:
    def lower(e: Emitter, dtype: str, args: Sequence[str]) -> str:
        how = f"fcmp {floats}" if is_float(dtype) else f"icmp {signed if dtype[0] == 'i' else unsigned}"
        return e.do(f"{how} {e.type(dtype)} {args[0]}, {args[1]}")

    return lower


def _where(e: Emitter, dtype: str, args: Sequence[str]) -> str:
    return select(e, dtype, *args)


def _extreme(larger: bool, skip_nan: bool) -> Lowering:
    def lower(e: Emitter, dtype: str, args: Sequence[str]) -> str:
        a, b = args
        t = e.type(dtype)
        if dtype == "b1":
            return e.do(f"{'or' if larger else 'and'} {t} {a}, {b}")
        if not is_float(dtype):
            sign = "s" if dtype[0] == "i" else "u"
            return select(e, dtype, e.do(f"icmp {sign}{'ge' if larger else 'le'} {t} {a}, {b}"), a, b)
        first = e.do(f"fcmp {'oge' if larger else 'ole'} {t} {a}, {b}")
        kept = b if skip_nan else a
        lone = e.do(f"fcmp uno {t} {kept}, {kept}")
        return select(e, dtype, e.do(f"or {e.type('b1')} {first}, {lone}"), a, b)

    return lower


def _negative(e: Emitter, dtype: str, args: Sequence[str]) -> str:
    t = e.type(dtype)
    return e.do(f"fneg {t} {args[0]}" if is_float(dtype) else f"sub {t} {e.const(dtype, 0)}, {args[0]}")


def _square(e: Emitter, dtype: str, args: Sequence[str]) -> str:
    return LOWERINGS["multiply"](e, dtype, (args[0], args[0]))


def _reciprocal(e: Emitter, dtype: str, args: Sequence[str]) -> str:
    return e.do(f"fdiv {e.type(dtype)} {e.const(dtype, 1)}, {args[0]}")


def _absolute(e: Emitter, dtype: str, args: Sequence[str]) -> str:
    if is_float(dtype):
        return e.intrinsic("fabs", dtype, args)
    negative = e.do(f"icmp slt {e.type(dtype)} {args[0]}, {e.const(dtype, 0)}")
    return select(e, dtype, negative, _negative(e, dtype, args), args[0])


def _sign(e: Emitter, dtype: str, args: Sequence[str]) -> str:
    (x,), t = args, e.type(dtype)
    zero, one, minus = e.const(dtype, 0), e.const(dtype, 1), e.const(dtype, -1)
    if not is_float(dtype):
        up = e.do(f"icmp sgt {t} {x}, {zero}")
        down = e.do(f"icmp slt {t} {x}, {zero}")
        return select(e, dtype, up, one, select(e, dtype, down, minus, zero))
    up = e.do(f"fcmp ogt {t} {x}, {zero}")
    down = e.do(f"fcmp olt {t} {x}, {zero}")
    nan = e.do(f"fcmp uno {t} {x}, {x}")
    return select(e, dtype, up, one, select(e, dtype, down, minus, select(e, dtype, nan, x, zero)))


def _truth(e: Emitter, dtype: str, x: str) -> str:
    if dtype == "b1":
        return x
    how = "fcmp une" if is_float(dtype) else "icmp ne"
    return e.do(f"{how} {e.type(dtype)} {x}, {e.const(dtype, 0)}")


def _logical(op: str) -> Lowering:
    def lower(e: Emitter, dtype: str, args: Sequence[str]) -> str:
        a, b = (_truth(e, dtype, x) for x in args)
        return e.do(f"{op} {e.type('b1')} {a}, {b}")

    return lower


def _logical_not(e: Emitter, dtype: str, args: Sequence[str]) -> str:
    return e.do(f"xor {e.type('b1')} {_truth(e, dtype, args[0])}, {e.const('b1', 1)}")


def _invert(e: Emitter, dtype: str, args: Sequence[str]) -> str:
    return e.do(f"xor {e.type(dtype)} {args[0]}, {e.const(dtype, 1 if dtype == 'b1' else -1)}")


def _isnan(e: Emitter, dtype: str, args: Sequence[str]) -> str:
    return e.do(f"fcmp uno {e.type(dtype)} {args[0]}, {args[0]}")


def _against_infinity(how: str) -> Lowering:
    def lower(e: Emitter, dtype: str, args: Sequence[str]) -> str:
        size = e.intrinsic("fabs", dtype, args)
        return e.do(f"fcmp {how} {e.type(dtype)} {size}, {e.const(dtype, math.inf)}")

    return lower


def _signbit(e: Emitter, dtype: str, args: Sequence[str]) -> str:
    as_int = f"i{dtype[1]}"
    bits = e.do(f"bitcast {e.type(dtype)} {args[0]} to {e.type(as_int)}")
    return e.do(f"icmp slt {e.type(as_int)} {bits}, {e.const(as_int, 0)}")


def _heaviside(e: Emitter, dtype: str, args: Sequence[str]) -> str:
    (x, at_zero), t = args, e.type(dtype)
    zero = e.const(dtype, 0)
    down = e.do(f"fcmp olt {t} {x}, {zero}")
    up = e.do(f"fcmp ogt {t} {x}, {zero}")
    nan = e.do(f"fcmp uno {t} {x}, {x}")
    rest = select(e, dtype, nan, x, at_zero)
    return select(e, dtype, down, zero, select(e, dtype, up, e.const(dtype, 1), rest))


def _intrinsic(name: str) -> Lowering:
    def lower(e: Emitter, dtype: str, args: Sequence[str]) -> str:
        return e.intrinsic(name, dtype, args)

    return lower


def _math(name: str) -> Lowering:
    def lower(e: Emitter, dtype: str, args: Sequence[str]) -> str:
        return e.math(name, dtype, args)

    return lower


def _times(factor: float) -> Lowering:
    def lower(e: Emitter, dtype: str, args: Sequence[str]) -> str:
        return e.do(f"fmul {e.type(dtype)} {args[0]}, {e.const(dtype, factor)}")

    return lower


LOWERINGS: dict[str, Lowering] = {
    "add": _arithmetic("fadd", "add", "or"),
    "subtract": _arithmetic("fsub", "sub"),
    "multiply": _arithmetic("fmul", "mul", "and"),
    "divide": _arithmetic("fdiv", ""),
    "negative": _negative,
    "positive": lambda e, dtype, args: args[0],
    "square": _square,
    "reciprocal": _reciprocal,
    "absolute": _absolute,
    "fabs": _absolute,
    "sign": _sign,
    "where": _where,
    "maximum": _extreme(larger=True, skip_nan=False),
    "minimum": _extreme(larger=False, skip_nan=False),
    "fmax": _extreme(larger=True, skip_nan=True),
    "fmin": _extreme(larger=False, skip_nan=True),
    "equal": _compare("oeq", "eq", "eq"),
    "not_equal": _compare("une", "ne", "ne"),
    "less": _compare("olt", "slt", "ult"),
    "less_equal": _compare("ole", "sle", "ule"),
    "greater": _compare("ogt", "sgt", "ugt"),
    "greater_equal": _compare("oge", "sge", "uge"),
    "logical_and": _logical("and"),
    "logical_or": _logical("or"),
    "logical_xor": _logical("xor"),
    "logical_not": _logical_not,
    "bitwise_and": _arithmetic("", "and", "and"),
    "bitwise_or": _arithmetic("", "or", "or"),
    "bitwise_xor": _arithmetic("", "xor", "xor"),
    "invert": _invert,
    "isnan": _isnan,
    "isinf": _against_infinity("oeq"),
    "isfinite": _against_infinity("olt"),
    "signbit": _signbit,
    "heaviside": _heaviside,
}
LOWERINGS.update({name: _intrinsic(name) for name in ["sqrt", "floor", "ceil", "trunc", "rint", "copysign"]})
LOWERINGS.update({name: _times(math.pi / 180) for name in ["deg2rad", "radians"]})
LOWERINGS.update({name: _times(180 / math.pi) for name in ["rad2deg", "degrees"]})
MATH = (
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "cbrt", "power", "hypot"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2"),
    *("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "erf", "erfc", "sigmoid", "softplus"),
)
"""What is a call of the math library."""

LOWERINGS.update({name: _math(name) for name in MATH})
LOWERINGS.update(DIVISIONS)
LOWERINGS["float_power"] = LOWERINGS["power"]


def cast(e: Emitter, have: str, to: str, x: str) -> str:
    """``x`` in another dtype, as C converts it."""
    if have == to:
        return x
    source, target = e.type(have), e.type(to)
    if to == "b1":
        return _truth(e, have, x)
    if is_float(to):
        if is_float(have):
            return e.do(f"{'fpext' if to == 'f8' else 'fptrunc'} {source} {x} to {target}")
        return e.do(f"{'sitofp' if have[0] == 'i' else 'uitofp'} {source} {x} to {target}")
    if is_float(have):
        if to == "u8":
            return e.do(f"fptoui {source} {x} to {target}")
        wide = e.do(f"fptosi {source} {x} to {e.type('i8')}")
        return cast(e, "i8", to, wide)
    n, m = (1 if have == "b1" else 8 * int(have[1])), 8 * int(to[1])
    if n == m:
        return x
    if n > m:
        return e.do(f"trunc {source} {x} to {target}")
    return e.do(f"{'sext' if have[0] == 'i' else 'zext'} {source} {x} to {target}")
