"""Attention: each place looks at all others and takes a weighted mean of what they hold."""

import math
from typing import Any

import numpy as np

from geartrain.nn._activations import softmax
from geartrain.nn._dense import product
from geartrain.nn._initialisers import Initialiser, glorot
from geartrain.nn._layer import Layer, Rng

_NEVER = -1e30  # a score so low that its share is 0 in every floating type wider than float16


def attend(queries: Any, keys: Any, values: Any, mask: Any = None) -> Any:
    """Scaled dot-product attention: for each query, the mean of the values, weighted by how well its key fits.

    Args:
        queries: of shape ``(..., n, size)``.
        keys: of shape ``(..., m, size)``.
        values: of shape ``(..., m, width)``.
        mask: booleans that broadcast to ``(..., n, m)``, False where a query must not look. A query that may look
            nowhere takes the plain mean of all values.

    Returns:
        An array of shape ``(..., n, width)``.

    Source: Vaswani et al., *Attention Is All You Need*, NeurIPS 2017, equation 1.

    >>> x = np.eye(2)
    >>> attend(50 * x, x, np.array([[1.0], [2.0]])).round(3).ravel()
    array([1., 2.])
    """
    scores = (queries * (1 / math.sqrt(queries.shape[-1]))) @ np.swapaxes(keys, -1, -2)
    if mask is not None:
        scores = np.where(mask, scores, np.asarray(_NEVER, scores.dtype))
    return softmax(scores) @ values


def causal_mask(n: int) -> Any:
    """True where a place may look: at itself and what came before, ``(n, n)``.

    >>> causal_mask(3).astype(int)
    array([[1, 0, 0],
           [1, 1, 0],
           [1, 1, 1]])
    """
    return np.tri(n, dtype=np.bool_)


def padding_mask(lengths: Any, n: int) -> Any:
    """True for the places before the end of each sequence, ``(batch, 1, 1, n)``: for heads and queries alike.

    >>> padding_mask(np.array([1, 3]), 3)[:, 0, 0].astype(int)
    array([[1, 0, 0],
           [1, 1, 1]])
    """
    return (np.arange(n) < np.asarray(lengths)[:, None])[:, None, None, :]


def rotate(x: Any, positions: Any = None, base: float = 10000.0) -> Any:
    """Rotary positions: turn each pair of numbers by an angle that grows with the position, ``(..., n, size)``.

    The product of a query and a key so turned depends on how far apart they are, and on nothing else of where they are.
    Number ``i`` pairs with number ``i + size / 2``, as in most models since.

    Source: Su et al., *RoFormer*, 2021 (arXiv:2104.09864), equation 34.

    >>> rotate(np.array([[1.0, 0.0], [1.0, 0.0]])).round(4)
    array([[1.    , 0.    ],
           [0.5403, 0.8415]])
    """
    n: int = x.shape[-2]
    size: int = x.shape[-1]
    if size % 2:
        raise ValueError(f"[rotate] numbers turn in pairs: the last axis must have an even length, got shape {x.shape}")
    at = np.arange(n) if positions is None else np.asarray(positions)
    angles = at[..., None] * base ** (-np.arange(0, size, 2) / size)
    cos, sin = np.cos(angles).astype(x.dtype), np.sin(angles).astype(x.dtype)
    first, second = x[..., : size // 2], x[..., size // 2 :]
    return np.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)


def attention(
    size: int,
    heads: int,
    shared: int = 1,
    causal: bool = False,
    rotary: bool = False,
    bias: bool = True,
    weights: Initialiser = glorot,
    dtype: Any = np.float32,
) -> Layer:
    """Multi-head self-attention: ``apply(params, x, mask=None)`` maps ``(batch, n, size)`` to the same shape.

    Args:
        size: numbers at each place, divisible by ``heads``.
        heads: how many attentions go on side by side, each with ``size / heads`` numbers.
        shared: how many query heads share one head of keys and values: 1 is the usual attention, ``heads`` is
            multi-query, in between is grouped-query (Ainslie et al., *GQA*, EMNLP 2023).
        causal: whether a place looks only at itself and what came before.
        rotary: whether queries and keys are turned by their position (``rotate``).
        bias: whether the four products have one.
        weights: the initialiser.
        dtype: of the parameters.

    The parameters are the dense layers ``query``, ``key``, ``value`` and ``output``. ``mask`` is as in ``attend``, with
    axes ``(batch, heads, queries, keys)``; with ``causal`` both must allow.

    Raises:
        ValueError: sizes that do not divide.

    >>> layer = attention(8, heads=2, causal=True)
    >>> layer.apply(layer.init(np.random.default_rng(0)), np.ones((3, 5, 8), np.float32)).shape
    (3, 5, 8)
    """
    if heads < 1 or size % heads or shared < 1 or heads % shared:
        raise ValueError(
            f"[attention] {size} numbers, {heads} heads, {shared} sharing: each must divide the one before"
        )
    width, pairs = size // heads, heads // shared

    def init(rng: Rng) -> dict[str, Any]:
        def product(outputs: int) -> dict[str, Any]:
            drawn: dict[str, Any] = {"weights": weights(rng, (size, outputs), dtype)}
            return {**drawn, "bias": np.zeros(outputs, dtype)} if bias else drawn

        return {
            "query": product(size),
            "key": product(pairs * width),
            "value": product(pairs * width),
            "output": product(size),
        }

    def dense(params: dict[str, Any], x: Any) -> Any:
        y = product(x, params["weights"])
        return y + params["bias"] if bias else y

    def apply(params: dict[str, Any], x: Any, mask: Any = None) -> Any:
        batch, n = x.shape[:2]

        def split(name: str, count: int) -> Any:
            """``(batch, n, count * width) -> (batch, count, n, width)``."""
            return dense(params[name], x).reshape(batch, n, count, width).transpose(0, 2, 1, 3)

        q, k, v = split("query", heads), split("key", pairs), split("value", pairs)
        if rotary:
            q, k = rotate(q), rotate(k)
        if shared > 1:
            k, v = np.repeat(k, shared, axis=1), np.repeat(v, shared, axis=1)
        if causal:
            mask = causal_mask(n) if mask is None else np.logical_and(mask, causal_mask(n))
        seen = attend(q, k, v, mask)
        return dense(params["output"], seen.transpose(0, 2, 1, 3).reshape(batch, n, size))

    return Layer(init, apply)
