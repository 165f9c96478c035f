"""Fourier transforms by the inner loops of NumPy's own: their addresses, once they have proved right.

``numpy.fft`` calls ufuncs, whose inner loops are C functions: ``loop(char **args, npy_intp *sizes, npy_intp *steps,
void *data)``, which NumPy itself calls without the GIL. Where a ufunc has its loops is public (``ufuncobject.h``, part
of NumPy's binary interface); that ``numpy.fft`` has these ufuncs is not, so what they are is read off and, once for
each NumPy, another process calls them and compares. Where anything is not as it should be, transforms are NumPy steps.
"""

import ctypes
import functools
import importlib
import sys
from typing import Any

import numpy as np

from geartrain.backends.cpu.openblas import remembered

__all__ = ["LOOPS", "PREFIX", "loop_name", "read", "symbols", "usable", "why_not"]

PREFIX = "gt_fft"

LOOPS = {
    "fft": ("fft", "Dd->D Ff->F"),
    "ifft": ("ifft", "Dd->D Ff->F"),
    "rfft_even": ("rfft_n_even", "dd->D ff->F"),
    "rfft_odd": ("rfft_n_odd", "dd->D ff->F"),
    "irfft": ("irfft", "Dd->d Ff->f"),
}
"""The ufunc of each loop, and its first two types: those for double and for single precision."""

HOME = "numpy.fft._pocketfft_umath"


class _Ufunc(ctypes.Structure):
    """``PyUFuncObject`` of ``numpy/ufuncobject.h``, as far as it goes here."""

    _fields_ = (
        ("refcount", ctypes.c_ssize_t),
        ("type", ctypes.c_void_p),
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
        ("ntypes", ctypes.c_int),
        ("reserved", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("types", ctypes.POINTER(ctypes.c_ubyte)),
    )


def loop_name(loop: str, size: int) -> str:
    """What code calls a loop for floats of so many bytes."""
    return f"{PREFIX}_{loop}_f{size}"


def read() -> dict[str, int]:
    """Name -> address of all loops; and of their data, as ``NAME_data``.

    Raises:
        LookupError: they are not what they should be, and why.
    """
    module = sys.modules.get(HOME) if callable(np.fft.fft) else None
    found: dict[str, int] = {}
    for loop, (name, types) in LOOPS.items():
        ufunc: Any = getattr(module, name, None)
        if type(ufunc) is not np.ufunc or object.__basicsize__ != ctypes.sizeof(ctypes.c_ssize_t) * 2:
            raise LookupError(f"{HOME} has no ufunc {name}")
        here = _Ufunc.from_address(id(ufunc))
        counts = (here.nin, here.nout, here.nargs, here.ntypes)
        if counts != (2, 1, 3, len(ufunc.types)) or " ".join(ufunc.types[:2]) != types or here.name != name.encode():
            raise LookupError(f"{HOME}.{name} is another one: {ufunc.types}")
        for k, size in enumerate((8, 4)):
            numbers = [np.dtype(letter).num for letter in ufunc.types[k].replace("->", "")]
            if [here.types[3 * k + i] for i in range(3)] != numbers or not here.functions[k]:
                raise LookupError(f"{HOME}.{name} does not lie in memory as expected")
            found[loop_name(loop, size)] = here.functions[k] or 0
            found[f"{loop_name(loop, size)}_data"] = (here.data[k] or 0) if here.data else 0
    return found


def _tried() -> str:
    return str(importlib.import_module(f"{__name__}_trial").trial())


@functools.cache
def _found() -> tuple[dict[str, int], str]:
    """The addresses, and why there are none."""
    try:
        found = read()
        path = str(sys.modules[HOME].__file__)
        problem = remembered(path, f"transforms of NumPy {np.__version__}", _tried)
    except (LookupError, OSError) as error:
        return {}, str(error)
    return ({}, problem) if problem else (found, "")


def usable() -> bool:
    """Whether native code can call the transforms; the first call finds out."""
    return bool(_found()[0])


def why_not() -> str:
    """Why it cannot, if so."""
    return _found()[1]


def symbols() -> dict[str, int]:
    """Name -> address, for ``llvm.load``: nothing where they are not usable."""
    return _found()[0]
