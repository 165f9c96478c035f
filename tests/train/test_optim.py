"""The optimisers, against their formulas written out number by number."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geartrain import optim, tree

NUMBERS = st.floats(-1e3, 1e3, allow_nan=False)
SEQUENCES = st.lists(NUMBERS, min_size=1, max_size=8)


def run(optimizer: optim.Optimizer, start: float, gradients: list[float]) -> float:
    params = {"x": np.array([start])}
    state = optimizer.init(params)
    for gradient in gradients:
        params, state = optimizer.update({"x": np.array([gradient])}, state, params)
    return float(params["x"][0])


@given(NUMBERS, SEQUENCES)
def test_sgd_is_its_formula(x: float, gradients: list[float]) -> None:
    assert run(optim.sgd(0.1), x, gradients) == pytest.approx(x - 0.1 * sum(gradients), abs=1e-9)


@given(NUMBERS, SEQUENCES, st.booleans())
def test_momentum_is_its_formula(x: float, gradients: list[float], nesterov: bool) -> None:
    expected, velocity = x, 0.0
    for x_bar in gradients:
        velocity = 0.9 * velocity + x_bar
        expected -= 0.1 * (x_bar + 0.9 * velocity if nesterov else velocity)
    assert run(optim.sgd(0.1, momentum=0.9, nesterov=nesterov), x, gradients) == pytest.approx(expected, abs=1e-9)


@given(NUMBERS, SEQUENCES, st.sampled_from([0.0, 0.3]))
def test_adam_is_algorithm_1(x: float, gradients: list[float], decay: float) -> None:
    expected, m, v = x, 0.0, 0.0
    for t, x_bar in enumerate(gradients, start=1):
        m = 0.9 * m + 0.1 * x_bar
        v = 0.99 * v + 0.01 * x_bar**2
        expected -= 0.05 * decay * expected + 0.05 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.99**t)) + 1e-8)
    settings: dict[str, Any] = {"learning_rate": 0.05, "beta2": 0.99}
    optimizer = optim.adamw(**settings, weight_decay=decay) if decay else optim.adam(**settings)
    assert run(optimizer, x, gradients) == pytest.approx(expected, rel=1e-9, abs=1e-9)


OPTIMIZERS = [
    optim.sgd(0.1),
    optim.sgd(0.1, 0.9),
    optim.sgd(0.1, 0.9, nesterov=True),
    optim.adam(0.1),
    optim.adamw(0.1),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_structure_shape_and_dtype_stay_and_nothing_is_changed_in_place(optimizer: optim.Optimizer, dtype: Any) -> None:
    params = {
        "layers": [{"w": np.ones((2, 3), dtype)}, (np.ones(4, dtype), np.ones((), dtype))],
        "empty": np.ones(0, dtype),
    }

    def half(p: Any) -> Any:
        return np.asarray(p * dtype(0.5))

    params_bar = tree.map(half, params)
    for leaf in [*tree.leaves(params), *tree.leaves(params_bar)]:
        leaf.flags.writeable = False
    state = optimizer.init(params)
    new = params
    for _ in range(3):
        new, state = optimizer.update(params_bar, state, new)
    assert tree.flatten(new)[1] == tree.flatten(params)[1]
    for before, after in zip(tree.leaves(params), tree.leaves(new), strict=True):
        assert (np.shape(after), np.asarray(after).dtype) == (before.shape, before.dtype)
        assert (np.asarray(after) < before).all()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_minimises_a_badly_scaled_bowl(optimizer: optim.Optimizer) -> None:
    scale = np.array([1.0, 8.0])
    params = np.array([3.0, -2.0])
    state = optimizer.init(params)
    for _ in range(600):
        params, state = optimizer.update(scale * params, state, params)
    assert np.abs(params).max() < 1e-2


def test_a_numpy_scalar_as_a_setting_does_not_widen_float32() -> None:
    params = np.ones(2, np.float32)
    for optimizer in (optim.sgd(np.float64(0.1)), optim.adam(np.float64(0.1), beta1=np.float64(0.9))):
        assert optimizer.update(params, optimizer.init(params), params)[0].dtype == np.float32


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: optim.sgd(-1.0), r"\[sgd\] learning_rate .* got -1.0"),
        (lambda: optim.sgd(0.1, momentum=1.0), r"momentum must be at least 0 and below 1, got 1.0"),
        (lambda: optim.sgd(0.1, nesterov=True), r"nesterov=True needs a momentum"),
        (lambda: optim.adam(math.nan), r"\[adam\] learning_rate .* got nan"),
        (lambda: optim.adam(beta2=1.5), r"beta2 .* got 1.5"),
        (lambda: optim.adam(eps=-1e-8), r"eps"),
        (lambda: optim.adamw(weight_decay=math.inf), r"\[adamw\] weight_decay .* got inf"),
    ],
)
def test_a_setting_out_of_range_is_refused(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()
