"""A multilayer perceptron that reads handwritten digits, in plain NumPy, from top to bottom.

Nothing in this file knows about derivatives. ``geartrain.value_and_grad(loss)`` gets them from the code as it stands.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Params = list[dict[str, Array]]  # one entry a layer: weights of shape (inputs, outputs), bias of shape (outputs,)

SIZES = (64, 128, 10)  # 8 x 8 pixels in, a hidden layer, a score for each of ten digits out
SMOOTHING = 0.1


def init(rng: np.random.Generator, sizes: tuple[int, ...] = SIZES) -> Params:
    """Zero biases, and random weights whose spread keeps signals of one size through the layers.

    Source: He, Zhang, Ren, Sun, *Delving Deep into Rectifiers*, ICCV 2015, equation 10.
    """
    return [
        {
            "weights": (rng.standard_normal((inputs, outputs)) * np.sqrt(2 / inputs)).astype(np.float32),
            "bias": np.zeros(outputs, dtype=np.float32),
        }
        for inputs, outputs in pairwise(sizes)
    ]


def scores(params: Params, images: Array) -> Array:
    """A row of ten scores for each image, ``(n, 64) -> (n, 10)``; the highest is the network's answer."""
    h = images
    for layer in params[:-1]:
        h = np.maximum(h @ layer["weights"] + layer["bias"], 0)
    return h @ params[-1]["weights"] + params[-1]["bias"]


def loss(params: Params, images: Array, labels: Array) -> Any:
    """Mean cross-entropy of the softmax of the scores with the labels: small if the right digit is given a high share.

    The labels are smoothed: 0.9 of the weight on the right digit, 0.1 spread over all ten, which keeps the network from
    boundless confidence and helps on digits it never saw (Szegedy et al., CVPR 2016, section 7).
    """
    z = scores(params, images)
    z = z - np.max(z, axis=1, keepdims=True)  # the same shares, and exp cannot overflow
    log_shares = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    right = log_shares[np.arange(len(labels)), labels]
    return -(1 - SMOOTHING) * right.mean() - SMOOTHING * log_shares.mean()


def predict(params: Params, images: Array) -> Array:
    """The digit with the highest score for each image, ``(n, 64) -> (n,)``."""
    return np.argmax(scores(params, images), axis=1)
