"""The loop: exact resuming from any step, and a stop at the first number that is not finite."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geartrain import optim, tree
from geartrain.train import CheckpointError, NonFinite, State, digits_mlp, loop, steps
from geartrain.train.loop import generator

RNG = np.random.default_rng(5)
IMAGES = RNG.random((23, 64)).astype(np.float32)
LABELS = RNG.integers(0, 10, 23)
OPTIMIZER = optim.adam(1e-2)


def begin() -> State:
    params = digits_mlp.init(np.random.default_rng(1), (64, 6, 10))
    return State(params, OPTIMIZER.init(params), dict(np.random.default_rng(2).bit_generator.state))


def train(state: State, epochs: int = 3, loss: Any = digits_mlp.loss, batch_size: int = 5) -> list[State]:
    return list(steps(loss, OPTIMIZER, state, IMAGES, LABELS, batch_size=batch_size, epochs=epochs))


def train_on(images: Any) -> list[State]:
    return list(steps(digits_mlp.loss, OPTIMIZER, begin(), images, LABELS, batch_size=5, epochs=1))


def bits(state: State) -> list[Any]:
    return [leaf.tobytes() if isinstance(leaf, np.ndarray) else leaf for leaf in tree.leaves(state)]


def test_counts() -> None:
    states = train(begin())
    assert [s.step for s in states] == list(range(1, 16))  # 23 samples by 5: five minibatches, the last of 3
    assert [(s.epoch, s.batch) for s in states[:6]] == [(0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (1, 1)]
    assert (states[-1].epoch, states[-1].batch) == (3, 0)


def test_every_sample_is_seen_once_an_epoch_in_a_new_order() -> None:
    seen: list[Any] = []

    def loss(params: Any, _: Any, labels: Any) -> Any:
        seen.extend(labels)
        return (params["w"] * params["w"]).sum()

    params = {"w": np.ones(2)}
    state = begin()._replace(params=params, optimizer=OPTIMIZER.init(params))
    list(steps(loss, OPTIMIZER, state, IMAGES, np.arange(23), batch_size=5, epochs=2))
    first, second = [int(label) for label in seen[:23]], [int(label) for label in seen[23:]]
    assert sorted(first) == sorted(second) == list(range(23))
    assert first != second


WHOLE = [bits(state) for state in train(begin())]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 13))
def test_going_on_from_any_step_gives_the_same_bits(stop: int) -> None:
    assert [bits(state) for state in train(train(begin())[stop])] == WHOLE[stop + 1 :]


def test_mean_loss_of_an_epoch() -> None:
    fixed = optim.sgd(0.0)
    state = begin()._replace(optimizer=fixed.init(begin().params))
    ended = list(steps(digits_mlp.loss, fixed, state, IMAGES, LABELS, batch_size=5, epochs=2))[-1]
    assert ended.loss_sum / 23 == pytest.approx(float(digits_mlp.loss(state.params, IMAGES, LABELS)), rel=1e-6)


def test_nothing_is_left_to_do() -> None:
    assert train(begin()._replace(epoch=3)) == []


def test_nan_in_the_loss_stops_with_its_step() -> None:
    images = IMAGES.copy()
    images[7, 3] = np.nan
    seen: list[State] = []
    trained = steps(digits_mlp.loss, OPTIMIZER, begin(), images, LABELS, batch_size=5, epochs=1)
    with pytest.raises(NonFinite, match=r"stopped at step \d+ \(epoch 1, minibatch \d of 5\): the loss is nan"):
        list(map(seen.append, trained))
    assert all(np.isfinite(leaf).all() for state in seen for leaf in tree.leaves(state.params))


def test_the_op_that_made_the_nan_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def named(f: Any, *args: Any) -> str:
        assert not np.isfinite(f(*args))
        return "[log] at digits.py:31"

    monkeypatch.setattr(loop, "first_nonfinite", named)
    images = np.full_like(IMAGES, np.inf)
    with pytest.raises(NonFinite, match=r"step 1 .*the loss is nan; first made by \[log\] at digits.py:31"):
        train_on(images)


def test_a_gradient_that_is_not_finite_stops_though_the_loss_is() -> None:
    def loss(params: Any, images: Any, _: Any) -> Any:
        return np.sqrt((params["w"] * images[0, 0] * 0.0).sum()) + 1.0

    state = begin()._replace(params={"w": np.ones(2)}, optimizer=OPTIMIZER.init({"w": np.ones(2)}))
    because = "the loss is 1, but its gradient is not finite in params.w; first made by the derivative of sqrt"
    with pytest.raises(NonFinite, match=f"step 1 .*{because}"):
        list(steps(loss, OPTIMIZER, state, IMAGES, LABELS, batch_size=5, epochs=1))


def test_a_step_too_large_stops() -> None:
    fast = optim.adam(1e300)
    with pytest.raises(NonFinite, match=r"optimiser's step .* not finite: params\[0\].bias, params\[0\].weights"):
        list(steps(digits_mlp.loss, fast, begin(), IMAGES, LABELS, batch_size=5, epochs=1))


@pytest.mark.parametrize("state", [{}, {"bit_generator": "MT19937"}, {"bit_generator": "PCG64", "state": 3}, 7])
def test_a_foreign_generator_state_is_refused(state: Any) -> None:
    with pytest.raises(CheckpointError, match="random generator"):
        generator(state)
