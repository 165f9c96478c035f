"""Object code on disk, so that a second process compiles nothing.

An entry is a file, named by a hash of the text that it was compiled from and by one of everything else that its content
depends on: how it is optimised, LLVM's version, the processor and its features, the format. Files are written beside
and renamed, so that many processes may write at once; each begins with a hash of its content, so that a damaged one is
as good as none. Above a size, the files that were used least recently go.

It does without ``pathlib`` and ``tempfile``, which take longer to import than a whole program to be read.
"""

import contextlib
import hashlib
import os
import sys
from collections import Counter
from collections.abc import Callable

__all__ = ["FOUND", "LARGEST", "MADE", "VARIABLE", "find", "folder", "keep", "kept", "size", "there"]

VARIABLE = "GEARTRAIN_CACHE"
"""The environment variable that names the folder; empty or ``0`` for no cache at all."""

LARGEST = 256 << 20
"""Bytes of all files together, about."""

FORMAT = b"4"
_DIGEST = 32
_EVERY = 256

FOUND: Counter[str] = Counter()
"""How many entries this process read, by kind."""

MADE: Counter[str] = Counter()
"""How many it had to compile, by the reason."""


def folder() -> str | None:
    """Where object code is kept, or ``None``."""
    chosen = os.environ.get(VARIABLE)
    if chosen is not None:
        return None if chosen in ("", "0") else chosen
    if sys.platform == "win32":
        home = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~")
    elif sys.platform == "darwin":
        home = os.path.join(os.path.expanduser("~"), "Library", "Caches")
    else:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "geartrain", "objects")


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
    if folder() is None:
        MADE["there is no cache"] += 1
        return make()
    found, why = _found(key)
    if found is not None:
        FOUND[key[0]] += 1
        return found
    made = make()
    MADE[why] += 1
    keep(made, *key)
    return made


def find(*key: str) -> bytes | None:
    """What is on disk for a key, which is as that of ``kept``; ``None`` if there is nothing, or it is damaged."""
    return _found(key)[0]


def there(*key: str) -> bool:
    """Whether there is a file for a key, which may be damaged."""
    where = folder()
    return where is not None and os.path.exists(os.path.join(where, *_name(key)))


def keep(content: bytes, *key: str) -> None:
    """Write what belongs to a key to disk, if there is a folder for it."""
    where = folder()
    if where is None:
        return
    with contextlib.suppress(OSError):
        shelf, name = _name(key)
        _write(os.path.join(where, shelf), name, hashlib.sha256(content).digest() + content)
        if int(name[:6], 16) % _EVERY == 0:  # now and then, also if each process writes just a few
            _shrink(where)


def _name(key: tuple[str, ...]) -> tuple[str, str]:
    """The folder of a file, and its name there: what it is the code of, a dash, and the circumstances."""
    kind, *circumstances, text = key[0], *key
    name = hashlib.sha256(b"\0".join([kind.encode(), text.encode()])).hexdigest()
    rest = hashlib.sha256(b"\0".join([FORMAT, *[part.encode() for part in circumstances]])).hexdigest()[:16]
    return name[:2], f"{name[2:42]}-{rest}"


def _found(key: tuple[str, ...]) -> tuple[bytes | None, str]:
    """The content, or why there is none."""
    where = folder()
    if where is None:
        return None, "there is no cache"
    shelf, name = _name(key)
    path = os.path.join(where, shelf, name)
    try:
        with open(path, "rb") as file:
            found = file.read()
        if hashlib.sha256(found[_DIGEST:]).digest() == found[:_DIGEST]:
            with contextlib.suppress(OSError):
                os.utime(path)
            return found[_DIGEST:], ""
        return None, "the file was damaged"
    except OSError:
        others = any(other.startswith(name[:41]) for other in _listed(os.path.join(where, shelf)))
        return None, "compiled before for another processor, LLVM or version only" if others else "not compiled before"


def size() -> tuple[int, int]:
    """How many files there are, and their bytes."""
    where = folder()
    files = [] if where is None else _files(where)
    return len(files), sum([bytes_ for _, bytes_, _ in files])


def _write(shelf: str, name: str, content: bytes) -> None:
    os.makedirs(shelf, exist_ok=True)
    beside = os.path.join(shelf, f".new{os.urandom(8).hex()}")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        os.replace(beside, os.path.join(shelf, name))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def _listed(where: str) -> list[str]:
    """The names in a folder; none if it is not there, or another process is taking it away."""
    try:
        return os.listdir(where)
    except OSError:
        return []


def _files(where: str) -> list[tuple[float, int, str]]:
    """When each file was used last, its bytes, and the file."""
    found: list[tuple[float, int, str]] = []
    for shelf in _listed(where):
        for name in _listed(os.path.join(where, shelf)) if len(shelf) == 2 else ():
            path = os.path.join(where, shelf, name)
            with contextlib.suppress(OSError):  # another process took it away
                about = os.stat(path)
                found.append((about.st_mtime, about.st_size, path))
    return found


def _shrink(where: str) -> None:
    """Delete what was used least recently until half of the room is free."""
    files = _files(where)
    total = sum([bytes_ for _, bytes_, _ in files])
    if total <= LARGEST:
        return
    for _, bytes_, path in sorted(files, key=lambda entry: entry[0]):
        with contextlib.suppress(OSError):
            os.unlink(path)
        total -= bytes_
        if total <= LARGEST // 2:
            return
