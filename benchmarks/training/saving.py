"""A checkpoint of 100 MB: how long it takes beside the disk's own time, and how much training waits for it."""

import functools
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Spread, in_turns, ratios
from benchmarks.rows import Row
from geartrain import nn, optim
from geartrain.train import atomic, checkpoint
from geartrain.train.keeper import Keeper
from geartrain.train.loop import State, steps
from geartrain.train.run import RunFolder
from geartrain.train.stepping import Step

SIDES = (784, 2560, 2560, 10)
"""Three numbers for each of 8.6 million parameters (Adam): 103 MB."""
EVERY = 20
"""Steps between two checkpoints."""
BATCH, RATE, MOST = 128, 1e-3, 9

network = nn.sequential(
    nn.dense(SIDES[0], SIDES[1]), nn.relu, nn.dense(SIDES[1], SIDES[2]), nn.relu, nn.dense(SIDES[2], SIDES[3])
)


def loss(params: Any, x: Any, labels: Any) -> Any:
    """The cross entropy of a perceptron."""
    return nn.cross_entropy(network.apply(params, x), labels)


def saving(rounds: int) -> list[Row]:
    """Both comparisons. Files go to the folder for temporary files, and are forced to its disk."""
    rng = np.random.default_rng(0)
    params, optimizer = network.init(rng), optim.adam(RATE)
    state = State(params, optimizer.init(params), dict(rng.bit_generator.state))
    with tempfile.TemporaryDirectory() as folder:
        rows = _against_the_disk(Path(folder), state, min(rounds, MOST))
        return rows + _against_no_saving(Path(folder), state, min(rounds, MOST))


def _against_the_disk(folder: Path, state: State, rounds: int) -> list[Row]:
    arrays = {"params": state.params, "optimizer": state.optimizer}
    path = folder / "saved"
    checkpoint.save(path, arrays, {})
    data = path.read_bytes()
    runs = {
        "save": functools.partial(checkpoint.save, path, arrays, {}),
        "disk": functools.partial(atomic.write, folder / "written", data),
    }
    seconds = in_turns(runs, rounds)
    medians = {name: Spread.of(taken).median for name, taken in seconds.items()}
    there = f"{len(data) / 1e6:.0f} MB, {medians['save']:.3f} s; the disk {medians['disk']:.3f} s"
    return [Row("saving / writing as many bytes", ratios(seconds["save"], seconds["disk"]), "×", detail=there)]


def _against_no_saving(folder: Path, state: State, rounds: int) -> list[Row]:
    """Stretches of ``EVERY`` steps, in turns with a checkpoint that is written meanwhile, and without."""
    rng = np.random.default_rng(1)
    data = rng.random((BATCH * EVERY, SIDES[0])).astype(np.float32), rng.integers(0, SIDES[-1], BATCH * EVERY)
    optimizer = optim.adam(RATE)
    step = Step(loss, optimizer, compiled=True)
    training = steps(loss, optimizer, state, *data, batch_size=BATCH, epochs=10**6, taking=step)
    waits: list[float] = []

    with RunFolder.create(folder / "run", {}) as run, Keeper(run, {}, 2, step) as keeper:

        def stretch(save: bool) -> None:
            start = time.perf_counter()
            reached = next(training)
            before = time.perf_counter()
            if save:
                keeper.save(reached)
            called = time.perf_counter()
            for _ in range(EVERY - 1):
                next(training)
            end = time.perf_counter()
            keeper.wait()  # what is still to be written here would have kept the next save waiting
            if save:
                waits.append((called - before + time.perf_counter() - end) / (time.perf_counter() - start))

        runs = {"saving": functools.partial(stretch, True), "plain": functools.partial(stretch, False)}
        in_turns(runs, 1)
        waits.clear()
        seconds = in_turns(runs, rounds)
    each = 1e3 * Spread.of(seconds["plain"]).median / EVERY
    detail = f"a checkpoint every {EVERY} steps of {each:.0f} ms"
    return [
        Row("training with saving / without", ratios(seconds["saving"], seconds["plain"]), "×", 1.05, detail=detail),
        Row("of it standing still", Spread.of([100 * wait for wait in waits]), "%", 5.0),
    ]
