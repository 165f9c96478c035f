"""Several processes train one model: the same result as one, sums that begin early, and no rank that waits for ever."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geartrain import cli, mpi
from geartrain.train import checkpoint
from tests.mpi.ranks import needs_mpi, run, start

PROGRAM = str(Path(__file__).with_name("together.py"))


def final(folder: Path) -> dict[str, Any]:
    """The parameters and the optimiser's state at the end of a run."""
    return checkpoint.read(folder / "checkpoint.safetensors")[0]


def alone(folder: Path, what: str, *rest: str) -> str:
    command = [sys.executable, PROGRAM, what, str(folder), *rest]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def same_to_rounding(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert a.keys() == b.keys()
    for name, value in a.items():
        np.testing.assert_allclose(value, b[name], rtol=1e-8, atol=1e-11, err_msg=name)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one") / "run"
    alone(folder, "long", "6")
    return folder


@needs_mpi
@pytest.mark.parametrize("ranks", [2, 4])
def test_the_result_is_that_of_one_process_and_sums_begin_before_the_sweep_is_over(
    ranks: int, one: Path, tmp_path: Path
) -> None:
    found = json.loads(run(ranks, PROGRAM, "once", str(tmp_path / "run")))
    assert found["size"] == ranks
    same_to_rounding(final(tmp_path / "run"), final(one))
    lines = (one / "metrics.jsonl").read_text().splitlines()
    for record, line in zip(found["records"], lines, strict=True):
        for name in ("train_loss", "test_loss"):
            assert record[name] == pytest.approx(json.loads(line)[name], rel=1e-9)
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 6  # by one rank, not by each
    for kind in ("python", "native"):
        # The last layer and the middle one are full while the sweep is still on its way to the first.
        assert found[kind] == [kind, [["begin", 0], ["begin", 1], ["end", -1]]]


def kill_one(ranks: int, victim: int, folder: Path) -> tuple[int, str]:
    """Train until some epochs are saved, then SIGKILL a rank; the epochs in the checkpoint, and what was printed."""
    metrics = folder / "metrics.jsonl"
    before = metrics.read_bytes().count(b"\n") if metrics.exists() else 0
    process = start(ranks, PROGRAM, "long", str(folder), "1000000")
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if metrics.exists() and metrics.read_bytes().count(b"\n") >= before + 3:
            break
        time.sleep(0.01)
    time.sleep(float(np.random.default_rng().uniform(0, 0.1)))
    os.kill(int(folder.with_suffix(f".{victim}").read_text()), signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode != 0, out + err
    return checkpoint.read(folder / "checkpoint.safetensors")[1]["epoch"], out


@needs_mpi
def test_a_rank_is_killed_and_any_number_goes_on_from_the_last_checkpoint(tmp_path: Path) -> None:
    """Four ranks, one killed; then two, one killed; then three to the end: as if one process had done it all."""
    folder = tmp_path / "run"
    saved, _ = kill_one(4, 2, folder)
    assert saved > 0
    saved, said = kill_one(2, 0, folder)
    assert "Going on from the checkpoint at step" in said
    assert "with 2 processes; before it was 4 processes" in said
    end = str(saved + 2)
    assert "with 3 processes; before it was 2 processes" in run(3, PROGRAM, "long", str(folder), end)
    alone(tmp_path / "whole", "long", end)
    same_to_rounding(final(folder), final(tmp_path / "whole"))


@needs_mpi
def test_killed_and_gone_on_with_as_many_ranks_gives_the_same_bits(tmp_path: Path) -> None:
    saved, _ = kill_one(2, 1, tmp_path / "killed")
    for folder in ("killed", "whole"):
        run(2, PROGRAM, "long", str(tmp_path / folder), str(saved + 2))
    a, b = final(tmp_path / "killed"), final(tmp_path / "whole")
    assert {name: value.tobytes() for name, value in a.items()} == {name: value.tobytes() for name, value in b.items()}


@needs_mpi
def test_what_goes_wrong_on_one_rank_goes_wrong_on_all(tmp_path: Path) -> None:
    said = run(2, PROGRAM, "nan", str(tmp_path / "nan"))
    for rank in (0, 1):
        assert f"rank {rank}: stopped at step" in said
    assert "first made by" in said
    assert "(on rank " in said
    (tmp_path / "full").write_text("a file, where the run folder should be")
    said = run(2, PROGRAM, "full", str(tmp_path / "full"))
    for rank in (0, 1):
        assert f"rank {rank}: cannot make the run folder" in said
    process = start(2, PROGRAM, "alone", str(tmp_path / "alone"))
    out, err = process.communicate(timeout=60)
    assert process.returncode != 0, out
    assert "rank 1 of 2 cannot go on; all stop:" in err
    assert "RuntimeError: only here" in err


@needs_mpi
def test_the_command_line_on_two_ranks(tmp_path: Path) -> None:
    train = ("-m", "geartrain", "train", "digits", "--epochs", "1", "--out", str(tmp_path / "run"))
    said = run(2, *train)
    assert said.count("2 processes train together. If one dies, all end; go on, with any number, by: mpiexec -n 2") == 1
    assert said.count("epoch 1/1") == 1
    assert (tmp_path / "run" / "picture.png").exists()


@needs_mpi
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the ranks in /proc")
def test_a_rank_dies_and_the_command_goes_on_by_itself_or_says_how(tmp_path: Path) -> None:
    """Killed twice, with one restart: the first time it goes on with one process, then it says how to go on."""
    folder = tmp_path / "run"
    options = ["--epochs", "100000", "--hidden", "8", "--out", str(folder), "--ranks", "2", "--restarts", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "geartrain", "train", "digits", *options],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "GEARTRAIN_THREADS": "1"},
    )  # fmt: skip
    seen: set[int] = set()
    for epochs in (2, 4):
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline and epochs_in(folder) < epochs:
            time.sleep(0.02)
        ranks = {rank: process_of(str(folder), rank, seen) for rank in ((0, 1) if epochs == 2 else (0,))}
        seen.update(ranks.values())
        os.kill(ranks[max(ranks)], signal.SIGKILL)
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 1, said
    assert "A process died (exit code 9); there were 2. The last checkpoint is of step " in said
    assert "Going on with 1 process; 0 more restarts after this one." in said
    assert "before it was 2 processes" in said
    assert f"by: geartrain train digits {' '.join(options[:6])} --resume --ranks 1" in said
    assert checkpoint.read(folder / "checkpoint.safetensors")[1]["processes"] == 1


