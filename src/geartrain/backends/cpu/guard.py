"""Arenas between pages that nobody may touch: a plan that writes past the end of its arena dies on the spot.

For hunting mistakes: with ``GEARTRAIN_GUARD=1`` in the environment when the native code is loaded, every call gets an
arena of its own, whose end is the end of a page, and whose neighbours are forbidden.
"""

import mmap
import os

from geartrain.backends.cpu.emit import I32, I64, PTR, VOID, Module

__all__ = ["write"]

_READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE if os.name == "posix" else 0
_PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS if os.name == "posix" else 0


def write(module: Module) -> None:
    """Write ``gt_guarded_allocate(alignment, size)`` and ``gt_guarded_free(arena)``; ``size`` is a multiple of 64.

    In memory: a page that says how long all of it is; a forbidden page; the arena, at the end of its pages; a forbidden
    page.
    """
    page = mmap.PAGESIZE
    f = module.function("gt_guarded_allocate", PTR, alignment=I64, size=I64)
    size = f["size"]
    pages = (size + (page - 1)) // page * page
    total = pages + 3 * page
    flags = (f.const(_READ_WRITE, I32), f.const(_PRIVATE, I32), f.const(-1, I32), f.const(0))
    base = f.call("mmap", PTR, f.null(), total, *flags)
    with f.when(f.make(I64, f"ptrtoint ptr {base.text} to i64").equals(-1)):
        f.give(f.null())
    f.store(base, 0, total)
    f.call("mprotect", I32, base.at(page), f.const(page), f.const(0, I32))
    f.call("mprotect", I32, base.at(pages + 2 * page), f.const(page), f.const(0, I32))
    f.give(base.at(pages + 2 * page - size))

    f = module.function("gt_guarded_free", VOID, arena=PTR)
    start = f.make(I64, "ptrtoint ptr %arena to i64")
    base = (start - start % page - 2 * page).as_pointer()
    f.call("munmap", I32, base, f.load(base, 0, I64))
    f.give()
