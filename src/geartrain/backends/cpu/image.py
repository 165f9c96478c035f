"""Native code as bytes that can be loaded anywhere: written to memory, told a few addresses, and made executable.

Loading takes no compiler and no linker, so a process whose programs are all on disk never loads LLVM.
"""

import ctypes
import functools
import mmap
import os
import struct
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

__all__ = ["PAGE", "Image", "load", "usable"]

PAGE = mmap.PAGESIZE


class Image(NamedTuple):
    """Code, and what to fill in. Places are bytes from its beginning.

    ``code`` is what it begins with, zeros follow up to ``size``; from ``data`` on (a whole number of pages) it may be
    written to. ``inside`` are places of addresses of places, ``outside`` those of addresses of functions and variables
    somewhere else, by name. ``exports``: where its own are.
    """

    code: bytes
    data: int
    size: int
    inside: tuple[tuple[int, int], ...]
    outside: tuple[tuple[int, str], ...]
    exports: dict[str, int]


def usable() -> bool:
    """Whether images can be loaded here; where not, LLVM loads objects."""
    return os.name == "posix" and os.uname().machine in ("x86_64", "AMD64")


def load(image: Image, names: Iterable[str], symbols: Mapping[str, int]) -> tuple[Any, dict[str, int]]:
    """Put an image into memory: what has to be kept for as long as it is used, and the addresses of ``names``.

    Args:
        image: the code.
        names: what is wanted of ``Image.exports``.
        symbols: name -> address of what is outside; functions of libc are found without.

    Raises:
        RuntimeError: a symbol is not there.
        OSError: there is no memory, or the system lets nobody make code.
    """
    memory = mmap.mmap(-1, image.size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE)
    memory[: len(image.code)] = image.code
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    try:
        for at, place in image.inside:
            struct.pack_into("<q", memory, at, base + place)
        for at, name in image.outside:
            struct.pack_into("<Q", memory, at, symbols[name] if name in symbols else _of_process(name))
        found = {name: base + image.exports[name] for name in names}
    except KeyError as error:
        raise RuntimeError(f"[native] {', '.join(names)} cannot be loaded: nobody has {error.args[0]!r}") from None
    _protect(base, image.data)
    return memory, found


def _protect(base: int, size: int) -> None:
    """From now on the first ``size`` bytes can be run and not be written to."""
    library = ctypes.CDLL(None, use_errno=True)
    mprotect = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, use_errno=True)(
        ("mprotect", library)
    )
    if mprotect(base, size, mmap.PROT_READ | mmap.PROT_EXEC):
        number = ctypes.get_errno()
        raise OSError(number, f"code cannot be made executable: {os.strerror(number)}")


@functools.cache
def _of_process(name: str) -> int:
    """The address of a function that the process has."""
    try:
        found = getattr(ctypes.CDLL(None), name)
    except AttributeError:
        raise KeyError(name) from None
    return ctypes.cast(found, ctypes.c_void_p).value or 0
