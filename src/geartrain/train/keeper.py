"""The checkpoints of a run: which are kept, what is in them, and that training does not wait for the disk."""

import contextlib
import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from geartrain.train import checkpoint
from geartrain.train.behind import Behind
from geartrain.train.errors import CheckpointError
from geartrain.train.loop import State, generator
from geartrain.train.run import RunFolder
from geartrain.train.stepping import Step

_PLACE = ("rng", "epoch", "batch", "step", "loss_sum")


class Keeper:
    """Saves and finds checkpoints in a run folder; without a folder it keeps the best parameters in memory.

    What is saved is written behind the training: a state is never changed in place, so no copy of it is needed, and
    training waits only if the checkpoint before is not on the disk yet. A write that fails is an error of the next call
    of ``save`` or ``wait``. As a context manager it lets the last write end.
    """

    def __init__(
        self, run: RunFolder | None, settings: Mapping[str, Any], keep: int, step: Step, processes: int = 1
    ) -> None:
        self._run = run
        self._step = step
        self.began_as: str | None = None  # the kind of steps that the run began with
        self._processes = self.began_on = processes
        self._settings = dict(settings)
        self._keep = keep
        self._best: Any = None
        self._behind = Behind()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._behind.__exit__(kind, error, traceback)

    def begin(self, new: State) -> State:
        """The state in the run's checkpoint, or ``new``, which is saved at once."""
        if self._run is None or not self._run.checkpoint.exists():
            self.save(new)
            self.wait()
            return new
        path = self._run.checkpoint
        arrays, facts = checkpoint.load(path, like={"params": new.params, "optimizer": new.optimizer})
        try:
            settings = facts["settings"]
            place = {name: facts[name] for name in _PLACE}
        except KeyError as error:
            raise CheckpointError(f"{path} is not a checkpoint of a training run: it has no {error}") from None
        if settings != self._settings:
            differences = [
                f"{name} is {value} in {self._run.config_file.name}, {settings.get(name)} in the checkpoint"
                for name, value in self._settings.items()
                if value != settings.get(name)
            ]
            raise CheckpointError(f"{path} is of a run with other settings: {'; '.join(differences)}")
        self.began_on = facts.get("processes", 1)
        generator(place["rng"])  # refused now rather than in the loop
        self.began_as = facts.get("steps")
        return State(arrays["params"], arrays["optimizer"], **place)

    def save(self, state: State, record: dict[str, Any] | None = None, best: bool = False) -> None:
        """Write the checkpoint; the one before becomes ``checkpoint.1``, and so on.

        At the end of an epoch its ``record`` goes into the metrics first, and the parameters beside it if they are the
        ``best`` so far: resuming cuts a line too many, but cannot invent one.
        """
        if best:
            self._best = state
        if (run := self._run) is None:
            return
        facts = self._facts(state)

        def write() -> None:
            if record is not None:
                run.append(record)
            if best:
                checkpoint.save(run.best, {"params": state.params}, {"epoch": state.epoch})
            self._make_room(run.checkpoint)
            checkpoint.save(run.checkpoint, {"params": state.params, "optimizer": state.optimizer}, facts)

        self._behind.do(write)

    def wait(self) -> None:
        """Wait until all that was saved is on the disk."""
        self._behind.wait()

    def _make_room(self, path: Path) -> None:
        """Give the checkpoint at ``path`` the name of the one before it, and so on."""
        older = [path, *(path.with_suffix(f".{n}{path.suffix}") for n in range(1, self._keep))]
        for newer, old in reversed(list(pairwise(older))):
            with contextlib.suppress(OSError):  # an older one is a reserve: to lack it is no reason to stop
                if newer == path:
                    old.unlink(missing_ok=True)
                    os.link(newer, old)
                else:
                    os.replace(newer, old)

    def _facts(self, state: State) -> dict[str, Any]:
        return {
            "settings": self._settings,
            "steps": self._step.kind,
            "processes": self._processes,
            **{name: getattr(state, name) for name in _PLACE},
        }

    def save_before(self, state: State) -> str:
        """Keep the state before a step that went wrong beside the checkpoint, which stands; return where, in words."""
        if self._run is None:
            return ""
        self.wait()
        checkpoint.save(self._run.before, {"params": state.params, "optimizer": state.optimizer}, self._facts(state))
        return (
            f"\nThe last good checkpoint stands: {self._run.checkpoint}"
            f"\nThe state just before this step is kept, too: {self._run.before}"
        )

    def best(self, state: State, records: list[dict[str, Any]], watch: str) -> Any:
        """The parameters of the best epoch."""
        if self._best is not None:
            return self._best.params
        if self._run is None or not records or not self._run.best.exists():
            return state.params
        arrays, facts = checkpoint.load(self._run.best, like={"params": state.params})
        wanted = min(records, key=lambda r: r[watch])["epoch"]
        if facts["epoch"] != wanted:
            raise CheckpointError(f"{self._run.best} is of epoch {facts['epoch']}; the best of the metrics is {wanted}")
        return arrays["params"]
