"""Whether NumPy's loops transform right when they are called from outside: loaded where a NumPy is new to this machine.

A loop that is not what it seems may kill the process, so they are called in another one.
"""

import ctypes
from typing import Any

import numpy as np

from geartrain.backends.cpu.fourier import LOOPS, loop_name, read
from geartrain.backends.cpu.openblas_trial import tried

__all__ = ["trial", "wrong"]


def trial() -> str:
    """Call the loops in another process: what went wrong, or the empty string."""
    return tried("geartrain.backends.cpu.fourier_trial")


def wrong() -> str:
    """Call the loops, and compare with NumPy: what is wrong, or the empty string."""
    found = read()
    random = np.random.default_rng(0)
    kinds = {"fft": np.fft.fft, "ifft": np.fft.ifft, "irfft": np.fft.irfft}
    for loop in LOOPS:
        for size in (8, 4):
            for lanes, n in ((1, 1), (3, 8), (9, 15), (2, 67), (20, 32)):
                if (loop == "rfft_even" and n % 2) or (loop == "rfft_odd" and not n % 2):
                    continue
                x: Any = random.normal(size=(lanes, n)) + 1j * random.normal(size=(lanes, n))
                x = x.real if loop.startswith("rfft") else x[:, : n // 2 + 1] if loop == "irfft" else x
                x = np.ascontiguousarray(x, f"c{2 * size}" if x.dtype.kind == "c" else f"f{size}")
                want: Any = np.fft.irfft(x, n) if loop == "irfft" else kinds.get(loop, np.fft.rfft)(x)
                got = np.full_like(want, np.nan)
                factor = np.full(1, 1 / n if loop.startswith("i") else 1, f"f{size}")
                _call(found, loop_name(loop, size), x, factor, got)
                if not np.allclose(got, want, rtol=0, atol=1e-13 * n if size == 8 else 1e-5 * n):
                    return f"{loop} of {x.dtype}{x.shape} is wrong"
    return ""


def _call(found: dict[str, int], name: str, x: Any, factor: Any, y: Any) -> None:
    words = ctypes.c_ssize_t
    args = (ctypes.c_void_p * 3)(x.ctypes.data, factor.ctypes.data, y.ctypes.data)
    sizes = (words * 3)(x.shape[0], x.shape[1], y.shape[1])
    steps = (words * 5)(x.strides[0], 0, y.strides[0], x.strides[1], y.strides[1])
    loop = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4)(found[name])
    loop(ctypes.addressof(args), ctypes.addressof(sizes), ctypes.addressof(steps), found[f"{name}_data"])


if __name__ == "__main__":
    print(wrong() or "right")
