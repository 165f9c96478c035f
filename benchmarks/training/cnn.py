"""A convolutional network 1-16-32 on images of 28 x 28, 64 at a time, with Adam."""

import importlib
from typing import Any

import numpy as np

from benchmarks.training.contest import Training
from geartrain import nn, optim

RATE, SIDE, CLASSES = 1e-3, 28, 10

network = nn.sequential(
    nn.conv2d(1, 16),
    nn.relu,
    nn.max_pool,
    nn.conv2d(16, 32),
    nn.relu,
    nn.max_pool,
    lambda x: x.reshape(len(x), -1),
    nn.dense(7 * 7 * 32, CLASSES),
)


def case() -> Training:
    """The network, and random images."""
    rng = np.random.default_rng(0)
    images = rng.random((64 * 20, SIDE, SIDE, 1)).astype(np.float32)
    labels = rng.integers(0, CLASSES, len(images))
    data = (images, labels)
    params = network.init(rng)
    return Training(params, _loss, optim.adam(RATE), _jax, _torch, (images[:64], labels[:64]), data, RATE)


def _loss(params: Any, images: Any, labels: Any) -> Any:
    return nn.cross_entropy(network.apply(params, images), labels)


def _jax(params: Any, images: Any, labels: Any) -> Any:
    jax = importlib.import_module("jax")
    lax, jnn, jnp = jax.lax, jax.nn, jax.numpy
    h = images
    for layer in (params[0], params[3]):
        h = lax.conv_general_dilated(h, layer["weights"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        h = jnn.relu(h + layer["bias"])
        h = lax.reduce_window(h, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    scores = h.reshape(len(h), -1) @ params[7]["weights"] + params[7]["bias"]
    return -jnp.mean(jnn.log_softmax(scores)[jnp.arange(len(labels)), labels])


def _torch(params: Any, images: Any, labels: Any) -> Any:
    functional = importlib.import_module("torch.nn.functional")
    h = images.permute(0, 3, 1, 2)
    for layer in (params[0], params[3]):
        h = functional.conv2d(h, layer["weights"].permute(3, 2, 0, 1), layer["bias"], padding=1)
        h = functional.max_pool2d(functional.relu(h), 2)
    scores = h.permute(0, 2, 3, 1).reshape(len(h), -1) @ params[7]["weights"] + params[7]["bias"]
    return functional.cross_entropy(scores, labels)
