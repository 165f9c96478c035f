"""Small native functions for the tests of the runtime."""

import ctypes
import functools
from typing import Any

from geartrain.backends import llvm
from geartrain.backends.cpu import runtime
from geartrain.backends.cpu.emit import F64, I32, I64, PTR, VOID, Module


def _module() -> Module:
    module = Module()
    # Add one to counts[i] for each task, and note a begin that is no multiple of the grain (counts[-1]) in counts[-2].
    f = module.function("count", VOID, counts=PTR, begin=I64, end=I64)
    with f.when((f["begin"] % f.load(f["counts"], -8, I64)).differs(0)):
        f.atomic_add(f["counts"], -16, 1)
    with f.count(f["end"], f["begin"]) as i:
        f.atomic_add(f["counts"].at(i * 8), 0, 1)
    f.give()

    # For each task run a product of its own over ten tasks: a parallel loop inside of one.
    f = module.function("nest", VOID, counts=PTR, begin=I64, end=I64)
    with f.count(f["end"], f["begin"]) as i:
        f.call("gt_parallel", VOID, f.symbol("bump"), f["counts"].at(i * 8), f.const(10), f.const(1), f.const(1 << 40))
    f.give()
    f = module.function("bump", VOID, counts=PTR, begin=I64, end=I64)
    f.atomic_add(f["counts"], 0, f["end"] - f["begin"])
    f.give()

    # Plans.
    f = module.function("add_one", I32, inputs=PTR, outputs=PTR, arena=PTR)
    x = f.load(f.load(f["inputs"], 0, PTR), 0, F64)
    f.store(f.load(f["outputs"], 0, PTR), 0, f.make(F64, f"fadd double {x.text}, 1.0"))
    f.give(0)

    # Copies input i to output i, eight bytes each, by way of the arena: as many as the arena's first input says.
    f = module.function("copy", I32, inputs=PTR, outputs=PTR, arena=PTR)
    n = f.load(f.load(f["inputs"], 0, PTR), 0, I64)
    with f.count(n) as i:
        f.store(f["arena"], i * 8, f.load(f.load(f["inputs"], i * 8, PTR), 0, I64))
    f.call("usleep", I32, f.const(50, I32))
    with f.count(n) as i:
        f.store(f.load(f["outputs"], i * 8, PTR), 0, f.load(f["arena"], i * 8, I64))
    f.give(0)

    # Stops with the number that the first input holds.
    f = module.function("stop", I32, inputs=PTR, outputs=PTR, arena=PTR)
    f.give(f.load(f.load(f["inputs"], 0, PTR), 0, I64).narrow(I32))

    # Says where its outputs and its arena are: output i becomes its own address, the last one the arena's.
    f = module.function("where", I32, inputs=PTR, outputs=PTR, arena=PTR)
    with f.count(f.load(f.load(f["inputs"], 0, PTR), 0, I64)) as i:
        out = f.load(f["outputs"], i * 8, PTR)
        f.store(out, 0, out)
    f.store(f.load(f["outputs"], 0, PTR), 8, f["arena"])
    f.give(0)

    # Copies the number that its context holds.
    f = module.function("tell", I32, inputs=PTR, outputs=PTR, arena=PTR, context=PTR)
    f.store(f.load(f["outputs"], 0, PTR), 0, f.load(f["context"], 0, I64))
    f.give(0)
    return module


NAMES = ("count", "nest", "add_one", "copy", "stop", "where", "tell")


@functools.cache
def code() -> llvm.Code:
    """The functions, loaded."""
    return llvm.load([llvm.compile_ir(str(_module()))], NAMES, runtime.symbols())


@functools.cache
def parallel() -> Any:
    """``gt_parallel``, for ctypes."""
    kinds = (ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * 3)
    return ctypes.CFUNCTYPE(None, *kinds)(runtime.code()["gt_parallel"])


def run(body: str, counts: Any, n: int, grain: int, cost: int = 1 << 40) -> None:
    """``body`` over n tasks that count in ``counts[2:]``."""
    counts[1] = grain
    parallel()(code()[body], counts.ctypes.data + 16, n, grain, cost)
