"""Our vector mathematics against NumPy's (or SciPy's) own loops: ``python -m benchmarks.vecmath --only exp``.

Arrays of 64 KiB, so that arithmetic counts and not memory; one thread.
"""

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import special

from benchmarks import machine
from benchmarks.measure import Spread, interleaved, ratios
from geartrain.backends.cpu.vecmath import FUNCTIONS
from geartrain.backends.cpu.vecmath.loop import Loop

BYTES = 65536
VECTOR = 64
"""Bytes that a turn of our loop takes: what the compiler of kernels takes, too."""
DOMAINS = {
    "arccosh": (1.0, 4.0),
    **dict.fromkeys(["arcsin", "arccos", "arctanh"], (-0.99, 0.99)),
    **dict.fromkeys(["log", "log2", "log10", "log1p", "power", "sqrt"], (0.01, 4.0)),
}
TWO = ("arctan2", "hypot", "logaddexp", "power")


def _softplus(x: Any, out: Any) -> None:
    np.logaddexp(0, x, out=out)


THEIRS: dict[str, Callable[..., Any]] = {
    "erf": special.erf,
    "erfc": special.erfc,
    "expit": special.expit,
    "sigmoid": special.expit,
    "softplus": _softplus,
}


def compared(name: str, dtype: str, rounds: int) -> tuple[float, float, Spread]:
    """Our nanoseconds for an element, theirs, and the ratio."""
    kind = np.dtype(dtype)
    rng = np.random.default_rng(0)
    size = BYTES // kind.itemsize
    operands = [rng.uniform(*DOMAINS.get(name, (-4.0, 4.0)), size).astype(kind) for _ in range(1 + (name in TWO))]
    result = np.empty_like(operands[0])
    theirs = THEIRS.get(name) or getattr(np, name)
    ours = Loop(name, kind, VECTOR // kind.itemsize).prepared(*operands, result)
    ours()
    expected = np.empty_like(result)
    theirs(*operands, out=expected)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-6)
    seconds = interleaved({"ours": ours, "theirs": lambda: theirs(*operands, out=result)}, rounds)
    here, there = (1e9 * Spread.of(seconds[who]).median / size for who in ("ours", "theirs"))
    return here, there, ratios(seconds["ours"], seconds["theirs"])


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vecmath", description="Vector mathematics.")
    parser.add_argument("--only", action="append", choices=FUNCTIONS, help="this function; may be given more than once")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="repetitions (default: 7)")
    arguments = parser.parse_args()
    facts = machine.describe()
    table = Table(title=f"{facts['processor']}, NumPy {facts['numpy']}: elements in a nanosecond", title_justify="left")
    for heading in ("function", "dtype", "ours", "theirs", "their time over ours", "quartiles"):
        table.add_column(heading, justify="left" if heading in ("function", "dtype") else "right")
    for name in arguments.only or FUNCTIONS:
        for dtype in ("float64", "float32"):
            ours, theirs, ratio = compared(name, dtype, arguments.rounds)
            speed = (1 / ratio.high, 1 / ratio.median, 1 / ratio.low)
            spread = f"{speed[0]:.1f} to {speed[2]:.1f}"
            table.add_row(name, dtype, f"{1 / ours:.2f}", f"{1 / theirs:.2f}", f"{speed[1]:.1f}", spread)
    Console().print(table)


if __name__ == "__main__":
    main()
