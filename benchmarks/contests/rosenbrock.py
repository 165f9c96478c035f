"""Rosenbrock's function of 100 numbers: its gradient and its whole Hessian."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

import geartrain as gt
from benchmarks.contest import Contest, Side
from benchmarks.sides import jax_, torch_


def valley(xp: Any, x: Any) -> Any:
    return xp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def geartrain(x: Any) -> Callable[[], Any]:
    run = gt.jit(lambda x: (gt.grad(lambda x: valley(np, x))(x), gt.hessian(lambda x: valley(np, x))(x)))
    return lambda: run(x)


def jax(x: Any) -> Callable[[], Any]:
    package = jax_()
    numpy = importlib.import_module("jax.numpy")

    def f(x: Any) -> Any:
        return valley(numpy, x)

    run, x = package.jit(lambda x: (package.grad(f)(x), package.hessian(f)(x))), numpy.asarray(x)
    return lambda: package.block_until_ready(run(x))


def torch(x: Any, compiled: bool = False) -> Callable[[], Any]:
    package = torch_()
    x = package.as_tensor(x)
    gradient = package.func.grad(lambda x: valley(package, x))
    hessian = package.func.hessian(lambda x: valley(package, x))

    def both(x: Any) -> Any:
        return gradient(x), hessian(x)

    run = package.compile(both) if compiled else both
    return lambda: run(x)


def autograd(x: Any) -> Callable[[], Any]:
    package = importlib.import_module("autograd")
    numpy = importlib.import_module("autograd.numpy")
    gradient, hessian = (make(lambda x: valley(numpy, x)) for make in (package.grad, package.hessian))
    return lambda: (gradient(x), hessian(x))


SIDES: dict[str, Side] = {
    "geartrain": geartrain,
    "jax": jax,
    "torch": torch,
    "torch.compile": lambda x: torch(x, compiled=True),
    "autograd": autograd,
    "numpy": lambda x: lambda: valley(np, x),
}

CONTEST = Contest(
    title="Rosenbrock's function of 100 numbers: gradient and Hessian",
    variants={"float64": (np.linspace(-1.0, 1.0, 100),)},
    sides=SIDES,
    must=1.0,
    target=0.6,
    gradient=False,
)
