"""A recording as a program that the page can run again when an input is dragged.

The page knows few instructions: operations on each element alone (by the generated table), ``gather``, ``sum``,
``max``, ``min``, ``where`` and ``matmul``. Whatever only moves elements (slices, reshape, transpose, broadcast, stack,
assignment) becomes a ``gather``: run once on the numbers of the elements, it says itself where each element comes from.
"""

from typing import Any

import numpy as np

from geartrain.ir.aval import Array, aval_of
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.ops.table import ROWS
from geartrain.view.optable import known
from geartrain.view.record import Recording

__all__ = ["LARGEST", "program"]

LARGEST = 200_000
"""Programs with more elements than this, in constants and index maps together, are shown but not run again."""

MOST_NODES = 150_000

_MOVES = {"alias", "cast", "reshape", "transpose", "broadcast", "getitem", "scatter", "concatenate", "stack"}


class _NoTwin(Exception):
    """The page cannot run this; the text says why."""


def program(seen: Recording) -> tuple[dict[str, Any] | None, str]:
    """The program for the page, or ``None`` and the reason.

    ``constants`` and ``inputs`` have values by node (a constant that is one number stands under ``value.at``),
    ``fixed`` constant operands that are repeated to the shape of their node (by ``node:operand``), ``maps`` the index
    maps by node.
    """
    if len(seen.nodes) > MOST_NODES:
        return None, f"it has {len(seen.nodes):,} operations"
    index = {node: i for i, node in enumerate(seen.nodes)}
    made: dict[str, Any] = {"inputs": {}, "constants": {}, "fixed": {}, "maps": {}}
    room = LARGEST
    try:
        for i, node in enumerate(seen.nodes):
            room -= _instruction(seen, i, node, [index[x] for x in node.inputs], made)
            if room < 0:
                return None, f"it has more than {LARGEST:,} numbers"
    except _NoTwin as reason:
        return None, str(reason)
    return made, ""


def _instruction(seen: Recording, i: int, node: Node, sources: list[int], made: dict[str, Any]) -> int:
    """Add what node ``i`` needs to ``made``; returns how many numbers that is."""
    value = seen.values[i]
    if aval_of(value).dtype.kind == "c":
        raise _NoTwin("it has complex numbers")
    if np.size(value) == 0:
        raise _NoTwin("it has an empty array")
    name = node.op.name
    if node.op is CONST and np.size(value) == 1:
        return 0
    if node.op is INPUT or node.op is CONST:
        numbers = flat(value)
        if len(numbers) > LARGEST:
            raise _NoTwin(f"it has more than {LARGEST:,} numbers")
        made["inputs" if node.op is INPUT else "constants"][str(i)] = numbers
        return len(numbers)
    if name in _MOVES:
        made["maps"][str(i)] = moved = _gather(seen, node, sources)
        return len(moved)
    if name in ("sum", "max", "min"):
        made["maps"][str(i)] = groups = _groups(seen, node, sources[0], value)
        return len(groups)
    if name == "matmul":
        if any(np.ndim(seen.values[u]) not in (1, 2) for u in sources):
            raise _NoTwin("it multiplies stacks of matrices")
        return 0
    if name != "where" and not known(name):
        raise _NoTwin(f"the page cannot compute {name}")
    used = 0
    for k, u in enumerate(sources):
        if np.size(seen.values[u]) not in (1, np.size(value)):
            made["fixed"][f"{i}:{k}"] = spread = flat(np.broadcast_to(seen.values[u], np.shape(value)))
            used += len(spread)
    return used


def _gather(seen: Recording, node: Node, sources: list[int]) -> list[int]:
    """For each element of the result the number of the element it comes from, counted through all operands."""
    operands: list[Array] = []
    start = 0
    for k, u in enumerate(sources):
        value = seen.values[u]
        if k >= (1 if node.op.name == "getitem" else 2) and node.op.name in ("getitem", "scatter"):
            if seen.nodes[u].op is not CONST:
                raise _NoTwin("it reads by an index that is computed")
            operands.append(value)
            continue
        numbers = np.arange(start, start + np.size(value)).reshape(np.shape(value))
        operands.append(numbers if np.ndim(value) else numbers[()])
        start += np.size(value)
    params = ("<i8",) if node.op.name == "cast" else node.params
    return [int(n) for n in np.ravel(node.op.fn(*operands, *params))]


def _groups(seen: Recording, node: Node, source: int, value: Array) -> list[int]:
    """For each element of the operand the number of the element of the result that it is folded into."""
    numbers = np.arange(np.size(value)).reshape(np.shape(value))
    back: Any = ROWS["sum"]
    return [int(n) for n in np.ravel(back.transposes[0](numbers, seen.values[source], *node.params))]


def flat(value: Array) -> list[Any]:
    """All elements in order, as JSON has them: NaN and infinities by name."""
    return [as_json(float(v)) for v in np.ravel(np.asarray(value))]


def as_json(x: float) -> Any:
    """A number for JSON, which has no NaN and no infinity.

    >>> as_json(2.0), as_json(0.5), as_json(float("-inf"))
    (2, 0.5, '-inf')
    """
    if x != x:
        return "nan"
    if x in (float("inf"), float("-inf")):
        return "inf" if x > 0 else "-inf"
    return int(x) if x == int(x) and abs(x) < 2**53 and not (x == 0 and str(x)[0] == "-") else x
