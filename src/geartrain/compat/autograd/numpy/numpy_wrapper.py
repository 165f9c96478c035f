"""autograd's wrapped NumPy. Nothing is wrapped here, so a namespace is just copied."""

from collections.abc import Mapping
from typing import Any

import numpy as np

OWN: Any = np

__all__ = ["wrap_namespace"]


def wrap_namespace(old: Mapping[str, Any], new: dict[str, Any]) -> None:
    """Put the functions and numbers of one namespace into another, as autograd does with NumPy's modules."""
    new.update({name: x for name, x in old.items() if not name.startswith("__")})


def __getattr__(name: str) -> Any:
    return getattr(OWN, name)
