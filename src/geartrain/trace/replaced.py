"""What stands for NumPy's functions, and math's, while a trace runs: the same, but they know tracers.

NumPy's protocols do not cover functions that make arrays (``np.zeros``), nor arguments that are sequences
(``np.array([t, u])``, ``np.mean([t, u])``). A replacement that is called where no trace runs is the original.
``intercept`` puts them where the originals are.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geartrain.errors import InputError, LeakError, RuleError, TraceError, teach
from geartrain.ir.aval import is_array
from geartrain.ops.calls import CALLS_BACK
from geartrain.ops.later import RAW, SOLVERS, when
from geartrain.ops.shape import cast
from geartrain.ops.table import SPELLINGS
from geartrain.trace import mathematics
from geartrain.trace.level import active, aside
from geartrain.trace.sequences import has_tracer, heard, named_like, stacked
from geartrain.trace.spellings import call_function, traced
from geartrain.trace.tracer import Tracer, depends_of, fresh, node_of, plain, value_of
from geartrain.trace.ufuncs import Listening

__all__ = ["come", "instead_of", "replaced_method"]

FRESH = [
    *("zeros", "empty", "ones", "full", "zeros_like", "empty_like", "ones_like", "full_like"),
    *("arange", "linspace", "logspace", "geomspace", "eye", "identity", "tri"),
    *("indices", "fromfunction", "fromiter", "hanning", "hamming", "bartlett", "blackman", "kaiser"),
    *("tril_indices", "triu_indices", "diag_indices", "mask_indices"),
]
"""Functions that make an array, which the program may then write traced values into."""

SEQUENCES = {
    *(np.concatenate, np.concat, np.stack, np.vstack, np.hstack, np.dstack, np.column_stack, np.block, np.select),
    *(np.choose, np.piecewise, np.lexsort, np.linalg.multi_dot),
}
"""Functions that take several arrays as a sequence; elsewhere a list is one array."""


ASKING_SHAPES = (np.shape, np.ndim, np.size)
"""Functions that need no numbers, of lists either."""


def _creation(original: Callable[..., Any]) -> Callable[..., Any]:
    spelled, calls_back = original in SPELLINGS, original in CALLS_BACK

    def create(*args: Any, **kwargs: Any) -> Any:
        trace = active.trace
        if trace is None:
            return original(*args, **kwargs)
        if calls_back:
            return SPELLINGS[original](*args, **kwargs)
        if spelled and (traced(args) or traced(kwargs)):
            return call_function(original, args, kwargs)
        return fresh(trace, aside(original, [_shape_of(a) for a in args], plain(kwargs)))

    return named_like(original, create)


def _shape_of(x: Any) -> Any:
    """An argument of a creation function: of a traced array just its shape counts, of a traced integer its value."""
    if type(x) in (list, tuple) and traced(x):
        x = stacked(x)
    if type(x) is Tracer and depends_of(x):
        return value_of(x) if x.ndim else x.__index__() if x.dtype.kind in "iu" else x  # type: ignore[attr-defined]
    return plain(x)


def _array(original: Callable[..., Any], copies: bool) -> Callable[..., Any]:
    def array(a: Any, dtype: Any = None, **kwargs: Any) -> Any:
        trace = active.trace
        if trace is None:
            return original(a, dtype, **kwargs)
        if traced(a):
            made: Any = a if type(a) is Tracer else stacked(a)
            if dtype is not None and made.dtype != np.dtype(dtype):
                made = cast(made, dtype)
            missing = kwargs.get("ndmin", 0) - made.ndim
            if missing > 0:
                made = np.reshape(made, (*(1,) * missing, *made.shape))
            if not isinstance(value_of(made), np.ndarray):  # a scalar becomes an array without axes
                return (made if isinstance(value_of(made), np.generic) else cast(made, made.dtype))[...]
            return Tracer(trace, node_of(made)) if made is a and (copies or kwargs.get("copy")) else made
        if type(a) is Tracer and not copies and not kwargs and dtype in (None, a.dtype):  # type: ignore[attr-defined]
            return a
        value = aside(original, (plain(a), dtype), kwargs)
        if value.dtype == object and traced(a):
            raise InputError(teach("array", "the sequences have different lengths.", "Make the rows equally long."))
        return value if value is a else fresh(trace, value)

    return named_like(original, array)


def _copy(original: Callable[..., Any]) -> Callable[..., Any]:
    def copy(a: Any, order: Any = "K", subok: bool = False) -> Any:
        trace = active.trace
        if trace is None:
            return original(a, order, subok)
        if traced(a):
            made = a if type(a) is Tracer else stacked(a)
            return Tracer(trace, node_of(made)) if is_array(made) else np.array(made)
        return fresh(trace, original(plain(a), order, subok))

    return named_like(original, copy)


def _listening(original: Callable[..., Any]) -> Callable[..., Any]:
    """A function that takes lists for arrays: traced ones become arrays, then NumPy's protocol takes over."""
    several = original in SEQUENCES
    raw, calls_back = original in RAW, original in CALLS_BACK

    def listening(*args: Any, **kwargs: Any) -> Any:
        trace = active.trace
        if trace is None:
            return original(*args, **kwargs)
        if calls_back:
            return SPELLINGS[original](*args, **kwargs)
        if not has_tracer(args) and not (kwargs and has_tracer(kwargs.values())):
            value = aside(original, args, kwargs)
            return fresh(trace, value) if type(value) is np.ndarray and value.flags.owndata else value
        if raw:
            return call_function(original, args, kwargs)
        for x in args:
            if type(x) in (list, tuple):
                args = tuple([heard(a, several) if type(a) in (list, tuple) else a for a in args])
                break
        for name, value in kwargs.items():
            if type(value) in (list, tuple):
                kwargs[name] = heard(value, several)
        return call_function(original, args, kwargs)

    return named_like(original, listening)


