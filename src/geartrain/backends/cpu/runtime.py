"""The native code that all programs share, compiled and loaded once in a process: the pool and what is built on it."""

import functools

from geartrain.backends import llvm
from geartrain.backends.cpu import pool
from geartrain.backends.cpu.emit import Module

__all__ = ["code", "symbols", "text"]

EXPORTS = (*pool.EXPORTS,)


@functools.cache
def text() -> str:
    """The LLVM IR of it all."""
    module = Module()
    pool.write(module)
    return str(module)


@functools.cache
def code() -> llvm.Code:
    """The loaded code. The first call compiles it (some 30 ms); no thread is started yet."""
    loaded = llvm.load([llvm.compile_ir(text())], EXPORTS)
    pool.attach(loaded)
    return loaded


def symbols() -> dict[str, int]:
    """Name -> address of what programs may call: for ``llvm.load``."""
    loaded = code()
    return {name: loaded[name] for name in EXPORTS if name != "gt_pool"}
