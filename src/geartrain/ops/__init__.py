"""The tables: one row per operation, and how NumPy spells it."""

from geartrain.ops import (
    complexes,
    contract,
    factor,
    index,
    linalg,
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
    "factor",
    "index",
    "linalg",
    "numeric",
    "pointwise",
    "reduce",
    "shape",
    "sort",
    "statistics",
]
