"""Stochastic gradient descent, with momentum as an option."""

from typing import Any, NamedTuple

import numpy as np

from geartrain import tree
from geartrain.optim._counted import at_step, next_step
from geartrain.optim._optimizer import Optimizer, Rate, check_below_one, rates


class SGDState(NamedTuple):
    """The memory of ``sgd``.

    ``step`` counts the steps taken (an int64 array of shape ``()``); ``velocity`` is a tree shaped as the parameters
    (None where there is no momentum).
    """

    step: Any
    velocity: Any


def sgd(learning_rate: Rate, momentum: float = 0.0, nesterov: bool = False) -> Optimizer:
    """Gradient descent: step against the gradient, with an optional memory of earlier steps.

        velocity <- momentum * velocity + params_bar
        params   <- params - learning_rate * velocity                              (heavy ball)
        params   <- params - learning_rate * (params_bar + momentum * velocity)    (nesterov)

    Sources: Polyak, *Some methods of speeding up the convergence of iteration methods*, 1964, for momentum; Sutskever,
    Martens, Dahl, Hinton, *On the importance of initialization and momentum in deep learning*, ICML 2013, section 2,
    for Nesterov's variant, in the form that looks ahead by changing variables (the one PyTorch and optax use).

    Raises:
        ValueError: ``learning_rate`` is negative or not finite, ``momentum`` is outside [0, 1), or ``nesterov`` without
            momentum.

    >>> init, update = sgd(learning_rate=0.1)
    >>> params = {"w": np.array([1.0, 2.0])}
    >>> params, state = update({"w": np.array([10.0, -10.0])}, init(params), params)
    >>> params["w"]
    array([0., 3.])
    """
    rate_at = rates("sgd", learning_rate)
    check_below_one("sgd", momentum=momentum)
    if nesterov and momentum == 0:
        raise ValueError("[sgd] nesterov=True needs a momentum above 0, got momentum=0.0")
    keep = float(momentum)  # a weak Python number, so that float32 parameters stay float32

    def init(params: Any) -> SGDState:
        return SGDState(np.array(0), tree.map(np.zeros_like, params) if keep else None)

    def update(params_bar: Any, state: SGDState, params: Any) -> tuple[Any, SGDState]:
        rate = at_step(rate_at, state.step)

        def next_velocity(v: Any, p_bar: Any) -> Any:
            return keep * v + p_bar

        def looked_ahead(p_bar: Any, v: Any) -> Any:
            return p_bar + keep * v

        def next_param(p: Any, step: Any) -> Any:
            return p - rate * step

        if not keep:
            return tree.map(next_param, params, params_bar), SGDState(next_step(state.step), None)
        velocity = tree.map(next_velocity, state.velocity, params_bar)
        step = tree.map(looked_ahead, params_bar, velocity) if nesterov else velocity
        return tree.map(next_param, params, step), SGDState(next_step(state.step), velocity)

    return Optimizer(init, update)
