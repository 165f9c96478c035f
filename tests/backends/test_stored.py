"""Compiled programs on disk: when they are found, when they are not, and that they are the same programs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.backends import llvm, object_cache
from geartrain.backends.structure import digest
from geartrain.ir.graph import Graph
from geartrain.recording import record

if not llvm.installed():
    pytest.skip("llvmlite is not installed", allow_module_level=True)

from geartrain.backends import library, stored
from geartrain.backends.compile import compile
from geartrain.backends.cpu import image
from geartrain.backends.cpu.executor import Executor
from geartrain.backends.cpu.finished import NumpyStep

pytestmark = pytest.mark.skipif(not image.usable(), reason="code is linked by LLVM here")

X = np.linspace(-1.0, 1.0, 12).reshape(3, 4)


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(object_cache.VARIABLE, str(tmp_path / "objects"))
    return tmp_path / "objects"


def program(x: Any) -> Any:
    return np.sum(np.tanh(x @ x.T) ** 2, axis=0), x[1:, ::2] + 1


PROGRAMS: dict[str, Any] = {
    "another op": lambda x: (np.sum(np.sin(x @ x.T) ** 2, axis=0), x[1:, ::2] + 1),
    "another constant": lambda x: (np.sum(np.tanh(x @ x.T) ** 2, axis=0), x[1:, ::2] + 2),
    "the bits of a constant": lambda x: (np.sum(np.tanh(x @ x.T) ** 2, axis=0), x[1:, ::2] + np.nextafter(1, 2)),
    "the type of a constant": lambda x: (np.sum(np.tanh(x @ x.T) ** 2, axis=0), x[1:, ::2] + 1.0),
    "another axis": lambda x: (np.sum(np.tanh(x @ x.T) ** 2, axis=1), x[1:, ::2] + 1),
    "another index": lambda x: (np.sum(np.tanh(x @ x.T) ** 2, axis=0), x[:-1, ::2] + 1),
    "the order of results": lambda x: program(x)[::-1],
    "an input twice": lambda x: (np.sum(np.tanh(x @ x.T) ** 2, axis=0), x[1:, ::2] + 1, x[1:, ::2] + 1),
    "another array": lambda x: (np.sum(np.tanh(x @ x.T) ** 2, axis=0), x[1:, ::2] + np.arange(2.0)),
    "one of its elements": lambda x: (np.sum(np.tanh(x @ x.T) ** 2, axis=0), x[1:, ::2] + np.array([0.0, -0.0])),
}


def graph_of(f: Any, x: Any = X) -> Graph:
    return record(f, x)[0]


def test_a_digest_is_the_same_for_the_same_program_and_differs_for_every_other() -> None:
    assert digest(graph_of(program)) == digest(graph_of(program))
    graphs = [graph_of(f) for f in (program, *PROGRAMS.values())]
    graphs += [graph_of(program, X.astype("f4")), graph_of(program, X[:, :3].copy())]
    digests = [digest(graph) for graph in graphs]
    assert None not in digests
    assert len(set(digests)) == len(digests)


def test_code_of_a_users_has_no_digest() -> None:
    @gt.custom_rule(partials=lambda y, x: 2.0)
    def mine(x: Any) -> Any:
        return x * 2

    assert digest(graph_of(lambda x: mine(x))) is None


@pytest.mark.parametrize("name", ["program", *PROGRAMS])
def test_a_program_from_disk_is_the_same_program(where: Path, name: str) -> None:
    graph = graph_of({"program": program, **PROGRAMS}[name])
    key = stored.key_of(graph, None)
    assert key is not None
    assert stored.find(key, graph, None) is None
    made = compile(graph, None, key)
    found = stored.find(key, graph, None)
    assert isinstance(made, Executor)
    assert found is not None
    for mine, its in zip(made([X]), found([X]), strict=True):
        assert type(mine) is type(its)
        assert mine.dtype == its.dtype
        assert mine.tobytes() == its.tobytes()
    for one, other in zip(made.finished, found.finished, strict=True):
        assert type(one) is type(other)
    assert made.finished.words == found.finished.words


STEPS: dict[str, Any] = {
    "a step of NumPy's": lambda x: np.spacing(x @ x.T) * 2,
    "a routine of LAPACK's": lambda x: np.linalg.inv(x @ x.T + np.eye(3)) * 2,
    "several routines of LAPACK's": lambda x: np.linalg.solve(np.linalg.cholesky(x @ x.T + np.eye(3)), x[:, :3]) @ x,
    "a sort": lambda x: np.sort(np.sin(5 * x), axis=1),
}


@pytest.mark.parametrize("name", STEPS)
def test_steps_that_are_no_loops_are_kept_too(where: Path, name: str) -> None:
    f = STEPS[name]
    graph = graph_of(f)
    key = stored.key_of(graph, None)
    assert key is not None
    made = compile(graph, None, key)
    assert isinstance(made, Executor)
    found = stored.find(key, graph, None)
    assert found is not None
    assert any(isinstance(step, NumpyStep) for step in made.finished.segments) is (name == "a step of NumPy's")
    np.testing.assert_array_equal(found([X])[0], f(X) if name == "a sort" else made([X])[0])


def test_it_is_not_found_by_another_library_machine_or_memory(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(program)
    key = stored.key_of(graph, None)
    assert key is not None
    compile(graph, None, key)
    assert stored.key_of(graph, 1 << 20) != key
    monkeypatch.setattr(stored, "fingerprint", lambda: "another library")
    other = stored.key_of(graph, None)
    assert other is not None
    assert stored.find(other, graph, None) is None
    monkeypatch.undo()
    monkeypatch.setenv(object_cache.VARIABLE, str(where))
    monkeypatch.setattr(llvm, "host", lambda: llvm.Host("t", "another processor", "", "1"))
    other = stored.key_of(graph, None)
    assert other is not None
    assert stored.find(other, graph, None) is None


def test_an_edit_of_the_source_is_another_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in library.FOLDERS:
        (tmp_path / name / "deep").mkdir(parents=True)
    source = tmp_path / "schedule" / "deep" / "a.py"
    source.write_text("x = 1\n")
    monkeypatch.setattr(library, "__file__", str(tmp_path / "backends" / "library.py"))
    before = library.fingerprint.__wrapped__()
    assert library.fingerprint.__wrapped__() == before
    about = source.stat()
    source.write_text("x = 2\n")
    os.utime(source, ns=(about.st_atime_ns, about.st_mtime_ns + 1))
    assert library.fingerprint.__wrapped__() != before


def test_damaged_files_are_made_again(where: Path) -> None:
    graph = graph_of(program)
    key = stored.key_of(graph, None)
    assert key is not None
    good = compile(graph, None, key)([X])
    for file in where.glob("??/*"):
        file.write_bytes(file.read_bytes()[:-1])
    assert stored.find(key, graph, None) is None
    compile(graph, None, key)
    found = stored.find(key, graph, None)
    assert found is not None
    assert found([X])[0].tobytes() == good[0].tobytes()


SECOND = """
import sys
import numpy as np
import geartrain as gt
f = gt.jit(gt.value_and_grad(lambda w, x: np.sum(np.tanh(x @ w) ** 2)), donate_argnums=0)
for _ in range(3):
    y, w_bar = f(np.ones((3, 4)), np.ones((5, 3)))
print(repr(float(y)), "llvmlite" in sys.modules, "geartrain.schedule" in sys.modules, f.calls())
low = f.lower()
assert "tanh f8" in low.plan and "define" in low.llvm, low.plan
assert f.report().flops > 0
"""


def test_a_second_process_loads_no_compiler(where: Path) -> None:
    path = os.pathsep.join([str(Path(__file__).parents[2] / "src"), *sys.path])
    given = os.environ | {object_cache.VARIABLE: str(where), "PYTHONPATH": path}
    said = [
        subprocess.run([sys.executable, "-c", SECOND], env=given, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    (y, *first), (again, *second) = (text.split(maxsplit=3) for text in said)
    assert y == again
    assert first[:2] == ["True", "True"]
    assert second == ["False", "False", "(2, 0)\n"]
