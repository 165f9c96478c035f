"""geartrain: derivatives of plain NumPy programs."""

from geartrain import tree
from geartrain.api import grad, hessian, hvp, jacobian, jvp, stop_gradient, value_and_grad, vjp

__version__ = "0.1.0"
__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "stop_gradient", "tree", "value_and_grad", "vjp"]
