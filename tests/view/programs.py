"""Random programs for the tests of the view: small graphs of single numbers, and of arrays."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np

Program = Callable[..., Any]

UNARY = (np.sin, np.cos, np.tanh, np.exp, np.arctan, np.square, np.negative, lambda x: 1 / (2 + x * x), np.absolute)
BINARY = (np.add, np.subtract, np.multiply, lambda a, b: a / (1.5 + b * b), np.maximum, np.hypot, np.arctan2)


def scalars(seed: int) -> tuple[Program, tuple[float, ...]]:
    """A program of single numbers with shared values, and arguments for it."""

    def program(*xs: Any) -> Any:
        rng = random.Random(seed)
        have = list(xs)
        for _ in range(rng.randrange(3, 14)):
            a, b = rng.choice(have), rng.choice(have)
            one, two = rng.choice(UNARY), rng.choice(BINARY)
            have.append(one(a) * 0.7 if rng.random() < 0.5 else two(a, b) + 0.1)
        return have[-1] + 0.3 * have[-2]

    rng = np.random.default_rng(seed + 1)
    return program, tuple(float(x) for x in rng.uniform(-1.2, 1.2, size=int(rng.integers(1, 4))))


def arrays(seed: int) -> tuple[Program, tuple[Any, ...]]:
    """A program of arrays that moves, folds, multiplies and assigns, and arguments for it."""
    rng = np.random.default_rng(seed)
    rows, inner, columns = (int(n) for n in rng.integers(2, 5, size=3))

    def program(a: Any, b: Any, v: Any, s: Any) -> Any:
        choose = random.Random(seed)
        x = np.tanh(np.matmul(a, b) + v)
        for _ in range(4):
            kind = choose.randrange(9)
            if kind == 0:
                x = x.T.reshape(x.shape)
            elif kind == 1:
                x = x - np.max(x, axis=choose.randrange(2), keepdims=True)
            elif kind == 2:
                x = np.where(x > 0, x, 0.1 * x)
            elif kind == 3:
                y = np.zeros(x.shape)
                y[0] = s * x[-1]
                y[1:] = x[:-1] * 2
                x = y
            elif kind == 4:
                x = np.concatenate([x[:1], x[1:] * v])
            elif kind == 5:
                x = np.stack([x.sum(axis=0) * 0.1] * x.shape[0])
            elif kind == 6:
                x = x[np.array([0, 0, *range(2, x.shape[0])])] + s
            elif kind == 7:
                x = np.exp(-x * x) / (1 + np.sum(x * x))
            else:
                x = np.minimum(x, v) * s
        return np.sum(x * x) + np.mean(x @ v)

    return program, (
        rng.standard_normal((rows, inner)), rng.standard_normal((inner, columns)), rng.standard_normal(columns),
        float(rng.standard_normal()),
    )  # fmt: skip
