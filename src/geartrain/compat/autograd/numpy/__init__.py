"""``autograd.numpy`` is NumPy itself: geartrain differentiates plain NumPy."""

import numpy
from typing import Any

from geartrain.compat.autograd.numpy import fft, linalg, random

__version__ = numpy.__version__
__all__ = [*[name for name in numpy.__all__ if name not in ("fft", "linalg", "random")], "fft", "linalg", "random"]


def __getattr__(name: str) -> Any:
    if name == "row_stack":
        return numpy.vstack
    return getattr(numpy, name)


def __dir__() -> list[str]:
    return dir(numpy)
