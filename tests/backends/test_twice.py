"""Programs with many new kernels begin with quick code, and go on with better code that gives the same bits."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.backends import llvm
from geartrain.backends.cpu import kernels, twice
from geartrain.backends.cpu.known import Known
from geartrain.recent import Recent

pytestmark = pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed")

X = np.random.default_rng(0).normal(size=(7, 33))
EDGES = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e-310, 1e300, 0.3, -700.0])


def many(x: Any) -> list[Any]:
    """Kernels of all kinds: vector mathematics, sums over either axis, comparisons, gathers, integers."""
    y = np.abs(x) + 0.1
    rows = [np.sum(f(x), axis=1) for f in (np.exp, np.tanh, np.sin, np.cos, np.expm1)]
    columns = [np.sum(f(y), axis=0) for f in (np.log, np.sqrt, np.log1p, np.arctan, np.cbrt)]
    picked = [np.max(x, axis=0), np.min(x * x, axis=1), x[np.argsort(x[:, 0])], np.where(x > 0, x, y) ** 1.5]
    whole = (1000 * np.where(np.abs(x) < 1000, x, 0)).astype(np.int32)
    return [*rows, *columns, *picked, whole // 7, whole % 5, np.sum(whole, axis=0), np.floor(x) / y[::-1]]


def first_and_later(f: Callable[..., Any], *args: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], list[Any]]:
    """What the program gives with quick code, and with the better."""
    held: list[Callable[[], None]] = []
    with monkeypatch.context() as patch:
        patch.setenv("GEARTRAIN_CACHE", "0")
        patch.setattr(twice, "later", held.append)
        patch.setattr(kernels, "CODE", Known())
        patch.setattr(kernels, "OBJECTS", Recent[str, Any](1 << 20))
        patch.setattr(kernels, "_functions", {})
        compiled = gt.jit(f)
        compiled(*args)
        assert held, "there was nothing to be compiled twice"
        quick = [np.copy(y) for y in gt.tree.leaves(compiled(*args))]
        for then in held:
            then()
        return quick, [np.copy(y) for y in gt.tree.leaves(compiled(*args))]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_quick_code_and_better_code_give_the_same_bits(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for edges in (False, True):
        with np.errstate(all="ignore"):
            x = (np.outer(EDGES, EDGES) if edges else X).astype(dtype)
            quick, better = first_and_later(many, x, monkeypatch=monkeypatch)
        for a, b in zip(quick, better, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
            there = ~np.isnan(a) if a.dtype.kind == "f" else np.full(a.shape, True)
            assert a[there].tobytes() == b[there].tobytes()


def test_a_native_call_goes_on_with_the_better_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses stand in words that native code walks: they are exchanged there."""
    quick, better = first_and_later(
        gt.value_and_grad(lambda x: np.sum(np.stack([np.sum(y) for y in many(x)[:10]]))), X, monkeypatch=monkeypatch
    )
    assert [a.tobytes() for a in quick] == [b.tobytes() for b in better]


PROGRAM = """
import os, sys
import numpy as np, geartrain as gt
from geartrain.backends import object_cache
from geartrain.backends.cpu import kernels, twice
CODE = kernels.CODE
x = np.linspace(0.1, 1.0, 40).reshape(8, 5)
f = gt.jit(lambda x: [np.sum(g(x[i:])) for i, g in enumerate((np.exp, np.sin, np.log, np.cos, np.tanh))])
f(x)
a = [float(y) for y in f(x)]
if sys.argv[1] == "fork":
    child = os.fork()
    if child == 0:
        twice.wait()
        quick = twice._waiting or kernels.quick(CODE.find(CODE.names()).values())
        os._exit(bool(quick) or [float(y) for y in f(x)] != a)
    assert os.waitpid(child, 0)[1] == 0
print(sum(object_cache.FOUND.values()), len(CODE.names()), sum(object_cache.MADE.values()))
"""


def run(how: str, where: Path) -> list[str]:
    path = os.pathsep.join([str(Path(__file__).parents[2] / "src"), *sys.path])
    given = os.environ | {"GEARTRAIN_CACHE": str(where), "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], env=given, capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.split()


def test_a_short_process_leaves_better_code_on_disk(tmp_path: Path) -> None:
    """It ends when that is written; the next one finds the program, and compiles nothing."""
    assert int(run("", tmp_path)[1]) >= kernels.MANY
    found, _, compiled = run("", tmp_path)
    assert int(found) >= 3, "the two shared parts, and the program"
    assert compiled == "0"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_compiles_what_its_parent_had_not_yet(tmp_path: Path) -> None:
    run("fork", tmp_path)
