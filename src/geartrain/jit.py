"""``jit``: a function is run by Python once for each signature and path, and from then on by its recorded program.

A *signature* is what the arguments are, without their numbers. A *path* is one way through the program: the answers
to all the decisions that Python took on traced values. The paths of a signature make a tree: segments of straight-line
program, each but the last ending in a decision. A call walks the tree; where it has no branch for an answer, Python
runs once more and a new path is recorded. So a branch is never stale.
"""

import functools
import threading
import warnings
from collections.abc import Hashable, Sequence
from types import MethodType
from typing import Any, NamedTuple

import numpy as np

from geartrain import tree
from geartrain.backends import numpy
from geartrain.backends.choose import Program, compile
from geartrain.errors import GeartrainWarning, InputError, teach
from geartrain.ir.aval import Array, aval_of, is_array
from geartrain.ir.graph import closed
from geartrain.ir.node import CONST, Node
from geartrain.kinds import kind_of
from geartrain.recording import Recording
from geartrain.run import F, Run, is_static
from geartrain.trace.decide import DECIDE
from geartrain.trace.level import active

__all__ = ["MAX_PATHS", "MAX_SIGNATURES", "Jitted", "jit"]

MAX_PATHS = 64
"""Paths recorded for one signature before its calls go to Python."""

MAX_SIGNATURES = 256
"""Signatures kept for one function; the one that was made first is forgotten."""


class Segment(NamedTuple):
    """Straight-line program: reads what is known, computes ``makes``."""

    program: Program
    reads: tuple[Node, ...]
    makes: tuple[Node, ...]


class Fork:
    """A segment that ends in a decision on ``node``; ``branches`` has what follows each answer."""

    def __init__(self, segment: Segment, node: Node, how: str) -> None:
        self.segment, self.node, self.how = segment, node, how
        self.branches: dict[Any, Fork | Leaf] = {}


class Leaf:
    """The last segment of a path, and how its results make the return value."""

    def __init__(self, segment: Segment, results: tuple[Any, ...], treedef: tree.TreeDef) -> None:
        self.segment, self.results, self.treedef = segment, results, treedef


class _Changed(Exception):
    """The program took another decision than its own record says it must."""


class Paths:
    """All recorded paths of one signature."""

    def __init__(self, inputs: Sequence[Node]) -> None:
        self.recording = Recording([aval_of(node.value) for node in inputs])
        self.root: Fork | Leaf | None = None
        self.count = 0
        self.given_up = False
        self.lock = threading.Lock()

    def call(self, args: Sequence[Array]) -> tuple[bool, Any]:
        """Whether a recorded path fits, and what it returns."""
        values: dict[Node, Array] = dict(zip(self.recording.inputs, args, strict=True))
        at = self.root
        while at is not None:
            program, reads, makes = at.segment
            made = program([values[node] for node in reads])
            if isinstance(at, Leaf):
                results = [made[r] if type(r) is int else r.value for r in at.results]
                return True, tree.unflatten(at.treedef, results)
            values.update(zip(makes, made, strict=True))
            at = at.branches.get(DECIDE[at.how](values[at.node]))
        return False, None

    def add(self, run: Run) -> None:
        """Record the path that a run took."""
        inputs = [node for node in run.nodes if node is not None]
        asked = run.trace.decisions
        results = [run.constant_or_node(y) if not is_static(y) else None for y in run.results]
        wanted = [d.node for d in asked] + [r for r in results if r is not None]
        pure = self.recording.take(run.level.segment, inputs, wanted)
        decisions = _once(pure[: len(asked)], [(d.how, d.answer) for d in asked])
        rest = iter(pure[len(asked) :])
        outs: list[Any] = [_Static(y) if r is None else next(rest) for y, r in zip(run.results, results, strict=True)]
        self._grow(decisions, outs, run.result_def)

    def _grow(self, decisions: list[tuple[Node, str, Any]], outs: list[Any], treedef: tree.TreeDef) -> None:
        known = dict.fromkeys(self.recording.inputs)
        at, before = self.root, None
        depth, measured = 0, False
        while isinstance(at, Fork):
            if depth == len(decisions) or (at.node, at.how) != decisions[depth][:2]:
                raise _Changed
            known.update(dict.fromkeys(at.segment.makes))
            measured = measured or at.how == "shape"
            before = (at, decisions[depth][2])
            at = at.branches.get(decisions[depth][2])
            depth += 1
        if isinstance(at, Leaf):
            return  # another thread recorded the same path in the meantime
        new = self._segments(known, decisions[depth:], outs, treedef, measured)
        if before is None:
            self.root = new
        else:
            before[0].branches[before[1]] = new
        self.count += 1

    def _segments(
        self,
        known: dict[Node, None],
        decisions: list[tuple[Node, str, Any]],
        outs: list[Any],
        treedef: tree.TreeDef,
        measured: bool,
    ) -> "Fork | Leaf":
        """The end of a path: a segment up to each decision, and the last one to the results.

        Behind a decision on a shape (``measured``) paths share nodes whose shapes differ, so nothing there may be
        planned for one of them: it runs on NumPy.
        """
        leaf_nodes = [y for y in outs if isinstance(y, Node)]
        goals = [[node] for node, _, _ in decisions] + [leaf_nodes]
        home: dict[Node, int] = {}  # the segment in which a node is computed
        used_later: list[set[Node]] = [set() for _ in goals]
        for i, goal in enumerate(goals):
            nodes = self.recording.graph([*known, *home], goal).nodes
            for node in nodes:
                if node.op is not CONST:
                    home[node] = i
            for x in [*[x for node in nodes for x in node.inputs], *goal]:
                if home.get(x, i) < i:
                    used_later[home[x]].add(x)
        have = dict(known)
        first: Fork | Leaf | None = None
        last: tuple[Fork, Any] | None = None
        for i, goal in enumerate(goals):
            makes = tuple(dict.fromkeys([*goal, *used_later[i]])) if i < len(decisions) else tuple(goal)
            graph = self.recording.graph(have, makes)
            program = numpy.compile(closed(graph)) if measured else compile(closed(graph))
            segment = Segment(program, graph.inputs, makes)
            if i < len(decisions):
                made: Fork | Leaf = Fork(segment, decisions[i][0], decisions[i][1])
            else:
                place = iter(range(len(makes)))  # a result that comes twice is made twice, in memory of its own
                made = Leaf(segment, tuple(next(place) if isinstance(y, Node) else y for y in outs), treedef)
            have.update(dict.fromkeys(makes))
            if last is None:
                first = made
            else:
                last[0].branches[last[1]] = made
            if isinstance(made, Fork):
                last = (made, decisions[i][2])
                measured = measured or made.how == "shape"
        assert first is not None
        return first


