"""The first call after the imports: recording and compiling a perceptron of 50 layers; with a full cache on disk, too.

What is on disk already is what the variant says: nothing, or what a process before this one left.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.contest import Contest, First
from benchmarks.sides import gradient_sides

DEPTH, WIDTH, BATCH = 50, 64, 32


def arguments() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    layer = {"w": (DEPTH, WIDTH, WIDTH), "b": (DEPTH, WIDTH)}
    values = {name: 0.1 * rng.standard_normal(shape) for name, shape in layer.items()}
    params = [{name: value[i].astype("f4") for name, value in values.items()} for i in range(DEPTH)]
    return params, rng.standard_normal((BATCH, WIDTH)).astype("f4")


def program(xp: Any, params: Any, x: Any) -> Any:
    for layer in params:
        x = xp.tanh(x @ layer["w"] + layer["b"])
    return xp.mean(x * x)


sides = gradient_sides(program)


def geartrain(params: Any, x: Any, disk: str) -> Callable[[], Any]:
    os.environ["GEARTRAIN_CACHE"] = "0" if disk == "empty" else _filled()
    return sides["geartrain"](params, x)


def _filled() -> str:
    """A folder that a process before this one has filled."""
    where = Path(tempfile.gettempdir()) / f"geartrain-first-call-{os.getuid()}"
    if os.environ.get("GEARTRAIN_CACHE") != str(where):
        text = "from benchmarks.contests import first_call as c; c.sides['geartrain'](*c.arguments())()"
        subprocess.run([sys.executable, "-c", text], check=True, env=os.environ | {"GEARTRAIN_CACHE": str(where)})
    return str(where)


def jax(params: Any, x: Any, disk: str) -> Callable[[], Any]:
    return sides["jax"](params, x)


CONTEST = Contest(
    title="first call of value_and_grad of a perceptron of 50 layers of 64, batch of 32, float32",
    variants={f"{disk} cache on disk": (*arguments(), disk) for disk in ("empty", "full")},
    sides={"geartrain": geartrain, "jax": jax},
    must=1.0,
    target=0.7,
    first=First(0.3, 0.1, over="jax"),
    starts=7,
    tolerance=1e-3,
)
