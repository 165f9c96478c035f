"""Strided views: which elements of a buffer a value is, in which order. Nothing here touches memory."""

import functools
from typing import Any, NamedTuple

__all__ = ["View", "broadcast", "contiguous", "diagonal", "indexed", "is_contiguous", "reshaped", "transposed"]

Shape = tuple[int, ...]


class View(NamedTuple):
    """Element ``i`` of the value is element ``offset + sum(i * strides)`` of the buffer; all counted in elements."""

    offset: int
    shape: Shape
    strides: Shape


@functools.lru_cache(maxsize=4096)
def contiguous(shape: Shape, offset: int = 0) -> View:
    """The view of a buffer in C order.

    >>> contiguous((2, 3))
    View(offset=0, shape=(2, 3), strides=(3, 1))
    """
    strides = [0] * len(shape)
    step = 1
    for i in range(len(shape) - 1, -1, -1):
        strides[i] = step
        step *= shape[i]
    return View(offset, shape, tuple(strides))


def is_contiguous(view: View) -> bool:
    """Whether the elements lie side by side in C order (the strides of axes of size one do not count)."""
    step = 1
    for n, stride in zip(reversed(view.shape), reversed(view.strides), strict=True):
        if n == 0:
            return True
        if n != 1 and stride != step:
            return False
        step *= n
    return True


def transposed(view: View, axes: Shape) -> View:
    """The axes in another order.

    >>> transposed(contiguous((2, 3)), (1, 0))
    View(offset=0, shape=(3, 2), strides=(1, 3))
    """
    return View(view.offset, tuple([view.shape[i] for i in axes]), tuple([view.strides[i] for i in axes]))


def broadcast(view: View, shape: Shape) -> View:
    """Repeated along new axes and along axes of size one."""
    lead = len(shape) - len(view.shape)
    strides = tuple(
        [0 if n == 1 and m != 1 else s for n, m, s in zip(view.shape, shape[lead:], view.strides, strict=True)]
    )
    return View(view.offset, shape, (0,) * lead + strides)


def indexed(view: View, template: tuple[Any, ...]) -> View:
    """The part that a basic index (integers, slices, ``None``, ``...``) reads.

    >>> indexed(contiguous((4, 6)), (1, slice(None, None, -2)))
    View(offset=11, shape=(3,), strides=(-2,))
    """
    used = sum(1 for part in template if part is not None and part is not Ellipsis)
    parts: list[Any] = []
    for part in template:
        parts.extend([slice(None)] * (len(view.shape) - used) if part is Ellipsis else [part])
    if Ellipsis not in template:
        parts.extend([slice(None)] * (len(view.shape) - used))
    offset, shape, strides, axis = view.offset, list[int](), list[int](), 0
    for part in parts:
        if part is None:
            shape.append(1)
            strides.append(0)
            continue
        n, stride = view.shape[axis], view.strides[axis]
        axis += 1
        if isinstance(part, slice):
            start, stop, step = part.indices(n)
            count = len(range(start, stop, step))
            offset += start * stride if count else 0
            shape.append(count)
            strides.append(step * stride)
        else:
            offset += (part + n if part < 0 else part) * stride
    return View(offset, tuple(shape), tuple(strides))


def diagonal(view: View, offset: int, axis1: int, axis2: int) -> View:
    """The diagonal of two axes, which becomes the last axis, as ``np.diagonal`` takes it.

    >>> diagonal(contiguous((3, 4)), 1, 0, 1)
    View(offset=1, shape=(3,), strides=(5,))
    """
    axis1, axis2 = axis1 % len(view.shape), axis2 % len(view.shape)
    (n, m), (down, right) = ([of[axis1], of[axis2]] for of in (view.shape, view.strides))
    count = max(min(n, m - offset) if offset >= 0 else min(n + offset, m), 0)
    start = (offset * right if offset >= 0 else -offset * down) if count else 0
    rest = [i for i in range(len(view.shape)) if i not in (axis1, axis2)]
    shape, strides = ([of[i] for i in rest] for of in (view.shape, view.strides))
    return View(view.offset + start, (*shape, count), (*strides, down + right))


def reshaped(view: View, shape: Shape) -> View | None:
    """The same elements in C order under another shape, or ``None`` where that needs a copy.

    >>> reshaped(contiguous((4, 6)), (2, 12))
    View(offset=0, shape=(2, 12), strides=(12, 1))
    >>> reshaped(transposed(contiguous((4, 6)), (1, 0)), (24,)) is None
    True
    """
    if is_contiguous(view):
        return contiguous(shape, view.offset)
    old = [(n, s) for n, s in zip(view.shape, view.strides, strict=True) if n != 1]
    strides: list[int] = []
    i = j = 0
    while i < len(old) or j < len(shape):
        if j < len(shape) and shape[j] == 1:
            strides.append(0)
            j += 1
            continue
        if i == len(old) or j == len(shape):
            return None
        first_i, first_j = i, j
        have, want = old[i][0], shape[j]
        while have != want:
            if have < want:
                i += 1
                if i == len(old):
                    return None
                have *= old[i][0]
            else:
                j += 1
                if j == len(shape):
                    return None
                want *= shape[j]
        for k in range(first_i, i):
            if old[k][1] != old[k + 1][1] * old[k + 1][0]:
                return None
        step, group = old[i][1], list[int]()
        for k in range(j, first_j - 1, -1):
            group.append(step)
            step *= shape[k]
        strides.extend(reversed(group))
        i, j = i + 1, j + 1
    return View(view.offset, shape, tuple(strides))
