"""What is measured in one process, and what must hold."""

import functools
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import geartrain as gt
from benchmarks import programs
from benchmarks.measure import Run, Spread, in_turns, interleaved, ratios
from benchmarks.peers import Peer
from benchmarks.rows import Row
from benchmarks.short import SHORT
from benchmarks.training.contest import measured
from benchmarks.training.saving import saving

QUICK = ("autograd", "jax", "jax.jit", "torch")
"""All peers. The long Python loops are for those alone that run them step by step in bearable time."""


Case = Callable[[list[Peer], int], list[Row]]
"""Measures with the peers at hand in a number of rounds."""


def _against(program: Callable[..., Any], arguments: Callable[[], tuple[Any, ...]], names: tuple[str, ...]) -> Case:
    """Our time for a value with its gradient, over each peer's, for a program that all of them can differentiate.

    Ours is measured twice: run by Python on every call, and compiled by ``jit``.
    """

    def measure(peers: list[Peer], rounds: int) -> list[Row]:
        ours, *others = [peer for peer in peers if peer.name in ("geartrain", "geartrain.jit", *names)]
        runs = {peer.name: _gradient_run(peer, program, arguments()) for peer in (ours, *others)}
        for peer in others:
            _must_agree(peer.name, runs[ours.name](), runs[peer.name]())
        seconds = interleaved(runs, rounds)
        rows: list[Row] = []
        for name, label in ((ours.name, "ours"), ("geartrain.jit", "ours, jit")):
            if name not in seconds:
                continue
            rows.append(Row(f"{label}, alone", Spread(*(1e6 * t for t in Spread.of(seconds[name]))), "µs"))
            for peer in others:
                if peer.name == "geartrain.jit":
                    continue
                must = peer.name == "autograd" and name == ours.name
                rows.append(
                    Row(
                        f"{label} / {peer.name}",
                        ratios(seconds[name], seconds[peer.name]),
                        "×",
                        limit=1.0 if must else None,
                        aim=0.7 if must else None,
                        detail=f"{1e6 * Spread.of(seconds[peer.name]).median:,.0f} µs there",
                    )
                )
        return rows

    return measure


def _gradient_run(peer: Peer, program: Callable[..., Any], arguments: tuple[Any, ...]) -> Run:
    value_and_grad = peer.value_and_grad(lambda *args: program(peer.xp, *args))  # a lambda: some ask f for its name
    prepared = [peer.prepare(argument) for argument in arguments]
    return lambda: peer.wait(value_and_grad(*prepared))


def _must_agree(name: str, ours: Any, theirs: Any) -> None:
    (y, x_bar), (other_y, other_x_bar) = ours, theirs
    pairs = [(y, other_y), *zip(gt.tree.leaves(x_bar), gt.tree.leaves(other_x_bar), strict=True)]
    for a, b in pairs:
        np.testing.assert_allclose(
            np.asarray(a), np.asarray(b), rtol=1e-6, atol=1e-9, err_msg=f"we and {name} disagree"
        )


def _short(peers: list[Peer], rounds: int) -> list[Row]:
    """Ten short programs, run by Python on every call: ours over HIPS autograd's, which must agree."""
    by_name = {peer.name: peer for peer in peers}
    ours, theirs = by_name["geartrain"], by_name.get("autograd")
    rows: list[Row] = []
    for what, (program, at) in SHORT.items():
        runs = {peer.name: _gradient_run(peer, program, (at,)) for peer in (ours, theirs) if peer is not None}
        if theirs is not None:
            _must_agree(theirs.name, runs[ours.name](), runs[theirs.name]())
        seconds = interleaved(runs, rounds)
        microseconds = Spread(*(1e6 * t for t in Spread.of(seconds[ours.name])))
        if theirs is None:
            rows.append(Row(what, microseconds, "µs"))
        else:
            there = f"ours {microseconds.median:.0f} µs"
            rows.append(Row(what, ratios(seconds[ours.name], seconds[theirs.name]), "×", limit=1.0, detail=there))
    return rows


def _coverage(_: list[Peer], __: int) -> list[Row]:
    """How many of the public functions for which a derivative makes sense have one, in per cent."""
    found = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "coverage.py"))
    numpy = found["np"]
    tables = {module.__name__: found["rows_of"](module) for module in (numpy, numpy.linalg, numpy.fft)}
    rows: list[Row] = []
    for name, kinds in {**tables, "ndarray": found["methods"]()}.items():
        there, of = found["share"](kinds)
        share = 100 * there / of
        rows.append(Row(name, Spread(share, share, share), "%", detail=f"{there} of {of}"))
    return rows


def _filling(_: list[Peer], rounds: int) -> list[Row]:
    """Time per element of a gradient through an array filled element by element: flat, if assignment costs O(n)."""
    gradient = gt.grad(programs.filled)
    sizes = (100, 1_000, 10_000)
    runs = {str(n): functools.partial(gradient, np.linspace(0.1, 1.0, n)) for n in sizes}
    seconds = interleaved(runs, rounds)
    per_element = {n: [t / n for t in seconds[str(n)]] for n in sizes}
    first = sizes[0]
    rows = [Row(f"n = {first:,}", Spread.of([1e6 * t for t in per_element[first]]), "µs/element")]
    for n in sizes[1:]:
        each = 1e6 * Spread.of(per_element[n]).median
        value = ratios(per_element[n], per_element[first])
        rows.append(Row(f"n = {n:,} / n = {first:,}", value, "×", limit=1.3, aim=1.1, detail=f"{each:.2f} µs/element"))
    return rows


