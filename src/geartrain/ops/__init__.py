"""The tables: one row per operation, and how NumPy spells it."""

from geartrain.ops import (
    complexes,
    contract,
    determinant,
    factor,
    index,
    linalg,
    norm,
    numeric,
    pointwise,
    reduce,
    shape,
    sort,
    statistics,
)

__all__ = [
    "complexes",
    "contract",
    "determinant",
    "factor",
    "index",
    "linalg",
    "norm",
    "numeric",
    "pointwise",
    "reduce",
    "shape",
    "sort",
    "statistics",
]
