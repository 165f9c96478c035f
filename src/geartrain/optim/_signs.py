"""Steps that are all of one size: Lion takes the sign of each number, Muon the nearest rotation of each matrix."""

import math
from typing import Any, NamedTuple

import numpy as np

from geartrain import tree
from geartrain.optim._combine import Mask, mask_of
from geartrain.optim._counted import at_step, next_step
from geartrain.optim._moments import towards
from geartrain.optim._optimizer import Optimizer, Rate, check_at_least_zero, check_below_one, rates


class MomentumState(NamedTuple):
    """The memory of ``lion`` and ``muon``: ``step``, and ``mean``, a running mean of the gradient."""

    step: Any
    mean: Any


def lion(
    learning_rate: Rate = 1e-4,
    beta1: float = 0.9,
    beta2: float = 0.99,
    weight_decay: float = 1e-3,
    mask: Mask = None,
) -> Optimizer:
    """Step by the sign of a mean of gradients: Chen et al., *Symbolic Discovery of Optimization Algorithms*, 2023.

        params <- params - learning_rate * (sign(beta1 * mean + (1 - beta1) * params_bar) + weight_decay * params)
        mean   <- beta2 * mean + (1 - beta2) * params_bar

    It wants a learning rate some ten times below Adam's. ``mask`` as in ``adamw``.

    >>> init, update = lion(learning_rate=0.1, weight_decay=0.0)
    >>> update(np.array([40.0, -0.1]), init(np.zeros(2)), np.zeros(2))[0]
    array([-0.1,  0.1])
    """
    rate_at = rates("lion", learning_rate)
    check_below_one("lion", beta1=beta1, beta2=beta2)
    check_at_least_zero("lion", weight_decay=weight_decay)

    def update(params_bar: Any, state: MomentumState, params: Any) -> tuple[Any, MomentumState]:
        rate = at_step(rate_at, state.step)

        def next_param(p: Any, p_bar: Any, m: Any, decays: Any) -> Any:
            step = np.sign(beta1 * m + (1 - beta1) * p_bar)
            return p - rate * (step + weight_decay * p if decays else step)

        moved = tree.map(next_param, params, params_bar, state.mean, mask_of(mask, params))
        return moved, MomentumState(next_step(state.step), towards(beta2, state.mean, params_bar))

    return Optimizer(_begin, update)


def muon(
    learning_rate: Rate = 2e-2,
    momentum: float = 0.95,
    nesterov: bool = True,
    weight_decay: float = 0.1,
    iterations: int = 5,
) -> Optimizer:
    """For matrices: step by a mean of gradients with all its singular values brought close to 1.

    Every leaf must be a matrix of shape ``(inputs, outputs)``. Give biases, scales and embeddings to another optimiser:
    ``partition({"muon": muon(), "rest": adamw()}, lambda path, leaf: "muon" if leaf.ndim == 2 else "rest")``. The step
    is scaled by ``sqrt(max(1, outputs / inputs))``.

    Source: Jordan et al., *Muon: An optimizer for hidden layers in neural networks*, 2024, with decoupled weight decay,
        as in PyTorch (whose iteration is in bfloat16; here it has the dtype of the leaf).

    >>> init, update = muon(learning_rate=0.1, weight_decay=0.0)
    >>> step = -update(np.array([[3.0, 0.0], [0.0, 0.01]]), init(np.zeros((2, 2))), np.zeros((2, 2)))[0] / 0.1
    >>> bool(0.3 < step[1, 1] < 1.3)
    True
    """
    rate_at = rates("muon", learning_rate)
    check_below_one("muon", momentum=momentum)
    check_at_least_zero("muon", weight_decay=weight_decay)

    def init(params: Any) -> MomentumState:
        for path, leaf in tree.paths(params):
            if np.ndim(leaf) != 2:
                raise ValueError(
                    f"[muon] {path or 'the leaf'} has shape {np.shape(leaf)}: only matrices; see partition"
                )
        return _begin(params)

    def update(params_bar: Any, state: MomentumState, params: Any) -> tuple[Any, MomentumState]:
        rate = at_step(rate_at, state.step)
        mean = towards(momentum, state.mean, params_bar)

        def next_param(p: Any, p_bar: Any, m: Any) -> Any:
            ahead = (1 - momentum) * p_bar + momentum * m if nesterov else m
            step = near_rotation(ahead, iterations) * math.sqrt(max(1, p.shape[1] / p.shape[0]))
            return (1 - rate * weight_decay) * p - rate * step

        return tree.map(next_param, params, params_bar, mean), MomentumState(next_step(state.step), mean)

    return Optimizer(init, update)


def near_rotation(x: Any, iterations: int = 5) -> Any:
    """The matrix with the singular vectors of ``x`` and singular values between about 0.7 and 1.2.

    A polynomial of odd degree moves every singular value towards 1 without computing any (Newton and Schulz), with the
    coefficients of Jordan et al. that move small ones fast.
    """
    wide = x.shape[0] <= x.shape[1]
    x = x if wide else x.T  # the smaller of the two square products
    x = x / np.maximum(np.sqrt(np.sum(x * x)), 1e-7)
    for _ in range(iterations):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * (square @ square)) @ x
    return x if wide else x.T


def _begin(params: Any) -> MomentumState:
    return MomentumState(np.array(0), tree.map(np.zeros_like, params))
