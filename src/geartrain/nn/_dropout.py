"""Dropout: noise in training that no single unit can be relied on through."""

from typing import Any

import numpy as np

from geartrain.nn._layer import Layer, Rng


def drop(x: Any, rate: float, rng: Rng | None) -> Any:
    """``x`` with each number set to 0 with probability ``rate``, the rest scaled up so that the mean stays.

    The generator ``rng`` decides which; with None, ``x`` as it is.

    Source: Srivastava et al., *Dropout*, JMLR 15, 2014, in the form that scales in training.

    >>> drop(np.ones(6), 0.5, np.random.default_rng(0))
    array([2., 2., 2., 0., 0., 0.])
    >>> drop(np.ones(2), 0.5, None)
    array([1., 1.])
    """
    if not 0 <= rate < 1:
        raise ValueError(f"[dropout] the rate must be at least 0 and below 1, got {rate}")
    if rng is None or rate == 0:
        return x
    shape: tuple[int, ...] = x.shape
    kept = rng.random(shape, np.float32) >= rate
    return x * (kept.astype(x.dtype) * x.dtype.type(1 / (1 - rate)))


def dropout(rate: float = 0.5) -> Layer:
    """``drop`` as a layer: ``apply(params, x, rng=None)``, without parameters.

    >>> dropout(0.5).apply((), np.ones(2), None)
    array([1., 1.])
    """
    drop(np.zeros(0), rate, None)  # refuses a rate out of range now

    def init(rng: Rng) -> tuple[()]:
        del rng
        return ()

    def apply(params: tuple[()], x: Any, rng: Rng | None = None) -> Any:
        del params
        return drop(x, rate, rng)

    return Layer(init, apply, random=True)
