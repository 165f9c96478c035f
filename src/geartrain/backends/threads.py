"""How many threads compiled programs use. The pool asks here, and is told of changes; nothing else is loaded for it."""

import os
from collections.abc import Callable

from geartrain.errors import InputError

__all__ = ["MOST", "get_threads", "on_change", "set_threads"]

MOST = 256
"""The largest number of threads."""

on_change: list[Callable[[int], None]] = []
"""What is told of another number: the pool, if it runs."""

_size: int | None = None


def _allowed() -> int:
    """The cores that this process may use: its affinity, and the quota of its container."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
            quota, period = file.read().split()
        if quota != "max":
            cores = min(cores, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    return min(cores, MOST)


def _checked(op: str, n: object) -> int:
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= MOST:
        raise InputError(f"[{op}] the number of threads is {n!r}. Give an int from 1 to {MOST}.")
    return n


def get_threads() -> int:
    """The number of threads that compiled programs use, the caller's counted.

    It is what ``set_threads`` said; else the environment variable ``GEARTRAIN_THREADS``; else the number of cores that
    this process may use.

    Raises:
        InputError: ``GEARTRAIN_THREADS`` is not an int from 1 to 256.

    >>> get_threads() >= 1
    True
    """
    global _size
    if _size is None:
        text = os.environ.get("GEARTRAIN_THREADS", "").strip()
        if text and not text.isdigit():
            raise InputError(f"[GEARTRAIN_THREADS] the number of threads is {text!r}. Give an int from 1 to {MOST}.")
        _size = _checked("GEARTRAIN_THREADS", int(text)) if text else _allowed()
    return _size


def set_threads(n: int) -> None:
    """Let compiled programs use ``n`` threads, the caller's counted; results do not depend on it.

    Raises:
        InputError: ``n`` is not an int from 1 to 256.

    >>> before = get_threads()
    >>> set_threads(3)
    >>> get_threads()
    3
    >>> set_threads(before)
    """
    global _size
    _size = _checked("set_threads", n)
    for told in on_change:
        told(n)
