"""Compiled kernels: one address for each structure, for all programs of this process."""

import hashlib
import os
import threading
from collections.abc import Iterable

from geartrain.backends import llvm
from geartrain.backends.cpu import pool, runtime
from geartrain.backends.cpu.emit import I64, PTR, VOID, Function, Module, Value
from geartrain.backends.cpu.kernel_ir import kernel_text
from geartrain.backends.cpu.mathlib import MathLibrary, function_text
from geartrain.backends.cpu.strip_ir import write_part, write_strip
from geartrain.backends.object_cache import kept
from geartrain.schedule.loops import Kernel

__all__ = [
    "address",
    "addresses",
    "count",
    "looper",
    "module_text",
    "object_code",
    "product",
    "strip",
    "strip_product",
    "walker",
    "whole_code",
]

_PRODUCT = """
@one = private constant {t} 1.0
@zero = private constant {t} 0.0
declare void @{gemm}(i64, i64, i64, i64, ptr, ptr, i64, ptr, i64, ptr, ptr, i64, i64, i64, i64, i64)
define void @product(ptr %words, ptr %bases, i64 %low, i64 %high) nounwind {{
  {loads}
  call void @{gemm}(i64 %w6, i64 %w7, i64 %w8, i64 %w9, ptr @one, ptr %a, i64 %w10, ptr %b, i64 %w11, ptr @zero, ptr %c,
    i64 %w12, i64 %w13, i64 %w14, i64 %w15, i64 %w16)
  ret void
}}
"""
"""A step that is a matrix product: bases and offsets of a, b and c, then what the library wants to know."""

PASSES = ("sroa", "instruction_combine", "new_gvn", "simplify_cfg")
"""Kernels are loops as they should be, so a few quick passes are enough."""

HEADER = 5
"""Words before those of the kernel itself, in a step of a plan."""

MOVE = 7
"""Words of a moved base."""

_known: dict[Kernel, int] = {}
_code: list[llvm.Code] = []
_lock = threading.Lock()
_locks = (_lock, runtime.LOCK, *llvm.LOCKS)
"""From the outermost to the innermost."""


def _wait() -> None:
    """Before a fork: wait for what other threads compile, so that the child finds nothing half done."""
    for lock in _locks:
        lock.acquire()


def _go_on() -> None:
    for lock in reversed(_locks):
        lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait, after_in_parent=_go_on, after_in_child=_go_on)

_functions: dict[str, int] = {}
_products: dict[str, int] = {}
_strips: dict[str, int] = {}
_loop: list[int] = []
_walk: list[int] = []


def module_text(kernels: Iterable[Kernel], library: MathLibrary | None = None) -> str:
    """The LLVM IR of some kernels: functions ``kernel0``, ``kernel1``, ..."""
    library = library or MathLibrary()
    bodies = [kernel_text(kernel, f"kernel{i}", library) for i, kernel in enumerate(kernels)]
    return "\n".join([library.text(), *bodies])


def object_code(text: str) -> bytes:
    """Object code of kernels, kept on disk. They are loops as they should be, so a few quick passes are enough."""
    return kept(("kernel", *llvm.host(), text), lambda: _compiled(text))


def _compiled(text: str) -> bytes:
    return llvm.compile_ir(text, 2, PASSES)


def addresses(kernels: Iterable[Kernel]) -> dict[Kernel, int]:
    """The address of each kernel; compiles those that are new."""
    wanted = list(dict.fromkeys(kernels))
    with _lock:
        new = [kernel for kernel in wanted if kernel not in _known]
        if new:
            library = MathLibrary()
            names = [_name(kernel) for kernel in new]
            objects: list[bytes] = []
            for kernel, name in zip(new, names, strict=True):
                inside = MathLibrary()
                body = kernel_text(kernel, name, inside)
                objects.append(object_code(f"{inside.text()}\n{body}"))
                library.functions.update(inside.functions)
            outside = {symbol: _function(symbol, library) for symbol in library.functions}
            code = llvm.load(objects, names, outside)
            _code.append(code)
            _known.update({kernel: code[name] for kernel, name in zip(new, names, strict=True)})
        return {kernel: _known[kernel] for kernel in wanted}


def whole_code(text: str) -> bytes:
    """Object code of the few functions that walk plans, kept on disk."""
    return kept(("whole", *llvm.host(), text), lambda: llvm.compile_ir(text, 1, llvm.QUICK))


def _name(kernel: Kernel) -> str:
    """A name that says all: the object code of a kernel does not depend on the others that it is compiled with."""
    return "kernel_" + hashlib.sha256(repr(kernel).encode()).hexdigest()[:32]


def address(kernel: Kernel) -> int:
    """The address of a kernel."""
    return _known.get(kernel) or addresses([kernel])[kernel]


def _function(symbol: str, library: MathLibrary) -> int:
    """The address of a function of the math library."""
    if symbol not in _functions:
        code = llvm.load([object_code(function_text(symbol, *library.functions[symbol]))], [symbol])
        _code.append(code)
        _functions[symbol] = code[symbol]
    return _functions[symbol]


