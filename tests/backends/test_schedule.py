"""Which operations make one kernel."""

from typing import Any

import numpy as np

import geartrain as gt
from geartrain.passes.pipeline import optimised
from geartrain.recording import record
from geartrain.schedule.nest import Run
from geartrain.schedule.plan import Plan, make_plan
from geartrain.schedule.steps import Product


def planned(f: Any, *args: Any) -> Plan:
    graph, _ = record(f, *args)
    return make_plan(optimised(graph), products=True)


def runs(plan: Plan) -> list[Run]:
    return [step for step in plan.steps if isinstance(step, Run)]


def test_the_update_of_a_parameter_is_one_kernel() -> None:
    """It reads what has to be read, writes what has to be written, and needs no memory of its own."""

    def adam(p: Any, p_bar: Any, mean: Any, variance: Any) -> Any:
        mean = 0.9 * mean + 0.1 * p_bar
        variance = 0.999 * variance + 0.001 * p_bar * p_bar
        return p - 0.01 * mean / (np.sqrt(variance) + 1e-8), mean, variance

    plan = planned(adam, *[np.ones((50, 30))] * 4)
    (run,) = runs(plan)
    assert len(run.refs) == 7
    assert len(run.writes) == 3
    assert plan.arena == 0


def test_a_layer_is_a_product_and_a_kernel() -> None:
    plan = planned(lambda x, w, b: np.maximum(x @ w + b, 0), np.ones((8, 5)), np.ones((5, 3)), np.ones(3))
    assert [type(step) for step in plan.steps] == [Product, Run]


def test_value_and_gradient_of_a_chain_are_one_kernel() -> None:
    plan = planned(gt.value_and_grad(lambda x: np.sum(np.exp(-np.tanh(x)) + x)), np.ones(50))
    assert len(runs(plan)) == 1


def test_kernels_stay_small() -> None:
    """A long chain that does not repeat evenly is cut: LLVM takes more than linear time."""
    kinds = [np.sin, np.cos, np.tanh, np.sqrt]
    which = np.random.default_rng(0).integers(4, size=2000).tolist()

    def long(x: Any) -> Any:
        for i in which:
            x = kinds[i](np.abs(x) + i)
        return x

    plan = planned(long, np.ones(3))
    assert len(runs(plan)) > 10
    assert max(len(run.kernel.code) for run in runs(plan)) < 1000


def test_softmax_reads_its_rows_three_times() -> None:
    """For the largest, for the sum, and for the quotient."""

    def softmax(x: Any) -> Any:
        e = np.exp(x - np.max(x, axis=1, keepdims=True))
        return e / np.sum(e, axis=1, keepdims=True)

    plan = planned(softmax, np.ones((40, 30)))
    assert len([run for run in runs(plan) if len(run.sizes) == 2]) == 3
