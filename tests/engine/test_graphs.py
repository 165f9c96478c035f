"""Random straight-line programs: every way to run or differentiate one gives the same numbers."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import geartrain as gt
from geartrain.backends.numpy import compile
from geartrain.ir.interpret import interpret
from geartrain.recording import record

OPS: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a - 0.5 * b,
    lambda a, b: a / (2.0 + b * b),
    lambda a, b: np.tanh(a),
    lambda a, b: np.sin(a) * b,
    lambda a, b: np.exp(-a * a),
    lambda a, b: np.logaddexp(a, b),
    lambda a, b: np.sum(a, axis=0) + b,
    lambda a, b: np.mean(a) * b,
    lambda a, b: np.cumsum(a, axis=-1),
    lambda a, b: np.concatenate((a[:1], b[1:])),
    lambda a, b: np.stack((a, b))[1],
    lambda a, b: a.T @ b,
    lambda a, b: np.einsum("ij,kj->ik", a, b),
    lambda a, b: np.where(a > b, a, b * b),
    lambda a, b: np.maximum(a, b),
    lambda a, b: a[::-1, [2, 0, 1]],
    lambda a, b: np.roll(a, 1, axis=0),
    lambda a, b: np.linalg.solve(np.eye(3) * 4 + np.tanh(a), b),
    lambda a, b: np.sqrt(1.0 + a * a),
    lambda a, b: a.reshape(9)[::2].sum() + b,
    lambda a, b: np.var(a, axis=1)[:, None] * b,
    lambda a, b: np.take_along_axis(a, np.argsort(b, axis=0), axis=0),
    lambda a, b: np.triu(a) + np.tril(b),
    lambda a, b: gt.checkpoint(lambda u: np.tanh(u) * b)(a),
]
"""Each takes and gives a matrix of three by three."""


class Step(NamedTuple):
    """``op`` on values ``a`` and ``b``, all counted round."""

    op: int
    a: int
    b: int


programs = st.lists(st.builds(Step, *[st.integers(0, 200)] * 3), min_size=1, max_size=8)
X = np.random.default_rng(7).normal(size=(3, 3))


def running(program: list[Step]) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        values = [x, x * 0.5 + 0.1]
        for step in program:
            a, b = values[-1 - step.a % 3 % len(values)], values[step.b % len(values)]
            values.append(np.tanh(OPS[step.op % len(OPS)](a, b)))
        return values[-1]

    return f


def close(got: Any, want: Any, tol: float = 1e-10) -> None:
    np.testing.assert_allclose(got, want, rtol=tol, atol=tol)


@given(programs)
def test_graph_plan_and_jit_are_the_run(program: list[Step]) -> None:
    f = running(program)
    graph, _ = record(f, X)
    want = f(X)
    close(interpret(graph, [X])[0], want)
    close(compile(graph)([X])[0], want)
    compiled = gt.jit(f)
    for x in (X, X + 0.5, X):
        close(compiled(x), f(x))


@given(programs)
def test_both_directions_and_differences_agree(program: list[Step]) -> None:
    f = running(program)
    rng = np.random.default_rng(1)
    x_dot, y_bar = rng.normal(size=(2, 3, 3))
    y, y_dot = gt.jvp(f, (X,), (x_dot,))
    close(y, f(X))
    close(np.sum(gt.vjp(f, X)[1](y_bar)[0] * x_dot), np.sum(y_bar * y_dot))
    h = 1e-5
    slope = (f(X + h * x_dot) - f(X - h * x_dot)) / (2 * h)
    close(y_dot, slope, 1e-5)
    compiled = gt.jit(lambda x: gt.vjp(f, x)[1](y_bar)[0])
    close(compiled(X), gt.vjp(f, X)[1](y_bar)[0])
    close(compiled(X), gt.vjp(f, X)[1](y_bar)[0])


@given(programs)
def test_a_batch_is_a_loop(program: list[Step]) -> None:
    f = running(program)
    xs = np.stack([X, X.T, -X])
    close(gt.vmap(f)(xs), np.stack([f(x) for x in xs]))
    g = gt.grad(lambda x: np.sum(f(x) ** 2))
    close(gt.vmap(g)(xs), np.stack([g(x) for x in xs]))


@given(programs)
def test_second_derivatives_are_symmetric(program: list[Step]) -> None:
    f = running(program)
    u, v = np.random.default_rng(2).normal(size=(2, 3, 3))

    def loss(x: Any) -> Any:
        return np.sum(f(x) ** 2)

    close(np.sum(u * gt.hvp(loss, X, v)), np.sum(v * gt.hvp(loss, X, u)), 1e-8)
    h = 1e-5
    g = gt.grad(loss)
    close(gt.hvp(loss, X, v), (g(X + h * v) - g(X - h * v)) / (2 * h), 1e-4)
