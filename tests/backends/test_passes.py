"""What each pass does, as text."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from geartrain.ir.aval import Aval
from geartrain.ir.graph import Graph
from geartrain.ir.interpret import interpret
from geartrain.ir.node import Node
from geartrain.ir.text import graph_text
from geartrain.passes.algebra import move_views
from geartrain.passes.expand import expand
from geartrain.passes.fold import fold_constants
from geartrain.passes.normalise import explicit, plain
from geartrain.passes.pipeline import PIPELINE, optimised
from geartrain.passes.updates import simplify_updates
from geartrain.passes.verify import verify
from tests.backends.recorder import RandomProgram, Recorder


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
    y = r.op("scatter", r.op("scatter", x, 5.0, params=(index,)), r.input(np.float64(1.5)), params=(index,))
    return r.op("multiply", r.op("getitem", y, params=(index,)), r.op("sum", y, params=((0,),)))


def written_slice_by_slice(r: Recorder) -> Node:
    """As the cotangents of slices come together, each added to what is there."""
    x, y = r.input(np.ones((2, 3))), r.op("broadcast", 0.0, params=((2, 6),))
    for part in (slice(3, 6), slice(0, 3)):
        index = (slice(None), part)
        old = r.op("getitem", y, params=(index,))
        y = r.op("scatter", y, r.op("subtract", old, x), params=(index,))
    return y


def scatter_add_is_three_nodes(r: Recorder) -> Node:
    x, y = r.input(np.arange(3.0)), r.input(np.arange(2.0))
    return r.op("scatter_add", x, y, params=((slice(0, 2),),))


def worked_on_after_repeating(r: Recorder) -> Node:
    x = r.input(np.arange(3.0))
    wide = r.op("broadcast", x, params=((4, 3),))
    return r.op("multiply", r.op("exp", wide), r.op("broadcast", r.const(2.0), params=((4, 3),)))


def worked_on_after_turning(r: Recorder) -> Node:
    x, y = r.input(np.arange(6.0).reshape(2, 3)), r.input(np.ones((2, 3)))
    turned = [r.op("transpose", z, params=((1, 0),)) for z in (x, y)]
    return r.op("multiply", r.op("add", *turned), turned[0])


def largest_of_repeated(r: Recorder) -> Node:
    x = r.input(np.arange(3.0).reshape(3, 1))
    return r.op("max", r.op("broadcast", x, params=((2, 3, 4),)), params=((0, 2),))


def a_few_of_many(r: Recorder) -> Node:
    x, i = r.input(np.arange(60.0).reshape(4, 15)), r.input(np.array([3, 1]))
    y = r.op("subtract", r.op("exp", r.op("negative", x)), r.op("broadcast", r.const(2.0), params=((4, 15),)))
    return r.op("getitem", y, i, i, params=(("here", "here"),))


def place_of_the_largest(r: Recorder) -> Node:
    return r.op("argmax", r.input(np.array([3, 1, 3])), params=(0,))


def whole_power(r: Recorder) -> Node:
    return r.op("power", r.input(np.array([3, -1, 2])), 5)


GOLDEN: list[tuple[Callable[[Graph], Graph], Callable[[Recorder], Node], str]] = [
    (
        explicit,
        constants_are_broadcast,
        """\
%0 = input : f64[2,3]
%1 = const f64(2.0)
%2 = broadcast %1 {shape=(2, 3)} : f64[2,3]
%3 = multiply %0 %2 : f64[2,3]
%4 = const f64[3](0.0 1.0 2.0)
%5 = broadcast %4 {shape=(2, 3)} : f64[2,3]
%6 = add %3 %5 : f64[2,3]
return %6""",
    ),
    (
        plain,
        what_does_nothing,
        """\
%0 = input : f64[2,3]
%1 = reshape %0 {shape=(3, 2)} : f64[3,2]
%2 = negative %1 : f64[3,2]
return %2""",
    ),
    (
        fold_constants,
        known_numbers,
        """\
%0 = input : f64[3]
%1 = const f64[3](2.0 2.0 2.0)
%2 = multiply %0 %1 : f64[3]
return %2""",
    ),
    (
        simplify_updates,
        added_to_a_part,
        """\
%0 = input : f64[3]
%1 = getitem %0 {index=(slice(1, None, None),)} : f64[2]
%2 = const 1.0
%3 = add %1 %2 : f64[2]
%4 = scatter %0 %3 {index=(slice(1, None, None),)} : f64[3]
return %4""",
    ),
    (
        simplify_updates,
        written_twice,
        """\
