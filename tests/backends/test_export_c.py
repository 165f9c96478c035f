"""What ``export_c`` writes is compiled by a C compiler and compared with NumPy."""

import contextlib
import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain import nn
from geartrain.backends.c.element import Unwritable, expression
from geartrain.backends.cpu.lower import LOWERINGS
from geartrain.errors import InputError
from tests.backends.programs_that_write import grid, leapfrog

CC = shutil.which("gcc") or shutil.which("cc")
pytestmark = pytest.mark.skipif(CC is None, reason="there is no C compiler")

X: Any = np.linspace(-1.0, 1.5, 12).reshape(3, 4)
P: Any = {"w": np.linspace(-0.5, 0.7, 8).reshape(4, 2), "b": np.array([0.1, -0.3])}
KERNEL: Any = np.sin(np.arange(54.0)).reshape(3, 3, 2, 3)
IMAGES: Any = np.cos(np.arange(120.0)).reshape(3, 5, 4, 2)
STEP = 0.01


def network(p: Any, x: Any) -> Any:
    z = np.tanh(x @ p["w"] + p["b"])
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.max(z, axis=1))


def orbit(x: Any, k: Any) -> Any:
    y = np.array([x, 1.0])
    for _ in range(100):
        y = y + STEP * np.array([y[1], -k * y[0]])
    return np.sum(y**2)


def heat(u: Any) -> Any:
    for _ in range(40):
        u = u.copy()
        u[1:-1] = u[1:-1] + 0.2 * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


def filled(x: Any) -> Any:
    b = np.zeros(5)
    for i in range(4):
        b[i] = x[0, i] * x[1, i]
    b[4] = b[0]
    return np.sum(b * b)


def everything(x: Any) -> Any:
    y = np.where(x > 0, np.sqrt(np.abs(x)), np.cbrt(x)) + np.maximum(x, 0.3) * np.sign(x) - np.minimum(x, 0.1)
    z = np.sin(y) + np.cos(y) + np.arctan2(x, 2.0) + np.expm1(x) + np.log1p(x * x) + np.hypot(x, 1.0) + x**3
    w = np.sinh(x) + np.cosh(x) + np.arcsinh(x) + np.arctan(x) + np.logaddexp(x, 0.5) + np.exp2(x) + np.fmod(x, 0.7)
    return np.sum(z * w) + np.sum((x * 9).astype(np.int64) & 3 == 1) + np.prod(x[0]) + np.min(x)


def divisions(x: Any, k: Any) -> Any:
    y = x % 0.7 + x // 0.7 + np.fmod(x, -0.7) + x % -0.7 + x // -0.7
    whole = k // 3 + k % 3 + k // -3 + k % -3 + np.fmod(k, 3) + (k << 2) + (k >> 1) + k // 0 + k % 0
    narrow = k.astype(np.uint8) // np.uint8(7) + k.astype(np.uint8) % np.uint8(5)
    return np.sum(y * whole + narrow)


CASES: list[tuple[str, Callable[..., Any], tuple[Any, ...], Any]] = [
    ("a number", lambda x: (3 * x + 1) ** 2, (1.5,), 0),
    ("a number and an integer", lambda x, n: x**n * n, (1.5, 3), 0),
    ("a network", network, (P, X), 0),
    ("its inputs, too", network, (P, X), (0, 1)),
    ("single precision", network, ({k: v.astype("f4") for k, v in P.items()}, X.astype("f4")), 0),
    ("a loop", orbit, (1.0, 2.0), (0, 1)),
    ("a loop that reads what it writes", lambda a: leapfrog(a, 30), (0.7,), 0),
    ("a loop that writes rows", lambda u: grid(u, 30), (np.sin(np.arange(7.0)),), 0),
    ("a loop over slices", heat, (np.sin(np.arange(20.0)),), 0),
    ("assignment", filled, (X,), 0),
    ("an index", lambda x, i: np.sum(x[:, i] ** 2), (X, np.array([0, 2, -1])), 0),
    ("many operations", everything, (X + 0.01,), 0),
    ("divisions", divisions, (X + 0.01, np.arange(-6, 6).reshape(3, 4)), 0),
    ("of the neurons", lambda x: np.sum(1 / (1 + np.exp(-x)) + np.logaddexp(0, x)), (X * 9,), 0),
    ("a large sum", lambda x: np.sum(np.exp(-np.tanh(x)) + x), (np.linspace(-2, 2, 100_003),), 0),
    ("stacks of products", lambda x: np.sum((x @ x.swapaxes(1, 2)) ** 2), (np.arange(24.0).reshape(2, 3, 4) / 9,), 0),
    ("a convolution", lambda w, x: np.sum(np.tanh(nn.convolve(x, w, padding="same"))), (KERNEL, IMAGES), (0, 1)),
    ("constants", lambda x: np.sum(x * np.arange(12.0).reshape(3, 4) + np.inf * 0 * (x > 9)), (X,), 0),
    ("a branch", lambda x: x * 2 if x > 0 else -x * x, (1.5,), 0),
]


