"""Values that nobody can reach are let go while ``jit`` records, and no others."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.trace import apply, letgo
from geartrain.trace.tracer import Tracer


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at every node, and think nothing too small."""
    for name in ("ENOUGH", "GROWN", "SMALL"):
        monkeypatch.setattr(letgo, name, 0)
    monkeypatch.setattr(letgo, "OFTEN", 1)
    monkeypatch.setattr(apply, "SMALL", 0)
    monkeypatch.setattr(apply, "LONG", 0)


def values(f: Callable[..., Any], *args: Any) -> list[bool]:
    """Whether each node of the recorded run of ``f`` still had its value at the end."""
    found: list[bool] = []

    def watched(*xs: Any) -> Any:
        y = f(*xs)
        trace = next(x for x in xs if type(x) is Tracer).home
        assert trace.letting_go is not None
        trace.letting_go.look()
        found.extend([type(node.value) is not letgo.Gone for node in trace.tape if node.inputs])
        return y

    gt.jit(watched)(*args)
    return found


def test_what_was_on_the_way_goes_and_what_a_variable_holds_stays() -> None:
    def f(x: Any) -> Any:
        kept = np.exp(x)
        y = np.sin(kept)
        for _ in range(20):
            y = np.cos(np.abs(y))
        assert "2.718" in str(kept)
        return y + kept

    assert values(f, np.ones(3)) == [*[False] * 42, True]


def test_a_training_step_keeps_no_more_than_it_needs() -> None:
    """Behind the sweep back, what the forward pass made is gone, too."""

    def loss(w: Any, x: Any) -> Any:
        for _ in range(10):
            x = np.tanh(x @ w)
        return np.sum(x)

    def step(w: Any, x: Any) -> Any:
        return w - 0.1 * gt.grad(loss)(w, x)

    there = values(step, np.eye(3), np.ones((2, 3)))
    assert len(there) > 60
    assert sum(there) == 2  # the loss, which is a number, and the result


def higher(x: Any) -> Any:
    return gt.grad(lambda y: np.sum(gt.grad(lambda z: np.sum(np.sin(z) * z))(y) ** 3))(x)


def assigned(x: Any) -> Any:
    def f(x: Any) -> Any:
        b = np.zeros((4, 3))
        for i in range(4):
            b[i] = x * (i + b[i - 1])
        b[1:] += b[:-1] * 2
        return np.sum(np.tanh(b)) + b[2, 1]

    return gt.grad(f)(x), gt.jacobian(lambda y: y[::-1] * gt.grad(f)(y))(x)


def several(x: Any) -> Any:
    y, pull = gt.vjp(lambda x: np.exp(x) * x[0], x)
    mapped = gt.vmap(lambda a: gt.grad(lambda b: np.sin(b) * a + b * y[0])(a))(x)
    again = gt.checkpoint(lambda x: np.cumsum(np.cos(x) * y))(x)
    return pull(y)[0], pull(again)[0], mapped, gt.hvp(lambda x: np.sum(x**3 * again), x, mapped)


def decided(x: Any) -> Any:
    big = np.exp(x)
    y = big
    while np.sum(y) > 1:
        y = y * 0.5
    return y[y > 0.05], gt.value_and_grad(lambda x: np.max(x) * np.sum(big))(x)


@pytest.mark.parametrize("f", [higher, assigned, several, decided])
def test_nothing_that_is_needed_goes(f: Callable[[Any], Any]) -> None:
    x = np.array([0.3, -0.2, 0.7])
    compiled = gt.jit(f)
    for got in (compiled(x), compiled(x)):
        for a, b in zip(gt.tree.leaves(got), gt.tree.leaves(f(x)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_one_sweep_takes_its_run_along() -> None:
    """Without ``jit``, too: ``grad`` frees what is behind it while it goes back."""
    made: list[Any] = []
    alive: list[int] = []

    def pull(y_bar: Any, y: Any, xs: Any) -> Any:
        gc.collect()
        alive.append(sum(ref() is not None for ref in made))
        return (y_bar,)

    @gt.custom_rule(pull=pull)
    def look(x: Any) -> Any:
        return x * 1.0

    def f(x: Any) -> Any:
        y = look(x)
        for _ in range(5):
            y = np.exp(-y)
            made.append(weakref.ref(y.home.tape[-1].value))
        return np.sum(y)

    assert gt.grad(f)(np.ones(3)).shape == (3,)
    assert alive == [0]
