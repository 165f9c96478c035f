"""The dense layer and the embedding: a matrix product, and rows picked from a matrix."""

from typing import Any

import numpy as np

from geartrain.nn._initialisers import Initialiser, he, normal
from geartrain.nn._layer import Layer, Rng


def dense(inputs: int, outputs: int, bias: bool = True, weights: Initialiser = he, dtype: Any = np.float32) -> Layer:
    """Every output is a weighted sum of every input: ``(..., inputs) -> (..., outputs)``.

    The parameters are ``weights`` of shape ``(inputs, outputs)`` and, with ``bias``, ``bias`` of shape ``(outputs,)``.

    >>> init, apply = dense(3, 2)[:2]
    >>> apply({"weights": np.ones((3, 2)), "bias": np.array([0.0, 1.0])}, np.array([1.0, 2.0, 3.0]))
    array([6., 7.])
    """

    def init(rng: Rng) -> dict[str, Any]:
        params: dict[str, Any] = {"weights": weights(rng, (inputs, outputs), dtype)}
        return {**params, "bias": np.zeros(outputs, dtype)} if bias else params

    def apply(params: dict[str, Any], x: Any) -> Any:
        y = product(x, params["weights"])
        return y + params["bias"] if bias else y

    return Layer(init, apply)


def product(x: Any, weights: Any) -> Any:
    """``x @ weights``, as one large product where ``x`` has more than two axes: quicker than a stack of small ones."""
    if x.ndim <= 2:
        return x @ weights
    return (x.reshape(-1, x.shape[-1]) @ weights).reshape(*x.shape[:-1], weights.shape[-1])


def embedding(count: int, size: int, table: Initialiser | None = None, dtype: Any = np.float32) -> Layer:
    """A vector for each of ``count`` things: integers of any shape ``(...) -> (..., size)``.

    The parameter is ``table`` of shape ``(count, size)``.

    >>> init, apply = embedding(3, 2)[:2]
    >>> apply({"table": np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])}, np.array([2, 0]))
    array([[4., 5.],
           [0., 1.]])
    """

    def init(rng: Rng) -> dict[str, Any]:
        return {"table": (table or normal(1.0))(rng, (count, size), dtype)}

    def apply(params: dict[str, Any], indices: Any) -> Any:
        return params["table"][indices]

    return Layer(init, apply)
