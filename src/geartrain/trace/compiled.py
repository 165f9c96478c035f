"""Compiled modules get a NumPy of their own, whose names are never replaced; so do packages that draw and tabulate.

``numpy.random`` and other extension modules call ``np.empty`` by name and write into what they get without asking what
it is. While a trace runs, that name makes tracers: writing into one as if it were an array corrupts memory. Pandas and
matplotlib hand what they make to such modules, and NumPy's masked arrays are ndarrays by inheritance: on plain values
they are to work as ever, and a traced value meets NumPy's own functions there, which refuse it.
"""

import sys
import weakref
from importlib.machinery import ExtensionFileLoader
from types import ModuleType

import numpy as np

__all__ = ["LATE", "early", "spare"]


def _copy(module: ModuleType) -> ModuleType:
    twin = ModuleType(module.__name__, module.__doc__)
    vars(twin).update(vars(module))
    return twin


_OWN = {module: _copy(module) for module in (np, np.linalg, np.fft)}
_OWN[np].linalg, _OWN[np].fft = _OWN[np.linalg], _OWN[np.fft]  # type: ignore[attr-defined]


LATE = "numpy.ma"
"""A part of NumPy's that it loads when it is first asked for it, which takes too long to be done here."""

_PLAIN = ("numpy.ma.", "pandas.", "matplotlib.", "mpl_toolkits.", "seaborn.")


def early() -> None:
    """NumPy loads ``np.random`` when it is first asked for it. That is done here, so that it is not while a trace runs.

    It takes a tenth of the time of ``import geartrain``, so it is not done there.
    """
    assert np.random


_looked_at: dict[str, tuple[weakref.ref[ModuleType], int]] = {}
"""The modules that have been looked at, and how many names they had then."""


def spare() -> None:
    """Give every compiled module and every one of the packages in ``_PLAIN`` that holds NumPy by a name the copy.

    One that was looked at, and has no more names since, is passed over.
    """
    for name, module in list(sys.modules.items()):
        before = _looked_at.get(name)
        if before is not None and before[0]() is module and before[1] == len(vars(module)):
            continue
        if type(module) is ModuleType:
            _looked_at[name] = weakref.ref(module), len(vars(module))
        if f"{name}.".startswith(_PLAIN) or isinstance(
            getattr(getattr(module, "__spec__", None), "loader", None), ExtensionFileLoader
        ):
            space = vars(module)
            for held, value in list(space.items()):
                if isinstance(value, ModuleType) and value in _OWN:
                    space[held] = _OWN[value]
