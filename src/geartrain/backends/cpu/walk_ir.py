"""The native functions that walk plans: steps in a row, loops of them, the whole of a plan for the call entry."""

from typing import Final

from geartrain.backends.cpu import pool
from geartrain.backends.cpu.emit import I8, I32, I64, PTR, VOID, Function, Module, Value
from geartrain.backends.cpu.plan_ir import HEADER

__all__ = ["EXPORTS", "OTHER_PATH", "product_text", "write"]

EXPORTS = ("gt_walk", "gt_loop", "gt_plan")
"""``gt_walk(plan, end, bases)`` walks a plan; a step of it may be ``gt_loop``; ``gt_plan`` is a plan for the entry."""

STEP = 5
"""Words before those of the kernel itself, in a step of a plan."""

MOVE = 7
"""Words of a moved base."""

_BASES, _TEMPLATE, _INPUTS, _FIRST_INPUT, _OUTPUTS, _FIRST_OUTPUT, _BEGIN, _END, _TABLE, _GUARD = HEADER

OTHER_PATH: Final = 2
"""What a plan with a guard returns where the guard does not hold."""

_PRODUCT = """
@one_{t} = private constant {t} 1.0
@zero_{t} = private constant {t} 0.0
define void @{name}(ptr %words, ptr %bases, i64 %low, i64 %high) nounwind {{
  {loads}
  call void @{gemm}(i64 %w6, i64 %w7, i64 %w8, i64 %w9, ptr @one_{t}, ptr %a, i64 %w10, ptr %b, i64 %w11,
    ptr @zero_{t}, ptr %c, i64 %w12, i64 %w13, i64 %w14, i64 %w15, i64 %w16)
  ret void
}}
"""
"""A step that is a matrix product: bases and offsets of a, b and c, then what the library wants to know."""


def product_text(t: str) -> str:
    """The step that multiplies matrices of ``f32`` or ``f64``, as LLVM IR: ``gt_product_f32``."""
    loads: list[str] = []
    for i in range(17):
        loads += [f"%p{i} = getelementptr i64, ptr %words, i64 {i}", f"%w{i} = load i64, ptr %p{i}"]
    for i, name in enumerate("abc"):
        loads.append(f"%{name}0 = getelementptr ptr, ptr %bases, i64 %w{2 * i}")
        loads.append(f"%{name}1 = load ptr, ptr %{name}0")
        loads.append(f"%{name} = getelementptr i8, ptr %{name}1, i64 %w{2 * i + 1}")
    names = {"name": f"gt_product_{t}", "gemm": f"gt_gemm_batch_{t}"}
    return _PRODUCT.format(t={"f32": "float", "f64": "double"}[t], loads="\n  ".join(loads), **names)


def write(module: Module) -> None:
    """Write the functions into a module: ``EXPORTS``."""
    _walk(module)
    _loop(module)
    _run(module)


def _walk(module: Module) -> None:
    """``gt_walk``.

    A step is the kernel's address, the number of its words, the size of its outermost loop, how many repetitions of
    that a worker takes at least, and the nanoseconds that all of it takes, about; then the words. A step that may not
    be shared has no time. Once a step has noted an error no other one runs.
    """
    part = module.function("gt_part", VOID, context=PTR, begin=I64, end=I64)
    kernel, words, bases = (part.load(part["context"], 8 * i, PTR) for i in range(3))
    part.call_at(kernel, VOID, words, bases, part["begin"], part["end"])
    part.give()
    f = module.function("gt_walk", VOID, plan=PTR, end=PTR, bases=PTR)
    at = f.var(f["plan"])
    context = f.room(f.const(24))
    status = f.load(f["bases"], 8, PTR)
    with f.loop():
        f.leave_if(at.get().equals(f["end"]) | f.load(status, 0, I64).differs(0))
        kernel = f.load(at.get(), 0, PTR)
        count, size, grain, cost = (f.load(at.get(), 8 * i, I64) for i in range(1, 5))
        words = at.get().at(8 * STEP)
        with f.when(cost < pool.WORTH, likely=True):
            f.call_at(kernel, VOID, words, f["bases"], f.const(0), size)
        with f.when(cost >= pool.WORTH, likely=False):
            for i, value in enumerate((kernel, words, f["bases"])):
                f.store(context, 8 * i, value, PTR)
            f.call("gt_parallel", VOID, f.symbol("gt_part"), context, size, grain, cost)
        at.set(words.at(count * 8))
    f.give()


def _loop(module: Module) -> None:
    """``gt_loop``, the step that repeats a plan.

    Its words: repetitions, bases that are set, how many of them, the first ones, move then, words of the body; for each
    base ``MOVE`` words (``_move``); the body.
    """
    f = module.function("gt_loop", VOID, words=PTR, bases=PTR, low=I64, high=I64)
    trips, many, moving, size = (f.load(f["words"], 8 * i, I64) for i in range(4))
    table = f["words"].at(32)
    body = table.at(many * (8 * MOVE))
    with f.count(many) as i:
        _move(f, table.at(i * (8 * MOVE)), 1)
    turn = f.var(0)
    with f.count(trips) as t:
        f.call("gt_walk", VOID, body, body.at(size * 8), f["bases"])
        with f.when(t.equals(0)), f.count(moving) as i:
            _move(f, table.at(i * (8 * MOVE)), 3)
        with f.when(t > 0), f.count(moving) as i:
            word = table.at(i * (8 * MOVE))
            slot = f["bases"].at(f.load(word, 0, I64) * 8)
            step = f.load(word, 40, I64)
            by_turns = f.load(word, 48, I64).differs(0) & turn.get().equals(0)
            step = by_turns.select(f.const(0) - step, step)
            f.store(slot, 0, f.load(slot, 0, PTR).at(step), PTR)
        turn.set(f.const(1) - turn.get())
    f.give()


def _move(f: Function, word: Value, which: int) -> None:
    """Set a base, word 0, to (base, offset): words 1 and 2 before the first repetition, 3 and 4 before the second.

    Then word 5 is added each time; if word 6 is set, with changing signs.
    """
    base = f.load(f["bases"].at(f.load(word, 8 * which, I64) * 8), 0, PTR)
    slot = f["bases"].at(f.load(word, 0, I64) * 8)
    f.store(slot, 0, base.at(f.load(word, 8 * which + 8, I64)), PTR)


def _run(module: Module) -> None:
    """``gt_plan(inputs, outputs, arena, header)``: fill in the bases and walk.

    It returns 1 where a kernel noted an error, and ``OTHER_PATH`` where the guard does not hold.
    """
    f = module.function("gt_plan", I32, inputs=PTR, outputs=PTR, arena=PTR, header=PTR)
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
