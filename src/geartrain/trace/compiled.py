"""Compiled modules get a NumPy of their own, whose names are never replaced.

``numpy.random`` and other extension modules call ``np.empty`` by name and write into what they get without asking what
it is. While a trace runs, that name makes tracers: writing into one as if it were an array corrupts memory.
"""

import sys
from importlib.machinery import ExtensionFileLoader
from types import ModuleType

import numpy as np

__all__ = ["spare"]


def _copy(module: ModuleType) -> ModuleType:
    twin = ModuleType(module.__name__, module.__doc__)
    vars(twin).update(vars(module))
    return twin


_OWN = {module: _copy(module) for module in (np, np.linalg, np.fft)}
_OWN[np].linalg, _OWN[np].fft = _OWN[np.linalg], _OWN[np.fft]  # type: ignore[attr-defined]


def spare() -> None:
    """Give every compiled module that is loaded, and holds NumPy by a name, the copy instead.

    NumPy loads ``np.random`` when it is first asked for. That is done here, so that it is not while a trace runs.
    """
    assert np.random
    for module in list(sys.modules.values()):
        if isinstance(getattr(getattr(module, "__spec__", None), "loader", None), ExtensionFileLoader):
            space = vars(module)
            for name, value in list(space.items()):
                if isinstance(value, ModuleType) and value in _OWN:
                    space[name] = _OWN[value]
