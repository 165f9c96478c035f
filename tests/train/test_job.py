"""The whole job, as a user runs it: `geartrain train digits`, interrupted, killed, resumed, with a full disk."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rich.console

from geartrain import cli
from geartrain.errors import GeartrainError
from geartrain.train import Config, RunFolder, Team, atomic, checkpoint, fitting, interrupt, job, progress

FILES = [
    "checkpoint.1.safetensors",
    "checkpoint.safetensors",
    "config.json",
    "metrics.jsonl",
    "model.safetensors",
    "picture.png",
    "report.json",
]
SMALL = ["--hidden", "16", "--batch-size", "64"]


@pytest.fixture
def no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than these short runs do."""

    def draw(*_: object) -> bytes:
        return b"PNG"

    monkeypatch.setattr(job.picture, "draw", draw)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored where the tests run
    yield
    signal.signal(signal.SIGINT, before)


def geartrain(*arguments: str) -> int:
    return cli.main(["train", "digits", *arguments])


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "geartrain", "train", "digits", *arguments]


def result(out: str) -> tuple[bytes, bytes, list[Any]]:
    """What must be the same bits in two runs that should be equal: all but the timings."""
    metrics = [json.loads(line) for line in Path(out, "metrics.jsonl").read_text().splitlines()]
    for record in metrics:
        del record["seconds"], record["samples_per_second"]
    return Path(out, "checkpoint.safetensors").read_bytes(), Path(out, "model.safetensors").read_bytes(), metrics


def test_learns_to_read_digits(capsys: pytest.CaptureFixture[str]) -> None:
    assert geartrain() == 0
    run = Path("runs/digits-1")
    assert sorted(path.name for path in run.iterdir()) == FILES
    report = json.loads((run / "report.json").read_text())
    assert report["test_accuracy"] >= 0.97
    assert report["parameters"] == 9610
    assert report["agreement"]["checked"] == 30
    assert report["agreement"]["worst"] < 1e-5
    printed = capsys.readouterr().out
    assert printed.count("samples/s") == 40
    assert all(sentence in printed for sentence in report["sentences"])
    assert str(run) in printed


@pytest.mark.usefixtures("no_picture")
def test_a_resumed_run_is_the_uninterrupted_run_to_the_bit() -> None:
    assert geartrain("--out", "whole", "--epochs", "4", *SMALL) == 0
    assert geartrain("--out", "parts", "--epochs", "2", *SMALL) == 0
    assert geartrain("--out", "parts", "--epochs", "4", "--resume") == 0
    assert result("parts") == result("whole")
    assert geartrain("--out", "parts", "--resume") == 0  # nothing left to do: the same again
    assert result("parts") == result("whole")
    assert geartrain("--out", "other", "--epochs", "4", "--seed", "1", *SMALL) == 0
    assert result("other") != result("whole")


