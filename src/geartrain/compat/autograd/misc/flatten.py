"""Containers of arrays as one flat array, and back."""

from collections.abc import Callable
from typing import Any

from geartrain import tree
from geartrain.ir.untyped import numpy as np

__all__ = ["flatten", "flatten_func"]

F = Callable[..., Any]


def flatten(value: Any) -> tuple[Any, F]:
    """The numbers of a container in a row, and the function that puts such a row back into a container.

    A dict goes by its sorted keys. Both directions can be differentiated.

    >>> flat, unflatten = flatten({"b": 3.0, "a": [1.0, np.array([2.0, 5.0])]})
    >>> flat
    array([1., 2., 5., 3.])
    >>> unflatten(2 * flat)["a"][1]
    array([ 4., 10.])
    """
    leaves, treedef = tree.flatten(value)
    shapes = [np.shape(x) for x in leaves]
    flat = np.concatenate([np.ravel(x) for x in leaves]) if leaves else np.array([])

    def unflatten(flat: Any) -> Any:
        parts: list[Any] = []
        start = 0
        for shape in shapes:
            size = int(np.prod(shape))
            parts.append(np.reshape(flat[start : start + size], shape) if shape else flat[start])
            start += size
        return tree.unflatten(treedef, parts)

    return flat, unflatten


def flatten_func(func: F, example: Any) -> tuple[F, F, Any]:
    """A function of containers as one of flat arrays, the way back, and the example, flat."""
    flat, unflatten = flatten(example)

    def flat_func(x: Any, *args: Any) -> Any:
        return flatten(func(unflatten(x), *args))[0]

    return flat_func, unflatten, flat
