"""A GPT of width 128 with 4 layers and 4 heads, on 8 texts of 128 characters, with AdamW."""

import importlib
import math
from typing import Any

import numpy as np

from benchmarks.training.contest import Training
from geartrain import optim
from geartrain.train.gpt import gpt

RATE, DECAY = 1e-3, 0.1
CHARACTERS, CONTEXT, WIDTH, LAYERS, HEADS, BATCH = 96, 128, 128, 4, 4, 8


def case() -> Training:
    """The model of ``geartrain train text``, and random texts."""
    model = gpt(CHARACTERS, CONTEXT, WIDTH, LAYERS, HEADS)
    rng = np.random.default_rng(0)
    windows = rng.integers(0, CHARACTERS, (BATCH * 20, CONTEXT + 1))
    adamw = optim.adamw(RATE, weight_decay=DECAY, mask=optim.matrices)
    params = model.init(rng)
    return Training(params, model.loss, adamw, _jax, _torch, (windows[:BATCH],), (windows,), RATE, DECAY)


def _angles() -> tuple[Any, Any]:
    size = WIDTH // HEADS
    angles = np.arange(CONTEXT)[:, None] * 10000.0 ** (-np.arange(0, size, 2) / size)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


COS, SIN = _angles()


def _jax(params: Any, windows: Any) -> Any:
    jax = importlib.import_module("jax")
    jnp = jax.numpy

    def dense(p: Any, x: Any) -> Any:
        return x @ p["weights"] + p["bias"]

    def norm(p: Any, x: Any) -> Any:
        x = x - x.mean(-1, keepdims=True)
        return x / jnp.sqrt(jnp.mean(x * x, -1, keepdims=True) + 1e-5) * p["scale"] + p["shift"]

    def rotate(x: Any) -> Any:
        a, b = jnp.split(x, 2, axis=-1)
        return jnp.concatenate([a * COS - b * SIN, a * SIN + b * COS], axis=-1)

    def attention(p: Any, x: Any) -> Any:
        def split(name: str) -> Any:
            return dense(p[name], x).reshape(len(x), CONTEXT, HEADS, -1).transpose(0, 2, 1, 3)

        q, k, v = rotate(split("query")), rotate(split("key")), split("value")
        scores = q @ k.swapaxes(-1, -2) / math.sqrt(WIDTH // HEADS)
        shares = jax.nn.softmax(jnp.where(np.tri(CONTEXT, dtype=bool), scores, -1e30))
        return dense(p["output"], (shares @ v).transpose(0, 2, 1, 3).reshape(len(x), CONTEXT, WIDTH))

    codes, following = windows[:, :-1], windows[:, 1:]
    h = params["table"]["table"][codes]
    for block in params["blocks"]:
        h = h + attention(block["attention"], norm(block["norm"], h))
        h = h + dense(block["narrow"], jax.nn.gelu(dense(block["widen"], norm(block["second norm"], h))))
    shares = jax.nn.log_softmax(norm(params["norm"], h) @ params["out"]["weights"])
    return -jnp.mean(jnp.take_along_axis(shares, following[..., None], axis=-1))


def _torch(params: Any, windows: Any) -> Any:
    torch = importlib.import_module("torch")
    functional = torch.nn.functional
    cos, sin = torch.from_numpy(COS), torch.from_numpy(SIN)

    def dense(p: Any, x: Any) -> Any:
        return x @ p["weights"] + p["bias"]

    def norm(p: Any, x: Any) -> Any:
        return functional.layer_norm(x, (WIDTH,), p["scale"], p["shift"], 1e-5)

    def rotate(x: Any) -> Any:
        a, b = x.chunk(2, dim=-1)
        return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)

    def attention(p: Any, x: Any) -> Any:
        def split(name: str) -> Any:
            return dense(p[name], x).view(len(x), CONTEXT, HEADS, -1).transpose(1, 2)

        q, k, v = rotate(split("query")), rotate(split("key")), split("value")
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return dense(p["output"], seen.transpose(1, 2).reshape(len(x), CONTEXT, WIDTH))

    codes, following = windows[:, :-1], windows[:, 1:]
    h = functional.embedding(codes, params["table"]["table"])
    for block in params["blocks"]:
        h = h + attention(block["attention"], norm(block["norm"], h))
        wide = functional.gelu(dense(block["widen"], norm(block["second norm"], h)), approximate="tanh")
        h = h + dense(block["narrow"], wide)
    scores = norm(params["norm"], h) @ params["out"]["weights"]
    return functional.cross_entropy(scores.view(-1, CHARACTERS), following.reshape(-1))