def _replacements() -> dict[int, tuple[Any, Callable[..., Any]]]:
    """Each replaced function of NumPy by its identity, with what replaces it."""
    found: list[tuple[Any, Callable[..., Any]]] = [(f, _creation(f)) for f in (getattr(np, name) for name in FRESH)]
    found += [(np.array, _array(np.array, True)), (np.copy, _copy(np.copy))]
    found += [(f, _array(f, False)) for f in (np.asarray, np.asanyarray, np.ascontiguousarray, np.asarray_chkfinite)]
    taken = {id(f) for f, _ in found}
    found += [(f, _listening(f)) for f in SPELLINGS if not isinstance(f, np.ufunc) and id(f) not in taken]
    found += [(f, _listening(f)) for f in ASKING_SHAPES if id(f) not in taken]
    found += [(f, Listening(f)) for f in vars(np).values() if isinstance(f, np.ufunc)]
    found += mathematics.REPLACED.items()
    return {id(f): (f, new) for f, new in found}


_REPLACED = _replacements()


def _nditer(op: Any, *args: Any, **kwargs: Any) -> Any:
    """``np.nditer`` reads memory: a traced array is refused."""
    if active.trace is not None and traced(op):
        raise TraceError(
            teach(
                "np.nditer",
                "it walks over the memory of an array, which a traced array has none of its own.",
                "Loop over the elements (for v in x.flat), or write the loop as operations on whole arrays.",
            )
        )
    return _NDITER(plain(op), *args, **kwargs)


_NDITER: Any = np.nditer
_REPLACED[id(np.nditer)] = (np.nditer, _nditer)


@when("numpy.random")  # NumPy loads it when it is first asked for it
def _random(module: Any) -> None:
    original = module.default_rng

    def default_rng(*args: Any, **kwargs: Any) -> Any:
        """A generator without a seed draws other numbers each time, which a record would not."""
        trace = active.trace
        if trace is not None and not args and kwargs.get("seed") is None:
            trace.drawn = "a generator without a seed"
        return aside(original, [plain(a) for a in args], plain(kwargs))

    _REPLACED[id(original)] = (original, default_rng)


def instead_of(f: Any) -> Any:
    """What stands for a function while a trace runs; ``None`` for one that stays as it is."""
    original, new = _REPLACED.get(id(f), (None, None))
    return new if original is f else None


def come() -> None:
    """Rules of further packages have come: replace their functions, too."""
    for f in SPELLINGS:
        if not isinstance(f, np.ufunc) and id(f) not in _REPLACED:
            _REPLACED[id(f)] = (f, _listening(f))
    _REPLACED.update({id(f): (f, _solver(f)) for f in SOLVERS})


def replaced_method(original: Callable[..., Any], mean: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        trace = active.trace
        if trace is None:
            return original(self, *args, **kwargs)
        if traced(args) or traced(kwargs):
            return mean(original, self, *args, **kwargs)
        return fresh(trace, aside(original, (self, *[plain(a) for a in args]), plain(kwargs)))

    return named_like(original, method)


def _solver(original: Callable[..., Any]) -> Callable[..., Any]:
    """A solver without a rule is SciPy's own on plain values; a traced one, given or in its function, is refused."""

    def solver(*args: Any, **kwargs: Any) -> Any:
        if active.trace is None:
            return original(*args, **kwargs)
        if not traced(args) and not traced(kwargs):
            try:
                return aside(original, [plain(a) for a in args], plain(kwargs))
            except LeakError:
                pass
        name = f"{original.__module__.rpartition('._')[0] or original.__module__}.{original.__name__}"
        raise RuleError(
            teach(
                name,
                "a traced value is among its arguments or in the function it calls, and its result has no rule yet.",
                "Give it a rule by gt.custom_rule (of solutions: the implicit function theorem); see docs/coverage.md.",
            )
        )

    return named_like(original, solver)
