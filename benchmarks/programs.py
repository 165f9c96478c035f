"""The programs that are differentiated. ``xp`` is the contender's NumPy: for geartrain it is NumPy itself."""

from itertools import pairwise
from typing import Any

import numpy as np

Array = Any


def twenty(xp: Any, x: Array) -> Array:
    """Twenty operations on one number."""
    a = xp.sin(x) * x + 0.5
    b = xp.exp(-a) / (1.5 + x)
    c = xp.tanh(a - b) * xp.cos(b)
    d = xp.log(2.0 + c * c) + xp.sqrt(1.0 + a * a)
    return d * b - c / (2.0 + d)


def layers(sizes: tuple[int, ...], dtype: str) -> list[dict[str, Array]]:
    """Random parameters of a multilayer perceptron."""
    rng = np.random.default_rng(0)
    return [
        {
            "w": (rng.standard_normal((n, m)) * np.sqrt(2 / n)).astype(dtype),
            "b": rng.standard_normal(m).astype(dtype) * 0.1,
        }
        for n, m in pairwise(sizes)
    ]


def minibatch(size: int, inputs: int, dtype: str) -> tuple[Array, Array]:
    """Random samples, and their labels as rows of zeros with a single one."""
    rng = np.random.default_rng(1)
    return rng.random((size, inputs)).astype(dtype), np.eye(10, dtype=dtype)[rng.integers(0, 10, size)]


def perceptron(xp: Any, params: list[dict[str, Array]], x: Array, targets: Array) -> Array:
    """The mean cross-entropy of a multilayer perceptron."""
    h = x
    for layer in params[:-1]:
        h = xp.tanh(h @ layer["w"] + layer["b"])
    z = h @ params[-1]["w"] + params[-1]["b"]
    return xp.mean(xp.log(xp.sum(xp.exp(z), axis=1)) - xp.sum(z * targets, axis=1))


def runge_kutta(rate: Any, y: Array, steps: int, h: float) -> Array:
    """The classic method of fourth order for ``y' = rate(y)``, as a Python loop."""
    for _ in range(steps):
        k1 = rate(y)
        k2 = rate(y + 0.5 * h * k1)
        k3 = rate(y + 0.5 * h * k2)
        k4 = rate(y + h * k3)
        y = y + (h / 6) * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


def growth(xp: Any, y: Array) -> Array:
    """1,000 steps of logistic growth of one number."""
    return runge_kutta(lambda y: y * (1.0 - y), y, 1000, 0.01)


def pendulum(xp: Any, y: Array) -> Array:
    """1,000 steps of a damped pendulum, whose state is a 2-vector."""
    swing = xp.array([[0.0, 1.0], [0.0, -0.1]])
    pull = xp.array([[0.0, 0.0], [-1.0, 0.0]])
    return xp.sum(runge_kutta(lambda y: swing @ y + pull @ xp.sin(y), y, 1000, 0.01) ** 2)


def squares(xp: Any, params: list[Array]) -> Array:
    """The sum of the squares of all parameters, array by array."""
    total = 0.0
    for p in params:
        total = total + xp.sum(p * p)
    return total


def filled(x: Array) -> Array:
    """An array made by the program and filled element by element: what needs assignment."""
    n = len(x)
    b = np.zeros(n)
    for i in range(n):
        b[i] = np.sin(x[i]) * x[i]
    return np.sum(b * b)


def rod(u: Array) -> Array:
    """A step of the heat equation, where the conductivity depends on the temperature."""
    new = u.copy()
    new[1:-1] += 0.1 * (1 + u[1:-1] ** 2) * (u[2:] - 2 * u[1:-1] + u[:-2])
    return new


def valley(x: Array) -> Array:
    """Rosenbrock's function."""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
