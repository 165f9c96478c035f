"""What this library is, in a few letters: for the names of what is kept on disk and depends on all of its source."""

import functools
import hashlib
import os
import sys

import numpy as np

__all__ = ["fingerprint"]

FOLDERS = ("ir", "ops", "trace", "passes", "schedule", "backends")
"""Where the source is that says how a graph becomes a program. The rest of it says which graph."""


@functools.cache
def fingerprint() -> str:
    """It differs if a file of the compiler's source does, by time or size; if it lies elsewhere; by Python and NumPy.

    Times and sizes rather than contents: a thousand times quicker, and an installation or an edit changes them.
    """
    root = os.path.dirname(os.path.dirname(__file__))
    parts = [root, sys.version, sys.platform, np.__version__, str(os.stat(np.__file__).st_mtime_ns)]
    folders = [root, *[os.path.join(root, name) for name in FOLDERS]]
    for folder in folders:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    about = entry.stat()
                    parts.append(f"{entry.path} {about.st_size} {about.st_mtime_ns}")
                elif folder != root and entry.name != "__pycache__" and entry.is_dir():
                    folders.append(entry.path)
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()
