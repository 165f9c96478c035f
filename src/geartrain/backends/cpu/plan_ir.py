"""A plan as ``entry`` calls it: ``int32 plan(void **inputs, void **outputs, void *arena, void *context)``.

There is one function for all plans; what differs between them is a header of words, which is the context. The addresses
of bases lie in the arena, behind the plan's own part of it, so that calls may run at the same time.
"""

from typing import NamedTuple

import numpy as np

from geartrain.backends.cpu import runtime
from geartrain.ir.aval import Array

__all__ = ["HEADER", "NativePlan", "native_plan"]

HEADER = range(0, 80, 8)
"""Where the words of a plan's header are, in bytes: what ``_BASES`` and the others name."""

_BASES, _TEMPLATE, _INPUTS, _FIRST_INPUT, _OUTPUTS, _FIRST_OUTPUT, _BEGIN, _END, _TABLE, _GUARD = HEADER


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
    run = runtime.code()
    context: int = header.__array_interface__["data"][0]
    return NativePlan(run["gt_plan"], context, table + 8 * (len(template) + 2), (run, header, template, words))
