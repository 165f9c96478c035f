"""One call of a kernel as a loop nest in C: sizes, strides and constants are written out."""

from collections.abc import Mapping
from typing import NamedTuple

from geartrain.backends.c.element import TYPES, Unwritable, cast, expression, fold, literal, neutral
from geartrain.ir.node import Node
from geartrain.schedule.nest import Run

__all__ = ["Place", "nest"]


class Place(NamedTuple):
    """Where a buffer begins: a pointer to char, by name, and bytes from there."""

    pointer: str
    offset: int


def nest(run: Run, places: Mapping[Node, Place]) -> list[str]:
    """The lines of the nest. Where an index is out of range they go to the label ``end`` with ``status`` 1."""
    return _Nest(run, places).lines()


class _Nest:
    def __init__(self, run: Run, places: Mapping[Node, Place]) -> None:
        self.run, self.kernel = run, run.kernel
        self.places = [places[ref.root] for ref in run.refs]

    def address(self, operand: int, depth: int, further: str = "") -> str:
        """The address of an operand at this point of the first ``depth`` loops."""
        place, ref, dtype = self.places[operand], self.run.refs[operand], self.kernel.operands[operand].dtype
        if dtype not in TYPES:
            raise Unwritable(f"the dtype {dtype}")
        size = ref.root.aval.dtype.itemsize
        terms = [place.pointer, str(place.offset + ref.offset * size)]
        terms += [f"i{d} * {s * size}" for d, s in enumerate(ref.strides[:depth]) if s]
        inside = " + ".join([t for t in terms if t != "0"]) + further
        return f"*({TYPES[dtype]} *)({inside})"

    def lines(self) -> list[str]:
        kernel, depth = self.kernel, self.kernel.ndim
        folds = [f for f in kernel.folds if f.inner]
        out: list[str] = []
        for d in range(depth):
            margin = "  " * d
            if d == depth - 1:
                for k, f in enumerate(folds):
                    dtype = kernel.operands[f.operand].dtype
                    wide = "f8" if f.kind == "sum" and dtype == "f4" else dtype
                    out.append(f"{margin}{TYPES[wide]} total{k} = {neutral(f.kind, wide)};")
            end = str(self.run.sizes[d])
            if kernel.ragged and d == 1:
                rest = f"{self.run.sizes[depth]} - i0 * {end}"
                end = f"({rest} < {end} ? {rest} : {end})"
            out.append(f"{margin}for (int64_t i{d} = 0; i{d} < {end}; i{d}++) {{")
        margin = "  " * depth
        out += [margin + line for line in self.body()]
        for d in reversed(range(depth)):
            margin = "  " * d
            out.append(margin + "}")
            if d == depth - 1:
                for k, f in enumerate(folds):
                    dtype, where = kernel.operands[f.operand].dtype, self.address(f.operand, d)
                    value = f"({TYPES[dtype]})total{k}"
                    out.append(f"{margin}{where} = {fold(f.kind, dtype, where, value) if f.onto else value};")
        return ["{", *["  " + line for line in out], "}"]

    def body(self) -> list[str]:
        kernel, depth = self.kernel, self.kernel.ndim
        out: list[str] = []
        for i, (op, dtype, kind, args) in enumerate(kernel.code):
            values = [f"v{a}" for a in args]
            if op == "load":
                stored = self.address(args[0], depth)
                text = f"({stored} != 0)" if dtype == "b1" else stored
            elif op == "imm":
                text = literal(dtype, self.run.immediates[args[0]][1])
            elif op == "gather":
                lines, further = self.index(f"g{i}", args[1:])
                out += lines
                text = self.address(args[0], depth, further)
            elif op == "cast":
                text = cast(dtype, kind, values[0])
            else:
                text = expression(op, dtype, values)
            if kind not in TYPES:
                raise Unwritable(f"the dtype {kind}")
            out.append(f"const {TYPES[kind]} v{i} = {text};")
        out += [f"{self.address(operand, depth)} = v{value};" for value, operand in kernel.stores]
        inner = 0
        for f in kernel.folds:
            dtype = kernel.operands[f.operand].dtype
            if f.inner:
                wide = "f8" if f.kind == "sum" and dtype == "f4" else dtype
                out.append(f"total{inner} = {fold(f.kind, wide, f'total{inner}', f'v{f.value}')};")
                inner += 1
            else:
                where = self.address(f.operand, depth)
                out.append(f"{where} = {fold(f.kind, dtype, where, f'v{f.value}')};")
        for k, s in enumerate(kernel.scatters):
            lines, further = self.index(f"s{k}", s.where)
            where, dtype = self.address(s.operand, depth, further), kernel.operands[s.operand].dtype
            out += lines
            out.append(f"{where} = {expression('add', dtype, [where, f'v{s.value}']) if s.add else f'v{s.value}'};")
        return out

    def index(self, name: str, where: tuple[int, ...]) -> tuple[list[str], str]:
        """Check indices; what they add to an address."""
        lines: list[str] = []
        terms: list[str] = []
        for k in range(0, len(where), 3):
            index, size, stride = (f"v{w}" for w in where[k : k + 3])
            at = f"{name}_{k // 3}"
            lines.append(f"const int64_t {at} = {index} < 0 ? {index} + {size} : {index};")
            lines.append(f"if ({at} < 0 || {at} >= {size}) {{ status = 1; goto end; }}")
            terms.append(f" + {at} * {stride}")
        return lines, "".join(terms)
