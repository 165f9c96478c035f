"""A call with a container: a dict of 20 small arrays goes in, one like it comes out."""

import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

import geartrain as gt
from benchmarks.contest import Contest, Side
from benchmarks.sides import jax_, torch_


def program(d: Any) -> Any:
    return sum(((3 * v + 1) ** 2).sum() for v in d.values())


def geartrain(d: Any) -> Callable[[], Any]:
    gradient = gt.jit(gt.grad(program))
    return lambda: gradient(d)


def jax(d: Any) -> Callable[[], Any]:
    package = jax_()
    gradient = package.jit(package.grad(program))
    given = package.tree.map(importlib.import_module("jax.numpy").asarray, d)
    return lambda: package.block_until_ready(gradient(given))


def torch(d: Any, compiled: bool = False) -> Callable[[], Any]:
    package = torch_()
    forward = package.compile(program) if compiled else program
    given = {name: package.as_tensor(v) for name, v in d.items()}

    def run() -> Any:
        leaves = {name: v.detach().requires_grad_() for name, v in given.items()}
        return dict(zip(leaves, package.autograd.grad(forward(leaves), list(leaves.values())), strict=True))

    return run


def autograd(d: Any) -> Callable[[], Any]:
    package = importlib.import_module("autograd")
    numpy = importlib.import_module("autograd.numpy")
    gradient = package.grad(lambda d: sum(numpy.sum((3 * v + 1) ** 2) for v in d.values()))
    return lambda: gradient(d)


SIDES: dict[str, Side] = {
    "geartrain": geartrain,
    "jax": jax,
    "torch": torch,
    "torch.compile": functools.partial(torch, compiled=True),
    "autograd": autograd,
}

CONTEST = Contest(
    title="a call of jit(grad) on a dict of 20 small arrays",
    variants={"20 arrays of 5": ({f"p{i:02}": np.linspace(0.0, 1.0, 5) + i for i in range(20)},)},
    sides=SIDES,
    must=0.2,
    target=0.06,
)
