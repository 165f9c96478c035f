"""A loop nest as LLVM IR, vectorised along its last loop.

Every kernel is ``void(ptr words, ptr bases, i64 low, i64 high)``. ``words`` holds, for each operand, the number of
its base, a byte offset and a byte stride for each loop; then the sizes of the loops; then the immediates. The outermost
loop runs over [low, high). ``bases`` holds an address for each base.

Sums of floats are accurate: blocks of 64 vectors are summed lane by lane, lanes are added as a tree, and the sums of
the blocks are added in double precision with their rounding errors (Knuth's two-sum).
"""

import math

from geartrain.backends.cpu.emitter import LLVM_TYPES, literal
from geartrain.backends.cpu.lower import LOWERINGS, cast
from geartrain.backends.cpu.mathlib import MathLibrary
from geartrain.backends.cpu.places_ir import Places
from geartrain.backends.cpu.printer import Lines, OneLane
from geartrain.schedule.loops import Fold, Kernel

__all__ = ["BLOCK", "kernel_text", "words_of"]

BLOCK = 64
"""Vectors in a block of a sum."""


def words_of(kernel: Kernel) -> int:
    """How many words a call of the kernel has."""
    return len(kernel.operands) * (2 + kernel.ndim) + kernel.ndim + kernel.ragged + kernel.immediates


def kernel_text(kernel: Kernel, name: str, library: MathLibrary) -> str:
    """The definition of the kernel as a function ``name``; what it calls is noted in ``library``."""
    return _Printer(kernel, name, library).text()


_FOLD_OPS = {"sum": "add", "max": "maximum", "min": "minimum", "any": "logical_or", "all": "logical_and"}


