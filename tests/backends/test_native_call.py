"""Compiled graphs behind the native call entry."""

from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain import tree
from geartrain.api import value_and_grad
from geartrain.backends import llvm
from geartrain.backends.compile import compile
from geartrain.recording import record

if not llvm.installed():
    pytest.skip("llvmlite is not installed", allow_module_level=True)

from geartrain.backends.cpu import runtime
from geartrain.backends.cpu.executor import Executor
from geartrain.backends.cpu.program import Array, Leaf, Program, Scalar


def leaf(aval: Any) -> Leaf:
    if aval.shape != ():
        return Array(aval.dtype, aval.shape)
    return Scalar(float if aval.weak else aval.dtype.type)


def native(f: Any, *args: Any) -> Any:
    """``f`` as a builtin function; calls that do not fit go to ``f``."""
    graph, run = record(f, *args)
    compiled = compile(graph)
    assert isinstance(compiled, Executor)
    plan = compiled.native()
    assert plan is not None
    made = runtime.function(lambda which, status, a, kw: ("slow", status, f(*a, **kw)))
    inputs, outputs = [leaf(n.aval) for n in graph.inputs], [leaf(n.aval) for n in graph.outputs]
    made.install(
        Program(
            *(tree.flatten(args)[1], inputs, run.result_def, outputs),
            *(plan.address, plan.arena, plan.keep),
            context=plan.context,
        )
    )
    return made.call


def test_a_scalar_function_is_called_natively() -> None:
    f = value_and_grad(lambda x: (3 * x + 1) ** 2)
    g = native(f, 1.5)
    for x in (1.5, -2.0, 0.0):
        assert g(x) == f(x)
        assert [type(y) for y in g(x)] == [float, float]
    assert g(np.float64(1.0))[0] == "slow"


def test_arrays_containers_and_constants() -> None:
    table = np.arange(5.0)

    def f(p: Any, x: Any) -> Any:
        return {"y": np.sum(np.tanh(x @ p["w"]) + p["b"] + table, axis=0), "s": p["b"] * 2}

    p = {"w": np.linspace(0, 1, 15).reshape(3, 5), "b": 0.5}
    x = np.linspace(-1, 1, 12).reshape(4, 3)
    g, expected = native(f, p, x), f(p, x)
    got = g(p, x)
    for _ in range(3):
        np.testing.assert_allclose(got["y"], expected["y"], rtol=1e-13)
        assert got["s"] == expected["s"]
        got = g(p, x)
    assert got["y"].flags.owndata


def test_an_index_out_of_range_goes_the_slow_way() -> None:
    def f(x: Any, i: Any) -> Any:
        return x[i] * 2

    g = native(f, np.arange(3.0), np.array([0, 2]))
    np.testing.assert_array_equal(g(np.arange(3.0), np.array([-1, 1])), [4.0, 2.0])
    with pytest.raises(IndexError, match="index 3 is out of bounds"):
        g(np.arange(3.0), np.array([0, 3]))


def test_arguments_by_name_are_native() -> None:
    f = gt.jit(lambda x, *, scale, shift: (x * scale + shift["b"], -shift["a"]))
    x, shift = np.arange(3.0), {"a": 1.0, "b": np.ones(3)}
    for given in ({"scale": 2.0, "shift": shift}, {"shift": shift, "scale": 2.0}):  # each order is a program
        f(x, **given)
        before = f.calls()[0]
        y, z = f(x, **given)
        np.testing.assert_array_equal(y, 2 * x + 1)
        assert (type(z), z) == (float, -1.0)
        assert f.calls()[0] == before + 1
    y, _ = f(x=x, shift=shift, scale=3.0)
    np.testing.assert_array_equal(y, 3 * x + 1)
    y, _ = f(x, **{bytes([115, 99, 97, 108, 101]).decode(): 5.0, "shift": shift})  # equal text, another object
    np.testing.assert_array_equal(y, 5 * x + 1)
    with pytest.raises(TypeError):
        f(x, scale=2.0)
    with pytest.raises(TypeError):
        f(x, scale=2.0, shift=shift, other=1.0)


def test_names_and_places_do_not_get_mixed_up() -> None:
    f = gt.jit(lambda a, b: a - 2 * b)
    for _ in range(3):
        assert f(1.0, 2.0) == f(1.0, b=2.0) == f(a=1.0, b=2.0) == f(b=2.0, a=1.0) == -3.0
    assert f.calls()[0] == 8
