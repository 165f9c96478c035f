"""Compiled kernels: one address for each structure, for all programs of this process."""

import hashlib
import threading
from collections.abc import Iterable

from geartrain.backends import llvm
from geartrain.backends.cpu import elf, image, runtime
from geartrain.backends.cpu.kernel_ir import kernel_text
from geartrain.backends.cpu.known import CODE
from geartrain.backends.cpu.mathlib import MathLibrary, function_text
from geartrain.backends.object_cache import kept
from geartrain.schedule.loops import Kernel

__all__ = ["address", "addresses", "count", "linked", "module_text", "name_of", "object_code"]

PASSES = ("sroa", "instruction_combine", "new_gvn", "simplify_cfg")
"""Kernels are loops as they should be, so a few quick passes are enough."""

_names: dict[Kernel, str] = {}
_objects: dict[str, tuple[bytes, tuple[str, ...]]] = {}
"""The object code of a kernel, and the functions of the math library that it calls."""

_functions: dict[str, bytes] = {}
_lock = threading.Lock()
runtime.LOCKS[:0] = [_lock, CODE.lock]


def module_text(kernels: Iterable[Kernel], library: MathLibrary | None = None) -> str:
    """The LLVM IR of some kernels: functions ``kernel0``, ``kernel1``, ..."""
    library = library or MathLibrary()
    bodies = [kernel_text(kernel, f"kernel{i}", library) for i, kernel in enumerate(kernels)]
    return "\n".join([library.text(), *bodies])


def object_code(text: str) -> bytes:
    """Object code of kernels, kept on disk. They are loops as they should be, so a few quick passes are enough."""
    return kept(("kernel", *llvm.host(), text), lambda: _compiled(text))


def _compiled(text: str) -> bytes:
    return llvm.compile_ir(text, 2, PASSES)


def addresses(kernels: Iterable[Kernel]) -> dict[Kernel, int]:
    """The address of each kernel; compiles those that are new."""
    wanted = {kernel: name_of(kernel) for kernel in kernels}
    with _lock:
        new = [name for name in wanted.values() if name not in CODE.addresses]
        if new:
            _compile({kernel: name for kernel, name in wanted.items() if name not in _objects})
            loaded = llvm.load(_with_functions(new), new)
            CODE.enter(loaded, new)
    return {kernel: CODE.addresses[name] for kernel, name in wanted.items()}


def _compile(new: dict[Kernel, str]) -> None:
    for kernel, name in new.items():
        library = MathLibrary()
        body = kernel_text(kernel, name, library)
        made = object_code(f"{library.text()}\n{body}")
        for symbol, function in library.functions.items():
            if symbol not in _functions:
                _functions[symbol] = object_code(function_text(symbol, *function))
        _objects[name] = made, tuple(library.functions)


def _with_functions(names: Iterable[str]) -> list[bytes]:
    """The objects of some kernels and of what they call."""
    found = [_objects[name] for name in dict.fromkeys(names)]
    called = dict.fromkeys([symbol for _, symbols in found for symbol in symbols])
    return [*[made for made, _ in found], *[_functions[symbol] for symbol in called]]


def linked(kernels: Iterable[Kernel], more: Iterable[bytes] = ()) -> image.Image | None:
    """The code of some kernels, and ``more``, to be kept; ``None`` if this machine keeps no linked code."""
    wanted = {kernel: name_of(kernel) for kernel in kernels}
    with _lock:
        _compile({kernel: name for kernel, name in wanted.items() if name not in _objects})
        return elf.link([*_with_functions(wanted.values()), *more]) if image.usable() else None


def name_of(kernel: Kernel) -> str:
    """A name that says all: the object code of a kernel does not depend on the others that it is compiled with."""
    found = _names.get(kernel)
    if found is None:
        found = _names[kernel] = "kernel_" + hashlib.sha256(repr(kernel).encode()).hexdigest()[:32]
    return found


def address(kernel: Kernel) -> int:
    """The address of a kernel."""
    return addresses([kernel])[kernel]


def count() -> int:
    """How many kernels are compiled."""
    return len(_objects)
