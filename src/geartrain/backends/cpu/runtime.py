"""The native code that all programs share, compiled and loaded once in a process: the pool and what is built on it."""

import functools

from geartrain.backends import llvm
from geartrain.backends.cpu import gemm, pool
from geartrain.backends.cpu.emit import Module

__all__ = ["code", "symbols", "text"]

EXPORTS = (*pool.EXPORTS, *gemm.EXPORTS)


@functools.cache
def text() -> str:
    """The LLVM IR of it all."""
    module = Module()
    pool.write(module)
    gemm.write(module)
    return str(module)


@functools.cache
def code() -> llvm.Code:
    """The loaded code. The first call compiles it (some 50 ms); no thread is started yet."""
    loaded = llvm.load([llvm.compile_ir(text())], EXPORTS)
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
