"""The way from Python into a compiled plan and back, in a fraction of a microsecond.

A ``Function`` is a builtin function (METH_FASTCALL, made without a C compiler: LLVM emits it, ``PyCFunction_NewEx``
wraps it) with a list of ``Program`` s. A call tries them in turn: if the arguments are exactly what a program expects
(types, containers, dtypes in native byte order, shapes, strides), it copies those not C-contiguous or not aligned,
makes fresh outputs, runs the plan with the GIL released, and builds the result. Keywords have to be those of the
program, in its order. In every other case it calls the slow path, in Python.
"""

import ctypes
import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from geartrain.backends.cpu import entry_words as ir
from geartrain.backends.cpu.program import Misfit, PlanStopped, Program, libc
from geartrain.trace.level import tracing

__all__ = ["Function", "Slow", "symbols", "unusable"]

Slow = Callable[[int, int, tuple[Any, ...], dict[str, Any]], Any]
"""``slow(which, status, args, kwargs)``: see :class:`Function`."""


def symbols(names: Sequence[str]) -> dict[str, int]:
    """The addresses of Python's and NumPy's functions that ``entry_ir`` calls."""
    found: dict[str, int] = {
        "_Py_TrueStruct": id(True),
        "_Py_NoneStruct": id(None),
        "PyArray_Type": id(np.ndarray),
        "PyUnicode_Type": id(str),
        "PyArray_Scalar": _numpy_api(60),
        "PyArray_ScalarAsCtype": _numpy_api(62),
        "PyArray_NewFromDescr": _numpy_api(94),
        "PyArray_FromArray": _numpy_api(109),
        "gt_allocate": _pointer(libc().aligned_alloc),
        "gt_free": _pointer(libc().free),
        "gt_tracing": tracing.__array_interface__["data"][0],
    }
    for name in names:
        if name.startswith("Py") and name not in found:
            found[name] = _pointer(getattr(ctypes.pythonapi, name))
    return found


def _pointer(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _numpy_api(index: int) -> int:
    """An entry of the table that NumPy's extension modules call it by; the indices do not change."""
    capsule = vars(sys.modules["numpy._core._multiarray_umath"])["_ARRAY_API"]
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.cast(pointer(capsule, None), ctypes.POINTER(ctypes.c_void_p))[index] or 0


@functools.cache
def unusable() -> str:
    """Why native entries cannot be used with this Python and this NumPy; the empty string if they can."""
    try:
        return _check()
    except Exception as error:  # whatever is not as assumed: the Python path is there
        return f"{type(error).__name__}: {error}"


def _check() -> str:
    if _numpy_api(2) != id(np.ndarray):
        return "NumPy's table of functions is not laid out as in NumPy 2"
    if ctypes.CFUNCTYPE(ctypes.c_uint)(_numpy_api(0))() >> 24 != 2:
        return "NumPy's binary interface is not that of NumPy 2"
    if np.ndarray.__basicsize__ < ir.FLAGS + 4:
        return "an ndarray is smaller than in NumPy 2"
    plain = np.arange(12, dtype=np.float32).reshape(3, 4)
    unaligned = np.frombuffer(bytearray(33), np.uint8)[1:].view(np.float64)
    for x in (
        plain,
        plain[::2, 1:],
        plain.T,
        np.zeros(()),
        np.ones((2, 0, 3), np.int8),
        plain.astype(">f4"),
        unaligned,
    ):
        at = id(x)
        if ctypes.c_void_p.from_address(at + ir.TYPE).value != id(np.ndarray):
            return "the type of an object is not where it was"
        ndim = ctypes.c_int.from_address(at + ir.NDIM).value
        if ndim != x.ndim or ctypes.c_void_p.from_address(at + ir.DATA).value != x.ctypes.data:
            return "the data of an ndarray is not where it was"
        if x.ndim and _words_at(at + ir.DIMS, x.ndim) != x.shape:
            return "the shape of an ndarray is not where it was"
        if x.ndim and _words_at(at + ir.STEPS, x.ndim) != x.strides:
            return "the strides of an ndarray are not where they were"
        if ctypes.c_void_p.from_address(at + ir.DESCR).value != id(x.dtype):
            return "the dtype of an ndarray is not where it was"
        if ctypes.c_int.from_address(at + ir.FLAGS).value & 0xFFF != x.flags.num & 0xFFF:
            return "the flags of an ndarray are not where they were"
    return ""


def _words_at(at: int, count: int) -> tuple[int, ...]:
    """The words that the pointer at an address points to."""
    there = ctypes.c_void_p.from_address(at).value
    return tuple((ctypes.c_int64 * count).from_address(there)) if there else ()


class _MethodDef(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


_FASTCALL_KEYWORDS = 0x80 | 0x02
_methods: dict[tuple[str, int], _MethodDef] = {}  # for ever: a builtin function points to its definition
NAMES = 2000
"""So many definitions; then functions of new names are called ``compiled``."""


def _builtin(name: str, address: int, cell: list[Any]) -> Callable[..., Any]:
    if len(_methods) >= NAMES and (name, address) not in _methods:
        name = "compiled"
    method = _methods.setdefault(
        (name, address), _MethodDef(name.encode(), address, _FASTCALL_KEYWORDS, b"A compiled function.")
    )
    make = ctypes.pythonapi.PyCFunction_NewEx
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.py_object]
    return cast("Callable[..., Any]", make(ctypes.addressof(method), cell, "geartrain"))


class Function:
    """A callable with programs.

    Args:
        slow: ``slow(which, status, args, kwargs)``, called where no program fits. ``which`` is 1 + the number of the
            last program that fitted and stopped, with ``status``; or 0, and then ``status`` is -1, or ``BUSY`` if
            programs were not tried, because some thread traces; ``always`` tries them all the same.
        native: the addresses of ``gt_call`` and ``gt_call_always``, or None to go through Python.
        name: its ``__name__``.
    """

    def __init__(self, slow: Slow, native: tuple[int, int] | None, name: str = "compiled") -> None:
        def by_names(which: int, status: int, given: tuple[Any, ...], names: tuple[str, ...] | None) -> Any:
            n = len(given) - len(names or ())
            return slow(which, status, given[:n], dict(zip(names or (), given[n:], strict=True)))

        self._slow = slow
        self._cell: list[Any] = [by_names]
        self.programs: tuple[Program, ...] = ()
        self.native = native is not None and not unusable()
        self.call = self.always = self._python
        if native is not None and self.native:
            self.call, self.always = (_builtin(name, address, self._cell) for address in native)

    def install(self, *programs: Program) -> None:
        """Use these programs, tried in this order, from now on; calls under way finish with what they have."""
        self.programs = programs
        self._cell[1:] = [program.handle for program in programs]

    def _python(self, *args: Any, **kwargs: Any) -> Any:
        """The same without native code: for a Python or a NumPy whose objects are laid out in another way."""
        which, status = 0, ir.NO_MATCH
        for i, program in enumerate(self.programs):
            given = [*args, *kwargs.values()]
            if tuple(kwargs) != program.names or len(given) != len(program.places()):
                continue
            try:
                return program.run(*[given[place] for place in program.places()])
            except Misfit:
                continue
            except PlanStopped as stop:
                which, status = i + 1, stop.args[0]
        return self._slow(which, status, args, kwargs)
