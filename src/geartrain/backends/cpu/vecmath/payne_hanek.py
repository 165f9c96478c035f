"""Any number modulo pi / 2, in integers: Payne & Hanek, Radian reduction for trigonometric functions, SIGNUM 18 (1983).

A float64 is an integer m of 53 digits times 2**e. Of the binary digits of 2 / pi, those in front of the one worth
2**(1 - e) make multiples of 4 quarter turns and do not count; the next 192 are enough, as no float64 comes nearer to
a multiple of pi / 2 than 2**-62 (Muller, Elementary Functions, 3rd ed., ch. 11). So one product of 64 by 192 digits,
modulo 2**192, has the quadrant in its two leading digits and the fraction of a quarter turn in the others.
"""

from typing import Any

from geartrain.backends.cpu.vecmath import tables
from geartrain.backends.cpu.vecmath.lanes import Float, Int
from geartrain.backends.cpu.vecmath.pairs import Pair, fast_sum, product
from geartrain.backends.llvm import need

__all__ = ["reduce"]

NAME = "geartrain.payne_hanek"
WORDS = "geartrain.two_over_pi"


def reduce(x: Float) -> tuple[Int, Float, Float]:
    """The quadrant, and the rest as a pair, of numbers of magnitude 1 or more; of infinities and NaN, something."""
    ir = need("llvmlite.ir")
    builder = x.builder
    function = x.builder.module.globals.get(NAME)
    if function is None:
        function = _define(ir, builder.module, x.has_fma)
    index_type = ir.IntType(32)
    whole = ir.IntType(x.format.bits)
    results: list[Any] = [ir.Constant(x.shaped(kind), ir.Undefined) for kind in (whole, x.element, x.element)]
    for lane in range(x.width or 1):
        index = ir.Constant(index_type, lane)
        one = Float(builder, x.value if x.width is None else builder.extract_element(x.value, index)).double()
        answer = builder.call(function, [one.value])
        quadrant, high, low = (builder.extract_value(answer, part) for part in range(3))
        if x.format.bits == 32:
            quadrant = builder.trunc(quadrant, whole)
            short = builder.fptrunc(high, x.element)
            low = builder.fptrunc(builder.fadd(builder.fsub(high, builder.fpext(short, high.type)), low), x.element)
            high = short
        for part, value in enumerate((quadrant, high, low)):
            results[part] = value if x.width is None else builder.insert_element(results[part], value, index)
    return Int(builder, results[0]), Float(builder, results[1]), Float(builder, results[2])


def _define(ir: Any, module: Any, has_fma: bool) -> Any:
    """``{i64 quadrant, double high, double low} f(double x)``, for one number at a time."""
    i64, i128, double = ir.IntType(64), ir.IntType(128), ir.DoubleType()
    words = ir.GlobalVariable(module, ir.ArrayType(i64, len(tables.TWO_OVER_PI_WORDS)), WORDS)
    words.initializer = ir.Constant(words.value_type, list(tables.TWO_OVER_PI_WORDS))
    words.global_constant = True
    words.linkage = "internal"
    result = ir.LiteralStructType([i64, double, double])
    function = ir.Function(module, ir.FunctionType(result, [double]), NAME)
    function.linkage = "internal"
    function.attributes.add("noinline")
    b = ir.IRBuilder(function.append_basic_block())

    def number(value: int, kind: Any = i64) -> Any:
        return ir.Constant(kind, value)

    bits = b.bitcast(function.args[0], i64)
    exponent = b.and_(b.lshr(bits, number(52)), number(2047))
    m = b.or_(b.and_(bits, number(2**52 - 1)), number(2**52))
    # The value is m * 2**(exponent - 1075). Digit j of 2 / pi is worth 2**-j, so the first that counts is
    # j = exponent - 1075 - 1, and with 128 zeros in front it stands at index j - 1 + 128.
    start = b.sub(exponent, number(1075 + 1 + 1 - 128))
    start = b.select(b.icmp_unsigned("<", exponent, number(2047)), start, number(0))  # infinities would begin behind it
    word, shift = b.lshr(start, number(6)), b.and_(start, number(63))

    def digits(k: int) -> Any:
        """64 digits of 2 / pi from ``start + 64 k`` on."""
        both = number(0, i128)
        for j in (k, k + 1):
            place = b.gep(words, [number(0), b.add(word, number(j))], source_etype=words.value_type)
            both = b.or_(b.shl(both, number(64, i128)), b.zext(b.load(place, typ=i64), i128))
        return b.trunc(b.lshr(b.shl(both, b.zext(shift, i128)), number(64, i128)), i64)

    m_wide = b.zext(m, i128)
    top, middle, last = (b.zext(digits(k), i128) for k in range(3))
    low = b.mul(m_wide, last)
    middle = b.add(b.mul(m_wide, middle), b.lshr(low, number(64, i128)))
    top = b.add(b.shl(b.mul(m_wide, top), number(64, i128)), middle)  # the first 128 of the 192 digits
    # Round to the nearest quarter turn: what is left is a signed fraction in units of 2**-126.
    half = number(1 << 125, i128)
    quadrant = b.trunc(b.lshr(b.add(top, half), number(126, i128)), i64)
    left = b.ashr(b.shl(top, number(2, i128)), number(2, i128))
    minus = b.icmp_signed("<", left, number(0, i128))
    size = b.select(minus, b.neg(left), left)
    # Two exact floats of 53 digits each, from the first digit that is not 0.
    ctlz = "llvm.ctlz.i128"
    counter = module.globals.get(ctlz) or ir.Function(module, ir.FunctionType(i128, [i128, ir.IntType(1)]), ctlz)
    zeros = b.call(counter, [size, ir.Constant(ir.IntType(1), 0)])
    leading = b.shl(size, zeros)
    first = b.uitofp(b.trunc(b.lshr(leading, number(75, i128)), i64), double)
    second = b.uitofp(b.and_(b.trunc(b.lshr(leading, number(22, i128)), i64), number(2**53 - 1)), double)
    # first counts 2**(75 - zeros - 126), second 2**-53 of that.
    scale = b.bitcast(b.shl(b.sub(number(1023 + 75 - 126), b.trunc(zeros, i64)), number(52)), double)
    sign = b.and_(bits, number(-(2**63)))
    scale = b.bitcast(b.xor(b.bitcast(scale, i64), b.xor(sign, b.shl(b.zext(minus, i64), number(63)))), double)
    unit = Float(b, scale)
    fraction = Pair(Float(b, first) * unit, Float(b, second) * unit * 2.0**-53)
    quadrant = b.select(b.icmp_signed("!=", sign, number(0)), b.neg(quadrant), quadrant)
    pi_half, pi_half_low, _ = tables.PI_HALF[64]
    exact = product(fraction.high, pi_half)
    low_part = fraction.high.mad(pi_half_low, fraction.low.mad(pi_half, exact.low))
    total = fast_sum(exact.high, low_part)
    answer = ir.Constant(result, ir.Undefined)
    for part, value in enumerate((quadrant, total.high.value, total.low.value)):
        answer = b.insert_value(answer, value, part)
    b.ret(answer)
    return function
