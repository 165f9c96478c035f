"""A call: how long it takes to get into a compiled gradient and out again, with one multiplication in between."""

import functools
import importlib
from collections.abc import Callable
from typing import Any

import geartrain as gt
from benchmarks.contest import Contest, Side
from benchmarks.sides import jax_, torch_


def program(x: Any) -> Any:
    return (3 * x + 1) ** 2


def geartrain(x: float) -> Callable[[], Any]:
    gradient = gt.jit(gt.grad(program))
    return lambda: gradient(x)


def jax(x: float) -> Callable[[], Any]:
    package = jax_()
    gradient = package.jit(package.grad(program))
    return lambda: package.block_until_ready(gradient(x))


def torch(x: float, compiled: bool = False) -> Callable[[], Any]:
    package = torch_()
    forward = package.compile(program) if compiled else program

    def run() -> Any:
        leaf = package.tensor(x, dtype=package.float64, requires_grad=True)
        (bar,) = package.autograd.grad(forward(leaf), leaf)
        return bar

    return run


def autograd(x: float) -> Callable[[], Any]:
    gradient = importlib.import_module("autograd").grad(program)
    return lambda: gradient(x)


SIDES: dict[str, Side] = {
    "geartrain": geartrain,
    "jax": jax,
    "torch": torch,
    "torch.compile": functools.partial(torch, compiled=True),
    "autograd": autograd,
}

CONTEST = Contest(
    title="a call of jit(grad) of (3x + 1)^2 on a float",
    variants={"one float": (1.5,)},
    sides=SIDES,
    must=0.1,
    target=0.02,
)
