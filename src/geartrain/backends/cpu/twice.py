"""What can wait until a program runs, in a thread of its own: compiling its code again, and well; writing it to disk.

At exit it is waited for. A child after a fork does again what its parent had not done yet.
"""

import os
import threading
import time
from collections.abc import Callable

from geartrain.backends.choose import COMPILER

__all__ = ["later", "wait"]

MOMENT = 0.02
"""Seconds before it begins: the call that has asked for it ends sooner if it has the interpreter to itself."""

_waiting: list[Callable[[], None]] = []
_thread: threading.Thread | None = None
_lock = threading.Lock()


def later(then: Callable[[], None]) -> None:
    """Call ``then`` when what was begun before is done."""
    with _lock:
        _waiting.append(then)
    _begin()


def wait() -> None:
    """Until all is done that was begun."""
    thread = _thread
    if thread is not None:
        thread.join()


def _begin() -> None:
    global _thread
    with _lock:
        if not _waiting or (_thread is not None and _thread.is_alive()):
            return
        _thread = threading.Thread(target=_run, name=COMPILER)  # no daemon: at exit LLVM is to be done
        try:
            _thread.start()
        except RuntimeError:  # the interpreter is about to end, and starts no thread any more
            _thread = None


def _run() -> None:
    global _thread
    time.sleep(MOMENT)
    while True:
        with _lock:
            waiting = _waiting.copy()
            if not waiting:
                _thread = None
                return
        for then in waiting:
            try:
                then()
            finally:
                with _lock:
                    _waiting.remove(then)


def _in_child() -> None:
    """After a fork, where no thread came along: begin again."""
    global _lock, _thread
    _lock, _thread = threading.Lock(), None
    _begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
