"""Layers as pairs of plain functions on trees of parameters: ``init(rng)`` and ``apply(params, x)``.

What is before a layer's parentheses is decided once (sizes, strides, heads); what ``apply`` takes is arrays. Nothing in
here knows of derivatives: it is NumPy, and ``geartrain.grad`` differentiates it as it stands. Channels come last.

>>> import numpy as np
>>> import geartrain as gt
>>> from geartrain import nn
>>> init, apply, _ = nn.sequential(nn.dense(2, 8), np.tanh, nn.dense(8, 1))
>>> params = init(np.random.default_rng(0))
>>> params_bar = gt.grad(lambda params, x: np.mean(apply(params, x)))(params, np.ones((4, 2), np.float32))
>>> params_bar[0]["weights"].shape
(2, 8)
"""

from geartrain.nn._activations import (
    celu,
    elu,
    gelu,
    glu,
    hard_sigmoid,
    hard_swish,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
)
from geartrain.nn._attention import attend, attention, causal_mask, padding_mask, rotate
from geartrain.nn._conv import conv1d, conv2d, convolve
from geartrain.nn._dense import dense, embedding
from geartrain.nn._dropout import drop, dropout
from geartrain.nn._initialisers import (
    Initialiser,
    glorot,
    glorot_normal,
    he,
    he_uniform,
    lecun,
    normal,
    ones,
    orthogonal,
    truncated_normal,
    zeros,
)
from geartrain.nn._layer import Layer, residual, sequential
from geartrain.nn._losses import (
    binary_cross_entropy,
    contrastive,
    cross_entropy,
    huber,
    kl_divergence,
    mean_absolute_error,
    mean_squared_error,
)
from geartrain.nn._norm import BatchNorm, batch_norm, group_norm, layer_norm, rms_norm, standardise
from geartrain.nn._pool import global_mean_pool, max_pool, mean_pool
from geartrain.nn._recurrent import gru, lstm, rnn

__all__ = [
    "BatchNorm",
    "Initialiser",
    "Layer",
    "attend",
    "attention",
    "batch_norm",
    "binary_cross_entropy",
    "causal_mask",
    "celu",
    "contrastive",
    "conv1d",
    "conv2d",
    "convolve",
    "cross_entropy",
    "dense",
    "drop",
    "dropout",
    "elu",
    "embedding",
    "gelu",
    "global_mean_pool",
    "glorot",
    "glorot_normal",
    "glu",
    "group_norm",
    "gru",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "he",
    "he_uniform",
    "huber",
    "kl_divergence",
    "layer_norm",
    "leaky_relu",
    "lecun",
    "log_sigmoid",
    "log_softmax",
    "lstm",
    "max_pool",
    "mean_absolute_error",
    "mean_pool",
    "mean_squared_error",
    "mish",
    "normal",
    "ones",
    "orthogonal",
    "padding_mask",
    "relu",
    "relu6",
    "residual",
    "rms_norm",
    "rnn",
    "rotate",
    "selu",
    "sequential",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "standardise",
    "truncated_normal",
    "zeros",
]
