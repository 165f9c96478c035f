"""Ctrl-C that waits for the step under way."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class CtrlC:
    """Makes the first Ctrl-C only set ``requested``; the next one raises ``KeyboardInterrupt`` as usual.

    Python lets only the main thread catch signals; elsewhere, entering does nothing. Nor does it where Ctrl-C is
    ignored, as a shell arranges for a job in the background.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: Any = None

    def __enter__(self) -> Self:
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
