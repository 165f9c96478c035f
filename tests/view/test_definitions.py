"""What the picture measures is what it says: each definition against the engine, on random graphs."""

import math

import numpy as np
import pytest

import geartrain as gt
from geartrain.view import measures
from geartrain.view.record import Edge, Recording, norm, record
from tests.view.programs import arrays, scalars

SEEDS = range(30)


def recorded(seed: int) -> Recording:
    program, args = scalars(seed) if seed % 2 else arrays(seed)
    return record(program, *args)


@pytest.mark.parametrize("seed", SEEDS)
def test_cotangents_are_those_of_the_engine(seed: int) -> None:
    program, args = scalars(seed) if seed % 2 else arrays(seed)
    seen = record(program, *args)
    expected = gt.grad(program, argnums=tuple(range(len(args))))(*args)
    for (_, i), x_bar in zip(seen.inputs, expected, strict=True):
        bar = seen.bars[i]
        have = np.zeros_like(x_bar) if bar is None else bar
        np.testing.assert_allclose(have, x_bar, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_path_identity_holds_exactly(seed: int) -> None:
    seen = recorded(seed)
    bars = measures.bar_norms(seen)
    for _, start in seen.inputs:
        path = measures.dominant_path(seen, start)
        if path and bars[start] > 0:
            assert measures.path_sum(path, bars) == pytest.approx(math.log10(bars[start]), abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_gains_are_absolute_local_rates_between_single_numbers(seed: int) -> None:
    seen = recorded(seed)
    bars = measures.bar_norms(seen)
    for edge in (e for edges in seen.edges for e in edges if e.live and e.rate is not None and bars[e.target]):
        assert measures.gain(edge, bars) == pytest.approx(edge.size / bars[edge.target], rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_cancellation_is_between_nothing_and_all(seed: int) -> None:
    kappas = measures.kappas(recorded(seed))
    assert all(k is None or 0 <= k <= 1 for k in kappas)


def test_cancellation_at_its_ends() -> None:
    assert measures.kappas(record(lambda x: x * 2 + x * 3, 1.0))[0] == 1
    assert measures.kappas(record(lambda x: x * 2 - x * 2, 1.0))[0] == 0


def each_path(seen: Recording, start: int) -> list[list[Edge]]:
    uses = measures.consumers(seen)
    if start in seen.outputs and not uses[start]:
        return [[]]
    return [[edge, *rest] for edge in uses[start] for rest in each_path(seen, edge.target)]


@pytest.mark.parametrize("seed", [s for s in SEEDS if s % 2])
def test_work_is_counted_as_if_each_path_were_walked(seed: int) -> None:
    seen = recorded(seed)
    paths = [path for _, start in seen.inputs for path in each_path(seen, start)]
    count = measures.work(seen)
    assert count.paths == len(paths)
    assert count.by_path == sum(len(path) - 1 for path in paths)
    edges = sum(edge.live for edges in seen.edges for edge in edges)
    assert (count.backprop, count.forward) == (edges, edges * len(seen.inputs))


@pytest.mark.parametrize("seed", [s for s in SEEDS if s % 2])
def test_products_along_paths_add_up_to_the_derivative(seed: int) -> None:
    seen = recorded(seed)
    for _, start in seen.inputs:
        total = sum(math.prod(edge.rate or 0.0 for edge in path) for path in each_path(seen, start))
        bar = seen.bars[start]
        assert total == pytest.approx(0.0 if bar is None else float(bar), rel=1e-9, abs=1e-12)


def doubled(x: float, steps: int) -> float:
    for _ in range(steps):
        x = x + x
    return x


def test_the_counts_of_doubled_steps() -> None:
    count = measures.work(record(lambda x: doubled(x, 20), 1.0))
    assert (count.paths, count.by_path, count.backprop) == (1_048_576, 19_922_944, 40)
    count = measures.work(record(lambda x: doubled(x, 100), 1.0))
    assert (count.paths, count.backprop) == (2**100, 200)
    assert count.by_path == 99 * 2**100


def test_norms_do_not_overflow_on_the_way() -> None:
    assert norm(np.array([3e300, 4e300])) == pytest.approx(5e300)
    assert norm(np.float64(-2.0)) == 2.0
    assert math.isnan(norm(np.array([1.0, np.nan])))
