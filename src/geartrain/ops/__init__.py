"""The tables: one row per op. Importing this package fills the registry in ``table``."""

from geartrain.ops import contract, index, pointwise, reduce, shape

__all__ = ["contract", "index", "pointwise", "reduce", "shape"]
