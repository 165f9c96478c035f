"""What a graph is, in bytes: equal for two graphs if they compute the same in the same way, in any process."""

import array
import hashlib
import marshal
from collections.abc import Callable
from typing import Any

import numpy as np

from geartrain.ir.aval import Array, Aval, is_array, is_scalar
from geartrain.ir.graph import Graph
from geartrain.ir.node import CONST, bits
from geartrain.kinds import kind_of
from geartrain.ops.table import ROWS

__all__ = ["digest"]

MOST = 1 << 24
"""Bytes of constants up to which they are looked at."""


class _Strange(Exception):
    """Something that cannot be told from bytes, such as code of a user's."""


def digest(graph: Graph) -> str | None:
    """A hash of all that the graph says; ``None`` if it holds something that bytes do not tell.

    >>> import numpy as np
    >>> from geartrain.ir.node import Table
    >>> from geartrain.ops.pointwise import NEGATIVE, SQUARE
    >>> def made(op):
    ...     table = Table()
    ...     x = table.input(Aval((3,), np.dtype(float)))
    ...     return Graph.of([x], [table.node(op, (x,), (), x.aval)])
    >>> digest(made(SQUARE)) == digest(made(SQUARE)), digest(made(SQUARE)) == digest(made(NEGATIVE))
    (True, False)
    """
    number = {node: i for i, node in enumerate(graph.inputs)}
    said: dict[Any, int] = {}  # what nodes say beside their operands, each by a number
    kinds: dict[Any, int] = {}
    avals: dict[int, int] = {}  # by identity: the graph keeps them, and most are one object
    parts: list[Any] = [[_aval(node.aval) for node in graph.inputs]]
    flat: list[int] = []
    left = MOST
    try:
        for node in graph.nodes:
            op = node.op
            if op is CONST:
                left -= getattr(node.value, "nbytes", 0)
                if left < 0:
                    return None
                parts.append((len(number), _const(node.value)))
                number[node] = len(number)
                continue
            kind = avals.get(id(node.value))
            if kind is None:
                kind = avals[id(node.value)] = kinds.setdefault(_aval(node.value), len(kinds))
            key = op, kind, len(node.inputs), bits(node.params) if node.params else ()
            head = said.get(key)
            if head is None:
                if ROWS.get(op.name) is not op or op.effects:
                    return None
                head = said[key] = len(said)
                parts.append((op.name, kind, len(node.inputs), _tuple(node.params)))
            flat += [head, *[number[x] for x in node.inputs]]
            number[node] = len(number)
        parts += [[number[x] for x in graph.outputs], list(kinds)]
        told = hashlib.sha256(marshal.dumps(parts, _NO_REFERENCES))
        told.update(array.array("q", flat).tobytes())
        return told.hexdigest()
    except (_Strange, KeyError, ValueError):
        return None


_NO_REFERENCES = 2
"""The version of marshal's format in which bytes depend on values alone, not on which of them are one object."""


def _aval(aval: Aval) -> tuple[Any, ...]:
    shape, dtype, weak = aval
    return shape, dtype.str, weak


def _const(value: Array) -> tuple[Any, ...]:
    return (kind_of(value).__name__, value) if kind_of(value) in _PYTHON else _array(value)


def _array(value: Array) -> tuple[Any, ...]:
    """Of an ndarray or a scalar of NumPy's."""
    if not (is_array(value) or is_scalar(value)) or value.dtype.hasobject:
        raise _Strange
    data = value.tobytes()
    if len(data) > 64:
        data = hashlib.sha256(data).digest()
    return kind_of(value).__name__, value.shape, value.dtype.str, data


def _tuple(value: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple([_CODES[type(x)](x) for x in value])


def _slice(value: slice) -> tuple[Any, ...]:
    return "slice", *_tuple((value.start, value.stop, value.step))


def _same(value: Any) -> Any:
    return value


_PYTHON = (bool, int, float, complex)
_CODES: dict[type[Any], Callable[[Any], Any]] = {
    **dict.fromkeys((*_PYTHON, str, bytes, type(None), type(...)), _same),
    tuple: _tuple,
    slice: _slice,
    np.ndarray: _array,
    **{type(np.dtype(code)): lambda dtype: ("dtype", dtype.str) for code in "?bBhHiIlLqQefdgFDG"},
    **{np.dtype(code).type: _array for code in "?bBhHiIlLqQefdgFDG"},
}
"""How values in parameters are told, by their exact types; what is not here is not told."""
