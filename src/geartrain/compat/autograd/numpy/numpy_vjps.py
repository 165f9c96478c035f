"""What rules of primitives take from autograd: cotangents of operands that were repeated to the shape of the result."""

from collections.abc import Callable
from typing import Any

from geartrain.ir.untyped import numpy as np
from geartrain.ops.shape import unbroadcast as _summed

__all__ = ["match_complex", "unbroadcast", "unbroadcast_f"]


def unbroadcast(x: Any, target_meta: Any, broadcast_idx: int = 0) -> Any:
    """``x``, summed over the axes along which a target with this ``(shape, ndim, dtype, iscomplex)`` was repeated.

    >>> unbroadcast(np.ones((2, 3)), ((3,), 1, np.dtype(float), False))
    array([2., 2., 2.])
    """
    shape, _, _, iscomplex = target_meta
    y = _summed(x, tuple(shape)) if np.shape(x) != tuple(shape) else x
    return np.real(y) if np.iscomplexobj(y) and not iscomplex else y


def unbroadcast_f(target: Any, f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """``f``, with its results summed to the shape of ``target``."""
    meta = (np.shape(target), np.ndim(target), np.result_type(target), np.iscomplexobj(target))

    def summed(g: Any) -> Any:
        return unbroadcast(f(g), meta)

    return summed


def match_complex(target: Any, x: Any) -> Any:
    """``x`` as real or complex as ``target`` is."""
    if np.iscomplexobj(x) and not np.iscomplexobj(target):
        return np.real(x)
    return x + 0j if np.iscomplexobj(target) and not np.iscomplexobj(x) else x
