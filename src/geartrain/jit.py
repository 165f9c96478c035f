"""``jit``: a function is run by Python once for each signature and path, and from then on by its recorded program.

A *signature* is what the arguments are, without their numbers. A *path* is one way through the program: the answers
to all the decisions that Python took on traced values. The paths of a signature make a tree: segments of straight-line
program, each but the last ending in a decision. A call walks the tree; where it has no branch for an answer, Python
runs once more and a new path is recorded. So a branch is never stale.
"""

import functools
import importlib
import threading
import weakref
from collections.abc import Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any

import numpy as np

from geartrain import tree
from geartrain.backends.choose import COMPILER, Calls, begin, calls, natively_now
from geartrain.drawing import drew, sources
from geartrain.errors import InputError, teach, warn
from geartrain.example import Example
from geartrain.ir.aval import Array, is_array
from geartrain.kinds import kind_of
from geartrain.misses import LOG, Miss, why
from geartrain.paths import Changed, Leaf, Paths
from geartrain.run import F, Run, is_static
from geartrain.trace.intercept import stand_in
from geartrain.trace.level import active, patient

if TYPE_CHECKING:
    from geartrain.inspecting import Lowered, Report
    from geartrain.path_report import PathReport

__all__ = ["MAX_PATHS", "MAX_SIGNATURES", "Jitted", "jit"]

MAX_PATHS = 64
"""Paths recorded for one signature before its calls go to Python."""

MAX_SIGNATURES = 256
"""Signatures kept for one function; the one that was made first is forgotten."""

OFTEN = 2
"""Calls that took a path with decisions before it gets a program of its own, which checks them all at its end."""


DOUBTS = 100
"""Runs of one signature in which somebody drew random numbers, perhaps another thread, before they are its own."""

ALL: "weakref.WeakSet[Jitted]" = weakref.WeakSet()
"""The compiled functions of this process."""


