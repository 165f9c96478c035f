"""autograd's three optimisers: plain loops over ``grad(x, i)``, on containers of arrays.

``geartrain.optim`` has more of them, as functions of a state.
"""

from collections.abc import Callable
from typing import Any

from geartrain.compat.autograd.misc.flatten import flatten
from geartrain.compat.autograd.wrap_util import wraps
from geartrain.ir.untyped import numpy as np

__all__ = ["adam", "rmsprop", "sgd", "unflatten_optimizer"]

F = Callable[..., Any]


def unflatten_optimizer(optimize: F) -> F:
    """Make an optimiser of flat arrays one of containers."""

    @wraps(optimize)
    def optimized(grad: F, x0: Any, callback: F | None = None, *args: Any, **kwargs: Any) -> Any:
        flat, unflatten = flatten(x0)

        def flat_grad(x: Any, i: int) -> Any:
            return flatten(grad(unflatten(x), i))[0]

        def flat_callback(x: Any, i: int, g: Any) -> None:
            if callback:
                callback(unflatten(x), i, unflatten(g))

        return unflatten(optimize(flat_grad, flat, flat_callback if callback else None, *args, **kwargs))

    return optimized


@unflatten_optimizer
def sgd(
    grad: F,
    x: Any,
    callback: F | None = None,
    num_iters: int = 200,
    step_size: float = 0.1,
    mass: float = 0.9,
) -> Any:
    """Gradient descent with momentum: the velocity is an average of the gradients with weights ``mass``."""
    velocity = np.zeros(len(x))
    for i in range(num_iters):
        slope = grad(x, i)
        if callback:
            callback(x, i, slope)
        velocity = mass * velocity - (1.0 - mass) * slope
        x = x + step_size * velocity
    return x


@unflatten_optimizer
def rmsprop(
    grad: F,
    x: Any,
    callback: F | None = None,
    num_iters: int = 100,
    step_size: float = 0.1,
    gamma: float = 0.9,
    eps: float = 1e-8,
) -> Any:
    """Steps relative to the root of the running mean square of the gradients."""
    mean_square = np.ones(len(x))
    for i in range(num_iters):
        slope = grad(x, i)
        if callback:
            callback(x, i, slope)
        mean_square = gamma * mean_square + (1 - gamma) * slope**2
        x = x - step_size * slope / (np.sqrt(mean_square) + eps)
    return x


@unflatten_optimizer
def adam(
    grad: F,
    x: Any,
    callback: F | None = None,
    num_iters: int = 100,
    step_size: float = 0.001,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
) -> Any:
    """Kingma and Ba, *Adam* (2015): running means of the gradients and of their squares, corrected for their start."""
    mean, mean_square = np.zeros(len(x)), np.zeros(len(x))
    for i in range(num_iters):
        slope = grad(x, i)
        if callback:
            callback(x, i, slope)
        mean = b1 * mean + (1 - b1) * slope
        mean_square = b2 * mean_square + (1 - b2) * slope**2
        x = x - step_size * mean / (1 - b1 ** (i + 1)) / (np.sqrt(mean_square / (1 - b2 ** (i + 1))) + eps)
    return x
