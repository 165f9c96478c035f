"""Whether a matrix library multiplies right: loaded where one is new to this machine.

Kernels that a library would not take by itself may kill the process, so they are tried in another one.
"""

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator

import numpy as np

from geartrain.backends.cpu.openblas import OWN_CHOICE, Library, describe, opened, tier

__all__ = ["copied", "trial", "tried", "wrong"]


@contextlib.contextmanager
def copied(path: str) -> Generator[str]:
    """A copy of a file, which is gone afterwards."""
    folder = tempfile.mkdtemp(prefix="geartrain-")
    try:
        yield shutil.copy(path, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wrong(found: Library) -> str:
    """Compare products with NumPy's: what is wrong, or the empty string. Small integers, so that all sums are exact."""
    random = np.random.default_rng(0)
    for letter, dtype in (("s", np.float32), ("d", np.float64), ("z", np.complex128)):
        gemm = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)(found.address(f"{letter}gemm"))
        for m, n, k in ((1, 3, 2), (67, 41, 129), (130, 259, 70)):
            a, b = (random.integers(-4, 5, shape).astype(dtype) for shape in ((m, k), (k, n)))
            if dtype is np.complex128:
                a, b = a + 1j * a[::-1], b - 1j * b[:, ::-1]
            expected = np.einsum("ik,kj->ij", a, b)  # not through NumPy's OpenBLAS
            for transposes in (b"NN", b"NT", b"TN", b"TT"):
                left, right = (
                    np.asfortranarray(x.T if t == ord("T") else x) for x, t in zip((a, b), transposes, strict=True)
                )
                out = np.full((m, n), np.nan, dtype, order="F")  # beta is 0: what was there must not matter
                sizes = np.array([m, n, k, left.shape[0], right.shape[0]])  # i64
                m_, n_, k_, lda, ldb = (sizes[i:].ctypes.data for i in range(5))
                one, zero = np.ones(1, dtype), np.zeros(1, dtype)
                ta, tb = (ctypes.c_char_p(bytes([t])) for t in transposes)
                gemm(
                    *(ctypes.cast(t, ctypes.c_void_p) for t in (ta, tb)),
                    *(m_, n_, k_, one.ctypes.data, left.ctypes.data, lda, right.ctypes.data, ldb),
                    *(zero.ctypes.data, out.ctypes.data, m_),
                )
                if not np.array_equal(out, expected):
                    return f"{letter}gemm {transposes.decode()} of ({m}, {k}) and ({k}, {n}) is wrong"
    return ""


def trial(path: str, kernels: str) -> str:
    """Try kernels, or OWN_CHOICE, in another process, which may die: what went wrong, or the empty string."""
    return tried("geartrain.backends.cpu.openblas_trial", path, kernels)


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


def main(path: str, kernels: str) -> None:
    """Say whether these kernels multiply right here: the other process of ``_trial``."""
    found = describe(opened(path, None if kernels == OWN_CHOICE else kernels, False), path, "trial")
    if kernels not in (OWN_CHOICE, found.kernels) and tier(found.kernels) != tier(kernels):
        print(f"the library has none ({found.kernels} is what it takes then)")
    else:
        print(wrong(found) or "right")


if __name__ == "__main__":
    main(*sys.argv[1:])
