"""Products with a matrix of patches, which a backend need not make."""

from operator import mul
from typing import NamedTuple

import numpy as np

from geartrain.ir.aval import Array
from geartrain.ir.op import Op
from geartrain.ir.views import View

__all__ = ["PATCHES", "PATCHES_TURNED", "Window", "offsets"]


class Window(NamedTuple):
    """Where patches lie in images of shape (n, *space, channels).

    At ``places`` (a count for each axis of space), ``steps`` apart from one another; element ``o`` of the window is
    ``starts[o]`` away from the place. A row of the matrix of patches is a place of an image, a column is an element of
    the window and a channel.
    """

    starts: tuple[tuple[int, ...], ...]
    steps: tuple[int, ...]
    places: tuple[int, ...]


def _patches(x: Array, window: Window) -> Array:
    """The matrices of patches, one for each image: (n, places, window and channels)."""
    parts: list[Array] = []
    for start in window.starts:
        spans = [slice(s, s + (p - 1) * d + 1, d) for s, d, p in zip(start, window.steps, window.places, strict=True)]
        parts.append(x[(slice(None), *spans)].reshape(len(x), -1, x.shape[-1]))
    return np.concatenate(parts, axis=-1)


def _multiply(x: Array, weights: Array, window: Window) -> Array:
    rows = _patches(x, window)
    return rows.reshape(-1, rows.shape[-1]) @ weights


def _multiply_turned(x: Array, y: Array, window: Window, groups: int) -> Array:
    rows = _patches(x, window)
    each = -(-len(x) // groups)
    y = y.reshape(*rows.shape[:2], -1)
    parts = [slice(i * each, (i + 1) * each) for i in range(groups)]
    return np.stack([np.einsum("npk,npj->kj", rows[part], y[part]) for part in parts])


PATCHES = Op(name="patches", fn=_multiply, params=("window",))
"""``patches @ weights``, for images and weights: (n * places, columns)."""

PATCHES_TURNED = Op(name="patches_turned", fn=_multiply_turned, params=("window", "groups"))
"""``patches.T @ y``, for images and y: a matrix for each group of images, to be added up."""


def offsets(window: Window, view: View) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Where patches of images that lie like ``view`` are: offsets of places, and of elements and channels.

    >>> from geartrain.ir.views import contiguous
    >>> offsets(Window(((0,), (1,)), (2,), (3,)), contiguous((1, 7, 2)))
    ((0, 4, 8), (0, 1, 2, 3))
    """
    _, *space, channel = view.strides
    moves = [s * d for s, d in zip(space, window.steps, strict=True)]
    places = [sum(map(mul, place, moves)) for place in np.ndindex(*window.places)]
    channels = [channel * c for c in range(view.shape[-1])]
    return tuple(places), tuple([sum(map(mul, start, space)) + c for start in window.starts for c in channels])
