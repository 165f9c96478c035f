"""Measure matrix products by size for the lesson's chapter on networks, and write ``view/flops.json``.

python tools/measure_flops.py            # on a quiet machine; about 30 seconds

Run again on the same machine, it keeps the better figure for each size: what else runs can only make one slower.
"""

import datetime as dt
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

OUT = Path(__file__).parents[1] / "src" / "geartrain" / "view" / "flops.json"
SECONDS, WALL = 1.2, 4.0
"""For each size of each way; the best run counts, since other programs can only make one slower."""


def loops(a: list[list[float]], b: list[list[float]]) -> list[list[float]]:
    columns = list(zip(*b, strict=True))
    return [[sum(x * y for x, y in zip(row, column, strict=True)) for column in columns] for row in a]


def best(run: Callable[[], Any], clock: Callable[[], float]) -> float:
    start = time.perf_counter()
    run()
    turns = 1 if clock is time.perf_counter else max(1, round(5e-4 / (time.perf_counter() - start)))  # it ticks slowly
    least, until = float("inf"), time.perf_counter() + (WALL if clock is time.perf_counter else SECONDS)
    while time.perf_counter() < until:
        start = clock()
        for _ in range(turns):
            run()
        least = min(least, (clock() - start) / turns)
    return least


def rate(n: int, seconds: float) -> float:
    """Billions a second: n³ multiplications and n²(n - 1) additions."""
    return float(f"{(2 * n**3 - n**2) / seconds / 1e9:.3g}")


def measured(
    name: str, sizes: tuple[int, ...], run: Callable[[int], Callable[[], Any]], clock: Callable[[], float]
) -> dict[str, Any]:
    rates = [rate(n, best(run(n), clock)) for n in sizes]
    print(name, dict(zip(sizes, rates, strict=True)), flush=True)
    return {"name": name, "sizes": list(sizes), "rates": rates}


def main() -> None:
    rng = np.random.default_rng(0)

    def in_python(n: int) -> Callable[[], Any]:
        a, b = rng.standard_normal((2, n, n)).tolist()
        return lambda: loops(a, b)

    def in_numpy(n: int) -> Callable[[], Any]:
        a, b = rng.standard_normal((2, n, n))
        return lambda: np.einsum("ik,kj->ij", a, b, optimize=False)  # NumPy's own loop, without BLAS

    def in_blas(n: int) -> Callable[[], Any]:
        a, b = rng.standard_normal((2, n, n))
        return lambda: a @ b

    sizes = (8, 16, 32, 64, 128, 256, 512, 1024)
    alone = time.process_time  # what one core did, whatever else ran on it meanwhile
    with threadpool_limits(1):
        ways = [
            measured("Python loop", sizes[:5], in_python, alone),
            measured("NumPy's own loop", sizes[:6], in_numpy, alone),
            measured("BLAS, one core", sizes, in_blas, alone),
        ]
    with threadpool_limits(2):  # two cores need both at the same time, so only the clock on the wall tells
        ways.append(measured("BLAS, two cores", sizes[:6], in_blas, time.perf_counter))
    processor = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    libraries = f"NumPy {np.__version__} with OpenBLAS, float64"
    machine = f"a virtual machine with {os.cpu_count()} cores ({processor}), {libraries}"
    data = {"machine": machine, "date": dt.date.today().isoformat(), "ways": ways}
    if OUT.exists():
        before = json.loads(OUT.read_text(encoding="utf-8"))
        if before["machine"] == machine and [w["sizes"] for w in before["ways"]] == [w["sizes"] for w in ways]:
            for way, old in zip(ways, before["ways"], strict=True):
                way["rates"] = [max(pair) for pair in zip(way["rates"], old["rates"], strict=True)]
    OUT.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
