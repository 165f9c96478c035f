"""Running sums, stable sorting and search, as native steps."""

from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain import tree
from geartrain.backends import llvm

pytestmark = pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed")

R = np.random.default_rng(0)
SHAPES = [((1000,), 0), ((7, 33), 1), ((33, 7), 0), ((3, 40, 5), 1), ((1,), 0), ((2, 16), 1), ((17,), 0)]


def check(f: Any, *xs: Any) -> None:
    compiled = gt.jit(f)
    compiled(*xs)
    for g, w in zip(tree.leaves(compiled(*xs)), tree.leaves(f(*xs)), strict=True):
        assert np.asarray(g).dtype == np.asarray(w).dtype
        np.testing.assert_allclose(g, w, 1e-13, 1e-13)
    assert not compiled.report(*xs).numpy


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_along_an_axis(shape: tuple[int, ...], axis: int) -> None:
    for dtype in ("f8", "f4", "i8", "i4", "u1", "i2", "b1"):
        x = R.integers(-50, 50, shape).astype(dtype)  # many are equal: the order among them is that of places
        if dtype[0] == "f":
            x.flat[::7] = np.nan
        check(lambda x: (np.argsort(x, axis=axis, kind="stable"), np.sort(x, axis=axis), np.cumsum(x, axis=axis)), x)


def test_search() -> None:
    a = np.sort(R.normal(size=50))
    v = np.concatenate([R.normal(size=30), a, [np.inf, -np.inf, np.nan]])
    a[-2:] = np.nan
    check(lambda a, v: (np.searchsorted(a, v), np.searchsorted(a, v, "right"), np.searchsorted(a, v[3])), a, v)
    check(lambda a, v: (np.searchsorted(a, v), np.searchsorted(a, 3)), np.arange(10), v)
    check(lambda a, v: np.interp(v, a, a**2), a[:-2], v[:-3])
    check(lambda v: (np.median(v), np.percentile(v, 30)), v[:31])
    check(gt.grad(lambda v: np.median(v) + np.sum(np.cumsum(v) ** 2)), v[:31])
