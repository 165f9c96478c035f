"""A neural ODE: learn the law of motion itself, from where a thing was seen on its way.

    pip install 'geartrain[examples,native]'
    python examples/neural_ode.py            # or: python examples/neural_ode.py STEPS PICTURE.png

The network says how fast the thing moves at each place; a Runge-Kutta solver, a plain loop, follows it; and the
gradient goes back through the solver.

Source: Chen, Rubanova, Bettencourt, Duvenaud, *Neural Ordinary Differential Equations*, NeurIPS 2018, section 5.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import geartrain as gt
from geartrain import optim

TIME_STEP, SEEN, PIECE = 0.05, 200, 40
SPIRAL = np.array([[-0.1, 2.0], [-2.0, -0.1]])


def true_law(_, place):
    return place**3 @ SPIRAL


def network(params, place):
    hidden = np.tanh(place**3 @ params["in"] + params["bias"])
    return hidden @ params["out"]


def follow(law, params, place, steps):
    """The places on the way, ``(steps, *place.shape)``, by the classic Runge-Kutta method."""
    way = np.zeros((steps, *place.shape))
    for i in range(steps):
        way[i] = place
        k1 = law(params, place)
        k2 = law(params, place + TIME_STEP / 2 * k1)
        k3 = law(params, place + TIME_STEP / 2 * k2)
        k4 = law(params, place + TIME_STEP * k3)
        place = place + TIME_STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return way


def loss(params, pieces):
    """How far the ways of the network stray from pieces of the true one, ``(PIECE, n, 2)``."""
    return np.mean((follow(network, params, pieces[0], PIECE) - pieces) ** 2)


def main(steps=2000, picture=None):
    rng = np.random.default_rng(0)
    way = follow(true_law, None, np.array([1.6, 0.0]), SEEN)
    params = {"in": rng.standard_normal((2, 50)) / 2, "bias": np.zeros(50), "out": rng.standard_normal((50, 2)) / 50}
    adam = optim.adam(optim.cosine(1e-2, steps))
    state = adam.init(params)
    loss_and_gradient = gt.jit(gt.value_and_grad(loss))

    for step in range(1, steps + 1):
        begins = rng.integers(0, SEEN - PIECE, 20)
        pieces = way[begins + np.arange(PIECE)[:, None]]
        value, params_bar = loss_and_gradient(params, pieces)
        params, state = adam.update(params_bar, state, params)
        if step % max(steps // 6, 1) == 0:
            learned = follow(network, params, way[0], SEEN)
            astray = np.mean(np.linalg.norm(learned - way, axis=1))
            print(f"step {step:4d}  loss {value:.4f}  astray on the whole way: {astray:.3f}")
    if picture:
        draw(params, way, picture)


def draw(params, way, path):
    figure, axes = plt.subplots(figsize=(5, 4.6), layout="constrained")
    across, up = np.meshgrid(np.linspace(-1.8, 1.8, 15), np.linspace(-1.8, 1.8, 15))
    speed = network(params, np.stack([across, up], axis=-1))
    speed = speed / np.linalg.norm(speed, axis=-1, keepdims=True)
    axes.quiver(across, up, speed[..., 0], speed[..., 1], color="tab:blue", alpha=0.4, width=0.004)
    axes.plot(*way.T, "k.", ms=4, label="seen")
    axes.plot(*follow(network, params, way[0], 2 * SEEN).T, "tab:orange", label="the learned law, twice as far")
    axes.legend(loc="upper right", fontsize="small")
    figure.savefig(path, dpi=72)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:])
