"""What the steps of a plan have to do, estimated from their structure: operations, bytes, time."""

import math
from typing import NamedTuple

from geartrain.backends.cpu.lower import MATH
from geartrain.schedule.nest import Run
from geartrain.schedule.plan import LoopRun, Plan, Step
from geartrain.schedule.steps import Product
from geartrain.schedule.strips import Strip

__all__ = ["Work", "nanoseconds", "work"]

NO_OPERATION = ("load", "imm", "copy", "cast", "gather", "index")


class Work(NamedTuple):
    """Of one step, its repetitions included: floating-point operations, bytes read and written, and nanoseconds."""

    flops: int
    bytes: int
    nanoseconds: int


def work(plan: Plan, step: Step) -> Work:
    """An estimate. A function like ``exp`` counts as one operation; a byte counts each time that it is touched."""
    if isinstance(step, Run):
        return _of_run(step)
    if isinstance(step, Product):
        flops = 2 * step.many * step.m * step.n * step.k
        size = step.node.aval.dtype.itemsize * step.many
        return Work(flops, size * (step.m * step.k + step.k * step.n + step.m * step.n), flops // 20)
    if isinstance(step, LoopRun):
        inside = [work(step.body, each) for each in step.body.steps]
        trips = step.rolled.loop.trips
        return Work(*[trips * sum(column) for column in zip(*inside, strict=True)] or [0, 0, 0])
    if isinstance(step, Strip):
        return Work(*[sum(column) for column in zip(*[work(plan, part.step) for part in step.parts], strict=True)])
    avals = [x.aval for x in (*step.node.inputs, step.node)]
    moved = sum([aval.size * aval.dtype.itemsize for aval in avals])
    return Work(0, moved, 5000 + moved)


def nanoseconds(plan: Plan) -> int:
    """How long one thread needs for a plan, about."""
    return sum([work(plan, step).nanoseconds for step in plan.steps])


def _of_run(run: Run) -> Work:
    kernel = run.kernel
    points = math.prod(run.sizes[: kernel.ndim])
    heavy = sum([instr.op in MATH for instr in kernel.code])
    simple = sum([instr.op not in NO_OPERATION and instr.op not in MATH for instr in kernel.code])
    per_point = 0.1 * len(kernel.code) + 1.5 * heavy + 0.2 * len(run.refs)
    moved = 0
    for ref in run.refs:
        touched = math.prod([n for n, stride in zip(run.sizes, ref.strides, strict=False) if stride])
        moved += touched * ref.root.aval.dtype.itemsize
    return Work(points * (simple + heavy + len(kernel.folds)), moved, 20 + int(points * per_point))
