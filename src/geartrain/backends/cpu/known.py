"""Where the code of kernels is in this process, by their names."""

import threading
from collections.abc import Iterable

from geartrain.backends.llvm import Code

__all__ = ["CODE"]


class _Known:
    """``addresses`` by name, of code that is never let go."""

    def __init__(self) -> None:
        self.addresses: dict[str, int] = {}
        self.lock = threading.Lock()
        self._keep: list[Code] = []

    def enter(self, code: Code, names: Iterable[str]) -> None:
        """Note where loaded code is; what is known already stays."""
        with self.lock:
            self._keep.append(code)
            for name in names:
                self.addresses.setdefault(name, code[name])


CODE = _Known()
