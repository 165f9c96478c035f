"""What is compared with PyTorch: for each case parameters, inputs and our function of them.

``reference.py`` has PyTorch's side of each case, by name, and writes ``reference.json``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geartrain import nn, optim, tree

Array = NDArray[Any]


def numbers(*shape: int, seed: float = 0.0) -> Array:
    """Numbers between -2 and 2 without pattern, the same everywhere."""
    return 2 * np.sin(np.arange(1, int(np.prod(shape)) + 1) * 12.9898 + 78.233 * seed).reshape(shape)


class Case(NamedTuple):
    """``ours(params, *data)``; every leaf of ``params`` is differentiated, ``data`` is not."""

    ours: Callable[..., Any]
    params: dict[str, Any]
    data: tuple[Any, ...] = ()


def summed(y: Any) -> Any:
    """One number that depends on every output with a weight of its own."""
    leaves = tree.leaves(y)
    return sum(np.sum(leaf * numbers(*np.shape(leaf), seed=9.0 + i)) for i, leaf in enumerate(leaves))


def layered(layer: nn.Layer, *data: Any, **params: Any) -> Case:
    """A case of a layer: its parameters are named, ``x`` among them is its input."""

    def ours(params: dict[str, Any], *data: Any) -> Any:
        inputs = [params["x"]] if "x" in params else []
        return layer.apply({k: v for k, v in params.items() if k != "x"}, *inputs, *data)

    return Case(ours, params, data)


def of_x(function: Callable[..., Any], x: Array, *data: Any) -> Case:
    return Case(lambda params, *data: function(params["x"], *data), {"x": x}, data)


IMAGES = numbers(2, 5, 4, 4, seed=1)
SIGNALS = numbers(2, 9, 4, seed=2)
ROWS = numbers(5, 6, seed=3)
BENDS = numbers(4, 6, seed=4) * 2
LABELS = np.array([0, 5, 2, 2, 1])
SEQUENCES = numbers(2, 5, 3, seed=5)
BATCH = nn.batch_norm(4)


def _conv(kernel: tuple[int, ...], **settings: Any) -> Case:
    *window, inputs, outputs = kernel
    make: Any = nn.conv2d if len(window) == 2 else nn.conv1d
    size = tuple(window) if len(window) == 2 else window[0]
    layer = make(inputs * settings.get("groups", 1), outputs, size, **settings)
    x = IMAGES if len(window) == 2 else SIGNALS
    return layered(layer, weights=numbers(*kernel, seed=6), bias=numbers(outputs, seed=7), x=x)


def _attention(shared: int = 1, causal: bool = False, mask: Any = None, rotary: bool = False) -> Case:
    size, pairs = 8, 8 // shared
    params = {
        name: {"weights": numbers(size, width, seed=i) / 3, "bias": numbers(width, seed=i + 20)}
        for i, (name, width) in enumerate({"query": size, "key": pairs, "value": pairs, "output": size}.items())
    }
    layer = nn.attention(size, 4, shared, causal, rotary)
    return layered(layer, *([] if mask is None else [mask]), **params, x=numbers(2, 5, size, seed=10))


def _recurrent(layer: nn.Layer, gates: int, **more: Any) -> Case:
    params = {"input": numbers(3, 4 * gates, seed=1), "state": numbers(4, 4 * gates, seed=2) / 4}
    return layered(layer, **params, bias=numbers(4 * gates, seed=3), **more, x=SEQUENCES)


CASES: dict[str, Case] = {
    "dense": layered(nn.dense(6, 3), weights=numbers(6, 3, seed=1), bias=numbers(3, seed=2), x=ROWS),
    "dense without bias": layered(nn.dense(6, 3, bias=False), weights=numbers(6, 3, seed=1), x=ROWS),
    "embedding": layered(nn.embedding(6, 3), LABELS, table=numbers(6, 3)),
    "conv2d": _conv((3, 3, 4, 5), padding=0),
    "conv2d same": _conv((3, 3, 4, 5)),
    "conv2d stride": _conv((3, 2, 4, 5), stride=(2, 1), padding=1),
    "conv2d dilation": _conv((3, 2, 4, 2), dilation=2, padding=2),
    "conv2d groups": _conv((3, 3, 2, 6), groups=2, padding=1),
    "conv2d depthwise": _conv((3, 3, 1, 4), groups=4, padding=1, stride=2),
    "conv2d one by one": _conv((1, 1, 4, 3)),
    "conv1d": _conv((4, 4, 5), padding=0),
    "conv1d stride": _conv((3, 4, 5), padding=2, stride=2, dilation=2),
    "max pool": of_x(nn.max_pool, IMAGES),
    "max pool overlapping": of_x(lambda x: nn.max_pool(x, 3, 2), IMAGES),
    "max pool 1d": of_x(lambda x: nn.max_pool(x, 3), SIGNALS),
    "mean pool": of_x(nn.mean_pool, IMAGES),
    "mean pool overlapping": of_x(lambda x: nn.mean_pool(x, 3, 1), IMAGES),
    "global mean pool": of_x(nn.global_mean_pool, IMAGES),
    "layer norm": layered(nn.layer_norm(6), scale=numbers(6), shift=numbers(6, seed=1), x=ROWS),
    "rms norm": layered(nn.rms_norm(6), scale=numbers(6), x=ROWS),
    "group norm": layered(nn.group_norm(2, 4), scale=numbers(4), shift=numbers(4, seed=1), x=IMAGES),
    "batch norm training": Case(
        lambda p: BATCH.apply(p, {"mean": numbers(4), "variance": np.ones(4)}, p["x"], True),
        {"scale": numbers(4), "shift": numbers(4, seed=1), "x": IMAGES},
    ),
    "batch norm": Case(
        lambda p: BATCH.apply(p, {"mean": numbers(4), "variance": np.arange(1.0, 5)}, p["x"], False)[0],
        {"scale": numbers(4), "shift": numbers(4, seed=1), "x": IMAGES},
    ),
    "attention": _attention(),
    "attention causal": _attention(causal=True),
    "attention padding": _attention(mask=nn.padding_mask(np.array([5, 3]), 5)),
    "attention grouped": _attention(shared=2),
    "attention multi-query": _attention(shared=4, causal=True),
    "attention rotary": _attention(shared=2, causal=True, rotary=True),
    "rotate": of_x(nn.rotate, numbers(2, 3, 5, 6, seed=11)),
    "rotate elsewhere": of_x(lambda x: nn.rotate(x, np.arange(3, 8), 500.0), numbers(2, 3, 5, 6, seed=11)),
    "rnn": _recurrent(nn.rnn(3, 4), 1),
    "lstm": _recurrent(nn.lstm(3, 4), 4),
    "gru": _recurrent(nn.gru(3, 4), 3, state_bias=numbers(12, seed=8)),
    "cross entropy": of_x(nn.cross_entropy, ROWS, LABELS),
    "cross entropy smoothed": of_x(lambda x, labels: nn.cross_entropy(x, labels, 0.2), ROWS, LABELS),
    "binary cross entropy": of_x(nn.binary_cross_entropy, ROWS * 9, (numbers(5, 6) > 0).astype(float)),
    "mean squared error": of_x(nn.mean_squared_error, ROWS, numbers(5, 6)),
    "mean absolute error": of_x(nn.mean_absolute_error, ROWS, numbers(5, 6)),
    "huber": of_x(lambda x, y: nn.huber(x, y, 0.7), ROWS, numbers(5, 6)),
    "kl divergence": of_x(lambda x, y: nn.kl_divergence(nn.log_softmax(y), nn.log_softmax(x)), ROWS, numbers(5, 6)),
    "contrastive": of_x(nn.contrastive, ROWS, numbers(5, 6)),
}

BENT = ["relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "sigmoid", "log_sigmoid", "softplus", "silu"]
BENT += ["mish", "softsign", "hard_tanh", "hard_sigmoid", "hard_swish", "glu", "softmax", "log_softmax"]
CASES |= {name: of_x(getattr(nn, name), BENDS) for name in BENT}

# Trajectories: steps with gradients that are given.

STEPS = 8
START = {"w": numbers(3, 4, seed=1), "b": numbers(4, seed=2)}
PUSHES = [{"w": numbers(3, 4, seed=3.0 + t), "b": numbers(4, seed=30.0 + t)} for t in range(STEPS)]
OPTIMISERS: dict[str, optim.Optimizer] = {
    "sgd": optim.sgd(0.1),
    "sgd momentum": optim.sgd(0.1, 0.9),
    "sgd nesterov": optim.sgd(0.1, 0.9, nesterov=True),
    "sgd decay": optim.chain(optim.decay_weights(0.1), optim.sgd(0.1, 0.9)),
    "sgd clipped": optim.chain(optim.clip_by_norm(3.0), optim.sgd(0.1)),
    "sgd clipped values": optim.chain(optim.clip_by_value(0.5), optim.sgd(0.1)),
    "adam": optim.adam(0.1),
    "adamw": optim.adamw(0.1, weight_decay=0.1),
    "nadam": optim.nadam(0.1),
    "rmsprop": optim.rmsprop(0.1),
    "rmsprop centred": optim.rmsprop(0.1, momentum=0.9, centred=True),
    "adagrad": optim.adagrad(0.1),
    "adafactor": optim.adafactor(0.1),
    "accumulated": optim.accumulate(optim.adam(0.1), 3),
    "lion": optim.lion(0.1, weight_decay=0.1),
    "muon": optim.partition(
        {"muon": optim.muon(0.1), "sgd": optim.sgd(0.1)}, lambda p, x: {1: "sgd", 2: "muon"}[x.ndim]
    ),
}
SCHEDULES: dict[str, Callable[[int], float]] = {
    "cosine": optim.cosine(1.0, 20, last=0.1),
    "warm-up and cosine": optim.cosine(1.0, 20, warmup=5),
    "one cycle": optim.one_cycle(1.0, 20),
    "exponential": optim.exponential(1.0, 0.9),
    "piecewise": optim.piecewise([1.0, 0.1, 0.01], [5, 15]),
}


def trajectory(optimizer: optim.Optimizer) -> Any:
    """The parameters after all steps."""
    params = START
    state = optimizer.init(params)
    for params_bar in PUSHES:
        params, state = optimizer.update(params_bar, state, params)
    return params


# Initialisers: what is drawn for a convolution with windows of 3 x 3, 100 inputs and 200 outputs.

KERNEL = (3, 3, 100, 200)
INITIALISERS: dict[str, nn.Initialiser] = {
    "zeros": nn.zeros,
    "ones": nn.ones,
    "normal": nn.normal(0.5),
    "truncated normal": nn.truncated_normal(0.5),
    "he": nn.he,
    "he uniform": nn.he_uniform,
    "glorot": nn.glorot,
    "glorot normal": nn.glorot_normal,
    "lecun": nn.lecun,
    "orthogonal": nn.orthogonal,
}


def distribution(drawn: Any) -> list[float]:
    """The quantiles of what was drawn, in steps of a twentieth, the least and the largest; and the deviation."""
    return [*np.quantile(drawn, np.linspace(0, 1, 21)).tolist(), float(np.std(drawn))]


def alike(ours: list[float], theirs: list[float]) -> bool:
    """Whether two draws are of one distribution: to a fiftieth of the deviation; ends where there is a limit."""
    unit = theirs[-1] or 1.0
    limited = abs(theirs[0]) < 2.5 * unit
    inner = np.allclose(ours[1:-2], theirs[1:-2], rtol=0, atol=0.02 * unit)
    ends = not limited or np.allclose([ours[0], ours[-2]], [theirs[0], theirs[-2]], rtol=0.001)
    return inner and ends and bool(np.isclose(ours[-1], theirs[-1], rtol=0.01))
