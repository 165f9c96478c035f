"""A variational autoencoder: find a plane on which every handwritten digit has its place, and walk about on it.

    pip install 'geartrain[examples,native]'
    python examples/vae.py                   # or: python examples/vae.py EPOCHS PICTURE.png

Source: Kingma and Welling, *Auto-Encoding Variational Bayes*, ICLR 2014, equation 10 and appendices B and C.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

import geartrain as gt
from geartrain import optim

SIDE, HIDDEN = 8, 128


def init(rng):
    def dense(n, m):
        return {"weights": rng.standard_normal((n, m)) / np.sqrt(n), "bias": np.zeros(m)}

    return {
        "read": [dense(SIDE**2, HIDDEN), dense(HIDDEN, 4)],  # a place on the plane, and how sure it is
        "draw": [dense(2, HIDDEN), dense(HIDDEN, SIDE**2)],
    }


def network(layers, x):
    hidden = np.tanh(x @ layers[0]["weights"] + layers[0]["bias"])
    return hidden @ layers[1]["weights"] + layers[1]["bias"]


def loss(params, images, noise):
    """The bits of a picture that its place does not tell, and the bits that tell the place: an upper bound, in nats."""
    place = network(params["read"], images)
    mean, log_deviation = place[:, :2], place[:, 2:]
    drawn = network(params["draw"], mean + np.exp(log_deviation) * noise)
    surprise = np.sum(np.logaddexp(0, drawn) - images * drawn, axis=1)  # cross-entropy of each pixel, from its logit
    told = 0.5 * np.sum(mean**2 + np.exp(2 * log_deviation) - 2 * log_deviation - 1, axis=1)
    return np.mean(surprise + told)


def main(epochs=100, picture=None):
    rng = np.random.default_rng(0)
    pixels, labels = load_digits(return_X_y=True)
    images = pixels / 16
    params = init(rng)
    adam = optim.adam(learning_rate=2e-3)
    state = adam.init(params)
    loss_and_gradient = gt.jit(gt.value_and_grad(loss))

    for epoch in range(1, epochs + 1):
        losses = []
        for batch in np.array_split(rng.permutation(len(images)), 28):
            noise = rng.standard_normal((len(batch), 2))
            value, params_bar = loss_and_gradient(params, images[batch], noise)
            params, state = adam.update(params_bar, state, params)
            losses.append(value)
        if epoch % max(epochs // 10, 1) == 0:
            print(f"epoch {epoch:3d}  loss {np.mean(losses):.2f} nats a picture")

    if picture:
        draw(params, images, labels, picture)


def draw(params, images, labels, path):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.9), layout="constrained")
    places = network(params["read"], images)[:, :2]
    shown = left.scatter(*places.T, c=labels, cmap="tab10", s=5)
    figure.colorbar(shown, ax=left, ticks=range(10))
    left.set_title("where each digit has its place")

    steps = np.linspace(-2, 2, 12)
    across, up = np.meshgrid(steps, steps[::-1])
    logits = network(params["draw"], np.stack([across.ravel(), up.ravel()], axis=1))
    tiles = np.pad((1 / (1 + np.exp(-logits))).reshape(12, 12, SIDE, SIDE), [(0, 0), (0, 0), (1, 1), (1, 1)])
    right.imshow(
        np.block([list(row) for row in tiles]), cmap="gray_r", interpolation="nearest", extent=(-2.1, 2.1, -2.1, 2.1)
    )
    right.set_title("what is drawn from places on the plane")
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:])
