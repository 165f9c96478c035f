"""What the numbers depend on: versions, processor, threads."""

import contextlib
import importlib
import importlib.metadata
import os
import platform
import re
from pathlib import Path
from typing import Any

import numpy as np

import geartrain

PEERS = ("autograd", "jax", "torch")


def describe() -> dict[str, Any]:
    """The machine and the versions of whoever is installed, as JSON-able facts."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "processors": os.process_cpu_count() if hasattr(os, "process_cpu_count") else len(os.sched_getaffinity(0)),  # type: ignore[attr-defined]
        "blas": _blas(),
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    found = {"geartrain": geartrain.__version__}
    for name in PEERS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1] if found else platform.processor()


def _blas() -> str:
    """The library behind ``@`` and the threads that it takes."""
    try:
        pools: list[dict[str, Any]] = importlib.import_module("threadpoolctl").threadpool_info()
    except ImportError:
        return "unknown (threadpoolctl is not installed)"
    found = [
        f"{pool['internal_api']} {pool['version']}, {pool['num_threads']} threads"
        for pool in pools
        if pool["user_api"] == "blas"
    ]
    return "; ".join(sorted(set(found))) or "unknown"
