"""The tables: one row per operation, and how NumPy spells it."""

from geartrain.ops import contract, index, pointwise, reduce, shape

__all__ = ["contract", "index", "pointwise", "reduce", "shape"]
