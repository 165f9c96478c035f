"""Meta-learning: find weights from which one step of gradient descent on ten points learns a new wave.

    pip install 'geartrain[examples,native]'
    python examples/meta_learning.py         # or: python examples/meta_learning.py STEPS PICTURE.png

The loss to be minimised has a gradient in it: that of the step with which each task is learned. So its own gradient
goes through the step, and is of second order.

Source: Finn, Abbeel, Levine, *Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks*, ICML 2017, section
5.1.
"""

import sys
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

import geartrain as gt
from geartrain import optim

POINTS, TASKS, INNER_RATE = 10, 25, 0.05


def init(rng, sizes=(1, 40, 40, 1)):
    return [{"weights": rng.standard_normal((n, m)) / np.sqrt(n), "bias": np.zeros(m)} for n, m in pairwise(sizes)]


def network(params, x):
    h = x[:, None]
    for layer in params[:-1]:
        h = np.tanh(h @ layer["weights"] + layer["bias"])
    return (h @ params[-1]["weights"] + params[-1]["bias"])[:, 0]


def error(params, x, y):
    return np.mean((network(params, x) - y) ** 2)


def learned(params, x, y):
    """The weights after one step of gradient descent on the points of a task."""
    params_bar = gt.grad(error)(params, x, y)
    return gt.tree.map(lambda p, p_bar: p - INNER_RATE * p_bar, params, params_bar)


def loss(params, x, y, new_x, new_y):
    """The error on new points of each task, after it has been learned; every argument has a row a task."""

    def of_task(x, y, new_x, new_y):
        return error(learned(params, x, y), new_x, new_y)

    return np.mean(gt.vmap(of_task)(x, y, new_x, new_y))


def waves(rng, tasks, points):
    """Points on waves of random height and phase."""
    height, phase = rng.uniform(0.1, 5, (tasks, 1)), rng.uniform(0, np.pi, (tasks, 1))
    x, new_x = rng.uniform(-5, 5, (2, tasks, points))
    return x, height * np.sin(x - phase), new_x, height * np.sin(new_x - phase)


def main(steps=3000, picture=None):
    rng = np.random.default_rng(0)
    params = init(rng)
    adam = optim.adam(optim.cosine(3e-3, steps))
    state = adam.init(params)
    loss_and_gradient = gt.jit(gt.value_and_grad(loss))
    test = waves(np.random.default_rng(1), 200, POINTS)

    for step in range(1, steps + 1):
        _, params_bar = loss_and_gradient(params, *waves(rng, TASKS, POINTS))
        params, state = adam.update(params_bar, state, params)
        if step % max(steps // 5, 1) == 0:
            before = np.mean([error(params, x, y) for x, y in zip(*test[2:], strict=True)])
            print(f"step {step:4d}  error on new waves: {before:.3f}, after one step: {loss(params, *test):.3f}")
    if picture:
        draw(params, picture)


def draw(params, path):
    x = np.linspace(-5, 5, 200)
    figure, panels = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
    for axes, (height, phase) in zip(panels, [(4.0, 0.5), (1.5, 2.5)], strict=True):
        seen = np.random.default_rng(3).uniform(-5, 5, POINTS)
        after = learned(params, seen, height * np.sin(seen - phase))
        axes.plot(x, height * np.sin(x - phase), "k:", label="the wave")
        axes.plot(x, network(params, x), alpha=0.5, label="before")
        axes.plot(x, network(after, x), label="after one step on the points")
        axes.plot(seen, height * np.sin(seen - phase), "ko", ms=4)
    panels[0].legend(fontsize="small", frameon=False)
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:])
