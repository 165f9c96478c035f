"""The softmax cross entropy of 512 samples and 1,000 classes."""

from typing import Any

import numpy as np

from benchmarks.contest import Contest
from benchmarks.sides import gradient_sides

ROWS, CLASSES = 512, 1000


def program(xp: Any, z: Any, labels: Any) -> Any:
    top = xp.max(z, axis=1)
    top = top if hasattr(top, "shape") else top.values  # PyTorch's max gives indices, too
    shifted = z - top[:, None]
    log_sum = xp.log(xp.sum(xp.exp(shifted), axis=1))
    return xp.mean(log_sum - shifted[xp.arange(ROWS), labels])


def arguments(dtype: str) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    return (rng.standard_normal((ROWS, CLASSES)).astype(dtype), rng.integers(0, CLASSES, ROWS))


CONTEST = Contest(
    title="softmax cross entropy (512, 1000), value and gradient",
    variants={dtype: arguments(dtype) for dtype in ("float32", "float64")},
    sides=gradient_sides(program),
    must=1.0,
    target=0.7,
    tolerance=1e-4,
)
