"""Object code on disk, so that a second process compiles nothing.

An entry is a file named by a hash of everything that its content depends on: the text of LLVM IR, how it is optimised,
LLVM's version, the processor and its features. Files are written beside and renamed, so that many processes may write
at once; each begins with a hash of its content, so that a damaged one is as good as none. Above a size, the files that
were used least recently go.
"""

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

__all__ = ["LARGEST", "VARIABLE", "folder", "kept"]

VARIABLE = "GEARTRAIN_CACHE"
"""The environment variable that names the folder; empty or ``0`` for no cache at all."""

LARGEST = 256 << 20
"""Bytes of all files together, about."""

FORMAT = b"1"
_DIGEST = 32
_EVERY = 256
_written = 0


def folder() -> Path | None:
    """Where object code is kept, or ``None``."""
    chosen = os.environ.get(VARIABLE)
    if chosen is not None:
        return None if chosen in ("", "0") else Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or os.path.expanduser("~")) / "geartrain" / "objects"
    if sys.platform == "darwin":
        return Path(os.path.expanduser("~")) / "Library" / "Caches" / "geartrain" / "objects"
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(home) / "geartrain" / "objects"


def kept(key: tuple[str, ...], make: Callable[[], bytes]) -> bytes:
    """The object code for ``key``: from disk, or made now and then kept. A cache that cannot be used is no error.

    >>> import tempfile
    >>> before = os.environ.get(VARIABLE)
    >>> with tempfile.TemporaryDirectory() as where:
    ...     os.environ[VARIABLE] = where
    ...     kept(("a",), lambda: b"made"), kept(("a",), lambda: b"made again")
    (b'made', b'made')
    >>> _ = os.environ.pop(VARIABLE) if before is None else os.environ.update({VARIABLE: before})
    """
    where = folder()
    if where is None:
        return make()
    name = hashlib.sha256(b"\0".join([FORMAT, *[part.encode() for part in key]])).hexdigest()
    path = where / name[:2] / name[2:]
    with contextlib.suppress(OSError):
        found = path.read_bytes()
        if hashlib.sha256(found[_DIGEST:]).digest() == found[:_DIGEST]:
            return found[_DIGEST:]
    made = make()
    with contextlib.suppress(OSError):
        _write(path, hashlib.sha256(made).digest() + made)
    return made


def _write(path: Path, content: bytes) -> None:
    global _written
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=".new")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
    _written += 1
    if _written % _EVERY == 0:
        _shrink(path.parent.parent)


def _shrink(where: Path) -> None:
    """Delete what was read least recently until half of the room is free."""
    files = [(file.stat().st_atime, file.stat().st_size, file) for file in where.glob("??/*")]
    total = sum(size for _, size, _ in files)
    if total <= LARGEST:
        return
    for _, size, file in sorted(files, key=lambda entry: entry[0]):
        file.unlink(missing_ok=True)
        total -= size
        if total <= LARGEST // 2:
            return
