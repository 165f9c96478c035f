"""Memory in bfloat16: rounding to the bit, losses that fall as in float32, half of the bytes, exact resuming."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geartrain import nn, optim, tree
from geartrain.optim import _storage
from geartrain.train import CheckpointError, UsageError, checkpoint, fit

RNG = np.random.default_rng(0)
X = RNG.standard_normal((512, 8)).astype(np.float32)
Y = np.sin(X.sum(axis=1)).astype(np.float32)
NET = nn.sequential(nn.dense(8, 32), np.tanh, nn.dense(32, 1))
START = NET.init(np.random.default_rng(1))


def loss(params: Any, x: Any, y: Any) -> Any:
    return np.mean((NET.apply(params, x)[:, 0] - y) ** 2)


@given(st.floats(width=32))
def test_rounding_is_to_the_nearest_number_of_eight_bits(x: float) -> None:
    x32 = np.array([x], np.float32)
    got = _storage.widened(_storage.rounded(x32))
    assert got.view(np.uint32)[0] & 0xFFFF == 0
    if np.isfinite(got[0]):
        assert abs(float(got[0]) - x) <= max(abs(x) * 2.0**-8, 2.0**-134)
    else:
        assert not np.isfinite(x) or abs(x) > 3.38e38  # what rounds up beyond the largest number
    assert np.isnan(got[0]) == np.isnan(x)
    np.testing.assert_array_equal(_storage.rounded(got), _storage.rounded(x32))  # what is stored stays


OPTIMISERS = [optim.adam(0.01), optim.adamw(0.01), optim.sgd(0.1, momentum=0.9), optim.lion(0.001)]


@pytest.mark.parametrize("compiled", [False, None])
@pytest.mark.parametrize("optimizer", OPTIMISERS)
def test_the_loss_falls_as_in_float32(optimizer: optim.Optimizer, compiled: bool | None) -> None:
    settings: dict[str, Any] = {"optimizer": optimizer, "epochs": 12, "batch_size": 64, "compiled": compiled}
    whole = fit(loss, START, (X, Y), **settings)
    half = fit(loss, START, (X, Y), storage="bfloat16", **settings)
    first, last = whole.records[0]["train_loss"], whole.records[-1]["train_loss"]
    assert last < 0.75 * first
    assert half.records[-1]["train_loss"] == pytest.approx(last, rel=0.03)
    assert half.how == whole.how
    dtypes = {name.split("[")[0].split(".")[0]: leaf.dtype for name, leaf in tree.paths(half.state.optimizer)}
    assert dtypes[next(name for name in dtypes if name in _storage.FIRST_MOMENTS)] == np.uint16
    assert dtypes.get("variance", np.dtype(np.float32)) == np.float32
    assert {leaf.dtype for leaf in tree.leaves(half.params)} == {np.dtype(np.float32)}


def test_checkpoints_are_smaller_and_resuming_is_exact(tmp_path: Path) -> None:
    def run(folder: str, epochs: int, **more: Any) -> Any:
        return fit(loss, START, (X, Y), epochs=epochs, folder=tmp_path / folder, **{"storage": "bfloat16", **more})

    whole = run("whole", 4)
    run("parts", 2)
    again = run("parts", 4)
    for a, b in zip(tree.leaves(whole.state[:2]), tree.leaves(again.state[:2]), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    wide = run("wide", 4, storage="float32")
    bytes_of = {f: sum(t.nbytes for t in checkpoint.read(tmp_path / f / "checkpoint.safetensors")[0].values())
                for f in ("whole", "wide")}  # fmt: skip
    assert bytes_of["wide"] - bytes_of["whole"] == 2 * sum(leaf.size for leaf in tree.leaves(wide.params))
    with pytest.raises(CheckpointError, match=r"expected float32 .*, got uint16"):
        run("parts", 6, storage="float32")
    with pytest.raises(UsageError, match="storage must be float32 or bfloat16, got 'float16'"):
        run("other", 1, storage="float16")
