"""The run folder: where a training job keeps everything that it must not lose.

    config.json              the settings, and the versions they ran with
    checkpoint.safetensors   parameters, optimiser, random generator, place in the data: all that resuming needs
    checkpoint.1.safetensors the one before; checkpoint.2 and so on where more are kept
    metrics.jsonl            a line of JSON for each epoch
    model.safetensors        the trained parameters alone
    best.safetensors         those of the best epoch so far, in a run that stops early
    before.safetensors       the state before a step that made a NaN, in a run that met one
    health.html, .jsonl      with --see: the gradients of the run, layer by layer
    report.json              what was measured at the end
    picture.png              the loss, and digits with predictions

Only the metrics are written in place, line by line; the other files are replaced as a whole.
"""

import contextlib
import json
import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import numpy as np

from geartrain.train import atomic
from geartrain.train.errors import RunFolderError

try:
    import fcntl
except ImportError:  # Windows: no lock there
    fcntl = None

FORMAT = "geartrain-run/1"
_FILES = (
    "config.json",
    "checkpoint.safetensors",
    "model.safetensors",
    "best.safetensors",
    "report.json",
    "picture.png",
    "metrics.jsonl",
)


_RECORD = {"epoch": int, "train_loss": float, "seconds": float}


class RunFolder:
    """A run folder held by this process: ``create`` a new one or ``open`` one to resume; close it, or use ``with``."""

    def __init__(self, path: Path) -> None:
        """Take hold of ``path``, an existing folder, and lock it; ``create`` and ``open`` are the doors to use."""
        self.path = path
        self.config_file, self.checkpoint, self.model, self.best, self.report, self.picture, self.metrics = (
            path / name for name in _FILES
        )
        self.before = path / "before.safetensors"
        try:
            self._metrics = self.metrics.open("a+b", buffering=0)
        except OSError as error:
            raise RunFolderError(f"cannot use {path} as a run folder: {atomic.reason(error)}") from error
        try:
            self._lock()
            atomic.remove_leftovers(path)
        except BaseException:
            self._metrics.close()
            raise

    @classmethod
    def create(cls, path: Path, settings: Mapping[str, Any]) -> Self:
        """Make the folder ``path`` (and those above it) for a new run with ``settings``, which are numbers and text.

        Raises:
            RunFolderError: ``path`` is a file, cannot be made, already holds a run, or is in use by another process.
            WriteError: the settings cannot be written.
        """
        _make(path, exist_ok=True)
        _refuse_taken(path)
        run = cls(path)
        try:
            _refuse_taken(path)  # again, now that nobody else can be at it
            run.write_config(settings)
        except BaseException:
            run.close()
            raise
        return run

    @classmethod
    def open(cls, path: Path) -> tuple[Self, dict[str, Any]]:
        """Open the run in ``path`` and read its settings.

        Raises:
            RunFolderError: there is no run in ``path``, its settings cannot be read, or another process is at it.
        """
        config_file = path / _FILES[0]
        try:
            text = config_file.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            raise RunFolderError(f"there is no run to resume in {path}: no file {config_file}") from None
        except (OSError, UnicodeDecodeError) as error:
            why = atomic.reason(error) if isinstance(error, OSError) else "it is not text"
            raise RunFolderError(f"cannot read {config_file}: {why}") from error
        try:
            loaded = json.loads(text)
        except ValueError as error:
            raise RunFolderError(f"{config_file} is not JSON: {error}") from error
        content = cast("dict[str, Any]", loaded if isinstance(loaded, dict) else {})
        found = content.get("format")
        if found != FORMAT:
            raise RunFolderError(
                f"{config_file} is not the configuration of a run: expected format {FORMAT}, got {found!r}"
            )
        settings = content.get("settings")
        if not isinstance(settings, dict):
            raise RunFolderError(f"{config_file}: expected a table of settings, got {type(settings).__name__}")
        return cls(path), cast("dict[str, Any]", settings)

    def write_config(self, settings: Mapping[str, Any]) -> None:
        """Write ``config.json``, all or nothing."""
        content: dict[str, Any] = {"format": FORMAT, "settings": dict(settings), "versions": versions()}
        self.write_json(self.config_file, content)

    def write_json(self, path: Path, content: Any) -> None:
        """Write ``content`` as indented JSON to ``path``, all or nothing."""
        atomic.write(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())

    def append(self, record: dict[str, Any]) -> None:
        """Add a line to the metrics and force it to the disk.

        Raises:
            WriteError: the system refused; the lines before are unharmed (a torn last line is repaired on resuming).
        """
        line = (json.dumps(record, allow_nan=False) + "\n").encode()
        before = os.fstat(self._metrics.fileno()).st_size
        try:
            while line:
                line = line[self._metrics.write(line) :]
            os.fsync(self._metrics.fileno())
        except OSError as error:
            with contextlib.suppress(OSError):
                self._metrics.truncate(before)
            raise atomic.cannot_write(self.metrics, error) from error

    def repair(self, epoch: int) -> list[dict[str, Any]]:
        """Cut the metrics back to the end of ``epoch``, and return their records.

        A run that was killed may have left half a last line, or a line for an epoch that its checkpoint does not hold
        yet; training writes that line again.

        Raises:
            RunFolderError: a line other than the last is no record; the text says which.
            WriteError: the file cannot be cut.
        """
        try:
            self._metrics.seek(0)
            lines = self._metrics.read().splitlines(keepends=True)
        except OSError as error:
            raise RunFolderError(f"cannot read {self.metrics}: {atomic.reason(error)}") from error
        records: list[dict[str, Any]] = []
        kept = 0
        for number, line in enumerate(lines, start=1):
            record = _record(line)
            if record is None and number < len(lines):
                raise RunFolderError(f"{self.metrics}, line {number}, is not a record of an epoch; repair or remove it")
            if record is None or record["epoch"] > epoch:
                break
            records.append(record)
            kept += len(line)
        whole = kept == 0 or lines[len(records) - 1].endswith(b"\n")
        try:
            self._metrics.truncate(kept)
            if not whole:
                self._metrics.write(b"\n")
        except OSError as error:
            raise atomic.cannot_write(self.metrics, error) from error
        return records

    def close(self) -> None:
        """Let go of the folder; another process may take it."""
        self._metrics.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _lock(self) -> None:
        """One process at a time; the system drops the lock when the process ends, however it ends."""
        if fcntl is None:
            return
        try:
            fcntl.flock(self._metrics.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunFolderError(f"another process is training in {self.path}") from None
        except OSError:  # a file system without locks
            return


def next_free(parent: Path, name: str) -> Path:
    """Make and return ``parent/name-1``, or the first such folder with a higher number than any there.

    Raises:
        RunFolderError: it cannot be made.
    """
    number = max((n for n, _ in _numbered(parent, name)), default=0) + 1
    while True:
        path = parent / f"{name}-{number}"
        try:
            _make(path, exist_ok=False)
        except FileExistsError:
            number += 1
        else:
            return path


def newest(parent: Path, name: str) -> Path:
    """The run in ``parent/name-*`` with the highest number.

    Raises:
        RunFolderError: there is none.
    """
    runs = [(n, path) for n, path in _numbered(parent, name) if (path / _FILES[0]).exists()]
    if not runs:
        raise RunFolderError(f"there is no run to resume in {parent / name}-*; say where it is with --out FOLDER")
    return max(runs)[1]


def versions() -> dict[str, str]:
    """The versions that a run's numbers depend on."""
    try:
        own = metadata.version("geartrain")
    except metadata.PackageNotFoundError:
        own = "not installed"
    return {"geartrain": own, "numpy": np.__version__, "python": platform.python_version()}


def _numbered(parent: Path, name: str) -> list[tuple[int, Path]]:
    found = [(path.name.removeprefix(f"{name}-"), path) for path in parent.glob(f"{name}-*")]
    return [(int(number), path) for number, path in found if number.isascii() and number.isdigit()]


def _make(path: Path, exist_ok: bool) -> None:
    try:
        path.mkdir(parents=True, exist_ok=exist_ok)
    except OSError as error:
        if isinstance(error, FileExistsError) and not exist_ok:
            raise
        taken = next((p for p in (path, *path.parents) if p.exists() and not p.is_dir()), None)
        why = f"{taken} is a file" if taken is not None else atomic.reason(error)
        raise RunFolderError(f"cannot make the run folder {path}: {why}") from error


def _refuse_taken(path: Path) -> None:
    # An empty metrics file is only the mark of a process that was killed before it wrote anything.
    taken = [name for name in _FILES[:-1] if (path / name).exists()]
    metrics = path / _FILES[-1]
    if metrics.exists() and metrics.stat().st_size:
        taken.append(metrics.name)
    if taken:
        raise RunFolderError(
            f"{path} already holds a run (its {taken[0]} is there): "
            "go on with --resume, or choose another folder with --out"
        )


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    named = cast("dict[str, Any]", record)
    return named if all(type(named.get(name)) is kind for name, kind in _RECORD.items()) else None
