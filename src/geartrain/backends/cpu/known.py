"""Where the code of kernels is in this process, by their names.

Code lives as long as a program that runs it: see ``Executor``. What was used last is held besides, so that the next
program that is alike compiles nothing.
"""

from collections.abc import Iterable
from weakref import WeakValueDictionary

from geartrain.backends.llvm import Code
from geartrain.recent import LOCK, Recent

__all__ = ["CODE", "MOST", "Known"]

MOST = 16 << 20
"""Bytes of code that are held although no program may need it any more."""


class Known:
    """Loaded code by the names of what is in it."""

    def __init__(self, most: int = MOST) -> None:
        self.recent: Recent[int, Code] = Recent(most)
        self._code: WeakValueDictionary[str, Code] = WeakValueDictionary()

    def find(self, names: Iterable[str]) -> dict[str, Code]:
        """The code of those of these names that are known. Keep it for as long as its addresses are used."""
        with LOCK:
            found = {name: code for name in names if (code := self._code.get(name)) is not None}
            for code in {id(code): code for code in found.values()}.values():
                self.recent.put(id(code), code, code.size)
        return found

    def enter(self, code: Code, names: Iterable[str]) -> None:
        """Note where loaded code is; what is known already stays."""
        with LOCK:
            for name in names:
                self._code.setdefault(name, code)
            self.recent.put(id(code), code, code.size)

    def replace(self, code: Code, names: Iterable[str]) -> None:
        """Note better code for what is known already; programs that run the other one keep it."""
        with LOCK:
            self._code.update(dict.fromkeys(names, code))
            self.recent.put(id(code), code, code.size)

    def names(self) -> list[str]:
        """What is loaded."""
        with LOCK:
            return list(self._code)


CODE = Known()
