"""What is compiled while something else is done: the code that all programs share, in a thread of its own.

A process that finds this code on disk has no use for it. Where it has to be compiled, it is while Python runs the
program that is to be recorded; and the code of native calls, which takes longest, once the first program is compiled.
"""

import contextlib
import os
import threading
from collections.abc import Callable

from geartrain.backends import llvm, object_cache
from geartrain.backends.choose import COMPILER
from geartrain.backends.cpu import runtime

__all__ = ["begin", "entries_there", "go_on"]

_begun: dict[str, threading.Thread | None] = {}


def begin() -> None:
    """Begin with what walks plans, if it is not on disk."""
    _start("walk", runtime.LOCK, runtime.code)


def go_on() -> None:
    """Begin with what is called from Python, if it is not on disk."""
    _start("entry", runtime.ENTRY_LOCK, runtime.entries)


def entries_there() -> bool:
    """Whether the code of native calls can be had without waiting for the thread."""
    thread = _begun.get("entry")
    return thread is None or not thread.is_alive()


def _start(part: str, lock: "threading.RLock", make: Callable[[], object]) -> None:
    if part in _begun:
        return
    _begun[part] = None
    if os.name != "posix" or (llvm.remembered() and object_cache.there(*runtime.key_of(part))):
        return
    ready = threading.Event()

    def run() -> None:
        with lock:  # whoever forks waits for it
            ready.set()
            with contextlib.suppress(Exception):  # who needs the code will see the error, too
                if llvm.installed():
                    make()

    thread = threading.Thread(target=run, name=COMPILER)  # no daemon: at exit LLVM is to be done
    with contextlib.suppress(RuntimeError):  # the interpreter is about to end, and starts no thread any more
        thread.start()
        _begun[part] = thread
        ready.wait()
