"""1,000 steps of Runge and Kutta's method for predators and prey, in a Python loop: the gradient in four rates."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.contest import Contest, First, Side
from benchmarks.sides import gradient_sides, jax_, torch_

STEPS, H = 1000, 0.01


def rate(p: Any, x: Any, y: Any) -> Any:
    return p[0] * x - p[1] * x * y, p[2] * x * y - p[3] * y


def one(p: Any, x: Any, y: Any) -> Any:
    """A step of the classic method of fourth order."""
    a, b = rate(p, x, y)
    c, d = rate(p, x + H / 2 * a, y + H / 2 * b)
    e, f = rate(p, x + H / 2 * c, y + H / 2 * d)
    g, h = rate(p, x + H * e, y + H * f)
    return x + H / 6 * (a + 2 * c + 2 * e + g), y + H / 6 * (b + 2 * d + 2 * f + h)


def program(_: Any, p: Any, x: Any, y: Any) -> Any:
    for _ in range(STEPS):
        x, y = one(p, x, y)
    return x + y


def scanned(*given: Any) -> Callable[[], Any]:
    """JAX with the loop that it asks for."""
    jax = jax_()
    numpy = importlib.import_module("jax.numpy")

    def last(p: Any, x: Any, y: Any) -> Any:
        (x, y), _ = jax.lax.scan(lambda carry, _: (one(p, *carry), None), (x, y), None, length=STEPS)
        return x + y

    both = jax.jit(jax.value_and_grad(last))
    placed = jax.tree.map(numpy.asarray, given)
    return lambda: jax.block_until_ready(both(*placed))


def torch_compile(*given: Any) -> Callable[[], Any]:
    """PyTorch with a step compiled: it would unroll the loop for minutes."""
    torch = torch_()
    p, x, y = (torch.as_tensor(a) for a in given)
    step = torch.compile(one)

    def run() -> Any:
        leaf, a, b = p.clone().requires_grad_(), x, y
        for _ in range(STEPS):
            a, b = step(leaf, a, b)
        return (a + b).detach(), torch.autograd.grad(a + b, leaf)

    return run


sides = gradient_sides(program)
SIDES: dict[str, Side] = {
    "geartrain": sides["geartrain"],
    "jax.scan": scanned,
    "jax.unrolled": sides["jax"],
    "torch": sides["torch"],
    "torch.compile": torch_compile,
    "autograd": sides["autograd"],
    "numpy": sides["numpy"],
}

CONTEST = Contest(
    title="Lotka-Volterra, 1,000 steps of RK4: value and gradient in four rates",
    variants={"1,000 steps": (np.array([1.1, 0.4, 0.1, 0.4]), np.float64(10.0), np.float64(5.0))},
    sides=SIDES,
    must=1.0,
    target=0.7,
    first=First(0.1, 0.05, over="jax.unrolled"),
)
