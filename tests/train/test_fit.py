"""``fit``: what it measures, when it stops, and that nothing stops it for good."""

import json
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geartrain import nn, optim, tree
from geartrain.train import CheckpointError, NonFinite, UsageError, checkpoint, evaluate, find_learning_rate, fit
from geartrain.train.prefetch import prefetched

RNG = np.random.default_rng(3)
X = RNG.standard_normal((120, 4))
Y = X @ np.array([1.0, -2.0, 3.0, 0.5]) + 0.1 * RNG.standard_normal(120)
START = {"w": np.zeros(4), "b": np.zeros(())}


def loss(params: Any, x: Any, y: Any) -> Any:
    return np.mean((x @ params["w"] + params["b"] - y) ** 2)


def bits(arrays: Any) -> list[bytes]:
    kinds = (np.ndarray, np.generic)  # an array without axes may come back as a scalar of the same bits
    return [leaf.tobytes() if isinstance(leaf, kinds) else repr(leaf).encode() for leaf in tree.leaves(arrays)]


def test_finds_the_line_and_records_every_epoch() -> None:
    validation, data = (X[:20], Y[:20]), (X[20:], Y[20:])
    worst = {"worst": lambda p, x, y: np.max(np.abs(x @ p["w"] + p["b"] - y))}
    fitted = fit(loss, START, data, optimizer=optim.adam(0.05), epochs=30, validation=validation, metrics=worst)
    np.testing.assert_allclose(fitted.params["w"], [1, -2, 3, 0.5], atol=0.1)
    assert [r["epoch"] for r in fitted.records] == list(range(1, 31))
    assert fitted.records[-1]["test_loss"] == pytest.approx(float(loss(fitted.params, *validation)))
    assert fitted.records[-1]["test_worst"] > 0
    assert (fitted.ended, fitted.state.step) == ("done", 30 * 4)


def test_a_measurement_in_pieces_is_that_of_the_whole() -> None:
    x = np.arange(1300.0)
    assert evaluate({"m": lambda p, x: np.mean(x**2)}, None, (x,), 7)["m"] == pytest.approx(float(np.mean(x**2)))


def overfitting(epoch: int) -> float:
    return [5.0, 3.0, 2.0, 2.5, 2.4, 2.3, 1.0][epoch - 1]


@pytest.mark.parametrize("stored", [False, True])
def test_patience_ends_the_run_with_the_best_parameters(stored: bool, tmp_path: Path) -> None:
    seen: list[Any] = []

    def look(state: Any, record: Any) -> None:
        if record is not None:
            seen.append(state.params)

    settings: dict[str, Any] = {
        "optimizer": optim.sgd(0.01), "epochs": 7, "validation": (X, Y), "patience": 3, "observers": [look],
        "metrics": {"made up": lambda *_: overfitting(len(seen) + 1)}, "watch": "test_made up",
        "folder": tmp_path / "run" if stored else None,
    }  # fmt: skip
    fitted = fit(loss, START, (X, Y), **settings)
    assert fitted.ended == "early"
    assert len(fitted.records) == 6  # the third was the best, and three more were not
    assert bits(fitted.params) == bits(seen[2])
    if stored:
        again = fit(loss, START, (X, Y), **settings)
        assert (again.ended, bits(again.params), len(seen)) == ("early", bits(fitted.params), 6)


def test_the_last_checkpoints_are_kept(tmp_path: Path) -> None:
    fit(loss, START, (X, Y), epochs=5, folder=tmp_path, keep=3)
    names = ["checkpoint.safetensors", "checkpoint.1.safetensors", "checkpoint.2.safetensors"]
    assert sorted(path.name for path in tmp_path.glob("checkpoint*")) == sorted(names)
    assert [checkpoint.read(tmp_path / name)[1]["epoch"] for name in names] == [5, 4, 3]


def test_going_on_in_a_folder_is_exact_and_other_settings_are_refused(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"batch_size": 7, "seed": 4, "settings": {"note": "a"}}
    whole = fit(loss, START, (X, Y), epochs=6, **settings)
    fit(loss, START, (X, Y), epochs=2, folder=tmp_path, **settings)
    assert bits(fit(loss, START, (X, Y), epochs=6, folder=tmp_path, **settings).state) == bits(whole.state)
    with pytest.raises(CheckpointError, match=r"seed is 5 .* 4 in the checkpoint"):
        fit(loss, START, (X, Y), epochs=9, folder=tmp_path, **{**settings, "seed": 5})
    with pytest.raises(CheckpointError, match=r"w: expected float64 \(5,\), got float64 \(4,\)"):
        fit(loss, {**START, "w": np.zeros(5)}, (X, Y), epochs=9, folder=tmp_path, **settings)
    with pytest.raises(UsageError, match="already trained 6 epochs"):
        fit(loss, START, (X, Y), epochs=5, folder=tmp_path, **settings)


def test_noise_is_given_to_a_loss_that_asks_and_is_the_same_again() -> None:
    layer = nn.sequential(nn.dense(4, 16, dtype=np.float64), nn.dropout(0.5), nn.dense(16, 1, dtype=np.float64))
    rngs: list[Any] = []

    def noisy(params: Any, x: Any, y: Any, rng: Any = None) -> Any:
        rngs.append(rng)
        return np.mean((layer.apply(params, x, rng)[:, 0] - y) ** 2)

    start = layer.init(np.random.default_rng(0))
    first = fit(noisy, start, (X, Y), epochs=2, validation=(X, Y))
    assert sum(rng is None for rng in rngs) == 2  # the two measurements
    assert bits(fit(noisy, start, (X, Y), epochs=2).params) == bits(first.params)
    assert bits(fit(noisy, start, (X, Y), epochs=2, seed=1).params) != bits(first.params)


