"""Compiled kernels: code for each structure, for all programs of this process that want it at the same time.

A program keeps the code that it runs. Tables here hold what was used last, each up to a size; what has left them is
made again, or read from disk.

A program with many new kernels gets quick code for them at first: LLVM runs no passes, and chooses instructions and
registers without much thought, which takes a sixth of the time. The same text is compiled well meanwhile (``twice``).
Both give the same bits: no instruction may be taken for another one, or be moved across a rounding, at any level.
"""

import hashlib
import threading
from collections.abc import Iterable, Mapping
from weakref import WeakSet

from geartrain.backends import llvm, object_cache
from geartrain.backends.cpu import elf, image, runtime
from geartrain.backends.cpu.kernel_ir import kernel_text
from geartrain.backends.cpu.known import CODE
from geartrain.backends.cpu.mathlib import MathLibrary, function_text
from geartrain.backends.llvm import Code
from geartrain.backends.object_cache import kept
from geartrain.recent import Recent
from geartrain.schedule.loops import Kernel

__all__ = ["MANY", "NAMES", "OBJECTS", "better", "linked", "loaded", "module_text", "name_of", "object_code", "quick"]

PASSES = ("sroa", "instruction_combine", "new_gvn", "simplify_cfg")
"""Kernels are loops as they should be, so a few quick passes are enough."""

MANY = 4
"""New kernels from which on quick code is worth compiling twice."""

_Object = tuple[bytes, tuple[str, ...]]
"""The object code of a kernel, and the functions of the math library that it calls."""

OBJECTS: Recent[str, _Object] = Recent(4 << 20)
"""By name, in bytes."""

NAMES: Recent[Kernel, str] = Recent(1 << 14)
"""By kernel, in instructions, each of which is some 200 bytes of Python's."""

_functions: dict[str, bytes] = {}
"""The object code of the library's functions: some hundreds at most, however many kernels there are."""

_quick: WeakSet[Code] = WeakSet()
"""The code that is to be replaced."""

_lock = threading.Lock()
runtime.LOCKS[:0] = [_lock]


def module_text(kernels: Iterable[Kernel], library: MathLibrary | None = None) -> str:
    """The LLVM IR of some kernels: functions ``kernel0``, ``kernel1``, ..."""
    library = library or MathLibrary()
    bodies = [kernel_text(kernel, f"kernel{i}", library) for i, kernel in enumerate(kernels)]
    return "\n".join([library.text(), *bodies])


def object_code(text: str) -> bytes:
    """Object code of kernels, kept on disk."""
    return kept(_key(text), lambda: _compiled(text))


def _key(text: str) -> tuple[str, ...]:
    return "kernel", *llvm.host(), text


def _compiled(text: str) -> bytes:
    return llvm.compile_ir(text, 2, PASSES)


def loaded(kernels: Iterable[Kernel], soon: bool = False) -> dict[str, Code]:
    """The code of each kernel, by name; compiles those that are new. It is there as long as somebody keeps it.

    ``soon``: quick code will do for the moment.
    """
    wanted = {name_of(kernel): kernel for kernel in kernels}
    with _lock:
        found = CODE.find(wanted)
        new = {name: kernel for name, kernel in wanted.items() if name not in found}
        if soon and len(new) >= MANY:
            found |= _soon({name: kernel for name, kernel in new.items() if OBJECTS.get(name) is None})
            new = {name: kernel for name, kernel in new.items() if name not in found}
        if new:
            code = llvm.load(_with_functions(new), new)
            CODE.enter(code, new)
            found |= dict.fromkeys(new, code)
    return found


def _soon(kernels: Mapping[str, Kernel]) -> dict[str, Code]:
    """Quick code of some kernels, in one piece; none if they are few, or if good code of some is on disk."""
    texts = [_text(kernel, name) for name, kernel in kernels.items()]
    if len(texts) < MANY or any(object_cache.there(*_key(text)) for text, _ in texts):
        return {}
    lines = [line for text, _ in texts for line in text.splitlines()]
    declared = dict.fromkeys([line for line in lines if line.startswith("declare")])
    module = "\n".join([*declared, *[line for line in lines if line not in declared]])
    functions = {symbol: about for _, library in texts for symbol, about in library.functions.items()}
    objects = [llvm.compile_ir(module, 0, ())]
    for symbol, about in functions.items():
        objects.append(_functions.get(symbol) or llvm.compile_ir(function_text(symbol, *about), 0, ()))
    code = llvm.load(objects, kernels)
    _quick.add(code)
    CODE.enter(code, kernels)
    return dict.fromkeys(kernels, code)


def quick(code: Iterable[Code]) -> bool:
    """Whether some of this is quick code."""
    return any(each in _quick for each in code)


def better(kernels: Iterable[Kernel]) -> dict[str, Code]:
    """The code of each kernel, compiled well; others may compile meanwhile."""
    wanted = {name_of(kernel): kernel for kernel in kernels}
    for name, kernel in wanted.items():
        with _lock:
            if OBJECTS.get(name) is None and _is_quick(name):
                _made(kernel, name)
    with _lock:
        again = {name: kernel for name, kernel in wanted.items() if _is_quick(name)}
        if again:
            CODE.replace(llvm.load(_with_functions(again), again), again)
    return loaded(wanted.values())


def _is_quick(name: str) -> bool:
    return quick(CODE.find([name]).values())


def _text(kernel: Kernel, name: str) -> tuple[str, MathLibrary]:
    """The module of one kernel."""
    library = MathLibrary()
    body = kernel_text(kernel, name, library)
    return f"{library.text()}\n{body}", library


def _with_functions(kernels: Mapping[str, Kernel]) -> list[bytes]:
    """The objects of some kernels, by name, and of what they call."""
    found = [OBJECTS.get(name) or _made(kernel, name) for name, kernel in kernels.items()]
    called = dict.fromkeys([symbol for _, symbols in found for symbol in symbols])
    return [*[made for made, _ in found], *[_functions[symbol] for symbol in called]]


def _made(kernel: Kernel, name: str) -> _Object:
    text, library = _text(kernel, name)
    made = object_code(text), tuple(library.functions)
    for symbol, function in library.functions.items():
        if symbol not in _functions:
            _functions[symbol] = object_code(function_text(symbol, *function))
    OBJECTS.put(name, made, len(made[0]))
    return made


def linked(kernels: Iterable[Kernel], more: Iterable[bytes] = ()) -> image.Image | None:
    """The code of some kernels, and ``more``, to be kept; ``None`` if this machine keeps no linked code."""
    wanted = {name_of(kernel): kernel for kernel in kernels}
    if not image.usable():
        return None
    with _lock:
        objects = _with_functions(wanted)
    return elf.link([*objects, *more])


def name_of(kernel: Kernel) -> str:
    """A name that says all: the object code of a kernel does not depend on the others that it is compiled with."""
    found = NAMES.get(kernel)
    if found is None:
        found = "kernel_" + hashlib.sha256(repr(kernel).encode()).hexdigest()[:32]
        NAMES.put(kernel, found, len(kernel.code) + len(kernel.operands))
    return found
