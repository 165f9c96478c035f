"""What a person sees while a run trains: a live bar on a terminal, one line an epoch anywhere else."""

import time
from types import TracebackType
from typing import Any, Protocol

from geartrain.train.extras import need


class Display(Protocol):
    """Enter it for the duration of training, call ``step`` after every step and ``epoch`` after every epoch."""

    def __enter__(self) -> "Display": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def step(self, samples: int, loss: float) -> None:
        """A minibatch of so many samples is done; ``loss`` is the mean over this epoch so far."""
        ...

    def epoch(self, record: dict[str, Any]) -> None:
        """An epoch is done, with these metrics."""
        ...


def display(console: Any, *, epochs: int, samples: int, done: int) -> Display:
    """The display that suits ``console``, a ``rich.console.Console``: ``epochs`` of ``samples``, ``done`` behind."""
    kind = _Bar if console.is_terminal and not console.is_dumb_terminal else _Lines
    return kind(console, epochs, samples, done)


class Rate:
    """Samples a second since it was made, as a number and as text.

    >>> Rate.text(12345.6)
    '12,346 samples/s'
    """

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self.samples = 0

    def __call__(self) -> float:
        """The mean rate so far."""
        return self.samples / max(time.perf_counter() - self._start, 1e-9)

    @staticmethod
    def text(rate: float) -> str:
        """The rate with its unit."""
        return f"{rate:,.0f} samples/s"


class _Bar:
    def __init__(self, console: Any, epochs: int, samples: int, done: int) -> None:
        columns = need("rich.progress")
        text = columns.TextColumn
        self._progress = columns.Progress(
            text("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            columns.BarColumn(bar_width=None),
            text("loss {task.fields[loss]}"),
            text("{task.fields[held_out]}"),
            text("{task.fields[rate]}"),
            columns.TimeRemainingColumn(compact=True),
            text("left"),
            console=console,
            expand=True,
        )
        self._task = self._progress.add_task(
            "train", total=epochs * samples, completed=done,
            epoch=min(done // samples + 1, epochs), epochs=epochs, loss="-", held_out="", rate="-",
        )  # fmt: skip
        self._epochs = epochs
        self._rate = Rate()

    def __enter__(self) -> Display:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def step(self, samples: int, loss: float) -> None:
        self._rate.samples += samples
        self._progress.update(self._task, advance=samples, loss=f"{loss:.4f}", rate=Rate.text(self._rate()))

    def epoch(self, record: dict[str, Any]) -> None:
        following = min(record["epoch"] + 1, self._epochs)
        self._progress.update(self._task, epoch=following, held_out=_held_out(record))


class _Lines:
    def __init__(self, console: Any, epochs: int, samples: int, done: int) -> None:
        self._console = console
        self._epochs = epochs

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None

    def step(self, samples: int, loss: float) -> None:
        return None

    def epoch(self, record: dict[str, Any]) -> None:
        self._console.out(
            f"epoch {record['epoch']:>{len(str(self._epochs))}}/{self._epochs}"
            f"  loss {record['train_loss']:.4f}  {_held_out(record)}"
            f"  {Rate.text(record['samples_per_second'])}",
            highlight=False,
        )


def _held_out(record: dict[str, Any]) -> str:
    """What was measured on the held-out data: the accuracy where there is one, else the loss."""
    if "test_accuracy" in record:
        return f"accuracy {record['test_accuracy']:7.2%}"
    return f"held out {record['test_loss']:.4f}" if "test_loss" in record else ""


class Silent:
    """The display that shows nothing."""

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None

    def step(self, samples: int, loss: float) -> None:
        """Nothing."""

    def epoch(self, record: dict[str, Any]) -> None:
        """Nothing."""
