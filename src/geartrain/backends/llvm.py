"""LLVM, which llvmlite carries: the one place that asks for it, knows the machine, and turns text into addresses.

The way is text of LLVM IR -> object code (``compile_ir``, slow, its bytes can be kept) -> addresses (``load``, 0.3 ms).
What code calls outside itself is given by name to ``load``, so that object code holds no address and is good in any
process.
"""

import atexit
import contextlib
import ctypes
import functools
import importlib.util
import itertools
import marshal
import os
import platform
import threading
import weakref
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from geartrain import extras
from geartrain.backends import libllvm, object_cache
from geartrain.backends.cpu import elf, image
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
    "load_image",
    "need",
    "remembered",
    "target_machine",
]


def need(module: str = "llvmlite.binding") -> Any:
    """Import and return ``module`` of the extra ``native``.

    Raises:
        MissingPackage: it cannot be imported; the text is one line and says what to install.
    """
    return extras.need(module, "native", "native code")


def installed() -> bool:
    """Whether there is native code here: the threads of a POSIX system, and llvmlite.

    Imports it, unless this very file of it has been seen to work on this machine.
    """
    if os.name != "posix":
        return False
    try:
        host()
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
    """This machine, as LLVM names it; from disk, if this LLVM has been asked on such a machine before.

    Raises:
        MissingPackage: there is no LLVM.
    """
    found = object_cache.find(*_where()) if all(_where()) else None
    if found is not None:
        return Host(*marshal.loads(found))
    here = _asked()
    if all(_where()):
        object_cache.keep(marshal.dumps(tuple(here)), *_where())
    return here


def remembered() -> bool:
    """Whether ``host`` needs not ask LLVM."""
    return all(_where()) and object_cache.there(*_where())


@functools.cache
def _where() -> tuple[str, str, str]:
    return "host", _machine(), _package()


def _machine() -> str:
    """What the system says of the first processor; the empty string where it is not known how it says that."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            first = file.read(1 << 14).partition("\n\n")[0]
    except OSError:
        return ""
    told = ("vendor_id", "cpu family", "model", "stepping", "flags", "Features", "CPU ")
    lines = [line for line in first.splitlines() if line.startswith(told)]
    known = any(line.startswith(("flags", "Features")) for line in lines)
    return "\n".join([platform.machine(), *lines]) if known else ""


def _package() -> str:
    """The files of llvmlite's library; the empty string if there are none."""
    try:
        spec = importlib.util.find_spec("llvmlite")
    except (ValueError, ImportError):  # somebody has put something else in its place, or forbids it
        return ""
    found: list[str] = []
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        with contextlib.suppress(OSError), os.scandir(os.path.join(folder, "binding")) as files:
            mine = [(file.path, file.stat()) for file in files if "llvmlite" in file.name]
            found += [f"{path} {about.st_size} {about.st_mtime_ns}" for path, about in mine]
    return "\n".join(sorted(found))


@functools.cache
def _asked() -> Host:
    direct = libllvm.library()
    if direct is not None:
        return Host(*direct.host())
    binding = need()
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    binding.initialize_native_asmparser()
    version = ".".join(map(str, binding.llvm_version_info))
    features = binding.get_host_cpu_features().flatten()
    return Host(binding.get_process_triple(), binding.get_host_cpu_name(), features, version)


def _model() -> str:
    """Position independent, so that objects can be kept and loaded anywhere; an image is in one piece."""
    return "small" if image.usable() else "jitdefault"


@functools.lru_cache(maxsize=4)
def target_machine(opt: int = 3) -> Any:
    """The ``TargetMachine`` of llvmlite for this host."""
    here = _asked()
    target = need().Target.from_triple(here.triple)
    return target.create_target_machine(
        cpu=here.cpu, features=here.features, opt=opt, reloc="pic", codemodel=_model(), jit=True
    )


_compiling = threading.Lock()


def compile_ir(text: str, opt: int = 3, passes: Iterable[str] | None = None) -> bytes:
    """Optimise a module of LLVM IR for this host and return its object code.

    Args:
        text: the module.
        opt: how much work to spend, 0 to 3, on passes and on choosing instructions. LLVM takes its time: at level 3,
            some 40 ms for a page of code.
        passes: the passes to run instead of those of the level, of ``libllvm.PASSES``; ``QUICK`` for code that is as it
            should be, but for variables in memory.

    Raises:
        RuntimeError: the text does not parse or verify. That is a mistake of ours: the message is LLVM's.
    """
    return _compiled(text, opt, passes, False)


