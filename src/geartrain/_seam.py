"""TEMPORARY: two functions that the view will provide; delete this file when geartrain.view.nan and .expression exist.

train/loop.py   from geartrain.view.nan import first_nonfinite
cli.py          from geartrain.view.expression import explain_expression
"""

from collections.abc import Callable
from typing import Any

from geartrain.errors import GeartrainError


def first_nonfinite(f: Callable[..., Any], *args: Any) -> str | None:
    """Which op of ``f(*args)`` first made a non-finite value from finite ones; None where that is not known."""
    del f, args
    return None


def explain_expression(text: str, at: dict[str, float]) -> str:
    """The worked derivative of the expression ``text`` at the point ``at``."""
    raise GeartrainError(f"explaining an expression is not there yet (got {text!r} at {at})")
