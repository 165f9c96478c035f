"""Loops as scientists write them: arrays that are filled, read and changed again, step by step."""

from collections.abc import Callable
from typing import Any

import numpy as np

Program = Callable[..., Any]


def two_places(a: Any, n: int) -> Any:
    b = np.zeros(2 * n)
    for i in range(n):
        b[2 * i] = np.sin(a * i * 0.01)
        b[2 * i + 1] = np.cos(a * i * 0.01) * b[2 * i]
    return np.sum(b * b)


def twice_the_same_place(a: Any, n: int) -> Any:
    b = np.zeros(n + 1)
    for i in range(n):
        b[i] = b[i] + np.sin(a + i * 0.01)
        b[i + 1] = b[i] * a * 0.5
    return np.sum(b * b)


def two_arrays(a: Any, n: int) -> Any:
    x, v = np.zeros(n), np.zeros(n)
    now, speed = 1.0, 0.0
    for i in range(n):
        speed = speed - 0.01 * a * now
        now = now + 0.01 * speed
        x[i], v[i] = now, speed
    return np.sum(x * x) + np.sum(v**3)


def from_the_one_before(a: Any, n: int) -> Any:
    b = np.zeros(n)
    b[0] = a
    for i in range(1, n):
        b[i] = 0.9 * np.sin(b[i - 1]) + 0.1 * a
    return np.sum(b * b)


def from_two_before(a: Any, n: int) -> Any:
    b = np.zeros(n)
    b[0], b[1] = a, 0.5
    for i in range(2, n):
        b[i] = 0.9 * np.sin(b[i - 1]) + 0.1 * a * b[i - 2]
    return np.sum(b * b)


def running_sum(x: Any, n: int) -> Any:
    s = np.zeros(n)
    s[0] = x[0]
    for i in range(1, n):
        s[i] = s[i - 1] + x[i]
    return np.sum(np.sin(s))


def grid(u0: Any, n: int) -> Any:
    """Heat in a rod, all times kept; its ends by themselves."""
    u = np.zeros((n, len(u0)))
    u[0] = u0
    for t in range(1, n):
        u[t, 1:-1] = u[t - 1, 1:-1] + 0.1 * (u[t - 1, 2:] - 2 * u[t - 1, 1:-1] + u[t - 1, :-2])
        u[t, 0] = u[t, 1] * 0.5
        u[t, -1] = u[t, -2]
    return np.sum(u * u)


def columns(u0: Any, n: int) -> Any:
    u = np.zeros((len(u0), n))
    u[:, 0] = u0
    for t in range(1, n):
        u[1:, t] = np.tanh(u[:-1, t - 1]) + 0.1 * u0[1:]
        u[0, t] = u[-1, t]
    return np.sum(u * u)


def added_to_neighbours(a: Any, n: int) -> Any:
    b = np.zeros(n + 1)
    for i in range(n):
        b[i] += np.sin(a + 0.01 * i)
        b[i + 1] -= 0.5 * np.sin(a + 0.01 * i)
    return np.sum(b * b)


def changed_twice(a: Any, n: int) -> Any:
    b = np.zeros(n)
    for i in range(n):
        b[i] += np.sin(a * i * 0.01)
        b[i] *= a
    return np.sum(b * b)


def from_the_end(x: Any, n: int) -> Any:
    b = x.copy()
    for i in range(n - 2, -1, -1):
        b[i] = b[i] + 0.5 * np.tanh(b[i + 1]) - 0.1 * x[0]
    return np.sum(b * b)


def leapfrog(a: Any, n: int) -> Any:
    """A pendulum."""
    x, v, dt = np.zeros(n), np.zeros(n), 0.01
    x[0], v[0] = 1.0, 0.1
    for i in range(n - 1):
        half = v[i] - 0.5 * dt * a * np.sin(x[i])
        x[i + 1] = x[i] + dt * half
        v[i + 1] = half - 0.5 * dt * a * np.sin(x[i + 1])
    return np.sum(x * x) + np.sum(v * v)


def planet(x0: Any, n: int) -> Any:
    """Leapfrog in three dimensions."""
    x, v, dt = np.zeros((n, 3)), np.zeros((n, 3)), 0.01
    x[0] = x0
    for i in range(n - 1):
        half = v[i] - 0.5 * dt * x[i] / np.sum(x[i] ** 2) ** 1.5
        x[i + 1] = x[i] + dt * half
        v[i + 1] = half - 0.5 * dt * x[i + 1] / np.sum(x[i + 1] ** 2) ** 1.5
    return np.sum(x * x) + np.sum(v * v)


