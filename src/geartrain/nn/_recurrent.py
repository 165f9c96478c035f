"""Recurrent layers: a state that is carried along a sequence, by a Python loop.

All take ``apply(params, x, state=None)`` with ``x`` of shape ``(batch, n, inputs)`` and return ``(outputs, state)``:
``outputs`` of shape ``(batch, n, size)``, and the state after the last place, from which the next piece can go on.
"""

import math
from typing import Any

import numpy as np

from geartrain.nn._activations import sigmoid
from geartrain.nn._layer import Layer, Rng


def rnn(inputs: int, size: int, dtype: Any = np.float32) -> Layer:
    """Elman's network: ``h <- tanh(x @ input + h @ state + bias)``. The state is ``h`` of shape ``(batch, size)``.

    Source: Elman, *Finding structure in time*, Cognitive Science 14, 1990.

    >>> layer = rnn(3, 4)
    >>> outputs, state = layer.apply(layer.init(np.random.default_rng(0)), np.ones((2, 5, 3), np.float32))
    >>> outputs.shape, state.shape
    ((2, 5, 4), (2, 4))
    """

    def apply(params: dict[str, Any], x: Any, state: Any = None) -> tuple[Any, Any]:
        h = np.zeros((x.shape[0], size), x.dtype) if state is None else state
        driven = x @ params["input"] + params["bias"]
        outputs: list[Any] = []
        for t in range(x.shape[1]):
            h = np.tanh(driven[:, t] + h @ params["state"])
            outputs.append(h)
        return np.stack(outputs, axis=1), h

    return Layer(_gates(inputs, size, 1, dtype), apply)


def lstm(inputs: int, size: int, dtype: Any = np.float32) -> Layer:
    """Long short-term memory. The state is the pair ``(h, c)``, each of shape ``(batch, size)``.

        input, forget, cell, output = split(x @ input + h @ state + bias)
        c <- sigmoid(forget) * c + sigmoid(input) * tanh(cell)
        h <- sigmoid(output) * tanh(c)

    The bias of the forget gate starts at 1 (Jozefowicz, Zaremba, Sutskever, ICML 2015).

    Source: Hochreiter and Schmidhuber, Neural Computation 9, 1997; with the forget gate of Gers, Schmidhuber, Cummins,
        2000.

    >>> layer = lstm(3, 4)
    >>> outputs, (h, c) = layer.apply(layer.init(np.random.default_rng(0)), np.ones((2, 5, 3), np.float32))
    >>> outputs.shape, c.shape
    ((2, 5, 4), (2, 4))
    """
    draw = _gates(inputs, size, 4, dtype)

    def init(rng: Rng) -> dict[str, Any]:
        params = draw(rng)
        params["bias"][size : 2 * size] = 1
        return params

    def apply(params: dict[str, Any], x: Any, state: Any = None) -> tuple[Any, Any]:
        zero = np.zeros((x.shape[0], size), x.dtype)
        h, c = (zero, zero) if state is None else state
        driven = x @ params["input"] + params["bias"]
        outputs: list[Any] = []
        for t in range(x.shape[1]):
            gates = driven[:, t] + h @ params["state"]
            keep_in, keep = sigmoid(gates[:, :size]), sigmoid(gates[:, size : 2 * size])
            c = keep * c + keep_in * np.tanh(gates[:, 2 * size : 3 * size])
            h = sigmoid(gates[:, 3 * size :]) * np.tanh(c)
            outputs.append(h)
        return np.stack(outputs, axis=1), (h, c)

    return Layer(init, apply)


def gru(inputs: int, size: int, dtype: Any = np.float32) -> Layer:
    """The gated recurrent unit. The state is ``h`` of shape ``(batch, size)``.

        reset, update = split(sigmoid(x @ input + bias + h @ state + state_bias))       (two thirds)
        new = tanh(x @ input + bias + reset * (h @ state + state_bias))                 (the last third)
        h <- update * h + (1 - update) * new

    Source: Cho et al., EMNLP 2014, with the reset after the product, as in cuDNN and PyTorch.

    >>> layer = gru(3, 4)
    >>> outputs, state = layer.apply(layer.init(np.random.default_rng(0)), np.ones((2, 5, 3), np.float32))
    >>> outputs.shape, state.shape
    ((2, 5, 4), (2, 4))
    """
    draw = _gates(inputs, size, 3, dtype)

    def init(rng: Rng) -> dict[str, Any]:
        return {**draw(rng), "state_bias": np.zeros(3 * size, dtype)}

    def apply(params: dict[str, Any], x: Any, state: Any = None) -> tuple[Any, Any]:
        h = np.zeros((x.shape[0], size), x.dtype) if state is None else state
        driven = x @ params["input"] + params["bias"]
        outputs: list[Any] = []
        for t in range(x.shape[1]):
            from_x, from_h = driven[:, t], h @ params["state"] + params["state_bias"]
            gates = sigmoid(from_x[:, : 2 * size] + from_h[:, : 2 * size])
            reset, update = gates[:, :size], gates[:, size:]
            new = np.tanh(from_x[:, 2 * size :] + reset * from_h[:, 2 * size :])
            h = update * h + (1 - update) * new
            outputs.append(h)
        return np.stack(outputs, axis=1), h

    return Layer(init, apply)


def _gates(inputs: int, size: int, gates: int, dtype: Any) -> Any:
    """The weights of so many gates side by side, uniform within ``1 / sqrt(size)``."""
    limit = 1 / math.sqrt(size)

    def init(rng: Rng) -> dict[str, Any]:
        return {
            "input": rng.uniform(-limit, limit, (inputs, gates * size)).astype(dtype),
            "state": rng.uniform(-limit, limit, (size, gates * size)).astype(dtype),
            "bias": np.zeros(gates * size, dtype),
        }

    return init
