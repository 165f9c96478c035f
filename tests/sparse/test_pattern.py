"""Patterns are never too small: sparse derivatives against dense ones, for all rows and spellings of the table."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.ir.op import Pointwise
from geartrain.ops.table import ROWS
from tests.ops.draws import Case
from tests.ops.test_ops import CASES, arguments, floats_of

POINTWISE = ("special", "stats")
"""Their rows are pointwise, and there are hundreds of them."""


def is_pointwise(name: str) -> bool:
    return isinstance(ROWS.get(name), Pointwise)


def is_real(case: Case) -> bool:
    xs = arguments(case)
    return all(x.dtype.kind == "f" for x in xs)


def numbers(f: Callable[..., Any]) -> Callable[..., Any]:
    """``f`` with its floating results as one flat array of real numbers."""

    def flat(*xs: Any) -> Any:
        found: list[Any] = []
        for y in floats_of(f(*xs)):
            found += [np.ravel(y.real), np.ravel(y.imag)] if y.dtype.kind == "c" else [np.ravel(y)]
        return np.concatenate(found)

    return flat


REAL = [c for c in CASES if c.smooth and is_real(c) and not c.name.startswith(POINTWISE) and not is_pointwise(c.name)]
MANY_WAYS = ("matmul", "einsum", "sum", "max", "fft", "ifft", "rfft", "irfft", "solve", "convolve", "where", "cumsum")
FIRST = {c.name.split()[0]: c for c in reversed(REAL)}
"""One case for each function: the others differ in what the same ops are told."""


@pytest.mark.parametrize(
    "case", [*FIRST.values(), *[c for c in REAL if c.name.startswith(MANY_WAYS)]], ids=lambda case: case.name
)
def test_sparse_is_dense(case: Case) -> None:
    xs, f = arguments(case), numbers(case.f)
    every = tuple(range(len(xs)))
    dense = gt.jacobian(f, every)(*xs)
    for got, want in zip(gt.jacobian(f, every, sparse=True)(*xs), dense, strict=True):
        np.testing.assert_allclose(got.toarray(), want.reshape(got.shape), rtol=1e-10, atol=1e-10)


SLOW = ("polyval", "logm", "flat", "expm")


@pytest.mark.parametrize(
    "case",
    [c for name, c in FIRST.items() if c.smooth == 2 and not name.startswith(SLOW)],
    ids=lambda case: case.name,
)
def test_sparse_hessian_is_dense(case: Case) -> None:
    """The graph of a gradient has the transposed ops."""
    xs, f = arguments(case), numbers(case.f)
    weight = np.random.default_rng(3).normal(size=f(*xs).size)
    every = tuple(range(len(xs)))

    def total(*xs: Any) -> Any:
        return np.sum(weight * f(*xs))

    dense = gt.hessian(total, every)(*xs)
    for row, got_row in zip(dense, gt.hessian(total, every, sparse=True)(*xs), strict=True):
        for want, got in zip(row, got_row, strict=True):
            np.testing.assert_allclose(got.toarray(), want.reshape(got.shape), rtol=1e-8, atol=1e-8)
