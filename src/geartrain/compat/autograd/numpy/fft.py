"""``autograd.numpy.fft`` is NumPy's own."""

from typing import Any

import numpy as np

OWN: Any = np.fft

__all__ = list(OWN.__all__)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    return getattr(OWN, name)


def __dir__() -> list[str]:
    return dir(OWN)
