"""How much work and memory a derivative takes: counted, never timed."""

import gc
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.recording import record
from geartrain.run import Run
from geartrain.trace import level


def doubled(x: Any, steps: int) -> Any:
    for _ in range(steps):
        x = x + x
    return x


def applied(f: Callable[..., Any], *args: Any) -> int:
    """How many operations ``f`` applies, counted on the graph of its run."""
    graph, _ = record(f, *args)
    return sum(bool(node.inputs) for node in graph.nodes)


@pytest.mark.parametrize("steps", [5, 20, 40])
def test_each_shared_factor_is_computed_once(steps: int) -> None:
    """2**steps paths, 2 * steps edges: a sum over edges, in each direction."""
    x = np.float64(3.0)
    assert applied(lambda x: doubled(x, steps), x) == steps
    assert applied(lambda s: gt.vjp(lambda x: doubled(x, steps), x)[1](s)[0], 1.0) <= 2 * steps
    assert applied(lambda s: gt.jvp(lambda x: doubled(x, steps), (x,), (s,))[1], 1.0) <= 2 * steps
    assert gt.grad(lambda x: doubled(x, steps))(3.0) == 2.0**steps


def test_a_gradient_costs_a_few_evaluations() -> None:
    def f(x: Any) -> Any:
        for _ in range(50):
            x = np.sin(x) * x + np.exp(-x)
        return x

    forward = applied(f, 0.3)
    assert applied(gt.grad(f), 0.3) <= 6 * forward
    assert applied(lambda x: gt.hvp(f, x, 1.0), 0.3) <= 30 * forward


CHAIN = 100_000


def chain(x: Any, n: int = CHAIN) -> Any:
    for _ in range(n):
        x = x * 1.00001
    return x


def test_a_chain_of_100000_nodes_needs_no_recursion() -> None:
    want = 1.00001**CHAIN
    assert gt.grad(chain)(1.0) == pytest.approx(want)
    assert gt.jvp(chain, (1.0,), (1.0,))[1] == pytest.approx(want)
    assert gt.vmap(chain)(np.ones(2)) == pytest.approx(np.full(2, want))


@pytest.mark.parametrize(
    "transform", [lambda: gt.jit(chain), lambda: gt.jit(gt.grad(chain)), lambda: gt.grad(gt.checkpoint(chain))]
)
def test_a_chain_through_graphs(transform: Callable[[], Any]) -> None:
    f = transform()
    assert f(1.0) == pytest.approx(1.00001**CHAIN)


def test_a_chain_twice() -> None:
    def squares(x: Any) -> Any:
        y = chain(x, 30_000)
        return y * y

    assert gt.hvp(squares, 1.0, 1.0) == pytest.approx(2 * 1.00001**60_000)


def peak(f: Callable[..., Any], *args: Any) -> int:
    """The most memory that ``f`` held, in bytes."""
    f(*args)
    tracemalloc.start()
    try:
        f(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def linear(cost: Callable[[int], int], small: int, factor: int = 4) -> bool:
    """Whether ``cost`` grows in proportion, with a fifth to spare."""
    return cost(small * factor) <= 1.2 * factor * cost(small)


def filled(n: int) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        b = np.zeros(n)
        for i in range(n):
            b[i] = x[i] * x[i]
        return b

    return f


def summed(n: int) -> Callable[[Any], Any]:
    return lambda x: np.sum(filled(n)(x))


def recurrence(n: int) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        b = np.zeros(n)
        b[0] = x[0]
        for i in range(1, n):
            b[i] = b[i - 1] * 0.5 + x[i]
        return b[n - 1]

    return f


GROWING: dict[str, Callable[[int], Any]] = {
    "a chain": lambda n: peak(gt.grad(lambda x: chain(x, n)), 1.0),
    "an array filled element by element": lambda n: peak(gt.grad(summed(n)), np.ones(n)),
    "a recurrence": lambda n: peak(gt.grad(recurrence(n)), np.ones(n)),
    "forward": lambda n: peak(lambda x: gt.jvp(recurrence(n), (x,), (x,)), np.ones(n)),
}


@pytest.mark.parametrize("name", GROWING)
def test_memory_grows_linearly(name: str) -> None:
    assert linear(GROWING[name], 1000)


def views_and_versions(x: Any) -> Any:
    """Whatever was read before a write keeps its tangent: parts, sums, whole arrays, what an operation hands on."""
    b = np.zeros(4)
    b[:3] = x
    tail, same, old = b[1:], +b, b.copy()
    kept = [tail * 1.0, b.reshape(2, 2).copy(), b[::2] + 0.0, np.sum(b)]
    b[0] = x[1] * x[2]
    tail[0] *= x[0]
    b += old[::-1]
    np.add.at(b, [0, 0, 3], x)
    b[b > 100] = 0.0
    b[2] = 7.0
    return kept, same * 2, old, b, b[1:] * x


def test_a_push_through_assignments_leaves_what_was_read_before() -> None:
    x, x_dot = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.0, 2.0])
    y, y_dot = gt.jvp(views_and_versions, (x,), (x_dot,))
    h = 1e-6
    high, low = (gt.tree.leaves(views_and_versions(x + t * x_dot)) for t in (h, -h))
    for got, a, b in zip(gt.tree.leaves(y_dot), high, low, strict=True):
        np.testing.assert_allclose(got, (a - b) / (2 * h), rtol=1e-7, atol=1e-8)
    y_bar = gt.tree.map(lambda v: np.cos(np.arange(np.size(v))).reshape(np.shape(v)), y)
    there = gt.vjp(views_and_versions, x)[1](y_bar)[0] @ x_dot
    here = sum(np.sum(a * b) for a, b in zip(gt.tree.leaves(y_bar), gt.tree.leaves(y_dot), strict=True))
    assert here == pytest.approx(there)
    second = gt.jvp(lambda x: gt.jvp(views_and_versions, (x,), (x_dot,))[1], (x,), (x_dot,))[1]
    slopes = [gt.jvp(views_and_versions, (x + t * x_dot,), (x_dot,))[1] for t in (h, -h)]
    for got, a, b in zip(*map(gt.tree.leaves, (second, *slopes)), strict=True):
        np.testing.assert_allclose(got, (a - b) / (2 * h), rtol=1e-6, atol=1e-7)


