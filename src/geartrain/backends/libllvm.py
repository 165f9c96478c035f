"""LLVM by the functions of llvmlite's library, without the Python around it, whose import takes seven times as long.

That interface is llvmlite's own affair and may change with it, so only versions whose functions have been compared
with what is written here are asked in this way; others go through ``llvmlite.binding``, as :mod:`.llvm` says. Each
module is compiled in a context of its own, so nothing is shared with another user of the same library, such as Numba.
"""

import ctypes
import functools
import os
import sys
import threading
from typing import Any

from geartrain import extras

__all__ = ["LOCK", "PASSES", "VERSIONS", "Library", "library"]

VERSIONS = ("0.46", "0.47", "0.48", "0.49", "0.50")
"""The versions of llvmlite in which the functions below take and return what is said here."""

PASSES = {
    "sroa": "SROA",
    "instruction_combine": "InstCombine",
    "new_gvn": "NewGVN",
    "simplify_cfg": "SimplifyCFG",
    "always_inliner": "AlwaysInliner",
}
"""The passes that can be asked for, by llvmlite's names and by the library's."""

_P, _S, _I = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_OUT = ctypes.POINTER(ctypes.c_char_p)
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "InitializeNativeTarget": (None, ()),
    "InitializeNativeAsmPrinter": (None, ()),
    "InitializeNativeAsmParser": (None, ()),
    "GetVersionInfo": (ctypes.c_uint, ()),
    "GetProcessTriple": (None, (_OUT,)),
    "GetHostCPUName": (None, (_OUT,)),
    "GetHostCPUFeatures": (_I, (_OUT,)),
    "DisposeString": (None, (_S,)),
    "GetTargetFromTriple": (_P, (_S, _OUT)),
    "CreateTargetMachine": (_P, (_P, _S, _S, _S, _I, _S, _S, _I, _I, _S)),
    "CreateTargetMachineData": (_P, (_P,)),
    "CopyStringRepOfTargetData": (None, (_P, _OUT)),
    "DisposeTargetData": (None, (_P,)),
    "ContextCreate": (_P, ()),
    "ContextDispose": (None, (_P,)),
    "ParseAssembly": (_P, (_P, _S, _OUT)),
    "SetTarget": (None, (_P, _S)),
    "SetDataLayout": (None, (_P, _S)),
    "VerifyModule": (ctypes.c_bool, (_P, _OUT)),
    "DisposeModule": (None, (_P,)),
    "CreatePipelineTuningOptions": (_P, ()),
    "CreatePassBuilder": (_P, (_P, _P)),
    "CreateNewModulePassManager": (_P, ()),
    "RunNewModulePassManager": (None, (_P, _P, _P)),
    **{f"module_Add{name}Pass": (None, (_P,)) for name in PASSES.values()},
    "TargetMachineEmitToMemory": (_P, (_P, _P, _I, _OUT)),
    "GetBufferStart": (_P, (_P,)),
    "GetBufferSize": (ctypes.c_size_t, (_P,)),
    "DisposeMemoryBuffer": (None, (_P,)),
}
"""What each function returns and takes."""


