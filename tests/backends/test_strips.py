"""Steps over the same rows are done strip by strip, and mean the same."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.backends import llvm
from geartrain.backends.compile import compile, plan_of
from geartrain.backends.cpu.executor import Executor
from geartrain.backends.cpu.finished import chosen
from geartrain.backends.threads import get_threads, set_threads
from geartrain.ir.interpret import interpret
from geartrain.passes.pipeline import optimised
from geartrain.recording import record
from geartrain.schedule import strips
from geartrain.schedule.gifts import gifts
from geartrain.schedule.nest import Run
from geartrain.schedule.plan import Plan, make_plan
from geartrain.schedule.steps import Product
from geartrain.schedule.strips import Strip
from tests.backends.recorder import RandomProgram
from tests.backends.test_compile import SEEDS, check

pytestmark = pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed")

rng = np.random.default_rng(0)


def planned(f: Any, *args: Any) -> Plan:
    graph, _ = record(f, *args)
    return make_plan(optimised(graph), products=True, cores=2)


def parts(plan: Plan) -> list[list[type]]:
    return [[type(part.step) for part in step.parts] for step in plan.steps if isinstance(step, Strip)]


def softmax(x: Any) -> Any:
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def layernorm(x: Any, scale: Any, shift: Any) -> Any:
    centred = x - np.mean(x, axis=-1, keepdims=True)
    spread = np.sqrt(np.mean(centred * centred, axis=-1, keepdims=True) + 1e-5)
    return centred / spread * scale + shift


def update(w: Any, mean: Any, x: Any, r: Any) -> Any:
    """The cotangent of a weight, and what it is for."""
    mean = 0.9 * mean + 0.1 * (x.T @ r)
    return w - 0.01 * mean, mean


def curvature(w: Any, v: Any, x: Any) -> Any:
    """Rows are read for two products, and once more for the sum over rows."""
    return gt.jvp(gt.grad(lambda w: np.sum(np.log(1 + np.exp(-(x @ w))))), (w,), (v,))[1]


def attention(q: Any, k: Any, v: Any) -> Any:
    return softmax(q @ np.swapaxes(k, -1, -2)) @ v


WHOLE = {
    "softmax": (softmax, [rng.normal(size=(300, 200))]),
    "layernorm": (layernorm, [rng.normal(size=(300, 200)), rng.normal(size=200), rng.normal(size=200)]),
    "layer": (
        lambda x, w, b: np.maximum(x @ w + b, 0) @ w,
        [rng.normal(size=s) for s in ((511, 90), (90, 90), (90,))],
    ),
    "attention": (attention, [rng.normal(size=(16, 40, 40)) for _ in range(3)]),
    "curvature": (curvature, [rng.normal(size=30), rng.normal(size=30), rng.normal(size=(5000, 30))]),
    "update": (update, [rng.normal(size=s) for s in ((400, 100), (400, 100), (70, 400), (70, 100))]),
}


@pytest.mark.parametrize("name", WHOLE)
def test_all_of_it_is_one_strip(name: str) -> None:
    plan = planned(WHOLE[name][0], *WHOLE[name][1])
    assert len(parts(plan)) == 1
    outside = [step for step in plan.steps if isinstance(step, Run) and len(step.sizes) == 2]
    assert not [step for step in plan.steps if isinstance(step, Product)]
    assert len(outside) == (name == "curvature")  # the sum of what strips left
    assert plan.arena < 2000  # what is between lives in the strips


@pytest.fixture
def threads() -> Iterator[None]:
    before = get_threads()
    yield
    set_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("name", WHOLE)
def test_values_and_bits_for_any_number_of_threads(name: str) -> None:
    f, args = WHOLE[name]
    graph, _ = record(f, *args)
    run = compile(graph)
    assert isinstance(run, Executor)
    assert any(isinstance(step, Strip) for step in plan_of(graph)[0].steps)
    set_threads(1)
    alone = run(args)
    for got, want in zip(alone, interpret(graph, args), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-10)
    for n in (2, 3):
        set_threads(n)
        for _ in range(5):
            for got, want in zip(run(args), alone, strict=True):
                assert np.asarray(got).tobytes() == np.asarray(want).tobytes()


def test_an_update_in_a_strip_takes_given_memory() -> None:
    f, args = WHOLE["update"]
    assert chosen(gifts(planned(f, *args)), [True, True, False, False]) == {0: 0, 1: 1}
    donating = gt.jit(f, donate_argnums=(0, 1))
    expected = update(*args)
    for _ in range(2):
        for got, want in zip(donating(args[0].copy(), args[1].copy(), *args[2:]), expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12)


def test_what_is_read_otherwise_is_not_given_away_in_a_strip() -> None:
    """The other way round rows are read that another strip has changed."""

    def f(w: Any, x: Any) -> Any:
        y = np.exp(x) @ w
        return w + 0.1 * y, y

    args = [rng.normal(size=(200, 200)), 0.1 * rng.normal(size=(200, 200))]
    expected = f(*args)
    for got, want in zip(gt.jit(f, donate_argnums=(0,))(args[0].copy(), args[1]), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything go in strips, and in small ones."""
    monkeypatch.setattr(strips, "SHARED", 1)
    monkeypatch.setattr(strips, "CACHE", 64)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("seed", range(max(40, SEEDS)))
def test_random_programs_to_the_bit(seed: int) -> None:
    program = RandomProgram(seed, exact=True)
    check(program, program.outputs)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("seed", range(max(20, SEEDS // 3)))
def test_random_programs_with_functions(seed: int) -> None:
    program = RandomProgram(seed, exact=False)
    check(program, program.outputs, exact=False)


@pytest.mark.usefixtures("small")
def test_random_programs_have_strips() -> None:
    found = 0
    for seed in range(30):
        program = RandomProgram(seed, exact=True)
        found += len(parts(make_plan(optimised(program.graph(program.outputs)), products=True, cores=2)))
    assert found > 10


def test_buffers_that_do_not_fit_in_memory_of_a_strip_are_apart_from_those_that_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def f(x: Any, w: Any) -> Any:
        y = softmax(x @ w)
        z = softmax(y @ w)
        return layernorm(z * y, 2.0, 1.0) + y

    x, w = rng.random((512, 64)), rng.random((64, 64)) / 64
    monkeypatch.setattr("geartrain.schedule.plan.MOST_LOCAL", 1 << 15)
    graph, _ = record(f, x, w)
    plan = make_plan(optimised(graph), products=True, cores=2)
    for strip in [step for step in plan.steps if isinstance(step, Strip)]:
        local = {node: spot.at for node, spot in plan.spots.items() if spot.kind == "local" and node in strip.aligned}
        places = sorted([(at, strip.bytes_of(node)) for node, at in local.items()])
        for (begin, size), (after, _) in pairwise(places):
            assert begin + size <= after
    np.testing.assert_allclose(compile(graph)([x, w])[0], f(x, w), rtol=1e-9)
