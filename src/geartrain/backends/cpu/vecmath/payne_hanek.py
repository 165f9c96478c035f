"""Any number modulo pi / 2, in integers: Payne & Hanek, Radian reduction for trigonometric functions, SIGNUM 18 (1983).

A float64 is an integer m of 53 digits times 2**e. Of the binary digits of 2 / pi, those in front of the one worth
2**(1 - e) make multiples of 4 quarter turns and do not count; the next 192 are enough, as no float64 comes nearer to
a multiple of pi / 2 than 2**-62 (Muller, Elementary Functions, 3rd ed., ch. 11). So one product of 64 by 192 digits,
modulo 2**192, has the quadrant in its two leading digits and the fraction of a quarter turn in the others.
"""

from geartrain.backends.cpu.vecmath import tables
from geartrain.backends.cpu.vecmath.builder import (
    DOUBLE,
    PTR,
    Builder,
    Module,
    Type,
    Value,
    constant,
    integer,
    undefined,
)
from geartrain.backends.cpu.vecmath.lanes import Float, Int
from geartrain.backends.cpu.vecmath.pairs import Pair, fast_sum, product

__all__ = ["reduce"]

NAME = "geartrain.payne_hanek"
WORDS = "geartrain.two_over_pi"


def reduce(x: Float) -> tuple[Int, Float, Float]:
    """The quadrant, and the rest as a pair, of numbers of magnitude 1 or more; of infinities and NaN, something."""
    builder = x.builder
    if NAME not in builder.module.functions:
        _define(builder.module)
    whole = integer(x.format.bits)
    results: list[Value] = [undefined(x.shaped(kind)) for kind in (whole, x.element, x.element)]
    for lane in range(x.width or 1):
        one = Float(builder, x.value if x.width is None else builder.extract_element(x.value, lane)).double()
        answer = builder.call(NAME, RESULT, [one.value])
        quadrant, high, low = (builder.extract_value(answer, part, kind) for part, kind in enumerate(PARTS))
        if x.format.bits == 32:
            quadrant = builder.convert("trunc", quadrant, whole)
            short = builder.convert("fptrunc", high, x.element)
            rest = builder.two("fsub", high, builder.convert("fpext", short, high.type))
            low = builder.convert("fptrunc", builder.two("fadd", rest, low), x.element)
            high = short
        for part, value in enumerate((quadrant, high, low)):
            results[part] = value if x.width is None else builder.insert_element(results[part], value, lane)
    return Int(builder, results[0]), Float(builder, results[1]), Float(builder, results[2])


I64, I128 = integer(64), integer(128)
PARTS = (I64, DOUBLE, DOUBLE)
RESULT = Type("{ i64, double, double }")


def _define(module: Module) -> None:
    """``{i64 quadrant, double high, double low} f(double x)``, for one number at a time."""
    numbers = tables.TWO_OVER_PI_WORDS
    table = f"[{len(numbers)} x i64]"
    module.head.append(f"@{WORDS} = internal constant {table} [{', '.join([f'i64 {x}' for x in numbers])}]")
    words = Value(PTR, f"@{WORDS}")
    b = Builder(module, NAME, RESULT, [DOUBLE], "noinline", "internal ")

    def number(value: int, kind: Type = I64) -> Value:
        return constant(kind, value)

    def do(op: str, x: Value, y: int | Value) -> Value:
        return b.two(op, x, y if isinstance(y, Value) else number(y, x.type))

    def minus(x: Value) -> Value:
        return b.two("sub", number(0, x.type), x)

    bits = b.convert("bitcast", b.args[0], I64)
    exponent = do("and", do("lshr", bits, 52), 2047)
    m = do("or", do("and", bits, 2**52 - 1), 2**52)
    # The value is m * 2**(exponent - 1075). Digit j of 2 / pi is worth 2**-j, so the first that counts is
    # j = exponent - 1075 - 1, and with 128 zeros in front it stands at index j - 1 + 128.
    start = do("sub", exponent, 1075 + 1 + 1 - 128)
    start = b.select(b.icmp_unsigned("<", exponent, number(2047)), start, number(0))  # infinities would begin behind it
    word, shift = do("lshr", start, 6), do("and", start, 63)

    def digits(k: int) -> Value:
        """64 digits of 2 / pi from ``start + 64 k`` on."""
        both = number(0, I128)
        for j in (k, k + 1):
            place = b.gep(words, table, number(0), do("add", word, j))
            both = do("or", do("shl", both, 64), b.convert("zext", b.load(place, I64, 8), I128))
        return b.convert("trunc", do("lshr", do("shl", both, b.convert("zext", shift, I128)), 64), I64)

    m_wide = b.convert("zext", m, I128)
    top, middle, last = (b.convert("zext", digits(k), I128) for k in range(3))
    low = do("mul", m_wide, last)
    middle = do("add", do("mul", m_wide, middle), do("lshr", low, 64))
    top = do("add", do("shl", do("mul", m_wide, top), 64), middle)  # the first 128 of the 192 digits
    # Round to the nearest quarter turn: what is left is a signed fraction in units of 2**-126.
    quadrant = b.convert("trunc", do("lshr", do("add", top, 1 << 125), 126), I64)
    left = do("ashr", do("shl", top, 2), 2)
    below = b.icmp_signed("<", left, number(0, I128))
    size = b.select(below, minus(left), left)
    # Two exact floats of 53 digits each, from the first digit that is not 0.
    zeros = b.call("llvm.ctlz.i128", I128, [size, number(0, integer(1))])
    leading = do("shl", size, zeros)
    first = b.convert("uitofp", b.convert("trunc", do("lshr", leading, 75), I64), DOUBLE)
    second = do("and", b.convert("trunc", do("lshr", leading, 22), I64), 2**53 - 1)
    second = b.convert("uitofp", second, DOUBLE)
    # first counts 2**(75 - zeros - 126), second 2**-53 of that.
    sign = do("and", bits, -(2**63))
    scale = do("shl", b.two("sub", number(1023 + 75 - 126), b.convert("trunc", zeros, I64)), 52)
    scale = do("xor", scale, do("xor", sign, do("shl", b.convert("zext", below, I64), 63)))
    unit = Float(b, b.convert("bitcast", scale, DOUBLE))
    fraction = Pair(Float(b, first) * unit, Float(b, second) * unit * 2.0**-53)
    quadrant = b.select(b.icmp_signed("!=", sign, number(0)), minus(quadrant), quadrant)
    pi_half, pi_half_low, _ = tables.PI_HALF[64]
    exact = product(fraction.high, pi_half)
    low_part = fraction.high.mad(pi_half_low, fraction.low.mad(pi_half, exact.low))
    total = fast_sum(exact.high, low_part)
    answer = undefined(RESULT)
    for part, value in enumerate((quadrant, total.high.value, total.low.value)):
        answer = b.insert_value(answer, value, part)
    b.ret(answer)
