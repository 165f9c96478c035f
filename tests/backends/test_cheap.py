"""Cheap values are made again where they are wanted: fewer bytes, the same bits."""

from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.backends import llvm
from geartrain.schedule import cheap
from tests.backends.recorder import RandomProgram
from tests.backends.test_compile import check

pytestmark = pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed")

R = np.random.default_rng(0)
W = [R.normal(size=(32, 32)) / 6 for _ in range(3)]
X = R.normal(size=(100, 32))


def gelu(x: Any) -> Any:
    return 0.5 * x * (1 + np.tanh(0.8 * (x + 0.045 * x * x * x)))


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


@pytest.mark.parametrize(("act", "kept"), [(gelu, 3), (np.tanh, 1), (relu, 1)])
def test_what_a_layer_keeps(act: Any, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GELU its operand, the tanh and its value; a tanh its value; a ReLU its value, and truth values."""

    def loss(w: Any, x: Any) -> Any:
        for each in w:
            x = act(x @ each + 0.1)
        return np.mean(x * x)

    step = gt.jit(gt.value_and_grad(loss))
    step(W, X)
    first = next(line for line in step.lower(W, X).schedule.splitlines() if line.startswith("1:"))
    text = step.lower(W, X).optimised
    stored = first.split("; stores ")[1].split(", ")
    floats = [name for name in stored if f"{name} = " in text and ": f64" in text.split(f"{name} = ")[1].split("\n")[0]]
    assert len(floats) == kept
    want = gt.value_and_grad(loss)(W, X)
    for got, plain in zip(gt.tree.leaves(step(W, X)), gt.tree.leaves(want), strict=True):
        np.testing.assert_allclose(got, plain, rtol=1e-12, atol=1e-15)
    arena = step.report(W, X).arena
    monkeypatch.setattr(cheap, "MOST", 0)  # nothing is made again
    plain_step = gt.jit(gt.value_and_grad(loss))
    plain_step(W, X)
    assert arena <= plain_step.report(W, X).arena


@pytest.mark.parametrize("seed", range(40))
def test_random_programs_to_the_bit(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cheap, "LEAST", 1)
    program = RandomProgram(1000 + seed, exact=True)
    check(program, program.outputs)
