"""A memory budget: values computed again instead of kept give the same results, in less memory, or it is said."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.backends import llvm, numpy
from geartrain.backends.compile import compile
from geartrain.backends.cpu.executor import Executor
from geartrain.errors import GeartrainWarning
from geartrain.recording import record
from tests.backends.programs_that_write import grid, leapfrog

pytestmark = pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed")


def network(params: Any, x: Any) -> Any:
    for w, b in params:
        x = np.tanh(x @ w + b)
    return np.mean(x * x)


def rectified(params: Any, x: Any) -> Any:
    for w, b in params:
        x = np.maximum(x @ w + b, 0)
    return np.mean(x * x)


def layers(n: int, d: int) -> Any:
    rng = np.random.default_rng(0)
    return [(rng.standard_normal((d, d)) * 0.2, np.zeros(d)) for _ in range(n)]


def chain(x: Any) -> Any:
    a = np.exp(-x)
    b = np.sin(a) * x
    c = np.tanh(b) + a
    d = c / np.sum(c)
    return np.sum(np.exp(d * b) * a)


CASES: list[tuple[str, Callable[..., Any], tuple[Any, ...], float]] = [
    ("a network", network, (layers(8, 16), np.linspace(-1, 1, 1600).reshape(100, 16)), 0.65),
    ("by products", rectified, (layers(16, 16), np.linspace(-1, 1, 6400).reshape(400, 16)), 0.5),
    ("a chain", chain, (np.linspace(-1, 1, 5000),), 0.75),
]


@pytest.mark.parametrize(("f", "args", "share"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_it_takes_less_memory_and_gives_the_same(f: Any, args: tuple[Any, ...], share: float) -> None:
    both = gt.value_and_grad(f)
    plain = gt.jit(both)
    plain(*args)
    want = plain(*args)
    memory = int(plain.report().arena * share)
    small = gt.jit(both, memory=memory)
    small(*args)
    assert small.report().arena <= memory
    for _ in range(2):
        for a, b in zip(gt.tree.leaves(small(*args)), gt.tree.leaves(want), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def test_where_it_is_not_enough_a_warning_says_so() -> None:
    small = gt.jit(gt.value_and_grad(network), memory=1000)
    with pytest.warns(GeartrainWarning, match=r"intermediate values take \d+ bytes .* not 1000") as caught:
        small(*CASES[0][2])
    assert caught[0].filename == __file__


@pytest.mark.parametrize("f", [grid, leapfrog])
def test_programs_with_loops_have_a_budget_too(f: Any) -> None:
    both, x = gt.value_and_grad(lambda x: f(x, 20)), np.array([0.1, 0.2, 0.3]) if f is grid else 0.7
    small = gt.jit(both, memory=64)
    with pytest.warns(GeartrainWarning, match=r"intermediate values take \d+ bytes .* not 64"):
        small(x)
    for a, b in zip(small(x), both(x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def test_a_budget_that_is_met_changes_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        roomy = gt.jit(gt.value_and_grad(chain), memory=1 << 30)
        roomy(CASES[2][2][0])
    plain = gt.jit(gt.value_and_grad(chain))
    plain(CASES[2][2][0])
    assert roomy.lower().plan == plain.lower().plan


def program(rng: np.random.Generator, x: Any, w: Any) -> Any:
    """A random program on (6, 6) arrays, whose values are used again much later."""
    values = [x, w, x * 0.5]
    for _ in range(14):
        a, b = (values[i] for i in rng.integers(0, len(values), 2))
        how = rng.integers(0, 9)
        if how == 0:
            made = np.tanh(a @ b * 0.2)
        elif how == 1:
            made = a * b + 1
        elif how == 2:
            made = np.exp(-np.abs(a)) - b
        elif how == 3:
            made = a - a.mean(axis=1, keepdims=True)
        elif how == 4:
            made = a.T * b
        elif how == 5:
            made = np.concatenate([a[2:], b[:2]])
        elif how == 6:
            made = np.zeros((6, 6))
            made[1:4] = a[:3]
            made[0] += b[5]
        elif how == 7:
            made = np.where(a > b, a, b * b)
        else:
            made = a[::-1] + b.sum(axis=0)
        values.append(made)
    return sum(np.sum(np.sin(v)) for v in values[-3:])


@pytest.mark.parametrize("seed", range(24))
def test_random_programs_mean_the_same_at_any_budget(seed: int) -> None:
    x, w = np.random.default_rng(seed).standard_normal((2, 6, 6))
    graph, _ = record(gt.value_and_grad(lambda x, w: program(np.random.default_rng(seed), x, w), argnums=(0, 1)), x, w)
    want = numpy.compile(graph)([x, w])
    first = compile(graph)
    assert isinstance(first, Executor)
    for share in (0.6, 0.0):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GeartrainWarning)
            lighter = compile(graph, int(first.finished.arena * share))
        assert isinstance(lighter, Executor)
        assert lighter.finished.arena <= first.finished.arena
        for a, b in zip(lighter([x, w]), want, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
