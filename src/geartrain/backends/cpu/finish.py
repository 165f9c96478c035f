"""The end of compiling: a plan becomes data, and its kernels become code."""

import numpy as np

from geartrain.backends.cpu import kernels, patches, routines
from geartrain.backends.cpu.encode import Address, Encoder, Slots, kernels_of, slots_of
from geartrain.backends.cpu.finished import Finished, NumpyStep, Place
from geartrain.backends.cpu.work import nanoseconds
from geartrain.backends.llvm import Code
from geartrain.ir.graph import Graph
from geartrain.ir.node import CONST, Node
from geartrain.schedule.gifts import gifts
from geartrain.schedule.plan import Plan
from geartrain.schedule.steps import Call

__all__ = ["finish"]

SHORT = 10_000_000
"""Nanoseconds of a program up to which it may begin with quick code: its first runs take longer with that."""


def finish(plan: Plan, graph: Graph) -> tuple[Finished, dict[str, Code]]:
    """Number the bases and lay out the words; a segment is a stretch of native steps, or one call of NumPy.

    Base 0 is the arena, base 1 a word in which kernels note errors; then come constants, inputs, outputs, and what
    loops move. Kernels are compiled if they are new: their code, and that of other steps, comes by name. ``graph`` is
    what the plan was made for, which may look at its inputs and outputs in another way.
    """
    numbers: dict[tuple[str, int], int] = {("arena", 0): 0, ("status", 0): 1}
    for kind, many in (("const", plan.consts), ("input", plan.graph.inputs), ("output", plan.outputs)):
        for i in range(len(many)):
            numbers[kind, i] = len(numbers)
    slots = slots_of(plan, numbers)
    takes = nanoseconds(plan)
    code = kernels.loaded(kernels_of(plan), soon=takes < SHORT)  # all at once, which is quicker
    encoder = Encoder(len(numbers))
    words: list[int] = []
    segments: list[tuple[int, int] | NumpyStep] = []
    places: list[tuple[int, int]] = []
    for step in plan.steps:
        begin = len(words)
        if isinstance(step, Call):
            segments.append(_numpy_step(plan, slots, step.node))
            places.append((begin, begin))
            continue
        words += encoder.step(plan, step, slots)
        places.append((begin, len(words)))
        last = segments[-1] if segments else None
        if last is not None and not isinstance(last, NumpyStep):
            segments[-1] = (last[0], len(words))
        else:
            segments.append((begin, len(words)))
    addresses = tuple([(i, word.name) for i, word in enumerate(words) if isinstance(word, Address)])
    names = {name for _, name in addresses}
    code |= patches.loaded(names) | routines.loaded(names)
    made = Finished(
        np.array(words, np.int64).tobytes(),
        addresses,
        tuple(segments),
        tuple(places),
        tuple([(numbers["input", i], node.aval) for i, node in enumerate(graph.inputs)]),
        tuple([(numbers["output", i], node.aval) for i, node in enumerate(graph.outputs)]),
        tuple([(numbers["const", i], node.value) for i, node in enumerate(plan.consts)]),
        encoder.bases,
        plan.arena,
        takes,
        tuple([(i, tuple(outputs)) for i, outputs in gifts(plan)]),
    )
    return made, code


def _numpy_step(plan: Plan, slots: Slots, node: Node) -> NumpyStep:
    operands = tuple([x.value if x.op is CONST else _place(plan, slots, x) for x in node.inputs])
    return NumpyStep(node.op, node.params, operands, _place(plan, slots, node))


def _place(plan: Plan, slots: Slots, node: Node) -> Place:
    root, view = plan.homes[node]
    dtype = root.aval.dtype
    base, at = slots[root]
    strides = tuple([s * dtype.itemsize for s in view.strides])
    return Place(base, at + view.offset * dtype.itemsize, view.shape, strides, dtype, node.aval.weak)
