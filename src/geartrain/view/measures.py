"""What the picture measures, each by its definition: gains, merges, cancellation, work.

====================  ==========================================================================================
contribution          ``c_e = J_e^T v_bar`` of operand u of node v; the node's cotangent is ``u_bar = sum c_e``
gain of an edge       ``|c_e| / |v_bar|``: for single numbers the size of the local rate; for arrays the gain for
                      this gradient at this point, which is not an operator norm
merge on a path       ``|u_bar| / |c_P|``: what the other paths through u add to this one
cancellation          ``kappa_u = |sum c_e| / sum |c_e|``: 1 if all paths agree, 0 if they cancel
====================  ==========================================================================================

Along any path, exactly: ``log|x_bar| = log|y_bar| + sum log gain + sum log merge``.
"""

import math
from collections.abc import Sequence

import numpy as np

from geartrain.view.record import Edge, Recording, norm
from geartrain.view.work import Work, count_work

__all__ = ["bar_norms", "consumers", "dominant_path", "gain", "kappas", "merge", "path_sum", "work"]


def bar_norms(seen: Recording) -> list[float]:
    """The 2-norm of each node's cotangent; 0 where nothing comes back."""
    return [0.0 if bar is None else norm(bar) for bar in seen.bars]


def gain(edge: Edge, bars: Sequence[float]) -> float:
    """How much of its node's cotangent an edge passes on: ``|c_e| / |v_bar|``, 0 where nothing arrives."""
    if edge.rate is not None:
        return abs(edge.rate)
    return edge.size / bars[edge.target] if edge.live and bars[edge.target] else 0.0


def consumers(seen: Recording) -> list[list[Edge]]:
    """For each node the live edges that bring something back to it."""
    found: list[list[Edge]] = [[] for _ in seen.nodes]
    for operands in seen.edges:
        for edge in operands:
            if edge.live:
                found[edge.source].append(edge)
    return found


def kappas(seen: Recording) -> list[float | None]:
    """The cancellation at each node where two or more edges meet; ``None`` elsewhere or where nothing is brought."""
    out: list[float | None] = []
    for bar, edges in zip(bar_norms(seen), consumers(seen), strict=True):
        brought = sum(edge.size for edge in edges)
        out.append(min(bar / brought, 1.0) if len(edges) > 1 and 0 < brought < math.inf else None)
    return out


def dominant_path(seen: Recording, start: int) -> list[Edge]:
    """From a node to the end: at each fork along the edge that brings most (the first one among equals).

    >>> from geartrain.view.record import record
    >>> seen = record(lambda x: 10 * x + x * x, 1.0)
    >>> [seen.nodes[edge.target].op.name for edge in dominant_path(seen, 0)]
    ['multiply', 'add']
    """
    bring = consumers(seen)
    path: list[Edge] = []
    while bring[start]:
        best = max(bring[start], key=lambda edge: -1.0 if math.isnan(edge.size) else edge.size)
        path.append(best)
        start = best.target
    return path


def merge(edge: Edge, bars: Sequence[float]) -> float:
    """What the other paths add where a path's edge arrives: ``|u_bar| / |c_e|``."""
    return bars[edge.source] / edge.size if edge.size else math.inf


def path_sum(path: Sequence[Edge], bars: Sequence[float]) -> float:
    """The right side of the path identity: ``log10`` of the end's cotangent, the gains and the merges of a path."""
    total = math.log10(bars[path[-1].target])
    return total + sum(math.log10(gain(edge, bars)) + math.log10(merge(edge, bars)) for edge in path)


def work(seen: Recording) -> Work:
    """The multiplications for all derivatives, counted on the program's own graph.

    >>> from geartrain.view.record import record
    >>> def doubled(x):
    ...     for _ in range(20):
    ...         x = x + x
    ...     return x
    >>> count = work(record(doubled, 1.0))
    >>> count.paths, count.by_path, count.backprop
    (1048576, 19922944, 40)
    """
    steps = [
        (i, [edge.source for edge in edges if edge.live]) for i, edges in enumerate(seen.edges) if seen.nodes[i].inputs
    ]
    starts = [i for _, i in seen.inputs]
    numbers = sum(int(np.size(seen.values[i])) for i in starts)
    counts = [count_work(steps, starts, end, numbers) for end in seen.outputs]
    if len(counts) == 1:
        return counts[0]
    edges = sum(len(operands) for _, operands in steps)  # one sweep back serves all ends together
    paths, by_path = sum(count.paths for count in counts), sum(count.by_path for count in counts)
    return Work(paths, by_path, edges, numbers, edges * numbers, edges)
