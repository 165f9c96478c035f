"""Small helpers that programs import from autograd."""

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["subval", "subvals"]


def subvals(x: Sequence[Any], ivs: Iterable[tuple[int, Any]]) -> tuple[Any, ...]:
    """A tuple like ``x`` with other values at some places.

    >>> subvals((1, 2, 3), [(0, 10), (2, 30)])
    (10, 2, 30)
    """
    full = list(x)
    for i, value in ivs:
        full[i] = value
    return tuple(full)


def subval(x: Sequence[Any], i: int, v: Any) -> tuple[Any, ...]:
    """A tuple like ``x`` with another value at one place."""
    return subvals(x, [(i, v)])