RUNS: dict[str, Callable[[], Any]] = {
    "grad": lambda: gt.grad(np.sum)(np.ones(3)),
    "checkpoint": lambda: gt.grad(gt.checkpoint(np.sum))(np.ones(3)),
    "hessian": lambda: gt.hessian(lambda x: np.sum(x**3))(np.ones(2)),
    "vmap of grad": lambda: gt.vmap(gt.grad(np.square))(np.ones(3)),
    "jit": lambda: gt.jit(gt.grad(np.sum))(np.ones(3)),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_let_go_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No circle of references holds a tape until the garbage collector comes by."""
    seen: list[weakref.ref[Any]] = []

    class Watched(level.Trace):
        __slots__ = ("__weakref__",)

        def __init__(self) -> None:
            super().__init__()
            seen.append(weakref.ref(self))

    monkeypatch.setattr(level, "Trace", Watched)
    gc.collect()
    gc.disable()
    try:
        RUNS[name]()
        assert seen
        assert [trace() for trace in seen] == [None] * len(seen)
    finally:
        gc.enable()


def bytes_made(f: Callable[..., Any], *args: Any) -> int:
    """The bytes of all arrays that NumPy was asked to make or copy while ``f`` ran, whole or in part."""
    made = 0

    def count(name: str) -> Callable[..., Any]:
        original = getattr(np, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal made
            result = original(*args, **kwargs)
            made += getattr(result, "nbytes", 0)
            return result

        return counted

    names = ("zeros", "array", "zeros_like", "copy", "where")
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setattr(np, name, count(name))
        f(*args)
    return made


@pytest.mark.parametrize("program", [summed, recurrence])
def test_a_pull_through_assignments_does_not_copy_the_array_each_time(program: Callable[[int], Any]) -> None:
    """N writes of one element into an array of n: n copies of it would be n * n."""

    def cost(n: int) -> int:
        _, pull = gt.vjp(program(n), np.ones(n))
        return bytes_made(pull, 1.0)

    assert linear(cost, 100)


@pytest.mark.parametrize("program", [summed, recurrence, filled])
def test_neither_does_a_push(program: Callable[[int], Any]) -> None:
    def cost(n: int) -> int:
        run = Run("jvp", program(n), (np.ones(n),))
        inputs, outputs = [node for node in run.nodes if node], [run.constant_or_node(run.out)]
        return bytes_made(lambda: run.push({inputs[0]: np.ones(n)}, outputs))

    assert linear(cost, 100)


def test_a_compiled_program_writes_in_place() -> None:
    """The updates of a dead array need no copy: the plan has one buffer of n elements, not n."""

    def cost(n: int) -> int:
        f = gt.jit(filled(n))
        f(np.ones(n))
        return peak(f, np.ones(n))

    assert linear(cost, 200)


def test_checkpoint_keeps_less() -> None:
    def block(x: Any) -> Any:
        for _ in range(40):
            x = np.sin(x) + 0.1
        return x

    def deep(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def total(x: Any) -> Any:
            for _ in range(10):
                x = f(x)
            return np.sum(x)

        return total

    x = np.linspace(0.0, 1.0, 10_000)
    np.testing.assert_allclose(gt.grad(deep(gt.checkpoint(block)))(x), gt.grad(deep(block))(x))
    assert peak(gt.grad(deep(gt.checkpoint(block))), x) < 0.4 * peak(gt.grad(deep(block)), x)
