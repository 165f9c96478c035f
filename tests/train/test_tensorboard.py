"""Events for TensorBoard: read back from the files, without the writer's own code."""

import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboardX.proto import event_pb2

from geartrain import cli, optim
from geartrain.errors import MissingPackage
from geartrain.train import TensorBoard, fit, job

EVENT: Any = vars(event_pb2)["Event"]
X = np.linspace(-1, 1, 50)


def loss(w: Any, x: Any) -> Any:
    return np.mean((x * w - 3 * x) ** 2)


def events(folder: Path) -> list[Any]:
    """All events in the files of ``folder``, oldest file first: length, its checksum, an event, its checksum."""
    found: list[Any] = []
    for path in sorted(folder.glob("events*"), key=lambda path: path.stat().st_mtime_ns):
        data, place = path.read_bytes(), 0
        while place < len(data):
            (length,) = struct.unpack_from("<Q", data, place)
            found.append(EVENT.FromString(data[place + 12 : place + 12 + length]))
            place += 16 + length
        assert place == len(data)
    return found


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """What TensorBoard would draw: the value of each tag at each step, without what a later start purged."""
    drawn: dict[str, dict[int, float]] = {}
    for event in events(folder):
        if event.HasField("session_log") and event.session_log.status == event.session_log.START:
            drawn = {tag: {s: v for s, v in points.items() if s < event.step} for tag, points in drawn.items()}
        for value in event.summary.value:
            drawn.setdefault(value.tag, {})[event.step] = value.simple_value
    return drawn


def train(folder: Path, epochs: int, **more: Any) -> Any:
    with TensorBoard(folder / "events", batch_size=10) as board:
        return fit(
            loss, np.array(0.0), [X], optimizer=optim.sgd(0.1), epochs=epochs, batch_size=10, validation=[X],
            observers=[board, *more.pop("observers", ())], folder=folder / "run", **more,
        )  # fmt: skip


def test_every_step_and_epoch_is_there(tmp_path: Path) -> None:
    fitted = train(tmp_path, 3)
    drawn = scalars(tmp_path / "events")
    assert set(drawn) == {"loss", "train_loss", "test_loss", "seconds", "samples_per_second"}
    assert [*drawn["loss"]] == [
        step for step in range(1, 15) if step % 5
    ]  # after the last of an epoch it is train_loss
    for name in ("train_loss", "test_loss"):
        assert [*drawn[name]] == [5, 10, 15]
        assert [*drawn[name].values()] == pytest.approx([r[name] for r in fitted.records], rel=1e-6)


def test_a_run_that_goes_on_draws_one_line(tmp_path: Path) -> None:
    class Lost(Exception):
        pass

    def crash(state: Any, record: Any) -> None:
        if state.step == 8:
            raise Lost

    with pytest.raises(Lost):
        train(tmp_path, 3, observers=[crash])  # the checkpoint is of step 5
    whole = train(tmp_path / "whole", 3)
    train(tmp_path, 3)
    drawn, wanted = scalars(tmp_path / "events"), scalars(tmp_path / "whole" / "events")
    assert drawn["loss"] == wanted["loss"]
    assert drawn["train_loss"] == wanted["train_loss"]
    assert len(whole.records) == 3


def test_without_the_writer_an_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingPackage, match=r"pip install 'geartrain\[tensorboard\]'"):
        TensorBoard(tmp_path)


def test_the_command_writes_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "_finish", lambda *_: None)  # the report takes longer than these epochs
    options = ["--epochs", "2", "--hidden", "4", "--batch-size", "400", "--out", str(tmp_path / "run")]
    assert cli.main(["train", "digits", *options, "--tensorboard", str(tmp_path / "events")]) == 0
    drawn = scalars(tmp_path / "events")
    assert {"loss", "train_loss", "test_loss", "test_accuracy"} <= set(drawn)
    assert [*drawn["test_accuracy"]] == [4, 8]
    assert [*drawn["loss"]] == [1, 2, 3, 5, 6, 7]
