"""``autograd.numpy.random`` is NumPy's own."""

from typing import Any

import numpy

__all__ = list(numpy.random.__all__)


def __getattr__(name: str) -> Any:
    return getattr(numpy.random, name)


def __dir__() -> list[str]:
    return dir(numpy.random)
