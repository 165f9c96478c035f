"""The rule of batching: one op for a whole batch, where the program was written for one example.

The third transformation of a tape, beside ``push`` and ``pull``. Pointwise ops repeat what is not batched; the other
kinds have a rule in their row or are computed example by example.
"""

from collections.abc import Sequence

import numpy as np

from geartrain.chain import Operand
from geartrain.ir.aval import Array, aval_of
from geartrain.ir.node import Node
from geartrain.ir.op import Op

__all__ = ["batch", "batch_through"]


def batch(node: Node, size: int, batched: Sequence[bool], xs: Sequence[Array]) -> Array:
    """The results of one node for ``size`` examples, along a first axis. ``batched`` says which operands carry it."""
    op = node.op
    if op.pointwise:
        ndim = len(aval_of(node.value).shape)
        return op(*[_in_front(x, ndim) if b else x for x, b in zip(xs, batched, strict=True)], params=node.params)
    if op.batch is not None:
        made = op.batch(size, batched, *xs, *node.params)
        if made is not NotImplemented:
            return made
    return _by_example(op, node, size, batched, xs)


def _in_front(x: Array, ndim: int) -> Array:
    """A batched operand with its batch axis in front of all the axes that the result of one example has."""
    missing = ndim - (np.ndim(x) - 1)
    return x if missing <= 0 else np.reshape(x, (x.shape[0], *(1,) * missing, *x.shape[1:]))


def _by_example(op: Op, node: Node, size: int, batched: Sequence[bool], xs: Sequence[Array]) -> Array:
    if size == 0:
        aval = aval_of(node.value)
        return np.zeros((0, *aval.shape), aval.dtype)
    pairs = list(zip(xs, batched, strict=True))
    return np.stack([op(*[x[i] if b else x for x, b in pairs], params=node.params) for i in range(size)])


def batch_through(
    nodes: Sequence[Node], bit: int, size: int, values: dict[Node, Array], operand: Operand
) -> dict[Node, Array]:
    """The values of a whole batch for each node that depends on the batched inputs, added to those in ``values``."""
    for node in nodes:
        if node.depends & bit and node.inputs and node not in values:
            batched = [x in values for x in node.inputs]
            xs = [values[x] if b else operand(x) for x, b in zip(node.inputs, batched, strict=True)]
            values[node] = batch(node, size, batched, xs)
    return values
