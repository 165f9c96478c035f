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
from dataclasses import dataclass

import numpy as np

from geartrain.view.record import Edge, Recording, norm

__all__ = ["Work", "bar_norms", "consumers", "dominant_path", "gain", "kappas", "merge", "path_sum", "work"]


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


@dataclass(frozen=True, slots=True)
class Work:
    """Multiplications of local rates for all derivatives, counted three ways, exactly.

    ``paths`` from the inputs to the end; ``naive`` multiplies each path by itself (a path of k edges takes k - 1);
    ``forward`` goes over the edges once for each element of the inputs; ``backward`` takes each edge once.
    """

    paths: int
    naive: int
    forward: int
    backward: int
    sweeps: int


def work(seen: Recording) -> Work:
    """Count on the program's own graph, by dynamic programming with exact integers.

    >>> from geartrain.view.record import record
    >>> def doubled(x):
    ...     for _ in range(20):
    ...         x = x + x
    ...     return x
    >>> count = work(record(doubled, 1.0))
    >>> count.paths, count.naive, count.backward
    (1048576, 19922944, 40)
    """
    paths, lengths = [0] * len(seen.nodes), [0] * len(seen.nodes)
    starts = {i for _, i in seen.inputs}
    for end in seen.outputs:
        paths[end] = 1
    total_paths = total_lengths = backward = 0
    for i in reversed(range(len(seen.nodes))):
        count, length = paths[i], lengths[i]
        paths[i] = lengths[i] = 0  # huge numbers are let go as soon as they have been handed on
        if i in starts:
            total_paths += count
            total_lengths += length
        for edge in seen.edges[i]:
            if edge.live:
                paths[edge.source] += count
                lengths[edge.source] += length + count
                backward += 1
    sweeps = sum(int(np.size(seen.values[i])) for i in starts)
    return Work(total_paths, total_lengths - total_paths, backward * sweeps, backward, sweeps)