def test_prefetching_changes_nothing_and_its_thread_ends() -> None:
    before = threading.active_count()
    plain = fit(loss, START, (X, Y), epochs=3, batch_size=7)
    assert bits(fit(loss, START, (X, Y), epochs=3, batch_size=7, prefetch=2).state) == bits(plain.state)
    assert threading.active_count() == before


def test_an_error_of_the_thread_comes_in_its_place() -> None:
    def items() -> Any:
        yield 1
        raise OSError("the file is gone")

    made = prefetched(items(), 2)
    assert next(made) == 1
    with pytest.raises(OSError, match="the file is gone"):
        next(made)


def test_data_may_be_anything_that_picks() -> None:
    class Squares:
        """Made when asked for."""

        def __len__(self) -> int:
            return 50

        def __getitem__(self, chosen: Any) -> Any:
            return np.asarray(chosen, float) ** 2

    fitted = fit(lambda p, x: np.mean((p - x) ** 2), np.array(0.0), [Squares()], optimizer=optim.adam(50.0), epochs=60)
    assert 500 < fitted.params < 1200  # the mean of the squares below 50 is 808


@pytest.mark.parametrize(
    ("data", "settings", "said"),
    [
        ((X, Y[:5]), {}, r"one length, at least 1, got \[120, 5\]"),
        ((), {}, r"got \[\]"),
        ((X[:0], Y[:0]), {}, r"got \[0, 0\]"),
        ((X, Y), {"batch_size": 121}, "at most the 120 training samples, got 121"),
        ((X, Y), {"patience": 2}, "patience needs validation data"),
    ],
)
def test_what_cannot_be_is_refused(data: Any, settings: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        fit(loss, START, data, **settings)


def test_a_held_out_loss_that_is_not_finite_stops_with_the_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(NonFinite, match=r"after epoch 1: .* held-out data is nan\nThe last good checkpoint stands"):
        fit(loss, START, (X, Y), validation=(X * np.nan, Y), folder=tmp_path)
    assert checkpoint.read(tmp_path / "checkpoint.safetensors")[1]["step"] == 0


def test_a_learning_rate_is_found_between_too_small_and_too_large() -> None:
    found = find_learning_rate(loss, START, (X, Y), optimizer=optim.sgd, highest=100.0, number=150, batch_size=20)
    assert len(found.rates) == len(found.losses) < 150  # it burst before the end
    assert found.losses[0] == pytest.approx(float(loss(START, X, Y)), rel=0.5)
    assert 1e-3 < found.rate < 0.2
    ended = fit(loss, START, (X, Y), optimizer=optim.sgd(found.rate), epochs=20)
    assert ended.records[-1]["train_loss"] < 0.1 * ended.records[0]["train_loss"]
    with pytest.raises(UsageError, match=r"0 < lowest < highest .* got 1.0, 0.1 and 100"):
        find_learning_rate(loss, START, (X, Y), lowest=1.0, highest=0.1)
    with pytest.raises(UsageError, match="not finite even with a learning rate of 1e-06"):
        find_learning_rate(loss, START, (X * np.nan, Y))


PROGRAM = textwrap.dedent("""
    import sys
    import time
    from pathlib import Path
    import numpy as np
    from geartrain import optim, train
    x = np.random.default_rng(1).standard_normal((640, 16)).astype(np.float32)
    y = np.sin(x.sum(axis=1))
    params = {"a": np.random.default_rng(2).standard_normal((16, 24)).astype(np.float32), "b": np.ones(24, np.float32)}
    def loss(params, x, y, rng=None):
        h = np.tanh(x @ params["a"]) * (1 if rng is None else rng.random(24, np.float32) + 0.5)
        return np.mean((h @ params["b"] - y) ** 2)
    train.fit(loss, params, (x, y), epochs=int(sys.argv[2]), folder=Path(sys.argv[1]), save_every=3, prefetch=1,
              validation=(x, y), patience=1000)
""")


def run_program(folder: Path, epochs: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), str(epochs)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def kept(folder: Path) -> Any:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    metrics = [{k: v for k, v in line.items() if "second" not in k} for line in lines]
    return metrics, (folder / "checkpoint.safetensors").read_bytes(), (folder / "best.safetensors").read_bytes()


def test_killed_twenty_times_at_random_moments_the_run_is_the_one_that_was_not(tmp_path: Path) -> None:
    """SIGKILL leaves no chance to tidy up; the next start goes on from what is on the disk."""
    pause = np.random.default_rng()
    killed, epochs = 0, 12
    while killed < 20:
        process = run_program(tmp_path / "killed", 1_000_000)
        metrics = tmp_path / "killed" / "metrics.jsonl"
        before = metrics.stat().st_size if metrics.exists() else -1
        deadline = time.monotonic() + 60
        # Wait until it trains, but every fourth time kill it anywhere, its start included.
        while killed % 4 and process.poll() is None and time.monotonic() < deadline:
            if metrics.exists() and metrics.stat().st_size != before:
                break
            time.sleep(0.002)
        time.sleep(float(pause.uniform(0, 0.05 if killed % 4 else 0.6)))
        process.send_signal(signal.SIGKILL)
        output = process.communicate(timeout=60)[0].decode()
        assert process.returncode == -signal.SIGKILL, output
        killed += 1
    epochs = checkpoint.read(tmp_path / "killed" / "checkpoint.safetensors")[1]["epoch"] + 2
    for folder in ("killed", "whole"):
        process = run_program(tmp_path / folder, epochs)
        output = process.communicate(timeout=120)[0].decode()
        assert process.returncode == 0, output
    assert kept(tmp_path / "killed") == kept(tmp_path / "whole")
