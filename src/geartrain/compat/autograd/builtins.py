"""autograd's ``tuple``, ``list``, ``dict``, ``isinstance`` and ``type``: Python's own, since nothing is boxed."""

import builtins
from typing import Any

__all__ = ["dict", "isinstance", "list", "tuple", "type"]

dict = builtins.dict
isinstance = builtins.isinstance
list = builtins.list
tuple = builtins.tuple


def type(x: Any) -> Any:
    """The type of what a traced value stands for.

    >>> type(3.0)
    <class 'float'>
    """
    return x.__class__
