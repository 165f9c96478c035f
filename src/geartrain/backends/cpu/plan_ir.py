"""A plan as ``entry`` calls it: ``int32 plan(void **inputs, void **outputs, void *arena, void *context)``.

There is one function for all plans; what differs between them is a header of words, which is the context. The addresses
of bases lie in the arena, behind the plan's own part of it, so that calls may run at the same time.
"""

import functools
from typing import Final, NamedTuple

import numpy as np

from geartrain.backends import llvm
from geartrain.backends.cpu import kernels
from geartrain.backends.cpu.emit import I8, I32, I64, PTR, VOID, Module
from geartrain.ir.aval import Array

__all__ = ["OTHER_PATH", "NativePlan", "native_plan"]

_BASES, _TEMPLATE, _INPUTS, _FIRST_INPUT, _OUTPUTS, _FIRST_OUTPUT, _BEGIN, _END, _TABLE, _GUARD = range(0, 80, 8)

OTHER_PATH: Final = 2
"""What a plan with a guard returns where the guard does not hold."""


class NativePlan(NamedTuple):
    """The function and its context, the bytes of arena that it needs, and what has to live as long as it is used."""

    address: int
    context: int
    arena: int
    keep: object


def native_plan(
    template: Array, inputs: tuple[int, int], outputs: tuple[int, int], words: Array, arena: int, guarded: bool = False
) -> NativePlan:
    """Make the context of a plan.

    Args:
        template: the bases (int64), with the addresses of constants filled in.
        inputs: the number of inputs and the first of their bases.
        outputs: the same of the outputs.
        words: the steps (int64).
        arena: the bytes of the plan's own part of the arena.
        guarded: the last output is a truth value for the plan alone: if it is false, the others are not valid.
    """
    table = -(-arena // 64) * 64
    begin = words.__array_interface__["data"][0]
    header = np.zeros(10, np.int64)
    for at, value in {
        _BASES: len(template),
        _TEMPLATE: template.__array_interface__["data"][0],
        _INPUTS: inputs[0],
        _FIRST_INPUT: inputs[1],
        _OUTPUTS: outputs[0] - guarded,
        _FIRST_OUTPUT: outputs[1],
        _BEGIN: begin,
        _END: begin + words.nbytes,
        _TABLE: table,
        _GUARD: outputs[0] + outputs[1] - 1 if guarded else 0,
    }.items():
        header[at // 8] = value
    run = _run()
    context: int = header.__array_interface__["data"][0]
    return NativePlan(run["gt_run"], context, table + 8 * (len(template) + 2), (run, header, template, words))


@functools.cache
def _run() -> llvm.Code:
    """``gt_run(inputs, outputs, arena, header)``: fill in the bases and walk.

    It returns 1 where a kernel noted an error, and ``OTHER_PATH`` where the guard does not hold.
    """
    module = Module()
    f = module.function("gt_run", I32, inputs=PTR, outputs=PTR, arena=PTR, header=PTR)
    header, arena = f["header"], f["arena"]
    bases = arena.at(f.load(header, _TABLE, I64))
    n = f.load(header, _BASES, I64)
    template = f.load(header, _TEMPLATE, PTR)
    with f.count(n) as i:
        f.store(bases.at(i * 8), 0, f.load(template.at(i * 8), 0, I64))
    status = bases.at(n * 8)
    f.store(status, 0, 0)
    f.store(bases, 0, arena, PTR)
    f.store(bases, 8, status, PTR)
    for many, first, given in ((_INPUTS, _FIRST_INPUT, f["inputs"]), (_OUTPUTS, _FIRST_OUTPUT, f["outputs"])):
        start = bases.at(f.load(header, first, I64) * 8)
        with f.count(f.load(header, many, I64)) as i:
            f.store(start.at(i * 8), 0, f.load(given.at(i * 8), 0, PTR), PTR)
    guard, holds = f.load(header, _GUARD, I64), status.at(8)
    with f.when(guard > 0):
        f.store(bases.at(guard * 8), 0, holds, PTR)
    f.call("gt_walk", VOID, f.load(header, _BEGIN, PTR), f.load(header, _END, PTR), bases)
    wrong = f.load(status, 0, I64).narrow(I32)
    with f.when((guard > 0) & wrong.equals(0)):
        f.give(f.load(holds, 0, I8).equals(0).select(f.const(OTHER_PATH, I32), f.const(0, I32)))
    f.give(wrong)
    return llvm.load([kernels.whole_code(str(module))], ["gt_run"], {"gt_walk": kernels.walker()})
