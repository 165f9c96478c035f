"""The cost of k-means (10,000 points in 10 dimensions, 20 centres), its gradient and the diagonal of its Hessian."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

import geartrain as gt
from benchmarks.contest import Contest, Side
from benchmarks.sides import jax_, torch_

POINTS, SIZE, CENTRES = 10_000, 10, 20


def cost(xp: Any, centres: Any, x: Any) -> Any:
    far = xp.sum(x * x, axis=1)[:, None] - 2 * x @ centres.T + xp.sum(centres * centres, axis=1)[None, :]
    return xp.sum(far.min(1)) if xp is not None and xp.__name__ != "torch" else far.amin(1).sum()


def geartrain(centres: Any, x: Any) -> Callable[[], Any]:
    """The Hessian is diagonal: its product with ones is its diagonal."""

    def all_three(c: Any) -> Any:
        gradient = gt.grad(lambda c: cost(np, c, x))
        return gt.jvp(gradient, (c,), (np.ones_like(c),))

    run = gt.jit(all_three)
    return lambda: run(centres)


def jax(centres: Any, x: Any) -> Callable[[], Any]:
    package = jax_()
    numpy = importlib.import_module("jax.numpy")
    x = numpy.asarray(x)

    def all_three(c: Any) -> Any:
        return package.jvp(package.grad(lambda c: cost(numpy, c, x)), (c,), (numpy.ones_like(c),))

    run, c = package.jit(all_three), numpy.asarray(centres)
    return lambda: package.block_until_ready(run(c))


def torch(centres: Any, x: Any) -> Callable[[], Any]:
    package = torch_()
    c, x = package.as_tensor(centres), package.as_tensor(x)

    def run() -> Any:
        leaf = c.clone().requires_grad_()
        (gradient,) = package.autograd.grad(cost(package, leaf, x), leaf, create_graph=True)
        return gradient.detach(), package.autograd.grad(gradient.sum(), leaf)[0]

    return run


def torch_compile(centres: Any, x: Any) -> Callable[[], Any]:
    package = torch_()
    c, x = package.as_tensor(centres), package.as_tensor(x)
    gradient = package.func.grad(lambda c: cost(package, c, x))
    run = package.compile(lambda c: package.func.jvp(gradient, (c,), (package.ones_like(c),)))
    return lambda: run(c)


def autograd(centres: Any, x: Any) -> Callable[[], Any]:
    package = importlib.import_module("autograd")
    numpy = importlib.import_module("autograd.numpy")
    gradient = package.grad(lambda c: cost(numpy, c, x))
    diagonal = package.grad(lambda c: numpy.sum(gradient(c)))
    return lambda: (gradient(centres), diagonal(centres))


SIDES: dict[str, Side] = {
    "geartrain": geartrain,
    "jax": jax,
    "torch": torch,
    "torch.compile": torch_compile,
    "autograd": autograd,
    "numpy": lambda centres, x: lambda: cost(np, centres, x),
}
rng = np.random.default_rng(0)

CONTEST = Contest(
    title="k-means (10,000 points, 20 centres): gradient and diagonal of the Hessian",
    variants={"float64": (rng.standard_normal((CENTRES, SIZE)), rng.standard_normal((POINTS, SIZE)))},
    sides=SIDES,
    must=1.0,
    target=0.6,
    gradient=False,
)
