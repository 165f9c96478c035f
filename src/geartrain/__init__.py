"""geartrain: derivatives of plain NumPy programs."""

from geartrain import tree
from geartrain.api import grad, hvp, jvp, stop_gradient, value_and_grad, vjp
from geartrain.jacobians import hessian, jacfwd, jacobian, jacrev
from geartrain.jit import jit
from geartrain.mapping import vmap

__version__ = "0.1.0"
__all__ = [
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jit",
    "jvp",
    "stop_gradient",
    "tree",
    "value_and_grad",
    "vjp",
    "vmap",
]
