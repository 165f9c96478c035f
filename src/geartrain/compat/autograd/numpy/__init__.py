"""``autograd.numpy`` is NumPy itself: geartrain differentiates plain NumPy."""

from typing import Any

import numpy as np

from geartrain.compat.autograd.numpy import fft, linalg, random

OWN: Any = np
MODULES = {"fft": fft, "linalg": linalg, "random": random}

__version__ = np.__version__
__all__ = list(OWN.__all__)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    return getattr(OWN, "vstack" if name == "row_stack" else name)


def __dir__() -> list[str]:
    return dir(OWN)
