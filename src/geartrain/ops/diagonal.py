"""Diagonals and triangles of matrices."""

from collections.abc import Sequence
from typing import Any

from numpy.lib.array_utils import normalize_axis_tuple

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.index import VIEWS
from geartrain.ops.table import composite, linear, spells

__all__ = ["DIAGONAL", "INNER_DIAGONAL"]


def _diagonal_T(y_bar: Array, x: Array, offset: int, axis1: int, axis2: int) -> Array:
    x_bar = np.zeros(x.shape, y_bar.dtype)
    np.moveaxis(x_bar, (axis1, axis2), (-2, -1))[..., *_diagonal_places(x.shape, offset, axis1, axis2)] = y_bar
    return x_bar


def _diagonal_places(shape: tuple[int, ...], offset: int, axis1: int, axis2: int) -> tuple[Array, Array]:
    n = max(0, min(shape[axis1] + min(offset, 0), shape[axis2] - max(offset, 0)))
    return np.arange(n) + max(0, -offset), np.arange(n) + max(0, offset)


def _batch_diagonal(size: int, batched: Sequence[bool], x: Array, offset: int, axis1: int, axis2: int) -> Array:
    return DIAGONAL(x, params=(offset, axis1 + 1, axis2 + 1))


DIAGONAL = linear("diagonal", np.diagonal, "offset", "axis1", "axis2", transposes=(_diagonal_T,), batch=_batch_diagonal)


def _inner_diagonal(x: Array) -> Array:
    return np.einsum("...ii->...i", x)


def _inner_diagonal_T(y_bar: Array, x: Array) -> Array:
    return _diagonal_T(y_bar, x, 0, x.ndim - 2, x.ndim - 1)


def _batch_inner_diagonal(size: int, batched: Sequence[bool], x: Array) -> Array:
    return INNER_DIAGONAL(x)


INNER_DIAGONAL = linear("inner_diagonal", _inner_diagonal, transposes=(_inner_diagonal_T,), batch=_batch_inner_diagonal)
"""The diagonal of the last two axes as ``np.einsum`` gives it: a view that may be written through."""


@spells(np.diagonal)
def diagonal(a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    axis1, axis2 = normalize_axis_tuple((axis1, axis2), a.ndim)
    return DIAGONAL(a, params=(int(offset), axis1, axis2))


@composite(np.trace)
def trace(a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Array:
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


@composite(np.diag)
def diag(v: Array, k: int = 0) -> Array:
    if np.ndim(v) == 2:
        return np.diagonal(v, k)
    n = v.shape[0]
    square = np.zeros((n + abs(k), n + abs(k)), v.dtype)
    square[np.arange(n) + max(0, -k), np.arange(n) + max(0, k)] = v
    return square


@composite(np.diagflat)
def diagflat(v: Array, k: int = 0) -> Array:
    return np.diag(np.ravel(np.asarray(v)), k)


@composite(np.tril)
def tril(m: Array, k: int = 0) -> Array:
    return np.where(np.tri(*m.shape[-2:], k=k, dtype=bool), m, np.zeros((), m.dtype))


@composite(np.triu)
def triu(m: Array, k: int = 0) -> Array:
    return np.where(np.tri(*m.shape[-2:], k=k - 1, dtype=bool), np.zeros((), m.dtype), m)


VIEWS.update({DIAGONAL, INNER_DIAGONAL})
