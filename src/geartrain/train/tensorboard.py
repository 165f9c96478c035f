"""Events for TensorBoard, written while a run trains. The extra ``tensorboard`` has the writer."""

import secrets
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from geartrain.train.extras import need
from geartrain.train.loop import State

_PLACE = {"epoch", "step"}


class TensorBoard:
    """An observer for ``fit`` that writes events into ``folder``: ``tensorboard --logdir folder`` shows them.

    After every step it writes the mean loss of the epoch so far as ``loss``; after every epoch all numbers of its
    record, ``train_loss`` and ``test_loss`` for example. The horizontal axis is the step. A run that goes on after a
    crash tells TensorBoard to forget what the lost steps wrote.

    Raises:
        MissingPackage: tensorboardX is not installed.

    Example::

        with TensorBoard(Path("events")) as board:
            fit(loss, params, data, observers=[board])
    """

    def __init__(self, folder: Path, batch_size: int | None = None) -> None:
        """Write into ``folder``; ``batch_size`` is that of ``fit``, to have the loss of each step."""
        self._folder = folder
        self._batch_size = batch_size
        self._make: Any = need("tensorboardX", "tensorboard").SummaryWriter
        self._writer: Any = None

    def __call__(self, state: State, record: dict[str, Any] | None) -> None:
        """Write what there is to say of ``state``; with a ``record`` an epoch is over."""
        if self._writer is None:
            own = f".{secrets.token_hex(4)}"  # two starts in one second would write the same file
            self._writer = self._make(str(self._folder), purge_step=state.step, filename_suffix=own)
        if record is not None:
            for name, value in record.items():
                if name not in _PLACE and isinstance(value, (int, float)):
                    self._writer.add_scalar(name, value, state.step)
            self._writer.flush()
        elif self._batch_size and state.batch:
            self._writer.add_scalar("loss", state.loss_sum / (state.batch * self._batch_size), state.step)

    def close(self) -> None:
        """Write what is left, and end the writer's thread."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
