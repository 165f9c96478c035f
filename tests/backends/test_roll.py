"""Python loops, unrolled while they were recorded, become loops again."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from geartrain import tree
from geartrain.api import grad, value_and_grad
from geartrain.backends import llvm
from geartrain.backends.compile import compile
from geartrain.ir.interpret import interpret
from geartrain.passes.loops import LOOP
from geartrain.passes.roll import roll
from geartrain.recording import record

Program = Callable[..., Any]


def rk4(a: Any, b: Any, steps: int = 30, h: float = 0.05) -> Any:
    x = y = 1.0

    def f(x: Any, y: Any) -> tuple[Any, Any]:
        return a * x - b * x * y, -a * y + b * x * y

    for _ in range(steps):
        k1 = f(x, y)
        k2 = f(x + h / 2 * k1[0], y + h / 2 * k1[1])
        k3 = f(x + h / 2 * k2[0], y + h / 2 * k2[1])
        k4 = f(x + h * k3[0], y + h * k3[1])
        x, y = (z + h / 6 * (p + 2 * q + 2 * r + s) for z, p, q, r, s in zip((x, y), k1, k2, k3, k4, strict=True))
    return x + y


def recurrent(w: Any, x: Any) -> Any:
    """A part of an input is read in each repetition."""
    h = np.zeros(5)
    for t in range(len(x)):
        h = np.tanh(w @ h + x[t])
    return np.sum(h * h)


def fibonacci(a: Any, b: Any) -> Any:
    """Two repetitions back."""
    old, now = a, b
    for _ in range(40):
        old, now = now, 0.5 * np.sin(now) + 0.3 * old
    return now


def three_back(a: Any) -> Any:
    values = [a, a * 2, a * 3]
    for _ in range(30):
        values.append(np.cos(values[-3]) + 0.1 * values[-1] * a)
    return values[-1] + values[-2] * values[7]


def timed(a: Any) -> Any:
    """A constant differs from repetition to repetition."""
    x = 1.0
    for i in range(30):
        x = x + 0.1 * np.sin(a * x + i * 0.1)
    return x


def summed(a: Any) -> Any:
    """Every repetition's value is wanted."""
    total, x = 0.0, a
    out = []
    for _ in range(25):
        x = np.exp(-x * x) + 0.1 * x
        out.append(x)
        total = total + np.sum(x)
    return np.sum(np.stack(out) ** 2) + total


def heat(u: Any) -> Any:
    for _ in range(12):
        v = u.copy()
        v[1:-1, 1:-1] = u[1:-1, 1:-1] + 0.01 * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] - 3 * u[1:-1, 1:-1]) ** 2
        u = v
    return np.sum(u**2)


def in_turn(x: Any) -> Any:
    """Two loops, one after the other, and what is between them."""
    y = x
    for _ in range(20):
        y = np.sqrt(1 + y * y) - 0.5 * y
    z = np.max(y) * y
    for _ in range(10):
        z = np.where(z > 1, z / 2, z * z + 0.1) * y
    return np.sum(z)


def nested(x: Any) -> Any:
    for _ in range(8):
        for _ in range(6):
            x = x - 0.1 * np.sin(x) * x
        x = x / np.sum(x * x)
    return np.sum(np.cos(x))


def filled(x: Any) -> Any:
    """Every repetition writes another place."""
    b = np.zeros(len(x))
    for i in range(len(x)):
        b[i] = np.sin(x[i]) * x[i]
    return np.sum(b * b)


def filled_from_the_end(x: Any) -> Any:
    b = np.zeros((2, len(x) + 3))
    for i in range(len(x) - 1, -1, -1):
        b[1, i] = np.sin(x[i]) * x[i]
    return np.sum(b**3)


def rows_and_columns(x: Any) -> Any:
    b, c = np.zeros((len(x), 3)), np.ones((4, len(x)))
    for i in range(len(x)):
        b[i, :] = np.sin(x[i]) * np.arange(3.0)
        c[1:3, i] = x[i] * 2
    return np.sum(b * b) + np.sum(c**3)


def changed_in_place(x: Any) -> Any:
    b = x.copy()
    for i in range(len(x)):
        b[i] = b[i] * 2 + x[i] + b[-1]
    return np.sum(b**3)


