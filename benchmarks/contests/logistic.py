"""The product of the Hessian of a logistic regression (10,000 samples, 100 features) with a vector."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

import geartrain as gt
from benchmarks.contest import Contest, Side
from benchmarks.sides import jax_, torch_


def loss(xp: Any, w: Any, x: Any, y: Any) -> Any:
    z = (x @ w) * y
    return xp.mean(xp.log(1 + xp.exp(-z)))


def geartrain(w: Any, v: Any, x: Any, y: Any) -> Callable[[], Any]:
    run = gt.jit(lambda w, v: gt.jvp(gt.grad(lambda w: loss(np, w, x, y)), (w,), (v,))[1])
    return lambda: run(w, v)


def jax(w: Any, v: Any, x: Any, y: Any) -> Callable[[], Any]:
    package = jax_()
    numpy = importlib.import_module("jax.numpy")
    w, v, x, y = (numpy.asarray(a) for a in (w, v, x, y))
    run = package.jit(lambda w, v: package.jvp(package.grad(lambda w: loss(numpy, w, x, y)), (w,), (v,))[1])
    return lambda: package.block_until_ready(run(w, v))


def torch(w: Any, v: Any, x: Any, y: Any) -> Callable[[], Any]:
    package = torch_()
    w, v, x, y = (package.as_tensor(a) for a in (w, v, x, y))

    def run() -> Any:
        leaf = w.clone().requires_grad_()
        (gradient,) = package.autograd.grad(loss(package, leaf, x, y), leaf, create_graph=True)
        return package.autograd.grad(gradient @ v, leaf)[0]

    return run


def torch_compile(w: Any, v: Any, x: Any, y: Any) -> Callable[[], Any]:
    package = torch_()
    w, v, x, y = (package.as_tensor(a) for a in (w, v, x, y))
    gradient = package.func.grad(lambda w: loss(package, w, x, y))
    run = package.compile(lambda w, v: package.func.jvp(gradient, (w,), (v,))[1])
    return lambda: run(w, v)


def autograd(w: Any, v: Any, x: Any, y: Any) -> Callable[[], Any]:
    package = importlib.import_module("autograd")
    numpy = importlib.import_module("autograd.numpy")
    product = package.hessian_vector_product(lambda w: loss(numpy, w, x, y))
    return lambda: product(w, v)


SIDES: dict[str, Side] = {
    "geartrain": geartrain,
    "jax": jax,
    "torch": torch,
    "torch.compile": torch_compile,
    "autograd": autograd,
    "numpy": lambda w, v, x, y: lambda: loss(np, w, x, y),
}
rng = np.random.default_rng(0)

CONTEST = Contest(
    title="Hessian of a logistic regression (10,000 x 100) times a vector",
    variants={
        "float64": (
            rng.standard_normal(100) / 10,
            rng.standard_normal(100),
            rng.standard_normal((10_000, 100)),
            np.sign(rng.standard_normal(10_000)),
        )
    },
    sides=SIDES,
    must=1.0,
    target=0.6,
    gradient=False,
)
