"""``autograd.numpy.linalg`` is NumPy's own."""

from typing import Any

import numpy

__all__ = list(numpy.linalg.__all__)


def __getattr__(name: str) -> Any:
    return getattr(numpy.linalg, name)


def __dir__() -> list[str]:
    return dir(numpy.linalg)