%0 = input : f64[3]
%1 = input : f64[]
%2 = scatter %0 %1 {index=(0,)} : f64[3]
%3 = sum %2 {axes=(0,)} : f64[]
%4 = multiply %1 %3 : f64[]
return %4""",
    ),
    (
        simplify_updates,
        written_slice_by_slice,
        """\
%0 = input : f64[2,3]
%1 = const 0.0
%2 = broadcast %1 {shape=(2, 3)} : f64[2,3]
%3 = subtract %2 %0 : f64[2,3]
%4 = concatenate %3 %3 {axis=1} : f64[2,6]
return %4""",
    ),
    (
        explicit,
        scatter_add_is_three_nodes,
        """\
%0 = input : f64[3]
%1 = input : f64[2]
%2 = getitem %0 {index=(slice(0, 2, None),)} : f64[2]
%3 = add %2 %1 : f64[2]
%4 = scatter %0 %3 {index=(slice(0, 2, None),)} : f64[3]
return %4""",
    ),
    (
        move_views,
        worked_on_after_repeating,
        """\
%0 = input : f64[3]
%1 = exp %0 : f64[3]
%2 = const 2.0
%3 = broadcast %2 {shape=(3,)} : f64[3]
%4 = multiply %1 %3 : f64[3]
%5 = broadcast %4 {shape=(4, 3)} : f64[4,3]
return %5""",
    ),
    (
        move_views,
        worked_on_after_turning,
        """\
%0 = input : f64[2,3]
%1 = input : f64[2,3]
%2 = add %0 %1 : f64[2,3]
%3 = multiply %2 %0 : f64[2,3]
%4 = transpose %3 {axes=(1, 0)} : f64[3,2]
return %4""",
    ),
    (
        move_views,
        largest_of_repeated,
        """\
%0 = input : f64[3,1]
%1 = reshape %0 {shape=(3,)} : f64[3]
return %1""",
    ),
    (
        move_views,
        a_few_of_many,
        """\
%0 = input : f64[4,15]
%1 = input : i64[2]
%2 = getitem %0 %1 %1 {index=("here", "here")} : f64[2]
%3 = negative %2 : f64[2]
%4 = exp %3 : f64[2]
%5 = const 2.0
%6 = broadcast %5 {shape=(2,)} : f64[2]
%7 = subtract %4 %6 : f64[2]
return %7""",
    ),
    (
        expand,
        place_of_the_largest,
        """\
%0 = input : i64[3]
%1 = max %0 {axes=(0,)} : i64[]
%2 = reshape %1 {shape=(1,)} : i64[1]
%3 = broadcast %2 {shape=(3,)} : i64[3]
%4 = equal %0 %3 : bool[3]
%5 = const i64[3](0 1 2)
%6 = const i64[3](3 3 3)
%7 = where %4 %5 %6 : i64[3]
%8 = min %7 {axes=(0,)} : i64[]
return %8""",
    ),
    (
        expand,
        whole_power,
        """\
%0 = input : i64[3]
%1 = multiply %0 %0 : i64[3]
%2 = multiply %1 %1 : i64[3]
%3 = multiply %0 %2 : i64[3]
return %3""",
    ),
]


@pytest.mark.parametrize(("step", "program", "expected"), GOLDEN, ids=[case[1].__name__ for case in GOLDEN])
def test_golden(step: Any, program: Any, expected: str) -> None:
    r = Recorder()
    before = r.graph([program(r)])
    after = step(before)
    verify(step.__name__, before, after)
    assert graph_text(after) == expected
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
    optimised(r.graph([known_numbers(r)]), lambda name, before, after: seen.append(name), pairs=True)
    assert seen == [name for name, _ in PIPELINE]


def test_a_wrong_pass_is_found() -> None:
    r = Recorder()
    before = r.graph([known_numbers(r)])
    other = r.table.input(Aval((), np.dtype(float)))
    with pytest.raises(RuntimeError, match="changed the inputs"):
        verify("wrong", before, Graph((other,), before.nodes, before.outputs))
    scalars = tuple([node for node in before.nodes if node.aval.shape == ()][:1])
    with pytest.raises(RuntimeError, match="kinds of the outputs"):
        verify("wrong", before, Graph(before.inputs, before.nodes, scalars))
    with pytest.raises(RuntimeError, match="comes before"):
        verify("wrong", before, Graph(before.inputs, tuple(reversed(before.nodes)), before.outputs))
