"""A physics-informed network: solve Burgers' equation, shock and all, by training a network to obey it.

    pip install 'geartrain[examples,native,scipy]'
    python examples/physics.py               # or: python examples/physics.py ITERATIONS PICTURE.png

The loss has the derivatives of the network in time and space, up to the second; its gradient in the weights is of third
order. All are ``gt.grad`` of the same plain function.

Source: Raissi, Perdikaris, Karniadakis, *Physics-informed neural networks*, Journal of Computational Physics 378, 2019,
section 3.1 and appendix A. The exact solution: Basdevant et al., Computers & Fluids 14, 1986, equation 2.5.
"""

import sys
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np

import geartrain as gt

VISCOSITY = 0.03 / np.pi


def init(rng, sizes=(2, 20, 20, 20, 1)):
    return [
        {"weights": rng.standard_normal((n, m)) * np.sqrt(2 / (n + m)), "bias": np.zeros(m)} for n, m in pairwise(sizes)
    ]


def u(params, t, x):
    """The speed of the fluid at each time and place, from -sin(pi x) at the start, and 0 at both walls, always."""
    h = np.stack([t, x], axis=1)
    for layer in params[:-1]:
        h = np.tanh(h @ layer["weights"] + layer["bias"])
    free = (h @ params[-1]["weights"] + params[-1]["bias"])[:, 0]
    return -np.sin(np.pi * x) + t * (1 - x**2) * free


def slope(f, argnums):
    """The derivative of ``f`` at each point: points do not touch each other, so the gradient of the sum has it."""
    return gt.grad(lambda *args: np.sum(f(*args)), argnums)


u_t, u_x = slope(u, 1), slope(u, 2)
u_xx = slope(u_x, 2)


def loss(params, t, x):
    """How badly the network breaks the law: u_t + u u_x = viscosity * u_xx."""
    broken = u_t(params, t, x) + u(params, t, x) * u_x(params, t, x) - VISCOSITY * u_xx(params, t, x)
    return np.mean(broken**2)


def exact(t, x):
    """The solution by the transformation of Cole and Hopf: two integrals, here by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite.hermgauss(100)
    y = x[:, None] - nodes * np.sqrt(4 * VISCOSITY * t[:, None])
    exponent = -np.cos(np.pi * y) / (2 * np.pi * VISCOSITY)
    shares = weights * np.exp(exponent - np.max(exponent, axis=1, keepdims=True))
    return -np.sum(shares * np.sin(np.pi * y), axis=1) / np.sum(shares, axis=1)


def main(iterations=400, picture=None):
    rng = np.random.default_rng(0)
    t, x = rng.uniform(0, 1, 1000), rng.uniform(-1, 1, 1000)
    start = init(rng)
    best = gt.minimize(loss, start, t, x, compiled=True, options={"maxiter": iterations, "maxfun": 2 * iterations})
    times, places = (a.ravel() for a in np.meshgrid(np.linspace(0, 1, 101), np.linspace(-1, 1, 201)))
    solved, truth = u(best.params, times, places), exact(times, places)
    error = np.linalg.norm(solved - truth) / np.linalg.norm(truth)
    print(f"broken law: from {loss(start, t, x):.3f} to {best.value:.2e} in {best.result.nit} iterations")
    print(f"error against the exact solution: {error:.1%}")
    if picture:
        draw(best.params, solved.reshape(201, 101), picture)


def draw(params, solved, path):
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), width_ratios=(3, 2), layout="constrained")
    shown = left.imshow(solved, extent=(0, 1, -1, 1), origin="lower", aspect="auto", cmap="RdBu_r")
    figure.colorbar(shown, ax=left)
    left.set(title="u, as the network has it", xlabel="t", ylabel="x")
    x = np.linspace(-1, 1, 201)
    for t in (0.25, 0.5, 0.75):
        right.plot(x, exact(np.full(201, t), x), "k:", label="exact" if t == 0.25 else None)
        right.plot(x, u(params, np.full(201, t), x), alpha=0.7, label=f"t = {t}")
    right.legend(fontsize="small", frameon=False)
    right.set(xlabel="x")
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:])