@pytest.mark.usefixtures("no_picture")
@pytest.mark.parametrize("after", [1, 30, 46, 69])
def test_ctrl_c_after_any_step_leaves_a_checkpoint_that_goes_on_exactly(
    after: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert geartrain("--out", "whole", "--epochs", "3", *SMALL) == 0
    genuine = fitting.steps

    def interrupted(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for n, state in enumerate(genuine(*args, **kwargs), start=1):
            if n == after:
                signal.raise_signal(signal.SIGINT)
            yield state

    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "steps", interrupted)
        assert geartrain("--out", "parts", "--epochs", "3", *SMALL) == 130
    said = capsys.readouterr().out
    assert "Stopped by Ctrl-C. The checkpoint is parts/checkpoint.safetensors." in said
    assert "geartrain train digits --resume --out parts" in said
    assert checkpoint.read(Path("parts/checkpoint.safetensors"))[1]["step"] == after
    assert geartrain("--out", "parts", "--resume") == 0
    assert result("parts") == result("whole")


def test_ctrl_c_at_a_random_moment_and_resumed() -> None:
    """``kill -9`` at random moments is in test_fit.py."""
    kill, epochs = signal.SIGINT, ["--epochs", "8", *SMALL]
    assert geartrain("--out", "whole", *epochs) == 0
    process = subprocess.Popen(command("--out", "parts", *epochs), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    metrics = Path("parts/metrics.jsonl")
    deadline = time.monotonic() + 60
    while not (metrics.exists() and metrics.stat().st_size) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(float(np.random.default_rng().uniform(0, 0.3)))
    process.send_signal(kill)
    output = process.communicate(timeout=60)[0].decode()
    assert process.returncode in (-kill, 0, 130), output
    assert "Traceback" not in output
    assert geartrain("--out", "parts", "--resume") == 0
    assert result("parts") == result("whole")
    assert sorted(path.name for path in Path("parts").iterdir()) == FILES


def test_ctrl_c_before_and_after_training(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(job, "load", interrupted)
        assert geartrain() == 130
    assert "stopped by Ctrl-C" in capsys.readouterr().err
    assert not Path("runs").exists()
    monkeypatch.setattr(job.report, "measure", interrupted)
    assert geartrain("--epochs", "1", *SMALL) == 130
    assert "The checkpoint is runs/digits-1/checkpoint.safetensors." in capsys.readouterr().out
    assert Path("runs/digits-1/model.safetensors").exists()


def test_the_second_ctrl_c_is_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interrupt.CtrlC() as ctrl_c:
        signal.raise_signal(signal.SIGINT)
        assert ctrl_c.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("no_picture")
@pytest.mark.parametrize("writes", [0, 1, 2, 3, 4, 5, 6, 7])
def test_a_disk_that_fills_up_loses_nothing(
    writes: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    genuine, left = os.replace, [writes]

    def replace(source: Any, target: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        genuine(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, "replace", replace)
        code = geartrain("--out", "run", "--epochs", "2", *SMALL)
    said = capsys.readouterr().err
    assert code == 1
    assert "geartrain: cannot write run/" in said
    assert "No space left on device" in said
    assert len(said.splitlines()) == 1
    if writes:  # else not even the settings could be written, and there is nothing to resume
        assert geartrain("--out", "run", "--resume") == 0
        assert geartrain("--out", "whole", "--epochs", "2", *SMALL) == 0
        assert result("run") == result("whole")


def test_a_nan_stops_the_run_and_leaves_the_checkpoint(capsys: pytest.CaptureFixture[str]) -> None:
    assert geartrain("--learning-rate", "1e18", *SMALL) == 1
    said = capsys.readouterr().err
    assert "stopped at step 2 (epoch 1, minibatch 2 of 23): the loss is " in said
    assert "first made by " in said
    assert "digits_mlp.py:" in said  # the line of the model that made it
    assert "The last good checkpoint stands: runs/digits-1/checkpoint.safetensors" in said
    assert checkpoint.read(Path("runs/digits-1/checkpoint.safetensors"))[1]["step"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--batch-size", "5000"], "batch_size must be at most the 1438 training samples, got 5000"),
        (["--epochs", "0"], "epochs must be a whole number from 1"),
        (["--seed", "-1"], "seed must be"),
        (["--learning-rate", "inf"], "learning_rate must be"),
        (["--resume"], "there is no run to resume in runs/digits-*"),
        (["--resume", "--out", "nothing"], "there is no run to resume in nothing"),
        (["--out", "file"], "cannot make the run folder file: file is a file"),
    ],
)
def test_bad_usage_is_one_line_and_writes_nothing(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file").write_text("precious")
    assert geartrain(*arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert [path.name for path in Path().iterdir()] == ["file"]


def test_a_run_that_cannot_be_resumed_says_why_and_stays(capsys: pytest.CaptureFixture[str]) -> None:
    assert geartrain("--out", "run", "--epochs", "2", *SMALL) == 0
    file = Path("run/checkpoint.safetensors")
    good = file.read_bytes()
    before = {path.name: path.read_bytes() for path in Path("run").iterdir()}
    for bad, said in (
        (good[:-1], "not a whole safetensors file"),
        (b"\x00" * 100, "not a whole safetensors file"),
        (Path("run/model.safetensors").read_bytes(), "is a checkpoint of something else"),
    ):
        file.write_bytes(bad)
        assert geartrain("--out", "run", "--resume") == 2
        assert said in capsys.readouterr().err
        assert file.read_bytes() == bad
    file.write_bytes(good)
    for arguments, said in (
        (["--epochs", "1"], "has already trained 2 epochs: --epochs must be more, got 1"),
        (["--hidden", "8"], "a resumed run keeps its settings (hidden was 16, got 8)"),
    ):
        assert geartrain("--out", "run", "--resume", *arguments) == 2
        assert said in capsys.readouterr().err
    assert geartrain("--out", "run") == 2
    assert "already holds a run" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in Path("run").iterdir()} == before
    edited = before["config.json"].replace(b"0.003", b"0.004")
    Path("run/config.json").write_bytes(edited)
    assert geartrain("--out", "run", "--resume") == 2
    assert "learning_rate is 0.004 in config.json, 0.003 in the checkpoint" in capsys.readouterr().err


def test_the_bar_shows_loss_accuracy_speed_and_time_left() -> None:
    screen = io.StringIO()
    console = rich.console.Console(file=screen, force_terminal=True, width=120, legacy_windows=False)
    config = Config(epochs=2, batch_size=64, hidden=16)
    with RunFolder.create(Path("run"), config.to_json()) as run:
        assert job.train(run, config, job.prepare(config), console, Team())
    shown = screen.getvalue()
    for part in ("epoch 2/2", "loss ", "accuracy ", "samples/s", "left"):
        assert part in shown


def test_output_without_a_terminal_is_a_line_an_epoch() -> None:
    screen = io.StringIO()
    console = rich.console.Console(file=screen)
    record = {"epoch": 7, "train_loss": 0.5, "test_accuracy": 0.98765, "samples_per_second": 12345.6}
    with progress.display(console, epochs=10, samples=100, done=0) as shown:
        shown.step(50, 0.5)
        shown.epoch(record)
    assert screen.getvalue() == "epoch  7/10  loss 0.5000  accuracy  98.77%  12,346 samples/s\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_an_error_not_a_traceback() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            command("--out", "run", "--epochs", "1", *SMALL),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert ended.returncode == 1
    assert ended.stderr.decode().splitlines() == ["geartrain: [Errno 28] No space left on device"]


def test_version_and_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, code in (
        (["--version"], 0),
        (["--help"], 0),
        ([], 2),
        (["train"], 2),
        (["train", "digits", "--epochs", "x"], 2),
    ):
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert ended.value.code == code
    assert cli.main(["train", "digit"]) == 2
    assert "did you mean digits?" in capsys.readouterr().err
    for bad in ("1", "x=", "x=one", "2x=1"):
        with pytest.raises(SystemExit):
            cli.main(["explain", "x", "--at", bad])


def test_explain_prints_what_the_view_says_or_its_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def explained(text: str, at: dict[str, float]) -> str:
        if "@" in text:
            raise GeartrainError("x @ y\n  ^ not here")
        return f"{text} at {at}"

    monkeypatch.setattr(cli, "explain_expression", explained)
    assert cli.main(["explain", "(3*x + y)**2", "--at", "x=1", "y=2.5"]) == 0
    assert capsys.readouterr().out == "(3*x + y)**2 at {'x': 1.0, 'y': 2.5}\n"
    assert cli.main(["explain", "x @ y"]) == 2
    assert capsys.readouterr().err == "geartrain: x @ y\n  ^ not here\n"
