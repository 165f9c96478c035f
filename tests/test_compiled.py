"""Compiled code that makes arrays by NumPy's names is not handed a tracer while a trace runs."""

import subprocess
import sys
from typing import Any

import numpy as np

import geartrain as gt


def test_random_numbers_are_drawn_inside_a_traced_function() -> None:
    noise = np.random.default_rng(3).random(50_000, np.float32)

    def f(x: Any) -> Any:
        return np.sum(x * np.random.default_rng(3).random(50_000, np.float32))

    np.testing.assert_array_equal(gt.grad(f)(np.ones(50_000, np.float32)), noise)
    assert gt.grad(lambda x: x * np.random.default_rng(0).standard_normal())(1.0) != 0


def test_also_when_numpy_random_was_never_asked_for_before() -> None:
    program = (
        "import geartrain as gt, numpy as np; print(gt.grad(lambda x: x * np.random.default_rng(0).random())(1.0))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert float(shown.stdout) == np.random.default_rng(0).random()
