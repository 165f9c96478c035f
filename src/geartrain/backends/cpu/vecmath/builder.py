"""Values and instructions of LLVM IR, written as text: what the functions of this package append to.

As much of LLVM as they need. ``llvmlite.ir`` would do, but takes 10 ms to import and twice the time to write.
"""

import contextlib
import struct
from collections.abc import Generator, Sequence
from typing import NamedTuple

__all__ = ["DOUBLE", "FLOAT", "PTR", "VOID", "Builder", "Module", "Phi", "Type", "Value"]
__all__ += ["constant", "integer", "undefined", "vector"]


class Type(NamedTuple):
    """``bits`` of a number; ``element`` and ``lanes`` of a vector."""

    text: str
    bits: int = 0
    element: "Type | None" = None
    lanes: int | None = None

    def __str__(self) -> str:
        return self.text


FLOAT, DOUBLE = Type("float", 32), Type("double", 64)
PTR, VOID = Type("ptr"), Type("void")


def integer(bits: int) -> Type:
    """The integers of so many bits."""
    return Type(f"i{bits}", bits)


I1 = integer(1)


def vector(element: Type, count: int) -> Type:
    """So many numbers side by side."""
    return Type(f"<{count} x {element}>", 0, element, count)


class Value(NamedTuple):
    """A register, an argument or a constant."""

    type: Type
    text: str

    def __str__(self) -> str:
        return f"{self.type} {self.text}"


def constant(type_: Type, number: float) -> Value:
    """A number, in every lane of a vector.

    >>> str(constant(DOUBLE, 1.0)), str(constant(vector(integer(32), 4), -1))
    ('double 0x3ff0000000000000', '<4 x i32> splat (i32 -1)')
    """
    if type_.element is not None:
        return Value(type_, f"splat ({constant(type_.element, number)})")
    if type_ not in (FLOAT, DOUBLE):
        return Value(type_, str(int(number)))
    packed = struct.pack("<f", number) if type_ == FLOAT else struct.pack("<d", number)
    (rounded,) = struct.unpack("<f" if type_ == FLOAT else "<d", packed)
    return Value(type_, f"0x{int.from_bytes(struct.pack('>d', rounded), 'big'):016x}")  # of a float, too, as a double


def undefined(type_: Type) -> Value:
    """Anything."""
    return Value(type_, "undef")


class Phi:
    """A value that depends on where control comes from."""

    def __init__(self, builder: "Builder", type_: Type) -> None:
        self.value = builder.name(type_)
        self._builder, self._line = builder, builder.line("")
        self._ways: list[str] = []

    def add_incoming(self, value: Value, block: str) -> None:
        """The value where it comes from this block."""
        self._ways.append(f"[ {value.text}, %{block} ]")
        text = f"{self.value.text} = phi {self.value.type} {', '.join(self._ways)}"
        self._builder.lines[self._line] = f"  {text}"


_SIGNED = {"==": "eq", "!=": "ne", "<": "slt", "<=": "sle", ">": "sgt", ">=": "sge"}
_UNSIGNED = {"==": "eq", "!=": "ne", "<": "ult", "<=": "ule", ">": "ugt", ">=": "uge"}
_ORDERED = {"==": "oeq", "!=": "one", "<": "olt", "<=": "ole", ">": "ogt", ">=": "oge"}


