"""Assignment and views, functional underneath.

A storage is a live NumPy buffer and the node that it stands for. Views share the storage and hold a path of view steps;
the live value of a view is a real NumPy view of the buffer, so aliasing is NumPy's own. Writing through any view
changes the buffer in place and makes the storage's node a scatter of the old one.

The buffer is copied only when a write meets somebody who still needs the old values (copy on write): n assignments of
one element cost O(n).
"""

from typing import Any, NamedTuple

import numpy as np

from geartrain.ir.aval import Array, Aval
from geartrain.ir.node import CONST, Node
from geartrain.ir.op import Op
from geartrain.ops.index import GETITEM, SCATTER
from geartrain.ops.shape import RESHAPE, TRANSPOSE

__all__ = ["Step", "Storage", "lend", "live"]


class Step(NamedTuple):
    """One view step: ``op`` reads the part of its operand, and :func:`put` says how to write it."""

    op: Op
    params: tuple[Any, ...]


class Storage:
    """A live buffer, the node it stands for (``None`` as long as nothing traced was written), and its version.

    ``owned``: nobody else needs the buffer as it is now, so a write may change it in place.
    """

    __slots__ = ("buffer", "node", "owned", "version")

    def __init__(self, buffer: Array, node: Node | None, owned: bool) -> None:
        self.buffer = buffer
        self.node = node
        self.owned = owned
        self.version = 0


def live(store: Storage, path: tuple[Step, ...]) -> Array:
    """The live value of a view: a real NumPy view of the buffer."""
    value = store.buffer
    for step in path:
        value = step.op.fn(value, *step.params)
    return value


def lend(store: Storage) -> Node:
    """The node of the whole storage with its value, which from now on is kept as it is."""
    node = store.node
    if node is None:
        node = store.node = Node(CONST, (), (), store.buffer)
        store.owned = False
    elif type(node.value) is Aval:
        node.value = store.buffer
        store.owned = False
    return node


def own(store: Storage) -> None:
    """Make the buffer safe to change in place."""
    if not store.owned:
        store.buffer = np.array(store.buffer, order="K", copy=True)
        store.owned = True


def put(base: Array, path: tuple[Step, ...], write: Any) -> Array:
    """``base`` with the part at ``path`` replaced by ``write(part)``, as an expression of ops (no mutation)."""
    parts = [base]
    for step in path:
        parts.append(step.op(parts[-1], params=step.params))
    new = write(parts.pop())
    for step in reversed(path):
        part = parts.pop()
        if step.op is GETITEM:
            new = SCATTER(part, new, params=step.params)
        elif step.op is TRANSPOSE:
            new = TRANSPOSE(new, params=(tuple(int(i) for i in np.argsort(step.params[0])),))
        else:
            new = RESHAPE(new, params=(part.shape,))
    return new
