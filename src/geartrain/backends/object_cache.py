"""Object code on disk, so that a second process compiles nothing.

An entry is a file, named by a hash of the text that it was compiled from and by one of everything else that its content
depends on: how it is optimised, LLVM's version, the processor and its features, the format. Files are written beside
and renamed, so that many processes may write at once; each begins with a hash of its content, so that a damaged one is
as good as none. Above a size, the files that were used least recently go.
"""

import contextlib
import hashlib
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

__all__ = ["FOUND", "LARGEST", "MADE", "VARIABLE", "folder", "kept", "size"]

VARIABLE = "GEARTRAIN_CACHE"
"""The environment variable that names the folder; empty or ``0`` for no cache at all."""

LARGEST = 256 << 20
"""Bytes of all files together, about."""

FORMAT = b"2"
_DIGEST = 32
_EVERY = 256

FOUND: Counter[str] = Counter()
"""How many entries this process read, by kind."""

MADE: Counter[str] = Counter()
"""How many it had to compile, by the reason."""


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
        MADE["there is no cache"] += 1
        return make()
    kind, *circumstances, text = key[0], *key
    name = hashlib.sha256(b"\0".join([kind.encode(), text.encode()])).hexdigest()
    rest = hashlib.sha256(b"\0".join([FORMAT, *[part.encode() for part in circumstances]])).hexdigest()[:16]
    path = where / name[:2] / f"{name[2:42]}-{rest}"
    why = ""
    try:
        found = path.read_bytes()
        if hashlib.sha256(found[_DIGEST:]).digest() == found[:_DIGEST]:
            FOUND[kind] += 1
            with contextlib.suppress(OSError):
                os.utime(path)
            return found[_DIGEST:]
        why = "the file was damaged"
    except OSError:
        others = any(path.parent.glob(f"{name[2:42]}-*"))
        why = "compiled before for another processor, LLVM or version only" if others else "not compiled before"
    made = make()
    MADE[why] += 1
    with contextlib.suppress(OSError):
        _write(path, hashlib.sha256(made).digest() + made)
        if int(name[:8], 16) % _EVERY == 0:  # now and then, also if each process writes just a few
            _shrink(where)
    return made


def size() -> tuple[int, int]:
    """How many files there are, and their bytes."""
    where = folder()
    files = [] if where is None else _files(where)
    return len(files), sum([bytes_ for _, bytes_, _ in files])


def _write(path: Path, content: bytes) -> None:
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


def _files(where: Path) -> list[tuple[float, int, Path]]:
    """When each file was used last, its bytes, and the file."""
    found: list[tuple[float, int, Path]] = []
    for file in where.glob("??/*"):
        with contextlib.suppress(OSError):  # another process took it away
            about = file.stat()
            found.append((about.st_mtime, about.st_size, file))
    return found


def _shrink(where: Path) -> None:
    """Delete what was used least recently until half of the room is free."""
    files = _files(where)
    total = sum([bytes_ for _, bytes_, _ in files])
    if total <= LARGEST:
        return
    for _, bytes_, file in sorted(files, key=lambda entry: entry[0]):
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)
        total -= bytes_
        if total <= LARGEST // 2:
            return
