"""SciPy's solvers by their own names: roots and minima as implicit functions, differential equations step by step."""

from geartrain.solving import flows, integrals, minima, roots

__all__ = ["flows", "integrals", "minima", "roots"]
