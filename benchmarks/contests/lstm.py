"""An LSTM over 100 steps, unrolled by a Python loop for us; JAX unrolled the same way, and with ``lax.scan``."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

import geartrain as gt
from benchmarks.contest import Contest, First, Side
from benchmarks.sides import gradient_sides, jax_, torch_

STEPS, BATCH, HIDDEN, INPUTS = 100, 32, 64, 32


def cell(xp: Any, params: Any, h: Any, c: Any, x: Any) -> Any:
    w, u, b = params
    z = x @ w + h @ u + b
    n = HIDDEN
    i, f, o = (1 / (1 + xp.exp(-z[:, k * n : (k + 1) * n])) for k in range(3))
    c = f * c + i * xp.tanh(z[:, 3 * n :])
    return o * xp.tanh(c), c


def program(xp: Any, params: Any, xs: Any, h: Any, c: Any) -> Any:
    for t in range(STEPS):
        h, c = cell(xp, params, h, c, xs[t])
    return xp.mean(h * h)


def arguments() -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    shapes = [(INPUTS, 4 * HIDDEN), (HIDDEN, 4 * HIDDEN), (4 * HIDDEN,)]
    params = [(0.1 * rng.standard_normal(shape)).astype("f4") for shape in shapes]
    xs = rng.standard_normal((STEPS, BATCH, INPUTS)).astype("f4")
    return (params, xs, *[np.zeros((BATCH, HIDDEN), "f4")] * 2)


def scanned(*given: Any) -> Callable[[], Any]:
    """JAX with the loop that it asks for."""
    jax = jax_()
    numpy = importlib.import_module("jax.numpy")

    def loss(params: Any, xs: Any, h: Any, c: Any) -> Any:
        def body(carry: Any, x: Any) -> Any:
            h, c = carry
            return cell(numpy, params, h, c, x), None

        (h, _), _ = jax.lax.scan(body, (h, c), xs)
        return numpy.mean(h * h)

    both = jax.jit(jax.value_and_grad(loss))
    placed = jax.tree.map(numpy.asarray, given)
    return lambda: jax.block_until_ready(both(*placed))


def torch_lstm(params: Any, xs: Any, h: Any, c: Any) -> Callable[[], Any]:
    """PyTorch's own LSTM layer (its gates are in the order i, f, g, o, and it has two biases)."""
    torch = torch_()
    order = np.concatenate(
        [np.arange(2 * HIDDEN), np.arange(3 * HIDDEN, 4 * HIDDEN), np.arange(2 * HIDDEN, 3 * HIDDEN)]
    )
    back = np.argsort(order)
    layer = torch.nn.LSTM(INPUTS, HIDDEN)
    w, u, b = (torch.as_tensor(p[..., order].T.copy()) for p in params)
    layer.weight_ih_l0.data, layer.weight_hh_l0.data, layer.bias_ih_l0.data = w, u, b
    layer.bias_hh_l0.data = torch.zeros_like(b)
    wanted = [layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0]
    given = [torch.as_tensor(a) for a in (xs, h[None], c[None])]

    def run() -> Any:
        out, _ = layer(given[0], (given[1], given[2]))
        y = (out[-1] * out[-1]).mean()
        return y.detach(), [p.T[..., back] for p in torch.autograd.grad(y, wanted)]

    return run


def torch_compile(*given: Any) -> Callable[[], Any]:
    """PyTorch with a step compiled: it would unroll the loop for minutes."""
    torch = torch_()
    params, xs, h, c = gt.tree.map(torch.as_tensor, given)
    step = torch.compile(lambda params, h, c, x: cell(torch, params, h, c, x))

    def run() -> Any:
        leaves = [p.clone().requires_grad_() for p in params]
        a, b = h, c
        for x in xs:
            a, b = step(leaves, a, b, x)
        y = (a * a).mean()
        return y.detach(), torch.autograd.grad(y, leaves)

    return run


sides = gradient_sides(program)
SIDES: dict[str, Side] = {
    "geartrain": sides["geartrain"],
    "jax.scan": scanned,
    "jax.unrolled": sides["jax"],
    "torch": torch_lstm,
    "torch.compile": torch_compile,
    "autograd": sides["autograd"],
    "numpy": sides["numpy"],
}

CONTEST = Contest(
    title="LSTM, 100 steps, hidden 64, batch 32, float32: value and gradient",
    variants={"100 steps": arguments()},
    sides=SIDES,
    must=1.0,
    target=0.7,
    first=First(0.2, 0.05, over="jax.unrolled"),
    against="jax.scan",
    tolerance=1e-3,
)
