"""Modules that a traced program imports as it runs: their code runs on plain values, and their rules arrive at once.

While a trace runs, NumPy's functions make values of the trace. A module's constants must be none of these, so its code
runs aside. The finder is there as long as a trace runs, and concerns the importing thread alone.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from geartrain.ops.later import WAITING
from geartrain.trace.compiled import LATE
from geartrain.trace.level import active, aside

__all__ = ["Arrivals"]


class _Aside:
    """A loader that runs a module's code as if no trace ran.

    It and the finder have no base class: ``importlib.abc`` takes a fifth of the time of ``import geartrain``.
    """

    def __init__(self, loader: Any, came: Callable[[], None], around: AbstractContextManager[None]) -> None:
        self._loader, self._came, self._around = loader, came, around

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        with self._around:
            aside(self._loader.exec_module, [module])
        if module.__name__ in WAITING:
            self._came()


class Arrivals:
    """Finds what the other finders find, and has it loaded aside; ``came`` is called when rules wait for a module.

    ``plainly()`` is a context in which ``compiled.LATE`` is loaded.
    """

    def __init__(self, came: Callable[[], None], plainly: Callable[[], AbstractContextManager[None]]) -> None:
        self._came, self._plainly = came, plainly

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if active.trace is None:
            return None
        for finder in list(sys.meta_path):
            if finder is self:
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    around = self._plainly() if fullname == LATE else nullcontext()
                    loader: Any = _Aside(spec.loader, self._came, around)
                    spec.loader = loader
                return spec
        return None
