"""Does memory grow with the number of compilations? ``python tools/compiles.py [alike|distinct] [N]``.

``alike``: the same program over and over, as a notebook that is run again. ``distinct``: programs whose kernels nobody
has seen before. Each is recorded, compiled, called and let go. Prints the memory of the process as it goes.
"""

import gc
import itertools
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import geartrain as gt

OPS = (np.sin, np.tanh, np.exp, np.square, np.negative, np.abs, np.cos, np.arctan)


def resident() -> int:
    """The memory of this process, in kB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])


def once(ops: Any, x: Any, k: int) -> None:
    """Record, compile and call one program."""

    def f(x: Any) -> Any:
        y = x * k
        for op in ops:
            y = op(y) + x
        return np.sum(y)

    compiled = gt.jit(gt.value_and_grad(f))
    for _ in range(3):
        compiled(x)
    assert compiled.calls()[0] > 0


def main(kind: str = "alike", n: str = "10000") -> None:
    """Compile so often."""
    programs = itertools.product(OPS, repeat=5) if kind == "distinct" else itertools.repeat(OPS[:3])
    x, start, first = np.linspace(0.1, 1, 10), time.perf_counter(), 0
    for k, ops in zip(range(int(n)), programs, strict=False):
        once(ops, x, k)
        if k == int(n) // 10:
            gc.collect()
            first = resident()
        if (k + 1) % (int(n) // 10) == 0:
            gc.collect()
            print(f"{k + 1:6} compiled, {resident() / 1000:.1f} MB, {time.perf_counter() - start:.0f} s", flush=True)
    per = (resident() - first) / (0.9 * int(n))
    print(f"{kind}: {per:.2f} kB for each, after the first tenth")


if __name__ == "__main__":
    main(*sys.argv[1:])
