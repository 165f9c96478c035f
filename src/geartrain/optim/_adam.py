"""Adam and its kin: a step for each parameter, scaled by how large its gradients have been."""

from typing import Any, NamedTuple

import numpy as np

from geartrain import tree
from geartrain.optim._combine import Mask, mask_of
from geartrain.optim._counted import at_step, next_step
from geartrain.optim._moments import towards, towards_square
from geartrain.optim._optimizer import Optimizer, Rate, check_at_least_zero, check_below_one, rates


class AdamState(NamedTuple):
    """The memory of ``adam``.

    ``step`` counts the steps taken (an int64 array of shape ``()``); ``mean`` and ``variance`` are trees shaped as the
    parameters, with the running first and second moment of the gradient.
    """

    step: Any
    mean: Any
    variance: Any


def adam(learning_rate: Rate = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> Optimizer:
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
    learning_rate: Rate = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    mask: Mask = None,
) -> Optimizer:
    """Adam with decoupled weight decay: each step also shrinks the parameters by ``learning_rate * weight_decay``.

    ``mask`` says which leaves shrink: a tree of booleans or a function that makes one of the parameters, such as
    ``optim.matrices``; by default all do.

    Source: Loshchilov and Hutter, *Decoupled Weight Decay Regularization*, ICLR 2019 (arXiv:1711.05101), Algorithm 2,
        with its schedule multiplier folded into the learning rate, as PyTorch and optax do. The rest is ``adam``, and
        so are the errors.

    >>> init, update = adamw(learning_rate=0.5, weight_decay=0.1)
    >>> params, state = update(np.array([0.0]), init(np.array([2.0])), np.array([2.0]))
    >>> params
    array([1.9])
    """
    check_at_least_zero("adamw", weight_decay=weight_decay)
    return _adam("adamw", learning_rate, beta1, beta2, eps, weight_decay, mask)


def _adam(
    name: str, learning_rate: Rate, beta1: float, beta2: float, eps: float, weight_decay: float, mask: Mask = None
) -> Optimizer:
    rate_at = rates(name, learning_rate)
    check_at_least_zero(name, eps=eps)
    check_below_one(name, beta1=beta1, beta2=beta2)
    # Weak Python numbers, so that float32 parameters stay float32.
    beta1, beta2, eps, decay = (float(s) for s in (beta1, beta2, eps, weight_decay))

    def scales(step: int) -> tuple[float, float, float]:
        """For mean / mean_scale / (sqrt(variance / variance_scale) + eps) with fewer passes over the arrays."""
        rate, t = rate_at(step), step + 1
        root = (1 - beta2**t) ** 0.5
        return rate * root / (1 - beta1**t), eps * root, 1 - rate * decay

    def update(params_bar: Any, state: AdamState, params: Any) -> tuple[Any, AdamState]:
        size, small, kept = at_step(scales, state.step)
        mean = towards(beta1, state.mean, params_bar)
        variance = towards_square(beta2, state.variance, params_bar)

        def next_param(p: Any, m: Any, v: Any, decays: Any) -> Any:
            return (kept * p if decay and decays else p) - size * m / (np.sqrt(v) + small)

        moved = tree.map(next_param, params, mean, variance, mask_of(mask, params))
        return moved, AdamState(next_step(state.step), mean, variance)

    return Optimizer(_begin, update)


class NAdamState(NamedTuple):
    """The memory of ``nadam``: that of ``adam``, and ``product``, the product of the momenta so far."""

    step: Any
    mean: Any
    variance: Any
    product: Any


def nadam(
    learning_rate: Rate = 2e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    momentum_decay: float = 4e-3,
) -> Optimizer:
    """Adam with Nesterov's look ahead: Dozat, *Incorporating Nesterov Momentum into Adam*, ICLR workshop 2016.

    The momentum of step ``t`` is ``beta1 * (1 - 0.96 ** (t * momentum_decay) / 2)``, as there and in PyTorch.

    >>> init, update = nadam(learning_rate=0.5)
    >>> params, state = update(np.array([3.0]), init(np.array([1.0])), np.array([1.0]))
    >>> params.round(3)
    array([0.472])
    """
    rate_at = rates("nadam", learning_rate)
    check_at_least_zero("nadam", eps=eps, momentum_decay=momentum_decay)
    check_below_one("nadam", beta1=beta1, beta2=beta2)

    def momentum(t: int) -> float:
        return beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))

    def init(params: Any) -> NAdamState:
        return NAdamState(*_begin(params), np.array(1.0))

    def scales(step: int, product: float) -> tuple[float, float, float, float]:
        rate, t = rate_at(step), step + 1
        now, then = momentum(t), momentum(t + 1)
        product = product * now
        return rate * (1 - now) / (1 - product), rate * then / (1 - product * then), 1 - beta2**t, product

    def update(params_bar: Any, state: NAdamState, params: Any) -> tuple[Any, NAdamState]:
        of_gradient, of_mean, scale, product = at_step(scales, state.step, state.product)
        mean = towards(beta1, state.mean, params_bar)
        variance = towards_square(beta2, state.variance, params_bar)

        def next_param(p: Any, p_bar: Any, m: Any, v: Any) -> Any:
            return p - (of_gradient * p_bar + of_mean * m) / (np.sqrt(v / scale) + eps)

        moved = tree.map(next_param, params, params_bar, mean, variance)
        return moved, NAdamState(next_step(state.step), mean, variance, np.array(product))

    return Optimizer(init, update)


def _begin(params: Any) -> AdamState:
    return AdamState(np.array(0), tree.map(np.zeros_like, params), tree.map(np.zeros_like, params))
