"""What goes along an axis in order: running sums, sorting, search in what is sorted. Routines, not loop nests.

============= ================= ========================================= ================================
routine       reads             gives, then works in                      sizes
============= ================= ========================================= ================================
cumsum        x                 running sums                              n, elements behind the axis
argsort       x                 places; keys and places, twice each       n, elements behind the axis
searchsorted  a, v              for each of v the place in a              n, size of v, whether on the right
============= ================= ========================================= ================================
"""

import math
from collections.abc import Callable

import numpy as np

from geartrain.ir.aval import Aval
from geartrain.ir.node import INPUT, Node
from geartrain.schedule.element import is_native
from geartrain.schedule.steps import Home, Routine

__all__ = ["SCANS", "scan"]

SCANS = ("cumsum", "argsort", "searchsorted")
"""The rows that are steps of this kind."""


def scan(node: Node, copied: Callable[[Node], Home]) -> Routine | None:
    """The step for a node, without its number; ``None`` if native code has none. ``copied``: a value in C order."""
    x, *others = node.inputs
    dtype, name = x.aval.dtype, node.op.name
    if not all(is_native(each.aval) and each.aval.size and not each.aval.weak for each in (node, *node.inputs)):
        return None
    if name == "searchsorted":
        (side,) = node.params
        if len(others) != 1 or others[0].aval.dtype != dtype or node.aval.dtype != np.int64:
            return None
        v = others[0]
        sizes = (x.aval.size, v.aval.size, side == "right")
        return Routine(node, -1, name, (copied(x), copied(v)), (node,), 1, sizes)
    axis: int = node.params[0] % x.aval.ndim
    shape = x.aval.shape
    n: int = shape[axis]
    sizes = (n, math.prod(shape[axis + 1 :]))
    rooms: list[Node] = []
    if name == "cumsum" and node.aval.dtype != dtype:
        return None
    if name == "argsort":
        rooms = [Node(INPUT, (), (), Aval((2 * n,), d)) for d in (dtype, np.dtype(np.int64))]
    return Routine(node, -1, name, (copied(x),), (node, *rooms), math.prod(shape[:axis]), sizes)
