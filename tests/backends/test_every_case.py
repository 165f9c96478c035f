"""Every case of every operation, compiled: its value and its cotangents are those of the plain program.

A part of the cases on each run, all of them with GEARTRAIN_FUZZ=1 (``make fuzz``). All are scheduled on each run, to
see what is left to NumPy.
"""

import collections
import itertools
import os
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain import tree
from geartrain.backends import llvm
from geartrain.errors import GeartrainError
from geartrain.passes.pipeline import optimised
from geartrain.recording import record
from geartrain.schedule.plan import make_plan
from geartrain.schedule.steps import TRANSFORMS, Call
from tests.ops.draws import Case
from tests.ops.test_ops import CASES, arguments, only_floats

needs_llvm = pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed")

SHARE = 1 if "GEARTRAIN_FUZZ" in os.environ else 12
"""One case in so many is compiled."""

SOME = [case for case in CASES if zlib.crc32(case.name.encode()) % SHARE == 0]


def pulled(f: Callable[..., Any]) -> Callable[..., Any]:
    def run(*xs: Any) -> Any:
        y, pull = gt.vjp(only_floats(f), *xs)
        return pull(tuple(np.ones_like(v) for v in y))

    return run


def layouts(x: Any) -> list[Any]:
    """The same numbers in other places of memory."""
    if x.ndim == 0:
        return [x]
    return [x, np.asfortranarray(x), np.repeat(x, 2, axis=-1)[..., ::2], x[::-1].copy()[::-1]]


def same(got: Any, want: Any, tolerance: float) -> None:
    got, want = tree.leaves(got), tree.leaves(want)
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=True):
        assert np.asarray(g).dtype == np.asarray(w).dtype
        assert np.shape(g) == np.shape(w)
        np.testing.assert_allclose(g, w, rtol=tolerance, atol=tolerance)


@needs_llvm
@pytest.mark.parametrize("case", SOME, ids=lambda case: case.name)
def test_compiled_is_as_plain(case: Case) -> None:
    small = {np.dtype(float): np.float32, np.dtype(complex): np.complex64}
    xs = arguments(case)
    programs = [case.f, pulled(case.f)] if case.smooth else [case.f]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for f in programs:
            compiled = gt.jit(f)
            for others in zip(*[itertools.islice(itertools.cycle(layouts(x)), 4) for x in xs], strict=True):
                want = f(*others)
                compiled(*others)
                same(compiled(*others), want, 1e-9)
        singles = [x.astype(small.get(x.dtype, x.dtype)) for x in xs]
        want = case.f(*singles)
        compiled = gt.jit(case.f)
        compiled(*singles)
        same(compiled(*singles), want, 1e-3)


NUMPY: dict[str, str] = {
    "functions of matrices, by SciPy's own algorithms": "lu qr_pivots logm sqrtm sylvester solve_banded",
    "by FFT, or by a loop of SciPy's": "convolve_full convolve_valid recursion bspline sparse_product image_labels",
    "NumPy's choice among equal elements is its own": "argpartition",
    "shapes that depend on data": "nonzero unique unique_counts unique_inverse",
    "errors that depend on data, in NumPy's words": "unravel_index ravel_multi_index histogram histogram_edges",
    "solvers, which call the program": "solution",
    "searches among points": "simplices closest",
    "index arrays apart from each other, or by an array of no elements": "getitem place_by_count",
    "rare": "gcd lcm bitwise_count bincount spacing nextafter ldexp unknown",
}
"""What NumPy, or a library, computes as a step of a plan, by the name of the row, and why. SciPy's functions are left
to SciPy, but for those of which ``passes.rules`` or ``schedule.element`` know better."""


def test_what_is_left_to_numpy() -> None:
    left: collections.Counter[str] = collections.Counter()
    for case in CASES:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                graph, _ = record(case.f, *arguments(case))
            except GeartrainError:
                continue
            plan = make_plan(optimised(graph, pairs=True), TRANSFORMS)
        left.update([step.node.op.name.split(" ")[-1] for step in plan.steps if isinstance(step, Call)])
    known = {name for names in NUMPY.values() for name in names.split()}
    found = {name for name in left if not name.startswith(("special_", "bessel_"))}
    assert found <= known, f"these were native: {sorted(found - known)}"
    assert known <= found, f"these are native now, take them off the list: {sorted(known - found)}"
