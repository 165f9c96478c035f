"""Checkpoints: the same bits back, or a refusal that says why; the file before is never harmed."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from geartrain import tree
from geartrain.train import CheckpointError, WriteError, atomic, checkpoint

TREE = {"params": [{"w": np.arange(6.0).reshape(2, 3), "b": np.zeros(3, np.float32)}], "step": np.array(7)}
FACTS = {"epoch": 3, "rng": {"state": 2**127 + 1}, "loss": 0.1}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.save(path, TREE, FACTS)
    return path


def assert_same(got: Any, expected: Any) -> None:
    assert tree.flatten(got)[1] == tree.flatten(expected)[1]
    for a, b in zip(tree.leaves(got), tree.leaves(expected), strict=True):
        wanted = np.asarray(b, np.asarray(b).dtype.newbyteorder("="))
        assert (a.shape, a.dtype, a.tobytes()) == (wanted.shape, wanted.dtype, wanted.tobytes())


def test_comes_back_bit_for_bit_and_writable(saved: Path) -> None:
    got, facts = checkpoint.load(saved, like=TREE)
    assert_same(got, TREE)
    assert facts == FACTS
    got["params"][0]["w"][0, 0] = 5.0


def test_same_content_gives_same_bytes(saved: Path, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "again", TREE, dict(reversed(FACTS.items())))
    assert (tmp_path / "again").read_bytes() == saved.read_bytes()


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int64, np.bool_, np.dtype(">f8")]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    ),
    st.booleans(),
)
def test_any_array_comes_back(tmp_path_factory: pytest.TempPathFactory, array: Any, transposed: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    array = array.T if transposed else array
    checkpoint.save(path, {"x": array}, {})
    assert_same(checkpoint.read(path)[0], {"x": array})


def test_every_truncation_is_refused(saved: Path) -> None:
    data = saved.read_bytes()
    for length in [*range(16), *range(16, len(data), 7), len(data) - 1]:
        saved.write_bytes(data[:length])
        with pytest.raises(CheckpointError, match="not a whole safetensors file"):
            checkpoint.load(saved, like=TREE)


def test_every_flipped_byte_is_refused(saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    for place in range(0, len(data), 3):
        flipped = data.copy()
        flipped[place] ^= 0x01
        saved.write_bytes(flipped)
        try:
            got, facts = checkpoint.load(saved, like=TREE)
        except CheckpointError:
            continue
        assert_same(got, TREE)  # white space in the header may change without any harm
        assert facts == FACTS


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign"
    path.write_text("I am a poem, and not short of words.")
    with pytest.raises(CheckpointError, match=r"not a whole safetensors file.*36 bytes"):
        checkpoint.load(path, like=TREE)
    for metadata in (None, {"format": "pt"}, {"geartrain": "[]"}, {"geartrain": "{"}, {"geartrain": '{"format": 1}'}):
        path.write_bytes(safetensors.numpy.save({"x": np.ones(2)}, metadata=metadata))
        with pytest.raises(CheckpointError, match="geartrain did not write it"):
            checkpoint.load(path, like=TREE)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        checkpoint.load(tmp_path / "nothing", like=TREE)
    with pytest.raises(CheckpointError, match=r"cannot read .*Is a directory"):
        checkpoint.load(tmp_path, like=TREE)


def test_differences_are_listed(saved: Path) -> None:
    like = {"params": [{"w": np.zeros((2, 4)), "c": np.zeros(1)}], "step": np.array(0.0)}
    with pytest.raises(CheckpointError) as refused:
        checkpoint.load(saved, like=like)
    assert str(refused.value).splitlines()[1:] == [
        "  params[0].c: expected float64 (1,), got nothing",
        "  params[0].w: expected float64 (2, 4), got float64 (2, 3)",
        "  step: expected float64 (), got int64 ()",
        "  params[0].b: expected nothing, got float32 (3,)",
    ]


def test_names_that_collide_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="same name"):
        checkpoint.save(tmp_path / "x", {"a.b": np.ones(1), "a": {"b": np.ones(1)}}, {})


def no_space(*_: object, **__: object) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("broken", ["replace", "fsync"])
def test_a_full_disk_leaves_the_old_checkpoint(saved: Path, broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()
    monkeypatch.setattr(atomic.os, broken, no_space)
    with pytest.raises(WriteError, match=r"cannot write .*checkpoint.safetensors: No space left on device"):
        checkpoint.save(saved, {"other": np.ones(3)}, {})
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_ctrl_c_while_writing_leaves_the_old_checkpoint(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    before = saved.read_bytes()
    monkeypatch.setattr(atomic.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(saved, {"other": np.ones(3)}, {})
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_that_is_really_full() -> None:
    with pytest.raises(WriteError, match="cannot write /dev/full/x"):
        atomic.write(Path("/dev/full/x"), b"data")


def test_the_file_is_what_any_reader_of_the_format_reads(saved: Path) -> None:
    found = safetensors.numpy.load_file(saved)
    assert found.keys() == {name for name, _ in tree.paths(TREE)}
    for name, leaf in tree.paths(TREE):
        np.testing.assert_array_equal(found[name], leaf)
        assert found[name].dtype == leaf.dtype


def test_numbers_that_the_format_lacks_are_refused(saved: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(ValueError, match=r"params\[0\] is complex128 \(2,\): safetensors files hold no such numbers"):
        checkpoint.save(saved, {"params": [np.zeros(2, complex)]}, {})
    assert saved.read_bytes() == before
