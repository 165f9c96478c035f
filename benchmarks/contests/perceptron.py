"""A training step of a perceptron for digits, with Adam: new parameters and moments from a minibatch."""

import importlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

import geartrain as gt
from benchmarks.contest import Contest, Side
from benchmarks.sides import jax_, torch_

RATE, BETA1, BETA2, EPS = 1e-3, 0.9, 0.999, 1e-8


def loss(xp: Any, params: Any, x: Any, targets: Any) -> Any:
    """The mean cross entropy; ReLU between the layers."""
    h = x
    for w, b in params[:-1]:
        h = xp.maximum(h @ w + b, 0)
    w, b = params[-1]
    z = h @ w + b
    z = z - xp.max(z, axis=1, keepdims=True)
    return xp.mean(xp.log(xp.sum(xp.exp(z), axis=1)) - xp.sum(z * targets, axis=1))


def adam(xp: Any, t: Any, p: Any, p_bar: Any, mean: Any, variance: Any) -> Any:
    """One parameter's step, the ``t``-th."""
    mean = BETA1 * mean + (1 - BETA1) * p_bar
    variance = BETA2 * variance + (1 - BETA2) * p_bar * p_bar
    size = RATE / (1 - BETA1**t)
    root = xp.sqrt(variance) / xp.sqrt(1 - BETA2**t)
    return p - size * mean / (root + EPS), mean, variance


def step(xp: Any, value_and_grad: Any) -> Callable[..., Any]:
    """A training step in the NumPy ``xp``: (parameters, means, variances, t, x, targets) -> all of it anew."""

    def run(params: Any, means: Any, variances: Any, t: Any, x: Any, targets: Any) -> Any:
        value, bars = value_and_grad(lambda p: loss(xp, p, x, targets))(params)
        moved = [
            [adam(xp, t, *each) for each in zip(*layers, strict=True)]
            for layers in zip(params, bars, means, variances, strict=True)
        ]
        return value, *[[tuple(each[k] for each in layer) for layer in moved] for k in range(3)]

    return run


def arguments(sizes: tuple[int, ...], batch: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    params = [
        ((rng.standard_normal((n, m)) * np.sqrt(2 / n)).astype("f4"), np.zeros(m, "f4")) for n, m in pairwise(sizes)
    ]
    zeros = gt.tree.map(np.zeros_like, params)
    x = rng.random((batch, sizes[0])).astype("f4")
    targets = np.eye(sizes[-1], dtype="f4")[rng.integers(0, sizes[-1], batch)]
    return (params, zeros, zeros, np.float32(1.0), x, targets)


def geartrain(*given: Any) -> Callable[[], Any]:
    run = gt.jit(step(np, gt.value_and_grad))
    return lambda: run(*given)


def jax(*given: Any) -> Callable[[], Any]:
    package = jax_()
    numpy = importlib.import_module("jax.numpy")
    run = package.jit(step(numpy, package.value_and_grad))
    placed = package.tree.map(numpy.asarray, given)
    return lambda: package.block_until_ready(run(*placed))


def torch(*given: Any, compiled: bool = False) -> Callable[[], Any]:
    """With PyTorch's own layers, loss and fused Adam; a step changes the parameters, so the first one is compared."""
    package = torch_()
    params, _, _, _, x, targets = given
    layers: list[Any] = []
    for w, b in params:
        layer = package.nn.Linear(*w.shape)
        layer.weight.data = package.as_tensor(w.T.copy())
        layer.bias.data = package.as_tensor(b.copy())
        layers += [layer, package.nn.ReLU()]
    model = package.nn.Sequential(*layers[:-1])
    network = package.compile(model) if compiled else model
    optimiser = package.optim.Adam(model.parameters(), lr=RATE, betas=(BETA1, BETA2), eps=EPS, fused=True)
    x, labels = package.as_tensor(x), package.as_tensor(targets.argmax(1))

    def run() -> Any:
        optimiser.zero_grad()
        value = package.nn.functional.cross_entropy(network(x), labels)
        value.backward()
        optimiser.step()
        now = [p.detach().T.clone() for p in model.parameters()] if not seen else []
        moments = (
            [] if seen else [optimiser.state[p][k].T for k in ("exp_avg", "exp_avg_sq") for p in model.parameters()]
        )
        seen.append(True)
        return [value.detach(), *now, *moments]

    seen: list[bool] = []
    return run


def autograd(*given: Any) -> Callable[[], Any]:
    """With Adam in NumPy."""
    package = importlib.import_module("autograd")
    run = step(importlib.import_module("autograd.numpy"), package.value_and_grad)
    return lambda: run(*given)


def forward(*given: Any) -> Callable[[], Any]:
    params, _, _, _, x, targets = given
    return lambda: loss(np, params, x, targets)


SIDES: dict[str, Side] = {
    "geartrain": geartrain,
    "jax": jax,
    "torch": torch,
    "torch.compile": lambda *given: torch(*given, compiled=True),
    "autograd": autograd,
    "numpy": forward,
}

CONTEST = Contest(
    title="training step with Adam of a perceptron 784-512-512-10, float32",
    variants={f"batch {batch}": arguments((784, 512, 512, 10), batch) for batch in (32, 128, 512)},
    sides=SIDES,
    must=0.9,
    target=0.6,
    tolerance=1e-3,
    memory=True,
)
