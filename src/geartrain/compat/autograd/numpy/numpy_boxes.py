"""``ArrayBox``, as programs ask for it: ``isinstance(x, ArrayBox)`` is whether an array or a number is traced."""

from geartrain.compat.autograd.tracer import Box

__all__ = ["ArrayBox"]

ArrayBox = Box
