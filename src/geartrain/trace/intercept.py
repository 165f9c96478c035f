"""NumPy's names, and math's, know tracers while a trace runs, only in the tracing thread; restored even on error.

NumPy's protocols do not cover functions that make arrays (``np.zeros``), nor arguments that are sequences
(``np.array([t, u])``, ``np.mean([t, u])``). While a trace runs, those functions are replaced: in NumPy, and wherever a
module holds them by ``from numpy import zeros``. A replacement that is called where no trace runs is the original.
"""

import cmath
import math
import os
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import numpy as np

from geartrain.errors import InputError, LeakError, RuleError, TraceError, teach
from geartrain.ir.aval import is_array
from geartrain.ops.calls import CALLS_BACK
from geartrain.ops.later import METHODS, RAW, SOLVERS, arrive
from geartrain.ops.shape import cast
from geartrain.ops.table import SPELLINGS
from geartrain.trace import compiled, mathematics
from geartrain.trace.arrivals import Arrivals
from geartrain.trace.level import active, aside, on_close, on_open, tracing
from geartrain.trace.sequences import has_tracer, heard, named_like, stacked
from geartrain.trace.spellings import call_function, traced
from geartrain.trace.tracer import Tracer, depends_of, fresh, node_of, plain, value_of
from geartrain.trace.ufuncs import Listening
from geartrain.trace.vectorizing import VECTORIZE_CALL, vectorize_call

__all__ = ["HOLDERS", "stand_in", "watch"]

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
        if not has_tracer(args) and not (kwargs and has_tracer(list(kwargs.values()))):
            value = aside(original, args, kwargs)
            return fresh(trace, value) if type(value) is np.ndarray and value.flags.owndata else value
        if raw:
            return call_function(original, args, kwargs)
        args = tuple([heard(a, several) if type(a) in (list, tuple) else a for a in args])
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


def _default_rng(*args: Any, **kwargs: Any) -> Any:
    """A generator without a seed draws other numbers each time, which a record would not."""
    trace = active.trace
    if trace is not None and not args and kwargs.get("seed") is None:
        trace.drawn = "a generator without a seed"
    return aside(_DEFAULT_RNG, [plain(a) for a in args], plain(kwargs))


_DEFAULT_RNG: Any = np.random.default_rng
_REPLACED[id(_DEFAULT_RNG)] = (_DEFAULT_RNG, _default_rng)


class Holder:
    """A namespace that holds replaced functions: what to put there while a trace runs, and what to put back."""

    def __init__(self, space: dict[str, Any], names: list[str]) -> None:
        self.space = space
        self.original: dict[str, Any] = {}
        self.changed: dict[str, Any] = {}
        self.add(names)

    def add(self, names: list[str]) -> None:
        """Hold further names: a notebook goes on importing."""
        self.original.update({name: self.space[name] for name in names})
        self.changed.update({name: _REPLACED[id(self.space[name])][1] for name in names})

    def enter(self) -> None:
        """Put the replacements where the originals are, or where the program bound the name to another original."""
        for name, old in self.original.items():
            now = self.space.get(name)
            if now is not old and now is not self.changed[name] and id(now) in _REPLACED:
                self.add([name])
                old = now
            if now is old:
                self.space[name] = self.changed[name]

    def leave(self) -> None:
        """Put back what was there, but keep what the program bound itself in the meantime."""
        for name, new in self.changed.items():
            if self.space.get(name) is new:
                self.space[name] = self.original[name]


def _held(space: dict[str, Any]) -> list[str]:
    return [name for name, value in list(space.items()) if id(value) in _REPLACED and _REPLACED[id(value)][0] is value]


def _rooms() -> list[dict[str, Any]]:
    """The namespaces whose Python code is to meet the replacements; np.r_ and poly1d are such code."""
    code = (type(np.r_).__getitem__, np.poly1d.__call__)
    return [
        *(vars(m) for m in (np, np.linalg, np.fft, np.random, np.lib.stride_tricks, math, cmath)),
        *(f.__globals__ for f in code),
    ]


NUMPY = [Holder(space, _held(space)) for space in _rooms()]
HOLDERS: dict[int, Holder] = {}
"""The namespaces of the user's modules that hold replaced functions, by identity."""

_lock = threading.RLock()
_replaced = False
_searched: dict[int, int] = {}
_OUTSIDE = {"numpy", "scipy", "geartrain", "sklearn", "pytest", "_pytest", "hypothesis", "matplotlib", "pandas"}


def _search(space: dict[str, Any]) -> None:
    """Find the functions that a namespace got by ``from numpy import zeros``; quick if it has not grown."""
    size = len(space)
    if _searched.get(id(space)) == size:
        return
    names = _held(space)
    if names:
        _hold(space, names)
    _searched[id(space)] = size  # at the end: an interrupt may come before


