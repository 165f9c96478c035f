"""``const_graph``: a program that is recorded once and then runs without Python's own steps: ``geartrain.jit``."""

import functools
from collections.abc import Callable
from typing import Any

from geartrain.jit import jit

__all__ = ["const_graph"]

F = Callable[..., Any]


def const_graph(fun: F, *args: Any, **kwargs: Any) -> F:
    """``fun`` with its first arguments given, recorded on its first call.

    autograd's version repeats the first run whatever the arguments are; here another branch, shape or dtype is seen and
    recorded, too.
    """
    return jit(functools.partial(fun, *args, **kwargs))
