"""Pooling, channels last: one number for each window and channel."""

import math
from functools import reduce
from itertools import product
from typing import Any

import numpy as np


def max_pool(x: Any, size: int = 2, stride: int | None = None) -> Any:
    """The largest number in each window of ``size`` places along every axis of space: ``(n, *space, channels)``.

    ``stride`` is by default ``size``: windows side by side. What is left at the end is dropped. Where several are the
    largest, they share the derivative.

    >>> max_pool(np.array([1.0, 5.0, 2.0, 3.0]).reshape(1, 4, 1)).ravel()
    array([5., 3.])
    """
    return reduce(np.maximum, _corners(x, size, stride)) if stride not in (None, size) else _tiles(x, size, np.max)


def mean_pool(x: Any, size: int = 2, stride: int | None = None) -> Any:
    """The mean of each window; the rest as ``max_pool``.

    >>> mean_pool(np.array([1.0, 5.0, 2.0, 3.0]).reshape(1, 4, 1)).ravel()
    array([3. , 2.5])
    """
    if stride in (None, size):
        return _tiles(x, size, np.mean)
    corners = _corners(x, size, stride)
    return sum(corners[1:], corners[0]) / len(corners)


def global_mean_pool(x: Any) -> Any:
    """The mean over all of space: ``(n, *space, channels) -> (n, channels)``.

    >>> global_mean_pool(np.ones((2, 4, 4, 3))).shape
    (2, 3)
    """
    return np.mean(x, axis=tuple(range(1, x.ndim - 1)))


def _tiles(x: Any, size: int, function: Any) -> Any:
    """Windows side by side are a reshape: each axis of space becomes windows and places in them."""
    space = [length // size if size else 0 for length in x.shape[1:-1]]
    _check(x, size, min(space))
    whole = x[(slice(None), *(slice(0, length * size) for length in space))]
    parts = [part for length in space for part in (length, size)]
    return function(whole.reshape(x.shape[0], *parts, x.shape[-1]), axis=tuple(range(2, 2 * len(space) + 1, 2)))


def _corners(x: Any, size: int, stride: int | None) -> list[Any]:
    """For each place in the window, what all windows have there."""
    step = stride or size
    places = [(length - size) // step + 1 for length in x.shape[1:-1]]
    _check(x, size, min(places))
    return [
        x[(slice(None), *(slice(o, o + (p - 1) * step + 1, step) for o, p in zip(offset, places, strict=True)))]
        for offset in product(range(size), repeat=len(places))
    ]


def _check(x: Any, size: int, places: int) -> None:
    if size < 1 or places < 1 or math.prod(x.shape) == 0:
        raise ValueError(f"[pool] windows of {size} do not fit in an input of shape {x.shape} (n, *space, channels)")