def _hold(space: dict[str, Any], names: list[str]) -> None:
    if id(space) in HOLDERS:
        holder = HOLDERS[id(space)]
        holder.add(names)
    else:
        HOLDERS[id(space)] = holder = Holder(space, names)
    if _replaced:
        holder.enter()


_modules_seen = -1


def _search_modules() -> None:
    global _modules_seen
    seen = len(sys.modules)
    if _modules_seen == seen:
        return
    compiled.spare()
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        if top in _OUTSIDE or (top in sys.stdlib_module_names and top != "__main__"):
            continue
        space = getattr(module, "__dict__", None)
        if space is not None:
            _search(space)
    _modules_seen = seen


def stand_in(f: Any) -> Any:
    """What to call for ``f`` while a trace runs: its replacement, if it is itself a function that is replaced."""
    original, new = _REPLACED.get(id(f), (None, None))
    return f if new is None or original is not f else new


def watch(f: Any) -> None:
    """Look for replaced functions in the globals of a function that is about to be traced."""
    while hasattr(f, "__wrapped__"):
        f = f.__wrapped__
    space = getattr(f, "__globals__", None)
    if space is not None and space.get("__name__", "").partition(".")[0] not in ("geartrain", "numpy"):
        with _lock:
            _search(space)
            held = HOLDERS[id(space)].original if id(space) in HOLDERS else {}
            names = getattr(getattr(f, "__code__", None), "co_names", ())
            bound = [name for name in names if id(space.get(name)) in _REPLACED and name not in held]
            if bound:  # a name that was something else before
                _hold(space, bound)


_METHODS: list[tuple[Any, str, Any, Any]] = []
"""Methods that are replaced while a trace runs: the class, the name, what was there and what comes there."""


def _method(original: Callable[..., Any], mean: Callable[..., Any]) -> Callable[..., Any]:
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
                "Solve on plain values and give the result a rule by gt.custom_rule (the implicit function theorem).",
            )
        )

    return named_like(original, solver)


def _arrive() -> None:
    """Enter the rules of packages that the program has imported since the last trace."""
    modules = arrive()
    if not modules:
        return
    for f in SPELLINGS:
        if not isinstance(f, np.ufunc) and id(f) not in _REPLACED:
            _REPLACED[id(f)] = (f, _listening(f))
    _REPLACED.update({id(f): (f, _solver(f)) for f in SOLVERS})
    for module in modules:
        space: dict[str, Any] = module.__dict__
        NUMPY.append(Holder(space, _held(space)))
    while METHODS:
        owner, name, mean = METHODS.pop()
        original: Any = getattr(owner, name)
        _METHODS.append((owner, name, original, _method(original, mean)))
    _searched.clear()


def _came() -> None:
    """A module has come while a trace runs: its rules are in force at once."""
    with _lock:
        holders, methods = len(NUMPY), len(_METHODS)
        _arrive()
        for owner, name, _, new in _METHODS[methods:]:
            setattr(owner, name, new)
        for holder in NUMPY[holders:]:
            holder.space.update(holder.changed)


@contextmanager
def _plainly() -> Generator[None]:
    """NumPy's own names, for a module that is to keep them; not where another thread's trace needs them replaced."""
    with _lock:
        if alone := tracing[0] < 2:
            _put_back()
        try:
            yield
        finally:
            compiled.spare()
            if alone:
                _replace()


_ARRIVALS = Arrivals(_came, _plainly)


def _open() -> None:
    with _lock:
        if _replaced:
            return
        if _modules_seen != len(sys.modules):
            _arrive()
        _search_modules()
        _replace()


def _replace() -> None:
    global _replaced
    try:
        _replaced = True
        sys.meta_path.insert(0, _ARRIVALS)
        np.vectorize._vectorize_call = vectorize_call  # type: ignore[attr-defined]
        for owner, name, _, new in _METHODS:
            setattr(owner, name, new)
        for holder in NUMPY:
            holder.space.update(holder.changed)
        for holder in HOLDERS.values():
            holder.enter()
    except BaseException:  # an interrupt: nothing is half replaced
        _put_back()
        raise


def _put_back() -> None:
    """To do it twice is to do it once."""
    global _replaced
    if _ARRIVALS in sys.meta_path:
        sys.meta_path.remove(_ARRIVALS)
    np.vectorize._vectorize_call = VECTORIZE_CALL  # type: ignore[attr-defined]
    for owner, name, original, _ in _METHODS:
        setattr(owner, name, original)
    for holder in NUMPY:
        holder.space.update(holder.original)
    for holder in HOLDERS.values():
        holder.leave()
    _replaced = False


def _close() -> None:
    with _lock:
        if _replaced and not tracing[0]:
            _put_back()


def _wait() -> None:
    """Before a fork: wait until no other thread is changing names."""
    _lock.acquire()


def _go_on() -> None:
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait, after_in_parent=_go_on, after_in_child=_go_on)

on_open.append(_open)
on_close.append(_close)
