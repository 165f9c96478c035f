"""A Gaussian process: a curve through noisy points, with honest doubt where there are none.

    pip install 'geartrain[examples,scipy]'
    python examples/gaussian_process.py      # or: python examples/gaussian_process.py POINTS PICTURE.png

How far the curve sways, how quickly, and how noisy the points are is found by climbing the likelihood; its gradient
goes through a Cholesky factor and a solve, as they stand.

Source: Rasmussen and Williams, *Gaussian Processes for Machine Learning*, 2006, algorithm 2.1.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import geartrain as gt


def covariance(log, a, b):
    """How alike the curve is at two places: less and less, the farther apart they are."""
    distance = (a[:, None] - b) / np.exp(log["length"])
    return np.exp(2 * log["sway"] - 0.5 * distance**2)


def factor(log, x):
    return np.linalg.cholesky(covariance(log, x, x) + np.exp(2 * log["noise"]) * np.eye(len(x)))


def loss(log, x, y):
    """The negative logarithm of the probability of the points, curves of all kinds taken together."""
    lower = factor(log, x)
    white = np.linalg.solve(lower, y)
    return 0.5 * white @ white + np.sum(np.log(np.diag(lower))) + 0.5 * len(x) * np.log(2 * np.pi)


def curve(log, x, y, places):
    """The mean of all curves that fit, and their standard deviation, at each of the places."""
    lower = factor(log, x)
    seen = np.linalg.solve(lower, covariance(log, x, places))
    mean = seen.T @ np.linalg.solve(lower, y)
    return mean, np.sqrt(np.exp(2 * log["sway"]) - np.sum(seen**2, axis=0))


def truth(x):
    return np.sin(2 * x) + 0.5 * x


def main(points=40, picture=None):
    rng = np.random.default_rng(0)
    x = np.sort(np.concatenate([rng.uniform(-3, 0.2, points // 2), rng.uniform(1.8, 3, points - points // 2)]))
    y = truth(x) + 0.15 * rng.standard_normal(points)

    start = {"length": np.array(0.0), "sway": np.array(0.0), "noise": np.array(-1.0)}
    best = gt.minimize(loss, start, x, y)
    found = {name: float(np.exp(value)) for name, value in best.params.items()}
    print(f"probability of the points: from exp({-loss(start, x, y):.1f}) to exp({-best.value:.1f})")
    print(", ".join(f"{name} {value:.3f}" for name, value in found.items()) + "; the true noise is 0.150")

    places = np.linspace(-3.5, 3.5, 300)
    mean, deviation = curve(best.params, x, y, places)
    inside = np.abs(truth(places) - mean) < 2 * deviation
    print(f"the true curve is within two deviations at {np.mean(inside):.0%} of the places")
    if picture:
        draw(x, y, places, mean, deviation, picture)


def draw(x, y, places, mean, deviation, path):
    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    axes.fill_between(places, mean - 2 * deviation, mean + 2 * deviation, alpha=0.2, label="two deviations")
    axes.plot(places, mean, label="mean of the curves that fit")
    axes.plot(places, truth(places), "k:", label="the truth")
    axes.plot(x, y, "k.", label="points")
    axes.legend(loc="upper left", frameon=False)
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:])
