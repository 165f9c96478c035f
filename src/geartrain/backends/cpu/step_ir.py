"""A step of a plan that is no loop nest, being written for one dtype: its words, its buffers, calls of libraries."""

import copy

from geartrain.backends.cpu import lapack
from geartrain.backends.cpu.emit import I1, I8, I32, I64, PTR, VOID, Function, Module, Value
from geartrain.backends.cpu.emitter import LLVM_TYPES

__all__ = ["Step", "least"]


class Step:
    """A step being written, for one dtype; ``c8`` and ``c16`` are pairs of ``f4`` and ``f8``."""

    def __init__(self, name: str, dtype: str, buffers: int) -> None:
        """A function ``name``; behind the words of so many buffers come the count of repetitions and the sizes."""
        self.module = Module()
        self.f = self.module.function(name, VOID, words=PTR, bases=PTR, low=I64, high=I64)
        self.dtype, self.size, self.pair = dtype, int(dtype[1:]), dtype[0] == "c"
        part = f"f{self.size // 2}" if self.pair else dtype
        self.part_type, self.part_size = LLVM_TYPES[part], int(part[1])
        self.type = I8 if dtype == "b1" else f"<2 x {self.part_type}>" if self.pair else self.part_type
        self.letter = {"f4": "s", "f8": "d", "c8": "c", "c16": "z"}.get(dtype, "")
        self.count = buffers

    def inside(self, f: Function) -> "Step":
        """The same for another function of the module."""
        made = copy.copy(self)
        made.f = f
        return made

    def word(self, i: int) -> Value:
        return self.f.load(self.f["words"], 8 * i, I64)

    def buffer(self, i: int) -> Value:
        base = self.f.load(self.f["bases"].at(self.word(2 * i) * 8), 0, PTR)
        return base.at(self.word(2 * i + 1))

    @property
    def many(self) -> Value:
        return self.word(2 * self.count)

    def sizes(self, n: int) -> list[Value]:
        return [self.word(2 * self.count + 1 + i) for i in range(n)]

    # Small things.

    def cell(self, value: Value | int) -> Value:
        """A pointer to a value, as Fortran takes it."""
        value = value if isinstance(value, Value) else self.f.const(value)
        slot = self.f.reserve(value.type)
        self.f.store(slot, 0, value)
        return slot

    def letter_of(self, text: str) -> Value:
        return self.cell(self.f.const(ord(text), I8))

    def choice(self, condition: Value, yes: str, no: str) -> Value:
        return self.cell(condition.select(self.f.const(ord(yes), I8), self.f.const(ord(no), I8)))

    def real(self, number: str) -> Value:
        """A real number; of pairs, a part."""
        return Value(self.f, self.part_type, number)

    @property
    def one(self) -> Value:
        return self._whole("1.0")

    @property
    def minus_one(self) -> Value:
        return self._whole("-1.0")

    def _whole(self, number: str) -> Value:
        t = self.part_type
        return Value(self.f, self.type, f"<{t} {number}, {t} 0.0>") if self.pair else self.real(number)

    @property
    def zero(self) -> Value:
        return Value(self.f, self.type, "zeroinitializer")

    def call(self, routine: str, *arguments: Value, letters: int = 0, letter: str = "") -> Value:
        """Call a routine of LAPACK, with the lengths of its letters; what it gives as ``info``."""
        info = self.f.reserve(I64)
        self.f.store(info, 0, 0)
        lengths = [self.f.const(1)] * letters
        self.f.call(lapack.name_of(f"{letter or self.letter}{routine}"), VOID, *arguments, info, *lengths)
        return self.f.load(info, 0, I32)  # the low half, whatever the width of the library's integers

    def stop_if(self, wrong: Value) -> None:
        """Note an error: the call is then NumPy's."""
        with self.f.when(wrong, likely=False):
            self.f.store(self.f.load(self.f["bases"], 8, PTR), 0, 1)

    def copy(self, to: Value, source: Value, count: Value) -> None:
        self.f.call("memcpy", PTR, to, source, count * self.size)

    def element(self, matrix: Value, i: Value) -> Value:
        return self.f.load(matrix, i * self.size, self.type)

    def part(self, matrix: Value, i: Value) -> Value:
        """Number i of an array of parts."""
        return self.f.load(matrix, i * self.part_size, self.part_type)

    def parts(self, x: Value) -> list[Value]:
        return [self.f.make(self.part_type, f"extractelement {x.type} {x.text}, i32 {k}") for k in range(2)]

    def put_parts(self, at: Value, re: Value, im: Value | None = None) -> None:
        """Store a pair; without ``im``, a real number as one."""
        self.f.store(at, 0, re)
        self.f.store(at, self.part_size, im if im is not None else self.real("0.0"))

    def two(self, op: str, a: Value, b: Value) -> Value:
        """An operation on parts, or on real numbers."""
        return self.f.make(a.type, f"{op} {a.type} {a.text}, {b.text}")

    def turn(self, to: Value, source: Value, rows: Value, columns: Value, ld: Value) -> None:
        """``to``, row-major (rows, columns), becomes ``source``, column-major with ``ld`` elements a column.

        By tiles, which keep to a few lines of the cache.
        """
        f = self.f
        with f.count((rows + 7) // 8) as bi, f.count((columns + 7) // 8) as bj:
            top, left = bi * 8, bj * 8
            down, right = least(top + 8, rows), least(left + 8, columns)
            with f.count(down, top) as i, f.count(right, left) as j:
                f.store(to, (i * columns + j) * self.size, self.element(source, j * ld + i))

    def columns(self, to: Value, source: Value, rows: Value, columns: Value) -> None:
        """``to``, column-major, becomes ``source``, row-major (rows, columns)."""
        self.turn(to, source, columns, rows, columns)

    def swap(self, x: Value, pivots: Value, n: Value, k: Value, backwards: Value) -> None:
        """Exchange rows of the row-major (n, k) as the pivots say, from the first on or from the last."""
        f = self.f
        with f.count(n) as step:
            i = backwards.select(n - 1 - step, step)
            other = self.pivot(pivots, i)
            with f.when(other.differs(i)), f.count(k) as j:
                at, there = (i * k + j) * self.size, (other * k + j) * self.size
                a, b = f.load(x, at, self.type), f.load(x, there, self.type)
                f.store(x, at, b)
                f.store(x, there, a)

    def pivot(self, pivots: Value, i: Value) -> Value:
        """With which row, counted from 0, row i was exchanged."""
        if lapack.int_dtype().itemsize == 8:
            return self.f.load(pivots, i * 8, I64) - 1
        return self.f.load(pivots, i * 4, I32).widen(I64) - 1

    def is_zero(self, x: Value) -> Value:
        if self.pair:
            re, im = (self.f.make(I1, f"fcmp oeq {self.part_type} {part.text}, 0.0") for part in self.parts(x))
            return re & im
        return self.f.make(I1, f"fcmp oeq {self.type} {x.text}, 0.0")


def least(a: Value, b: Value) -> Value:
    return (a < b).select(a, b)
