"""The native code that all programs share, compiled and loaded once in a process: the pool and what is built on it."""

import functools
import threading

from geartrain.backends import llvm
from geartrain.backends.cpu import entry, entry_ir, gemm, guard, pool
from geartrain.backends.cpu.emit import Module
from geartrain.backends.object_cache import kept

__all__ = ["LOCK", "code", "function", "has_blas", "modules", "symbols"]

EXPORTS = (*pool.EXPORTS, *gemm.EXPORTS, *entry_ir.EXPORTS)


@functools.cache
def modules() -> tuple[Module, Module]:
    """All of it, as LLVM IR: what runs once for each call from Python; what runs now and then."""
    calls, rest = Module(), Module()
    if guard.wanted():
        guard.write(calls)
    entry_ir.write(calls, guard.wanted())
    pool.write(rest)
    gemm.write(rest)
    return calls, rest


LOCK = threading.RLock()
"""Held while the code that all programs share is compiled, and the matrix library looked for."""


def code() -> llvm.Code:
    """The loaded code. The first call compiles it (some 0.1 s); no thread is started yet.

    Raises:
        MissingPackage: there is no LLVM.
    """
    with LOCK:
        return _load()


@functools.cache
def _load() -> llvm.Code:
    calls, rest = modules()
    quick = (*llvm.QUICK, "always_inliner", *llvm.QUICK)
    first, second = str(calls), str(rest)
    objects = [
        kept(("calls", *llvm.host(), first), lambda: llvm.compile_ir(first, 1, quick)),
        kept(("rest", *llvm.host(), second), lambda: llvm.compile_ir(second, 0, llvm.QUICK)),
    ]
    loaded = llvm.load(objects, EXPORTS, entry.symbols(tuple(calls.declared)))
    pool.attach(loaded)
    return loaded


def has_blas() -> bool:
    """Whether there are matrix products; the first call looks for the library, and checks it (0.1 s)."""
    with LOCK:
        return _attach()


@functools.cache
def _attach() -> bool:
    return gemm.attach(code())


def symbols() -> dict[str, int]:
    """Name -> address of what programs may call: for ``llvm.load``. Products only with ``has_blas()``."""
    loaded = code()
    names = ["gt_parallel", *(gemm.PRODUCTS if has_blas() else ())]
    return {name: loaded[name] for name in names}


def function(slow: entry.Slow, name: str = "compiled") -> entry.Function:
    """A function without programs yet: every call is slow."""
    loaded = code()
    return entry.Function(slow, (loaded["gt_call"], loaded["gt_call_always"]), name)
