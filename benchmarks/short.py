"""Ten short programs of the kinds that people write, for us and for HIPS autograd: nothing here assigns to an element.

Each takes its NumPy first and returns a number; a value with its gradient in the second argument is measured.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["SHORT"]

Array = Any
RNG = np.random.default_rng(0)
DATA = RNG.normal(size=(100, 5))
LABELS = (DATA @ RNG.normal(size=5) > 0) * 1.0


def rosenbrock(xp: Any, x: Array) -> Array:
    return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def ackley(xp: Any, x: Array) -> Array:
    squares, waves = 0.0, 0.0
    for v in x:
        squares = squares + v**2
        waves = waves + xp.cos(2 * np.pi * v)
    return -20 * xp.exp(-0.2 * xp.sqrt(squares / len(x))) - xp.exp(waves / len(x)) + 20 + np.e


def branin(xp: Any, x: Array) -> Array:
    valley = x[1] - 5.1 / (4 * np.pi**2) * x[0] ** 2 + 5 / np.pi * x[0] - 6
    return valley**2 + 10 * (1 - 1 / (8 * np.pi)) * xp.cos(x[0]) + 10


def logistic(xp: Any, w: Array) -> Array:
    scores = xp.dot(DATA, w)
    return xp.mean(xp.logaddexp(0.0, scores) - LABELS * scores) + 0.01 * xp.sum(w**2)


def mixture(xp: Any, p: Array) -> Array:
    means, scales = p[:3], xp.exp(p[3:])
    x = DATA[:, :1]
    densities = xp.exp(-0.5 * ((x - means) / scales) ** 2) / scales
    return xp.sum(xp.log(xp.sum(densities, axis=1)))


def kalman(xp: Any, p: Array) -> Array:
    motion, x, spread = np.array([[1.0, 1.0], [0.0, 1.0]]), np.zeros(2), np.eye(2)
    total = 0.0
    for z in np.arange(10) + DATA[:10, 0]:
        x, spread = xp.dot(motion, x), xp.dot(xp.dot(motion, spread), motion.T) + p[0] * np.eye(2)
        variance = spread[0, 0] + p[1]
        gain = spread[:, 0] / variance
        total = total + 0.5 * xp.log(variance) + 0.5 * (z - x[0]) ** 2 / variance
        x, spread = x + gain * (z - x[0]), spread - xp.outer(gain, spread[0])
    return total


def pendulum(xp: Any, p: Array) -> Array:
    angle, speed = p[0], p[1]
    for _ in range(40):
        speed = speed - 0.1 * xp.sin(angle)
        angle = angle + 0.1 * speed
    return 0.5 * speed**2 - xp.cos(angle)


def kepler(xp: Any, p: Array) -> Array:
    anomaly = p[0]
    while True:
        step = (anomaly - p[1] * xp.sin(anomaly) - p[0]) / (1 - p[1] * xp.cos(anomaly))
        anomaly = anomaly - step
        if abs(step) < 1e-10:
            return xp.cos(anomaly)


def recurrent(xp: Any, w: Array) -> Array:
    state = np.zeros(8)
    for x in DATA[:10]:
        state = xp.tanh(xp.dot(w[:, :8], state) + xp.dot(w[:, 8:], x))
    return xp.sum(state**2)


def gaussian_process(xp: Any, p: Array) -> Array:
    x = DATA[:20, 0]
    covariance = xp.exp(p[0] - 0.5 * (x[:, None] - x) ** 2 * xp.exp(p[1])) + xp.exp(p[2]) * np.eye(20)
    weights = xp.linalg.solve(covariance, LABELS[:20])
    return xp.dot(LABELS[:20], weights) + xp.linalg.slogdet(covariance)[1]


SHORT: dict[str, tuple[Callable[[Any, Array], Array], Array]] = {
    "Rosenbrock's function": (rosenbrock, np.linspace(-1.0, 1.0, 20)),
    "Ackley's, in a loop": (ackley, np.linspace(-1.0, 1.5, 10)),
    "Branin's, by elements": (branin, np.array([1.0, 2.0])),
    "logistic regression": (logistic, np.linspace(-0.5, 0.5, 5)),
    "a mixture of Gaussians": (mixture, np.array([-1.0, 0.0, 1.0, 0.1, 0.2, -0.1])),
    "a Kalman filter": (kalman, np.array([0.3, 0.5])),
    "a pendulum, 40 steps": (pendulum, np.array([1.0, 0.0])),
    "Kepler's equation, Newton": (kepler, np.array([1.2, 0.3])),
    "a recurrent network": (recurrent, 0.3 * RNG.normal(size=(8, 13))),
    "a Gaussian process": (gaussian_process, np.array([0.1, 0.2, -1.0])),
}
"""A name, the program, and where its gradient is taken."""
