"""``math`` and ``cmath`` know tracers while a trace runs: each of their functions means one of NumPy's.

They turn what they get into a bare number, which would drop the derivative. So they are replaced as NumPy's functions
are. The original is asked first: what it raises (``math domain error``) is raised here, too. A result is a number of
Python's, as theirs are.
"""

import cmath
import functools
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from geartrain.errors import TraceError, teach
from geartrain.ir.untyped import numpy
from geartrain.kinds import is_a
from geartrain.ops.shape import ITEM, cast
from geartrain.trace.decide import decide
from geartrain.trace.level import active
from geartrain.trace.sequences import has_tracer, named_like
from geartrain.trace.tracer import Tracer, value_of

__all__ = ["REPLACED"]

SAME = {
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
    "atan2": "arctan2",
    "pow": "power",
}
"""Functions that NumPy calls by another name."""

BOTH = "sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh exp log10 sqrt"
"""Functions of ``math`` and of ``cmath`` that NumPy has."""

REAL = "exp2 expm1 log2 log1p cbrt fabs fmod copysign degrees radians modf atan2 pow isnan isinf isfinite"
"""Functions of ``math`` that NumPy has."""

SPECIAL = {"erf": "erf", "erfc": "erfc", "gamma": "gamma", "lgamma": "gammaln"}
"""Functions of ``math`` that SciPy has and NumPy has not."""

QUESTIONS = (math.isnan, math.isinf, math.isfinite, math.isclose)
"""Functions whose answer Python takes a decision by."""


def _log(x: Any, base: Any = None) -> Any:
    return numpy.log(x) if base is None else numpy.log(x) / numpy.log(base)


def _hypot(*sides: Any) -> Any:
    return functools.reduce(numpy.hypot, sides) if len(sides) > 1 else numpy.abs(*sides)


def _dist(p: Any, q: Any) -> Any:
    return _hypot(*[a - b for a, b in zip(p, q, strict=True)])


def _remainder(x: Any, y: Any) -> Any:
    return x - y * numpy.rint(x / y)


def _is_close(a: Any, b: Any, *, rel_tol: Any = 1e-9, abs_tol: Any = 0.0) -> Any:
    scale = numpy.maximum(numpy.abs(a), numpy.abs(b))
    return (a == b) | (numpy.isfinite(scale) & (numpy.abs(a - b) <= numpy.maximum(rel_tol * scale, abs_tol)))


def _rect(r: Any, phi: Any) -> Any:
    return r * (numpy.cos(phi) + 1j * numpy.sin(phi))


def _polar(z: Any) -> tuple[Any, Any]:
    return numpy.abs(z), numpy.angle(z)


def _special(name: str) -> Callable[..., Any]:
    def special(x: Any) -> Any:
        if "scipy.special" in sys.modules:
            return getattr(sys.modules["scipy.special"], SPECIAL[name])(x)
        what = f"its derivative is a rule of scipy.special.{SPECIAL[name]}, which this program has not imported."
        raise TraceError(teach(f"math.{name}", what, "Write import scipy.special at the top of the program."))

    return special


def _values(args: Any) -> list[Any]:
    """The arguments without tracers."""
    return [value_of(x) if type(x) is Tracer else _values(x) if isinstance(x, (list, tuple)) else x for x in args]


def _numbers(dtype: type, args: tuple[Any, ...]) -> list[Any]:
    """The arguments as numbers of NumPy's of one dtype; sequences stay sequences of them."""
    made: list[Any] = []
    for x in args:
        if type(x) is Tracer:
            made.append(cast(numpy.reshape(x, ()), dtype))
        else:
            made.append(_numbers(dtype, tuple(x)) if is_a(x, list, tuple) else x)
    return made


def _replacement(original: Callable[..., Any], mean: Callable[..., Any], dtype: type = float) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Any:
        if active.trace is None or not has_tracer(args):
            return original(*args, **kwargs)
        original(*_values(args), **kwargs)
        y = mean(*_numbers(dtype, args), **kwargs)
        if original in QUESTIONS:
            return decide(y, "bool")
        return tuple([ITEM(part) for part in y]) if is_a(y, tuple) else ITEM(y)

    return named_like(original, called)


def _fsum(original: Callable[..., Any]) -> Callable[..., Any]:
    def fsum(seq: Any, /) -> Any:
        terms = list(seq)
        return sum(terms) if active.trace is not None and has_tracer(terms) else original(terms)

    return named_like(original, fsum)


def _replacements() -> dict[Callable[..., Any], Callable[..., Any]]:
    both: dict[str, Any] = {name: getattr(np, SAME.get(name, name)) for name in BOTH.split()}
    real: dict[str, Any] = {name: getattr(np, SAME.get(name, name)) for name in REAL.split()}
    real.update({name: _special(name) for name in SPECIAL})
    real.update(log=_log, hypot=_hypot, dist=_dist, remainder=_remainder, isclose=_is_close)
    found = {getattr(math, name): _replacement(getattr(math, name), mean) for name, mean in {**both, **real}.items()}
    found[math.fsum] = _fsum(math.fsum)
    for name, mean in {**both, "log": _log, "phase": np.angle, "polar": _polar}.items():
        found[getattr(cmath, name)] = _replacement(getattr(cmath, name), mean, complex)
    found[cmath.rect] = _replacement(cmath.rect, _rect)
    return found


REPLACED = _replacements()
"""Each function that is replaced while a trace runs, and by what."""
