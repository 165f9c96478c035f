"""SciPy's solvers by their own names: roots and minima as implicit functions, differential equations step by step."""

from geartrain.solving import minima, roots

__all__ = ["minima", "roots"]
