"""Normalisation: numbers with mean 0 and variance 1 over some axes, then a learned scale and shift."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from geartrain.nn._layer import Layer, Rng


def standardise(x: Any, axis: int | tuple[int, ...] = -1, eps: float = 1e-5) -> Any:
    """``x`` less its mean over ``axis``, over its standard deviation; ``eps`` is added to the variance.

    >>> standardise(np.array([1.0, 3.0]), eps=0.0)
    array([-1.,  1.])
    """
    centred = x - np.mean(x, axis=axis, keepdims=True)
    variance = np.mean(centred * centred, axis=axis, keepdims=True)
    return centred / np.sqrt(variance + eps)


def layer_norm(size: int, eps: float = 1e-5, dtype: Any = np.float32) -> Layer:
    """Standardise over the last axis: ``(..., size) -> (..., size)``; parameters ``scale`` and ``shift``.

    Source: Ba, Kiros, Hinton, *Layer Normalization*, 2016 (arXiv:1607.06450), equation 4.

    >>> layer = layer_norm(2)
    >>> layer.apply(layer.init(np.random.default_rng(0)), np.array([1.0, 3.0])).round(3)
    array([-1.,  1.])
    """

    def apply(params: dict[str, Any], x: Any) -> Any:
        return standardise(x, -1, eps) * params["scale"] + params["shift"]

    return Layer(_scale_and_shift(size, dtype), apply)


def rms_norm(size: int, eps: float = 1e-6, dtype: Any = np.float32) -> Layer:
    """Divide by the root of the mean square over the last axis; one parameter, ``scale`` of shape ``(size,)``.

    Source: Zhang and Sennrich, *Root Mean Square Layer Normalization*, NeurIPS 2019, equation 4.

    >>> layer = rms_norm(2, eps=0.0)
    >>> layer.apply({"scale": np.ones(2)}, np.array([3.0, -3.0]))
    array([ 1., -1.])
    """

    def init(rng: Rng) -> dict[str, Any]:
        del rng
        return {"scale": np.ones(size, dtype)}

    def apply(params: dict[str, Any], x: Any) -> Any:
        return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * params["scale"]

    return Layer(init, apply)


def group_norm(groups: int, channels: int, eps: float = 1e-5, dtype: Any = np.float32) -> Layer:
    """Standardise over space and over the channels of each of ``groups`` groups: ``(n, *space, channels)``.

    One group is all channels together; as many groups as channels is instance normalisation.

    Source: Wu and He, *Group Normalization*, ECCV 2018, equation 7.

    >>> layer = group_norm(2, 4)
    >>> layer.apply(layer.init(np.random.default_rng(0)), np.ones((3, 5, 5, 4))).shape
    (3, 5, 5, 4)
    """
    if groups < 1 or channels % groups:
        raise ValueError(f"[group_norm] {channels} channels cannot be divided into {groups} groups")

    def apply(params: dict[str, Any], x: Any) -> Any:
        grouped = x.reshape(*x.shape[:-1], groups, channels // groups)
        axes = (*range(1, x.ndim - 1), x.ndim)
        return standardise(grouped, axes, eps).reshape(x.shape) * params["scale"] + params["shift"]

    return Layer(_scale_and_shift(channels, dtype), apply)


class BatchNorm(NamedTuple):
    """Batch normalisation has a memory beside its parameters: statistics over the batches so far.

    ``init(rng) -> params``; ``start() -> statistics``; ``apply(params, statistics, x, training) -> (y, statistics)``.
    """

    init: Callable[[Rng], Any]
    start: Callable[[], Any]
    apply: Callable[[Any, Any, Any, bool], tuple[Any, Any]]


def batch_norm(channels: int, keep: float = 0.9, eps: float = 1e-5, dtype: Any = np.float32) -> BatchNorm:
    """Standardise each channel over the batch: ``(n, ..., channels)``; parameters ``scale`` and ``shift``.

    In training the mean and variance are those of the batch, and the returned statistics ``mean`` and ``variance`` move
    from the old ones towards them by ``1 - keep`` (towards the unbiased variance, as in PyTorch). Afterwards the
    statistics are used.

    Source: Ioffe and Szegedy, *Batch Normalization*, ICML 2015, algorithms 1 and 2.

    >>> layer = batch_norm(2)
    >>> params, statistics = layer.init(np.random.default_rng(0)), layer.start()
    >>> y, statistics = layer.apply(params, statistics, np.array([[0.0, 1.0], [2.0, 5.0]]), True)
    >>> y.round(3), statistics["mean"]
    (array([[-1., -1.],
           [ 1.,  1.]]), array([0.1, 0.3]))
    """

    def start() -> dict[str, Any]:
        return {"mean": np.zeros(channels, dtype), "variance": np.ones(channels, dtype)}

    def apply(params: dict[str, Any], statistics: dict[str, Any], x: Any, training: bool) -> tuple[Any, Any]:
        if not training:
            y = (x - statistics["mean"]) / np.sqrt(statistics["variance"] + eps)
            return y * params["scale"] + params["shift"], statistics
        axes = tuple(range(x.ndim - 1))
        n = x.size // channels
        if n < 2:
            raise ValueError(f"[batch_norm] one number a channel has no variance: shape {x.shape} in training")
        mean = np.mean(x, axis=axes)
        centred = x - mean
        variance = np.mean(centred * centred, axis=axes)
        moved = {
            "mean": keep * statistics["mean"] + (1 - keep) * mean,
            "variance": keep * statistics["variance"] + (1 - keep) * variance * (n / (n - 1)),
        }
        return centred / np.sqrt(variance + eps) * params["scale"] + params["shift"], moved

    return BatchNorm(_scale_and_shift(channels, dtype), start, apply)


def _scale_and_shift(size: int, dtype: Any) -> Callable[[Rng], dict[str, Any]]:
    def init(rng: Rng) -> dict[str, Any]:
        del rng
        return {"scale": np.ones(size, dtype), "shift": np.zeros(size, dtype)}

    return init
