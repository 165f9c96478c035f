"""The sweep back that ``jit`` records from node to node: the same derivatives as run by run, and values when asked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import geartrain as gt
from geartrain import nodewise
from geartrain.trace import apply, letgo
from geartrain.trace.late import Waiting
from tests.engine import test_graphs
from tests.engine.aliasing import Step, execute

X = np.array([0.3, -0.7, 1.1])

steps = st.lists(st.builds(Step, *[st.integers(0, 200)] * 6), min_size=1, max_size=8)


def loss_of(program: list[Step], times: int = 1) -> Callable[[Any], Any]:
    """A number that depends on all that a program of views and assignments makes, ``times`` over."""

    def loss(x: Any) -> Any:
        total = 0.0
        for k in range(times):
            for v in execute(program, x):
                total = total + np.sum(np.tanh(np.real(v) + 0.5 * np.imag(v)) * (k + 1.5))
            x = np.sin(x) * 0.9
        return total

    return loss


def close(got: Any, want: Any) -> None:
    np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-13)


@contextmanager
def forgetful(yes: bool) -> Iterator[None]:
    """Let go of each value at once, also of what a sweep may want."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in [
            *[(letgo, name, 0) for name in ("ENOUGH", "GROWN", "SMALL")],
            *[(letgo, "OFTEN", 1), (apply, "SMALL", 0), (apply, "LONG", 0)],
        ]:
            if yes:
                patch.setattr(module, name, value)
        yield


def check(loss: Callable[[Any], Any], x: Any, asked: bool, gone: bool) -> None:
    """A gradient under ``jit``, where its values are asked for while it is recorded, or are not."""
    seen: list[str] = []

    def step(x: Any) -> Any:
        x_bar = gt.grad(loss)(x)
        if asked:
            seen.append(str(x_bar))
        return x_bar, gt.vjp(loss, x * 0.5)[1](2.0)[0]

    def want(x: Any) -> Any:
        return gt.grad(loss)(x), 2.0 * gt.grad(loss)(x * 0.5)

    f = gt.jit(step)
    with forgetful(gone):
        close(f(x), want(x))
    assert not asked or seen == [str(want(x)[0])]
    close(f(x + 0.01), want(x + 0.01))


@settings(max_examples=12)
@given(steps, st.booleans(), st.booleans())
def test_gradients_through_views_and_assignments(program: list[Step], asked: bool, gone: bool) -> None:
    check(loss_of(program, 3), X, asked, gone)


@settings(max_examples=12)
@given(test_graphs.programs, st.booleans(), st.booleans())
def test_gradients_of_straight_lines(program: list[test_graphs.Step], asked: bool, gone: bool) -> None:
    run = test_graphs.running(program)
    check(lambda x: np.sum(run(run(run(x)))), test_graphs.X, asked, gone)


def learned(f: Callable[..., Any], *args: Any) -> Waiting:
    """What the sweeps of a recording have learned, and what waits when the program is at its end."""
    found: list[Waiting] = []

    def watched(*xs: Any) -> Any:
        y = f(*xs)
        waiting = xs[0].home.waiting
        assert waiting is not None
        found.append(waiting)
        return y

    gt.jit(watched)(*args)
    return found[0]


def test_nothing_is_computed_that_nobody_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(waiting: Waiting) -> None:
        raise AssertionError("somebody asked")

    def loss(x: Any) -> Any:
        b = np.zeros((50, 3))
        for i in range(50):
            b[i] = np.sin(x) * x[::-1]
            x = 0.9 * x + 0.1 * b[i]
            x[1:] += 0.1 * x[:-1]
        return np.sum(b * b) + np.sum(x)

    want = gt.grad(loss)(X)
    monkeypatch.setattr(nodewise, "LEAST", 0)
    monkeypatch.setattr(nodewise, "CHEAP", 0)
    monkeypatch.setattr(Waiting, "settle", refuse)
    f = gt.jit(gt.value_and_grad(loss))
    close(f(X)[1], want)
    close(f(X)[1], want)


def test_rules_are_learned_once() -> None:
    def loss(x: Any) -> Any:
        for _ in range(30):
            x = np.tanh(x * x) + np.log(1.5 + x)
        return np.sum(x)

    assert len(learned(gt.grad(loss), X).learned) < 12


def test_equal_operands_and_different_ones_are_told_apart() -> None:
    def loss(x: Any, y: Any) -> Any:
        return np.sum(np.multiply(x, x) + np.multiply(x, y) + np.multiply(y, y) * np.multiply(y, x))

    f = gt.jit(gt.grad(loss, argnums=(0, 1)))
    for _ in range(2):
        close(f(X, X + 1), gt.grad(loss, argnums=(0, 1))(X, X + 1))


