"""A small GPT that reads and writes text character by character; layers from ``geartrain.nn``, all of it plain NumPy.

Source: Radford et al., *Improving Language Understanding by Generative Pre-Training*, 2018, with the norm before each
part, as in GPT-2, and rotary positions.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geartrain import nn

Array = NDArray[Any]


class GPT(NamedTuple):
    """``init(rng) -> params``; ``scores(params, codes)``; ``loss(params, windows)``; it sees ``context`` characters."""

    init: Callable[[np.random.Generator], Any]
    scores: Callable[[Any, Any], Any]
    loss: Callable[..., Any]
    context: int


def gpt(characters: int, context: int, width: int, layers: int, heads: int) -> GPT:
    """The model for texts of so many different characters.

    >>> model = gpt(characters=30, context=8, width=16, layers=1, heads=2)
    >>> params = model.init(np.random.default_rng(0))
    >>> model.scores(params, np.zeros((2, 8), np.int64)).shape
    (2, 8, 30)
    """
    small = nn.normal(0.02)
    smaller = nn.normal(0.02 / math.sqrt(2 * layers))  # what goes into the stream adds up over the layers
    table = nn.embedding(characters, width, table=small)
    norm = nn.layer_norm(width)
    attention = nn.attention(width, heads, causal=True, rotary=True, weights=small)
    widen, narrow = nn.dense(width, 4 * width, weights=small), nn.dense(4 * width, width, weights=smaller)
    out = nn.dense(width, characters, bias=False, weights=small)

    def init(rng: np.random.Generator) -> dict[str, Any]:
        def block() -> dict[str, Any]:
            return {
                "norm": norm.init(rng),
                "attention": attention.init(rng),
                "second norm": norm.init(rng),
                "widen": widen.init(rng),
                "narrow": narrow.init(rng),
            }

        return {
            "table": table.init(rng),
            "blocks": [block() for _ in range(layers)],
            "norm": norm.init(rng),
            "out": out.init(rng),
        }

    def scores(params: dict[str, Any], codes: Any) -> Any:
        """A score for each character that may come next, at each place: ``(n, length) -> (n, length, characters)``."""
        h = table.apply(params["table"], codes)
        for block in params["blocks"]:
            h = h + attention.apply(block["attention"], norm.apply(block["norm"], h))
            wide = nn.gelu(widen.apply(block["widen"], norm.apply(block["second norm"], h)))
            h = h + narrow.apply(block["narrow"], wide)
        return out.apply(params["out"], norm.apply(params["norm"], h))

    def loss(params: dict[str, Any], windows: Any) -> Any:
        """Mean cross-entropy of each next character, in nats; ``windows`` of shape ``(n, length + 1)``."""
        return nn.cross_entropy(scores(params, windows[:, :-1]), windows[:, 1:])

    return GPT(init, scores, loss, context)


def write(
    model: GPT, params: Any, prompt: Array, length: int, rng: np.random.Generator, temperature: float = 0.8
) -> Array:
    """``length`` more characters after ``prompt`` (codes), each drawn from the shares that the model gives."""
    codes = [int(code) for code in prompt]
    for _ in range(length):
        last = model.scores(params, np.array([codes[-model.context :]]))[0, -1]
        shares = nn.softmax(last.astype(np.float64) / temperature)
        codes.append(int(rng.choice(len(shares), p=shares)))
    return np.array(codes[len(prompt) :])
