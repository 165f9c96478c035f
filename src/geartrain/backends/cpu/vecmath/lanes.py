"""Arithmetic on values of LLVM IR, written as arithmetic: the language that the functions of this package are said in.

A ``Float`` (``Int``, ``Bool``) is one scalar or one fixed-width vector of LLVM IR; ``a * b + 1.0`` appends
instructions to the builder it came from. Nothing here knows how wide a value is: scalar and vector code is the same,
operation by operation, and so are its bits.
"""

import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, Self

from geartrain.backends.cpu.vecmath.builder import DOUBLE, FLOAT, Builder, Type, Value, constant, integer, vector

__all__ = ["Bool", "Emit", "Float", "Format", "Int", "Table", "emitter", "poly", "select"]

Table = Mapping[int, tuple[float, ...]]
"""Numbers for each width of float: ``table[64]``, ``table[32]``."""


class Emit(Protocol):
    """``emit(builder, *operands)`` appends a function of its operands and returns the value, of the operands' type."""

    def __call__(self, builder: Builder, /, *operands: Value) -> Value:
        """Append the instructions."""
        ...


class Format(NamedTuple):
    """A binary floating-point format (IEEE 754)."""

    bits: int
    digits: int
    """Bits of the fraction field: 52 or 23."""
    bias: int
    smallest: float
    """The smallest normal number."""
    largest: float

    @property
    def magic(self) -> float:
        """1.5 times 2**digits: adding it rounds to an integer, which the low bits of the sum then hold."""
        return 1.5 * 2.0**self.digits


FORMATS = {
    "double": Format(64, 52, 1023, 2.0**-1022, (2.0 - 2.0**-52) * 2.0**1023),
    "float": Format(32, 23, 127, 2.0**-126, (2.0 - 2.0**-23) * 2.0**127),
}


class _Lanes:
    """One value of LLVM IR and the builder that it is appended to."""

    def __init__(self, builder: Builder, value: Value) -> None:
        self.builder = builder
        self.value = value

    @property
    def width(self) -> int | None:
        """The number of elements of a vector; None for a scalar."""
        return self.value.type.lanes

    @property
    def element(self) -> Type:
        """The LLVM type of one lane."""
        return self.value.type.element or self.value.type

    def shaped(self, element: Type) -> Type:
        """The LLVM type with as many lanes as this one."""
        return element if self.width is None else vector(element, self.width)

    def splat(self, element: Type, number: float) -> Value:
        """A constant in every lane."""
        return constant(self.shaped(element), number)

    def intrinsic(self, name: str, *operands: "_Lanes") -> Value:
        """Call ``llvm.name``, overloaded by the type of this value, which its result has too."""
        kind = {"double": "f64", "float": "f32"}[str(self.element)]
        suffix = kind if self.width is None else f"v{self.width}{kind}"
        return self.builder.call(f"llvm.{name}.{suffix}", self.value.type, [each.value for each in (self, *operands)])


class Bool(_Lanes):
    """A truth value in each lane."""

    def __and__(self, other: "Bool") -> "Bool":
        return Bool(self.builder, self.builder.two("and", self.value, other.value))

    def __or__(self, other: "Bool") -> "Bool":
        return Bool(self.builder, self.builder.two("or", self.value, other.value))

    def __invert__(self) -> "Bool":
        return Bool(self.builder, self.builder.invert(self.value))

    def pick(self, yes: int, no: int, like: "Int") -> "Int":
        """An integer of the type of ``like``: ``yes`` in the lanes where it holds, ``no`` in the others."""
        choice = (like.splat(like.element, each) for each in (yes, no))
        return Int(self.builder, self.builder.select(self.value, *choice))

    def any(self) -> Value:
        """Whether it holds in some lane: an i1 of LLVM IR, to branch on."""
        if self.width is None:
            return self.value
        name = f"llvm.vector.reduce.or.v{self.width}i1"
        return self.builder.call(name, self.element, [self.value])


