"""What was compiled and what was found, in memory and on disk: ``gt.cache.info()``."""

from pathlib import Path
from typing import NamedTuple

from geartrain.backends import object_cache
from geartrain.jit import ALL
from geartrain.misses import LOG, Miss

__all__ = ["Info", "info"]


class Info(NamedTuple):
    """Counts of this process.

    ``native`` and ``python``: calls of compiled functions (of those that are still there) that found their program, in
    native code from end to end, and by way of Python. ``misses``: calls that had to be recorded, the last thousand,
    each with the reason. ``read``: programs and pieces of object code found on disk. ``compiled``: how many pieces were
    not, by reason. ``folder``, ``files``, ``bytes``: where they are kept, and how much there is now.
    """

    native: int
    python: int
    misses: tuple[Miss, ...]
    read: int
    compiled: dict[str, int]
    folder: Path | None
    files: int
    bytes: int

    @property
    def hits(self) -> int:
        """Calls that found their program."""
        return self.native + self.python

    def __str__(self) -> str:
        """A summary, with the last misses."""
        reasons = [f"  {n} {reason}" for reason, n in self.compiled.items()]
        where = "no folder" if self.folder is None else f"{self.folder}: {self.files} files, {self.bytes} bytes"
        return "\n".join(
            [
                f"calls: {self.hits} hits ({self.native} native), {len(self.misses)} misses",
                *[f"  {name}: {why}" for name, why in self.misses[-SHOWN:]],
                f"object code: {self.read} read, {sum(self.compiled.values())} compiled",
                *reasons,
                where,
            ]
        )


SHOWN = 20
"""Misses that are printed."""


def info() -> Info:
    """What was found and what was compiled in this process, and why.

    >>> import numpy as np
    >>> from geartrain.jit import jit
    >>> double = jit(lambda x: x * 2)
    >>> for x in (np.ones(3), np.ones(3), np.ones(4)):
    ...     y = double(x)
    >>> info().misses[-1].why
    'argument 0 is f64[4], was f64[3]'
    """
    pairs = [f.calls() for f in tuple(ALL)]
    folder, (files, bytes_) = object_cache.folder(), object_cache.size()
    return Info(
        sum([native for native, _ in pairs]),
        sum([python for _, python in pairs]),
        tuple(LOG),
        sum(object_cache.FOUND.values()),
        dict(object_cache.MADE),
        None if folder is None else Path(folder),
        files,
        bytes_,
    )
