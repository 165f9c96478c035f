"""First values of weights: ``initialiser(rng, shape, dtype)``.

The last axis of ``shape`` is the outputs, all before it are the inputs: ``fan_in`` is the number of numbers that are
added up for one output, ``fan_out`` that of outputs that one input reaches.
"""

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geartrain.nn._layer import Rng

Array = NDArray[Any]


class Initialiser(Protocol):
    """A function that draws an array of a given shape and dtype."""

    def __call__(self, rng: Rng, shape: tuple[int, ...], dtype: Any = np.float32) -> Array: ...


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) < 2:
        raise ValueError(f"[initialiser] weights need at least two axes, inputs and outputs, got shape {shape}")
    around = math.prod(shape[:-2])
    return around * shape[-2], around * shape[-1]


def zeros(rng: Rng, shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """All 0.

    >>> zeros(np.random.default_rng(0), (2,))
    array([0., 0.], dtype=float32)
    """
    del rng
    return np.zeros(shape, dtype)


def ones(rng: Rng, shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """All 1.

    >>> ones(np.random.default_rng(0), (2,))
    array([1., 1.], dtype=float32)
    """
    del rng
    return np.ones(shape, dtype)


def normal(deviation: float = 0.02) -> Initialiser:
    """Normally distributed with mean 0.

    >>> normal(0.02)(np.random.default_rng(0), (2, 3)).shape
    (2, 3)
    """

    def draw(rng: Rng, shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
        return (deviation * rng.standard_normal(shape)).astype(dtype)

    return draw


def truncated_normal(deviation: float = 0.02) -> Initialiser:
    """Normally distributed with mean 0, drawn again where it is more than two deviations out.

    >>> bool(np.abs(truncated_normal(1.0)(np.random.default_rng(0), (99, 99))).max() <= 2)
    True
    """

    def draw(rng: Rng, shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
        x = rng.standard_normal(shape)
        while (far := np.abs(x) > 2).any():
            x[far] = rng.standard_normal(np.count_nonzero(far))
        return (deviation * x).astype(dtype)

    return draw


def he(rng: Rng, shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """Normal with variance ``2 / fan_in``: keeps the size of signals through layers with ReLU.

    Source: He, Zhang, Ren, Sun, *Delving Deep into Rectifiers*, ICCV 2015, equation 10.

    >>> he(np.random.default_rng(0), (3, 3, 8, 16)).shape
    (3, 3, 8, 16)
    """
    return normal(math.sqrt(2 / _fans(shape)[0]))(rng, shape, dtype)


def he_uniform(rng: Rng, shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """As ``he``, uniform between ``-sqrt(6 / fan_in)`` and ``sqrt(6 / fan_in)``.

    >>> bool(np.abs(he_uniform(np.random.default_rng(0), (6, 9))).max() <= 1)
    True
    """
    return _uniform(rng, shape, math.sqrt(6 / _fans(shape)[0]), dtype)


def glorot(rng: Rng, shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """Uniform with variance ``2 / (fan_in + fan_out)``: keeps the size of signals both ways through tanh or no bend.

    Source: Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural networks*, AISTATS
        2010, equation 16.

    >>> bool(np.abs(glorot(np.random.default_rng(0), (3, 3))).max() <= 1)
    True
    """
    fan_in, fan_out = _fans(shape)
    return _uniform(rng, shape, math.sqrt(6 / (fan_in + fan_out)), dtype)


def glorot_normal(rng: Rng, shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """As ``glorot``, normally distributed.

    >>> glorot_normal(np.random.default_rng(0), (2, 3)).dtype
    dtype('float32')
    """
    return normal(math.sqrt(2 / sum(_fans(shape))))(rng, shape, dtype)


def lecun(rng: Rng, shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """Normal with variance ``1 / fan_in``: keeps the size of signals forwards; what SELU assumes.

    Source: LeCun, Bottou, Orr, Müller, *Efficient BackProp*, 1998, section 4.6.

    >>> lecun(np.random.default_rng(0), (2, 3)).shape
    (2, 3)
    """
    return normal(math.sqrt(1 / _fans(shape)[0]))(rng, shape, dtype)


def orthogonal(rng: Rng, shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """A random rotation: orthonormal rows or columns, whichever are fewer.

    Source: Saxe, McClelland, Ganguli, *Exact solutions to the nonlinear dynamics of learning*, ICLR 2014; the signs as
        in Mezzadri, *How to generate random matrices from the classical compact groups*, 2007, section 5.

    >>> q = orthogonal(np.random.default_rng(0), (4, 3))
    >>> bool(np.allclose(q.T @ q, np.eye(3), atol=1e-6))
    True
    """
    rows, columns = math.prod(shape[:-1]), shape[-1]
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diagonal(r))
    return (q if rows >= columns else q.T).reshape(shape).astype(dtype)


def _uniform(rng: Rng, shape: tuple[int, ...], limit: float, dtype: Any) -> Array:
    return rng.uniform(-limit, limit, shape).astype(dtype)
