"""The sweep sees what the engine does: gradients, and the path identity with gains and merges, on random programs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import geartrain as gt
from geartrain.ir.node import Node
from geartrain.view.record import norm
from geartrain.view.sweep import rms, sweep
from geartrain.view.tape import Tape, run_tape, tape_work

Program = Callable[[Any, Any], Any]

UNARY: list[Callable[[Any], Any]] = [np.tanh, np.sin, np.exp, lambda a: 0.5 * a, lambda a: a[::-1], lambda a: a - 0.3]
BINARY: list[Callable[[Any, Any], Any]] = [np.add, np.multiply, np.subtract, lambda a, b: a @ b * b, np.maximum]
W = np.array([[0.3, -0.8, 0.5], [0.9, 0.2, -0.4], [-0.6, 0.7, 0.1]])


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Random array programs of two inputs: steps on any values before them, and a sum at the end."""
    choices = [
        draw(
            st.tuples(st.sampled_from(UNARY), st.integers(0, i + 1))
            | st.tuples(st.sampled_from(BINARY), st.integers(0, i + 1), st.integers(0, i + 1))
        )
        for i in range(draw(st.integers(1, 9)))
    ]

    def program(x: Any, z: Any) -> Any:
        values = [x, z]
        for f, *operands in choices:
            values.append(f(*[values[i] for i in operands]))
        return np.sum(np.tanh(W @ values[-1]) * values[-1])

    return program


X, Z = np.array([0.31, -0.72, 0.95]), np.array([-0.44, 0.17, 0.63])


@given(programs())
@settings(max_examples=60, deadline=None)
def test_the_sweep_gives_the_gradient(program: Program) -> None:
    tape = run_tape("test", program, (X, Z))
    bars: dict[Node, Any] = {}
    for _ in sweep(tape, bars):
        pass
    quick: dict[Node, Any] = {}
    assert list(sweep(tape, quick, shown=lambda node: False)) == []
    for node, x_bar in zip(tape.inputs, gt.grad(program, argnums=(0, 1))(X, Z), strict=True):
        assert np.allclose(bars.get(node, 0), x_bar, rtol=1e-12, atol=1e-300)
        assert np.allclose(quick.get(node, 0), x_bar, rtol=1e-12, atol=1e-300)
    assert set(bars) <= set(tape.inputs)


@given(programs(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_path_identity(program: Program, random: Any) -> None:
    """log|x_bar| = log|y_bar| + the logs of all gains and merges, along any path."""
    tape = run_tape("test", program, (X, Z))
    total = dict[Node, float]()  # |u_bar|
    out = dict[Node, list[tuple[Node, float, float]]]()  # edges out of u: where to, gain, |c|
    bars: dict[Node, Any] = {}
    for node, y_bar, edges in sweep(tape, bars):
        total[node] = norm(y_bar)
        for edge in edges:
            out.setdefault(edge.operand, []).append((node, edge.gain(y_bar), norm(edge.contribution)))
    for node in tape.inputs:
        total[node] = norm(bars.get(node, 0.0))
    for start in tape.inputs:
        logarithm, u = 0.0, start
        while u is not tape.output and out.get(u):
            v, gain, contribution = random.choice(out[u])
            if contribution == 0 or total[u] == 0:
                break  # a rate of zero on this path, or all cancels: there is no logarithm
            logarithm += np.log10(gain) + np.log10(total[u] / contribution)
            u = v
        else:
            if tape.output is not None and u is tape.output:
                assert total[tape.output] == 1
                assert logarithm == pytest.approx(np.log10(total[start]), rel=1e-9, abs=1e-9)


@given(programs())
@settings(max_examples=60, deadline=None)
def test_work_is_that_of_all_paths_of_the_tape(program: Program) -> None:
    tape = run_tape("test", program, (X, Z))
    lengths = all_paths(tape)
    work = tape_work(tape)
    edges = sum(len(tape.edges(node)) for node in tape.nodes)
    assert (work.paths, work.by_path) == (len(lengths), sum(lengths) - len(lengths))
    assert (work.edges, work.backprop, work.forward) == (edges, edges, 6 * edges)


def all_paths(tape: Tape) -> list[int]:
    lengths: list[int] = []

    def walk(node: Node, length: int) -> None:
        if node in tape.inputs:
            lengths.append(length)
            return
        for i in tape.edges(node):
            walk(node.inputs[i], length + 1)

    assert tape.output is not None
    walk(tape.output, 0)
    return lengths


def test_a_tape_has_just_what_leads_from_the_inputs_to_the_output() -> None:
    def f(x: Any) -> Any:
        np.exp(x)  # not used
        switch = np.floor(x)  # piecewise constant
        return x * 2 + switch

    tape = run_tape("test", f, (np.float64(1.5),))
    assert [node.op.name for node in tape.nodes] == ["multiply", "add"]
    assert [tape.edges(node) for node in tape.nodes] == [[0], [0]]
    assert [node.op.name for node in run_tape("test", lambda x: x * x, (1.5,)).nodes] == ["multiply"]


def test_writes_of_single_elements_are_pulled_in_place() -> None:
    def f(x: Any) -> Any:
        y = np.zeros(2000)
        for i in range(2000):
            y[i] = x * i
        return np.sum(y)

    tape = run_tape("test", f, (1.0,))
    bars: dict[Node, Any] = {}
    assert list(sweep(tape, bars, shown=lambda node: False)) == []
    assert bars[tape.inputs[0]] == 1999 * 1000


def test_norms_neither_overflow_nor_underflow() -> None:
    assert norm(np.array([3e200, 4e200])) == pytest.approx(5e200)
    assert norm(np.array([3e-200, 4e-200])) == pytest.approx(5e-200)
    assert norm(np.array([3.0, 4.0j])) == pytest.approx(5.0)
    assert norm(np.zeros(0)) == norm(0.0) == 0
    assert rms(np.full((5, 5), -2.0)) == pytest.approx(2.0)
