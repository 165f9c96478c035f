"""geartrain: derivatives of plain NumPy programs."""

import importlib
from typing import TYPE_CHECKING, Any

from geartrain import tree
from geartrain.api import grad, hvp, jvp, stop_gradient, value_and_grad, vjp
from geartrain.backends.threads import get_threads, set_threads
from geartrain.jacobians import hessian, jacfwd, jacobian, jacrev
from geartrain.jit import jit
from geartrain.mapping import vmap
from geartrain.ops.later import when
from geartrain.rules import checkpoint, custom_rule

if TYPE_CHECKING:
    from geartrain import cache, mpi
    from geartrain.check import check_derivatives
    from geartrain.exporting import export_c
    from geartrain.minimizing import least_squares, minimize
    from geartrain.taylor import jet
    from geartrain.view.births import where_did_nan
    from geartrain.view.cost import cost
    from geartrain.view.explain import explain
    from geartrain.view.quiz import quiz
    from geartrain.view.see import see

__version__ = "0.1.0"
__all__ = [
    "cache",
    "check_derivatives",
    "checkpoint",
    "cost",
    "custom_rule",
    "explain",
    "export_c",
    "get_threads",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jet",
    "jit",
    "jvp",
    "least_squares",
    "minimize",
    "mpi",
    "quiz",
    "see",
    "set_threads",
    "stop_gradient",
    "tree",
    "value_and_grad",
    "vjp",
    "vmap",
    "where_did_nan",
]


@when("scipy")
def _solvers(_: Any) -> None:
    """Rules for SciPy's solvers are loaded when SciPy has come."""
    importlib.import_module("geartrain.solving")


_LATER = {
    **{name: f"geartrain.view.{name}" for name in ("cost", "explain", "quiz", "see")},
    "where_did_nan": "geartrain.view.births",
    "check_derivatives": "geartrain.check",
    "jet": "geartrain.taylor",
    **dict.fromkeys(("least_squares", "minimize"), "geartrain.minimizing"),
    "export_c": "geartrain.exporting",
}
_MODULES = ("cache", "mpi")
"""What is loaded when it is first asked for, so that a program that only differentiates does not wait for it."""


def __getattr__(name: str) -> Any:
    if name in _LATER:
        globals()[name] = found = getattr(importlib.import_module(_LATER[name]), name)
        return found
    if name in _MODULES:
        return importlib.import_module(f"geartrain.{name}")
    raise AttributeError(f"module 'geartrain' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_MODULES})