def assembly(text: str, opt: int = 3, passes: Iterable[str] | None = None) -> str:
    """The same as the processor's own instructions, in text."""
    return _compiled(text, opt, passes, True).decode()


@functools.lru_cache(maxsize=4)
def _machine_of(direct: libllvm.Library, opt: int) -> tuple[int, bytes]:
    here = _asked()
    return direct.machine(here.triple, here.cpu, here.features, opt, _model())


def _compiled(text: str, opt: int, passes: Iterable[str] | None, assembly: bool) -> bytes:
    direct = libllvm.library()
    with _compiling:  # a machine serves one caller at a time
        if direct is not None and passes is not None:
            machine, layout = _machine_of(direct, opt)
            return direct.compiled(machine, host().triple, layout, text, tuple(passes), assembly)
        return _by_binding(text, opt, passes, assembly)


def _by_binding(text: str, opt: int, passes: Iterable[str] | None, assembly: bool) -> bytes:
    """The same by llvmlite's own Python."""
    binding, machine = need(), target_machine(opt)
    module = binding.parse_assembly(text)
    module.triple = host().triple
    module.data_layout = str(machine.target_data)
    module.verify()
    if passes is None:
        builder = _builder(opt)
        manager = builder.getModulePassManager()  # good for one run
    else:
        manager, builder = _passes(opt, tuple(passes))
    manager.run(module, builder)
    return machine.emit_assembly(module).encode() if assembly else machine.emit_object(module)


def _builder(opt: int) -> Any:
    binding = need()
    return binding.create_pass_builder(target_machine(opt), binding.create_pipeline_tuning_options(speed_level=opt))


@functools.cache
def _passes(opt: int, names: tuple[str, ...]) -> tuple[Any, Any]:
    """Passes by name, and what runs them: made once, as llvmlite (0.50) frees neither."""
    manager = need().create_new_module_pass_manager()
    for name in names:
        getattr(manager, f"add_{name}_pass")()
    return manager, _builder(opt)


QUICK = ("sroa", "instruction_combine", "simplify_cfg")
"""A tenth of the time of level 1, for code that has little to gain from more."""


class Code:
    """Loaded code: ``code["name"]`` is an address, good for as long as this object lives. ``size``: its bytes."""

    def __init__(self, keep: Any, addresses: dict[str, int], size: int) -> None:
        self._keep = keep
        self._addresses = addresses
        self.size = size

    def __getitem__(self, name: str) -> int:
        """The address of an exported function or variable."""
        return self._addresses[name]

    def names(self) -> set[str]:
        """What there is."""
        return set(self._addresses)


_loading = threading.Lock()
_numbers = itertools.count()
LOCKS = (_compiling, _loading, libllvm.LOCK)
"""For whoever has to know that nothing is half compiled."""

_alive: "weakref.WeakSet[Code]" = weakref.WeakSet()


@functools.cache
def _jit() -> Any:
    here = _asked()
    target = need().Target.from_triple(here.triple)
    machine = target.create_target_machine(cpu=here.cpu, features=here.features, opt=3, reloc="pic", jit=True)
    jit = need().create_lljit_compiler(machine)
    atexit.register(_stay, jit)
    return jit


def _stay(*jit: Any) -> None:
    """Leave code in memory at exit: a thread that is no daemon of Python's may still be running in it."""
    for what in (*jit, *_alive):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(what))


def load(objects: Iterable[bytes], exports: Iterable[str], symbols: Mapping[str, int] | None = None) -> Code:
    """Link object code into the process.

    Args:
        objects: what ``compile_ir`` returned; they may call one another.
        exports: the names whose addresses are wanted.
        symbols: name -> address of everything that the objects call outside themselves; the functions of libc are
            found without.
    """
    objects, exports = tuple(objects), tuple(exports)
    linked = elf.link(objects) if image.usable() else None
    if linked is not None:
        return load_image(linked, exports, symbols or {})
    with _loading:
        builder = need().JITLibraryBuilder()
        for each in objects:
            builder.add_object_img(each)
        for name, address in (symbols or {}).items():
            builder.import_symbol(name, address)
        for name in exports:
            builder.export_symbol(name)
        tracker = builder.add_current_process().link(_jit(), f"geartrain{next(_numbers)}")
        code = Code(tracker, {name: tracker[name] for name in exports}, sum(map(len, objects)))
    _alive.add(code)
    return code


def load_image(linked: image.Image, exports: Iterable[str], symbols: Mapping[str, int]) -> Code:
    """The same for code that is linked already; it takes no LLVM."""
    code = Code(*image.load(linked, exports, symbols), linked.size)
    with _loading:
        if not _alive:
            atexit.register(_stay)
        _alive.add(code)
    return code
