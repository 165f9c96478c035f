"""Steps of a plan as words, for native code to walk: addresses of kernels, numbers of bases, offsets, sizes."""

import math
from collections.abc import Mapping

import numpy as np

from geartrain.backends.cpu import kernels, patches, routines
from geartrain.backends.cpu.gemm import TRANSPOSE_A, TRANSPOSE_B
from geartrain.backends.cpu.lower import MATH
from geartrain.backends.cpu.patches_ir import ROWS
from geartrain.backends.cpu.strip_ir import WAYS
from geartrain.backends.cpu.work import work
from geartrain.ir.node import Node
from geartrain.ir.views import contiguous
from geartrain.schedule.element import code_of
from geartrain.schedule.loops import Kernel
from geartrain.schedule.nest import Run
from geartrain.schedule.plan import LoopRun, Plan, Step
from geartrain.schedule.steps import Call, Home, Patches, Product, Routine
from geartrain.schedule.strips import Part, Strip

__all__ = ["Address", "Encoder", "Slots", "kernels_of", "slots_of"]

TASKS, LEAST_ROWS = 32, 24
"""A product with patches is done in so many tasks at least, if these have so many rows; never by number of threads."""

Slots = dict[Node, tuple[int, int]]
"""Where buffers begin: the number of a base, and bytes from there."""


def slots_of(plan: Plan, bases: Mapping[tuple[str, int], int]) -> Slots:
    """Where the buffers of a plan begin, if ``bases`` says which base each kind of spot has."""
    return {
        node: (bases["arena", 0], at) if kind == "arena" else (bases[kind, at], 0)
        for node, (kind, at) in plan.spots.items()
        if kind != "local"
    }


def kernels_of(plan: Plan) -> list[Kernel]:
    """The kernels that a plan and the bodies of its loops call."""
    found: list[Kernel] = []
    for step in plan.steps:
        if isinstance(step, Run):
            found.append(step.kernel)
        elif isinstance(step, LoopRun):
            found += kernels_of(step.body)
        elif isinstance(step, Strip):
            found += [part.step.kernel for part in step.parts if isinstance(part.step, Run)]
    return found


def _roots(step: Run | Product) -> list[Node]:
    if isinstance(step, Run):
        return [ref.root for ref in step.refs]
    return [step.a.home.root, step.b.home.root, step.node]


def _share(run: Run) -> tuple[int, int]:
    """What a worker takes at least of the outermost loop, and the nanoseconds that one thread needs, about."""
    if not run.apart:
        return 1, 0
    ndim = run.kernel.ndim
    points = math.prod(run.sizes[:ndim])
    heavy = sum(instr.op in MATH for instr in run.kernel.code)
    per_point = 0.1 * len(run.kernel.code) + 1.5 * heavy + 0.2 * len(run.refs)
    return (4096 if ndim == 1 else 1), int(points * per_point)


class Address(int):
    """A word that is the address of the code of this name, which is filled in where the plan runs."""

    name: str

    def __new__(cls, name: str) -> "Address":
        """Zero, until it is known."""
        made = super().__new__(cls, 0)
        made.name = name
        return made