class Jitted:
    """A compiled function: call it as the function that it was made from. See :func:`jit`.

    A call of an object goes to the ``__call__`` of its class. So when there is native code to call, the object gets a
    class of its own, derived from this one, whose ``__call__`` is a builtin function: that is not bound to the object,
    and takes the arguments as they are.
    """

    def __init__(self, f: F, donate_argnums: int | Sequence[int] = (), memory: int | None = None) -> None:
        functools.update_wrapper(self, f)
        self._f = f
        self._memory = memory
        self._donated = frozenset([donate_argnums] if isinstance(donate_argnums, int) else donate_argnums)
        self._paths: dict[tuple[Any, ...], Paths] = {}
        self._lock = threading.RLock()
        self.given_up_because = ""
        self._calls: Calls | None = None
        self._hits = 0
        ALL.add(self)
        self._last: tuple[Paths, Leaf, Example] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._in_python(args, kwargs)

    def _in_python(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The general way: for whatever native code did not take."""
        if active.trace is not None:  # an outer transformation sees the program itself
            return self._f(*args, **kwargs)
        leaves, treedef = tree.flatten((args, kwargs))
        key, traced = self._signature(args, leaves, treedef)
        paths = self._paths.get(key)
        if paths is not None:
            if paths.given_up:
                return self._f(*args, **kwargs)
            leaf, result = paths.call(traced)
            if leaf is not None:
                self._hits += 1
                often = leaf.decisions and leaf.walks == OFTEN
                if often or leaf.late:
                    leaf.late = False
                    self._call_natively(key, paths, leaf, args, kwargs)
                return result
        return self._record(key, args, kwargs, traced)

    def _call_natively(
        self, key: tuple[Any, ...], paths: Paths, leaf: Leaf, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Let calls like this one take no step in Python, if that can be done."""
        native = paths.native(leaf, args, kwargs, self._donated)
        if native is None:
            return
        with self._lock:
            if self._calls is None:
                self._calls = calls(self._in_python, getattr(self._f, "__name__", "compiled"))
                if self._calls is None or self._calls.call is None:
                    return
                own = {"__call__": self._calls.call, "__module__": __name__, "__doc__": Jitted.__doc__}
                object.__setattr__(self, "__class__", type("Jitted", (type(self),), own))
            if self._paths.get(key) is paths and not paths.given_up:
                self._calls.add(key, native)

    def _signature(self, args: Any, leaves: list[Any], treedef: tree.TreeDef) -> tuple[tuple[Any, ...], list[Array]]:
        """What the arguments are, and the values that are traced."""
        key: list[Any] = [treedef, tree.exactly(treedef)]
        traced: list[Array] = []
        for x in leaves:
            kind = kind_of(x)
            if kind is np.ndarray:
                key.append((x.shape, x.dtype, x.strides))  # the layout, too: reshape(order="A") depends on it
                traced.append(x)
            elif kind is float or kind is complex or not is_static(x):
                key.append((kind, x.shape, x.dtype, x.strides) if is_array(x) else kind)
                traced.append(x)
            else:
                key.append((kind, x))
        made = tuple(key)
        try:
            hash(made)
        except TypeError as error:
            raise InputError(
                teach(
                    "jit",
                    f"an argument can be neither traced nor compared: {error}.",
                    "Pass numbers, arrays, strings or containers of them.",
                )
            ) from error
        return made, traced

    def _record(self, key: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any], traced: list[Array]) -> Any:
        with patient():
            return self._record_now(key, args, kwargs, traced)

    def _record_now(
        self, key: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any], traced: list[Array]
    ) -> Any:
        begin()
        before = sources()
        run = Run("jit", _with_keywords(self._f), (args, kwargs), kind="jit")
        drawn = drew(before) or run.trace.drawn
        result = None if run.waits else tree.map(_apart, run.outputs(run.out))
        with self._lock:
            paths = self._paths.get(key)
            name = getattr(self._f, "__name__", repr(self._f))
            LOG.append(Miss(name, why(key, self._paths) if paths is None else "another outcome of a decision"))
            if paths is None:
                if len(self._paths) >= MAX_SIGNATURES:
                    self._forget(next(iter(self._paths)))
                paths = self._paths[key] = Paths([node for node in run.nodes if node is not None], self._memory)
        leaf: Leaf | None = None
        with paths.lock:
            try:
                if drawn and not run.trace.drawn and self._doubted(paths):
                    pass  # perhaps another thread drew: ask again at the next call
                elif drawn:
                    reason = f"draws from {drawn}, and its record would draw the same numbers on every call"
                    self._give_up(key, paths, reason)
                elif run.trace.unrepeatable:
                    reason = f"calls {run.trace.unrepeatable}, which finds its way by the values it meets"
                    self._give_up(key, paths, reason)
                elif run.trace.decisions and any(node.op.effects for node in run.level.segment):
                    reason = "talks to other processes and takes decisions, so it must not begin twice"
                    self._give_up(key, paths, reason)
                elif paths.count < MAX_PATHS:
                    leaf = paths.add(run)
                    self._last = paths, leaf, Example([node.value for node in run.nodes if node is not None])
                else:
                    self._give_up(key, paths, f"took more than {MAX_PATHS} paths for arguments of one kind")
            except Changed:
                self._give_up(
                    key, paths, "took different decisions on the same values, so it depends on more than its arguments"
                )
        if leaf is not None and not leaf.decisions:
            leaf.late = not natively_now()
            if not leaf.late:
                self._call_natively(key, paths, leaf, args, kwargs)
        if not run.waits:
            return result
        if leaf is not None and not leaf.decisions and not any(node.op.effects for node in run.level.segment):
            return paths.run(leaf, traced)  # what nobody has asked for while it was recorded was not computed, either
        return tree.map(_apart, run.outputs(run.out))

    def _doubted(self, paths: Paths) -> bool:
        """Whether it is not known who drew: other threads are alive, and it was not seen too often."""
        paths.doubts += 1
        others = [thread for thread in threading.enumerate() if thread.name != COMPILER]
        return len(others) > 1 and paths.doubts < DOUBTS

    def _forget(self, key: tuple[Any, ...]) -> None:
        """Let go of a signature."""
        del self._paths[key]
        self._drop(key)

    def _drop(self, key: tuple[Any, ...]) -> None:
        """Do not call the programs of a signature natively any more."""
        with self._lock:
            if self._calls is not None:
                self._calls.drop(key)

    def _give_up(self, key: tuple[Any, ...], paths: Paths, why: str) -> None:
        paths.given_up = True
        self._drop(key)
        if not self.given_up_because:
            self.given_up_because = why
            self._tell(why)

    def _tell(self, why: str) -> None:
        """Say, once, that calls run as plain Python, and why."""
        name = getattr(self._f, "__name__", repr(self._f))
        do = "Calls of this kind run as plain Python from now on, which is right but slower."
        warn(teach("jit", f"{name} {why}.", do))

    def paths(self) -> "PathReport":
        """What is recorded: for each kind of arguments its paths, and the decisions on them. Print it to read it.

        >>> f = jit(lambda x: x * 2 if x > 0 else -x)
        >>> f(3.0), f(-3.0), f(4.0)
        (6.0, 3.0, 8.0)
        >>> print(f.paths())
        <lambda>: 2 paths, at most 64 for arguments of one kind
          (f64[]~): 2 paths
            1. bool(greater) is True
            2. bool(greater) is False
        """
        made: PathReport = _told("path_report").reported(self._name, MAX_PATHS, self._paths.values())
        return made

    @property
    def recorded(self) -> int:
        """How many paths are recorded, over all signatures."""
        return sum([paths.count for paths in self._paths.values()])

    @property
    def _name(self) -> str:
        return getattr(self._f, "__name__", repr(self._f))

    @property
    def given_up(self) -> bool:
        """Whether calls of some signature run as plain Python."""
        return any(paths.given_up for paths in self._paths.values())

    def lower(self, *args: Any, **kwargs: Any) -> "Lowered":
        """What becomes of the function for arguments like these, as text, at each stage.

        The stages are the recorded ``graph``, the ``optimised`` one after all passes, the ``schedule``, the ``plan``,
        ``llvm`` (IR), and ``assembly``. Without arguments: for those of the last recorded call.

        >>> f = jit(lambda x: np.sin(x) * 2)
        >>> print(f.lower(np.ones(3)).graph)
        %0 = input : f64[3]
        %1 = const 2
        %2 = sin %0 : f64[3]
        %3 = multiply %2 %1 : f64[3]
        return %3
        """
        paths, leaf, _ = self._recorded("lower", args, kwargs)
        made: Lowered = _told("inspecting").lower(paths, leaf)
        return made

    def explain_passes(self, *args: Any, **kwargs: Any) -> str:
        """The graph before and after each pass that changed it, as text; arguments as in :meth:`lower`.

        >>> f = jit(lambda x: np.copy(x) + 0 * x)
        >>> print(f.explain_passes(np.ones(3)).splitlines()[0])
        ==== pairs: no change
        """
        paths, leaf, _ = self._recorded("explain_passes", args, kwargs)
        made: str = _told("inspecting").explain_passes(paths, leaf)
        return made

    def report(self, *args: Any, **kwargs: Any) -> "Report":
        """What each step of the compiled program does and how long it takes; which steps are NumPy's.

        With these arguments, or without any: the path that was recorded last, on the values of that call. Large arrays
        that are gone by now are replaced by ones, square matrices by ones with more on the diagonal. Print it, or
        ``.save("trace.json")`` for a viewer of Chrome traces (chrome://tracing, Perfetto). The steps are timed one by
        one, the best of a few rounds.

        >>> report = jit(lambda x: np.sum(np.exp(x))).report(np.ones(1000))
        >>> report.flops > 1000, report.numpy
        (True, [])
        """
        paths, leaf, traced = self._recorded("report", args, kwargs)
        made: Report = _told("inspecting").measure(getattr(self._f, "__name__", "f"), paths, leaf, traced)
        return made

    def _recorded(self, what: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Paths, Leaf, list[Array]]:
        """The path that these arguments take, and their traced values; without arguments, the path recorded last."""
        if not args and not kwargs and self._last is not None:
            paths, leaf, example = self._last
            return paths, leaf, example.values([x.aval for x in paths.recording.inputs])
        if active.trace is None and (args or kwargs):
            leaves, treedef = tree.flatten((args, kwargs))
            key, traced = self._signature(args, leaves, treedef)
            for _ in range(2):
                paths = self._paths.get(key)
                leaf = paths.call(traced)[0] if paths is not None and not paths.given_up else None
                if paths is not None and leaf is not None:
                    return paths, leaf, traced
                self._in_python(args, kwargs)
        when = ", while a transformation runs" if active.trace is not None else ""
        text = f"there is no compiled program of {self!r}{when}."
        raise InputError(teach(what, text, "Call it with arguments first."))

    def calls(self) -> tuple[int, int]:
        """How many calls found a program: in native code from end to end, and by way of Python."""
        return self._calls.count() if self._calls is not None else 0, self._hits

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __copy__(self) -> "Jitted":
        return self

    def __deepcopy__(self, memo: Any) -> "Jitted":
        return self

    def __repr__(self) -> str:
        name = getattr(self._f, "__name__", self._f)
        return f"<jit of {name!s}: {len(self._paths)} signatures, {self.recorded} paths>"


