"""What may go wrong: gather and scatter at places that depend on data, and integers that have to fit in 64 bits."""

from collections.abc import Sequence

from geartrain.backends.cpu.emitter import LLVM_TYPES
from geartrain.backends.cpu.lower import LOWERINGS
from geartrain.backends.cpu.printer import Lines, Printer
from geartrain.schedule.loops import Scatter

__all__ = ["Places"]


_CHECKED = {"add": "add", "subtract": "sub", "multiply": "mul", "negative": "sub"}


class Places(Printer):
    """Prints gathers, scatters, and checked arithmetic."""

    def places(self, e: Lines, where: Sequence[int], values: list[str]) -> str:
        """The bytes to go, for each lane: indices are checked, and counted from the end if negative."""
        t, total = e.type("i8"), ""
        for k in range(0, len(where), 3):
            index, size, stride = ((values if e.lanes > 1 else self.scalars(values))[w] for w in where[k : k + 3])
            negative = self.do(f"icmp slt {t} {index}, {e.const('i8', 0)}")
            from_end = self.do(f"add {t} {index}, {size}")
            index = self.do(f"select {e.type('b1')} {negative}, {t} {from_end}, {t} {index}")
            wrong = self.do(f"icmp uge {t} {index}, {size}")
            index = self.do(f"select {e.type('b1')} {wrong}, {t} {e.const('i8', 0)}, {t} {index}")
            self.note(e, wrong)
            bytes_ = self.do(f"mul {t} {index}, {stride}")
            total = self.do(f"add {t} {total}, {bytes_}") if total else bytes_
        return total

    def scalars(self, values: list[str]) -> list[str]:
        """Values with those that are the same along the last loop as scalars."""
        return [self.uniform.get(i, v) for i, v in enumerate(values)]

    def note(self, e: Lines, wrong: str) -> None:
        """Note that something went wrong; :meth:`finish_notes` tells it at the end."""
        if e.lanes > 1:
            symbol = f"llvm.vector.reduce.or.v{e.lanes}i1"
            self.library.declare(symbol, f"declare i1 @{symbol}({e.type('b1')})")
            wrong = self.do(f"call i1 @{symbol}({e.type('b1')} {wrong})")
        if not self.noted:
            self.noted = "%noted"
            self.slots += ["  %noted = alloca i1", "  store i1 false, ptr %noted"]
        old = self.do(f"load i1, ptr {self.noted}")
        self.line(f"store i1 {self.do(f'or i1 {old}, {wrong}')}, ptr {self.noted}")

    def finish_notes(self) -> None:
        """Set the word that base 1 points to if something went wrong."""
        if self.noted:
            status = self.do(f"load ptr, ptr {self.do('getelementptr ptr, ptr %bases, i64 1')}")
            wrong = self.do(f"zext i1 {self.do(f'load i1, ptr {self.noted}')} to i64")
            self.line(f"atomicrmw or ptr {status}, i64 {wrong} monotonic")

    def checked(self, e: Lines, op: str, args: Sequence[str]) -> str:
        """Arithmetic of Python's integers, while they fit."""
        t, truth = e.type("i8"), e.type("b1")
        values = (e.const("i8", 0), *args) if op == "negative" else tuple(args)
        symbol = f"llvm.s{_CHECKED[op]}.with.overflow.{'' if e.lanes == 1 else f'v{e.lanes}'}i64"
        pair = f"{{ {t}, {truth} }}"
        self.library.declare(symbol, f"declare {pair} @{symbol}({t}, {t})")
        made = self.do(f"call {pair} @{symbol}({t} {values[0]}, {t} {values[1]})")
        self.note(e, self.do(f"extractvalue {pair} {made}, 1"))
        return self.do(f"extractvalue {pair} {made}, 0")

    def gather(
        self, e: Lines, dtype: str, operand: int, where: Sequence[int], values: list[str], pointers: list[str], j: str
    ) -> str:
        if all(w in self.uniform for w in where):
            moved = self.moved(operand, self.places(self.one, where, values), pointers)
            return self.read(e, dtype, operand, moved, j)
        bytes_ = self.places(e, where, values)
        if e.lanes == 1:
            return self.read(e, dtype, operand, self.moved(operand, bytes_, pointers), j)
        value = "poison"
        for lane in range(e.lanes):
            pointer = self.lane_pointer(e, operand, bytes_, pointers, j, lane)
            one = self.load(self.one, dtype, pointer)
            value = self.do(f"insertelement {e.type(dtype)} {value}, {LLVM_TYPES[dtype]} {one}, i64 {lane}")
        return value

    def moved(self, operand: int, bytes_: str, pointers: list[str]) -> list[str]:
        return [self.offset(p, bytes_) if i == operand else p for i, p in enumerate(pointers)]

    def lane_pointer(self, e: Lines, operand: int, bytes_: str, pointers: list[str], j: str, lane: int) -> str:
        by = self.do(f"extractelement {e.type('i8')} {bytes_}, i64 {lane}")
        return self.offset(self.at_lane(operand, pointers, j, lane), by)

    def at_lane(self, operand: int, pointers: list[str], j: str, lane: int) -> str:
        """The address of an operand at one lane, however it moves."""
        if self.kernel.operands[operand].inner != "unit" or lane == 0:
            return self.at(operand, pointers, j, lane)
        return self.at(operand, pointers, self.do(f"add i64 {j}, {lane}"))

    def scatter(self, e: Lines, s: Scatter, values: list[str], pointers: list[str], j: str) -> None:
        """One after the other: a place may come twice."""
        dtype, how = self.kernel.operands[s.operand]
        if e.lanes == 1 or (how == "unit" and all(w in self.uniform for w in s.where)):
            moved = self.moved(s.operand, self.places(self.one, s.where, values), pointers)
            value = values[s.value]
            if s.add:
                value = LOWERINGS["add"](e, dtype, (self.read(e, dtype, s.operand, moved, j), value))
            self.write(e, s.operand, moved, j, value)
            return
        bytes_ = self.places(e, s.where, values)
        for lane in range(e.lanes):
            pointer = self.lane_pointer(e, s.operand, bytes_, pointers, j, lane)
            value = self.do(f"extractelement {e.type(dtype)} {values[s.value]}, i64 {lane}")
            if s.add:
                value = LOWERINGS["add"](self.one, dtype, (self.load(self.one, dtype, pointer), value))
            self.put(self.one, dtype, pointer, value)