class Int(_Lanes):
    """An integer as wide as the float it was made from. Arithmetic wraps."""

    def _with(self, operation: str, other: "Int | int") -> Self:
        value = other.value if isinstance(other, Int) else self.splat(self.element, other)
        return type(self)(self.builder, self.builder.two(operation, self.value, value))

    def __add__(self, other: "Int | int") -> "Int":
        return self._with("add", other)

    def __sub__(self, other: "Int | int") -> "Int":
        return self._with("sub", other)

    def __rsub__(self, other: int) -> "Int":
        return Int(self.builder, self.builder.two("sub", self.splat(self.element, other), self.value))

    def __and__(self, other: "Int | int") -> "Int":
        return self._with("and", other)

    def __or__(self, other: "Int | int") -> "Int":
        return self._with("or", other)

    def __xor__(self, other: "Int | int") -> "Int":
        return self._with("xor", other)

    def __lshift__(self, other: int) -> "Int":
        return self._with("shl", other)

    def __rshift__(self, other: int) -> "Int":
        """Zeros come in from the left."""
        return self._with("lshr", other)

    def nonzero(self) -> Bool:
        """Where it is not 0."""
        return Bool(self.builder, self.builder.icmp_signed("!=", self.value, self.splat(self.element, 0)))

    def real(self) -> "Float":
        """The float that has these bits."""
        kind = {64: DOUBLE, 32: FLOAT}[self.element.bits]
        return Float(self.builder, self.builder.convert("bitcast", self.value, self.shaped(kind)))


class Float(_Lanes):
    """A float32 or float64 in each lane. Comparisons with NaN are false."""

    @property
    def format(self) -> Format:
        """What kind of float."""
        return FORMATS[str(self.element)]

    @property
    def has_fma(self) -> bool:
        """Whether the processor multiplies and adds with one rounding."""
        return not self.builder.module.no_fma

    def like(self, constant: float) -> "Float":
        """A constant in each lane."""
        return Float(self.builder, self.splat(self.element, constant))

    def of(self, table: Table) -> tuple[float, ...]:
        """The numbers of a table for this width of float."""
        return table[self.format.bits]

    def _with(self, operation: str, other: "Float | float", swap: bool = False) -> "Float":
        value = other.value if isinstance(other, Float) else self.splat(self.element, other)
        left, right = (value, self.value) if swap else (self.value, value)
        return Float(self.builder, self.builder.two(operation, left, right))

    def _compare(self, sign: str, other: "Float | float") -> Bool:
        value = other.value if isinstance(other, Float) else self.splat(self.element, other)
        return Bool(self.builder, self.builder.fcmp_ordered(sign, self.value, value))

    def __add__(self, other: "Float | float") -> "Float":
        return self._with("fadd", other)

    def __radd__(self, other: float) -> "Float":
        return self._with("fadd", other)

    def __sub__(self, other: "Float | float") -> "Float":
        return self._with("fsub", other)

    def __rsub__(self, other: float) -> "Float":
        return self._with("fsub", other, swap=True)

    def __mul__(self, other: "Float | float") -> "Float":
        return self._with("fmul", other)

    def __rmul__(self, other: float) -> "Float":
        return self._with("fmul", other)

    def __truediv__(self, other: "Float | float") -> "Float":
        return self._with("fdiv", other)

    def __rtruediv__(self, other: float) -> "Float":
        return self._with("fdiv", other, swap=True)

    def __neg__(self) -> "Float":
        return Float(self.builder, self.builder.fneg(self.value))

    def __lt__(self, other: "Float | float") -> Bool:
        return self._compare("<", other)

    def __le__(self, other: "Float | float") -> Bool:
        return self._compare("<=", other)

    def __gt__(self, other: "Float | float") -> Bool:
        return self._compare(">", other)

    def __ge__(self, other: "Float | float") -> Bool:
        return self._compare(">=", other)

    def same(self, other: "Float | float") -> Bool:
        """Where both are equal: 0.0 and -0.0 are, NaN and NaN are not."""
        return self._compare("==", other)

    def nan(self) -> Bool:
        """Where it is NaN."""
        return Bool(self.builder, self.builder.unordered(self.value, self.value))

    def bits(self) -> Int:
        """The bits as an integer."""
        kind = integer(self.format.bits)
        return Int(self.builder, self.builder.convert("bitcast", self.value, self.shaped(kind)))

    def mad(self, times: "Float | float", plus: "Float | float") -> "Float":
        """``self * times + plus``, with one rounding where the processor can."""
        times = times if isinstance(times, Float) else self.like(times)
        plus = plus if isinstance(plus, Float) else self.like(plus)
        return Float(self.builder, self.intrinsic("fma", times, plus)) if self.has_fma else self * times + plus

    def sqrt(self) -> "Float":
        """The square root, correctly rounded."""
        return Float(self.builder, self.intrinsic("sqrt"))

    def __abs__(self) -> "Float":
        return Float(self.builder, self.intrinsic("fabs"))

    def signed(self, sign: "Float") -> "Float":
        """The magnitude of this with the sign of ``sign``."""
        return Float(self.builder, self.intrinsic("copysign", sign))

    def at_least(self, bound: "Float | float") -> "Float":
        """The larger of the two; ``bound`` where this is NaN."""
        bound = bound if isinstance(bound, Float) else self.like(bound)
        return select(self > bound, self, bound)

    def at_most(self, bound: "Float | float") -> "Float":
        """The smaller of the two; ``bound`` where this is NaN."""
        bound = bound if isinstance(bound, Float) else self.like(bound)
        return select(self < bound, self, bound)

    def nearest(self) -> "tuple[Float, Int]":
        """The nearest integer twice: as a float, and in the low bits of an integer. For magnitudes below 2**21."""
        shifted = self + self.format.magic
        return shifted - self.format.magic, shifted.bits()

    def times_power(self, exponent: Int) -> "Float":
        """``self * 2**exponent``, where both are normal numbers; only the low bits of exponent count."""
        return (self.bits() + (exponent << self.format.digits)).real()

    def power_of_two(self, exponent: Int) -> "Float":
        """``2**exponent`` in this format, where that is a normal number; only the low bits of exponent count."""
        return self.like(1.0).times_power(exponent)

    def double(self) -> "Float":
        """The same numbers as float64."""
        kind = self.shaped(DOUBLE)
        return self if self.format.bits == 64 else Float(self.builder, self.builder.convert("fpext", self.value, kind))

    def rounded_like(self, other: "Float") -> "Float":
        """The same numbers, rounded to the format of ``other``."""
        same = self.format == other.format
        return self if same else Float(self.builder, self.builder.convert("fptrunc", self.value, other.value.type))


