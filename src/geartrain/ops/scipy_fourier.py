"""``scipy.fft``: NumPy's transforms by SciPy's names. Those of sines and cosines have no rule yet, and say so."""

from collections.abc import Callable
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.later import composes

__all__ = ["ALONG_ONE", "ALONG_SEVERAL"]

HERE = "scipy.fft"
ALONG_ONE = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
ALONG_SEVERAL = ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn")


def _along_one(name: str) -> Callable[..., Array]:
    def transform(
        x: Array, n: Any = None, axis: int = -1, norm: Any = None, overwrite_x: bool = False, *rest: Any, **options: Any
    ) -> Array:
        return getattr(np.fft, name)(x, n, axis, norm)

    transform.__name__ = name
    return transform


def _along_several(name: str) -> Callable[..., Array]:
    usual = (-2, -1) if name.endswith("2") else None

    def transform(
        x: Array,
        s: Any = None,
        axes: Any = usual,
        norm: Any = None,
        overwrite_x: bool = False,
        *rest: Any,
        **options: Any,
    ) -> Array:
        if s is not None and axes is None:
            axes = tuple(range(-len(s), 0))
        return getattr(np.fft, name)(x, s, axes, norm)

    transform.__name__ = name
    return transform


for _name in ALONG_ONE:
    composes(HERE, _name)(_along_one(_name))
for _name in ALONG_SEVERAL:
    composes(HERE, _name)(_along_several(_name))
