"""Run a program on several ranks, as ``mpiexec`` does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BESIDE = Path(sys.executable).with_name("mpiexec")
MPIEXEC = str(BESIDE) if BESIDE.exists() else shutil.which("mpiexec")

needs_mpi = pytest.mark.skipif(MPIEXEC is None, reason="needs mpiexec: pip install 'geartrain[mpi]'")


def start(ranks: int, *command: str, **more: Any) -> "subprocess.Popen[str]":
    """``mpiexec -n ranks python *command``; one thread for each rank, since the tests have few cores."""
    assert MPIEXEC is not None
    environment = {**os.environ, "GEARTRAIN_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(
        [MPIEXEC, "-n", str(ranks), sys.executable, *command],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **more,
    )  # fmt: skip


def run(ranks: int, *command: str, **more: Any) -> str:
    """What the ranks print when all goes well."""
    process = start(ranks, *command, **more)
    try:
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, out + err
    return out
