"""``autograd.misc``: flattening, optimisers, fixed points, and programs that are recorded once."""

from geartrain.compat.autograd.misc.flatten import flatten
from geartrain.compat.autograd.misc.tracers import const_graph

__all__ = ["const_graph", "flatten"]
