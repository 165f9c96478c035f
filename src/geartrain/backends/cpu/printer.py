"""What every part of a kernel is printed with: instructions, vectors of elements, loads and stores."""

from collections.abc import Sequence

from geartrain.backends.cpu.emitter import LLVM_TYPES, literal
from geartrain.backends.cpu.mathlib import MathLibrary
from geartrain.schedule.loops import Kernel

__all__ = ["VECTOR_BYTES", "Lines", "OneLane", "Printer", "lanes_of"]

VECTOR_BYTES = 64
"""Bytes of a vector of the widest element: two registers of AVX2, so that two chains of work overlap."""


def lanes_of(kernel: Kernel) -> int:
    """How many elements are worked on at once: a vector of the widest dtype in the kernel."""
    dtypes = {i.dtype for i in kernel.code} | {i.out for i in kernel.code}
    return min(16, VECTOR_BYTES // max([int(d[1]) for d in dtypes]))


class Printer:
    """Writes the lines of one function."""

    def __init__(self, kernel: Kernel, name: str, library: MathLibrary) -> None:
        self.kernel = kernel
        self.name = name
        self.library = library
        self.lines: list[str] = []
        self.count = 0
        self.lanes = lanes_of(kernel)
        self.one = Lines(self, 1)
        self.now = ""
        self.slots: list[str] = []
        self.pointers: list[str] = []
        self.strides: list[list[str]] = []
        self.sizes: list[str] = []
        self.total = self.rows = ""
        self.noted = ""
        self.uniform: dict[int, str] = {}  # values that are the same along the last loop, as scalars

    # Writing.

    def do(self, text: str) -> str:
        self.count += 1
        self.lines.append(f"  %v{self.count} = {text}")
        return f"%v{self.count}"

    def line(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")

    def word(self, index: int) -> str:
        return self.do(f"load i64, ptr {self.do(f'getelementptr i64, ptr %words, i64 {index}')}")

    def offset(self, pointer: str, by: str) -> str:
        return self.do(f"getelementptr i8, ptr {pointer}, i64 {by}")

    def variable(self, type_: str, start: str) -> str:
        """A stack slot, which LLVM turns into a register."""
        self.count += 1
        self.slots.append(f"  %s{self.count} = alloca {type_}")
        self.line(f"store {type_} {start}, ptr %s{self.count}")
        return f"%s{self.count}"

    def is_written(self, operand: int) -> bool:
        return operand in [o for _, o in self.kernel.stores] or operand in [
            x.operand for x in (*self.kernel.folds, *self.kernel.scatters)
        ]

    def at(self, operand: int, pointers: list[str], j: str, lane: int = 0) -> str:
        """The address of one element of an operand, ``lane`` after point ``j`` of the last loop."""
        how, dtype = self.kernel.operands[operand].inner, self.kernel.operands[operand].dtype
        if j == "" or how == "none":
            return pointers[operand]
        if how == "unit":
            return self.do(f"getelementptr {_stored(dtype)}, ptr {pointers[operand]}, i64 {j}")
        k = self.do(f"add i64 {j}, {lane}") if lane else j
        return self.offset(pointers[operand], self.do(f"mul i64 {k}, {self.strides[operand][-1]}"))

    def load(self, e: "Lines", dtype: str, pointer: str) -> str:
        many = "" if e.lanes == 1 else f"<{e.lanes} x "
        t = f"{many}{_stored(dtype)}{'>' if many else ''}"
        value = self.do(f"load {t}, ptr {pointer}, align {dtype[1]}")
        return self.do(f"icmp ne {t} {value}, {'0' if e.lanes == 1 else 'zeroinitializer'}") if dtype == "b1" else value

    def read(self, e: "Lines", dtype: str, operand: int, pointers: list[str], j: str) -> str:
        how = self.kernel.operands[operand].inner
        if e.lanes == 1 or how == "unit":
            return self.load(e, dtype, self.at(operand, pointers, j))
        if how == "none":
            return e.splat(dtype, self.load(self.one, dtype, self.at(operand, pointers, j)))
        value = "poison"
        for lane in range(e.lanes):
            one = self.load(self.one, dtype, self.at(operand, pointers, j, lane))
            value = self.do(f"insertelement {e.type(dtype)} {value}, {LLVM_TYPES[dtype]} {one}, i64 {lane}")
        return value

    def write(self, e: "Lines", operand: int, pointers: list[str], j: str, value: str) -> None:
        dtype, how = self.kernel.operands[operand]
        if e.lanes == 1 or how == "unit":
            self.put(e, dtype, self.at(operand, pointers, j), value)
            return
        for lane in range(e.lanes):
            one = self.do(f"extractelement {e.type(dtype)} {value}, i64 {lane}")
            self.put(self.one, dtype, self.at(operand, pointers, j, lane), one)

    def put(self, e: "Lines", dtype: str, pointer: str, value: str) -> None:
        if dtype == "b1":
            value = self.do(f"zext {e.type('b1')} {value} to {e.type('u1')}")
            dtype = "u1"
        self.line(f"store {e.type(dtype)} {value}, ptr {pointer}, align {dtype[1]}")


class Lines:
    """Instructions on ``lanes`` elements at once: what lowerings write to."""

    def __init__(self, printer: Printer, lanes: int) -> None:
        self._printer = printer
        self.lanes = lanes

    def type(self, dtype: str) -> str:
        one = LLVM_TYPES[dtype]
        return one if self.lanes == 1 else f"<{self.lanes} x {one}>"

    def do(self, text: str) -> str:
        return self._printer.do(text)

    def const(self, dtype: str, value: float) -> str:
        one = literal(dtype, value)
        return one if self.lanes == 1 else f"splat ({LLVM_TYPES[dtype]} {one})"

    def math(self, name: str, dtype: str, args: Sequence[str]) -> str:
        symbol = self._printer.library.function(name, dtype, self.lanes)
        t = self.type(dtype)
        return self.do(f"call {t} @{symbol}({', '.join([f'{t} {a}' for a in args])})")

    def intrinsic(self, name: str, dtype: str, args: Sequence[str]) -> str:
        t = self.type(dtype)
        one = f"f{8 * int(dtype[1])}" if dtype[0] == "f" else LLVM_TYPES[dtype]
        symbol = f"llvm.{name}.{one if self.lanes == 1 else f'v{self.lanes}{one}'}"
        self._printer.library.declare(symbol, f"declare {t} @{symbol}({', '.join([t] * len(args))})")
        return self.do(f"call {t} @{symbol}({', '.join([f'{t} {a}' for a in args])})")

    def splat(self, dtype: str, one: str) -> str:
        if self.lanes == 1:
            return one
        t = self.type(dtype)
        first = self.do(f"insertelement {t} poison, {LLVM_TYPES[dtype]} {one}, i64 0")
        return self.do(f"shufflevector {t} {first}, {t} poison, <{self.lanes} x i32> zeroinitializer")


class OneLane(Lines):
    """A vector of one lane, the last step of folding lanes."""

    def __init__(self, printer: Printer) -> None:
        super().__init__(printer, 1)

    def type(self, dtype: str) -> str:
        return f"<1 x {LLVM_TYPES[dtype]}>"


def _stored(dtype: str) -> str:
    return "i8" if dtype == "b1" else LLVM_TYPES[dtype]
