"""``np.vectorize`` while a trace runs."""

from collections.abc import Callable
from typing import Any

import numpy as np

from geartrain.ops.calls import vectorized
from geartrain.trace.level import active

__all__ = ["VECTORIZE_CALL", "vectorize_call"]

VECTORIZE_CALL: Callable[..., Any] = np.vectorize._vectorize_call  # type: ignore[attr-defined]
"""NumPy's own method."""


def vectorize_call(self: Any, func: Callable[..., Any], args: Any) -> Any:
    """It puts results into an array of objects: here they are stacked instead."""
    if active.trace is None:
        return VECTORIZE_CALL(self, func, args)
    return vectorized(func, tuple(args), self.otypes, self.signature)
