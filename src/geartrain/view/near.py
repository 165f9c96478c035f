"""Near misses: operations that just got past a point where they have no finite value or rate."""

from typing import Any

import numpy as np

from geartrain.ir.aval import aval_of
from geartrain.ir.op import Pointwise
from geartrain.view.labels import number
from geartrain.view.record import Recording

__all__ = ["near_misses"]

STEEP = 1e6
"""A finite local rate of this size or more is called a near miss."""

MOST = 200
POLES = {
    *("log", "log2", "log10", "log1p", "sqrt", "cbrt", "divide", "reciprocal", "power", "float_power", "tan"),
    *("arcsin", "arccos", "arctanh", "arccosh", "hypot", "arctan2"),
}


def near_misses(seen: Recording) -> list[dict[str, Any]]:
    """Each operation near its pole: the node, the element where it is steepest, and what to say.

    >>> from geartrain.view.record import record
    >>> near_misses(record(lambda x: np.sum(np.log(x)), np.array([1.0, 1e-9])))
    [{'node': 1, 'message': 'the rate of log is 1e+09 at element [1], where its operand is 1e−09'}]
    """
    found: list[dict[str, Any]] = []
    index = {node: i for i, node in enumerate(seen.nodes)}
    with np.errstate(all="ignore"):
        for i, node in enumerate(seen.nodes):
            op = node.op
            if op.name not in POLES or not isinstance(op, Pointwise) or len(found) >= MOST:
                continue
            xs = [seen.values[index[x]] for x in node.inputs]
            if any(aval_of(x).dtype.kind == "c" for x in xs):
                continue
            for rule, edge, x in zip(op.partials, seen.edges[i], xs, strict=True):
                if rule is None or not edge.live:
                    continue
                rate: Any = np.abs(np.asarray(rule(seen.values[i], *xs), float))
                rate = np.where(np.isfinite(rate), rate, 0.0)
                if rate.size and float(rate.max()) >= STEEP:
                    at = np.unravel_index(int(rate.argmax()), rate.shape)
                    where = f" at element {[int(k) for k in at]}" if at else ""
                    operand = float(np.broadcast_to(x, rate.shape)[at])
                    steep = number(float(rate.max()))
                    said = f"the rate of {op.name} is {steep}{where}, where its operand is {number(operand)}"
                    found.append({"node": i, "message": said})
                    break
    return found