def kalman(p: Any, n: int) -> Any:
    """A filter of one dimension that keeps means and variances."""
    y = np.sin(np.arange(n))
    means, variances, likelihood = np.zeros(n + 1), np.ones(n + 1), 0.0
    for t in range(n):
        variance = variances[t] + p[0] ** 2
        s = variance + p[1] ** 2
        gain, miss = variance / s, y[t] - means[t]
        likelihood = likelihood - 0.5 * (np.log(s) + miss * miss / s)
        means[t + 1] = means[t] + gain * miss
        variances[t + 1] = (1 - gain) * variance
    return likelihood + 0.01 * np.sum(means * means)


def kalman_of_matrices(a: Any, n: int) -> Any:
    y, h = np.sin(np.arange(n)), np.array([[1.0, 0.0]])
    m, p, likelihood = np.zeros((n + 1, 2)), np.zeros((n + 1, 2, 2)), 0.0
    p[0] = np.eye(2)
    for t in range(n):
        mean, cov = a @ m[t], a @ p[t] @ a.T + 0.1 * np.eye(2)
        s = h @ cov @ h.T + 0.5
        gain, miss = cov @ h.T / s, y[t] - h @ mean
        m[t + 1] = mean + gain @ miss
        p[t + 1] = cov - gain @ h @ cov
        likelihood = likelihood - 0.5 * np.sum(miss * miss / s) - 0.5 * np.log(s[0, 0])
    return likelihood + np.sum(m[-1])


def forward_algorithm(p: Any, n: int) -> Any:
    """A hidden Markov model of three states: scaled probabilities, and the scales."""
    y = np.sin(np.arange(n))
    a = np.exp(p[:9].reshape(3, 3))
    a = a / a.sum(axis=1, keepdims=True)
    b = np.exp(-0.5 * (y[:, None] - p[9:12]) ** 2)
    alpha, scale = np.zeros((n, 3)), np.zeros(n)
    alpha[0] = b[0] / 3
    scale[0] = np.sum(alpha[0])
    alpha[0] /= scale[0]
    for t in range(1, n):
        alpha[t] = (alpha[t - 1] @ a) * b[t]
        scale[t] = alpha[t].sum()
        alpha[t] /= scale[t]
    return np.sum(np.log(scale))


def warping_row(x: Any, n: int) -> Any:
    """A row of dynamic time warping."""
    d = np.zeros((2, n))
    d[0] = 0.1 * np.arange(n)
    d[1, 0] = 10.0
    for j in range(1, n):
        best = np.minimum(np.minimum(d[0, j], d[1, j - 1]), d[0, j - 1])
        d[1, j] = (x - 0.01 * j) ** 2 + best
    return d[1, -1]


def thomas(d: Any, n: int) -> Any:
    """A tridiagonal system: two arrays on the way there, one on the way back."""
    below, on, above = -1.0, 2.0 + d[0] ** 2, -0.9
    c, e, x = np.zeros(n), np.zeros(n), np.zeros(n)
    c[0], e[0] = above / on, d[0] / on
    for i in range(1, n):
        w = on - below * c[i - 1]
        c[i] = above / w
        e[i] = (d[i] - below * e[i - 1]) / w
    x[-1] = e[-1]
    for i in range(n - 2, -1, -1):
        x[i] = e[i] - c[i] * x[i + 1]
    return np.sum(x * x)


def thomas_of_numbers(d: Any, n: int) -> Any:
    """The same with numbers as its matrix, so that half of it is done while it is recorded."""
    c, e, x = np.zeros(n), np.zeros(n), np.zeros(n)
    c[0], e[0] = -0.4, d[0] / 2.5
    for i in range(1, n):
        w = 2.5 + c[i - 1]
        c[i] = -1.0 / w
        e[i] = (d[i] + e[i - 1]) / w
    x[-1] = e[-1]
    for i in range(n - 2, -1, -1):
        x[i] = e[i] - c[i] * x[i + 1]
    return np.sum(x * x)


