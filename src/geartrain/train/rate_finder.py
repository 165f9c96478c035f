"""A learning rate to begin with, found by trying all sizes on the way up."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from geartrain import optim
from geartrain.optim import Optimizer
from geartrain.train.errors import NonFinite, UsageError
from geartrain.train.loop import State, samples_in, steps

_SMOOTH = 0.8  # how much of the running mean of the loss stays at each step
_BURST = 4.0  # the loss may grow to so many times its smallest before the search ends


class RateFound(NamedTuple):
    """``rate`` is a tenth of where the loss was smallest; ``rates`` and ``losses`` (smoothed) draw the curve."""

    rate: float
    rates: list[float]
    losses: list[float]


def find_learning_rate(
    loss: Callable[..., Any],
    params: Any,
    data: Sequence[Any],
    *,
    optimizer: Callable[[Any], Optimizer] = optim.adam,
    lowest: float = 1e-6,
    highest: float = 1.0,
    number: int = 100,
    batch_size: int = 32,
    seed: int = 0,
) -> RateFound:
    """Take ``number`` steps with rates that grow from ``lowest`` to ``highest``, and see where the loss stops falling.

    ``optimizer`` makes an optimiser from a schedule; ``loss``, ``params`` and ``data`` are as in ``fit``. The params
    passed stay as they are.

    Source: Smith, *Cyclical Learning Rates for Training Neural Networks*, WACV 2017, section 3.3, with steps on a
        logarithmic scale.

    Raises:
        UsageError: ``lowest`` is not below ``highest``, or fewer than ten steps.

    >>> x = np.linspace(-1, 1, 256)
    >>> found = find_learning_rate(lambda w, x: np.mean((x * w - 3 * x) ** 2), np.array(0.0), [x], optimizer=optim.sgd)
    >>> 1e-3 < found.rate <= 0.1
    True
    """
    if not 0 < lowest < highest or number < 10:
        raise UsageError(f"expected 0 < lowest < highest and at least 10 steps, got {lowest}, {highest} and {number}")
    growing = optim.exponential(lowest, highest / lowest, every=number - 1)
    made = optimizer(growing)
    rng = dict(np.random.default_rng([seed, 2]).bit_generator.state)
    state = State(params, made.init(params), rng)
    batch_size = min(batch_size, samples_in(tuple(data)))
    trained = steps(loss, made, state, *data, batch_size=batch_size, epochs=number, seed=seed)
    rates: list[float] = []
    losses: list[float] = []
    mean, before = 0.0, 0.0
    try:
        for step, state in enumerate(itertools.islice(trained, number)):
            samples = samples_in(tuple(data))
            of_epoch = state.batch * batch_size or samples
            size = min(batch_size, samples - (of_epoch - 1) // batch_size * batch_size)
            value = (state.loss_sum - (before if of_epoch > batch_size else 0.0)) / size
            before = state.loss_sum
            mean = _SMOOTH * mean + (1 - _SMOOTH) * value
            rates.append(growing(step))
            losses.append(mean / (1 - _SMOOTH ** (step + 1)))
            if losses[-1] > _BURST * min(losses):
                break
    except NonFinite:  # the rate is far too large: all that was to be found is behind us
        pass
    if not losses:
        raise UsageError(f"the loss is not finite even with a learning rate of {lowest}")
    return RateFound(rates[int(np.argmin(losses))] / 10, rates, losses)