def _gradient_over_forward(_: list[Peer], rounds: int) -> list[Row]:
    """What a loss with its gradient costs, in units of the plain NumPy loss."""
    rows: list[Row] = []
    for dtype in ("float32", "float64"):
        params = programs.layers((784, 512, 512, 10), dtype)
        x, targets = programs.minibatch(512, 784, dtype)
        loss = functools.partial(programs.perceptron, np)
        runs: dict[str, Run] = {
            "forward": functools.partial(loss, params, x, targets),
            "both": functools.partial(gt.value_and_grad(loss), params, x, targets),
        }
        seconds = interleaved(runs, rounds)
        there = f"forward {1e3 * Spread.of(seconds['forward']).median:.1f} ms"
        value = ratios(seconds["both"], seconds["forward"])
        rows.append(Row(f"gradient / forward, {dtype}", value, "×", limit=3.5, aim=3.0, detail=there))
    return rows


def _sparse(_: list[Peer], rounds: int) -> list[Row]:
    """A tridiagonal Jacobian and a banded Hessian of 1,000 columns: in colours, over column by column."""
    u = np.sin(np.linspace(0.0, 9.0, 1_000))
    rows: list[Row] = []
    for what, derivative, f in (("Jacobian", gt.jacobian, programs.rod), ("Hessian", gt.hessian, programs.valley)):
        dense, sparse = derivative(f), derivative(f, sparse=True)
        np.testing.assert_allclose(sparse(u).toarray(), dense(u), rtol=1e-9, atol=1e-9)
        runs: dict[str, Run] = {"sparse": functools.partial(sparse, u), "dense": functools.partial(dense, u)}
        seconds = in_turns(runs, max(2, rounds // 8))
        there = f"sparse {1e3 * Spread.of(seconds['sparse']).median:.1f} ms"
        value = ratios(seconds["sparse"], seconds["dense"])
        rows.append(Row(f"{what}: sparse / dense", value, "×", limit=1.0, aim=0.1, detail=there))
    return rows


def _importing(_: list[Peer], rounds: int) -> list[Row]:
    """Seconds for ``import geartrain`` in a process of its own that has imported NumPy already."""
    program = "import time, numpy; start = time.perf_counter(); import geartrain; print(time.perf_counter() - start)"

    settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def once() -> float:
        command = [sys.executable, "-c", program]
        ended = subprocess.run(command, capture_output=True, text=True, check=True, env=settings)
        return float(ended.stdout)

    once()  # writes the byte code
    milliseconds = [1e3 * once() for _ in range(rounds)]
    return [Row("import geartrain, beyond NumPy", Spread.of(milliseconds), "ms", limit=80.0, aim=50.0)]


def _training(name: str) -> Case:
    return lambda _, rounds: measured(name, rounds)


def _perceptron_step() -> tuple[Any, ...]:
    return (programs.layers((64, 128, 128, 10), "float64"), *programs.minibatch(32, 64, "float64"))


def _two_hundred() -> tuple[Any, ...]:
    return ([np.linspace(-1.0, 1.0, 32) * k for k in range(1, 201)],)


CASES: dict[str, Case] = {
    "scalar": _against(programs.twenty, lambda: (0.7,), QUICK),
    "mlp": _against(programs.perceptron, _perceptron_step, QUICK),
    "rk4": _against(programs.growth, lambda: (0.1,), ("autograd", "torch")),
    "rk4-vector": _against(programs.pendulum, lambda: (np.array([1.0, 0.0]),), ("autograd",)),
    "list": _against(programs.squares, _two_hundred, QUICK),
    "short": _short,
    "coverage": _coverage,
    "filling-cost": _filling,
    "gradient-cost": _gradient_over_forward,
    "sparse": _sparse,
    "import": _importing,
    "train-cnn": _training("cnn"),
    "train-gpt": _training("gpt"),
    "train-mlp": _training("perceptron"),
    "checkpoint": lambda _, rounds: saving(rounds),
}

TITLES = {
    "scalar": "a function of one number, 20 operations",
    "mlp": "a perceptron 64-128-128-10, minibatch of 32",
    "rk4": "Runge-Kutta, 1,000 steps in a Python loop, one number",
    "rk4-vector": "Runge-Kutta, 1,000 steps in a Python loop, a 2-vector",
    "list": "the squares of a list of 200 arrays",
    "short": "ten short programs, ours / HIPS autograd",
    "coverage": "NumPy's public functions that have a derivative",
    "filling-cost": "b = np.zeros(n), then b[i] = f(x[i]) in a loop",
    "gradient-cost": "a perceptron 784-512-512-10, minibatch of 512",
    "sparse": "derivatives with 1,000 columns, three of them beside each other in a row",
    "import": "starting",
    "train-cnn": "a training step: convolutions 1-16-32, images of 28 x 28, 64 at a time, Adam",
    "train-gpt": "a training step: GPT of width 128, 4 layers, 4 heads, 8 texts of 128 characters, AdamW",
    "train-mlp": "a training step: a perceptron 784-512-512-10, 128 at a time, Adam",
    "checkpoint": "a checkpoint of 103 MB (a perceptron 784-2560-2560-10 with Adam), forced to the disk",
}
