"""What each pass does, as text."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from geartrain.ir.aval import Aval
from geartrain.ir.graph import Graph
from geartrain.ir.interpret import interpret
from geartrain.ir.node import CONST, Node
from geartrain.passes.fold import fold_constants
from geartrain.passes.normalise import explicit, plain
from geartrain.passes.pipeline import PIPELINE, optimised
from geartrain.passes.updates import simplify_updates
from geartrain.passes.verify import verify
from tests.backends.recorder import RandomProgram, Recorder


def lines(graph: Graph) -> list[str]:
    """A line for each node."""
    names = {node: f"x{i}" for i, node in enumerate(graph.inputs)}
    found: list[str] = []
    for node in graph.nodes:
        if node.op is CONST:
            names[node] = repr(node.value)
            continue
        names[node] = f"v{len(found)}"
        parts = [*[names[x] for x in node.inputs], *map(repr, node.params)]
        found.append(f"{names[node]}: {node.aval!r} = {node.op.name} {' '.join(parts)}")
    return [*found, "return " + " ".join([names[x] for x in graph.outputs])]


def constants_are_broadcast(r: Recorder) -> Node:
    x = r.input(np.arange(6.0).reshape(2, 3))
    return r.op("add", r.op("multiply", x, np.full((2, 3), 2.0)), np.arange(3.0))


def what_does_nothing(r: Recorder) -> Node:
    x = r.input(np.arange(6.0).reshape(2, 3))
    y = r.op("transpose", r.op("transpose", x, params=((1, 0),)), params=((1, 0),))
    y = r.op("reshape", r.op("reshape", y, params=((6,),)), params=((3, 2),))
    y = r.op("broadcast", r.op("cast", y, params=("<f8",)), params=((3, 2),))
    return r.op("negative", r.op("getitem", y, params=((slice(None), ...),)))


def known_numbers(r: Recorder) -> Node:
    x = r.input(np.arange(3.0))
    return r.op("multiply", x, r.op("add", r.op("exp", np.array([0.0, 0.0, 0.0])), 1))


def added_to_a_part(r: Recorder) -> Node:
    """As ``x[1:] += 1`` is recorded."""
    x, index = r.input(np.arange(3.0)), (slice(1, None),)
    part = r.op("getitem", x, params=(index,))
    total = r.op("scatter", part, r.op("add", part, 1.0), params=((...,),))
    y = r.op("scatter", x, total, params=(index,))
    return r.op("scatter", y, r.op("getitem", y, params=(index,)), params=(index,))


def written_twice(r: Recorder) -> Node:
    x, index = r.input(np.arange(3.0)), (0,)
    y = r.op("scatter", r.op("scatter", x, 5.0, params=(index,)), r.input(1.5), params=(index,))
    return r.op("multiply", r.op("getitem", y, params=(index,)), r.op("sum", y, params=((0,),)))


def scatter_add_is_three_nodes(r: Recorder) -> Node:
    x, y = r.input(np.arange(3.0)), r.input(np.arange(2.0))
    return r.op("scatter_add", x, y, params=((slice(0, 2),),))


GOLDEN: list[tuple[Callable[[Graph], Graph], Callable[[Recorder], Node], list[str]]] = [
    (
        explicit,
        constants_are_broadcast,
        [
            "v0: f64[2,3] = broadcast np.float64(2.0) (2, 3)",
            "v1: f64[2,3] = multiply x0 v0",
            "v2: f64[2,3] = broadcast array([0., 1., 2.]) (2, 3)",
            "v3: f64[2,3] = add v1 v2",
            "return v3",
        ],
    ),
    (
        plain,
        what_does_nothing,
        ["v0: f64[3,2] = reshape x0 (3, 2)", "v1: f64[3,2] = negative v0", "return v1"],
    ),
    (
        fold_constants,
        known_numbers,
        ["v0: f64[3] = multiply x0 array([2., 2., 2.])", "return v0"],
    ),
    (
        simplify_updates,
        added_to_a_part,
        [
            "v0: f64[2] = getitem x0 (slice(1, None, None),)",
            "v1: f64[2] = add v0 1.0",
            "v2: f64[3] = scatter x0 v1 (slice(1, None, None),)",
            "return v2",
        ],
    ),
    (
        simplify_updates,
        written_twice,
        [
            "v0: f64[3] = scatter x0 x1 (0,)",
            "v1: f64[] = sum v0 (0,)",
            "v2: f64[] = multiply x1 v1",
            "return v2",
        ],
    ),
    (
        explicit,
        scatter_add_is_three_nodes,
        [
            "v0: f64[2] = getitem x0 (slice(0, 2, None),)",
            "v1: f64[2] = add v0 x1",
            "v2: f64[3] = scatter x0 v1 (slice(0, 2, None),)",
            "return v2",
        ],
    ),
]


@pytest.mark.parametrize(("step", "program", "expected"), GOLDEN, ids=[case[1].__name__ for case in GOLDEN])
def test_golden(step: Any, program: Any, expected: list[str]) -> None:
    r = Recorder()
    before = r.graph([program(r)])
    after = step(before)
    verify(step.__name__, before, after)
    assert lines(after) == expected
    for got, want in zip(interpret(after, r.args), interpret(before, r.args), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("seed", range(30))
def test_every_pass_keeps_the_meaning(seed: int) -> None:
    program = RandomProgram(seed, exact=True)
    graph = program.graph(program.outputs)
    with np.errstate(all="ignore"):
        expected = interpret(graph, program.args)
        for name, step in PIPELINE:
            graph = step(graph)
            for got, want in zip(interpret(graph, program.args), expected, strict=True):
                np.testing.assert_array_equal(got, want, err_msg=name)


def test_an_observer_sees_each_step() -> None:
    r = Recorder()
    seen: list[str] = []
    optimised(r.graph([known_numbers(r)]), lambda name, before, after: seen.append(name))
    assert seen == [name for name, _ in PIPELINE]


def test_a_wrong_pass_is_found() -> None:
    r = Recorder()
    before = r.graph([known_numbers(r)])
    other = r.table.input(Aval((), np.dtype(float)))
    with pytest.raises(RuntimeError, match="changed the inputs"):
        verify("wrong", before, Graph((other,), before.nodes, before.outputs))
    with pytest.raises(RuntimeError, match="kinds of the outputs"):
        verify("wrong", before, Graph(before.inputs, before.nodes, (before.nodes[0],)))
    with pytest.raises(RuntimeError, match="comes before"):
        verify("wrong", before, Graph(before.inputs, tuple(reversed(before.nodes)), before.outputs))
