"""Every row of the table can be explained, and the sweep of the view is the gradient of the engine."""

import warnings
import zlib
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain import tree
from geartrain.view.nan import first_nonfinite
from tests.ops.cases import CASES
from tests.ops.draws import Case


def loss_of(case: Case) -> Any:
    """One real number from whatever the case returns."""

    def loss(*xs: Any) -> Any:
        leaves = [y for y in tree.leaves(case.f(*xs)) if y.dtype.kind in "fc"]
        parts = [np.sum(np.real(y) * 0.7 + np.imag(y) * 0.3) if y.dtype.kind == "c" else np.sum(y * y) for y in leaves]
        return sum(parts, 0.0)

    return loss


@pytest.mark.parametrize("case", [case for case in CASES if case.smooth], ids=lambda case: case.name)
def test_every_case_is_explained(case: Case) -> None:
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    xs = [np.asarray(draw(rng)) for draw in case.draws]
    loss = loss_of(case)
    floats = tuple(i for i, x in enumerate(xs) if x.dtype.kind in "fc")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        explained = gt.explain(loss, *xs, argnums=floats)
        gradient = gt.grad(loss, argnums=floats)(*xs)
    assert "Multiplications for this derivative" in str(explained)
    for ours, theirs in zip(explained.gradient, gradient, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
    assert first_nonfinite(loss, *xs, argnums=floats) is None
