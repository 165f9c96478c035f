"""Compiled training steps: the same numbers as Python's, the same bits always, and a reason where there are none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geartrain import nn, optim, tree
from geartrain.errors import GeartrainError, InputError
from geartrain.optim import Optimizer
from geartrain.train import State, UsageError, fit
from geartrain.train.draws import DrawsDiffer, Handing, Noting, drawn
from geartrain.train.stepping import NATIVE, Step

RNG = np.random.default_rng(3)
X = RNG.standard_normal((52, 4)).astype(np.float32)
Y = np.sin(X[:, :1])
layer = nn.sequential(nn.dense(4, 8), np.tanh, nn.dropout(0.25), nn.dense(8, 1))
START = layer.init(np.random.default_rng(0))


def noisy(params: Any, x: Any, y: Any, rng: Any = None) -> Any:
    if rng is not None:
        x = np.where((rng.integers(0, 2, len(x)) == 1)[:, None], -x, x) * rng.uniform(0.9, 1.1)
    return np.mean((layer.apply(params, x, rng) - y) ** 2)


def quiet(params: Any, x: Any, y: Any) -> Any:
    return np.mean((layer.apply(params, x) - y) ** 2)


def bits(arrays: Any) -> list[bytes]:
    return [np.asarray(leaf).tobytes() for leaf in tree.leaves(arrays)]


RATE = optim.cosine(0.01, steps=12, warmup=3)
OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": optim.sgd(RATE),
    "momentum": optim.sgd(0.01, momentum=0.9, nesterov=True),
    "adam": optim.adam(RATE),
    "adamw": optim.adamw(RATE, mask=optim.matrices),
    "nadam": optim.nadam(RATE),
    "rmsprop": optim.rmsprop(RATE, centred=True, momentum=0.5),
    "adagrad": optim.adagrad(RATE),
    "adafactor": optim.adafactor(RATE),
    "lion": optim.lion(RATE),
    "muon": optim.partition(
        {"muon": optim.muon(RATE), "rest": optim.adamw(RATE)}, lambda _, leaf: "muon" if leaf.ndim == 2 else "rest"
    ),
    "chain": optim.chain(optim.clip_by_norm(0.1), optim.decay_weights(0.1), optim.adam(RATE)),
    "averaged": optim.averaged(optim.adam(RATE)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_compiled_step_is_pythons_to_rounding(name: str) -> None:
    fitted = [
        fit(quiet, START, (X, Y), optimizer=OPTIMIZERS[name], epochs=3, batch_size=20, compiled=compiled)
        for compiled in (False, True)
    ]
    assert [f.how for f in fitted] == ["Python (as asked)", NATIVE]
    pairs = zip(tree.leaves(fitted[0].state[:2]), tree.leaves(fitted[1].state[:2]), strict=True)
    for slow, quick in pairs:
        assert slow.dtype == quick.dtype
        assert slow.shape == quick.shape
        np.testing.assert_allclose(slow, quick, rtol=2e-4, atol=2e-5)


def test_noise_is_drawn_anew_at_every_step_and_is_that_of_python() -> None:
    slow, quick = (fit(noisy, START, (X, Y), epochs=4, batch_size=20, compiled=c) for c in (False, True))
    for a, b in zip(tree.leaves(slow.params), tree.leaves(quick.params), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert [r["train_loss"] for r in slow.records] == pytest.approx([r["train_loss"] for r in quick.records], rel=1e-5)


def test_a_run_gone_on_with_at_any_step_has_the_same_bits(tmp_path: Path) -> None:
    """Also where the first step after it is one that is only now recorded, for the smaller minibatch at the end."""
    settings: dict[str, Any] = {"optimizer": OPTIMIZERS["chain"], "batch_size": 20, "epochs": 2, "compiled": True}
    whole = fit(noisy, START, (X, Y), **settings)

    class Stopped(Exception):
        pass

    for stop in range(1, 6):

        def look(state: State, record: Any, stop: int = stop) -> None:
            if state.step == stop:
                raise Stopped

        folder = tmp_path / str(stop)
        with pytest.raises(Stopped):
            fit(noisy, START, (X, Y), folder=folder, save_every=1, observers=[look], **settings)
        again = fit(noisy, START, (X, Y), folder=folder, save_every=1, **settings)
        assert again.how == NATIVE
        assert bits(again.state[:2]) == bits(whole.state[:2])


def test_a_run_goes_on_in_the_way_that_it_began(tmp_path: Path) -> None:
    whole = fit(quiet, START, (X, Y), epochs=3, compiled=False)
    fit(quiet, START, (X, Y), epochs=1, compiled=False, folder=tmp_path)
    again = fit(quiet, START, (X, Y), epochs=2, folder=tmp_path)
    assert again.how == "Python (as the run began)"
    with_native = fit(quiet, START, (X, Y), epochs=3, folder=tmp_path, compiled=True)
    assert with_native.how.startswith("native code; the run began in python ones")
    for a, b in zip(tree.leaves(whole.params), tree.leaves(with_native.params), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


own = np.random.default_rng(0)


def with_a_generator_of_its_own(params: Any, x: Any, y: Any) -> Any:
    return quiet(params, x + own.standard_normal(x.shape).astype(np.float32), y)


def with_draws_that_depend_on_the_data(params: Any, x: Any, y: Any, rng: Any = None) -> Any:
    return quiet(params, x if rng is None else x + rng.normal(np.mean(x), 1.0, x.shape).astype(np.float32), y)


weight = [1.0]


def with_a_weight_from_elsewhere(params: Any, x: Any, y: Any) -> Any:
    return weight[0] * quiet(params, x, y)


REASONS: dict[str, tuple[Callable[..., Any], Optimizer, str]] = {
    "generator": (with_a_generator_of_its_own, optim.adam(), "the loss draws from a generator of NumPy"),
    "draws": (with_draws_that_depend_on_the_data, optim.adam(), "rng.normal is called with arguments that depend"),
    "weight": (with_a_weight_from_elsewhere, optim.adam(), "depends on more than its arguments: compiled it is"),
    "accumulate": (quiet, optim.accumulate(optim.adam(), 2), "works out other numbers at other steps"),
}


@pytest.mark.parametrize("name", REASONS)
def test_what_cannot_be_compiled_runs_in_python_and_says_why(name: str) -> None:
    loss, optimizer, why = REASONS[name]

    def change(state: Any, record: Any) -> None:
        weight[0] = 1.0 + state.step

    settings: dict[str, Any] = {"optimizer": optimizer, "epochs": 2, "batch_size": 13, "observers": [change]}
    weight[0] = 1.0
    fitted = fit(loss, START, (X, Y), **settings)
    assert fitted.how.startswith("Python (")
    assert why in fitted.how
    assert fitted.ended == "done"
    weight[0] = 1.0
    with pytest.raises((GeartrainError, DrawsDiffer), match=why):
        fit(loss, START, (X, Y), compiled=True, **settings)


def test_a_gradient_of_ones_own_is_not_compiled() -> None:
    step = Step(quiet, optim.adam(), gradient=lambda f: f)
    assert step.how == "Python (the gradient is one of your own)"
    with pytest.raises(UsageError, match="cannot be compiled: the gradient"):
        Step(quiet, optim.adam(), gradient=lambda f: f, compiled=True)


def test_handed_out_numbers_are_those_that_were_noted() -> None:
    noting = Noting(np.random.default_rng(5))
    first = noting.integers(0, 9, size=3), noting.normal(size=(2, 2))
    again = drawn(np.random.default_rng(5), noting.draws)
    handing = Handing(noting.draws, again)
    assert (handing.integers(0, 9, size=3) == first[0]).all()
    with pytest.raises(DrawsDiffer, match=r"rng\.normal"):
        handing.normal(size=(2, 3))
    with pytest.raises(DrawsDiffer, match=r"rng\.shuffle is no draw"):
        Noting(np.random.default_rng(5)).shuffle([1, 2])


def test_an_error_of_the_loss_is_that_of_python() -> None:
    with pytest.raises(InputError, match="real scalar"):
        fit(lambda params, x, y: layer.apply(params, x), START, (X, Y), epochs=1)
