"""Read handwritten digits: a multilayer perceptron in plain NumPy, trained with the gradient of the very code below.

    pip install 'geartrain[examples]'
    python examples/digits.py            # or: python examples/digits.py EPOCHS

``geartrain train digits`` is the same network with a progress bar, checkpoints and a report.
"""

import sys
from itertools import pairwise

import numpy as np
from sklearn.datasets import load_digits

import geartrain as gt
from geartrain import optim


def init(rng, sizes):
    return [{"weights": rng.standard_normal((n, m)) * np.sqrt(2 / n), "bias": np.zeros(m)} for n, m in pairwise(sizes)]


def scores(params, images):
    h = images
    for layer in params[:-1]:
        h = np.maximum(h @ layer["weights"] + layer["bias"], 0)
    return h @ params[-1]["weights"] + params[-1]["bias"]


def loss(params, images, labels):
    z = scores(params, images)
    z = z - np.max(z, axis=1, keepdims=True)
    log_shares = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    return -np.mean(log_shares[np.arange(len(labels)), labels])


def main(epochs=20):
    rng = np.random.default_rng(0)
    images, labels = load_digits(return_X_y=True)
    order = rng.permutation(len(labels))
    images, labels = images[order] / 16, labels[order]
    held_out = len(labels) // 5

    params = init(rng, (64, 128, 10))
    adam = optim.adam(learning_rate=3e-3)
    state = adam.init(params)
    for epoch in range(1, epochs + 1):
        losses = []
        for batch in np.array_split(rng.permutation(np.arange(held_out, len(labels))), 45):
            value, params_bar = gt.value_and_grad(loss)(params, images[batch], labels[batch])
            losses.append(value)
            params, state = adam.update(params_bar, state, params)
        right = np.argmax(scores(params, images[:held_out]), axis=1) == labels[:held_out]
        print(f"epoch {epoch:2d}  loss {np.mean(losses):.4f}  held-out accuracy {np.mean(right):.2%}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
