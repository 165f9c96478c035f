"""Stochastic gradient descent, with momentum as an option."""

from typing import Any, NamedTuple

import numpy as np

from geartrain import tree
from geartrain.optim._optimizer import Optimizer, check_at_least_zero, check_below_one


class SGDState(NamedTuple):
    """The memory of ``sgd``: ``velocity``, a tree shaped as the parameters (None where there is no momentum)."""

    velocity: Any


def sgd(learning_rate: float, momentum: float = 0.0, nesterov: bool = False) -> Optimizer:
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
    check_at_least_zero("sgd", learning_rate=learning_rate)
    check_below_one("sgd", momentum=momentum)
    if nesterov and momentum == 0:
        raise ValueError("[sgd] nesterov=True needs a momentum above 0, got momentum=0.0")
    rate, keep = float(learning_rate), float(momentum)  # weak Python numbers, so that float32 parameters stay float32

    def init(params: Any) -> SGDState:
        return SGDState(tree.map(np.zeros_like, params) if keep else None)

    def update(params_bar: Any, state: SGDState, params: Any) -> tuple[Any, SGDState]:
        def next_velocity(v: Any, p_bar: Any) -> Any:
            return keep * v + p_bar

        def looked_ahead(p_bar: Any, v: Any) -> Any:
            return p_bar + keep * v

        def next_param(p: Any, step: Any) -> Any:
            return p - rate * step

        if not keep:
            return tree.map(next_param, params, params_bar), state
        velocity = tree.map(next_velocity, state.velocity, params_bar)
        step = tree.map(looked_ahead, params_bar, velocity) if nesterov else velocity
        return tree.map(next_param, params, step), SGDState(velocity)

    return Optimizer(init, update)
