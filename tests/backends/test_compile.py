"""Compiled programs mean what the interpreter says."""

import os

import numpy as np
import pytest

from geartrain.backends import llvm
from geartrain.backends.compile import compile
from geartrain.ir.interpret import interpret
from geartrain.ir.node import Node
from tests.backends.recorder import RandomProgram, Recorder

pytestmark = pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed")


def check(r: Recorder, outputs: list[Node], exact: bool = True) -> None:
    graph = r.graph(outputs)
    run = compile(graph)
    for _ in range(2):  # the second call finds used memory
        with np.errstate(all="ignore"):
            expected = interpret(graph, r.args)
        for got, want in zip(run(r.args), expected, strict=True):
            assert np.shape(got) == np.shape(want)
            assert np.asarray(got).dtype == np.asarray(want).dtype
            if exact:
                np.testing.assert_array_equal(got, want)
            else:
                single = any(np.asarray(value).dtype == np.float32 for value in r.values.values())
                tolerance = 2e-3 if single else 1e-9
                np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def test_an_index_out_of_range_is_numpys_error() -> None:
    r = Recorder()
    x, i = r.input(np.arange(12.0).reshape(3, 4)), r.input(np.array([0, 2, -1]))
    y = r.op("getitem", x, i, params=(("here",),))
    z = r.op("scatter_add", x, y, i, params=(("here",),))
    run = compile(r.graph([y, z]))
    check(r, [y, z])
    with pytest.raises(IndexError, match="index 3 is out of bounds for axis 0 with size 3"):
        run([r.args[0], np.array([0, 3, 1])])
    with pytest.raises(IndexError, match="index -4"):
        run([r.args[0], np.array([-4, 0, 1])])
    np.testing.assert_array_equal(run(r.args)[0], r.values[y])


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "b1"])
@pytest.mark.parametrize("shape", [(100_003,), (300, 257), (3, 40_000), (70, 50, 31), (65_536, 2)])
def test_large_folds_in_blocks(shape: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0 if dtype == "b1" else -9, 2 if dtype == "b1" else 10, shape).astype(dtype)
    r = Recorder()
    x = r.input(values)
    y = r.op("negative", x) if dtype != "b1" else r.op("logical_not", x)
    flipped = r.op("transpose", y, params=(tuple(range(len(shape)))[::-1],))
    made = [y]
    for axes in [tuple(range(len(shape))), (0,), (len(shape) - 1,), tuple(range(len(shape) - 1))]:
        for name in ["max", "min", "any", "all", "sum"][: 4 if dtype == "b1" else 5]:
            made += [r.op(name, z, params=(axes,)) for z in (y, flipped) if axes]
    check(r, made)


def test_sums_are_accurate() -> None:
    rng = np.random.default_rng(0)
    for n in (1000, 1_000_000):
        x = rng.uniform(0, 1, n).astype("f4")
        r = Recorder()
        y = r.op("sum", r.input(x), params=((0,),))
        (got,) = compile(r.graph([y]))(r.args)
        exact = np.sum(x, dtype="f8")
        assert abs(got - exact) <= 2 * np.spacing(np.float32(exact))


SHAPES = [((5,), (5,)), ((3, 5), (5,)), ((5,), (5, 4)), ((3, 5), (5, 4)), ((1, 5), (5, 1)), ((2, 3, 5), (2, 5, 4))]


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "c16"])
@pytest.mark.parametrize(("a", "b"), [*SHAPES, ((3, 0), (0, 4)), ((0, 5), (5, 4)), ((70, 90), (90, 33))])
def test_products_of_any_layout(a: tuple[int, ...], b: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(0)
    r = Recorder()
    made: list[Node] = []
    for turned in (False, True):
        operands: list[Node] = []
        for shape in (a, b):
            axes = tuple(range(len(shape)))
            axes = (*axes[:-2], *axes[-2:][::-1]) if turned else axes
            x = r.input(rng.integers(-4, 5, [shape[i] for i in axes]).astype(dtype))
            operands.append(r.op("transpose", x, params=(axes,)))
        made.append(r.op("matmul", *operands))
        sliced = [r.op("getitem", x, params=((..., slice(None, None, -1)),)) for x in operands[:1]]
        made.append(r.op("matmul", *sliced, operands[1]))
        if dtype in ("f8", "f4"):
            made.append(r.op("matmul", r.op("negative", operands[0]), r.op("square", operands[1])))
    check(r, made)


SEEDS = int(os.environ.get("GEARTRAIN_FUZZ", "0"))
"""How many random programs ``make fuzz`` tries."""


@pytest.mark.parametrize("seed", range(max(60, SEEDS)))
def test_random_programs_to_the_bit(seed: int) -> None:
    program = RandomProgram(seed, exact=True)
    check(program, program.outputs)


@pytest.mark.parametrize("seed", range(max(20, SEEDS // 3)))
def test_random_programs_with_functions(seed: int) -> None:
    program = RandomProgram(seed, exact=False)
    check(program, program.outputs, exact=False)
