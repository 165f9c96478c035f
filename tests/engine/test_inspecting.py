"""``lower``, ``explain_passes`` and ``report`` say what a compiled function is made of."""

import gc
import json
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.backends import llvm
from geartrain.errors import InputError
from geartrain.ir.text import read_graph
from geartrain.ops.table import ROWS
from geartrain.passes.pipeline import PIPELINE

pytestmark = pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed")

X: Any = np.linspace(0.5, 2.0, 12).reshape(3, 4)
W: Any = np.ones((4, 2))


def layer(w: Any, x: Any) -> Any:
    return np.sum(np.tanh(x @ w) ** 2)


def test_every_stage_has_its_text() -> None:
    compiled = gt.jit(gt.value_and_grad(layer))
    low = compiled.lower(W, X)
    assert "matmul" in low.graph
    assert read_graph(low.graph, ROWS).inputs[0].aval.shape == (4, 2)
    assert "tanh" in low.optimised
    assert "product of 1 x (3, 4) @ (4, 2)" in low.schedule
    assert "tanh f8" in low.plan
    assert "arena" in low.plan
    assert "define void @kernel0" in low.llvm
    assert "kernel0:" in low.assembly
    text = str(low)
    assert [line for line in text.splitlines() if line.startswith("==== ")] == [
        f"==== {stage}" for stage in ("graph", "optimised", "schedule", "plan", "llvm", "assembly")
    ]
    assert str(compiled.lower()) == text, "without arguments: the last one"


def test_passes_are_shown_before_and_after_loops_too() -> None:
    def f(x: Any) -> Any:
        for _ in range(50):
            x = np.sin(x) + 0 * x
        return x

    text = gt.jit(f).explain_passes(X)
    for name, _ in PIPELINE:
        assert f"==== {name}:" in text
    assert "50 times" in text.partition("---- roll: after")[2] or "49 times" in text


def test_a_report_counts_and_times_every_step() -> None:
    compiled = gt.jit(gt.value_and_grad(layer))
    report = compiled.report(W, X)
    products = [step for step in report.steps if step.name == "product"]
    assert [step.flops for step in products] == [2 * 3 * 4 * 2, 2 * 4 * 3 * 2]
    assert report.flops >= sum(step.flops for step in products)
    assert report.bytes > X.nbytes
    assert report.arena > 0
    assert all(step.nanoseconds >= 0 for step in report.steps)
    assert report.numpy == []
    assert "tanh" in str(report)
    assert f"arena {report.arena} bytes" in str(report)
    again = compiled.report()
    assert [step.does for step in again.steps] == [step.does for step in report.steps]


def test_without_arguments_it_is_the_recorded_call_that_is_measured() -> None:
    """On ones, no system could be solved; large arrays are not kept, and other ones take their place."""
    solve = gt.jit(lambda a, b, n: np.sum(np.linalg.solve(a, b) * np.sqrt(n)))
    for size in (4, 200):
        a, b = np.eye(size) + np.outer(np.arange(size), np.ones(size)) / size, np.ones(size)
        solve(a, b, 2.0)
        before = a.copy()
        assert any("solve" in step.does or "solve" in step.name for step in solve.report().steps)
        np.testing.assert_array_equal(a, before)
        kept = weakref.ref(a)
        del a
        gc.collect()
        assert kept() is None
        assert len(solve.report().steps) > 1
    positive = gt.jit(lambda a: np.sum(np.linalg.cholesky(a)))
    positive(np.eye(200) * 3)
    assert positive.report().steps


def test_steps_of_numpy_are_named_and_a_chrome_trace_is_written(tmp_path: Path) -> None:
    report = gt.jit(lambda x: np.sum(np.spacing(x @ x.T) * 2)).report(X)
    assert report.numpy == ["spacing"]
    assert "NumPy computes: spacing" in str(report)
    report.save(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert len(events) == len(report.steps)
    assert {event["ph"] for event in events} == {"X"}
    assert [event["cat"] for event in events].count("numpy") == 1
    ends = [event["ts"] + event["dur"] for event in events]
    assert all(a <= b["ts"] + 1e-6 for a, b in zip(ends, events[1:], strict=False))


def test_a_constant_that_repeats_a_number_is_not_kept_as_an_array() -> None:
    graph = gt.jit(gt.grad(lambda x: np.sum(x * x))).lower(np.ones(1000)).graph
    assert "broadcast" in graph
    assert "const f64[1000]" not in graph
    given = gt.jit(lambda x: (x, np.broadcast_to(2.0, (3,))))
    for _ in range(3):
        y = given(1.0)[1]
        np.testing.assert_array_equal(y, [2.0, 2.0, 2.0])
        y[0] = 5.0


def test_a_path_with_decisions_has_a_segment_for_each() -> None:
    compiled = gt.jit(lambda x: np.exp(x) if x > 0 else np.sin(x))
    assert "exp f8" in compiled.lower(1.0).plan
    plan = compiled.lower(-1.0).plan
    assert "# segment 1" in plan
    assert "sin f8" in plan
    assert [step.name[:3] for step in compiled.report(-1.0).steps] == ["s0.", "s1."]


def test_what_is_inspected_stays_right() -> None:
    compiled = gt.jit(lambda x, i: x[i] * 2)
    index = np.array([0, 5])
    with pytest.raises(IndexError):
        compiled.report(X[0], index)
    for _ in range(2):
        np.testing.assert_array_equal(compiled(X[0], np.array([1, -1])), X[0][[1, -1]] * 2)
        compiled.report(X[0], np.array([1, -1]))


def test_without_a_program_it_says_so() -> None:
    with pytest.raises(InputError, match="Call it with arguments first"):
        gt.jit(lambda x: x).lower()

    def f(x: Any) -> Any:
        return gt.jit(lambda y: y).report(x)

    with pytest.raises(InputError, match="while a transformation runs"):
        gt.grad(f)(1.0)
