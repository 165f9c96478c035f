"""Adam and AdamW: a step for each parameter, scaled by how large its gradients have been."""

from typing import Any, NamedTuple

import numpy as np

from geartrain import tree
from geartrain.optim._optimizer import Optimizer, check_at_least_zero, check_below_one


class AdamState(NamedTuple):
    """The memory of ``adam``.

    ``step`` counts the steps taken (an int64 array of shape ``()``); ``mean`` and ``variance`` are trees shaped as the
    parameters, with the running first and second moment of the gradient.
    """

    step: Any
    mean: Any
    variance: Any


def adam(learning_rate: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """Adam, Algorithm 1 of Kingma and Ba, *Adam: A Method for Stochastic Optimization*, ICLR 2015 (arXiv:1412.6980).

        t        <- t + 1
        mean     <- beta1 * mean     + (1 - beta1) * params_bar
        variance <- beta2 * variance + (1 - beta2) * params_bar ** 2
        params   <- params - learning_rate * (mean / (1 - beta1 ** t)) / (sqrt(variance / (1 - beta2 ** t)) + eps)

    The two divisions by ``1 - beta ** t`` undo the bias of moments that start at zero. The first step moves each
    parameter by the learning rate, whatever the size of its gradient.

    Raises:
        ValueError: a setting out of range (a beta must be in [0, 1); ``learning_rate`` and ``eps`` finite and at least
            0).

    >>> init, update = adam(learning_rate=0.5)
    >>> params = [np.array([1.0, 2.0])]
    >>> params, state = update([np.array([300.0, -0.01])], init(params), params)
    >>> params[0].round(4)
    array([0.5, 2.5])
    """
    return _adam("adam", learning_rate, beta1, beta2, eps, weight_decay=0.0)


def adamw(
    learning_rate: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
) -> Optimizer:
    """Adam with decoupled weight decay: each step also shrinks the parameters by ``learning_rate * weight_decay``.

    Source: Loshchilov and Hutter, *Decoupled Weight Decay Regularization*, ICLR 2019 (arXiv:1711.05101), Algorithm 2,
        with its schedule multiplier folded into the learning rate, as PyTorch and optax do. The rest is ``adam``, and
        so are the errors.

    >>> init, update = adamw(learning_rate=0.5, weight_decay=0.1)
    >>> params, state = update(np.array([0.0]), init(np.array([2.0])), np.array([2.0]))
    >>> params
    array([1.9])
    """
    check_at_least_zero("adamw", weight_decay=weight_decay)
    return _adam("adamw", learning_rate, beta1, beta2, eps, weight_decay)


def _adam(name: str, learning_rate: float, beta1: float, beta2: float, eps: float, weight_decay: float) -> Optimizer:
    check_at_least_zero(name, learning_rate=learning_rate, eps=eps)
    check_below_one(name, beta1=beta1, beta2=beta2)
    # Weak Python numbers, so that float32 parameters stay float32.
    rate, beta1, beta2, eps, decay = (float(s) for s in (learning_rate, beta1, beta2, eps, weight_decay))

    def init(params: Any) -> AdamState:
        return AdamState(np.array(0), tree.map(np.zeros_like, params), tree.map(np.zeros_like, params))

    def update(params_bar: Any, state: AdamState, params: Any) -> tuple[Any, AdamState]:
        t = int(state.step) + 1
        mean_scale, variance_scale = 1 - beta1**t, 1 - beta2**t

        def next_mean(m: Any, p_bar: Any) -> Any:
            return beta1 * m + (1 - beta1) * p_bar

        def next_variance(v: Any, p_bar: Any) -> Any:
            return beta2 * v + (1 - beta2) * p_bar * p_bar

        def next_param(p: Any, m: Any, v: Any) -> Any:
            step = (m / mean_scale) / (np.sqrt(v / variance_scale) + eps)
            return p - rate * (step + decay * p) if decay else p - rate * step

        mean = tree.map(next_mean, state.mean, params_bar)
        variance = tree.map(next_variance, state.variance, params_bar)
        return tree.map(next_param, params, mean, variance), AdamState(np.array(t), mean, variance)

    return Optimizer(init, update)