def product(t: str) -> int:
    """The address of the step that multiplies matrices of ``f32`` or ``f64``."""
    with _lock:
        if t not in _products:
            loads: list[str] = []
            for i in range(17):
                loads += [f"%p{i} = getelementptr i64, ptr %words, i64 {i}", f"%w{i} = load i64, ptr %p{i}"]
            for i, name in enumerate("abc"):
                loads.append(f"%{name}0 = getelementptr ptr, ptr %bases, i64 %w{2 * i}")
                loads.append(f"%{name}1 = load ptr, ptr %{name}0")
                loads.append(f"%{name} = getelementptr i8, ptr %{name}1, i64 %w{2 * i + 1}")
            gemm = f"gt_gemm_batch_{t}"
            text = _PRODUCT.format(t={"f32": "float", "f64": "double"}[t], gemm=gemm, loads="\n  ".join(loads))
            code = llvm.load([object_code(text)], ["product"], {gemm: runtime.symbols()[gemm]})
            _code.append(code)
            _products[t] = code["product"]
        return _products[t]


def strip() -> int:
    """The address of the step that does others strip by strip."""
    with _lock:
        if "" not in _strips:
            module = Module()
            write_strip(module)
            _add_strip("", "gt_strip", str(module), {})
        return _strips[""]


def strip_product(t: str) -> int:
    """The address of the part that multiplies one strip of matrices of ``f32`` or ``f64``."""
    with _lock:
        if t not in _strips:
            module = Module()
            write_part(module, t)
            symbol = f"gt_gemm_some_{t}"
            _add_strip(t, f"gt_strip_{t}", str(module), {symbol: runtime.symbols()[symbol]})
        return _strips[t]


def _add_strip(key: str, name: str, text: str, outside: dict[str, int]) -> None:
    code = llvm.load([whole_code(text)], [name], outside)
    _code.append(code)
    _strips[key] = code[name]


def looper() -> int:
    """The address of the step that repeats a plan.

    Its words: repetitions, moved bases, words of the body; for each moved base ``MOVE`` words (``_move``); the body.
    """
    walk = walker()
    with _lock:
        if not _loop:
            module = Module()
            f = module.function("gt_loop", VOID, words=PTR, bases=PTR, low=I64, high=I64)
            trips, moves, size = (f.load(f["words"], 8 * i, I64) for i in range(3))
            table = f["words"].at(24)
            body = table.at(moves * (8 * MOVE))
            with f.count(moves) as i:
                _move(f, table.at(i * (8 * MOVE)), 1)
            turn = f.var(0)
            with f.count(trips) as t:
                f.call("gt_walk", VOID, body, body.at(size * 8), f["bases"])
                with f.count(moves) as i:
                    word = table.at(i * (8 * MOVE))
                    with f.when(t.equals(0)):
                        _move(f, word, 3)
                    with f.when(t > 0):
                        slot = f["bases"].at(f.load(word, 0, I64) * 8)
                        step = f.load(word, 40, I64)
                        by_turns = f.load(word, 48, I64).differs(0) & turn.get().equals(0)
                        step = by_turns.select(f.const(0) - step, step)
                        f.store(slot, 0, f.load(slot, 0, PTR).at(step), PTR)
                turn.set(f.const(1) - turn.get())
            f.give()
            code = llvm.load([whole_code(str(module))], ["gt_loop"], {"gt_walk": walk})
            _code.append(code)
            _loop.append(code["gt_loop"])
        return _loop[0]


def _move(f: Function, word: Value, which: int) -> None:
    """Set a base, word 0, to (base, offset): words 1 and 2 before the first repetition, 3 and 4 before the second.

    Then word 5 is added each time; if word 6 is set, with changing signs.
    """
    base = f.load(f["bases"].at(f.load(word, 8 * which, I64) * 8), 0, PTR)
    slot = f["bases"].at(f.load(word, 0, I64) * 8)
    f.store(slot, 0, base.at(f.load(word, 8 * which + 8, I64)), PTR)


def walker() -> int:
    """The address of ``gt_walk(plan, end, bases)``, which walks a plan.

    A step is the kernel's address, the number of its words, the size of its outermost loop, how many repetitions of
    that a worker takes at least, and the nanoseconds that all of it takes, about; then the words. A step that may not
    be shared has no time. Once a step has noted an error no other one runs.
    """
    with _lock:
        if not _walk:
            module = Module()
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
                words = at.get().at(8 * HEADER)
                with f.when(cost < pool.WORTH, likely=True):
                    f.call_at(kernel, VOID, words, f["bases"], f.const(0), size)
                with f.when(cost >= pool.WORTH, likely=False):
                    for i, value in enumerate((kernel, words, f["bases"])):
                        f.store(context, 8 * i, value, PTR)
                    f.call("gt_parallel", VOID, f.symbol("gt_part"), context, size, grain, cost)
                at.set(words.at(count * 8))
            f.give()
            shared = {"gt_parallel": runtime.symbols()["gt_parallel"]}
            code = llvm.load([whole_code(str(module))], ["gt_walk"], shared)
            _code.append(code)
            _walk.append(code["gt_walk"])
        return _walk[0]


def count() -> int:
    """How many kernels are compiled."""
    return len(_known)
