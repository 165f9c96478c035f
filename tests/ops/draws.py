"""How a case of an operation is written: a plain NumPy program, and how to draw its arguments."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Draw = Callable[[np.random.Generator], Any]


def a(*shape: int) -> Draw:
    """Any numbers."""
    return lambda rng: rng.normal(size=shape)


def z(*shape: int) -> Draw:
    """Complex numbers."""
    return lambda rng: rng.normal(size=shape) + 1j * rng.normal(size=shape)


def p(*shape: int) -> Draw:
    """Positive numbers."""
    return lambda rng: rng.uniform(0.3, 2.0, size=shape)


def d(*shape: int) -> Draw:
    """Numbers well apart from each other and from 0, in any order."""
    return lambda rng: rng.permutation(0.5 * np.arange(int(np.prod(shape))) - 0.7).reshape(shape)


def up(n: int) -> Draw:
    """Rising numbers."""
    return lambda rng: np.cumsum(rng.uniform(0.5, 1.0, size=n))


def between(low: float, high: float, *shape: int) -> Draw:
    return lambda rng: rng.uniform(low, high, size=shape)


class Case(NamedTuple):
    """``f`` at arguments drawn by ``draws``. ``smooth``: 2 to test second derivatives, 1 only first, 0 none."""

    name: str
    f: Callable[..., Any]
    draws: tuple[Draw, ...]
    smooth: int = 2


def spd(x: Any) -> Any:
    """A positive definite matrix."""
    return x @ np.conjugate(np.swapaxes(x, -1, -2)) + 2 * np.eye(x.shape[-1])


def sym(x: Any) -> Any:
    """A Hermitian matrix."""
    return x + np.conjugate(np.swapaxes(x, -1, -2))


def spread(x: Any) -> Any:
    """A matrix with inverse."""
    return x + 3 * np.eye(x.shape[-1])


def made(a: Any, write: Callable[[Any], Any]) -> Any:
    """A copy, written to."""
    b = np.zeros(a.shape)
    b[...] = a
    write(b)
    return b
