"""A private copy of OpenBLAS, with the kernels that this processor really has.

Which library: the one that the package ``scipy-openblas32`` carries; else the one inside of NumPy's wheel. It is loaded
a second time, from a copy of the file, if the process has it already: its settings are ours, NumPy's are not touched.

Which kernels: OpenBLAS knows processors by their numbers, and takes old kernels for a new one (Haswell's, without
AVX-512, on a Zen 5). Instruction sets are what counts, and LLVM knows those. Where our choice differs from what the
library would do by itself here, the environment variable ``OPENBLAS_CORETYPE`` included, another process first checks
that these kernels run and multiply right; the verdict is kept on disk. Here, every library is checked against NumPy.

Which threads: one. ``gemm`` cuts products into tiles for the pool, so that there is one set of threads and not two.
"""

import contextlib
import ctypes
import functools
import importlib
import importlib.util
import os
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

import numpy as np

from geartrain.backends import llvm

__all__ = ["OWN_CHOICE", "Library", "asked", "describe", "library", "opened", "remembered", "tier", "why_not"]

TIERS = (
    ("Katmai", "Prescott", "Core2", "Penryn", "Dunnington", "Nehalem", "Athlon", "Opteron", "Barcelona", "Bobcat"),
    ("Sandybridge", "Bulldozer"),
    ("Piledriver", "Steamroller"),
    ("Haswell", "Excavator", "Zen"),
    ("SkylakeX", "Cooperlake", "SapphireRapids"),
)
"""OpenBLAS's names of kernels for x86-64, by instruction set: SSE, AVX, AVX with FMA, AVX2, AVX-512."""

OWN_CHOICE = "its own choice"
"""To try the kernels that the library chooses when nobody tells it: not every one is known to it by its name."""

AVX2 = {"+avx2", "+fma"}
AVX512 = {"+avx512f", "+avx512bw", "+avx512dq", "+avx512vl", "+avx512cd"}


class Library(NamedTuple):
    """A loaded and checked OpenBLAS."""

    handle: Any
    path: str
    origin: str
    version: str
    kernels: str
    note: str
    prefix: str
    suffix: str
    int_bits: int

    def address(self, routine: str) -> int:
        """The address of a routine by its Fortran name (``"dgemm"``, ``"dgetrf"``); 0 if the library has none.

        Its arguments are pointers; integers are of ``int_bits`` bits, and a pointer to an i64 serves for both.
        """
        found = getattr(self.handle, f"{self.prefix}{routine}{self.suffix}", None)
        return ctypes.cast(found, ctypes.c_void_p).value or 0 if found is not None else 0

    def __str__(self) -> str:
        return f"{self.version} ({self.origin}), {self.kernels} kernels{self.note and ': '}{self.note}"


def _files() -> Iterator[tuple[str, str]]:
    """The libraries to try, with where they come from."""
    for package in ("scipy_openblas32", "scipy_openblas64"):
        spec = importlib.util.find_spec(package)  # found, not imported: importing would load it for everybody
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            yield from ((package.replace("_", "-"), each) for each in _inside(os.path.join(folder, "lib")))
    numpy = os.path.dirname(np.__file__)
    for folder in (os.path.join(os.path.dirname(numpy), "numpy.libs"), os.path.join(numpy, ".dylibs")):
        yield from (("numpy's own", each) for each in _inside(folder))


def _inside(folder: str) -> list[str]:
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    wanted = [name for name in names if name.startswith("lib") and "openblas" in name]
    return [os.path.join(folder, name) for name in wanted if name.endswith((".so", ".dylib", ".dll"))]


def opened(path: str, kernels: str | None, copy: bool) -> Any:
    """Load the file with one thread and the given kernels; None: let the library choose."""
    mode = getattr(os, "RTLD_LOCAL", 0) | getattr(os, "RTLD_NOW", 0) | getattr(os, "RTLD_DEEPBIND", 0)
    with _environment({"OPENBLAS_CORETYPE": kernels, "OPENBLAS_L2_SIZE": None, "OPENBLAS_NUM_THREADS": "1"}):
        if not copy:
            return ctypes.CDLL(path, mode)
        with _trials().copied(path) as twin:  # the loader knows a file by its inode
            return ctypes.CDLL(twin, mode)


@contextlib.contextmanager
def _environment(values: dict[str, str | None]) -> Generator[None]:
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _is_loaded(path: str) -> bool:
    if not hasattr(os, "RTLD_NOLOAD"):
        return True
    try:
        ctypes.CDLL(path, os.RTLD_NOLOAD | os.RTLD_LOCAL)
    except OSError:
        return False
    return True


