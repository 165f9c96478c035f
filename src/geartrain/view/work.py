"""The work of three ways to the same derivative, in exact integers.

A graph has an edge from each value to each step that uses it, and every edge has a local rate. The derivative is the
sum over all paths from an input to the output of the product of the rates along the path. With P_u the number of paths
from u to the output and L_u the sum of their lengths, dynamic programming from the end gives both:

    P_u = sum of P_v,   L_u = sum of (L_v + P_v),   over the edges from u to v
"""

import math
from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

__all__ = ["Work", "big", "count_work"]


class Work(NamedTuple):
    """Multiplications of local rates for one derivative; on arrays an edge counts as one, whatever its size.

    ``paths``: the paths from the inputs to the output. ``by_path``: each path multiplied out on its own, one
    multiplication less than it has edges. ``edges``: the edges of the graph. ``forward``: one sweep over all edges for
    each of the ``inputs``, the numbers to differentiate in. ``backprop``: one sweep over all edges, from the end.
    """

    paths: int
    by_path: int
    edges: int
    inputs: int
    forward: int
    backprop: int


def count_work(
    steps: Sequence[tuple[Hashable, Sequence[Hashable]]], inputs: Iterable[Hashable], output: Hashable, numbers: int
) -> Work:
    """The work on a graph: ``steps`` has, in topological order, each step with the values its edges come from.

    ``numbers`` says how many numbers the inputs hold. Twenty doubled steps, y = x + x again and again:

    >>> doubled = [(i + 1, (i, i)) for i in range(20)]
    >>> count_work(doubled, inputs=[0], output=20, numbers=1)
    Work(paths=1048576, by_path=19922944, edges=40, inputs=1, forward=40, backprop=40)
    """
    paths: dict[Hashable, int] = {output: 1}
    lengths: dict[Hashable, int] = {output: 0}
    kept = set(inputs)
    edges = 0
    for step, operands in reversed(steps):
        if step not in paths or step in kept:
            continue
        # Both counts can have as many digits as the graph has steps: let go of each as soon as it has been used.
        through, length = paths.pop(step), lengths.pop(step)
        for operand in operands:
            paths[operand] = paths.get(operand, 0) + through
            lengths[operand] = lengths.get(operand, 0) + length + through
            edges += 1
    total = sum(paths.get(x, 0) for x in kept)
    alone = 1 if output in kept else 0  # the path from an input to itself has no edge and nothing to multiply
    by_path = sum(lengths.get(x, 0) for x in kept) - (total - alone)
    return Work(total, by_path, edges, numbers, edges * numbers, edges)


def big(n: int) -> str:
    """A whole number to be read: exact up to 15 digits, then its power of ten.

    >>> big(1048576), big(2**100), big(10**5000)
    ('1,048,576', 'about 1.3 × 10^30', 'about 1.0 × 10^5000')
    """
    if abs(n) < 10**15:
        return f"{n:,}"
    shift = max(n.bit_length() - 64, 0)
    power, fraction = divmod(math.log10(n >> shift) + shift * math.log10(2), 1)
    mantissa = round(10**fraction, 1)
    if mantissa >= 10:
        mantissa, power = mantissa / 10, power + 1
    return f"about {mantissa:.1f} × 10^{int(power)}"