class _Static(NamedTuple):
    """A result that is no number."""

    value: Any


def _once(nodes: Sequence[Node], asked: Sequence[tuple[str, Any]]) -> list[tuple[Node, str, Any]]:
    """Each decision once; those on constants are none."""
    found: dict[tuple[Node, str], Any] = {}
    for node, (how, answer) in zip(nodes, asked, strict=True):
        if node.op is not CONST:
            found.setdefault((node, how), answer)
    return [(node, how, answer) for (node, how), answer in found.items()]


class Jitted:
    """A compiled function: call it as the function that it was made from. See :func:`jit`."""

    def __init__(self, f: F) -> None:
        functools.update_wrapper(self, f)
        self._f = f
        self._paths: dict[Hashable, Paths] = {}
        self._lock = threading.Lock()
        self._warned = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if active.trace is not None:  # an outer transformation sees the program itself
            return self._f(*args, **kwargs)
        leaves, treedef = tree.flatten((args, kwargs))
        key, traced = self._signature(args, leaves, treedef)
        paths = self._paths.get(key)
        if paths is not None:
            if paths.given_up:
                return self._f(*args, **kwargs)
            fits, result = paths.call(traced)
            if fits:
                return result
        return self._record(key, args, kwargs)

    def _signature(self, args: Any, leaves: list[Any], treedef: tree.TreeDef) -> tuple[Hashable, list[Array]]:
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

    def _record(self, key: Hashable, args: Any, kwargs: Any) -> Any:
        run = Run("jit", _with_keywords(self._f), (args, kwargs), kind="jit")
        result = tree.map(_apart, run.outputs(run.out))
        with self._lock:
            paths = self._paths.get(key)
            if paths is None:
                if len(self._paths) >= MAX_SIGNATURES:
                    del self._paths[next(iter(self._paths))]
                paths = self._paths[key] = Paths([node for node in run.nodes if node is not None])
        with paths.lock:
            try:
                if paths.count < MAX_PATHS:
                    paths.add(run)
                else:
                    self._give_up(paths, f"took more than {MAX_PATHS} paths for arguments of one kind")
            except _Changed:
                self._give_up(
                    paths, "took different decisions on the same values, so it depends on more than its arguments"
                )
        return result

    def _give_up(self, paths: Paths, why: str) -> None:
        paths.given_up = True
        if not self._warned:
            self._warned = True
            name = getattr(self._f, "__name__", repr(self._f))
            do = "Calls of this kind run as plain Python from now on, which is right but slower."
            warnings.warn(teach("jit", f"{name} {why}.", do), GeartrainWarning, stacklevel=4)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        paths = sum([p.count for p in self._paths.values()])
        return f"<jit of {getattr(self._f, '__name__', self._f)!s}: {len(self._paths)} signatures, {paths} paths>"


def _apart(y: Any) -> Any:
    """A result in memory of its own, as compiled ones are: not an argument's, nor a global array's."""
    return y.copy("K") if is_array(y) else y


def _with_keywords(f: F) -> F:
    def called(args: Any, kwargs: Any) -> Any:
        return f(*args, **kwargs)

    called.__wrapped__ = f  # type: ignore[attr-defined]
    return called


def jit(f: F) -> Jitted:
    """The same function, recorded once for each signature and path, and then run without Python's own steps.

    Arrays and floats are traced. The containers, shapes and dtypes, and the values of integers, truth values, strings
    and ``None``, make the signature. A decision that Python takes on a traced value (``if``, ``while``, ``int()``,
    ``x[mask]``) is checked on every call, and another outcome is another path. A function with more than ``MAX_PATHS``
    of them for one signature runs as plain Python from then on, with one warning.

    The function should depend on its arguments alone: what it reads elsewhere is read when it is recorded. So is text:
    what it prints is printed then, and an f-string of a traced value keeps the number of that run. Results share no
    memory with the arguments. Threads may call it at once.

    With the extra ``native`` the program is compiled for this processor, which warns of no overflow and divides Python
    floats by zero as NumPy does; without it, it runs as a plan of NumPy calls.

    >>> @jit
    ... def f(x):
    ...     return x * 2 if x > 0 else -x
    >>> f(3.0), f(-3.0), f(4.0)
    (6.0, 3.0, 8.0)
    >>> from geartrain.api import grad
    >>> jit(grad(f))(-3.0)
    -1.0
    """
    return Jitted(f)
