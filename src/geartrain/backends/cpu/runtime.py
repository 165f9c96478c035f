"""The native code that all programs share, loaded once in a process: the pool, the call entry, what walks plans.

It is compiled by :mod:`geartrain.backends.cpu.shared`, and then kept on disk under everything that it depends on; a
process that finds it there loads no compiler.
"""

import atexit
import ctypes
import functools
import importlib
import marshal
import os
from threading import RLock
from typing import Any

from geartrain.backends import llvm
from geartrain.backends.cpu import entry, openblas
from geartrain.backends.cpu.image import Image
from geartrain.backends.cpu.program import guarded
from geartrain.backends.library import fingerprint
from geartrain.backends.object_cache import kept
from geartrain.backends.threads import get_threads, on_change
from geartrain.recent import LOCK as TABLES

__all__ = [
    "ENOUGH",
    "ENTRY_LOCK",
    "LETTERS",
    "LOCK",
    "LOCKS",
    "code",
    "entries",
    "function",
    "has_blas",
    "key_of",
    "symbols",
]

LETTERS = {"f32": "s", "f64": "d", "c64": "c", "c128": "z"}
"""What the matrix library calls dtypes, in the order of ``gt_blas``: its gemm and gemv for each."""

ENOUGH = 16 * len(LETTERS)
"""Where ``gt_blas`` says how many tiles are enough, in bytes."""

ENOUGH_PER_CORE = 2
"""So many tiles for each core of the machine, used or not, are enough, if none is too large: see ``gemm``."""

LOCK = RLock()
"""Held while the code that all programs share is compiled."""

_blas_lock = RLock()
"""Held while the matrix library is looked for, and given to the code."""

ENTRY_LOCK = RLock()
"""Held while the code of calls from Python is."""


LOCKS: list[Any] = [ENTRY_LOCK, LOCK, _blas_lock, *llvm.LOCKS, TABLES]
"""What a fork waits for, from the outermost to the innermost, so that the child finds nothing half compiled."""


def _wait() -> None:
    for lock in LOCKS:
        lock.acquire()


def _go_on() -> None:
    for lock in reversed(LOCKS):
        lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait, after_in_parent=_go_on, after_in_child=_go_on)


def code() -> llvm.Code:
    """The loaded code. The first call compiles it (some 50 ms) if it is not on disk; no thread is started yet.

    Raises:
        MissingPackage: there is no LLVM.
    """
    with LOCK:
        return _load()


@functools.cache
def _load() -> llvm.Code:
    loaded = _part("walk")
    _start_pool(loaded)
    _attach(loaded)
    return loaded


def entries() -> llvm.Code:
    """The code of calls from Python, apart from the rest, since it takes longer to compile (some 0.1 s)."""
    with ENTRY_LOCK:
        return _load_entries()


@functools.cache
def _load_entries() -> llvm.Code:
    return _part("entry")


def key_of(part: str) -> tuple[str, ...]:
    """Under what a part of the code is on disk, if it is: ``walk`` or ``entry``."""
    return ("shared", *llvm.host(), fingerprint(), f"guarded: {guarded()}", part)


def _part(part: str) -> llvm.Code:
    outside, *linked = marshal.loads(kept(key_of(part), lambda: _made(part)))
    symbols = entry.symbols(outside)
    if len(linked) == 1:
        return llvm.load(linked[0][0], linked[0][1], symbols)
    image = Image(*linked)
    return llvm.load_image(image, image.exports, symbols)


def _made(part: str) -> bytes:
    """The names of what it calls outside, and an image; or the objects and their exports, to be linked."""
    made: bytes = importlib.import_module("geartrain.backends.cpu.shared").made(part)
    return made


def _start_pool(loaded: llvm.Code) -> None:
    """Tell the pool its size, and see to forks and the exit."""
    forget = ctypes.CFUNCTYPE(None)(loaded["gt_pool_forget"])
    forget()  # makes the mutex and the condition
    stop = ctypes.CFUNCTYPE(None, ctypes.c_int64)(loaded["gt_pool_stop"])
    stop(get_threads())
    on_change.append(stop)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=forget)
    atexit.register(stop, 1)


def has_blas() -> bool:
    """Whether there are matrix products; the first call looks for the library, and checks it (0.1 s).

    It does not wait for code that is being compiled: whoever needs to know plans a program, meanwhile.
    """
    with _blas_lock:
        found = openblas.library() is not None
    if found:
        _attach(None)
    return found


_both: dict[str, llvm.Code] = {}
"""The loaded code, once it is there."""


def _attach(loaded: llvm.Code | None) -> None:
    """Give the code the routines of the library: as soon as both are there, whichever comes second."""
    with _blas_lock:
        if loaded is not None:
            _both["code"] = loaded
        found = openblas.library() if openblas.asked() else None
        if found is None or "code" not in _both:
            return
        at = _both["code"]["gt_blas"]
        ctypes.c_int64.from_address(at + ENOUGH).value = ENOUGH_PER_CORE * (os.cpu_count() or 1)
        table = (ctypes.c_void_p * (2 * len(LETTERS))).from_address(at)
        for i, letter in enumerate(LETTERS.values()):
            table[2 * i], table[2 * i + 1] = found.address(f"{letter}gemm"), found.address(f"{letter}gemv")


def symbols() -> dict[str, int]:
    """Name -> address of what programs may call: for ``llvm.load``."""
    shared = code()
    return {name: shared[name] for name in ("gt_parallel", *[f"gt_gemm_{t}" for t in LETTERS])}


def function(slow: entry.Slow, name: str = "compiled") -> entry.Function:
    """A function without programs yet: every call is slow."""
    loaded = entries()
    return entry.Function(slow, (loaded["gt_call"], loaded["gt_call_always"]), name)
