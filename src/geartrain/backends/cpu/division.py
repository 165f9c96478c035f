"""Whole quotients, remainders and shifts, as NumPy has them: towards minus infinity, and defined for every operand."""

from collections.abc import Sequence

from geartrain.backends.cpu.emitter import Emitter, Lowering, select

__all__ = ["DIVISIONS"]


def _guarded(e: Emitter, dtype: str, a: str, b: str) -> tuple[str, str]:
    """Whether the divisor is zero, and one that processors divide by: not zero, not -1 under the least number."""
    t, one = e.type(dtype), e.const(dtype, 1)
    zero = e.do(f"icmp eq {t} {b}, {e.const(dtype, 0)}")
    refused = zero
    if dtype[0] == "i":
        least = e.do(f"icmp eq {t} {a}, {e.const(dtype, -(1 << (8 * int(dtype[1]) - 1)))}")
        minus = e.do(f"icmp eq {t} {b}, {e.const(dtype, -1)}")
        over = e.do(f"and {e.type('b1')} {least}, {minus}")
        refused = e.do(f"or {e.type('b1')} {zero}, {over}")
    return zero, select(e, dtype, refused, one, b)


def _apart(e: Emitter, dtype: str, rest: str, b: str) -> str:
    """Whether a remainder that is not zero has another sign than the divisor."""
    t, flag = e.type(dtype), e.type("b1")
    zero = e.const(dtype, 0)
    how = ("fcmp une", "fcmp olt") if dtype[0] == "f" else ("icmp ne", "icmp slt")
    left = e.do(f"{how[0]} {t} {rest}, {zero}")
    negative = [e.do(f"{how[1]} {t} {x}, {zero}") for x in (rest, b)]
    return e.do(f"and {flag} {left}, {e.do(f'xor {flag} {negative[0]}, {negative[1]}')}")


def _floor_divide(e: Emitter, dtype: str, args: Sequence[str]) -> str:
    a, b = args
    t = e.type(dtype)
    if dtype[0] == "f":
        return _floor_divide_floats(e, dtype, a, b)
    zero, divisor = _guarded(e, dtype, a, b)
    quotient = e.do(f"{'sdiv' if dtype[0] == 'i' else 'udiv'} {t} {a}, {divisor}")
    if dtype[0] == "i":
        rest = e.do(f"sub {t} {a}, {e.do(f'mul {t} {quotient}, {divisor}')}")
        below = e.do(f"sub {t} {quotient}, {e.const(dtype, 1)}")
        quotient = select(e, dtype, _apart(e, dtype, rest, divisor), below, quotient)
    return select(e, dtype, zero, e.const(dtype, 0), quotient)


def _remainder(e: Emitter, dtype: str, args: Sequence[str]) -> str:
    a, b = args
    t = e.type(dtype)
    if dtype[0] == "f":
        return _rest_of_floats(e, dtype, a, b)[1]
    zero, divisor = _guarded(e, dtype, a, b)
    rest = e.do(f"{'srem' if dtype[0] == 'i' else 'urem'} {t} {a}, {divisor}")
    if dtype[0] == "i":
        rest = select(e, dtype, _apart(e, dtype, rest, divisor), e.do(f"add {t} {rest}, {divisor}"), rest)
    return select(e, dtype, zero, e.const(dtype, 0), rest)


def _fmod(e: Emitter, dtype: str, args: Sequence[str]) -> str:
    """The remainder of C: it has the sign of the dividend."""
    if dtype[0] == "f":
        return e.math("fmod", dtype, args)
    a, b = args
    zero, divisor = _guarded(e, dtype, a, b)
    rest = e.do(f"{'srem' if dtype[0] == 'i' else 'urem'} {e.type(dtype)} {a}, {divisor}")
    return select(e, dtype, zero, e.const(dtype, 0), rest)


def _rest_of_floats(e: Emitter, dtype: str, a: str, b: str) -> tuple[str, str, str]:
    """C's remainder, Python's, and whether they differ."""
    t = e.type(dtype)
    rest = e.math("fmod", dtype, (a, b))
    apart = _apart(e, dtype, rest, b)
    none = e.do(f"fcmp oeq {t} {rest}, {e.const(dtype, 0)}")
    signed = e.intrinsic("copysign", dtype, (e.const(dtype, 0), b))
    moved = select(e, dtype, apart, e.do(f"fadd {t} {rest}, {b}"), rest)
    return rest, select(e, dtype, none, signed, moved), apart


def _floor_divide_floats(e: Emitter, dtype: str, a: str, b: str) -> str:
    """The quotient without the remainder is whole but for rounding; it is brought to the nearest whole number."""
    t = e.type(dtype)
    zero, one = e.const(dtype, 0), e.const(dtype, 1)
    rest, _, apart = _rest_of_floats(e, dtype, a, b)
    whole = e.do(f"fdiv {t} {e.do(f'fsub {t} {a}, {rest}')}, {b}")
    whole = select(e, dtype, apart, e.do(f"fsub {t} {whole}, {one}"), whole)
    floor = e.intrinsic("floor", dtype, (whole,))
    over = e.do(f"fcmp ogt {t} {e.do(f'fsub {t} {whole}, {floor}')}, {e.const(dtype, 0.5)}")
    near = select(e, dtype, over, e.do(f"fadd {t} {floor}, {one}"), floor)
    quotient = e.do(f"fdiv {t} {a}, {b}")
    none = e.do(f"fcmp oeq {t} {whole}, {zero}")
    found = select(e, dtype, none, e.intrinsic("copysign", dtype, (zero, quotient)), near)
    return select(e, dtype, e.do(f"fcmp oeq {t} {b}, {zero}"), quotient, found)


def _shift(left: bool) -> Lowering:
    """A shift by more bits than there are, or by a negative number, shifts everything out."""

    def lower(e: Emitter, dtype: str, args: Sequence[str]) -> str:
        (a, by), t, bits = args, e.type(dtype), 8 * int(dtype[1])
        inside = e.do(f"icmp ult {t} {by}, {e.const(dtype, bits)}")
        if left or dtype[0] == "u":
            less = select(e, dtype, inside, by, e.const(dtype, 0))
            return select(e, dtype, inside, e.do(f"{'shl' if left else 'lshr'} {t} {a}, {less}"), e.const(dtype, 0))
        return e.do(f"ashr {t} {a}, {select(e, dtype, inside, by, e.const(dtype, bits - 1))}")

    return lower


DIVISIONS: dict[str, Lowering] = {
    "floor_divide": _floor_divide,
    "remainder": _remainder,
    "fmod": _fmod,
    "left_shift": _shift(left=True),
    "right_shift": _shift(left=False),
}