def _told(module: str) -> Any:
    """What tells of compiled functions is loaded when somebody asks."""
    return importlib.import_module(f"geartrain.{module}")


def _apart(y: Any) -> Any:
    """A result in memory of its own, as compiled ones are: not an argument's, nor a global array's."""
    return y.copy("K") if is_array(y) else y


def _with_keywords(f: F) -> F:
    def called(args: Any, kwargs: Any) -> Any:
        return stand_in(f)(*args, **kwargs)  # looked up while the trace runs: by then SciPy's rules are there

    called.__wrapped__ = f  # type: ignore[attr-defined]
    return called


def jit(f: F, donate_argnums: int | Sequence[int] = (), memory: int | None = None) -> Jitted:
    """The same function, recorded once for each signature and path, and then run without Python's own steps.

    Arrays and floats are traced. The containers, shapes and dtypes, and the values of integers, truth values, strings
    and ``None``, make the signature. A decision that Python takes on a traced value (``if``, ``while``, ``int()``,
    ``x[mask]``) is checked on every call, and another outcome is another path. A function with more than ``MAX_PATHS``
    of them for one signature runs as plain Python from then on, with one warning; so does one that takes decisions and
    talks to other processes (``gt.mpi``).

    The function should depend on its arguments alone: what it reads elsewhere is read when it is recorded. So is text:
    what it prints is printed then, and an f-string of a traced value keeps the number of that run. Results share no
    memory with the arguments. Threads may call it at once.

    A function that draws random numbers, from a generator that is older than the call or one without a seed, runs as
    plain Python, so it draws new ones on each call; one warning says so (also if another thread drew meanwhile). What
    it draws from ``np.random.default_rng(seed)``, made inside, is the same on every call and is recorded.

    ``donate_argnums`` numbers the positional arguments whose arrays you give away: a result of the same shape and dtype
    may be written into their memory, and then is that very array. Use them for nothing else after the call, as in
    ``params = step(params, x)``.

    ``memory`` is how many bytes the values between arguments and results may take together. Cheap ones are then
    computed again where they are needed instead of kept, as far as it takes; where that is not enough, a warning says
    so. ``.report().arena`` is what a program takes.

    With the extra ``native`` the program is compiled for this processor, which warns of no overflow, divides Python
    floats by zero as NumPy does, and gives NaN where a function of ``math`` raises; without it, it runs as a plan of
    NumPy calls.

    >>> @jit
    ... def f(x):
    ...     return x * 2 if x > 0 else -x
    >>> f(3.0), f(-3.0), f(4.0)
    (6.0, 3.0, 8.0)
    >>> from geartrain.api import grad
    >>> jit(grad(f))(-3.0)
    -1.0
    """
    return Jitted(f, donate_argnums, memory)
