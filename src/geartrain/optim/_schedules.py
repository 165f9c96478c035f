"""Learning rates that change: functions of the number of steps taken so far, for any optimiser's ``learning_rate``."""

import math
from bisect import bisect_right
from collections.abc import Sequence

from geartrain.optim._optimizer import Rate, Schedule


def cosine(peak: float, steps: int, warmup: int = 0, last: float = 0.0) -> Schedule:
    """Up in a straight line for ``warmup`` steps, then down along half a cosine to ``last`` at step ``steps``.

    Source: Loshchilov and Hutter, *SGDR*, ICLR 2017, equation 5.

    >>> rate = cosine(1.0, steps=12, warmup=2)
    >>> [round(rate(step), 3) for step in (0, 1, 2, 7, 12, 99)]
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.0]
    """
    if not 0 <= warmup < steps:
        raise ValueError(f"[cosine] the warm-up must be shorter than all, got warmup={warmup} and steps={steps}")

    def rate(step: int) -> float:
        if step < warmup:
            return peak * step / warmup
        done = min((step - warmup) / (steps - warmup), 1.0)
        return last + (peak - last) * 0.5 * (1 + math.cos(math.pi * done))

    return rate


def warm_up(rate: Rate, steps: int) -> Schedule:
    """Up in a straight line from 0 for ``steps`` steps, then ``rate`` (a number or a schedule, which begins there).

    >>> rate = warm_up(1.0, 4)
    >>> [rate(step) for step in (0, 1, 4, 5)]
    [0.0, 0.25, 1.0, 1.0]
    """
    if steps < 1:
        raise ValueError(f"[warm_up] steps must be at least 1, got {steps}")
    after = rate if callable(rate) else constant(rate)

    def warmed(step: int) -> float:
        return after(0) * step / steps if step < steps else after(step - steps)

    return warmed


def constant(rate: float) -> Schedule:
    """The same for all steps.

    >>> constant(0.5)(7)
    0.5
    """
    return lambda step: rate


def piecewise(rates: Sequence[float], boundaries: Sequence[int]) -> Schedule:
    """One rate until the first boundary, the next until the second, and so on: one more rate than boundaries.

    >>> rate = piecewise([1.0, 0.1], [10])
    >>> rate(9), rate(10)
    (1.0, 0.1)
    """
    if len(rates) != len(boundaries) + 1 or list(boundaries) != sorted(set(boundaries)):
        raise ValueError(
            f"[piecewise] expected rising boundaries and one more rate, got {len(rates)} rates and {boundaries}"
        )
    return lambda step: rates[bisect_right(boundaries, step)]


def exponential(rate: float, factor: float, every: int = 1) -> Schedule:
    """``rate * factor ** (step / every)``.

    >>> exponential(1.0, 0.5, every=10)(20)
    0.25
    """
    return lambda step: rate * factor ** (step / every)


def one_cycle(peak: float, steps: int, rise: float = 0.3, first: float = 25.0, last: float = 1e4) -> Schedule:
    """From ``peak / first`` up to ``peak`` for a share ``rise`` of the steps, then down to ``peak / first / last``.

    Both ways along half a cosine, as PyTorch's OneCycleLR.

    Source: Smith and Topin, *Super-Convergence*, 2018 (arXiv:1708.07120).

    >>> rate = one_cycle(1.0, steps=101)
    >>> [round(rate(step), 4) for step in (0, 29, 100)]
    [0.04, 0.9998, 0.0]
    """
    if steps < 2 or not 0 < rise < 1:
        raise ValueError(f"[one_cycle] steps must be at least 2 and rise between 0 and 1, got {steps} and {rise}")
    top, end = rise * steps - 1, steps - 1

    def rate(step: int) -> float:
        step = min(step, end)
        if step <= top:
            return _half_cosine(peak / first, peak, step / top)
        return _half_cosine(peak, peak / first / last, (step - top) / (end - top))

    return rate


def _half_cosine(begin: float, end: float, done: float) -> float:
    return end + (begin - end) * 0.5 * (1 + math.cos(math.pi * done))