def epochs_in(folder: Path) -> int:
    metrics = folder / "metrics.jsonl"
    return metrics.read_bytes().count(b"\n") if metrics.exists() else 0


def process_of(folder: str, rank: int, seen: set[int]) -> int:
    """The process id of a rank of the run in ``folder``, which has not been ``seen`` before."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                found = f"PMI_RANK={rank}".encode() in (process / "environ").read_bytes().split(b"\0")
                if (
                    found
                    and int(process.name) not in seen
                    and folder.encode() in (process / "cmdline").read_bytes().split(b"\0")
                ):
                    return int(process.name)
            except OSError:
                continue
        time.sleep(0.02)
    raise AssertionError(f"nobody trains in {folder}")


def test_ranks_that_cannot_be_started_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments, said in (
        (["digits", "--restarts", "2"], "--restarts needs --ranks"),
        (["digits", "--ranks", "2", "--width", "8"], "digits has no --width"),
        (["digits", "--ranks", "2", "--epochs", "0"], "epochs must be a whole number from 1"),
        (["digits", "--ranks", "2", "--resume"], "there is no run to resume"),
    ):
        assert cli.main(["train", *arguments]) == 2
        assert said in capsys.readouterr().err
    monkeypatch.setenv("PMI_SIZE", "2")
    assert cli.main(["train", "digits", "--ranks", "2"]) == 2
    assert "leave out one of the two" in capsys.readouterr().err
    monkeypatch.delenv("PMI_SIZE")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", "")
    assert cli.main(["train", "digits", "--ranks", "2"]) == 2
    assert "--ranks needs mpiexec: pip install 'geartrain[mpi]'" in capsys.readouterr().err
    assert not [*Path("runs").glob("*/*")]


def test_started_by_mpiexec_without_the_extra_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.delitem(sys.modules, "mpi4py.MPI", raising=False)
    assert mpi.launched()
    assert cli.main(["train", "digits"]) == 2
    assert "pip install 'geartrain[mpi]'" in capsys.readouterr().err
