"""``autograd.scipy`` is SciPy itself, whose functions have their derivatives by their own names."""

from geartrain.compat.autograd.scipy import integrate, linalg, signal, special, stats

__all__ = ["integrate", "linalg", "signal", "special", "stats"]
