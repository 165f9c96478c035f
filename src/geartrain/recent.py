"""What was used last, up to a size: for tables that would else grow for as long as the process runs."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["LOCK", "Recent"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

LOCK = threading.RLock()
"""One for all tables, held for a moment. A thread that has it asks for no other lock; it may come back for this one,
since the garbage collector may run a user's code at any time. A fork waits for it after all others (``runtime``)."""


class Recent(Generic[K, V]):
    """Values by key, each with a size. Beyond ``most`` in all, those that were used least recently go.

    >>> table = Recent[str, int](most=10)
    >>> table.put("a", 1, size=6), table.put("b", 2, size=4), table.get("a")
    (None, None, 1)
    >>> table.put("c", 3, size=2)
    >>> table.get("a"), table.get("b"), table.get("c"), table.size
    (1, None, 3, 8)
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.size = 0
        self._held: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def values(self) -> list[V]:
        """What is held, what was used last at the end."""
        with LOCK:
            return [value for value, _ in self._held.values()]

    def get(self, key: K) -> V | None:
        """The value of a key, which is now the one that was used last; ``None`` if it is not there."""
        with LOCK:
            found = self._held.get(key)
            if found is None:
                return None
            self._held.move_to_end(key)
            return found[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Hold a value. One that is larger than all may be together is not held."""
        gone: list[V] = []  # let go of after the lock, as that may take a while
        with LOCK:
            before = self._held.pop(key, None)
            if before is not None:
                self.size -= before[1]
                gone.append(before[0])
            self._held[key] = value, size
            self.size += size
            while self.size > self.most:
                old, its = self._held.popitem(last=False)[1]
                self.size -= its
                gone.append(old)