def describe(handle: Any, path: str, origin: str, note: str = "") -> Library:
    for prefix in ("scipy_", ""):
        for suffix in ("_", "_64_"):
            if hasattr(handle, f"{prefix}sgemm{suffix}"):
                tail = "64_" if suffix == "_64_" else ""
                config, core = (_text(handle, f"{prefix}openblas_get_{what}{tail}") for what in ("config", "corename"))
                bits = 64 if tail or "USE64BITINT" in config else 32
                version = " ".join(config.split()[:2])
                return Library(handle, path, origin, version, core, note, prefix, suffix, bits)
    raise OSError(f"{os.path.basename(path)} has no sgemm under a name that is known")


def _text(handle: Any, name: str) -> str:
    function = getattr(handle, name)
    function.restype = ctypes.c_char_p
    return str(function().decode())


def tier(kernels: str) -> int | None:
    """How new the instruction set of these kernels is.

    >>> tier("haswell"), tier("SKYLAKEX"), tier("NEOVERSEN1")
    (3, 4, None)
    """
    for i, names in enumerate(TIERS):
        if kernels.lower() in [name.lower() for name in names]:
            return i
    return None


def best(features: str, chosen: str) -> str:
    """The kernels to use on a processor with these features, where the library by itself chose ``chosen``.

    >>> best("+sse2,+avx2,+fma,+avx512f,+avx512bw,+avx512dq,+avx512vl,+avx512cd", "Haswell")
    'SkylakeX'
    >>> best("+sse2,+avx2,+fma", "Zen")
    'Zen'
    """
    have = set(features.split(","))
    able = "SkylakeX" if have >= AVX512 and have >= AVX2 else "Haswell" if have >= AVX2 else chosen
    mine, its = tier(able), tier(chosen)
    return able if mine is not None and its is not None and mine > its else chosen


def _trials() -> Any:
    """What tries a library is loaded where one is to be tried."""
    return importlib.import_module("geartrain.backends.cpu.openblas_trial")


def _wrong(found: Library) -> str:
    return str(_trials().wrong(found))


def _verdicts() -> str:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "geartrain", "openblas.txt")


def remembered(path: str, what: str, ask: Callable[[], str]) -> str:
    """What ``ask`` says of a library, from disk if it was asked for this file on such a processor before."""
    state = os.stat(path)
    key = f"{path}|{state.st_size}|{state.st_mtime_ns}|{'|'.join(llvm.host())}|{what}"
    file = _verdicts()
    known: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError), open(file, encoding="utf-8") as lines:  # absent, or damaged
        known = dict([line.rstrip("\n").split("\t") for line in lines])
    if key in known:
        return known[key]
    verdict = " ".join(ask().split())
    with contextlib.suppress(OSError):  # a cache that cannot be written costs a trial the next time
        os.makedirs(os.path.dirname(file), exist_ok=True)
        beside = f"{file}.{os.urandom(8).hex()}"
        with open(beside, "x", encoding="utf-8") as out:
            out.writelines([f"{name}\t{text}\n" for name, text in (known | {key: verdict}).items()])
        os.replace(beside, file)
    return verdict


def load(path: str, origin: str) -> Library:
    """Load a library with the best kernels that prove right."""
    mine = describe(opened(path, None, _is_loaded(path)), path, origin)
    told = os.environ.get("OPENBLAS_CORETYPE")
    alone = told or mine.kernels  # what it would do by itself
    target = best(llvm.host().features, mine.kernels)
    if target.lower() == alone.lower():
        return mine
    kernels = OWN_CHOICE if target == mine.kernels else target
    if problem := remembered(path, kernels, lambda: str(_trials().trial(path, kernels))):
        note = f"{target} is possible, but {problem}"
        return mine._replace(note=note) if told is None else describe(opened(path, told, True), path, origin, note)
    note = "OPENBLAS_CORETYPE says" if told else "it would itself choose"
    handle = mine.handle if target == mine.kernels else opened(path, target, True)
    return describe(handle, path, origin, f"{note} {alone}")


class _Search(NamedTuple):
    found: Library | None
    problems: tuple[str, ...]


@functools.cache
def _search() -> _Search:
    problems: list[str] = []
    for origin, path in _files():
        try:
            found = load(path, origin)
        except (OSError, AttributeError) as error:
            problems.append(f"{origin}: {error}")
            continue
        problem = remembered(path, f"products by {found.kernels}", functools.partial(_wrong, found))
        if not problem:
            return _Search(found, tuple(problems))
        problems.append(f"{origin}: {problem}")
    return _Search(None, (*problems, "no library left: pip install 'geartrain[native]' brings one"))


def library() -> Library | None:
    """The library, or None if there is none that works: ``why_not`` says why. The first call loads and checks it."""
    return _search().found


def asked() -> bool:
    """Whether the library has been looked for."""
    return _search.cache_info().currsize > 0


def why_not() -> str:
    """What was wrong with the libraries that were tried and not taken."""
    return "; ".join(_search().problems)
