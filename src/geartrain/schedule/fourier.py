"""Fourier transforms: one routine for a node, which goes along its axes in turn.

======================= ================= =====================================================================
routine                 reads, gives      sizes
======================= ================= =====================================================================
complex fftn, ifftn     pairs, pairs      how many axes; of each: ``Along``, as words
complex rfft            real, pairs       1, ``Along``
complex irfft           pairs, real       1, ``Along``
======================= ================= =====================================================================

Behind the first axis, the transform is done in place.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from geartrain.ir.node import Node
from geartrain.schedule.steps import Home, Routine

__all__ = ["NAMES", "ROWS", "Along", "flops", "transform"]

NAMES = ("fftn", "ifftn", "rfft", "irfft")
ROWS = tuple([f"complex {name}" for name in NAMES])
"""The operations that are steps of this kind."""

PIECE = 250_000
"""Floating-point operations of what one worker takes at least: some 20 us."""


class Along(NamedTuple):
    """A transform along one axis: ``n_in`` numbers become ``n_out``, ``outer`` times ``inner`` of them.

    ``factor`` has the bits of what the result is multiplied by, in its precision. ``lanes`` transforms at least are
    done by one worker: it does not depend on how many workers there are.
    """

    n_in: int
    n_out: int
    outer: int
    inner: int
    factor: int
    lanes: int


def transform(node: Node, copied: Callable[[Node], Home]) -> Routine | None:
    """The step for a node, without its number; ``None`` if there is none. ``copied``: a value in C order."""
    (x,) = node.inputs
    name = node.op.name.removeprefix("complex ")
    if x.aval.size == 0 or node.aval.size == 0 or x.aval.dtype != node.aval.dtype:
        return None
    shape: tuple[int, ...] = x.aval.shape if name == "rfft" else x.aval.shape[:-1]
    out: tuple[int, ...] = node.aval.shape if name == "irfft" else node.aval.shape[:-1]
    norm: str | None = node.params[-1]
    axes: tuple[int, ...] = node.params[0] if name in ("fftn", "ifftn") else (node.params[-2],)
    found: list[Along] = []
    for axis in reversed(axes):  # NumPy's order
        n = shape[axis] if name == "rfft" else out[axis]
        factor = _factor(norm, n, name in ("ifftn", "irfft"), x.aval.dtype)
        lanes = -(-PIECE // (8 * _flops_of_one(n)) or 1) * 8
        here = Along(shape[axis], out[axis], math.prod(shape[:axis]), math.prod(shape[axis + 1 :]), factor, lanes)
        found.append(here)
    if not found:
        return None
    sizes = (len(found), *[word for along in found for word in along])
    return Routine(node, -1, node.op.name, (copied(x),), (node,), 1, sizes)


def _factor(norm: str | None, n: int, inverse: bool, dtype: np.dtype[Any]) -> int:
    """The bits of a factor, as NumPy computes it."""
    one = dtype.type(1)
    whole = norm == ("backward" if inverse else "forward") or (inverse and norm is None)
    value = one / np.sqrt(dtype.type(n)) if norm == "ortho" else one / dtype.type(n) if whole else one
    return int.from_bytes(value.astype(dtype).tobytes(), "little")


def _flops_of_one(n: int) -> int:
    return 5 * n * n.bit_length()


def flops(step: Routine) -> int:
    """Operations of a step, about."""
    each = len(Along._fields)
    words = step.sizes[1:]
    found = [Along(*words[i : i + each]) for i in range(0, len(words), each)]
    return sum([along.outer * along.inner * _flops_of_one(max(along.n_in, along.n_out)) for along in found])
