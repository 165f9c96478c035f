"""Losses: one number, a mean over all samples, that is small when the answers are good."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geartrain.nn._activations import log_softmax


def _mean(x: NDArray[Any]) -> Any:
    return x.mean()


def cross_entropy(scores: Any, labels: Any, smoothing: float = 0.0) -> Any:
    """Mean negative log share that the softmax of the scores gives to the right class.

    Args:
        scores: of shape ``(..., classes)``, any numbers (logits).
        labels: integers of shape ``(...)`` in ``0 .. classes - 1``.
        smoothing: this much of the weight is spread over all classes evenly (Szegedy et al., CVPR 2016, section 7).

    >>> cross_entropy(np.array([[0.0, 0.0]]), np.array([1])).round(4)
    np.float64(0.6931)
    """
    log_shares = log_softmax(scores)
    rows = log_shares.reshape(-1, log_shares.shape[-1])
    right = -_mean(rows[np.arange(len(rows)), np.ravel(labels)])
    return (1 - smoothing) * right - smoothing * _mean(log_shares) if smoothing else right


def binary_cross_entropy(scores: Any, labels: Any) -> Any:
    """Mean negative log probability of labels of 0 and 1 (or shares between), for scores before the sigmoid.

    >>> binary_cross_entropy(np.array([0.0]), np.array([1.0])).round(4)
    np.float64(0.6931)
    """
    return _mean(np.maximum(scores, 0) - scores * labels + np.log1p(np.exp(-np.abs(scores))))


def mean_squared_error(y: Any, target: Any) -> Any:
    """Mean of ``(y - target) ** 2``.

    >>> mean_squared_error(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    np.float64(2.0)
    """
    return _mean(np.square(y - target))


def mean_absolute_error(y: Any, target: Any) -> Any:
    """Mean of ``|y - target|``.

    >>> mean_absolute_error(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    np.float64(1.0)
    """
    return _mean(np.abs(y - target))


def huber(y: Any, target: Any, knee: float = 1.0) -> Any:
    """Mean of half the square of the error within ``knee``, and a straight line beyond it.

    Source: Huber, *Robust estimation of a location parameter*, Annals of Mathematical Statistics 35, 1964.

    >>> huber(np.array([0.5, 3.0]), np.array([0.0, 0.0]))
    np.float64(1.3125)
    """
    error = np.abs(y - target)
    within = np.minimum(error, knee)
    return _mean(within * (error - 0.5 * within))


def kl_divergence(log_p: Any, log_q: Any) -> Any:
    """Mean over samples of ``sum(p * (log p - log q))`` over the last axis, from log probabilities.

    >>> kl_divergence(np.log([0.5, 0.5]), np.log([0.25, 0.75])).round(4)
    np.float64(0.1438)
    """
    return _mean(np.sum(np.exp(log_p) * (log_p - log_q), axis=-1))


def contrastive(a: Any, b: Any, temperature: float = 0.1) -> Any:
    """Each row of ``a`` should be closer to its own row of ``b`` than to any other, and the other way round.

    Rows are compared by the cosine of their angle, over ``temperature``; the loss is the mean of the cross-entropies
    along both axes. ``a`` and ``b`` have shape ``(n, size)``.

    Source: van den Oord, Li, Vinyals, 2018 (arXiv:1807.03748), equation 4; both ways as in Radford et al., ICML 2021.

    >>> bool(contrastive(np.eye(3), np.eye(3)) < contrastive(np.eye(3), np.eye(3)[::-1]))
    True
    """
    if a.ndim != 2 or np.shape(a) != np.shape(b):
        raise ValueError(f"[contrastive] two arrays of one shape (n, size) are needed, got {a.shape} and {b.shape}")

    def unit(x: Any) -> Any:
        return x / np.sqrt(np.sum(x * x, axis=-1, keepdims=True) + 1e-12)

    scores = unit(a) @ np.swapaxes(unit(b), -1, -2) / temperature
    labels = np.arange(len(scores))
    return 0.5 * (cross_entropy(scores, labels) + cross_entropy(np.swapaxes(scores, -1, -2), labels))