class Library:
    """The library, loaded. One thread at a time may use a machine."""

    def __init__(self, path: str) -> None:
        loaded = ctypes.CDLL(path)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(loaded, f"LLVMPY_{name}")
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)
        self._passes: dict[tuple[int, tuple[str, ...]], tuple[int, int]] = {}
        for part in ("Target", "AsmPrinter", "AsmParser"):
            self._call(f"InitializeNative{part}")

    def _call(self, name: str, *arguments: Any) -> Any:
        return getattr(self, name)(*arguments)

    def _told(self, name: str, *arguments: Any) -> tuple[Any, str]:
        """What a function returns, and the text that it writes."""
        text = ctypes.c_char_p(None)
        result = self._call(name, *arguments, ctypes.byref(text))
        said = (text.value or b"").decode("utf-8", "replace")
        if text:
            self._call("DisposeString", text)
        return result, said

    def host(self) -> tuple[str, str, str, str]:
        """This machine: the triple, the processor, its features, sorted; and LLVM's version."""
        number = self._call("GetVersionInfo")
        version = ".".join([str(number >> 16 & 0xFF), str(number >> 8 & 0xFF), str(number & 0xFF)])
        features = self._told("GetHostCPUFeatures")[1].split(",")
        ordered = ",".join(sorted([each for each in features if each], key=lambda each: each[1:]))
        return self._told("GetProcessTriple")[1], self._told("GetHostCPUName")[1], ordered, version

    def machine(self, triple: str, cpu: str, features: str, opt: int, model: str) -> tuple[int, bytes]:
        """A target machine, position independent, and the layout of its data.

        Raises:
            RuntimeError: LLVM has none.
        """
        target, why = self._told("GetTargetFromTriple", triple.encode())
        if not target:
            raise RuntimeError(why)
        texts = triple.encode(), cpu.encode(), features.encode()
        made = self._call("CreateTargetMachine", target, *texts, opt, b"pic", model.encode(), 0, 1, b"")
        if not made:
            raise RuntimeError(f"LLVM makes no code for {cpu} on {triple}")
        data = self._call("CreateTargetMachineData", made)
        layout = self._told("CopyStringRepOfTargetData", data)[1]
        self._call("DisposeTargetData", data)
        return made, layout.encode()

    def compiled(
        self, machine: int, triple: str, layout: bytes, text: str, passes: tuple[str, ...], assembly: bool
    ) -> bytes:
        """A module of LLVM IR as object code, or as assembly.

        Raises:
            RuntimeError: the text does not parse or verify; the message is LLVM's.
        """
        context = self._call("ContextCreate")
        module = None
        try:
            module, wrong = self._told("ParseAssembly", context, text.encode())
            if wrong or not module:
                raise RuntimeError(f"LLVM IR parsing error\n{wrong}")
            self._call("SetTarget", module, triple.encode())
            self._call("SetDataLayout", module, layout)
            bad, wrong = self._told("VerifyModule", module)
            if bad:
                raise RuntimeError(wrong)
            self._run(machine, module, passes)
            return self._emitted(machine, module, assembly)
        finally:
            if module:
                self._call("DisposeModule", module)
            self._call("ContextDispose", context)

    def _run(self, machine: int, module: int, passes: tuple[str, ...]) -> None:
        made = self._passes.get((machine, passes))
        if made is None:  # once, since not all of it would be freed
            manager = self._call("CreateNewModulePassManager")
            for name in passes:
                self._call(f"module_Add{PASSES[name]}Pass", manager)
            builder = self._call("CreatePassBuilder", machine, self._call("CreatePipelineTuningOptions"))
            made = self._passes[machine, passes] = manager, builder
        self._call("RunNewModulePassManager", made[0], module, made[1])

    def _emitted(self, machine: int, module: int, assembly: bool) -> bytes:
        buffer, wrong = self._told("TargetMachineEmitToMemory", machine, module, int(not assembly))
        if not buffer:
            raise RuntimeError(wrong)
        made = ctypes.string_at(self._call("GetBufferStart", buffer), self._call("GetBufferSize", buffer))
        self._call("DisposeMemoryBuffer", buffer)
        return made


LOCK = threading.Lock()
"""Held while the library is loaded and made ready, which must happen once."""


def library() -> Library | None:
    """The library of the llvmlite that is installed, if it is one of ``VERSIONS`` and can be loaded.

    Raises:
        MissingPackage: there is no llvmlite.
    """
    with LOCK:
        return _library()


@functools.cache
def _library() -> Library | None:
    package = extras.need("llvmlite", "native", "native code")
    if ".".join(package.__version__.split(".")[:2]) not in VERSIONS or package.__version__.count(".") != 2:
        return None
    name = "libllvmlite.dylib" if sys.platform == "darwin" else "libllvmlite.so"
    try:
        return Library(os.path.join(os.path.dirname(package.__file__), "binding", name))
    except (OSError, AttributeError):  # llvmlite itself says what is wrong with it
        return None
