"""Matrix products of ndarrays through ``gemm``: the way in from Python, for steps in NumPy and for tests."""

import ctypes
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geartrain.backends.cpu import gemm, openblas, runtime
from geartrain.errors import ShapeError, teach

__all__ = ["matmul", "report"]

NAMES = {"f": "f32", "d": "f64", "F": "c64", "D": "c128"}
"""NumPy's characters of the dtypes that the library multiplies."""


@functools.cache
def _function(t: str) -> Any:
    kinds = {"i64": ctypes.c_int64, "ptr": ctypes.c_void_p}
    arguments = (*gemm.ARGUMENTS.values(), *gemm.BATCH.values())
    return ctypes.CFUNCTYPE(None, *(kinds[each] for each in arguments))(runtime.code()[f"gt_gemm_batch_{t}"])


def report() -> str:
    """Which library multiplies, with which kernels, and why."""
    if (found := openblas.library()) is not None:
        return str(found)
    return f"NumPy multiplies: {openblas.why_not()}"


def _operand(x: NDArray[Any]) -> tuple[NDArray[Any], bool, int]:
    """A stack of matrices (i, m, n) with rows or columns together in memory; whether columns; the distance of rows."""
    size = x.itemsize
    for turned in (False, True):
        row, column = x.strides[:0:-1] if turned else x.strides[1:]
        rows, columns = x.shape[:0:-1] if turned else x.shape[1:]
        dense = columns <= 1 or column == size
        apart = row % size == 0 and (rows <= 1 or row >= columns * size) and x.strides[0] % size == 0
        if dense and apart and x.flags.aligned and x.dtype.isnative:
            return x, turned, max(row // size if rows > 1 else columns, 1)
    dense_x = np.ascontiguousarray(x, dtype=x.dtype.newbyteorder("="))
    return dense_x, False, max(x.shape[2], 1)


def matmul(
    a: NDArray[Any],
    b: NDArray[Any],
    out: NDArray[Any] | None = None,
    *,
    alpha: complex = 1.0,
    beta: complex = 0.0,
    conjugate: tuple[bool, bool] = (False, False),
) -> NDArray[Any]:
    """``alpha * a @ b + beta * out`` for matrices or stacks of equal length; a matrix can stand for a stack.

    Args:
        a: (m, k) or (i, m, k), of float32, float64, complex64 or complex128. Transposed views are used as they are,
            other layouts are copied.
        b: (k, n) or (i, k, n), of the same dtype.
        out: (m, n) or (i, m, n), C-contiguous; made anew if absent, and then ``beta`` has to be 0.
        alpha: a factor.
        beta: what to keep of ``out``; with 0, what was there does not matter.
        conjugate: whether to take the conjugate of a, of b.

    Raises:
        ShapeError: shapes or dtypes that do not fit.

    >>> matmul(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0], [10.0]]))
    array([[21.],
           [43.]])
    """
    dtype, stacked = a.dtype.newbyteorder("="), max(a.ndim, b.ndim) == 3
    fits = a.ndim in (2, 3) and b.ndim in (2, 3) and a.shape[-1] == b.shape[-2] and dtype == b.dtype.newbyteorder("=")
    if not fits or dtype.char not in NAMES or (a.ndim == b.ndim == 3 and len(a) != len(b)):
        what = f"operands of shapes {a.shape} and {b.shape} and dtypes {a.dtype} and {b.dtype} cannot be multiplied."
        raise ShapeError(teach("matmul", what, "Give matrices, or stacks of them, of one inexact dtype."))
    count = len(a) if a.ndim == 3 else len(b) if b.ndim == 3 else 1
    shape = (count, a.shape[-2], b.shape[-1])
    wanted = shape if stacked else shape[1:]
    if out is None and beta != 0:
        raise ShapeError(teach("matmul", f"beta is {beta} and there is no out to keep."))
    if out is None:
        out = np.empty(wanted, dtype)
    if out.shape != wanted or out.dtype != dtype or not out.flags.carray:
        raise ShapeError(teach("matmul", f"out is {out.dtype}{out.shape}; it has to be {dtype}{wanted}, contiguous."))
    if not runtime.has_blas():
        left, right = (x.conj() if turn else x for x, turn in zip((a, b), conjugate, strict=True))
        np.copyto(out, alpha * np.matmul(left, right) + (beta * out if beta != 0 else 0), casting="same_kind")
        return out
    left, turned_a, lda = _operand(a if a.ndim == 3 else a[None])
    right, turned_b, ldb = _operand(b if b.ndim == 3 else b[None])
    factors = np.array([alpha, beta]).astype(dtype)
    flags = turned_a * gemm.TRANSPOSE_A + turned_b * gemm.TRANSPOSE_B
    flags += conjugate[0] * gemm.CONJUGATE_A + conjugate[1] * gemm.CONJUGATE_B
    strides = (each.strides[0] // dtype.itemsize if len(each) > 1 else 0 for each in (left, right))
    _function(NAMES[dtype.char])(
        *(flags, shape[1], shape[2], a.shape[-1], factors.ctypes.data, left.ctypes.data, lda, right.ctypes.data, ldb),
        *(factors.ctypes.data + dtype.itemsize, out.ctypes.data, max(shape[2], 1)),
        *(count, *strides, shape[1] * shape[2]),
    )
    return out
