"""Layer normalisation of 4,096 rows of 512 numbers: value, and gradients in the rows, the scale and the shift."""

from typing import Any

import numpy as np

from benchmarks.contest import Contest
from benchmarks.sides import gradient_sides


def program(xp: Any, x: Any, scale: Any, shift: Any, weight: Any) -> Any:
    centred = x - xp.mean(x, axis=1)[:, None]
    variance = xp.mean(centred * centred, axis=1)[:, None]
    return xp.sum((centred / xp.sqrt(variance + 1e-5) * scale + shift) * weight)


def arguments(dtype: str) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    x, weight = (rng.standard_normal((4096, 512)).astype(dtype) for _ in range(2))
    return (x, np.ones(512, dtype), np.zeros(512, dtype), weight)


CONTEST = Contest(
    title="layer normalisation (4096, 512), value and all gradients",
    variants={dtype: arguments(dtype) for dtype in ("float32", "float64")},
    sides=gradient_sides(program, argnums=(0, 1, 2)),
    must=1.0,
    target=0.7,
    tolerance=1e-3,
)
