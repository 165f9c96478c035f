"""The network for tables: two hidden layers, for a number or for classes; layers of ``geartrain.nn``."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geartrain import nn, optim
from geartrain.train.fitting import Fitted, fit
from geartrain.train.stepping import Step

Array = NDArray[Any]


def network(inputs: int, hidden: int, outputs: int, dtype: Any = np.float32) -> nn.Layer:
    """The layers.

    >>> net = network(3, 8, 2)
    >>> net.apply(net.init(np.random.default_rng(0)), np.ones((5, 3), np.float32)).shape
    (5, 2)
    """
    return nn.sequential(
        nn.dense(inputs, hidden, dtype=dtype),
        nn.relu,
        nn.dense(hidden, hidden, dtype=dtype),
        nn.relu,
        nn.dense(hidden, outputs, weights=nn.glorot, dtype=dtype),
    )


def loss_of(net: nn.Layer, outputs: int) -> Callable[..., Any]:
    """The loss of a minibatch: squared error for a number (``outputs`` 0), cross entropy for classes."""

    def loss(params: Any, x: Any, y: Any) -> Any:
        scores = net.apply(params, x)
        return nn.cross_entropy(scores, y) if outputs else nn.mean_squared_error(scores[:, 0], y)

    return loss


def optimizer_of(learning_rate: float) -> optim.Optimizer:
    """AdamW that decays the matrices."""
    return optim.adamw(learning_rate, weight_decay=1e-2, mask=optim.matrices)


def step(inputs: int, outputs: int, hidden: int, learning_rate: float, dtype: Any = np.float32) -> Step:
    """What takes the steps of ``train``, for several runs of it on tables alike."""
    net = network(inputs, hidden, max(outputs, 1), dtype)
    return Step(loss_of(net, outputs), optimizer_of(learning_rate))


def train(
    x: Array,
    y: Array,
    outputs: int,
    *,
    hidden: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    **more: Any,
) -> Fitted:
    """Train the network; ``outputs`` 0 is for a number ``y``, else ``y`` has classes in ``0 .. outputs - 1``.

    Where there are enough rows, a tenth decides when to stop. ``more`` goes to ``fit``.
    """
    net = network(x.shape[1], hidden, max(outputs, 1), x.dtype)
    order = np.random.default_rng([seed, 0]).permutation(len(x))
    aside = len(x) // 10 if len(x) >= 100 else 0
    kept, held_out = order[aside:], order[:aside]
    return fit(
        loss_of(net, outputs),
        net.init(np.random.default_rng([seed, 1])),
        (x[kept], y[kept]),
        optimizer=optimizer_of(learning_rate),
        epochs=epochs,
        batch_size=min(batch_size, len(kept)),
        seed=seed,
        validation=(x[held_out], y[held_out]) if aside else (),
        patience=10 if aside else None,
        **more,
    )


def scores(params: Any, x: Array, hidden: int, outputs: int) -> Array:
    """What the trained network says of each row: a number, or a score for each class."""
    y = network(x.shape[1], hidden, max(outputs, 1), x.dtype).apply(params, x)
    return y if outputs else y[:, 0]
