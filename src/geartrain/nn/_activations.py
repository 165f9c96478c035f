"""Bends: functions of each number alone, and a few that look along the last axis."""

import math
from typing import Any

import numpy as np

_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.6732632423543772848170429916717


def relu(x: Any) -> Any:
    """``max(x, 0)``; the rate at 0 is 1/2, as ties share.

    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return np.maximum(x, 0)


def relu6(x: Any) -> Any:
    """``min(max(x, 0), 6)``.

    >>> relu6(np.array([-1.0, 2.0, 9.0]))
    array([0., 2., 6.])
    """
    return np.minimum(np.maximum(x, 0), 6)


def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """``x`` above 0, ``slope * x`` below.

    >>> leaky_relu(np.array([-1.0, 2.0]))
    array([-0.01,  2.  ])
    """
    return np.maximum(x, 0) + slope * np.minimum(x, 0)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """``x`` above 0, ``alpha * (exp(x) - 1)`` below: Clevert, Unterthiner, Hochreiter, ICLR 2016, equation 15.

    >>> elu(np.array([-1.0, 2.0])).round(4)
    array([-0.6321,  2.    ])
    """
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0))


def celu(x: Any, alpha: float = 1.0) -> Any:
    """``x`` above 0, ``alpha * (exp(x / alpha) - 1)`` below: smooth at 0 for every alpha (Barron, 2017).

    >>> celu(np.array([-1.0, 2.0]), alpha=2.0).round(4)
    array([-0.7869,  2.    ])
    """
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0) / alpha)


def selu(x: Any) -> Any:
    """ELU with the scale that draws signals to mean 0 and variance 1: Klambauer et al., NeurIPS 2017, equation 2.

    >>> selu(np.array([0.0, 1.0])).round(4)
    array([0.    , 1.0507])
    """
    return _SELU_SCALE * elu(x, _SELU_ALPHA)


def gelu(x: Any) -> Any:
    """``x`` times the share of the normal distribution below it, in the approximation by tanh.

    Source: Hendrycks and Gimpel, *Gaussian Error Linear Units*, 2016 (arXiv:1606.08415), section 2. It is within
        5e-4 of the exact one, which needs the error function, and NumPy has none.

    >>> gelu(np.array([0.0, 1.0])).round(4)
    array([0.    , 0.8412])
    """
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


def sigmoid(x: Any) -> Any:
    """``1 / (1 + exp(-x))``, by way of tanh, which cannot overflow.

    >>> sigmoid(np.array([0.0, 1.0])).round(4)
    array([0.5   , 0.7311])
    """
    return 0.5 * np.tanh(0.5 * x) + 0.5


def log_sigmoid(x: Any) -> Any:
    """The logarithm of the sigmoid, exact in the tails.

    >>> log_sigmoid(np.array([-100.0, 0.0])).round(4)
    array([-100.    ,   -0.6931])
    """
    return -softplus(-x)


def softplus(x: Any) -> Any:
    """``log(1 + exp(x))``: a smooth ReLU.

    >>> softplus(np.array([0.0, 100.0])).round(4)
    array([  0.6931, 100.    ])
    """
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def silu(x: Any) -> Any:
    """``x * sigmoid(x)``, also called swish: Elfwing, Uchibe, Doya, 2018.

    >>> silu(np.array([0.0, 1.0])).round(4)
    array([0.    , 0.7311])
    """
    return x * sigmoid(x)


def mish(x: Any) -> Any:
    """``x * tanh(softplus(x))``: Misra, BMVC 2020.

    >>> mish(np.array([0.0, 1.0])).round(4)
    array([0.    , 0.8651])
    """
    return x * np.tanh(softplus(x))


def softsign(x: Any) -> Any:
    """``x / (1 + |x|)``.

    >>> softsign(np.array([-1.0, 3.0]))
    array([-0.5 ,  0.75])
    """
    return x / (1 + np.abs(x))


def hard_tanh(x: Any) -> Any:
    """``x`` cut off at -1 and 1.

    >>> hard_tanh(np.array([-3.0, 0.5]))
    array([-1. ,  0.5])
    """
    return np.clip(x, -1, 1)


def hard_sigmoid(x: Any) -> Any:
    """A sigmoid of three straight pieces: ``relu6(x + 3) / 6``.

    >>> hard_sigmoid(np.array([-4.0, 0.0, 4.0]))
    array([0. , 0.5, 1. ])
    """
    return relu6(x + 3) / 6


def hard_swish(x: Any) -> Any:
    """``x * hard_sigmoid(x)``: Howard et al., *Searching for MobileNetV3*, ICCV 2019, section 5.2.

    >>> hard_swish(np.array([-4.0, 0.0, 4.0]))
    array([-0.,  0.,  4.])
    """
    return x * hard_sigmoid(x)


def glu(x: Any) -> Any:
    """The first half of the last axis times the sigmoid of the second: Dauphin et al., ICML 2017, equation 1.

    >>> glu(np.array([2.0, 4.0, 0.0, 0.0]))
    array([1., 2.])
    """
    if x.shape[-1] % 2:
        raise ValueError(f"[glu] the last axis must have an even length, got shape {x.shape}")
    half = x.shape[-1] // 2
    return x[..., :half] * sigmoid(x[..., half:])


def softmax(x: Any, axis: int = -1) -> Any:
    """Shares that sum to 1 along ``axis``: ``exp(x) / sum(exp(x))``, safe from overflow.

    >>> softmax(np.array([0.0, np.log(3.0)]))
    array([0.25, 0.75])
    """
    shares = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return shares / np.sum(shares, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """The logarithm of ``softmax``, exact for shares near 0.

    >>> log_softmax(np.array([0.0, 1000.0]))
    array([-1000.,     0.])
    """
    x = x - np.max(x, axis=axis, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True))
