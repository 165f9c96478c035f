"""The run folder: made once, locked, repaired after a crash."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from geartrain.train import Config, RunFolder, RunFolderError, UsageError, WriteError, atomic
from geartrain.train.run import newest, next_free

SETTINGS = Config().to_json()


def reopened(path: Path) -> Config:
    run, found = RunFolder.open(path)
    with run:
        return Config.from_json(found, "config.json")


def record(epoch: int) -> dict[str, Any]:
    return {"epoch": epoch, "train_loss": 0.5, "test_loss": 0.6, "test_accuracy": 0.9, "seconds": 0.1}


def test_create_then_open(tmp_path: Path) -> None:
    settings = Config(seed=3, epochs=5, learning_rate=0.01)
    with RunFolder.create(tmp_path / "a" / "b", settings.to_json()) as run:
        run.append(record(1))
    run, found = RunFolder.open(tmp_path / "a" / "b")
    with run:
        assert Config.from_json(found, "config.json") == settings
        assert run.repair(1) == [record(1)]


def test_a_folder_with_a_run_is_not_taken_again(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, SETTINGS).close()
    with pytest.raises(RunFolderError, match=r"already holds a run .*config.json.*--resume"):
        RunFolder.create(tmp_path, SETTINGS)


def test_a_folder_with_other_files_is_taken_and_they_stay(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "metrics.jsonl").touch()  # all that a process killed at once leaves
    RunFolder.create(tmp_path, SETTINGS).close()
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_in_the_way_is_named(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(RunFolderError, match="file is a file"):
        RunFolder.create(tmp_path / "file" / below, SETTINGS)
    with pytest.raises(RunFolderError, match="there is no run to resume"):
        RunFolder.open(tmp_path / "file" / below)
    assert (tmp_path / "file").read_text() == "precious"


def test_an_unwritable_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(RunFolderError, match=r"cannot make the run folder .*new: Permission denied"):
        RunFolder.create(tmp_path / "new", SETTINGS)
    monkeypatch.undo()
    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(RunFolderError, match=r"cannot use .*new as a run folder: Permission denied"):
        RunFolder.create(tmp_path / "new", SETTINGS)


@pytest.mark.skipif(os.name != "posix", reason="locks are POSIX here")
def test_one_process_at_a_time(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, SETTINGS), pytest.raises(RunFolderError, match="another process is training"):
        RunFolder.open(tmp_path)
    RunFolder.open(tmp_path)[0].close()


def test_leftovers_of_a_killed_process_go(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, SETTINGS).close()
    (tmp_path / ".checkpoint.safetensors.0a1b2c3d.tmp").write_bytes(b"half")
    RunFolder.open(tmp_path)[0].close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "metrics.jsonl"]


@pytest.mark.parametrize(
    ("tail", "epoch", "left"),
    [
        (b"", 2, [1, 2]),
        (b'{"epoch": 3, "train_lo', 2, [1, 2]),  # torn
        (b"\x00\x00\x00", 2, [1, 2]),  # a hole, as some file systems leave after a power cut
        (json.dumps(record(3)).encode() + b"\n", 2, [1, 2]),  # ahead of the checkpoint
        (json.dumps(record(3)).encode(), 3, [1, 2, 3]),  # whole but for its line end
        (b"", 0, []),
    ],
)
def test_repair(tmp_path: Path, tail: bytes, epoch: int, left: list[int]) -> None:
    with RunFolder.create(tmp_path, SETTINGS) as run:
        for n in (1, 2):
            run.append(record(n))
        with run.metrics.open("ab") as metrics:
            metrics.write(tail)
        assert [r["epoch"] for r in run.repair(epoch)] == left
        run.append(record(9))
        assert [json.loads(line)["epoch"] for line in run.metrics.read_text().splitlines()] == [*left, 9]


@pytest.mark.parametrize("line", ["{", "[]", '{"epoch": 1}', '{"epoch": "1"}', ""])
def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path, line: str) -> None:
    with RunFolder.create(tmp_path, SETTINGS) as run:
        run.append(record(1))
        with run.metrics.open("a") as metrics:
            metrics.write(line + "\n")
        run.append(record(2))
        before = run.metrics.read_bytes()
        with pytest.raises(RunFolderError, match=r"line 2, is not a record"):
            run.repair(2)
        assert run.metrics.read_bytes() == before


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with RunFolder.create(tmp_path, SETTINGS) as run:
        run.append(record(1))
        before = run.metrics.read_bytes()
        monkeypatch.setattr(atomic.os, "fsync", no_space)
        with pytest.raises(WriteError, match=r"metrics.jsonl: No space left on device"):
            run.append(record(2))
        assert run.metrics.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "is not the configuration of a run"),
        ('{"format": "someone-else"}', "expected format geartrain-run/1, got 'someone-else'"),
        ('{"format": "geartrain-run/1"}', "expected a table of settings"),
        ('{"format": "geartrain-run/1", "settings": {"seed": 1, "speed": 2}}', "missing: .*epochs.*; unknown: speed"),
        ("\udcff", "is not text"),
    ],
)
def test_a_damaged_configuration_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises((RunFolderError, UsageError), match=said):
        reopened(tmp_path)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 0), ("epochs", 1.0), ("epochs", True), ("seed", -1), ("seed", 2**63), ("batch_size", 0),
        ("hidden", 0), ("learning_rate", 0.0), ("learning_rate", float("nan")), ("learning_rate", "fast"),
        ("dataset", 3),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused_by_name(setting: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"{setting} must be .*got"):
        Config(**{setting: value})
    with pytest.raises(UsageError, match=f"config.json: {setting} must be"):
        Config.from_json({**SETTINGS, setting: value}, "config.json")


def test_a_resumed_run_keeps_its_settings_but_may_go_further() -> None:
    assert Config(epochs=5).resumed({"epochs": 9, "seed": 0}) == Config(epochs=9)
    with pytest.raises(UsageError, match=r"seed was 0, got 1; hidden was 128, got 7"):
        Config().resumed({"seed": 1, "hidden": 7})


def test_folders_are_numbered(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no run to resume"):
        newest(tmp_path, "digits")
    assert next_free(tmp_path, "digits") == tmp_path / "digits-1"
    (tmp_path / "digits-9").touch()
    (tmp_path / "digits-notes").touch()
    RunFolder.create(tmp_path / "digits-2", SETTINGS).close()
    RunFolder.create(tmp_path / "digits-10", SETTINGS).close()
    assert next_free(tmp_path, "digits") == tmp_path / "digits-11"
    assert newest(tmp_path, "digits") == tmp_path / "digits-10"
