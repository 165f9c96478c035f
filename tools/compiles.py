"""Does memory grow with the number of compilations? ``python tools/compiles.py [alike|distinct] [N]``.

``alike``: the same program over and over, as a notebook that is run again. ``distinct``: programs whose kernels nobody
has seen before. Each is recorded, compiled, called and let go. Prints the memory of the process as it goes. Different
kernels fill the tables of what was used last, some 2,000 programs, and from then on memory stays as it is; both kinds
should be flat in the second half. With ``GEARTRAIN_CACHE=`` nothing comes from disk.
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
    x, start, many, half = np.linspace(0.1, 1, 10), time.perf_counter(), int(n), 0
    for k, ops in zip(range(1, many + 1), programs, strict=False):
        with np.errstate(all="ignore"):
            once(ops, x, k)
        if k in (many // 2, many) or k % max(many // 10, 1) == 0:
            gc.collect()
            now = resident()
            half = half or now * (k >= many // 2)
            print(f"{k:6} compiled, {now / 1000:.1f} MB, {time.perf_counter() - start:.0f} s", flush=True)
    print(f"{kind}: {(resident() - half) / (many / 2):.2f} kB for each in the second half")


if __name__ == "__main__":
    main(*sys.argv[1:])
