"""``kind_of(x)`` is ``type(x)``, and ``is_a(x, list)`` whether it is just that, seen by a type checker as anything.

Where numbers, arrays and tracers meet, the kind of a value is asked on every step, and what a checker concludes from
the answer (an ndarray of an unknown shape and an unknown dtype) says less than nothing.
"""

from collections.abc import Callable
from typing import Any, cast

__all__ = ["is_a", "kind_of"]

kind_of = cast(Callable[[Any], Any], type)


def is_a(x: Any, *kinds: type) -> bool:
    """Whether ``x`` is of one of these types itself, and not of a type derived from it."""
    return type(x) in kinds