class Builder:
    """One function being written: ``args`` are its arguments, ``block`` is the label of what is being appended to."""

    def __init__(
        self, module: "Module", name: str, result: Type, arguments: Sequence[Type], how: str = "", where: str = ""
    ) -> None:
        self.module = module
        self.args = [Value(type_, f"%a{i}") for i, type_ in enumerate(arguments)]
        self.block = "entry"
        self.result = result
        self.lines: list[str] = [f"define {where}{result} @{name}({', '.join(map(str, self.args))}) {how} {{", "entry:"]
        self._count = 0
        module.functions[name] = result
        module.defined.append(self.lines)

    def line(self, text: str) -> int:
        """Write a line; where it is."""
        self.lines.append(f"  {text}")
        return len(self.lines) - 1

    def name(self, type_: Type) -> Value:
        """A register that is new."""
        self._count += 1
        return Value(type_, f"%r{self._count}")

    def make(self, type_: Type, text: str) -> Value:
        """Write an instruction that gives a value."""
        made = self.name(type_)
        self.line(f"{made.text} = {text}")
        return made

    def two(self, op: str, a: Value, b: Value) -> Value:
        """An instruction of two operands of the result's type: ``add``, ``fmul``, ``and``, ``shl``, ..."""
        return self.make(a.type, f"{op} {a}, {b.text}")

    def convert(self, op: str, x: Value, to: Type) -> Value:
        """``bitcast``, ``trunc``, ``zext``, ``fptrunc``, ``fpext``, ``uitofp``."""
        return self.make(to, f"{op} {x} to {to}")

    def invert(self, x: Value) -> Value:
        """All bits the other way."""
        return self.two("xor", x, constant(x.type, -1))

    def fneg(self, x: Value) -> Value:
        return self.make(x.type, f"fneg {x}")

    def _compared(self, op: str, a: Value, b: Value) -> Value:
        lanes = a.type.lanes
        return self.make(I1 if lanes is None else vector(I1, lanes), f"{op} {a}, {b.text}")

    def icmp_signed(self, sign: str, a: Value, b: Value) -> Value:
        return self._compared(f"icmp {_SIGNED[sign]}", a, b)

    def icmp_unsigned(self, sign: str, a: Value, b: Value) -> Value:
        return self._compared(f"icmp {_UNSIGNED[sign]}", a, b)

    def fcmp_ordered(self, sign: str, a: Value, b: Value) -> Value:
        return self._compared(f"fcmp {_ORDERED[sign]}", a, b)

    def unordered(self, a: Value, b: Value) -> Value:
        """Where one of the two is NaN."""
        return self._compared("fcmp uno", a, b)

    def select(self, where: Value, yes: Value, no: Value) -> Value:
        return self.make(yes.type, f"select {where}, {yes}, {no}")

    def call(self, name: str, result: Type, arguments: Sequence[Value]) -> Value:
        """Call a function by name; one that is not of this module is declared."""
        if name not in self.module.functions:
            self.module.functions[name] = result
            kinds = ", ".join([str(each.type) for each in arguments])
            self.module.head.append(f"declare {result} @{name}({kinds})")
        return self.make(result, f"call {result} @{name}({', '.join(map(str, arguments))})")

    # Memory and aggregates.

    def gep(self, pointer: Value, kind: str | Type, *indices: Value) -> Value:
        """The address of an element."""
        return self.make(PTR, f"getelementptr {kind}, {', '.join(map(str, (pointer, *indices)))}")

    def load(self, place: Value, type_: Type, align: int) -> Value:
        return self.make(type_, f"load {type_}, {place}, align {align}")

    def store(self, value: Value, place: Value, align: int) -> None:
        self.line(f"store {value}, {place}, align {align}")

    def extract_element(self, x: Value, index: int) -> Value:
        assert x.type.element is not None
        return self.make(x.type.element, f"extractelement {x}, i32 {index}")

    def insert_element(self, x: Value, value: Value, index: int) -> Value:
        return self.make(x.type, f"insertelement {x}, {value}, i32 {index}")

    def extract_value(self, x: Value, part: int, type_: Type) -> Value:
        return self.make(type_, f"extractvalue {x}, {part}")

    def insert_value(self, x: Value, value: Value, part: int) -> Value:
        return self.make(x.type, f"insertvalue {x}, {value}, {part}")

    # Control.

    def begin(self, label: str) -> None:
        """What follows has this label."""
        self.lines.append(f"{label}:")
        self.block = label

    def branch(self, where: str) -> None:
        self.line(f"br label %{where}")

    def branch_if(self, condition: Value, yes: str, no: str, rarely: bool = False) -> None:
        """Go on at one label or the other; ``rarely``: hardly ever at the first."""
        self.module.rare = self.module.rare or rarely
        self.line(f"br {condition}, label %{yes}, label %{no}{', !prof !0' if rarely else ''}")

    @contextlib.contextmanager
    def if_rare(self, condition: Value) -> Generator[None]:
        """What is written inside runs where the condition holds, which it hardly ever does."""
        self._count += 1
        inside, after = f"b{self._count}", f"c{self._count}"
        self.branch_if(condition, inside, after, rarely=True)
        self.begin(inside)
        yield
        self.branch(after)
        self.begin(after)

    def ret(self, value: Value | None = None) -> None:
        """Return; the end of the function."""
        self.line("ret void" if value is None else f"ret {value}")
        self.lines.append("}")


class Module:
    """Functions that are compiled together. ``no_fma``: the processor has no fused multiply-add."""

    def __init__(self, no_fma: bool = False) -> None:
        self.no_fma = no_fma
        self.rare = False
        self.head: list[str] = []
        self.functions: dict[str, Type] = {}
        self.defined: list[list[str]] = []

    def __str__(self) -> str:
        weights = ['!0 = !{!"branch_weights", i32 1, i32 99}'] if self.rare else []
        return "\n".join([*self.head, *[line for lines in self.defined for line in lines], *weights, ""])
