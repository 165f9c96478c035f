"""Timing contenders in turns, so that a busy or hot machine slows all of them alike; what counts is the ratio.

A round times every contender once, in an order that rotates from round to round. Each timing repeats the call often
enough to last ``SLICE`` seconds. Ratios are taken within a round and then summed up by their quartiles.
"""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

SLICE = 0.01
Run = Callable[[], object]


class Spread(NamedTuple):
    """The median and the quartiles of repeated measurements."""

    low: float
    median: float
    high: float

    @staticmethod
    def of(values: list[float]) -> "Spread":
        """The spread of at least two values.

        >>> Spread.of([1.0, 2.0, 3.0, 4.0, 5.0])
        Spread(low=2.0, median=3.0, high=4.0)
        """
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return Spread(low, median, high)


def interleaved(contenders: Mapping[str, Run], rounds: int) -> dict[str, list[float]]:
    """Seconds per call of each contender, one number a round."""
    return in_turns(contenders, rounds, {name: _calls_in_a_slice(run) for name, run in contenders.items()})


def in_turns(
    contenders: Mapping[str, Run], rounds: int, calls: Mapping[str, int] | None = None
) -> dict[str, list[float]]:
    """:func:`interleaved` with so many calls in each timing, or just one: for contenders that are warm, and slow."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    gc.collect()
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            seconds[name].append(_time(contenders[name], calls[name] if calls else 1))
    return seconds


def ratios(ours: list[float], theirs: list[float]) -> Spread:
    """How often theirs fits into ours: below 1 we are quicker. The lists are of the same rounds.

    >>> ratios([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]).median
    0.5
    """
    return Spread.of([a / b for a, b in zip(ours, theirs, strict=True)])


def _calls_in_a_slice(run: Run) -> int:
    run()  # warm: imports, caches, compilers
    once = min(_time(run, 1) for _ in range(3))
    return max(1, round(SLICE / once))


def _time(run: Run, calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls
