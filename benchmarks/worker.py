"""One side of a contest in a process of its own: it says when it is ready, then times as many calls as it is told."""

import gc
import json
import resource
import sys
import time
from typing import Any

import numpy as np

from benchmarks.contest import load
from geartrain import tree


def digest(result: Any) -> list[list[float]]:
    """The sum of each array of the result and the sum of its magnitudes: enough to see that two did the same work."""
    arrays = [np.asarray(leaf, float) for leaf in tree.leaves(result)]
    return [[float(np.sum(array)), float(np.sum(np.abs(array)))] for array in arrays]


def main() -> None:
    """Arguments: case, variant, side."""
    case, variant, side = sys.argv[1:4]
    contest = load(case)
    run = contest.sides[side](*contest.variants[variant])
    start = time.perf_counter()
    result = run()
    first = time.perf_counter() - start
    answer = {"first": first, "digest": digest(result)}
    del result
    run()
    answer["peak"] = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gc.collect()
    gc.freeze()
    print(json.dumps(answer), flush=True)
    for line in sys.stdin:
        calls = int(line)
        start = time.perf_counter()
        for _ in range(calls):
            run()
        print((time.perf_counter() - start) / calls, flush=True)


if __name__ == "__main__":
    main()
