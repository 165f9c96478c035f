"""Data parallel by MPI against threads: ``python -m benchmarks.ranks`` starts itself under ``mpiexec``.

A step of training (loss, gradient, AdamW) on one global minibatch, by one process with one thread, one process with two
threads, two ranks with a thread each, and four ranks on what cores there are; then sums over the ranks, from which
docs/scale.md has its latency and bandwidth.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Spread
from geartrain import mpi, nn, optim, train
from geartrain.mpi._world import need
from geartrain.train.gpt import gpt
from geartrain.train.loop import pick
from geartrain.train.shared_step import SharedStep
from geartrain.train.stepping import Step
from geartrain.train.team import Team

SETUPS = {
    "1 process, 1 thread": (1, 1),
    "1 process, 2 threads": (1, 2),
    "2 ranks, 1 thread each": (2, 1),
    "4 ranks": (4, 1),
}
SIZES = [1, 1 << 10, 1 << 14, 1 << 18, 1 << 20, 1 << 22]
"""Numbers of float32 in the sums that are timed."""


def mlp() -> tuple[Any, Any, tuple[Any, ...]]:
    """784-512-256-10, minibatch 256: the loss, the parameters, the data."""
    rng = np.random.default_rng(0)
    net = nn.sequential(nn.dense(784, 512), nn.relu, nn.dense(512, 256), nn.relu, nn.dense(256, 10))
    data = rng.standard_normal((256, 784)).astype(np.float32), rng.integers(0, 10, 256)
    return lambda p, x, y: nn.cross_entropy(net.apply(p, x), y), net.init(rng), data


def small_gpt() -> tuple[Any, Any, tuple[Any, ...]]:
    """D 128, 4 layers, 4 heads, context 128, minibatch 8."""
    rng = np.random.default_rng(0)
    model = gpt(64, 128, 128, 4, 4)
    return model.loss, model.init(rng), (rng.integers(0, 64, (8, 129)),)


MODELS: dict[str, Callable[[], Any]] = {"mlp": mlp, "gpt": small_gpt}


def steps(name: str, seconds: float) -> list[float]:
    """Seconds of each step on this rank's share, for about so many seconds."""
    loss, params, data = MODELS[name]()
    team = train.team() if mpi.launched() else Team()
    optimizer = optim.adamw(1e-3)
    state = optimizer.init(params)
    share = pick(data, team.part(np.arange(len(data[0]))))
    step = SharedStep(loss, optimizer, team, params) if team.size > 1 else Step(loss, optimizer)

    def noise() -> np.random.Generator:
        return np.random.default_rng(0)

    taken: list[float] = []
    for _ in range(3):
        made = step(params, state, share, noise)
        params, state = made.params, made.optimizer
    began = time.perf_counter()
    while team.any(time.perf_counter() - began < seconds):
        start = time.perf_counter()
        made = step(params, state, share, noise)
        params, state = made.params, made.optimizer
        taken.append(time.perf_counter() - start)
    assert step.kind == "native", step.how
    return taken


def sums() -> dict[int, float]:
    """The least seconds of a sum of so many float32 over the ranks."""
    comm = mpi.world()
    found: dict[int, float] = {}
    for size in SIZES:
        x = np.ones(size, np.float32)
        times: list[float] = []
        for _ in range(100):
            comm.Barrier()
            start = time.perf_counter()
            comm.Allreduce(need().IN_PLACE, x)
            times.append(time.perf_counter() - start)
            x.fill(1)
        found[size] = min(times)
    return found


def started(ranks: int, threads: int, *arguments: str) -> Any:
    """What ``python -m benchmarks.ranks --inside ...`` finds on so many ranks."""
    environment = {**os.environ, "GEARTRAIN_THREADS": str(threads), "OPENBLAS_NUM_THREADS": "1"}
    beside = Path(sys.executable).with_name("mpiexec")
    mpiexec = [str(beside) if beside.exists() else shutil.which("mpiexec") or "mpiexec", "-n", str(ranks)]
    command = [*(mpiexec if ranks > 1 else []), sys.executable, "-m", "benchmarks.ranks", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def compare(name: str, rounds: int, seconds: float, quickest: bool) -> None:
    """Measure a model in all setups, in turns, and print a line for each."""
    summed_up = min if quickest else np.median
    taken: dict[str, list[float]] = {setup: [] for setup in SETUPS}
    for _ in range(rounds):
        for setup, (ranks, threads) in SETUPS.items():
            found = started(ranks, threads, "--inside", name, "--seconds", str(seconds))
            taken[setup].append(float(summed_up(found)))
    print(f"\n{name}: {MODELS[name].__doc__}")
    for setup, times in taken.items():
        base = taken["1 process, 2 threads"]
        ratio = Spread.of([a / b for a, b in zip(times, base, strict=True)])
        against = f"{ratio.median:.2f}x of two threads ({ratio.low:.2f} to {ratio.high:.2f})"
        print(f"  {setup:24} {float(summed_up(times)) * 1e3:8.2f} ms   {against}")


def main() -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ranks", description=__doc__)
    parser.add_argument("--only", choices=MODELS, action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--quickest", action="store_true", help="the quickest step of each run, for a busy machine")
    parser.add_argument("--inside", choices=[*MODELS, "sums"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        found = sums() if arguments.inside == "sums" else steps(arguments.inside, arguments.seconds)
        if not mpi.launched() or mpi.rank() == 0:
            print(json.dumps(found))
        return
    for name in arguments.only or MODELS:
        compare(name, arguments.rounds, arguments.seconds, arguments.quickest)
    for ranks in (2, 4):
        found = started(ranks, 1, "--inside", "sums")
        listed = ", ".join(f"{int(n) * 4:,} bytes {seconds * 1e6:,.0f} µs" for n, seconds in found.items())
        print(f"\nsums over {ranks} ranks, the quickest of 100: {listed}")


if __name__ == "__main__":
    main()