@pytest.mark.parametrize("numbers", [(2.0, 3.0), (0.0, -0.0), (np.float64(2.0), 2.0, 2), (1.0, np.float32(1.0), True)])
def test_numbers_in_a_program_are_told_apart(numbers: tuple[Any, ...]) -> None:
    def loss(x: Any) -> Any:
        return sum([np.sum(np.copysign(x, n) * (x + n) ** 2 + n * np.sin(x) / (2 + n)) for n in numbers])

    f = gt.jit(gt.grad(loss))
    for _ in range(2):
        close(f(X), gt.grad(loss)(X))


def test_constant_arrays_are_told_apart() -> None:
    tables = [np.arange(3.0) + k for k in range(4)]

    def loss(x: Any) -> Any:
        return sum([np.sum(np.sin(x * t) / (1 + t) + np.where(t > 1, x * x, t) + x**t) for t in tables])

    x = X + 1
    f = gt.jit(gt.grad(loss))
    for _ in range(2):
        close(f(x), gt.grad(loss)(x))


def test_a_gradient_may_decide() -> None:
    def step(x: Any) -> Any:
        x_bar = gt.grad(lambda x: np.sum(x * x * x - x))(x)
        if np.sum(x_bar) > 0:
            return x - 0.1 * x_bar
        return x_bar[:2] * float(len(x_bar)) if x_bar[0] > -0.999 else x

    f = gt.jit(step)
    for x in (X, X * 0.1, X * 0.01, X, X * 0.1, X * 0.01):
        close(f(x), step(x))
    assert f.recorded == 3


def test_a_rule_of_the_users_runs_each_time() -> None:
    calls: list[int] = []

    def pull(y_bar: Any, y: Any, xs: Any) -> Any:
        calls.append(1)
        return (y_bar * len(calls),)

    def loss(x: Any) -> Any:
        double = gt.custom_rule(lambda x: x * 2.0, pull=pull)
        return np.sum(double(double(double(x))))

    close(gt.jit(gt.grad(loss))(X), 6.0 * np.ones(3))
    assert len(calls) == 3


def test_an_error_of_the_program_leaves_nothing_behind() -> None:
    def step(x: Any) -> Any:
        x_bar = gt.grad(lambda x: np.sum(np.sin(x)))(x)
        raise ValueError(f"{x_bar.shape}")

    with pytest.raises(ValueError, match="3"):
        gt.jit(step)(X)
    close(gt.jit(gt.grad(lambda x: np.sum(np.sin(x))))(X), np.cos(X))


def test_gradients_of_gradients_and_in_turns() -> None:
    def step(x: Any) -> Any:
        for _ in range(3):
            x = x - 0.1 * gt.grad(lambda x: np.sum(np.sin(x) * x))(x)
        return gt.grad(lambda x: np.sum(gt.grad(lambda y: np.sum(y**3 * x))(x) ** 2))(x)

    f = gt.jit(step)
    for _ in range(2):
        close(f(X), step(X))


def test_what_was_let_go_comes_back_once() -> None:
    """A long program, a rule that wants values, and one that asks in the middle."""

    @gt.custom_rule(pull=lambda y_bar, y, xs: (y_bar * xs[0],))
    def halved(x: Any) -> Any:
        return x * x / 2

    def loss(x: Any) -> Any:
        for _ in range(6):
            x = np.sin(x) * 0.5 + np.cos(x * x)
            x[1:] += 0.1 * x[:-1]
            x = x + halved(x) * 0.1
        return np.sum(x)

    def step(x: Any) -> Any:
        for _ in range(2):
            x_bar = gt.grad(loss)(x)
            x = x - 0.1 * x_bar * (2.0 if x_bar[0] > 0 else 1.0)
        return x

    f = gt.jit(step)
    with forgetful(True):
        close(f(X), step(X))
    close(f(X), step(X))


def test_a_rule_that_does_not_take_any_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules are learned on ones where values wait, and a matrix of ones is singular."""
    monkeypatch.setattr(nodewise, "LEAST", 0)
    monkeypatch.setattr(nodewise, "CHEAP", 0)

    def loss(x: Any) -> Any:
        for _ in range(3):
            x = np.tanh(np.linalg.solve(np.eye(3) * 4 + np.sin(x[:, None] * x), x) + x)
        return np.sum(x)

    f = gt.jit(gt.grad(loss))
    for _ in range(2):
        with forgetful(True):
            close(f(X), gt.grad(loss)(X))
