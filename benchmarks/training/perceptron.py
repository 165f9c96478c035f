"""A perceptron 784-512-512-10 with ReLU, 128 samples at a time, with Adam."""

import importlib
from typing import Any

import numpy as np

from benchmarks.training.contest import Training
from geartrain import nn, optim

RATE = 1e-3

network = nn.sequential(nn.dense(784, 512), nn.relu, nn.dense(512, 512), nn.relu, nn.dense(512, 10))


def case() -> Training:
    """The network, and random samples."""
    rng = np.random.default_rng(0)
    data = (rng.random((128 * 20, 784)).astype(np.float32), rng.integers(0, 10, 128 * 20))
    minibatch = (data[0][:128], data[1][:128])
    return Training(network.init(rng), _loss, optim.adam(RATE), _jax, _torch, minibatch, data, RATE)


def _loss(params: Any, x: Any, labels: Any) -> Any:
    return nn.cross_entropy(network.apply(params, x), labels)


def _jax(params: Any, x: Any, labels: Any) -> Any:
    jax = importlib.import_module("jax")
    for layer in (params[0], params[2]):
        x = jax.nn.relu(x @ layer["weights"] + layer["bias"])
    scores = x @ params[4]["weights"] + params[4]["bias"]
    return -jax.numpy.mean(jax.nn.log_softmax(scores)[jax.numpy.arange(len(labels)), labels])


def _torch(params: Any, x: Any, labels: Any) -> Any:
    torch = importlib.import_module("torch")
    for layer in (params[0], params[2]):
        x = torch.relu(torch.addmm(layer["bias"], x, layer["weights"]))
    return torch.nn.functional.cross_entropy(torch.addmm(params[4]["bias"], x, params[4]["weights"]), labels)
