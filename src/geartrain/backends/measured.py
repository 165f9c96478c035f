"""How long the steps of a program take, and what they do. Loaded when somebody asks, with the compiler."""

import time
from collections.abc import Sequence

from geartrain.backends.choose import Program, StepReport
from geartrain.backends.compile import plan_of
from geartrain.backends.cpu.executor import Executor
from geartrain.backends.cpu.finish import finish
from geartrain.backends.cpu.work import work
from geartrain.ir.aval import Array
from geartrain.schedule.loops import Kernel
from geartrain.schedule.nest import Run
from geartrain.schedule.plan import LoopRun, Plan, Step
from geartrain.schedule.steps import Call, Product, Routine
from geartrain.schedule.strips import Strip

__all__ = ["measured"]

ROUNDS = 5


def measured(program: Program, args: Sequence[Array]) -> tuple[list[StepReport], int]:
    """The steps of a program, each with its shortest time in some rounds, and the bytes of its arena."""
    if not isinstance(program, Executor):
        times: list[int] = []
        for _ in range(ROUNDS):
            start = time.perf_counter_ns()
            program(args)
            times.append(time.perf_counter_ns() - start)
        return [StepReport("numpy", "the whole segment, as a plan of NumPy calls", 0, 0, 0, min(times), True)], 0
    plan, _ = plan_of(program.graph, program.memory)
    made, code = finish(plan, program.graph)  # the same, made again: what is on disk has no plan
    program = Executor(made, program.graph, code)
    names = _names(plan)
    rounds = [program.timed(args) for _ in range(ROUNDS)]
    found: list[StepReport] = []
    begin = 0
    for i, step in enumerate(plan.steps):
        done = work(plan, step)
        shortest = min([each[i][1] - each[i][0] for each in rounds])
        found.append(StepReport(*names[i], done.flops, done.bytes, begin, shortest, isinstance(step, Call)))
        begin += shortest
    return found, plan.arena


def _names(plan: Plan) -> list[tuple[str, str]]:
    """What each step is called, and what it does."""
    kernels: dict[Kernel, int] = {}
    return [_name(step, kernels) for step in plan.steps]


def _name(step: Step, kernels: dict[Kernel, int]) -> tuple[str, str]:
    if isinstance(step, Run):
        return f"k{kernels.setdefault(step.kernel, len(kernels))}", _does(step.kernel)
    if isinstance(step, Product):
        many = "patches " if step.patches else f"{step.many} x " if step.many > 1 else ""
        return "product", f"{many}({step.m}, {step.k}) @ ({step.k}, {step.n})"
    if isinstance(step, Routine):
        return step.name, f"{step.many} x {', '.join([str(int(n)) for n in step.sizes])}"
    if isinstance(step, LoopRun):
        inside = [_name(each, {})[1] for each in step.body.steps]
        return "loop", f"{step.rolled.loop.trips} x {len(inside)} steps: {'; '.join(inside)}"
    if isinstance(step, Strip):
        return "strips", f"{step.many} x " + "; ".join([_name(part.step, kernels)[1] for part in step.parts])
    return "numpy", step.node.op.name


def _does(kernel: Kernel) -> str:
    """The operations of a kernel, in order, each once."""
    ops = [instr.op for instr in kernel.code if instr.op not in ("load", "imm")]
    ops += [fold.kind for fold in kernel.folds] + ["scatter" for _ in kernel.scatters]
    return " ".join(dict.fromkeys(ops)) or ("copy" if kernel.immediates == 0 else "fill")
