"""Random numbers for a compiled loss: drawn by Python at every step, and handed to the program as inputs.

A program that is recorded once would hold the numbers of that one run. So the loss is first run with a generator that
notes what is drawn from it, and the recorded run is given one that hands out those numbers, in the same order.
"""

from typing import Any, NamedTuple

import numpy as np


class DrawsDiffer(Exception):
    """What is drawn is not the same at every step; the text says how."""


class Draw(NamedTuple):
    """A call of a method of a generator."""

    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Noting:
    """A generator that draws from ``rng`` and notes each call in ``draws``.

    >>> noting = Noting(np.random.default_rng(0))
    >>> noting.random((2, 3)).shape, noting.draws
    ((2, 3), [Draw(method='random', args=((2, 3),), kwargs={})])
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self.draws: list[Draw] = []

    def __getattr__(self, name: str) -> Any:
        method = _method(self._rng, name)

        def draw(*args: Any, **kwargs: Any) -> Any:
            self.draws.append(Draw(name, args, kwargs))
            return method(*args, **kwargs)

        return draw


class Handing:
    """A generator that hands out ``numbers``, drawn elsewhere by the same calls."""

    def __init__(self, draws: list[Draw], numbers: list[Any]) -> None:
        self._next = iter(zip(draws, numbers, strict=True))

    def __getattr__(self, name: str) -> Any:
        def draw(*args: Any, **kwargs: Any) -> Any:
            expected, numbers = next(self._next, (None, None))
            if expected is None or not _same((name, args, kwargs), tuple(expected)):
                raise DrawsDiffer(f"rng.{name} is called with arguments that depend on the step")
            return numbers

        return draw


def drawn(rng: np.random.Generator, draws: list[Draw]) -> list[Any]:
    """The numbers that these calls draw; integers as arrays, so that they are values and no part of a program.

    >>> drawn(np.random.default_rng(0), [Draw("integers", (5, 9), {})])
    [array(8)]
    """
    numbers = [_method(rng, name)(*args, **kwargs) for name, args, kwargs in draws]
    return [x if isinstance(x, float) else np.asarray(x) for x in numbers]


def _method(rng: np.random.Generator, name: str) -> Any:
    """A method that returns what it draws."""
    if name.startswith("_") or name in ("bit_generator", "spawn", "shuffle"):
        raise DrawsDiffer(f"rng.{name} is no draw of numbers")
    return getattr(rng, name)


def _same(a: Any, b: Any) -> bool:
    """Whether the arguments of two calls are equal; what cannot be compared is not."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(_same, a, b))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(a, np.ndarray):
        return bool(a.dtype == b.dtype and np.array_equal(a, b))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    if isinstance(a, (int, float, str, np.generic, np.dtype)):
        return bool(a == b)  # pyright: ignore[reportUnknownArgumentType]
    return a is b
