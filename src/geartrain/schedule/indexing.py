"""Indexing by integer arrays, where the arrays stand side by side and everything else is whole axes.

``x[:, rows, columns]`` has one axis before the arrays, two that they choose from, and the rest behind. The result has
the axes before, those of the arrays (broadcast with each other), those behind.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from geartrain.ir.views import View, broadcast
from geartrain.ops.index import HERE

__all__ = ["Indexing", "indexing", "spread_index", "spread_operand"]


class Indexing(NamedTuple):
    """``lead`` axes before those that ``arrays`` integer arrays, together of shape ``shape``, choose from."""

    lead: int
    arrays: int
    shape: tuple[int, ...]


def indexing(template: tuple[Any, ...], ndim: int, shapes: Sequence[tuple[int, ...]]) -> Indexing | None:
    """How a template with arrays of these shapes reads a value of ``ndim`` axes; ``None`` if it is of another form.

    >>> indexing((slice(None), "here", "here"), 4, [(5, 1), (3,)])
    Indexing(lead=1, arrays=2, shape=(5, 3))
    >>> indexing(("here", slice(None), "here"), 3, [(5,), (5,)]) is None
    True
    """
    parts: list[Any] = []
    for part in template:
        parts.extend([slice(None)] * (ndim - len(template) + 1) if part is Ellipsis else [part])
    places = [i for i, part in enumerate(parts) if type(part) is str and part == HERE]
    if not places or len(places) != len(shapes) or places[-1] - places[0] + 1 != len(places):
        return None
    if any(part != slice(None) for i, part in enumerate(parts) if i not in places):
        return None
    return Indexing(places[0], len(places), np.broadcast_shapes(*shapes))


def spread_operand(view: View, how: Indexing) -> tuple[View, tuple[int, ...]]:
    """The indexed value over the space of the result, where the arrays' axes do not move; the strides they move by."""
    lead, behind = how.lead, how.lead + how.arrays
    shape = (*view.shape[:lead], *how.shape, *view.shape[behind:])
    strides = (*view.strides[:lead], *(0,) * len(how.shape), *view.strides[behind:])
    return View(view.offset, shape, strides), view.strides[lead:behind]


def spread_index(view: View, how: Indexing, space: tuple[int, ...]) -> View:
    """An index array over the space of the result; the other axes do not move it."""
    wide = broadcast(view, how.shape)
    behind = len(space) - how.lead - len(how.shape)
    return View(wide.offset, space, (*(0,) * how.lead, *wide.strides, *(0,) * behind))
