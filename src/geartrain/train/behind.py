"""Work that goes on behind the training: one task at a time, in a thread of its own."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Behind:
    """Does tasks in a thread, in order and never two at once.

    What a task raises, the next call of ``do`` or ``wait`` raises. As a context manager it lets the last task end
    before the ``with`` does, so that what the task uses can be closed.

    >>> with Behind() as behind:
    ...     behind.do(lambda: print("written"))
    ...     behind.wait()
    written
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def do(self, task: Callable[[], object]) -> None:
        """Begin ``task`` once the one before has ended, and return at once."""
        self.wait()
        # A daemon: a disk that hangs must not keep a process from ending that was told to end.
        self._thread = threading.Thread(target=self._run, args=(task,), daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait for the task under way."""
        self._join()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self, task: Callable[[], object]) -> None:
        try:
            task()
        except BaseException as error:
            self._error = error

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._join()
