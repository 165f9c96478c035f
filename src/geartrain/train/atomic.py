"""Writing a file so that a reader, or a crash, sees the old content or the new content, never a part of either."""

import contextlib
import os
import secrets
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

from geartrain.train.errors import WriteError

_TEMPORARY = ".tmp"


def write(path: Path, data: bytes) -> None:
    """Replace the content of ``path`` by ``data``, all or nothing: see ``writing``."""
    with writing(path) as file:
        file.write(data)


@contextlib.contextmanager
def writing(path: Path) -> Generator[BinaryIO]:
    """A file to write into, whose content replaces that of ``path`` at the end of the ``with``, all or nothing.

    The bytes go to a temporary file in the same folder, are forced to the disk, and take the name in one step
    (``os.replace``); then the folder is forced to the disk, which makes the new name last through a power cut.

    Raises:
        WriteError: the disk is full, the folder is gone or not writable, ...; ``path`` is as it was, nothing is left
            over.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_TEMPORARY}")
    try:
        try:
            with temporary.open("xb") as file:
                yield file
                sync(file)
            os.replace(temporary, path)
        except BaseException:  # Ctrl-C included: whatever stops us, the temporary file goes
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def sync(file: BinaryIO) -> None:
    """Force what was written to ``file`` to the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Force the names in ``folder`` to the disk where the system can do that (Windows and some networks cannot)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def cannot_write(path: Path, error: OSError) -> WriteError:
    """The error for a write to ``path`` that the system refused; names the path and the system's reason."""
    return WriteError(f"cannot write {path}: {reason(error)}; what was there before is unharmed")


def reason(error: OSError) -> str:
    """The system's own words for ``error``, without its number or path: ``No space left on device``."""
    return error.strerror or str(error) or type(error).__name__


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files that a killed process left in ``folder``; those that cannot be deleted stay."""
    for leftover in folder.glob(f".*{_TEMPORARY}"):
        try:
            leftover.unlink()
        except OSError:  # they are harmless
            continue
