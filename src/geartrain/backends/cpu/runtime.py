"""The native code that all programs share, compiled and loaded once in a process: the pool and what is built on it."""

import functools

from geartrain.backends import llvm
from geartrain.backends.cpu import entry, entry_ir, gemm, pool
from geartrain.backends.cpu.emit import Module

__all__ = ["code", "function", "has_blas", "module", "symbols"]

EXPORTS = (*pool.EXPORTS, *gemm.EXPORTS, *entry_ir.EXPORTS)


@functools.cache
def module() -> Module:
    """All of it, as LLVM IR."""
    made = Module()
    pool.write(made)
    gemm.write(made)
    entry_ir.write(made)
    return made


@functools.cache
def code() -> llvm.Code:
    """The loaded code. The first call compiles it (some 50 ms); no thread is started yet."""
    loaded = llvm.load([llvm.compile_ir(str(module()))], EXPORTS, entry.symbols(tuple(module().declared)))
    pool.attach(loaded)
    return loaded


@functools.cache
def has_blas() -> bool:
    """Whether there are matrix products; the first call looks for the library, and checks it."""
    return gemm.attach(code())


def symbols() -> dict[str, int]:
    """Name -> address of what programs may call: for ``llvm.load``. Products only with ``has_blas()``."""
    loaded = code()
    names = ["gt_parallel", *(gemm.PRODUCTS if has_blas() else ())]
    return {name: loaded[name] for name in names}


def function(slow: entry.Slow, name: str = "compiled") -> entry.Function:
    """A function without programs yet: every call is slow."""
    return entry.Function(slow, code()["gt_call"], name)
