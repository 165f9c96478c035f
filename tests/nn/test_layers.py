"""What holds for layers beyond PyTorch's numbers: composition, randomness, dtypes, and errors that say both shapes."""

from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain import nn, optim, tree


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


LAYERS: dict[str, tuple[nn.Layer, tuple[int, ...], tuple[int, ...]]] = {
    "dense": (nn.dense(6, 3), (2, 5, 6), (2, 5, 3)),
    "conv1d": (nn.conv1d(3, 4), (2, 7, 3), (2, 7, 4)),
    "conv2d": (nn.conv2d(3, 4, stride=2), (2, 7, 6, 3), (2, 4, 3, 4)),
    "conv2d groups": (nn.conv2d(4, 6, groups=2, padding="valid"), (2, 7, 6, 4), (2, 5, 4, 6)),
    "layer norm": (nn.layer_norm(6), (5, 6), (5, 6)),
    "rms norm": (nn.rms_norm(6), (5, 6), (5, 6)),
    "group norm": (nn.group_norm(2, 4), (2, 5, 5, 4), (2, 5, 5, 4)),
    "attention": (nn.attention(8, 4, shared=2, causal=True, rotary=True), (2, 5, 8), (2, 5, 8)),
    "sequential": (nn.sequential(nn.dense(6, 6), nn.relu, nn.residual(nn.dense(6, 6), np.tanh)), (5, 6), (5, 6)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_shape_dtype_and_every_parameter_has_a_gradient(name: str) -> None:
    layer, shape, out = LAYERS[name]
    params = layer.init(rng())
    x = rng(1).standard_normal(shape).astype(np.float32)
    y = layer.apply(params, x)
    assert (y.shape, y.dtype) == (out, np.float32)
    params_bar = gt.grad(lambda params: np.sum(layer.apply(params, x) * y))(params)
    for (path, leaf), bar in zip(tree.paths(params), tree.leaves(params_bar), strict=True):
        assert (bar.shape, bar.dtype) == (leaf.shape, np.float32)
        assert np.abs(bar).max() > 0 or path == "key.bias"  # a shift of all keys changes no share


@pytest.mark.parametrize("layer", [nn.rnn(3, 4), nn.lstm(3, 4), nn.gru(3, 4)])
def test_a_sequence_in_two_pieces_is_the_sequence(layer: nn.Layer) -> None:
    params = layer.init(rng())
    x = rng(1).standard_normal((2, 6, 3)).astype(np.float32)
    whole, last = layer.apply(params, x)
    first, state = layer.apply(params, x[:, :4])
    second, end = layer.apply(params, x[:, 4:], state)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, rtol=1e-6)
    for a, b in zip(tree.leaves(end), tree.leaves(last), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_rotary_products_depend_on_the_distance_alone() -> None:
    q, k = rng().standard_normal((2, 1, 8))
    places = np.array([0.0, 3.0, 100.0])
    products = [(nn.rotate(q, np.array([p + 5])) @ nn.rotate(k, np.array([p])).T)[0, 0] for p in places]
    np.testing.assert_allclose(products, products[0], rtol=1e-9)
    assert abs((nn.rotate(q, np.array([1.0])) @ nn.rotate(k, np.array([0.0])).T)[0, 0] - products[0]) > 1e-3


def test_a_causal_place_does_not_see_what_comes_after() -> None:
    layer = nn.attention(8, 2, causal=True, rotary=True)
    params = layer.init(rng())
    x = rng(1).standard_normal((1, 6, 8))
    changed = x.copy()
    changed[:, 4:] += 1
    before, after = layer.apply(params, x), layer.apply(params, changed)
    np.testing.assert_array_equal(before[:, :4], after[:, :4])
    assert np.abs(before[:, 4:] - after[:, 4:]).max() > 1e-3


def test_dropout_keeps_the_mean_and_drops_in_the_gradient_what_it_drops() -> None:
    x = np.ones(100_000, np.float32)
    y = nn.drop(x, 0.25, rng())
    assert y.dtype == np.float32
    assert abs(float(y.mean()) - 1) < 0.02
    assert abs(float((y == 0).mean()) - 0.25) < 0.01
    noise = rng()
    np.testing.assert_array_equal(gt.grad(lambda x: np.sum(nn.drop(x, 0.25, noise)))(x), y)


def test_a_generator_reaches_the_dropout_inside() -> None:
    network = nn.sequential(nn.dense(4, 64), nn.residual(nn.dense(64, 64), nn.dropout(0.5)))
    assert network.random
    params, x = network.init(rng()), np.ones((3, 4), np.float32)
    still = network.apply(params, x)
    np.testing.assert_array_equal(network.apply(params, x, rng(1)), network.apply(params, x, rng(1)))
    assert np.abs(network.apply(params, x, rng(1)) - still).max() > 0


def test_batch_statistics_come_near_those_of_the_data() -> None:
    layer = nn.batch_norm(3)
    params, statistics = layer.init(rng()), layer.start()
    data = rng(1).normal([1.0, -2.0, 0.0], [1.0, 3.0, 0.5], (200, 64, 3))
    for batch in data:
        _, statistics = layer.apply(params, statistics, batch, True)
    np.testing.assert_allclose(statistics["mean"], [1, -2, 0], atol=0.3)
    np.testing.assert_allclose(np.sqrt(statistics["variance"]), [1, 3, 0.5], rtol=0.1)
    y, same = layer.apply(params, statistics, data[0], False)
    assert same is statistics
    assert np.abs(y.mean(axis=0)).max() < 0.5


@pytest.mark.parametrize(
    ("draw", "deviation"),
    [
        (nn.he, np.sqrt(2 / 300)),
        (nn.he_uniform, np.sqrt(2 / 300)),
        (nn.glorot, np.sqrt(2 / 500)),
        (nn.glorot_normal, np.sqrt(2 / 500)),
        (nn.lecun, np.sqrt(1 / 300)),
        (nn.normal(0.5), 0.5),
        (nn.orthogonal, np.sqrt(1 / 300)),
    ],
)
def test_initialisers_have_the_spread_they_promise(draw: Any, deviation: float) -> None:
    weights = draw(rng(), (300, 200))
    assert weights.dtype == np.float32
    assert abs(float(weights.std()) / deviation - 1) < 0.03
    assert abs(float(weights.mean())) < 0.03 * deviation * 3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: nn.convolve(np.ones((1, 5, 5, 3)), np.ones((3, 3, 4, 2))), r"\(1, 5, 5, 3\).*\(3, 3, 4, 2\)"),
        (lambda: nn.convolve(np.ones((1, 2, 2, 3)), np.ones((3, 3, 3, 2))), r"window .*\(3, 3\).*\(2, 2\)"),
        (lambda: nn.conv2d(3, 4, padding="full").apply(nn.conv2d(3, 4).init(rng()), np.ones((1, 9, 9, 3))), "'full'"),
        (lambda: nn.convolve(np.ones((1, 5, 3)), np.ones((3, 3, 2)), stride=0), "stride .* at least 1, got 0"),
        (lambda: nn.max_pool(np.ones((1, 1, 5, 3)), 2), r"windows of 2 .*\(1, 1, 5, 3\)"),
        (lambda: nn.attention(8, 3), "8 numbers, 3 heads"),
        (lambda: nn.group_norm(3, 4), "4 channels .* 3 groups"),
        (lambda: nn.dropout(1.0), "rate .* got 1.0"),
        (lambda: nn.rotate(np.ones((2, 3))), r"even length, got shape \(2, 3\)"),
        (lambda: nn.glu(np.ones((2, 3))), r"even length, got shape \(2, 3\)"),
        (lambda: nn.contrastive(np.ones((2, 3)), np.ones((3, 3))), r"\(2, 3\) and \(3, 3\)"),
        (lambda: nn.he(rng(), (3,)), r"two axes.*\(3,\)"),
        (lambda: nn.batch_norm(3).apply({}, {}, np.ones((1, 3)), True), r"no variance: shape \(1, 3\)"),
        (lambda: optim.muon().init({"b": np.ones(3)}), r"b has shape \(3,\)"),
        (lambda: optim.accumulate(optim.sgd(0.1), 0), "every .* got 0"),
        (lambda: optim.cosine(1.0, 5, warmup=5), "warmup=5 and steps=5"),
        (lambda: optim.piecewise([1.0], [3]), "one more rate, got 1"),
        (lambda: optim.one_cycle(1.0, 1), "got 1 and"),
        (lambda: optim.partition({"a": optim.sgd(0.1)}, lambda p, x: "b").init({"w": np.ones(1)}), "w goes to 'b'"),
    ],
)
def test_what_does_not_fit_is_refused_with_both_sides(wrong: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        wrong()


def test_a_chain_ends_with_an_optimiser() -> None:
    with pytest.raises(TypeError, match="an optimiser as the last"):
        optim.chain(optim.clip_by_norm(1.0))
    with pytest.raises(TypeError, match="an optimiser as the last"):
        optim.chain(optim.sgd(0.1), optim.sgd(0.1))


def test_a_masked_decay_leaves_biases_alone() -> None:
    params = {"w": np.ones((2, 2)), "b": np.ones(2)}
    zero = tree.map(np.zeros_like, params)
    for optimizer in (optim.adamw(0.1, weight_decay=0.5, mask=optim.matrices), optim.lion(0.1, mask=optim.matrices)):
        moved, _ = optimizer.update(zero, optimizer.init(params), params)
        assert (moved["b"] == 1).all()
        assert (moved["w"] < 1).all()


def test_a_partition_freezes() -> None:
    params = {"w": np.ones((2, 2)), "b": np.ones(2)}
    optimizer = optim.partition({"all": optim.adam(0.1)}, lambda path, leaf: "frozen" if path == "b" else "all")
    moved, state = optimizer.update(params, optimizer.init(params), params)
    assert moved["b"] is params["b"]
    assert (moved["w"] < 1).all()
    assert tree.flatten(state)[1] == tree.flatten(optimizer.update(params, state, moved)[1])[1]


def test_accumulated_gradients_are_one_large_minibatch() -> None:
    bars = [np.array([1.0, 2.0]), np.array([3.0, -2.0]), np.array([5.0, 3.0])]
    optimizer, once = optim.accumulate(optim.adam(0.1), 3), optim.adam(0.1)
    params = start = np.array([1.0, 1.0])
    state = optimizer.init(params)
    for bar in bars:
        params, state = optimizer.update(bar, state, params)
    np.testing.assert_allclose(params, once.update(np.mean(bars, axis=0), once.init(start), start)[0], rtol=1e-12)


def test_a_gradient_goes_through_a_step_of_an_optimiser() -> None:
    """Meta-learning: how the loss after a step depends on where the step began."""

    def after_a_step(x: Any, optimizer: optim.Optimizer) -> Any:
        x_bar = gt.grad(lambda x: np.sum(x**2))(x)
        moved, _ = optimizer.update(x_bar, optimizer.init(x), x)
        return np.sum(moved**2)

    x = np.array([1.0, -2.0])
    np.testing.assert_allclose(gt.grad(after_a_step)(x, optim.sgd(0.1)), 2 * 0.8**2 * x)
    clipped = optim.chain(optim.clip_by_norm(1.0), optim.sgd(0.1))
    unit = x / np.linalg.norm(x)
    np.testing.assert_allclose(gt.grad(after_a_step)(x, clipped), 2 * (np.linalg.norm(x) - 0.1) * unit)


@pytest.mark.parametrize("name", ["nadam", "rmsprop", "adagrad", "adafactor", "lion"])
def test_float32_stays_float32_and_the_state_keeps_its_shape(name: str) -> None:
    optimizer = getattr(optim, name)()
    params = {"w": np.ones((3, 4), np.float32), "b": np.ones(4, np.float32)}
    state = optimizer.init(params)
    for _ in range(2):
        moved, after = optimizer.update(params, state, params)
        assert {leaf.dtype for leaf in tree.leaves(moved)} == {np.dtype(np.float32)}
        assert tree.flatten(after)[1] == tree.flatten(state)[1]
        kinds = [(np.shape(a), np.asarray(a).dtype) for a in tree.leaves(after)]
        assert kinds == [(np.shape(a), np.asarray(a).dtype) for a in tree.leaves(state)]
        state = after
