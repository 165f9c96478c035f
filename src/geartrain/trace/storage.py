"""Assignment and views, functional underneath.

A storage is a live NumPy buffer and the node that it stands for. Views share the storage and hold a path of view steps;
the live value of a view is a real NumPy view of the buffer, so aliasing is NumPy's own. Writing through any view
changes the buffer in place and makes the storage's node a scatter of the old one.

The buffer is copied only when a write meets somebody who still needs the old values (copy on write): n assignments of
one element cost O(n).
"""

from typing import Any, NamedTuple

import numpy as np

from geartrain.ir.aval import Array, Aval, aval_of
from geartrain.ir.node import CONST, Node
from geartrain.ir.op import Op
from geartrain.ops.complexes import PARTS
from geartrain.ops.diagonal import INNER_DIAGONAL
from geartrain.ops.index import GETITEM, HERE, SCATTER, Template
from geartrain.ops.shape import RESHAPE, TRANSPOSE

__all__ = ["Step", "Storage", "lend", "live", "own", "put"]


class Step(NamedTuple):
    """One view step: ``op`` reads the part of its operand, and :func:`put` says how to write it."""

    op: Op
    params: tuple[Any, ...]


class Storage:
    """A live buffer, the node it stands for (``None`` as long as nothing traced was written), and its version.

    ``owned``: no node needs the buffer as it is now, so a write may change it in place. ``exposed``: foreign code holds
    the buffer and may write to it, so a node must take a copy. ``epoch`` is the trace's when the storage was made.
    """

    __slots__ = ("buffer", "epoch", "exposed", "node", "owned", "version")

    def __init__(self, buffer: Array, node: Node | None, owned: bool, epoch: int) -> None:
        self.buffer = buffer
        self.node = node
        self.owned = owned
        self.epoch = epoch
        self.exposed = False
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
    if store.exposed and (node is None or node.depends == 0):
        return Node(CONST, (), (), store.buffer.copy("K"))
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
        store.buffer = store.buffer.copy("K")
        store.owned = True


_ALL = (Ellipsis,)


def put(store: Storage, path: tuple[Step, ...], template: Template, arrays: list[Node], part: Node) -> list[Node]:
    """The nodes that write ``part`` at an index of the view at ``path``; the last one is the storage's new node.

    Nothing is computed: each node has just its aval, since no rule needs more of an array that is written part by part.
    """
    whole = store.node if store.node is not None else lend(store)
    value = store.buffer
    made: list[Node] = []
    views: list[tuple[Node, Aval]] = [(whole, aval_of(value))]
    depends = whole.depends | part.depends
    for node in arrays:
        depends |= node.depends
    all_of_it = bool(path) and template == _ALL  # as x[1:] += y writes a view
    for step in path[:-1] if all_of_it else path:
        value = step.op.fn(value, *step.params)
        if whole.depends:
            known = aval_of(value) if type(whole.value) is Aval else value  # a lent buffer stays as it is
            of = Node(step.op, (views[-1][0],), step.params, known, whole.depends)
            made.append(of)
        else:
            of = Node(CONST, (), (), value.copy())
        views.append((of, aval_of(value)))
    new = part
    if not all_of_it:
        of, aval = views.pop()
        new = Node(SCATTER, (of, part, *arrays), (template,), aval, depends)
        made.append(new)
    for step in reversed(path):
        of, aval = views.pop()
        if step.op is GETITEM:
            new = Node(SCATTER, (of, new), step.params, aval, depends)
        elif step.op is TRANSPOSE:
            axes = tuple([int(i) for i in np.argsort(step.params[0])])
            new = Node(TRANSPOSE, (new,), (axes,), aval, depends)
        elif step.op is RESHAPE:
            new = Node(RESHAPE, (new,), (aval.shape,), aval, depends)
        elif step.op is INNER_DIAGONAL:
            places = Node(CONST, (), (), np.arange(aval.shape[-1]))
            new = Node(SCATTER, (of, new, places, places), ((Ellipsis, HERE, HERE),), aval, depends)
        elif step.op in PARTS:
            new = Node(PARTS[step.op], (of, new), (), aval, depends)
        else:
            raise ValueError("assignment destination is read-only")  # as NumPy says it of a broadcast array
        made.append(new)
    return made
