"""Norms, condition number and rank. The Euclidean norm has rate 0 at 0."""

from collections.abc import Sequence
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.complexes import conj, is_complex
from geartrain.ops.factor import inexact
from geartrain.ops.linalg import inv
from geartrain.ops.reduce import axes_of, keep
from geartrain.ops.shape import cast
from geartrain.ops.spectral import svdvals
from geartrain.ops.table import constant, custom, spells

__all__ = ["NORM2", "RANK", "norm"]


def _norm2(x: Array, axes: tuple[int, ...]) -> Array:
    squares = x.real**2 + x.imag**2 if is_complex(x) else x * x
    return np.sqrt(np.add.reduce(squares, axis=axes))


def _direction(y: Array, x: Array, axes: tuple[int, ...]) -> Array:
    y = keep(y, np.shape(x), axes)
    zero = y == 0
    return np.where(zero, np.zeros((), y.dtype), conj(x) / np.where(zero, np.ones((), y.dtype), y))


def _push_norm2(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array], axes: tuple[int, ...]) -> Array:
    rate = np.sum(_direction(y, xs[0], axes) * xs_dot[0], axis=axes)
    return np.real(rate) if is_complex(rate) else rate


def _pull_norm2(y_bar: Array, y: Array, xs: Sequence[Array], axes: tuple[int, ...]) -> tuple[Array]:
    return (keep(y_bar, np.shape(xs[0]), axes) * _direction(y, xs[0], axes),)


def _batch_norm2(size: int, batched: Sequence[bool], x: Array, axes: tuple[int, ...]) -> Array:
    return NORM2(x, params=(tuple(i + 1 for i in axes),))


NORM2 = custom(
    "norm2",
    _norm2,
    "axes",
    push=_push_norm2,
    pull=_pull_norm2,
    batch=_batch_norm2,
)


@spells(np.linalg.norm)
def norm(x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    x = inexact(x)
    axes = axes_of(x, axis)
    if ord is None or (ord == 2 and len(axes) == 1) or (ord in ("fro", "f") and len(axes) == 2):
        y = NORM2(x, params=(axes,))
    elif len(axes) == 1:
        y = _vector_norm(x, ord, axes[0])
    elif len(axes) == 2:
        y = _matrix_norm(np.moveaxis(x, axes, (-2, -1)), ord)
    else:
        raise ValueError("Improper number of dimensions to norm.")
    return keep(y, x.shape, axes) if keepdims else y


def _vector_norm(x: Array, ord: Any, axis: int) -> Array:
    if ord == 0:
        return cast(np.sum(x != 0, axis=axis), x.real.dtype)
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    size = np.abs(x)
    if ord == np.inf:
        return np.max(size, axis=axis)
    if ord == -np.inf:
        return np.min(size, axis=axis)
    return np.sum(size, axis=axis) if ord == 1 else np.sum(size**ord, axis=axis) ** (1 / ord)


def _matrix_norm(x: Array, ord: Any) -> Array:
    if ord == "nuc":
        return np.sum(svdvals(x), axis=-1)
    if ord in (2, -2):
        return (np.max if ord == 2 else np.min)(svdvals(x), axis=-1)
    if ord not in (1, -1, np.inf, -np.inf):
        raise ValueError("Invalid norm order for matrices.")
    sums = np.sum(np.abs(x), axis=-2 if abs(ord) == 1 else -1)
    return (np.max if ord > 0 else np.min)(sums, axis=-1)


@spells(np.linalg.vector_norm)
def vector_norm(x: Array, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Array:
    x = inexact(x)
    axes = axes_of(x, axis)
    rest = tuple(i for i in range(x.ndim) if i not in axes)
    flat = np.reshape(np.transpose(x, (*rest, *axes)), (*(x.shape[i] for i in rest), -1 if x.size else 0))
    y = norm(flat, ord=ord, axis=-1)
    return keep(y, x.shape, axes) if keepdims else y


@spells(np.linalg.matrix_norm)
def matrix_norm(x: Array, /, *, keepdims: bool = False, ord: Any = "fro") -> Array:
    return norm(x, ord=ord, axis=(-2, -1), keepdims=keepdims)


@spells(np.linalg.cond)
def cond(x: Array, p: Any = None) -> Array:
    x = inexact(x)
    if p in (None, 2, -2):
        s = svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return norm(x, ord=p, axis=(-2, -1)) * norm(inv(x), ord=p, axis=(-2, -1))


def _rank(a: Array, tol: Any, hermitian: bool, rtol: Any) -> Array:
    return np.linalg.matrix_rank(a, tol, hermitian, rtol=rtol)


RANK = constant("matrix_rank", _rank, "tol", "hermitian", "rtol")


@spells(np.linalg.matrix_rank)
def matrix_rank(A: Array, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Array:
    return RANK(A, params=(tol, hermitian, rtol))