class Encoder:
    """Makes words. ``bases`` counts the bases; loops add some."""

    def __init__(self, bases: int) -> None:
        self.bases = bases

    def step(self, plan: Plan, step: Step, slots: Slots) -> list[int]:
        """A step as ``gt_walk`` of ``walk_ir`` reads it."""
        if isinstance(step, Run):
            code, size, words = kernels.name_of(step.kernel), step.sizes[0] if step.sizes else 0, self._run(step, slots)
        elif isinstance(step, Product) and step.patches is not None:
            return self._patches(plan, step, step.patches, slots)
        elif isinstance(step, Product):
            code, size, words = f"gt_product_f{8 * step.node.aval.dtype.itemsize}", 0, self._product(plan, step, slots)
        elif isinstance(step, Routine):
            dtype = code_of(step.inputs[0].root.aval.dtype)
            code, size, words = routines.name_of(step.name, dtype), 0, self._routine(step, slots)
        elif isinstance(step, Strip):
            words, cost = self._strip(plan, step, slots), work(plan, step).nanoseconds
            return [Address("gt_strip"), len(words), step.many, 1, cost, *words]
        else:
            assert not isinstance(step, Call)
            code, size, words = "gt_loop", 0, self._loop(step, slots)
        grain, cost = _share(step) if isinstance(step, Run) else (1, 0)
        return [Address(code), len(words), size, grain, cost, *words]

    def _run(self, run: Run, slots: Slots) -> list[int]:
        words: list[int] = []
        for ref in run.refs:
            slot, at = slots[ref.root]
            size = ref.root.aval.dtype.itemsize
            words += [slot, at + ref.offset * size, *[s * size for s in ref.strides]]
        words += run.sizes
        for dtype, value in run.immediates:
            data = np.asarray(value, dtype).tobytes()
            words.append(int.from_bytes(data.ljust(8, b"\0"), "little", signed=True))
        return words

    def _strip(self, plan: Plan, strip: Strip, slots: Slots) -> list[int]:
        """The words of ``gt_strip``: parts know bases by their place in a list that begins as the plan's does."""
        touched = [root for part in strip.parts for root in _roots(part.step)]
        roots = list(dict.fromkeys([root for root in touched if root in slots]))
        numbers = list(dict.fromkeys([0, 1, *[slots[root][0] for root in roots]]))
        inside = {root: (numbers.index(slots[root][0]), slots[root][1]) for root in roots}
        local = list(dict.fromkeys([root for root in touched if root not in slots]))
        inside |= {root: (len(numbers) + i, 0) for i, root in enumerate(local)}
        places = [(plan.spots[root].at, strip.bytes_of(root)) for root in local]
        size = max([at + step for at, step in places], default=0)
        flat = [word for place in places for word in place]
        words = [len(strip.parts), len(numbers), len(local), size, *numbers, *flat]
        return [*words, *[word for part in strip.parts for word in self._part(plan, part, inside)]]

    def _part(self, plan: Plan, part: Part, slots: Slots) -> list[int]:
        """A part as ``gt_strip`` of ``strip_ir`` reads it."""
        if isinstance(part.step, Run):
            code, words = kernels.name_of(part.step.kernel), self._run(part.step, slots)
        else:
            code = f"gt_strip_f{8 * part.step.node.aval.dtype.itemsize}"
            words = [*self._product(plan, part.step, slots), WAYS[part.way], part.per]
        return [Address(code), len(words), part.per, part.size, *words]

    def _product(self, plan: Plan, product: Product, slots: Slots) -> list[int]:
        size = product.node.aval.dtype.itemsize
        words: list[int] = []
        for root, view in (product.a.home, product.b.home, plan.homes[product.node]):
            slot, at = slots[root]
            words += [slot, at + view.offset * size]
        a, b, m, n, k = product.a, product.b, product.m, product.n, product.k
        words += [TRANSPOSE_A * a.turned | TRANSPOSE_B * b.turned, m, n, k, a.ld, b.ld, n]
        return [*words, product.many, a.step, b.step, m * n]

    def _routine(self, step: Routine, slots: Slots) -> list[int]:
        words: list[int] = []
        for root, view in (*step.inputs, *[Home(out, contiguous(())) for out in step.outs]):
            slot, at = slots[root]
            words += [slot, at + view.offset * root.aval.dtype.itemsize]
        return [*words, step.many, *map(int, step.sizes)]

    def _patches(self, plan: Plan, product: Product, found: Patches, slots: Slots) -> list[int]:
        """A product with patches; some tasks for each image, or for each group of images."""
        size = product.node.aval.dtype.itemsize
        groups, high, b = found.groups or found.images, len(found.rows), product.b
        parts = min(-(-TASKS // groups), -(-high // LEAST_ROWS))
        each = -(-high // (parts * ROWS)) * ROWS
        parts = -(-high // each)
        padded = [*found.rows, *found.rows[-1:] * (-high % ROWS)]
        bases: list[int] = []
        for root, view in (product.a.home, b.home, plan.homes[product.node]):
            slot, at = slots[root]
            bases += [slot, at + view.offset * size]
        steps = (found.step, len(found.terms) * b.ld * bool(found.groups), high * product.n)
        words = [*bases, product.n, high, len(found.terms), found.images, found.each, parts, each]
        words += [size * step for step in (*steps, b.ld, product.n)]
        words += [len(padded), *[size * x for x in padded], *[size * x for x in found.terms]]
        cost = product.m * product.n * product.k // 30
        return [Address(patches.name_of(f"f{size}")), len(words), groups * parts, 1, cost, *words]

    def _loop(self, step: LoopRun, slots: Slots) -> list[int]:
        """The repetitions; how each base of the body moves; the steps of the body."""
        rolled, loop, body = step.rolled, step.rolled.loop, step.body
        moves: list[list[int]] = []
        numbers: dict[tuple[str, int], int] = {}

        def base(kind: str, k: int, first: tuple[int, int], then: tuple[int, int], further: int, turns: int) -> None:
            numbers[kind, k] = self.bases
            moves.append([self.bases, *first, *then, further, turns])
            self.bases += 1

        arena = slots[step.arena]
        base("arena", 0, arena, arena, 0, 0)
        for i, node in enumerate(body.consts):
            numbers["const", i] = slots[node][0]
        outs: list[tuple[tuple[int, int], int, bool]] = []
        for k, out in enumerate(rolled.outs):
            by_turns = not loop.keep_all[k] and k in loop.carried
            size = loop.body.outputs[k].aval.size * out.aval.dtype.itemsize
            outs.append((slots[out], size if loop.keep_all[k] or by_turns else 0, by_turns))
        for i, (root, view) in enumerate(rolled.inputs):
            size = root.aval.dtype.itemsize
            first = slots[root][0], slots[root][1] + view.offset * size
            which = i - loop.fixed
            if which < 0:
                base("input", i, first, first, 0, 0)
            elif which < len(loop.moving):
                move = loop.moving[which]
                start = first[0], first[1] + move.view.offset * size
                further = move.step * size
                base("input", i, start, (start[0], start[1] + further), further, 0)
            else:
                (slot, at), further, by_turns = outs[loop.carried[which - len(loop.moving)]]
                base("input", i, first, (slot, at), further, by_turns)
        for i, change in enumerate(loop.changing, len(rolled.inputs)):
            (slot, at), size = outs[change.number][0], change.aval.dtype.itemsize
            start, further = at + change.view.offset * size, change.step * size
            base("input", i, (slot, start), (slot, start + further), further, 0)
        for k, ((slot, at), further, by_turns) in enumerate(outs):
            base("output", k, (slot, at), (slot, at + further), -further if by_turns else further, by_turns)
        inside = slots_of(body, numbers)
        words = [word for each in body.steps for word in self.step(body, each, inside)]
        still = [move for move in moves if move[1:3] == move[3:5] and move[5] == 0]
        moving = [move for move in moves if move not in still]
        table = [word for move in (*moving, *still) for word in move]
        return [loop.trips, len(moves), len(moving), len(words), *table, *words]
