"""The heat equation on a grid, written with slices and assignment in a Python loop of 200 steps."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

import geartrain as gt
from benchmarks.contest import Contest, First, Side
from benchmarks.sides import jax_, torch_

STEPS, SIZE, RATE = 200, 128, 0.2


def heated(u: Any) -> Any:
    u = u.copy()
    for _ in range(STEPS):
        u[1:-1, 1:-1] += RATE * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1])
    return np.sum(u * u)


def moved(u: Any) -> Any:
    return RATE * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1])


def geartrain(u: Any) -> Callable[[], Any]:
    both = gt.jit(gt.value_and_grad(heated))
    return lambda: both(u)


def jax(u: Any, scan: bool = False) -> Callable[[], Any]:
    package = jax_()
    numpy = importlib.import_module("jax.numpy")

    def loss(u: Any) -> Any:
        def one(u: Any, _: Any = None) -> Any:
            return u.at[1:-1, 1:-1].add(moved(u)), None

        if scan:
            u, _ = package.lax.scan(one, u, None, length=STEPS)
        else:
            for _ in range(STEPS):
                u, _ = one(u)
        return numpy.sum(u * u)

    both = package.jit(package.value_and_grad(loss))
    placed = numpy.asarray(u)
    return lambda: package.block_until_ready(both(placed))


def torch(u: Any, compiled: bool = False) -> Callable[[], Any]:
    package = torch_()
    given = package.as_tensor(u)

    def one(u: Any) -> Any:
        return u + package.nn.functional.pad(moved(u), (1, 1, 1, 1))

    step = package.compile(one) if compiled else one

    def run() -> Any:
        start = given.clone().requires_grad_()
        u = start
        for _ in range(STEPS):
            u = step(u)
        y = (u * u).sum()
        return y.detach(), package.autograd.grad(y, start)[0]

    return run


def autograd(u: Any) -> Callable[[], Any]:
    package = importlib.import_module("autograd")
    numpy = importlib.import_module("autograd.numpy")

    def loss(u: Any) -> Any:
        for _ in range(STEPS):
            u = u + numpy.pad(moved(u), 1, "constant")
        return numpy.sum(u * u)

    both = package.value_and_grad(loss)
    return lambda: both(u)


SIDES: dict[str, Side] = {
    "geartrain": geartrain,
    "jax.scan": lambda u: jax(u, scan=True),
    "jax.unrolled": jax,
    "torch": torch,
    "torch.compile": lambda u: torch(u, compiled=True),
    "autograd": autograd,
    "numpy": lambda u: lambda: heated(u),
}

CONTEST = Contest(
    title="heat equation with slices, 128 x 128, 200 steps: value and gradient",
    variants={"float64": (np.random.default_rng(0).random((SIZE, SIZE)),)},
    sides=SIDES,
    must=0.5,
    target=0.1,
    first=First(1.0, 0.2),
    against="torch",
)