def mirrored(x: Any, n: int) -> Any:
    """From both ends at once."""
    b = np.zeros(2 * n)
    for i in range(n):
        b[i] = np.sin(x[i]) * x[0]
        b[2 * n - 1 - i] = b[i] * x[i]
    return np.sum(b**3)


def tallied(x: Any, n: int) -> Any:
    """One place is changed in every step."""
    b = np.zeros(n + 1)
    for i in range(n):
        b[i + 1] = np.tanh(x[i] * x[0])
        b[0] += b[i + 1]
    return np.sum(b * b)


def swapped(x: Any, n: int) -> Any:
    """What is read is overwritten before it is used."""
    b = x.copy()
    for i in range(n - 1):
        old = b[i] * 1.0
        b[i] = np.sin(b[i + 1]) * x[i]
        b[i + 1] = old + 0.5 * b[i]
    return np.sum(b**3)


def shifted(x: Any, n: int) -> Any:
    """Rows that are moved onto themselves."""
    b = np.zeros((n, 5)) + x[0]
    for i in range(1, n):
        b[i] = b[i - 1] * x[i]
        b[i, 1:] = b[i, :-1]
        b[i, ::-1] = b[i]
        old = b[i - 1].copy()
        b[i - 1] = np.tanh(b[i])
        b[i] += old
    return np.sum(b * b)


def gauss_seidel(x: Any, n: int) -> Any:
    """A loop in a loop: sweeps over a rod."""
    u = x.copy()
    for _ in range(n):
        for i in range(1, len(u) - 1):
            u[i] = 0.5 * (u[i - 1] + u[i + 1]) + 0.01 * np.sin(u[i])
    return np.sum(u * u)


def covariance(x: Any, n: int) -> Any:
    """Over a triangle, written to both of its sides."""
    k = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            k[i, j] = np.exp(-((x[i] - x[j]) ** 2))
            k[j, i] = k[i, j]
    return np.sum(k**3)


def warping(x: Any, n: int) -> Any:
    """Dynamic time warping with a sine."""
    d = np.zeros((n + 1, 7))
    d[0, 1:] = d[1:, 0] = 1e3
    for i in range(n):
        for j in range(6):
            best = np.minimum(np.minimum(d[i, j + 1], d[i + 1, j]), d[i, j])
            d[i + 1, j + 1] = (x[i] - np.sin(j)) ** 2 + best
    return d[n, 6]


_rng = np.random.default_rng(0)
_number, _vector, _more = 0.7, _rng.normal(size=6), _rng.normal(size=12)

PROGRAMS: list[tuple[Program, Callable[[int], Any]]] = [
    (two_places, lambda n: _number),
    (twice_the_same_place, lambda n: _number),
    (two_arrays, lambda n: _number),
    (from_the_one_before, lambda n: _number),
    (from_two_before, lambda n: _number),
    (running_sum, lambda n: np.sin(np.arange(n) + 0.5)),
    (grid, lambda n: _vector),
    (columns, lambda n: _vector),
    (added_to_neighbours, lambda n: _number),
    (changed_twice, lambda n: _number),
    (from_the_end, lambda n: np.sin(np.arange(n) + 0.5)),
    (leapfrog, lambda n: _number),
    (planet, lambda n: np.array([1.0, 0.2, 0.3])),
    (kalman, lambda n: np.array([0.5, 0.6])),
    (kalman_of_matrices, lambda n: np.array([[0.9, 0.1], [0.0, 0.8]])),
    (forward_algorithm, lambda n: _more),
    (warping_row, lambda n: _number),
    (thomas, lambda n: np.sin(np.arange(n) + 0.5)),
    (swapped, lambda n: np.sin(np.arange(n) + 0.5)),
    (shifted, lambda n: np.sin(np.arange(n) + 0.5)),
    (mirrored, lambda n: np.sin(np.arange(n) + 0.5)),
    (tallied, lambda n: np.sin(np.arange(n) + 0.5)),
    (thomas_of_numbers, lambda n: np.sin(np.arange(n) + 0.5)),
]
"""Each program with its argument: both get the number of steps."""

NESTED: list[tuple[Program, Callable[[int], Any]]] = [
    (gauss_seidel, lambda n: np.sin(np.arange(12) + 0.5)),
    (covariance, lambda n: np.sin(np.arange(n) + 0.5)),
    (warping, lambda n: np.sin(np.arange(n) + 0.5)),
]
"""Loops in loops, of which the plan has the outer one unrolled in part."""
