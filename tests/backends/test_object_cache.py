"""Object code on disk."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from geartrain.backends import llvm, object_cache
from geartrain.backends.object_cache import VARIABLE, kept

if not llvm.installed():
    pytest.skip("llvmlite is not installed", allow_module_level=True)

from geartrain.backends.cpu import kernels

TEXT = "define double @f(double %x) {\n  %y = fadd double %x, 1.0\n  ret double %y\n}\n"


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "objects"))
    return tmp_path / "objects"


def _fail(text: str) -> bytes:
    raise AssertionError("compiled although it is on disk")


def test_what_is_on_disk_is_not_compiled(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = kernels.object_code(TEXT)
    monkeypatch.setattr(kernels, "_compiled", _fail)
    assert kernels.object_code(TEXT) == first
    with pytest.raises(AssertionError, match="compiled although"):
        kernels.object_code(TEXT.replace("1.0", "2.0"))


def test_a_damaged_file_is_made_again(where: Path) -> None:
    first = kernels.object_code(TEXT)
    (file,) = where.glob("??/*")
    good = file.read_bytes()
    for bad in (b"", good[:40], good[:-1] + b"\0", b"x" * len(good)):
        file.write_bytes(bad)
        assert kernels.object_code(TEXT) == first
        assert file.read_bytes() == good


def test_it_says_why_it_had_to_compile(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_cache, "MADE", Counter())
    monkeypatch.setattr(object_cache, "FOUND", Counter())
    key = ("kernel", "this processor", "LLVM 1", "text")
    for _ in range(2):
        kept(key, lambda: b"one")
    assert object_cache.MADE == {"not compiled before": 1}
    assert object_cache.FOUND == {"kernel": 1}
    kept(("kernel", "another processor", "LLVM 1", "text"), lambda: b"two")
    assert object_cache.MADE["compiled before for another processor, LLVM or version only"] == 1
    assert kept(key, lambda: b"three") == b"one"
    for file in where.glob("??/*"):
        file.write_bytes(b"damaged")
    kept(key, lambda: b"four")
    assert object_cache.MADE["the file was damaged"] == 1
    monkeypatch.setenv(VARIABLE, "")
    kept(key, lambda: b"five")
    assert object_cache.MADE["there is no cache"] == 1


def test_what_was_read_lately_is_not_taken_away(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_cache, "LARGEST", 10_000)
    monkeypatch.setattr(object_cache, "_EVERY", 4)
    kept(("precious",), lambda: b"precious")
    for i in range(40):
        kept((str(i),), lambda: bytes(1000))
        assert kept(("precious",), lambda: b"lost") == b"precious"


PROGRAM = """
import os, sys
import numpy as np
import geartrain as gt
f = gt.jit(gt.value_and_grad(lambda w, x: np.sum(np.tanh(x @ w) ** 2)))
for _ in range(2):
    y, w_bar = f(np.ones((3, 4)), np.ones((5, 3)))
for x in (1.0, 2.0, 3.0):
    gt.jit(gt.grad(lambda x: np.sin(x) * np.exp(x) if x > 0 else x))(x)
info = gt.cache.info()
print(repr(float(y)), sum(info.compiled.values()), info.read)
"""


def run_program(folder: Path, many: int = 1) -> list[list[str]]:
    """What some processes print that run at the same time."""
    path = os.pathsep.join([str(Path(__file__).parents[2] / "src"), *sys.path])
    given = os.environ | {VARIABLE: str(folder), "PYTHONPATH": path}
    started = [
        subprocess.Popen([sys.executable, "-c", PROGRAM], env=given, stdout=subprocess.PIPE, text=True)
        for _ in range(many)
    ]
    texts = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0] * many
    return [text.split() for text in texts]


def test_processes_that_start_together_agree_and_a_later_one_compiles_nothing(where: Path) -> None:
    first = run_program(where, 3)
    assert len({y for y, _, _ in first}) == 1
    assert max(int(compiled) for _, compiled, _ in first) > 3
    ((y, compiled, read),) = run_program(where)
    assert y == first[0][0]
    assert int(compiled) == 0
    assert int(read) > 3
    for file in where.glob("??/*"):
        file.write_bytes(file.read_bytes()[:100])
    ((y, compiled, _),) = run_program(where)
    assert y == first[0][0]
    assert int(compiled) > 3


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "objects"))
    assert kept(("a",), lambda: b"made") == b"made"


def test_no_cache_if_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "0")
    made: list[int] = []
    for _ in range(2):
        kept(("a",), lambda: bytes([made.append(1) or 1]))
    assert len(made) == 2


def test_it_does_not_grow_for_ever(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_cache, "LARGEST", 10_000)
    monkeypatch.setattr(object_cache, "_EVERY", 10)

    def make(i: int) -> Any:
        return lambda: bytes(1000) + bytes([i])

    for i in range(60):
        kept((str(i),), make(i))
    assert sum(file.stat().st_size for file in where.glob("??/*")) < 25_000
