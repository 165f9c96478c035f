"""``--see``: every so many steps, look at the gradients of the step just taken, and write the page of the run."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from geartrain.train import atomic
from geartrain.train.errors import UsageError, WriteError
from geartrain.train.health import Health, examine, verdict
from geartrain.train.health_page import page

EVERY = 50
"""Steps between two looks, where nothing else is asked for: a look costs a few steps in Python."""


class Seeing:
    """Looks at a run every ``every`` steps and keeps ``health.jsonl`` and the page ``health.html`` in its folder.

    As a context manager it writes the page a last time, with what stopped the run if an error did. A run that goes on
    from a checkpoint at ``step`` goes on with its history up to there.
    """

    def __init__(self, folder: Path, every: int = EVERY, step: int = 0, say: Callable[[str], None] = print) -> None:
        if every < 1:
            raise UsageError(f"see must be a number of steps from 1 on, got {every}")
        self.page, self._log = folder / "health.html", folder / "health.jsonl"
        self._every, self._say = every, say
        self._said = ""
        self._history = [health for health in _read(self._log) if health.step <= step]
        atomic.write(self._log, "".join(map(_line, self._history)).encode())

    def look(self, step: int, loss: Callable[[], Callable[[Any], Any]], params: Any, moved: Any) -> None:
        """Look at step number ``step`` if it is its turn; ``loss()`` is the loss as a function of the parameters."""
        if step % self._every and step != 1:
            return
        health = examine(step, loss(), params, moved)
        self._history.append(health)
        with self._log.open("a", encoding="utf-8") as log:
            log.write(_line(health))
        self._write(going_on=True)
        said = verdict(self._history)
        if said and said.partition(":")[0] != self._said.partition(":")[0]:
            self._say(f"step {step:,}: {said}")
        self._said = said

    def _write(self, going_on: bool, trouble: str = "") -> None:
        with contextlib.suppress(OSError, WriteError):  # what only looks must not stop a run
            text = page(self._history, self.page.parent.name, going_on, trouble)
            atomic.write(self.page, text.encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._write(going_on=False, trouble="" if error is None else str(error) or type(error).__name__)


def _line(health: Health) -> str:
    return json.dumps(health.to_json()) + "\n"


def _read(path: Path) -> list[Health]:
    """What earlier looks have left; half a line at the end, from a run that was killed, is left out."""
    found: list[Health] = []
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        found.extend(Health.from_json(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines())
    return found
