"""LAPACK from the library of the matrix products: addresses for native code, and a call from Python.

Routines have Fortran's names and conventions (LAPACK Users' Guide, 3rd edition): every argument is a pointer, matrices
are column-major, and the lengths of the arguments of one character follow at the end, by value, as i64. Integers have
``library().int_bits`` bits. An i64 cell serves for an integer that is only read; what is written (``info``, pivots) has
to be read at its true width. They run in the calling thread. Where there is no library, these are NumPy steps.
"""

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geartrain.backends.cpu import openblas
from geartrain.errors import RuleError, teach

__all__ = ["PREFIX", "ROUTINES", "call", "int_dtype", "name_of", "symbols"]

ROUTINES = (
    *("getrf", "getrs", "getri"),  # P A = L U, and with it: solve, invert
    *("potrf", "potrs", "potri"),  # A = L L'
    *("trsm", "gemm"),  # BLAS's own: triangular, from the left or the right; products
    *("trtrs", "trtri"),  # triangular: solve, invert
    *("geqrf", "orgqr", "ungqr"),  # A = Q R; Q of real, of complex matrices
    *("syevd", "heevd"),  # eigenvalues and eigenvectors of symmetric, of Hermitian matrices
    *("geev", "gesdd", "gelsd"),  # of general ones; singular values; least squares
)
"""What programs may ask for, without the letter of the type: s, d, c, z for f32, f64, c64, c128."""

PREFIX = "gt_lapack"


def _library() -> openblas.Library:
    found = openblas.library()
    if found is None:
        raise RuleError(teach("lapack", f"there is no LAPACK: {openblas.why_not()}."))
    return found


def int_dtype() -> np.dtype[Any]:
    """The dtype of Fortran's integers in this library.

    Raises:
        RuleError: there is no library.
    """
    return np.dtype(np.int64 if _library().int_bits == 64 else np.int32)


def name_of(routine: str) -> str:
    """What code calls a routine (``"dgetrf"``): other code for other integers."""
    return f"{PREFIX}{_library().int_bits}_{routine}"


def symbols() -> dict[str, int]:
    """``name_of("dgetrf")`` and so on -> address, of all routines and types that the library has: for ``llvm.load``.

    Empty where there is no library.
    """
    found = openblas.library()
    if found is None:
        return {}
    names = [letter + routine for letter in "sdcz" for routine in ROUTINES]
    return {name_of(name): address for name in names if (address := found.address(name))}


def call(name: str, *arguments: "NDArray[Any] | int | str") -> int:
    """Call a routine of LAPACK or BLAS; all arguments but ``info``, which is returned.

    Args:
        name: with the letter of the type: ``"dgetrf"``.
        arguments: ndarrays for what is read and written; an int, or one character, for what is only read.

    Returns:
        ``info``: 0 for success; -i if argument i is wrong; what else it means is the routine's.

    Raises:
        RuleError: there is no library, or no such routine in it.

    >>> a, pivots = np.array([[4.0, 2.0], [2.0, 5.0]], order="F"), np.empty(2, int_dtype())
    >>> call("dgetrf", 2, 2, a, 2, pivots)
    0
    >>> a
    array([[4. , 2. ],
           [0.5, 4. ]])
    """
    found = _library()
    address = found.address(name)
    if not address:
        raise RuleError(teach("lapack", f"{found.version} has no {name}."))
    cells: list[Any] = []
    for each in arguments:
        if isinstance(each, np.ndarray):
            cells.append(each.ctypes.data_as(ctypes.c_void_p))
        else:
            cells.append(ctypes.byref(ctypes.c_int64(each) if isinstance(each, int) else ctypes.c_char(each.encode())))
    info = np.zeros(1, int_dtype())
    lengths = [ctypes.c_int64(1) for each in arguments if isinstance(each, str)]
    ctypes.CFUNCTYPE(None)(address)(*cells, info.ctypes.data_as(ctypes.c_void_p), *lengths)
    return int(info[0])
