"""LLVM, through llvmlite: the one place that asks for it, knows the machine, and turns text into addresses.

The way is text of LLVM IR -> object code (``compile_ir``, slow, its bytes can be kept) -> addresses (``load``, 0.3 ms).
What code calls outside itself is given by name to ``load``, so that object code holds no address and is good in any
process.
"""

import atexit
import ctypes
import functools
import itertools
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from geartrain import extras
from geartrain.errors import MissingPackage

__all__ = [
    "LOCKS",
    "QUICK",
    "Code",
    "Host",
    "assembly",
    "compile_ir",
    "host",
    "installed",
    "load",
    "need",
    "target_machine",
]


T = TypeVar("T")


def need(module: str = "llvmlite.binding") -> Any:
    """Import and return ``module`` of the extra ``native``: ``llvmlite.binding``, ``llvmlite.ir``.

    Raises:
        MissingPackage: it cannot be imported; the text is one line and says what to install.
    """
    return extras.need(module, "native", "native code")


def installed() -> bool:
    """Whether there is native code here: the threads of a POSIX system, and llvmlite. Imports it."""
    if os.name != "posix":
        return False
    try:
        need()
    except MissingPackage:
        return False
    return True


class Host(NamedTuple):
    """The machine that code is made for. What the object code depends on: put it into a cache's key."""

    triple: str
    cpu: str
    features: str
    llvm: str


@functools.cache
def host() -> Host:
    """This machine, as LLVM names it."""
    binding = need()
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    binding.initialize_native_asmparser()
    version = ".".join(map(str, binding.llvm_version_info))
    features = binding.get_host_cpu_features().flatten()
    return Host(binding.get_process_triple(), binding.get_host_cpu_name(), features, version)


@functools.lru_cache(maxsize=4)
def target_machine(opt: int = 3) -> Any:
    """The ``TargetMachine`` for this host: position independent, so that objects can be kept and loaded anywhere."""
    here = host()
    target = need().Target.from_triple(here.triple)
    return target.create_target_machine(cpu=here.cpu, features=here.features, opt=opt, reloc="pic", jit=True)


_compiling = threading.Lock()


def compile_ir(text: str, opt: int = 3, passes: Iterable[str] | None = None) -> bytes:
    """Optimise a module of LLVM IR for this host and return its object code.

    Args:
        text: the module.
        opt: how much work to spend, 0 to 3, on passes and on choosing instructions. LLVM takes its time: at level 3,
            some 40 ms for a page of code.
        passes: the passes to run instead of those of the level, by the names that llvmlite gives them in
            ``ModulePassManager.add_..._pass``; ``QUICK`` for code that is as it should be, but for variables in memory.

    Raises:
        RuntimeError: the text does not parse or verify. That is a mistake of ours: the message is LLVM's.
    """
    return _compiled(text, opt, passes, lambda machine, module: machine.emit_object(module))


def assembly(text: str, opt: int = 3, passes: Iterable[str] | None = None) -> str:
    """The same as the processor's own instructions, in text."""
    return _compiled(text, opt, passes, lambda machine, module: machine.emit_assembly(module))


def _compiled(text: str, opt: int, passes: Iterable[str] | None, emit: Callable[[Any, Any], T]) -> T:
    binding = need()
    machine = target_machine(opt)
    with _compiling:  # a TargetMachine serves one caller at a time
        module = binding.parse_assembly(text)
        module.triple = host().triple
        module.data_layout = str(machine.target_data)
        module.verify()
        builder = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(speed_level=opt))
        if passes is None:
            manager = builder.getModulePassManager()
        else:
            manager = binding.create_new_module_pass_manager()
            for name in passes:
                getattr(manager, f"add_{name}_pass")()
        manager.run(module, builder)
        return emit(machine, module)


QUICK = ("sroa", "instruction_combine", "simplify_cfg")
"""A tenth of the time of level 1, for code that has little to gain from more."""


class Code:
    """Loaded code: ``code["name"]`` is an address, good for as long as this object lives."""

    def __init__(self, tracker: Any, names: Iterable[str]) -> None:
        self._tracker = tracker
        self._addresses: dict[str, int] = {name: tracker[name] for name in names}

    def __getitem__(self, name: str) -> int:
        """The address of an exported function or variable."""
        return self._addresses[name]


_loading = threading.Lock()
_numbers = itertools.count()
LOCKS = (_compiling, _loading)
"""For whoever has to know that nothing is half compiled."""

_alive: "weakref.WeakSet[Code]" = weakref.WeakSet()


@functools.cache
def _jit() -> Any:
    here = host()
    target = need().Target.from_triple(here.triple)
    machine = target.create_target_machine(cpu=here.cpu, features=here.features, opt=3, reloc="pic", jit=True)
    jit = need().create_lljit_compiler(machine)
    atexit.register(_stay, jit)
    return jit


def _stay(jit: Any) -> None:
    """Leave code in memory at exit: a thread that is no daemon of Python's may still be running in it."""
    for what in (jit, *_alive):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(what))


def load(objects: Iterable[bytes], exports: Iterable[str], symbols: Mapping[str, int] | None = None) -> Code:
    """Link object code into the process.

    Args:
        objects: what ``compile_ir`` returned; they may call one another.
        exports: the names whose addresses are wanted.
        symbols: name -> address of everything that the objects call outside themselves; the functions of libc are
            found without.
    """
    exports = tuple(exports)
    with _loading:
        builder = need().JITLibraryBuilder()
        for each in objects:
            builder.add_object_img(each)
        for name, address in (symbols or {}).items():
            builder.import_symbol(name, address)
        for name in exports:
            builder.export_symbol(name)
        code = Code(builder.add_current_process().link(_jit(), f"geartrain{next(_numbers)}"), exports)
    _alive.add(code)
    return code
