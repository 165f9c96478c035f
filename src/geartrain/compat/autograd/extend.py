"""autograd's names for making operations of one's own."""

from geartrain.compat.autograd.core import VSpace, vspace
from geartrain.compat.autograd.rules import (
    def_linear,
    defjvp,
    defjvp_argnum,
    defjvp_argnums,
    defvjp,
    defvjp_argnum,
    defvjp_argnums,
)
from geartrain.compat.autograd.tracer import Box, notrace_primitive, primitive, register_notrace
from geartrain.compat.autograd.util import subvals

__all__ = [
    "Box",
    "VSpace",
    "def_linear",
    "defjvp",
    "defjvp_argnum",
    "defjvp_argnums",
    "defvjp",
    "defvjp_argnum",
    "defvjp_argnums",
    "notrace_primitive",
    "primitive",
    "register_notrace",
    "subvals",
    "vspace",
]
