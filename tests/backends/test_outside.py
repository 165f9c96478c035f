"""Products of a loop that are done outside of it, all repetitions at once."""

from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.backends import llvm
from geartrain.backends.compile import compile
from geartrain.ir.graph import Graph
from geartrain.ir.interpret import interpret
from geartrain.passes.loops import LOOP
from geartrain.passes.pipeline import optimised
from geartrain.recording import record

rng = np.random.default_rng(0)
STEPS = 12


def recurrent(w: Any, u: Any, b: Any, h: Any, xs: Any) -> Any:
    for t in range(STEPS):
        h = np.tanh(xs[t] @ w + h @ u + b)
    return np.sum(h * h)


def arguments(dtype: str = "f8") -> list[Any]:
    shapes = ((5, 7), (7, 7), (7,), (4, 7), (STEPS, 4, 5))
    return [0.3 * rng.normal(size=shape).astype(dtype) for shape in shapes]


def products(graph: Graph) -> list[tuple[int, ...]]:
    """The shapes of products inside of loops."""
    return [
        inside.aval.shape
        for node in graph.nodes
        if node.op is LOOP
        for inside in node.params[0].body.nodes
        if inside.op.name == "matmul"
    ]


def test_one_product_is_left_in_each_direction() -> None:
    """``h @ u`` forward, and its transpose backward; those of ``x``, and the cotangents of weights, are outside."""
    graph, _ = record(gt.value_and_grad(recurrent, argnums=(0, 1, 2)), *arguments())
    assert products(optimised(graph)) == [(4, 7), (4, 7)]


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_values(dtype: str) -> None:
    args = arguments(dtype)
    graph, _ = record(gt.value_and_grad(recurrent, argnums=(0, 1, 2, 3, 4)), *args)
    tolerance = {"f8": 1e-12, "f4": 1e-4}[dtype]
    wanted = interpret(graph, args)
    for run in (lambda args: interpret(optimised(graph), args), *([compile(graph)] if llvm.installed() else [])):
        for got, want in zip(run(args), wanted, strict=True):
            np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def test_a_total_that_is_read_in_the_loop_stays() -> None:
    def read(xs: Any, ys: Any) -> Any:
        total, seen = np.zeros((3, 3)), 0.0
        for t in range(STEPS):
            total = total + xs[t].T @ ys[t]
            seen = seen + np.sum(np.tanh(total) * np.exp(-total * total) + np.sin(total))
        return total, seen

    args = [rng.normal(size=(STEPS, 4, 3)), rng.normal(size=(STEPS, 4, 3))]
    graph, _ = record(read, *args)
    assert products(optimised(graph)) == [(3, 3)]
    for got, want in zip(interpret(optimised(graph), args), read(*args), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_no_more_memory_than_the_loop_has_already() -> None:
    """Nothing is kept of a wide layer that is only run forward."""

    def forward(w: Any, h: Any, xs: Any) -> Any:
        for t in range(STEPS):
            h = np.cos(np.exp(-h * h) + np.sin(h) / (1 + h * h) + xs[t] @ w)
        return h

    args = [rng.normal(size=(2, 400)), rng.normal(size=(3, 400)), rng.normal(size=(STEPS, 3, 2))]
    graph, _ = record(forward, *args)
    made = optimised(graph)
    assert products(made) == [(3, 400)]
    np.testing.assert_allclose(interpret(made, args)[0], forward(*args), rtol=1e-12)
