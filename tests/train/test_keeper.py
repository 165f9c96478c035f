"""Checkpoints are written behind the training, which goes on meanwhile, and is told of what fails."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geartrain.train import WriteError, checkpoint, fit
from geartrain.train.behind import Behind

X = np.linspace(-1, 1, 64)


def loss(w: Any, x: Any) -> Any:
    return np.mean((x * w - x) ** 2)


def test_training_goes_on_while_a_checkpoint_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine, first, seen = checkpoint.save, threading.Event(), threading.Event()
    written: list[int] = []

    def slow(path: Path, arrays: Any, facts: Any) -> None:
        if facts["step"] == 2:
            first.set()
            assert seen.wait(30)  # by then the steps after it are done
        genuine(path, arrays, facts)
        written.append(facts["step"])

    def observe(state: Any, record: Any) -> None:
        if state.step == 3:
            assert first.wait(30)
            assert written == [0]
            seen.set()

    monkeypatch.setattr(checkpoint, "save", slow)
    fit(loss, np.array(0.0), (X,), batch_size=8, epochs=1, save_every=2, folder=tmp_path, observers=[observe])
    assert written == [0, 2, 4, 6, 8]
    assert checkpoint.read(tmp_path / "checkpoint.safetensors")[1]["step"] == 8


def test_a_write_that_fails_behind_the_training_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = checkpoint.save

    def full(path: Path, arrays: Any, facts: Any) -> None:
        if facts["step"] == 4:
            raise WriteError("cannot write: No space left on device")
        genuine(path, arrays, facts)

    monkeypatch.setattr(checkpoint, "save", full)
    steps: list[int] = []
    for epochs in (1, 2):  # at the end of the run, and while it is under way
        with pytest.raises(WriteError, match="No space left"):
            fit(
                loss, np.array(0.0), (X,), batch_size=8, epochs=epochs, save_every=4, folder=tmp_path / str(epochs),
                observers=[lambda state, _: steps.append(state.step)],
            )  # fmt: skip
        assert checkpoint.read(tmp_path / str(epochs) / "checkpoint.safetensors")[1]["step"] == 0
    assert max(steps) == 8


def test_tasks_are_done_in_order_and_the_last_one_ends_with_the_block() -> None:
    done: list[int] = []
    go = threading.Event()
    with Behind() as behind:
        for i in range(5):
            behind.do(lambda i=i: done.append(i))
        behind.do(lambda: (go.wait(30), done.append(5)))
        assert done == [0, 1, 2, 3, 4]
        go.set()
    assert done == [0, 1, 2, 3, 4, 5]
