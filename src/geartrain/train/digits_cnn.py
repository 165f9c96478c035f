"""A small convolutional network that reads handwritten digits; layers from ``geartrain.nn``, all of it plain NumPy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geartrain import nn

Array = NDArray[Any]

SIDE = 8  # pixels
SMOOTHING = 0.1

network = nn.sequential(
    nn.conv2d(1, 16),
    nn.relu,
    nn.conv2d(16, 32),
    nn.relu,
    nn.max_pool,
    nn.conv2d(32, 64),
    nn.relu,
    nn.max_pool,
    lambda x: x.reshape(len(x), -1),
    nn.dropout(0.3),
    nn.dense(SIDE // 4 * SIDE // 4 * 64, 10),
)


def init(rng: np.random.Generator) -> list[Any]:
    """The parameters: an entry a layer."""
    return network.init(rng)


def scores(params: list[Any], images: Array, rng: np.random.Generator | None = None) -> Array:
    """A row of ten scores for each image, ``(n, 64) -> (n, 10)``; ``rng`` is for the dropout in training."""
    return network.apply(params, images.reshape(len(images), SIDE, SIDE, 1), rng)


def loss(params: list[Any], images: Array, labels: Array, rng: np.random.Generator | None = None) -> Any:
    """Mean cross-entropy with smoothed labels, as in ``digits_mlp``; in training half of the images are moved."""
    if rng is not None:
        images = shifted(images, rng)
    return nn.cross_entropy(scores(params, images, rng), labels, SMOOTHING)


def shifted(images: Array, rng: np.random.Generator) -> Array:
    """Half of the images moved by up to a pixel each way: a digit stays the same digit, and the network sees more.

    >>> shifted(np.ones((2, 64), np.float32), np.random.default_rng(0)).shape
    (2, 64)
    """
    framed = np.pad(images.reshape(-1, SIDE, SIDE), [(0, 0), (1, 1), (1, 1)])
    down, right = np.where(rng.random(len(images)) < 0.5, rng.integers(0, 3, (2, len(images))), 1)
    rows = down[:, None, None] + np.arange(SIDE)[:, None]
    columns = right[:, None, None] + np.arange(SIDE)
    return framed[np.arange(len(images))[:, None, None], rows, columns].reshape(images.shape)


def predict(params: list[Any], images: Array) -> Array:
    """The digit with the highest score for each image, ``(n, 64) -> (n,)``."""
    return np.argmax(scores(params, images), axis=1)
