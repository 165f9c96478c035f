"""A step of a plan that is no loop nest, being written for one dtype: its words, its buffers, calls of libraries."""

import copy

from geartrain.backends.cpu import lapack
from geartrain.backends.cpu.emit import I1, I8, I32, I64, PTR, VOID, Function, Module, Value
from geartrain.backends.cpu.emitter import LLVM_TYPES

__all__ = ["Step", "least"]


class Step:
    """A step being written, for one dtype."""

    def __init__(self, name: str, dtype: str, buffers: int) -> None:
        """A function ``name``; behind the words of so many buffers come the count of repetitions and the sizes."""
        self.module = Module()
        self.f = self.module.function(name, VOID, words=PTR, bases=PTR, low=I64, high=I64)
        self.dtype, self.size = dtype, int(dtype[1])
        self.type = I8 if dtype == "b1" else LLVM_TYPES[dtype]
        self.letter = {"f4": "s", "f8": "d"}.get(dtype, "")
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
        return Value(self.f, self.type, number)

    def call(self, routine: str, *arguments: Value, letters: int = 0) -> Value:
        """Call a routine of LAPACK, with the lengths of its letters; what it gives as ``info``."""
        info = self.f.reserve(I64)
        self.f.store(info, 0, 0)
        lengths = [self.f.const(1)] * letters
        self.f.call(lapack.name_of(f"{self.letter}{routine}"), VOID, *arguments, info, *lengths)
        return self.f.load(info, 0, I32)  # the low half, whatever the width of the library's integers

    def stop_if(self, wrong: Value) -> None:
        """Note an error: the call is then NumPy's."""
        with self.f.when(wrong, likely=False):
            self.f.store(self.f.load(self.f["bases"], 8, PTR), 0, 1)

    def copy(self, to: Value, source: Value, count: Value) -> None:
        self.f.call("memcpy", PTR, to, source, count * self.size)

    def element(self, matrix: Value, i: Value) -> Value:
        return self.f.load(matrix, i * self.size, self.type)

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
        return self.f.make(I1, f"fcmp oeq {self.type} {x.text}, 0.0")


def least(a: Value, b: Value) -> Value:
    return (a < b).select(a, b)
