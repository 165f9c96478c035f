"""The tables: one row per operation, and how NumPy spells it."""

from geartrain.ops import complexes, contract, factor, index, linalg, pointwise, reduce, shape

__all__ = ["complexes", "contract", "factor", "index", "linalg", "pointwise", "reduce", "shape"]