@pytest.fixture(autouse=True)
def quiet() -> Any:
    """Whole numbers are divided by zero here on purpose."""
    with np.errstate(divide="ignore", invalid="ignore"):
        yield


def built(f: Any, example: tuple[Any, ...], folder: Path, argnums: Any = 0) -> ctypes.CDLL:
    source, header = gt.export_c(f, *example, path=folder / "exported.c", argnums=argnums)
    assert header.name == "exported.h"
    assert CC is not None
    library = folder / "exported.so"
    flags = ["-O1", "-std=c11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-Wno-unused-variable"]
    flags += ["-fsanitize=undefined", "-fno-sanitize-recover"]
    done = subprocess.run(
        [CC, *flags, "-shared", "-fPIC", "-o", str(library), str(source), "-lm"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(library))


def call(function: Any, example: tuple[Any, ...], like: Any) -> tuple[int, Any]:
    """Call an exported function; its status, and its results in the containers of ``like``."""
    kinds = {float: ctypes.c_double, int: ctypes.c_int64}
    given: list[Any] = [
        kinds[type(x)](x) if isinstance(x, float) else ctypes.c_void_p(x.ctypes.data)
        for x in gt.tree.leaves(example)
        if not isinstance(x, int)
    ]
    leaves, treedef = gt.tree.flatten(like)
    made = [np.full(np.shape(y), np.nan, np.asarray(y).dtype) for y in leaves]
    status = function(*given, *[ctypes.c_void_p(y.ctypes.data) for y in made])
    return status, gt.tree.unflatten(treedef, made)


@pytest.mark.parametrize(("f", "example", "argnums"), [x[1:] for x in CASES], ids=[x[0] for x in CASES])
def test_value_and_gradient_are_numpys(f: Any, example: tuple[Any, ...], argnums: Any, tmp_path: Path) -> None:
    library = built(f, example, tmp_path, argnums)
    want = gt.value_and_grad(f, argnums)(*example)
    single = any(np.asarray(x).dtype == np.float32 for x in gt.tree.leaves(example))
    rtol, atol = (2e-5, 1e-6) if single else (1e-11, 1e-13)
    status, y = call(library.exported, example, want[0])
    assert status == 0
    np.testing.assert_allclose(y, want[0], rtol=rtol, atol=atol)
    status, got = call(library.exported_value_and_grad, example, want)
    assert status == 0
    for a, b in zip(gt.tree.leaves(got), gt.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def test_it_says_when_an_argument_leads_elsewhere(tmp_path: Path) -> None:
    branch = built(lambda x: x * 2 if x > 0 else -x * x, (1.5,), tmp_path)
    assert call(branch.exported, (2.5,), 0.0) == (0, 5.0)
    assert call(branch.exported, (-2.5,), 0.0)[0] == 2


def test_it_says_when_an_index_is_out_of_range(tmp_path: Path) -> None:
    library = built(lambda x, i: np.sum(x[i] ** 2), (X[0], np.array([0, 1])), tmp_path)
    assert call(library.exported, (X[0], np.array([-1, 3])), 0.0)[0] == 0
    for wrong in (4, -5):
        assert call(library.exported, (X[0], np.array([0, wrong])), 0.0)[0] == 1


def test_there_is_c_for_every_operation_of_a_kernel() -> None:
    for op in LOWERINGS:
        found = 0
        for dtype in ("f8", "i8"):
            for n in (1, 2, 3):
                with contextlib.suppress(Unwritable, TypeError, IndexError):
                    found += bool(expression(op, dtype, ["v0", "v1", "v2"][:n]))
        assert found, op


def test_the_file_is_named_after_the_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source, header = gt.export_c(network, P, X)
    assert (source.name, header.name) == ("network.c", "network.h")
    assert "p_w: f64[4,2]" in header.read_text()
    assert "int network_value_and_grad(const double *p_b, const double *p_w, const double *x" in header.read_text()


@pytest.mark.parametrize(
    ("f", "what"),
    [
        (lambda x: np.sum(np.linalg.inv(x[:, :3])), "there is no C for inv"),
        (lambda x: np.sum(x[x > 0]), "shape of an array depends on data"),
        (lambda x: (np.sum(x), np.sum(x)), "only one number"),
        (lambda x: "text", "no traced number"),
    ],
)
def test_what_cannot_be_exported_is_said(f: Any, what: str, tmp_path: Path) -> None:
    with pytest.raises((InputError, TypeError), match=what):
        gt.export_c(f, X, path=tmp_path / "f.c")
    assert not list(tmp_path.iterdir())
