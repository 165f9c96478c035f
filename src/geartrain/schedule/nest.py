"""A loop nest in the making: values are numbered, operands found, loops merged where memory allows it, folds cut up."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from geartrain.ir.aval import Aval
from geartrain.ir.node import INPUT, Node
from geartrain.ir.views import View, broadcast, contiguous
from geartrain.schedule.element import code_of
from geartrain.schedule.loops import Fold, Instr, Kernel, Operand, Scatter
from geartrain.schedule.steps import Home

__all__ = ["Nest", "Ref", "Run", "fill"]

BLOCK = 1 << 14
"""Elements of a block of a large fold, at least."""

MOST_BLOCKS = 64
LEAST_ROWS = 8


class Ref(NamedTuple):
    """An operand of a call: the buffer of ``root`` from element ``offset`` on, with a stride for each loop."""

    root: Node
    offset: int
    strides: tuple[int, ...]


class Run(NamedTuple):
    """One call of a kernel. ``writes`` numbers the operands that it writes."""

    kernel: Kernel
    refs: tuple[Ref, ...]
    sizes: tuple[int, ...]
    immediates: tuple[tuple[str, Any], ...]
    writes: frozenset[int]
    apart: bool = False
    """Whether the repetitions of the outermost loop may run in any order, at the same time."""


class Folded(NamedTuple):
    """A fold in the making: of ``value`` over ``axes`` to ``home``, by way of an operand over the whole space."""

    kind: str
    value: int
    operand: int
    axes: tuple[int, ...]
    home: Home


class Over(NamedTuple):
    """A loop: its size, how far each operand moves, and for each fold whether it is folded."""

    size: int
    steps: list[int]
    folded: list[bool]


class Nest:
    """A loop nest in the making, over a space."""

    def __init__(self, space: tuple[int, ...]) -> None:
        self.space = space
        self.code: list[Instr] = []
        self.known: dict[Any, int] = {}
        self.views: list[tuple[Node, View, str]] = []
        self.places: dict[tuple[Node, View], int] = {}
        self.immediates: list[tuple[str, Any]] = []
        self.stores: list[tuple[int, int]] = []
        self.folds: list[Folded] = []
        self.scatters: list[Scatter] = []

    def instr(self, op: str, dtype: str, out: str, *args: int) -> int:
        key = Instr(op, dtype, out, args)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = len(self.code)
            self.code.append(key)
        return found

    def operand(self, home: Home, dtype: str) -> int:
        key = (home.root, home.view)
        found = self.places.get(key)
        if found is None:
            found = self.places[key] = len(self.views)
            self.views.append((home.root, home.view, dtype))
        return found

    def load(self, home: Home, dtype: str) -> int:
        view = home.view if home.view.shape == self.space else broadcast(home.view, self.space)
        return self.instr("load", dtype, dtype, self.operand(Home(home.root, view), dtype))

    def immediate(self, value: Any, dtype: str) -> int:
        value = np.asarray(value).astype(dtype).reshape(())[()]
        key = ("imm", dtype, value.tobytes())
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = len(self.code)
            self.code.append(Instr("imm", dtype, dtype, (len(self.immediates),)))
            self.immediates.append((dtype, value))
        return found

    def cast(self, value: int, to: str) -> int:
        have = self.code[value].out
        return value if have == to else self.instr("cast", have, to, value)

    def fold(self, kind: str, value: int, home: Home, axes: tuple[int, ...]) -> None:
        """Fold a value over axes of the space; the result has the other axes."""
        kept = iter(home.view.strides)
        strides = tuple([0 if i in axes else next(kept) for i in range(len(self.space))])
        dtype = code_of(home.root.aval.dtype)
        operand = self.operand(Home(home.root, View(home.view.offset, self.space, strides)), dtype)
        self.folds.append(Folded(kind, value, operand, axes, home))

    def runs(self) -> list[Run]:
        """The finished calls: what has to be filled first, then the loops; nothing where the space is empty."""
        if 0 in self.space:
            return [run for f in self.folds for run in fill(f.home, neutral(f.kind, f.home))]
        strides = [view.strides for _, view, _ in self.views]
        loops = _merged(self.space, strides, [f.axes for f in self.folds])
        if not self.scatters and loops and any(loops[0].folded):
            rows = _rows([loop.size for loop in loops])
            if rows:
                return self._in_blocks(loops, rows)
        return self._runs(loops, [f.home for f in self.folds])

    def _runs(self, loops: "list[Over]", homes: list[Home], total: int = 0) -> list[Run]:
        """``total``: the second loop continues the first, and together they run so often."""
        refs, operands = list[Ref](), list[Operand]()
        for i, (root, view, dtype) in enumerate(self.views):
            strides = tuple([loop.steps[i] for loop in loops])
            inner = "none" if not loops or strides[-1] == 0 else "unit" if strides[-1] == 1 else "step"
            refs.append(Ref(root, view.offset, strides))
            operands.append(Operand(dtype, inner))
        before: list[Run] = []
        folds: list[Fold] = []
        stores = list(self.stores)
        for k, (f, home) in enumerate(zip(self.folds, homes, strict=True)):
            refs[f.operand] = refs[f.operand]._replace(root=home.root, offset=home.view.offset)
            over = [loop.folded[k] for loop in loops]
            if any(over):
                onto = any(over[:-1])
                folds.append(Fold(f.kind, f.value, f.operand, over[-1], onto))
                before += fill(home, neutral(f.kind, home)) if onto else []
            else:
                stores.append((f.value, f.operand))
        made = tuple(self.code), tuple(stores), tuple(folds), tuple(self.scatters)
        kernel = Kernel(len(loops), tuple(operands), len(self.immediates), *made, total > 0)
        writes = frozenset([o for _, o in stores] + [f.operand for f in folds] + [s.operand for s in self.scatters])
        apart = bool(loops) and not any(loops[0].folded) and not self.scatters
        sizes = tuple([loop.size for loop in loops])
        return [
            *before,
            Run(kernel, tuple(refs), (*sizes, total) if total else sizes, tuple(self.immediates), writes, apart),
        ]

    def _in_blocks(self, loops: "list[Over]", rows: int) -> list[Run]:
        """Fold the outermost loop in blocks of ``rows``, each to a place of its own; then fold those.

        So blocks can run at the same time, and the result does not depend on how many do.
        """
        first, rest = loops[0], loops[1:]
        blocks = -(-first.size // rows)
        homes: list[Home] = []
        after: list[Run] = []
        outer = [step * rows for step in first.steps]
        inner = list(first.steps)
        deeper = [list(loop.steps) for loop in rest]
        for k, f in enumerate(self.folds):
            if not first.folded[k]:
                homes.append(f.home)
                continue
            kept = [loop for loop in rest if not loop.folded[k]]
            shape = tuple([loop.size for loop in kept])
            dtype = f.home.root.aval.dtype
            part = Node(INPUT, (), (), Aval((blocks, *shape), dtype))
            whole = contiguous((blocks, *shape))
            strides = iter(whole.strides[1:])
            for steps, loop in zip(deeper, rest, strict=True):
                steps[f.operand] = 0 if loop.folded[k] else next(strides)
            outer[f.operand], inner[f.operand] = whole.strides[0], 0
            homes.append(Home(part, whole))
            last = Nest((blocks, *shape))
            target = View(f.home.view.offset, shape, tuple([loop.steps[f.operand] for loop in kept]))
            value = last.load(Home(part, whole), code_of(dtype))
            last.fold(f.kind, value, Home(f.home.root, target), (0,))
            after += last.runs()
        made = [Over(blocks, outer, [False] * len(self.folds)), Over(rows, inner, first.folded)]
        made += [Over(loop.size, steps, loop.folded) for loop, steps in zip(rest, deeper, strict=True)]
        return [*self._runs(made, homes, first.size), *after]


def _merged(
    space: tuple[int, ...], strides: Sequence[tuple[int, ...]], reduced: Sequence[tuple[int, ...]]
) -> "list[Over]":
    """The loops, outermost first.

    Axes of size one need no loop; neighbours over which every operand moves evenly are one loop.
    """
    loops: list[Over] = []
    for axis, n in enumerate(space):
        if n == 1:
            continue
        steps = [s[axis] for s in strides]
        masks = [axis in axes for axes in reduced]
        if loops:
            m, outer, outer_masks = loops[-1]
            if masks == outer_masks and all(o == s * n for o, s in zip(outer, steps, strict=True)):
                loops[-1] = Over(m * n, steps, masks)
                continue
        loops.append(Over(n, steps, masks))
    return loops


def _rows(sizes: Sequence[int]) -> int:
    """How many repetitions of the outermost loop make a block; 0 where blocks are not worth it."""
    row = math.prod(sizes[1:])
    if sizes[0] * row < 2 * BLOCK:
        return 0
    rows = max(-(-BLOCK // row), -(-sizes[0] // MOST_BLOCKS), LEAST_ROWS)
    rows = -(-rows // 64) * 64 if len(sizes) == 1 else rows
    return rows if 2 * rows <= sizes[0] else 0


def fill(home: Home, value: Any) -> list[Run]:
    """Fill a part of a buffer with one value."""
    dtype = code_of(home.root.aval.dtype)
    nest = Nest(home.view.shape)
    nest.stores.append((nest.immediate(value, dtype), nest.operand(home, dtype)))
    return nest.runs()


def neutral(kind: str, home: Home) -> Any:
    """The value that a fold begins with."""
    if kind in ("sum", "any", "all"):
        return {"sum": 0, "any": False, "all": True}[kind]
    dtype = home.root.aval.dtype
    if dtype.kind == "f":
        return -np.inf if kind == "max" else np.inf
    if dtype.kind == "b":
        return kind == "min"
    info = np.iinfo(dtype)
    return info.min if kind == "max" else info.max
