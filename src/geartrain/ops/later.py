"""Rules for packages that nobody here imports: entered when the program has imported the package itself.

A table of rules says which module it waits for (``when``). Each time that a trace opens, ``arrive`` enters the rules of
the modules that have come since. Rules name the package's functions by a stand-in (``Later``), which looks the module
up when it is used.
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from geartrain.errors import RuleError, teach
from geartrain.ir.op import Pointwise, Rule
from geartrain.ops.calls import CALLS_BACK
from geartrain.ops.table import ROWS, SPELLINGS, row

__all__ = [
    "METHODS",
    "RAW",
    "SOLVERS",
    "WAITING",
    "Later",
    "arrive",
    "classes",
    "composes",
    "no_option",
    "no_rate",
    "several",
    "when",
]

WAITING: dict[str, list[Callable[[Any], None]]] = {}
"""What to enter when a module has come."""

METHODS: list[tuple[Any, str, Callable[..., Any]]] = []
"""Methods of classes that mean something else for traced values: ``f(original, self, *args, **kwargs)``."""


def classes(module: Any, table: Mapping[str, tuple[Callable[..., Any], Callable[..., Any]]]) -> None:
    """Enter what making an object of a class of ``module`` means, and what calling one does; for each class by name."""
    for name, (init, call) in table.items():
        METHODS.append((getattr(module, name), "__init__", init))
        METHODS.append((getattr(module, name), "__call__", call))


RAW: set[Any] = {np.block}
"""Functions that take lists and tuples apart themselves."""


SOLVERS: set[Any] = set()
"""Functions that call a function of the user's many times, or compiled code, and whose result has no rule yet."""

_SOLVERS = {
    "scipy.optimize": (
        "linprog milp nnls lsq_linear fmin_tnc fmin_slsqp fmin_cobyla direct brute diagbroyden linearmixing"
        " excitingmixing linear_sum_assignment isotonic_regression"
    ),
    "scipy.integrate": "solve_bvp qmc_quad tanhsinh nsum cubature",
    "scipy.linalg": (
        "schur ldl funm hessenberg rq qz ordqz rsf2csf cossin matrix_balance pinvh cholesky_banded cho_solve_banded"
        " eig_banded eigvals_banded eigh_tridiagonal eigvalsh_tridiagonal bandwidth ishermitian issymmetric"
    ),
    "scipy.signal": (
        "stft istft welch csd coherence periodogram spectrogram lombscargle medfilt medfilt2d order_filter"
        " sosfiltfilt czt zoom_fft hilbert2 envelope minimum_phase cspline1d qspline1d cspline2d qspline2d"
        " find_peaks upfirdn"
    ),
    "scipy.fft": "dct idct dst idst dctn idctn dstn idstn hfft2 ihfft2 hfftn ihfftn",
}


class Later:
    """Stands for a module that may not be there yet."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.modules[self._name], name)


def when(module: str) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Call a function with the module when it has come."""

    def enter(f: Callable[[Any], None]) -> Callable[[Any], None]:
        WAITING.setdefault(module, []).append(f)
        return f

    return enter


def composes(module: str, *names: str, raw: bool = False, calls_back: bool = False) -> Callable[[Rule], Rule]:
    """Enter a NumPy expression as the definition of functions of a module, when it has come.

    ``raw``: a list or tuple among their arguments is not to be read as one array. ``calls_back``: an argument is code,
    which may hold traced values.
    """

    def enter(f: Rule) -> Rule:
        def come(arrived: Any) -> None:
            for name in names or (f.__name__.rstrip("_"),):
                if hasattr(arrived, name):
                    SPELLINGS[getattr(arrived, name)] = f
                    if calls_back:
                        CALLS_BACK.add(getattr(arrived, name))
                    if raw:
                        RAW.add(getattr(arrived, name))

        when(module)(come)
        return f

    return enter


def several(prefix: str, f: Any, *rates: Rule | None, domain: Any = ()) -> None:
    """A row for a ufunc of any number of operands: ``rates[i](y, *xs)`` is the local rate in operand i."""
    name = f"{prefix}_{f.__name__}"
    if name not in ROWS:
        SPELLINGS[f] = row(Pointwise(name=name, fn=f, partials=rates, domain=domain))


def no_rate(function: str, operand: str) -> Rule:
    """The rate in an operand for which there is no formula."""

    def refuse(*_: Any) -> Any:
        what = f"there is no formula for its rate in {operand}."
        raise RuleError(teach(function, what, f"Keep {operand} constant: gt.stop_gradient({operand})."))

    return refuse


def no_option(function: str, option: str, do: str) -> RuleError:
    """The error for an option of a function that has a rule without it."""
    return RuleError(teach(function, f"with {option} it has no rule for traced values.", do))


def _solves(names: str) -> Callable[[Any], None]:
    def come(module: Any) -> None:
        known = [getattr(module, name) for name in names.split() if hasattr(module, name)]
        SOLVERS.update(f for f in known if f not in SPELLINGS)

    return come


for _module, _names in _SOLVERS.items():
    when(_module)(_solves(_names))


_RULES = (
    *("curves", "fourier", "images", "interpolate", "linalg", "linalg_more", "other", "resampling", "scattered"),
    *("signal", "special", "special_more", "special_pairs", "special_rare", "stats", "stats_more"),
)


@when("scipy")
def _load(_: Any) -> None:
    """The tables for SciPy are loaded with it: that spares all others a tenth of the time of ``import geartrain``."""
    for name in _RULES:
        importlib.import_module(f"geartrain.ops.scipy_{name}")


def arrive() -> list[Any]:
    """Enter the rules of the modules that have come since the last time; the modules."""
    modules: list[Any] = []
    while came := [name for name in WAITING if name in sys.modules]:  # rules that are loaded may wait, in turn
        for name in came:
            module = sys.modules[name]
            for enter in WAITING.pop(name):
                enter(module)
            modules.append(module)
    return modules
