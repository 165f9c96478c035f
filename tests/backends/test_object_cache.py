"""Object code on disk."""

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