rng = np.random.default_rng(0)
CASES: list[tuple[str, Program, tuple[Any, ...]]] = [
    ("rk4", grad(rk4, argnums=(0, 1)), (1.5, 0.7)),
    ("recurrent", value_and_grad(recurrent, argnums=(0, 1)), (rng.normal(size=(5, 5)) / 3, rng.normal(size=(20, 5)))),
    ("recurrent in w", value_and_grad(recurrent), (rng.normal(size=(5, 5)) / 3, rng.normal(size=(20, 5)))),
    ("fibonacci", grad(fibonacci, argnums=(0, 1)), (0.3, 0.4)),
    ("three back", value_and_grad(three_back), (0.3,)),
    ("three back, arrays", three_back, (rng.normal(size=(3, 2)),)),
    ("timed", value_and_grad(timed), (0.3,)),
    ("summed", value_and_grad(summed), (rng.normal(size=7),)),
    ("heat", value_and_grad(heat), (rng.normal(size=(9, 8)),)),
    ("in turn", value_and_grad(in_turn), (rng.uniform(0.1, 2, size=11),)),
    ("nested", value_and_grad(nested), (rng.uniform(0.1, 2, size=4),)),
    ("filled", value_and_grad(filled), (rng.uniform(0.1, 2, size=30),)),
    ("filled from the end", grad(filled_from_the_end), (rng.uniform(0.1, 2, size=30),)),
    ("rows and columns", value_and_grad(rows_and_columns), (rng.uniform(0.1, 2, size=30),)),
    ("changed in place", grad(changed_in_place), (rng.uniform(0.1, 2, size=30),)),
    ("second order", grad(grad(timed)), (0.3,)),
]


@pytest.mark.parametrize(("f", "args"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_rolled_programs_compute_the_same(f: Program, args: tuple[Any, ...]) -> None:
    graph, _ = record(f, *args)
    rolled = roll(graph)
    assert any(node.op is LOOP for node in rolled.nodes)
    values = tree.flatten(args)[0]
    expected = interpret(graph, values)
    for got, want in zip(interpret(rolled, values), expected, strict=True):
        np.testing.assert_array_equal(got, want)
    if llvm.installed():
        run = compile(graph)
        for _ in range(3):
            for got, want in zip(run(values), expected, strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)
                assert type(got) is type(want)


def test_a_longer_loop_is_no_larger_program() -> None:
    sizes = []
    for steps in (50, 150):
        graph, _ = record(grad(lambda a, b, n=steps: rk4(a, b, n)), 1.5, 0.7)
        sizes.append(len(roll(graph).nodes))
    assert sizes[1] <= sizes[0]


def test_a_longer_loop_that_fills_is_no_larger_program() -> None:
    sizes = []
    for n in (30, 90):
        graph, _ = record(value_and_grad(filled), np.linspace(0.1, 1.0, n))
        sizes.append(len(roll(graph).nodes))
    assert sizes[1] <= sizes[0]


@pytest.mark.parametrize("seed", range(max(40, int(os.environ.get("GEARTRAIN_FUZZ", "0")))))
def test_places_that_move_in_any_way(seed: int) -> None:
    """Each repetition reads and writes one array at places that move apart, onto each other, or over the edge."""
    draw = np.random.default_rng(seed)
    trips, size = 20, 60
    steps = draw.choice([-2, -1, 0, 1, 1, 2, 3], 3)
    starts = [int(draw.integers(0, size)) for _ in range(3)]
    at = [[(start + int(step) * i) % size for i in range(trips)] for start, step in zip(starts, steps, strict=True)]

    def f(x: Any) -> Any:
        b = np.zeros(size) + x[0]
        for i in range(trips):
            b[at[0][i]] = np.sin(b[at[1][i]] * x[i]) + b[at[2][i]]
        return b * x[-1]

    x = draw.uniform(0.5, 1.5, trips)
    for program in (f, grad(lambda x: np.sum(f(x) ** 2))):
        graph, _ = record(program, x)
        expected = interpret(graph, [x])
        for got, want in zip(interpret(roll(graph), [x]), expected, strict=True):
            np.testing.assert_array_equal(got, want)


def test_what_does_not_repeat_stays_as_it_is() -> None:
    def wild(x: Any) -> Any:
        kinds = [np.sin, np.cos, np.tanh, np.exp, np.sqrt, np.square, np.negative]
        for i in range(80):
            x = kinds[(i * i * 7 + i // 3) % 7](np.abs(x) % 2.0 + 0.1) if i % 3 else x * (i % 5)
        return x

    graph, _ = record(wild, 0.7)
    assert not any(node.op is LOOP for node in roll(graph).nodes)
