"""The log-likelihood of a mixture of Gaussians (10 dimensions, 25 components, 1,000 points) and all its gradients."""

from typing import Any

import numpy as np

from benchmarks.contest import Contest
from benchmarks.sides import gradient_sides

POINTS, SIZE, PARTS = 1000, 10, 25


def program(xp: Any, weights: Any, means: Any, roots: Any, x: Any) -> Any:
    """``roots``: a square root of each inverse covariance, as a matrix."""
    centred = x[:, None, :] - means[None, :, :]
    turned = xp.einsum("kij,nkj->nki", roots, centred)
    size = xp.sum(xp.log(roots.diagonal(0, -1, -2) ** 2), axis=1) / 2
    scores = weights - 0.5 * xp.sum(turned * turned, axis=2) + size
    top = xp.amax(scores, axis=1) if hasattr(xp, "amax") else xp.max(scores, axis=1)
    return xp.sum(top + xp.log(xp.sum(xp.exp(scores - top[:, None]), axis=1)))


def arguments() -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    roots = np.eye(SIZE) + 0.1 * rng.standard_normal((PARTS, SIZE, SIZE))
    means, x = rng.standard_normal((PARTS, SIZE)), rng.standard_normal((POINTS, SIZE))
    return (rng.standard_normal(PARTS), means, roots, x)


CONTEST = Contest(
    title="log-likelihood of a Gaussian mixture (d 10, k 25, n 1000), value and all gradients",
    variants={"float64": arguments()},
    sides=gradient_sides(program, argnums=(0, 1, 2)),
    must=1.0,
    target=0.6,
)
