"""What the numbers depend on: versions, processor, threads."""

import importlib
import os
import platform
import re
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import Peer


def describe(peers: list[Peer]) -> dict[str, Any]:
    """The machine and the versions, as JSON-able facts."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "processors": os.process_cpu_count() if hasattr(os, "process_cpu_count") else len(os.sched_getaffinity(0)),  # type: ignore[attr-defined]
        "blas": _blas(),
        "versions": {peer.name: peer.version for peer in peers},
    }


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
