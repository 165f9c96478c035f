"""``gt.cache.info()`` counts what was found, and says why something was not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.backends import llvm
from geartrain.misses import LOG

X: Any = np.ones((2, 3))
FIRST = "the first call"


@pytest.fixture(autouse=True)
def a_log_with_room() -> None:
    """It keeps the last thousand, which other tests of this process may have had."""
    LOG.clear()


@pytest.mark.parametrize(
    ("calls", "reasons"),
    [
        ([(X,), (X + 1,)], [FIRST]),
        ([(X,), (X[:1],)], [FIRST, "argument 0 is f64[1,3], was f64[2,3]"]),
        ([(X,), (X.astype("f4"),)], [FIRST, "argument 0 is f32[2,3], was f64[2,3]"]),
        (
            [(X,), (np.ones((3, 2)).T,)],
            [FIRST, "argument 0 is f64[2,3] with strides (8, 16), was f64[2,3] with strides (24, 8)"],
        ),
        ([(X, 1), (X, 2)], [FIRST, "argument 1 is 2, was 1"]),
        ([(X, 1.0), (X, np.float64(1.0))], [FIRST, "argument 1 is a float64, was a float"]),
        ([({"w": X},), ({"w": X[0]},)], [FIRST, "argument 0.w is f64[3], was f64[2,3]"]),
        ([(X,), ([X],)], [FIRST, "other containers or another number of arguments"]),
        ([(X, "a", 1), (X[0], "b", 1), (X[0], "b", 2)], [FIRST, None, "argument 2 is 2, was 1"]),
    ],
)
def test_a_miss_says_why(calls: list[tuple[Any, ...]], reasons: list[str | None]) -> None:
    def f(*args: Any) -> Any:
        return 1.0

    compiled = gt.jit(f)
    before = len(gt.cache.info().misses)
    for args in calls:
        compiled(*args)
    new = gt.cache.info().misses[before:]
    assert [miss.function for miss in new] == ["f"] * len(reasons)
    for miss, reason in zip(new, reasons, strict=True):
        assert reason is None or miss.why == reason


def test_arguments_by_name_and_decisions() -> None:
    compiled: Callable[..., Any] = gt.jit(lambda x, scale=1.0: x * scale if x > 0 else x)
    compiled(1.0, scale=2.0)
    compiled(1.0, scale=np.float32(2.0))
    assert gt.cache.info().misses[-1].why == "argument scale is a float32, was a float"
    compiled(-1.0, scale=2.0)
    assert gt.cache.info().misses[-1].why == "another outcome of a decision"


def test_hits_are_counted() -> None:
    compiled = gt.jit(lambda x: x * 2)
    before = gt.cache.info()
    for _ in range(5):
        compiled(X)
    compiled(x=X)
    compiled(x=X)
    after = gt.cache.info()
    assert after.hits - before.hits == 5
    assert after.python - before.python == (0 if llvm.installed() else 5)
    assert "hits" in str(after)
    assert str(after.folder) in str(after)
