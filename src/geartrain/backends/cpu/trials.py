"""What is tried before it is trusted: by another process, which may die of it; the verdict is kept on disk."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from geartrain.backends import llvm

__all__ = ["remembered", "tried"]


def tried(module: str, *arguments: str) -> str:
    """Run a module in another process: the empty string if it prints ``right``, else what went wrong."""
    if not sys.executable:
        return "there is no interpreter to try them with"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    command = [sys.executable, "-m", module, *arguments]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return f"the trial did not run ({error})"
    if done.returncode == 0 and done.stdout.strip() == "right":
        return ""
    return done.stdout.strip() or f"the trial ended with {done.returncode}"


def _verdicts() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(home) / "geartrain" / "openblas.json"


def remembered(path: Path, what: str, ask: Callable[[], str]) -> str:
    """What ``ask`` says of a library, from disk if it was asked for this file on such a processor before."""
    state = path.stat()
    key = f"{path}|{state.st_size}|{state.st_mtime_ns}|{'|'.join(llvm.host())}|{what}"
    file = _verdicts()
    known: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError, AttributeError):  # absent, or damaged
        known = {str(name): str(text) for name, text in json.loads(file.read_text(encoding="utf-8")).items()}
    if key in known:
        return known[key]
    verdict = ask()
    with contextlib.suppress(OSError):  # a cache that cannot be written costs a trial the next time
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(known | {key: verdict}, out)
        os.replace(name, file)
    return verdict