class _Printer(Places):
    def text(self) -> str:
        kernel, nd = self.kernel, self.kernel.ndim
        at = 0
        for _ in kernel.operands:
            base = self.do(f"load ptr, ptr {self.do(f'getelementptr ptr, ptr %bases, i64 {self.word(at)}')}")
            self.pointers.append(self.offset(base, self.word(at + 1)))
            self.strides.append([self.word(at + 2 + d) for d in range(nd)])
            at += 2 + nd
        self.sizes = [self.word(at + d) for d in range(nd)]
        at += nd
        if kernel.ragged:
            self.total = self.word(at)
            at += 1
            self.rows = self.sizes[1]
        for i, (op, dtype, _, args) in enumerate(kernel.code):
            if op == "imm":
                pointer = self.do(f"getelementptr i64, ptr %words, i64 {at + args[0]}")
                self.uniform[i] = self.load(self.one, dtype, pointer)
        if nd == 0:
            self.body(self.one, self.pointers, "", {})
        elif nd == 1:
            self.pointers = [self.offset(p, self.do(f"mul i64 %low, {s[0]}")) for p, s in self._walks()]
            self.inner(self.pointers, self.do("sub i64 %high, %low"))
        else:
            self.outer(0, self.pointers)
        self.finish_notes()
        self.line("ret void")
        header = f"define void @{self.name}(ptr %words, ptr %bases, i64 %low, i64 %high) nounwind {{"
        return "\n".join([header, "start:", *self.slots, *self.lines, "}\n"])

    def _walks(self) -> list[tuple[str, list[str]]]:
        return list(zip(self.pointers, self.strides, strict=True))

    # Loops.

    def outer(self, depth: int, pointers: list[str]) -> None:
        """One loop that is not the last."""
        if depth == self.kernel.ndim - 1:
            self.inner(pointers, self.sizes[-1])
            return
        i = self.variable("i64", "%low" if depth == 0 else "0")
        end = "%high" if depth == 0 else self.sizes[depth]
        with_label = f"loop{depth}"
        self.line(f"br label %{with_label}")
        self.label(with_label)
        now = self.do(f"load i64, ptr {i}")
        more = self.do(f"icmp slt i64 {now}, {end}")
        self.line(f"br i1 {more}, label %{with_label}.body, label %{with_label}.end")
        self.label(f"{with_label}.body")
        if depth == 0 and self.kernel.ragged:
            done = self.do(f"mul i64 {now}, {self.rows}")
            rest = self.do(f"sub i64 {self.total}, {done}")
            less = self.do(f"icmp slt i64 {rest}, {self.rows}")
            self.sizes[1] = self.do(f"select i1 {less}, i64 {rest}, i64 {self.rows}")
        moved = [
            self.offset(p, self.do(f"mul i64 {now}, {s[depth]}")) for p, s in zip(pointers, self.strides, strict=True)
        ]
        self.outer(depth + 1, moved)
        self.line(f"store i64 {self.do(f'add i64 {now}, 1')}, ptr {i}")
        self.line(f"br label %{with_label}")
        self.label(f"{with_label}.end")

    def hoist(self) -> None:
        """What is the same along the last loop is computed once, before it."""
        values = self.uniform
        for i, (op, dtype, out, args) in enumerate(self.kernel.code):
            if i not in values and op not in ("load", "imm", "gather") and all(a in values for a in args):
                values[i] = self.compute(self.one, op, dtype, out, [values[a] for a in args])

    def compute(self, e: Lines, op: str, dtype: str, out: str, args: list[str]) -> str:
        if op.endswith("_checked"):
            return self.checked(e, op.removesuffix("_checked"), args)
        return cast(e, dtype, out, args[0]) if op == "cast" else LOWERINGS[op](e, dtype, args)

    def counted(self, name: str, j: str, end: str) -> None:
        """Open a loop over ``j``, a variable, that runs while ``j < end``; :meth:`close` ends it."""
        self.line(f"br label %{name}")
        self.label(name)
        now = self.do(f"load i64, ptr {j}")
        more = self.do(f"icmp slt i64 {now}, {end}")
        self.line(f"br i1 {more}, label %{name}.body, label %{name}.end")
        self.label(f"{name}.body")
        self.now = now

    def close(self, name: str, j: str, now: str, step: int) -> None:
        self.line(f"store i64 {self.do(f'add i64 {now}, {step}')}, ptr {j}")
        self.line(f"br label %{name}")
        self.label(f"{name}.end")

    def inner(self, pointers: list[str], n: str) -> None:
        """The last loop: vectors, then what is left one by one; folds along it are kept in registers."""
        kernel, lanes = self.kernel, self.lanes
        for i, (op, dtype, _, args) in enumerate(kernel.code):
            if op == "load" and kernel.operands[args[0]].inner == "none" and not self.is_written(args[0]):
                self.uniform[i] = self.load(self.one, dtype, pointers[args[0]])
        self.hoist()
        folds = [f for f in kernel.folds if f.inner]
        vectors = Lines(self, lanes)
        totals = {f: self.start_total(f) for f in folds}
        j = self.variable("i64", "0")
        whole = self.do(f"and i64 {n}, {-lanes}")
        blocks = any(self.is_float_sum(f) for f in folds)
        if blocks:
            self.counted("block", j, whole)
            start = self.now
            far = self.do(f"add i64 {start}, {BLOCK * lanes}")
            stop = self.do(f"select i1 {self.do(f'icmp slt i64 {far}, {whole}')}, i64 {far}, i64 {whole}")
        else:
            stop = whole
        sums = {f: self.variable(vectors.type(self.dtype_of(f)), self.neutral(vectors, f)) for f in folds}
        self.counted("vector", j, stop)
        now = self.now
        self.body(vectors, pointers, now, sums)
        self.close("vector", j, now, lanes)
        for f in folds:
            dtype = self.dtype_of(f)
            lanewise = self.do(f"load {vectors.type(dtype)}, ptr {sums[f]}")
            self.add_total(f, totals[f], self.across(f, lanewise))
        if blocks:
            self.line("br label %block")
            self.label("block.end")
        rest = {f: self.variable(self.one.type(self.dtype_of(f)), self.neutral(self.one, f)) for f in folds}
        self.counted("single", j, n)
        now = self.now
        self.body(self.one, pointers, now, rest)
        self.close("single", j, now, 1)
        for f in folds:
            dtype = self.dtype_of(f)
            self.add_total(f, totals[f], self.do(f"load {self.one.type(dtype)}, ptr {rest[f]}"))
            self.finish(f, pointers[f.operand], self.read_total(f, totals[f]))

    # One point, or one vector of points.

    def body(self, e: Lines, pointers: list[str], j: str, sums: dict[Fold, str]) -> None:
        """Load, compute, store, fold at the ``e.lanes`` points from ``j`` on."""
        kernel = self.kernel
        values: list[str] = []
        for i, (op, dtype, out, args) in enumerate(kernel.code):
            if i in self.uniform:
                values.append(e.splat(out, self.uniform[i]))
            elif op == "load":
                values.append(self.read(e, dtype, args[0], pointers, j))
            elif op == "gather":
                values.append(self.gather(e, dtype, args[0], args[1:], values, pointers, j))
            else:
                values.append(self.compute(e, op, dtype, out, [values[a] for a in args]))
        for value, operand in kernel.stores:
            self.write(e, operand, pointers, j, values[value])
        for f in kernel.folds:
            dtype = self.dtype_of(f)
            if f in sums:
                old = self.do(f"load {e.type(dtype)}, ptr {sums[f]}")
                new = LOWERINGS[_FOLD_OPS[f.kind]](e, dtype, (old, values[f.value]))
                self.line(f"store {e.type(dtype)} {new}, ptr {sums[f]}")
            else:
                old = self.read(e, dtype, f.operand, pointers, j)
                self.write(e, f.operand, pointers, j, LOWERINGS[_FOLD_OPS[f.kind]](e, dtype, (old, values[f.value])))

        for s in kernel.scatters:
            self.scatter(e, s, values, pointers, j)

    # Folds.

    def dtype_of(self, fold: Fold) -> str:
        return self.kernel.operands[fold.operand].dtype

    def is_float_sum(self, fold: Fold) -> bool:
        return fold.kind == "sum" and self.dtype_of(fold)[0] == "f"

    def neutral(self, e: Lines, fold: Fold) -> str:
        return e.const(self.dtype_of(fold), _neutral(fold.kind, self.dtype_of(fold)))

    def across(self, fold: Fold, value: str) -> str:
        """Fold the lanes of a vector, halving it again and again."""
        dtype, lanes = self.dtype_of(fold), self.lanes
        while lanes > 1:
            wide, half = f"<{lanes} x {LLVM_TYPES[dtype]}>", lanes // 2
            parts: list[str] = []
            for first in (0, half):
                mask = ", ".join([f"i32 {first + k}" for k in range(half)])
                parts.append(self.do(f"shufflevector {wide} {value}, {wide} poison, <{half} x i32> <{mask}>"))
            value = LOWERINGS[_FOLD_OPS[fold.kind]](Lines(self, half) if half > 1 else OneLane(self), dtype, parts)
            lanes = half
        one = f"<1 x {LLVM_TYPES[dtype]}>"
        return self.do(f"extractelement {one} {value}, i64 0") if self.lanes > 1 else value

    def start_total(self, fold: Fold) -> tuple[str, ...]:
        if self.is_float_sum(fold):
            return self.variable("double", literal("f8", 0)), self.variable("double", literal("f8", 0))
        return (self.variable(self.one.type(self.dtype_of(fold)), self.neutral(self.one, fold)),)

    def add_total(self, fold: Fold, total: tuple[str, ...], value: str) -> None:
        dtype = self.dtype_of(fold)
        if not self.is_float_sum(fold):
            t = self.one.type(dtype)
            old = self.do(f"load {t}, ptr {total[0]}")
            self.line(f"store {t} {LOWERINGS[_FOLD_OPS[fold.kind]](self.one, dtype, (old, value))}, ptr {total[0]}")
            return
        value = cast(self.one, dtype, "f8", value)
        old = self.do(f"load double, ptr {total[0]}")
        lost = self.do(f"load double, ptr {total[1]}")
        new = self.do(f"fadd double {old}, {value}")
        part = self.do(f"fsub double {new}, {old}")
        error_old = self.do(f"fsub double {old}, {self.do(f'fsub double {new}, {part}')}")
        error_value = self.do(f"fsub double {value}, {part}")
        error = self.do(f"fadd double {error_old}, {error_value}")
        self.line(f"store double {new}, ptr {total[0]}")
        self.line(f"store double {self.do(f'fadd double {lost}, {error}')}, ptr {total[1]}")

    def read_total(self, fold: Fold, total: tuple[str, ...]) -> str:
        dtype = self.dtype_of(fold)
        if not self.is_float_sum(fold):
            return self.do(f"load {self.one.type(dtype)}, ptr {total[0]}")
        value, lost = (self.do(f"load double, ptr {slot}") for slot in total)
        known = self.do(f"fcmp ord double {lost}, {lost}")  # not after an overflow, where the error is no number
        lost = self.do(f"select i1 {known}, double {lost}, double {literal('f8', 0)}")
        return cast(self.one, "f8", dtype, self.do(f"fadd double {value}, {lost}"))

    def finish(self, fold: Fold, pointer: str, value: str) -> None:
        dtype = self.dtype_of(fold)
        if fold.onto:
            old = self.load(self.one, dtype, pointer)
            value = LOWERINGS[_FOLD_OPS[fold.kind]](self.one, dtype, (old, value))
        self.put(self.one, dtype, pointer, value)


def _neutral(kind: str, dtype: str) -> float:
    if kind in ("sum", "any"):
        return 0
    if kind == "all":
        return 1
    if dtype[0] == "f":
        return -math.inf if kind == "max" else math.inf
    if dtype == "b1":
        return kind == "min"
    bits = 8 * int(dtype[1])
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if dtype[0] == "i" else (0, (1 << bits) - 1)
    return low if kind == "max" else high
