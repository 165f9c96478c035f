"""What an optimiser is: two pure functions on trees of parameters."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

Schedule = Callable[[int], float]
"""A learning rate for each step; the first step is number 0."""

Rate = float | Schedule
"""A learning rate: a number, or one for each step."""


class Optimizer(NamedTuple):
    """A pair of pure functions; unpack it (``init, update = adam(1e-3)``) or use its names.

    ``init(params) -> state`` makes the optimiser's memory for a tree of parameters.
    ``update(params_bar, state, params) -> (params, state)`` takes one step against the gradient ``params_bar``, a tree
    of the same structure, and returns new parameters and new memory. Nothing is changed in place, and every leaf keeps
    its shape and dtype.
    """

    init: Callable[[Any], Any]
    update: Callable[[Any, Any, Any], tuple[Any, Any]]


class Transform(NamedTuple):
    """What a gradient goes through on its way to an optimiser: clipping, weight decay. ``chain`` puts them together.

    ``init(params) -> state``; ``update(params_bar, state, params) -> (params_bar, state)``.
    """

    init: Callable[[Any], Any]
    update: Callable[[Any, Any, Any], tuple[Any, Any]]


def rates(optimizer: str, learning_rate: Rate) -> Schedule:
    """The learning rate of each step, as a Python float, which leaves float32 parameters as they are."""
    if callable(learning_rate):
        schedule = learning_rate

        def rate(step: int) -> float:
            value = float(schedule(step))
            check_at_least_zero(optimizer, **{f"learning_rate at step {step}": value})
            return value

        return rate
    check_at_least_zero(optimizer, learning_rate=learning_rate)
    constant = float(learning_rate)
    return lambda step: constant


def check_at_least_zero(optimizer: str, **settings: float) -> None:
    """Refuse a setting that is negative, infinite or NaN: ``ValueError``, with its name and value."""
    for name, value in settings.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"[{optimizer}] {name} must be a finite number of at least 0, got {value}")


def check_below_one(optimizer: str, **settings: float) -> None:
    """Refuse a decay rate outside [0, 1): ``ValueError``, with its name and value."""
    for name, value in settings.items():
        if not 0 <= value < 1:
            raise ValueError(f"[{optimizer}] {name} must be at least 0 and below 1, got {value}")
