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


def test_python_integers_are_native_and_do_not_wrap() -> None:
    """A count of steps is arithmetic on Python's integers; what does not fit in 64 bits is Python's to compute."""

    def f(n: Any, x: Any) -> Any:
        k = n.item()
        return k + 1, k * 3 - k, -k, k < 5, x * (k + 2)

    run = gt.jit(f, donate_argnums=(1,))
    for value in (3, 4, 5, 2**62, 2**63 - 1, -(2**63), 7):
        n, x = np.array(value), np.ones(3)
        *whole, y = run(n, x)
        *expected, wanted = f(n, np.ones(3))
        assert [(type(k), k) for k in whole] == [(type(k), k) for k in expected]
        np.testing.assert_array_equal(y, wanted)
    assert y is x
    assert "NumPy computes" not in str(run.report(np.array(3), np.ones(3)))