def select(where: Bool, yes: Float | float, no: Float | float) -> Float:
    """``yes`` in the lanes where it holds, ``no`` in the others. One of the two is a ``Float``."""
    lanes = yes if isinstance(yes, Float) else no
    if not isinstance(lanes, Float):
        raise TypeError("one side of select must be lanes, to say which format the other has")
    yes, no = (each if isinstance(each, Float) else lanes.like(each) for each in (yes, no))
    return Float(where.builder, where.builder.select(where.value, yes.value, no.value))


def poly(x: Float, coefficients: tuple[float, ...]) -> Float:
    """``c0 + c1 x + c2 x**2 + ...``.

    Even and odd powers go side by side (Estrin's first step), which halves the chain of operations that wait for each
    other: the loop around is short of latency, not of multipliers.
    """
    if len(coefficients) < 5:
        return _horner(x, coefficients)
    square = x * x
    return _horner(square, coefficients[1::2]).mad(x, _horner(square, coefficients[::2]))


def _horner(x: Float, coefficients: tuple[float, ...]) -> Float:
    total = x.like(coefficients[-1])
    for c in coefficients[-2::-1]:
        total = total.mad(x, c)
    return total


def emitter(function: Callable[..., Float]) -> Emit:
    """Make ``emit(builder, *operands)`` of a function of ``Float``."""

    @functools.wraps(function)
    def emit(builder: Builder, /, *operands: Value) -> Value:
        return function(*(Float(builder, operand) for operand in operands)).value

    return emit
