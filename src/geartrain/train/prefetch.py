"""Work done ahead by a thread: the next minibatches are picked while the present one is trained on."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class _End:
    """What the thread puts last: that all is done, or what went wrong."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def prefetched(items: Iterable[T], ahead: int) -> Iterator[T]:
    """The ``items``, up to ``ahead`` of them made in advance by a thread; 0 is without a thread.

    The order is the same, an error comes where the item would have come, and the thread ends when the iteration is
    closed or the items are used up.

    >>> list(prefetched(range(3), ahead=2))
    [0, 1, 2]
    """
    return _threaded(items, ahead) if ahead else iter(items)


def _threaded(items: Iterable[T], ahead: int) -> Iterator[T]:
    made: queue.Queue[T | _End] = queue.Queue(ahead)
    stop = threading.Event()

    def put(item: T | _End) -> None:
        while not stop.is_set():
            try:
                made.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for item in items:
                put(item)
                if stop.is_set():
                    return
        except BaseException as error:  # handed to the thread that waits for it
            put(_End(error))
        else:
            put(_End())

    thread = threading.Thread(target=work, name="geartrain-prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(item := made.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        thread.join()
