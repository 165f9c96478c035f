"""What the steps of a plan have to do, estimated from their structure: operations, bytes, time."""

import math
from typing import NamedTuple

from geartrain.backends.cpu.lower import MATH
from geartrain.schedule.factors import COMPLEX
from geartrain.schedule.fourier import ROWS as TRANSFORMED
from geartrain.schedule.fourier import flops as flops_of_transform
from geartrain.schedule.nest import Run
from geartrain.schedule.plan import LoopRun, Plan, Step
from geartrain.schedule.scans import SCANS
from geartrain.schedule.steps import Product, Routine
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
        size = step.node.aval.dtype.itemsize
        left = step.patches.images * step.patches.step if step.patches else step.many * step.m * step.k
        moved = size * (left + step.many * step.k * step.n + step.node.aval.size)
        return Work(flops, moved, flops // 20)
    if isinstance(step, Routine):
        return _of_routine(step)
    if isinstance(step, LoopRun):
        inside = [work(step.body, each) for each in step.body.steps]
        trips = step.rolled.loop.trips
        return Work(*[trips * sum(column) for column in zip(*inside, strict=True)] or [0, 0, 0])
    if isinstance(step, Strip):
        return Work(*[sum(column) for column in zip(*[work(plan, part.step) for part in step.parts], strict=True)])
    avals = [x.aval for x in (*step.node.inputs, step.node)]
    moved = sum([aval.size * aval.dtype.itemsize for aval in avals])
    return Work(0, moved, 5000 + moved)


PER_CUBE = {"lu": 0.67, "lu_inverse": 2, "cholesky": 0.33, "eigh": 9, "svd": 20, "eig": 25, "expm": 25}
"""Operations for n^3 of a matrix with n columns, about."""


def _of_routine(step: Routine) -> Work:
    """Of linear algebra: (m, n) stands first in its sizes, or n, or n and the number of right sides."""
    n = step.sizes[0]
    if step.name in TRANSFORMED:
        moved = step.inputs[0].root.aval.size * 8 + 16 * step.node.aval.size
        done = flops_of_transform(step)
        return Work(done, moved, 500 + done // 4)
    if step.name in SCANS:
        many = step.node.aval.size
        moved = 16 * many
        return Work(many, moved, many * (2 if step.name == "cumsum" else 5 * (1 + n.bit_length())))
    name = step.name.removeprefix(COMPLEX)
    if name in ("lu_solve", "tri_solve"):
        flops = (2 if name == "lu_solve" else 1) * n * n * step.sizes[1]
    elif name in ("qr", "svd"):
        flops = int(PER_CUBE.get(name, 4) * n * step.sizes[1] * min(n, step.sizes[1]))
    else:
        flops = int(PER_CUBE.get(name, 0) * n**3) + n
    flops = flops if name == step.name else 4 * flops
    touched = [home.root.aval for home in step.inputs] + [out.aval for out in step.outs]
    moved = sum([aval.size * aval.dtype.itemsize for aval in touched])
    return Work(step.many * flops, moved, step.many * (500 + flops // 4))


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
