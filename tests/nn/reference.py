"""Write reference.json: the values and gradients of every case by PyTorch, and of some optimisers by Optax.

    pip install -e '.[peers]'
    python -m tests.nn.reference            write it again, after a case has changed
    python -m tests.nn.reference --check    compare what is installed with it

The tests read the file, so they need neither; where both are installed, one of them checks the file.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from geartrain import tree
from tests.nn import cases

torch: Any = import_module("torch")
F: Any = import_module("torch.nn.functional")
T: Any = import_module("torch.optim")
optax: Any = import_module("optax")

torch.set_default_dtype(torch.float64)


def channels_first(x: Any) -> Any:
    return x.movedim(-1, 1)


def channels_last(x: Any) -> Any:
    return x.movedim(1, -1)


def conv(function: Any, **settings: Any) -> Any:
    def run(p: Any) -> Any:
        kernel = p["weights"].movedim((-1, -2), (0, 1))
        return channels_last(function(channels_first(p["x"]), kernel, p["bias"], **settings))

    return run


def pool(function: Any, *settings: Any) -> Any:
    return lambda p: channels_last(function(channels_first(p["x"]), *settings))


def batch_norm(training: bool, variance: Any) -> Any:
    def run(p: Any) -> Any:
        mean, moving = torch.tensor(cases.numbers(4)), torch.tensor(variance)
        x = channels_first(p["x"])
        y = channels_last(F.batch_norm(x, mean, moving, p["scale"], p["shift"], training, momentum=0.1))
        return (y, {"mean": moving_mean(p), "variance": moving_variance(p)}) if training else y

    # PyTorch changes its statistics in place and does not differentiate them; here they are written out.
    def moving_mean(p: Any) -> Any:
        return 0.9 * torch.tensor(cases.numbers(4)) + 0.1 * p["x"].mean((0, 1, 2))

    def moving_variance(p: Any) -> Any:
        return 0.9 + 0.1 * p["x"].var((0, 1, 2), unbiased=True)

    return run


def rotate(x: Any, first: int = 0, base: float = 10000.0) -> Any:
    """Rotary positions as products of complex numbers, which is how their paper explains them."""
    half = x.shape[-1] // 2
    angles = torch.arange(first, first + x.shape[-2])[:, None] * base ** (-torch.arange(half) / half)
    turned = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([turned.real, turned.imag], -1)


def attention(shared: int = 1, causal: bool = False, rotary: bool = False) -> Any:
    def run(p: Any, mask: Any = None) -> Any:
        def split(name: str) -> Any:
            y = p["x"] @ p[name]["weights"] + p[name]["bias"]
            return y.unflatten(-1, (-1, 2)).transpose(1, 2)

        q, k, v = split("query"), split("key"), split("value")
        if rotary:
            q, k = rotate(q), rotate(k)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, enable_gqa=shared > 1)
        return y.transpose(1, 2).flatten(-2) @ p["output"]["weights"] + p["output"]["bias"]

    return run


def recurrent(kind: Any) -> Any:
    def run(p: Any) -> Any:
        layer = kind(3, 4, batch_first=True)
        zero = torch.zeros_like(p["bias"])
        weights = {
            "weight_ih_l0": p["input"].T,
            "weight_hh_l0": p["state"].T,
            "bias_ih_l0": p["bias"],
            "bias_hh_l0": p.get("state_bias", zero),
        }
        outputs, state = torch.func.functional_call(layer, weights, (p["x"],))
        return outputs, tuple(s[0] for s in state) if isinstance(state, tuple) else state[0]

    return run


def contrastive(p: Any, b: Any) -> Any:
    scores = F.normalize(p["x"], dim=-1) @ F.normalize(b, dim=-1).T / 0.1
    labels = torch.arange(len(b))
    return (F.cross_entropy(scores, labels) + F.cross_entropy(scores.T, labels)) / 2


def kl_divergence(p: Any, y: Any) -> Any:
    logs = (F.log_softmax(p["x"], -1), F.log_softmax(y, -1))
    return F.kl_div(*logs, reduction="batchmean", log_target=True)


THEIRS: dict[str, Any] = {
    "dense": lambda p: F.linear(p["x"], p["weights"].T, p["bias"]),
    "dense without bias": lambda p: F.linear(p["x"], p["weights"].T),
    "embedding": lambda p, i: F.embedding(i, p["table"]),
    "conv2d": conv(F.conv2d),
    "conv2d same": conv(F.conv2d, padding="same"),
    "conv2d stride": conv(F.conv2d, stride=(2, 1), padding=1),
    "conv2d dilation": conv(F.conv2d, dilation=2, padding=2),
    "conv2d groups": conv(F.conv2d, groups=2, padding=1),
    "conv2d depthwise": conv(F.conv2d, groups=4, padding=1, stride=2),
    "conv2d one by one": conv(F.conv2d),
    "conv1d": conv(F.conv1d),
    "conv1d stride": conv(F.conv1d, padding=2, stride=2, dilation=2),
    "max pool": pool(F.max_pool2d, 2),
    "max pool overlapping": pool(F.max_pool2d, 3, 2),
    "max pool 1d": pool(F.max_pool1d, 3),
    "mean pool": pool(F.avg_pool2d, 2),
    "mean pool overlapping": pool(F.avg_pool2d, 3, 1),
    "global mean pool": lambda p: channels_first(p["x"]).flatten(2).mean(-1),
    "layer norm": lambda p: F.layer_norm(p["x"], (6,), p["scale"], p["shift"]),
    "rms norm": lambda p: F.rms_norm(p["x"], (6,), p["scale"], eps=1e-6),
    "group norm": lambda p: channels_last(F.group_norm(channels_first(p["x"]), 2, p["scale"], p["shift"])),
    "batch norm training": batch_norm(True, np.ones(4)),
    "batch norm": batch_norm(False, np.arange(1.0, 5)),
    "attention": attention(),
    "attention causal": attention(causal=True),
    "attention padding": attention(),
    "attention grouped": attention(shared=2),
    "attention multi-query": attention(shared=4, causal=True),
    "attention rotary": attention(shared=2, causal=True, rotary=True),
    "rotate": lambda p: rotate(p["x"]),
    "rotate elsewhere": lambda p: rotate(p["x"], 3, 500.0),
    "rnn": recurrent(torch.nn.RNN),
    "lstm": recurrent(torch.nn.LSTM),
    "gru": recurrent(torch.nn.GRU),
    "cross entropy": lambda p, i: F.cross_entropy(p["x"], i),
    "cross entropy smoothed": lambda p, i: F.cross_entropy(p["x"], i, label_smoothing=0.2),
    "binary cross entropy": lambda p, y: F.binary_cross_entropy_with_logits(p["x"], y),
    "mean squared error": lambda p, y: F.mse_loss(p["x"], y),
    "mean absolute error": lambda p, y: F.l1_loss(p["x"], y),
    "huber": lambda p, y: F.huber_loss(p["x"], y, delta=0.7),
    "kl divergence": kl_divergence,
    "contrastive": contrastive,
    "relu": lambda p: F.relu(p["x"]),
    "relu6": lambda p: F.relu6(p["x"]),
    "leaky_relu": lambda p: F.leaky_relu(p["x"]),
    "elu": lambda p: F.elu(p["x"]),
    "celu": lambda p: F.celu(p["x"]),
    "selu": lambda p: F.selu(p["x"]),
    "gelu": lambda p: F.gelu(p["x"], approximate="tanh"),
    "sigmoid": lambda p: F.sigmoid(p["x"]),
    "log_sigmoid": lambda p: F.logsigmoid(p["x"]),
    "softplus": lambda p: F.softplus(p["x"], threshold=1000),
    "silu": lambda p: F.silu(p["x"]),
    "mish": lambda p: F.mish(p["x"]),
    "softsign": lambda p: F.softsign(p["x"]),
    "hard_tanh": lambda p: F.hardtanh(p["x"]),
    "hard_sigmoid": lambda p: F.hardsigmoid(p["x"]),
    "hard_swish": lambda p: F.hardswish(p["x"]),
    "glu": lambda p: F.glu(p["x"]),
    "softmax": lambda p: F.softmax(p["x"], -1),
    "log_softmax": lambda p: F.log_softmax(p["x"], -1),
}

OPTIMISERS: dict[str, Any] = {
    "sgd": lambda p: T.SGD(p, 0.1),
    "sgd momentum": lambda p: T.SGD(p, 0.1, 0.9),
    "sgd nesterov": lambda p: T.SGD(p, 0.1, 0.9, nesterov=True),
    "sgd decay": lambda p: T.SGD(p, 0.1, 0.9, weight_decay=0.1),
    "sgd clipped": lambda p: T.SGD(p, 0.1),
    "sgd clipped values": lambda p: T.SGD(p, 0.1),
    "adam": lambda p: T.Adam(p, 0.1),
    "adamw": lambda p: T.AdamW(p, 0.1, weight_decay=0.1),
    "nadam": lambda p: T.NAdam(p, 0.1),
    "rmsprop": lambda p: T.RMSprop(p, 0.1),
    "rmsprop centred": lambda p: T.RMSprop(p, 0.1, momentum=0.9, centered=True),
    "adagrad": lambda p: T.Adagrad(p, 0.1),
    "adafactor": lambda p: T.Adafactor(p, 0.1),
}


def listed(arrays: Any) -> list[Any]:
    """The leaves as plain numbers, with the ten digits that matter."""
    return [[float(f"{x:.10g}") for x in np.ravel(leaf)] for leaf in tree.leaves(arrays)]


def evaluate(name: str) -> dict[str, Any]:
    case = cases.CASES[name]
    params = tree.map(lambda x: torch.tensor(x, requires_grad=True), case.params)
    y = THEIRS[name](params, *[torch.tensor(x) for x in case.data])
    leaves = tree.leaves(y)
    weights = [torch.tensor(cases.numbers(*leaf.shape, seed=9.0 + i)) for i, leaf in enumerate(leaves)]
    bars = torch.autograd.grad(sum((y * w).sum() for y, w in zip(leaves, weights, strict=True)), tree.leaves(params))
    return {"value": listed([y.detach().numpy() for y in leaves]), "bar": listed([bar.numpy() for bar in bars])}


def train(name: str) -> list[Any]:
    params = tree.map(lambda x: torch.tensor(x, requires_grad=True), cases.START)
    leaves = tree.leaves(params)
    optimizers = [OPTIMISERS[name](leaves)] if name in OPTIMISERS else []
    turned = params["w"].detach().T.clone().requires_grad_()  # theirs has (outputs, inputs), ours (inputs, outputs)
    if name == "muon":
        optimizers = [T.Muon([turned], 0.1), T.SGD([params["b"]], 0.1)]
    for push in cases.PUSHES:
        for leaf, bar in zip(leaves, tree.leaves(push), strict=True):
            leaf.grad = torch.tensor(bar)
        if name == "sgd clipped":
            torch.nn.utils.clip_grad_norm_(leaves, 3.0)
        if name == "sgd clipped values":
            torch.nn.utils.clip_grad_value_(leaves, 0.5)
        if name == "muon":
            turned.grad = torch.tensor(push["w"].T.copy())
        for optimizer in optimizers:
            optimizer.step()
    if name == "muon":
        params["w"] = turned.T
    return listed([leaf.detach().numpy() for leaf in tree.leaves(params)])


OPTAX: dict[str, Any] = {
    "lion": lambda: optax.lion(0.1, weight_decay=0.1),
    "accumulated": lambda: optax.MultiSteps(optax.adam(0.1), 3),
}

INITIALISERS: dict[str, Any] = {
    "zeros": torch.nn.init.zeros_,
    "ones": torch.nn.init.ones_,
    "normal": lambda x: torch.nn.init.normal_(x, 0.0, 0.5),
    "truncated normal": lambda x: torch.nn.init.trunc_normal_(x, 0.0, 0.5, -1.0, 1.0),
    "he": lambda x: torch.nn.init.kaiming_normal_(x, nonlinearity="relu"),
    "he uniform": lambda x: torch.nn.init.kaiming_uniform_(x, nonlinearity="relu"),
    "glorot": torch.nn.init.xavier_uniform_,
    "glorot normal": torch.nn.init.xavier_normal_,
    "lecun": lambda x: torch.nn.init.kaiming_normal_(x, nonlinearity="linear"),
    "orthogonal": torch.nn.init.orthogonal_,
}


def distribution(name: str) -> list[float]:
    """What PyTorch draws for the same convolution, whose axes are the other way round there."""
    *window, inputs, outputs = cases.KERNEL
    drawn = INITIALISERS[name](torch.empty(outputs, inputs, *window))
    return [float(f"{x:.6g}") for x in cases.distribution(drawn.numpy())]


def train_by_optax(name: str) -> list[Any]:
    optimizer = OPTAX[name]()
    params = cases.START
    state = optimizer.init(params)
    for push in cases.PUSHES:
        step, state = optimizer.update(push, state, params)
        params = optax.apply_updates(params, step)
    return listed(tree.map(np.asarray, params))


def schedules() -> dict[str, list[float]]:
    theirs = {
        "cosine": optax.cosine_decay_schedule(1.0, 20, 0.1),
        "warm-up and cosine": optax.warmup_cosine_decay_schedule(0.0, 1.0, 5, 20),
        "exponential": optax.exponential_decay(1.0, 1, 0.9),
        "piecewise": optax.piecewise_constant_schedule(1.0, {5: 0.1, 15: 0.1}),
    }
    rates = {name: [float(schedule(step)) for step in range(20)] for name, schedule in theirs.items()}
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.1)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=20)
    rates["one cycle"] = []
    for step in range(20):
        rates["one cycle"].append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < 19:
            cycle.step()
    return rates


def everything() -> dict[str, Any]:
    """What the file holds, as the installed packages compute it."""
    import_module("jax").config.update("jax_enable_x64", True)
    torch.Tensor.bfloat16 = lambda self: self  # Muon's iteration in float64, to compare it
    torch.manual_seed(0)
    return {
        "made with": {"torch": torch.__version__, "optax": optax.__version__},
        "cases": {name: evaluate(name) for name in cases.CASES},
        "trajectories": {name: train_by_optax(name) if name in OPTAX else train(name) for name in cases.OPTIMISERS},
        "schedules": schedules(),
        "initialisers": {name: distribution(name) for name in cases.INITIALISERS},
    }


def differences(content: dict[str, Any], written: dict[str, Any]) -> list[str]:
    """Which entries of the file are not what the installed packages compute, to rounding; draws, as ``alike`` says."""
    found: list[str] = []
    for part in ("cases", "trajectories", "schedules", "initialisers"):
        for name in sorted({*content[part], *written.get(part, {})}):
            ours, theirs = (tree.leaves(side.get(part, {}).get(name)) for side in (content, written))
            same = cases.alike if part == "initialisers" else _to_rounding
            if len(ours) != len(theirs) or not same(ours, theirs):
                found.append(f"{part}: {name}")
    return found


def _to_rounding(ours: list[float], theirs: list[float]) -> bool:
    return np.allclose(ours, theirs, rtol=1e-7, atol=1e-9)


def main() -> None:
    path = Path(__file__).with_name("reference.json")
    content = everything()
    if "--check" in sys.argv:
        found = differences(content, json.loads(path.read_text(encoding="utf-8")))
        versions = ", ".join(f"{name} {version}" for name, version in content["made with"].items())
        print("\n".join(found) or f"{path.name} is what {versions} compute")
        sys.exit(bool(found))
    lines = json.dumps(content).replace('}, "', '},\n"').replace(']], "', ']],\n"')
    path.write_text(lines + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
