"""Loops that write into arrays more than once in a step, or read what they write, become loops of the plan."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from geartrain.api import grad, value_and_grad
from geartrain.backends import llvm
from geartrain.backends.compile import compile, plan_of
from geartrain.ir.interpret import interpret
from geartrain.passes.roll import roll
from geartrain.recording import record
from geartrain.schedule.plan import LoopRun, Plan
from tests.backends.programs_that_write import NESTED, PROGRAMS, Program

TRIPS = 20


def steps(plan: Plan) -> list[str]:
    """The kinds of the steps of a plan, and of the bodies of its loops."""
    found: list[str] = []
    for step in plan.steps:
        inside = steps(step.body) if isinstance(step, LoopRun) else []
        found += [type(step).__name__, *inside]
    return found


def compared(f: Program, x: Any, n: int) -> list[str]:
    """The steps of the plan of value and gradient, which are seen to be those of define-by-run."""
    plain = value_and_grad(lambda x: f(x, n))
    graph, _ = record(plain, x)
    expected = plain(x)
    for got, want in zip(interpret(roll(graph), [x]), expected, strict=True):
        np.testing.assert_array_equal(got, want)
    if llvm.installed():
        program = compile(graph)
        for _ in range(2):
            for got, want in zip(program([x]), expected, strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-14)
    return steps(plan_of(graph)[0])


def planned(f: Program, x: Any, n: int) -> list[str]:
    return steps(plan_of(record(value_and_grad(lambda x: f(x, n)), x)[0])[0])


@pytest.mark.parametrize(("f", "argument"), PROGRAMS, ids=[f.__name__ for f, _ in PROGRAMS])
def test_loops_that_write(f: Program, argument: Callable[[int], Any]) -> None:
    """A longer loop has no more steps."""
    made = compared(f, argument(TRIPS), TRIPS)
    assert made.count("LoopRun") >= 1
    assert planned(f, argument(2 * TRIPS), 2 * TRIPS) == made


@pytest.mark.parametrize(("f", "argument"), NESTED, ids=[f.__name__ for f, _ in NESTED])
def test_loops_in_loops(f: Program, argument: Callable[[int], Any]) -> None:
    """Of twice as many repetitions, the steps are not more than twice as many."""
    made = compared(f, argument(9), 9)
    assert made.count("LoopRun") >= 1
    assert len(planned(f, argument(18), 18)) < 2.4 * len(made)


COLUMNS: list[Any] = [slice(None), slice(0, -1), slice(1, None), 0, -1, slice(None, None, -1)]


def any_writes(draw: np.random.Generator) -> tuple[Program, Any]:
    """A loop over one or two arrays, of one or two axes, that reads and writes places which move mostly alike."""
    trips, ndim, wide = int(draw.integers(12, 22)), int(draw.integers(1, 3)), int(draw.integers(2, 5))
    many, step = int(draw.integers(1, 3)), int(draw.choice([1, 1, 1, 2, -1, 0]))
    shape = (3 * trips + 8, wide)[:ndim]

    def place(step: int) -> Callable[[int], Any]:
        start, column = int(draw.integers(0, 4)) + (trips - 1) * max(-step, 0), COLUMNS[int(draw.integers(6))]
        return lambda i: (start + step * i, column)[:ndim]

    writes: list[tuple[int, Any, str, list[tuple[int, Any]]]] = []
    for _ in range(int(draw.integers(1, 5))):
        own = step if draw.random() < 0.85 else int(draw.choice([1, -1, 2, 0]))
        reads = [(int(draw.integers(many)), place(own)) for _ in range(int(draw.integers(0, 3)))]
        writes.append((int(draw.integers(many)), place(own), str(draw.choice(["=", "+=", "*="])), reads))

    def f(x: Any) -> Any:
        arrays = [np.zeros(shape) + x[0] * (k + 1) for k in range(many)]
        for i in range(trips):
            for k, to, how, reads in writes:
                value = np.sin(x[i])
                for r, at in reads:
                    part = arrays[r][at(i)]
                    same = part.shape == arrays[k][to(i)].shape
                    value = 0.5 * value + 0.3 * np.cos(part if same else np.sum(part))
                if how == "=":
                    arrays[k][to(i)] = value
                elif how == "+=":
                    arrays[k][to(i)] += value
                else:
                    arrays[k][to(i)] *= value * 0.5
        return np.concatenate([np.ravel(b) for b in arrays]) * x[-1]

    return f, draw.uniform(0.5, 1.5, trips)


@pytest.mark.parametrize("seed", range(max(12, int(os.environ.get("GEARTRAIN_FUZZ", "0")))))
def test_any_writes(seed: int) -> None:
    f, x = any_writes(np.random.default_rng(seed))
    for program in (f, grad(lambda x: np.sum(f(x) ** 2))):
        graph, _ = record(program, x)
        expected = interpret(graph, [x])
        for got, want in zip(interpret(roll(graph), [x]), expected, strict=True):
            np.testing.assert_array_equal(got, want)
        if llvm.installed() and seed % 6 == 0:
            for got, want in zip(compile(graph)([x]), expected, strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12)
