"""``autograd.numpy.fft`` is NumPy's own."""

from typing import Any

import numpy

__all__ = list(numpy.fft.__all__)


def __getattr__(name: str) -> Any:
    return getattr(numpy.fft, name)


def __dir__() -> list[str]:
    return dir(numpy.fft)
