"""The recorded paths of a program: a tree of straight-line segments, each but the last ending in a decision."""

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from geartrain import tree
from geartrain.backends import numpy
from geartrain.backends.choose import Native, Program, Result, compile
from geartrain.ir.aval import Array, aval_of
from geartrain.ir.graph import Graph, closed
from geartrain.ir.node import CONST, Node
from geartrain.recording import Recording
from geartrain.run import Run, is_static
from geartrain.trace.decide import DECIDE

__all__ = ["Changed", "Decision", "Fork", "Leaf", "Paths", "Segment", "once"]

Decision = tuple[Node, str, Any]
"""What Python asked about, how (see ``decide.DECIDE``), and the answer."""


MOST_DECISIONS = 32
"""A path with more of them is walked in Python: compiling it as a whole once more would take too long."""


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
    """The last segment of a path, and how its results make the return value.

    ``decisions`` are all that lead here; ``walks`` counts the calls that came this way through Python. ``late``: the
    code of native calls was not there yet when this was recorded.
    """

    def __init__(
        self, segment: Segment, results: tuple[Result, ...], treedef: tree.TreeDef, decisions: tuple[Decision, ...]
    ) -> None:
        self.segment, self.results, self.treedef, self.decisions = segment, results, treedef, decisions
        self.walks = 0
        self.late = False

    def returned(self, made: Sequence[Array]) -> Any:
        """The return value, from what the segment has made."""
        place = iter(made)
        values: list[Any] = []
        for node, value, array in self.results:
            if node is not None:
                value = next(place)
                if array and type(value) is not np.ndarray:
                    value = np.asarray(value)
            values.append(value)
        return tree.unflatten(self.treedef, values)


class Changed(Exception):
    """The program took another decision than its own record says it must."""


class Paths:
    """All recorded paths of one signature. ``memory``: the bytes for values between arguments and results."""

    def __init__(self, inputs: Sequence[Node], memory: int | None = None) -> None:
        self.memory = memory
        self.recording = Recording([aval_of(node.value) for node in inputs])
        self.root: Fork | Leaf | None = None
        self.count = 0
        self.given_up = False
        self.doubts = 0
        self.lock = threading.Lock()

    def call(self, args: Sequence[Array]) -> tuple[Leaf | None, Any]:
        """The recorded path that fits, if there is one, and what it returns."""
        values: dict[Node, Array] = dict(zip(self.recording.inputs, args, strict=True))
        at = self.root
        while at is not None:
            program, reads, makes = at.segment
            made = program([values[node] for node in reads])
            if isinstance(at, Leaf):
                at.walks += 1
                return at, at.returned(made)
            values.update(zip(makes, made, strict=True))
            at = at.branches.get(DECIDE[at.how](values[at.node]))
        return None, None

    def run(self, leaf: Leaf, args: Sequence[Array]) -> Any:
        """What a path without decisions returns."""
        values = dict(zip(self.recording.inputs, args, strict=True))
        return leaf.returned(leaf.segment.program([values[node] for node in leaf.segment.reads]))

    def add(self, run: Run) -> Leaf:
        """Record the path that a run took.

        Raises:
            Changed: the program took another decision than its own record says it must.
        """
        inputs = [node for node in run.nodes if node is not None]
        asked = run.trace.decisions
        results = [run.constant_or_node(y) if not is_static(y) else None for y in run.results]
        wanted = [d.node for d in asked] + [r for r in results if r is not None]
        pure = self.recording.take(run.level.segment, inputs, wanted)
        decisions = once(pure[: len(asked)], [(d.how, d.answer) for d in asked])
        rest = iter(pure[len(asked) :])
        outs = [
            Result(None, y, False) if r is None else Result(next(rest), None, run.is_array(y))
            for y, r in zip(run.results, results, strict=True)
        ]
        return self._grow(decisions, outs, run.result_def)

    def along(self, leaf: Leaf) -> list[Segment]:
        """The segments of a recorded path, in order."""
        found: list[Segment] = []
        at = self.root
        for _, _, answer in leaf.decisions:
            assert isinstance(at, Fork)
            found.append(at.segment)
            at = at.branches[answer]
        return [*found, leaf.segment]

    def graph_of(self, segment: Segment) -> Graph:
        """What was compiled for a segment."""
        made = self.recording.graph(segment.reads, segment.makes)
        return closed(Graph(segment.reads, made.nodes, made.outputs))

    def native(
        self, leaf: Leaf, args: tuple[Any, ...], kwargs: dict[str, Any], donated: frozenset[int]
    ) -> Native | None:
        """A whole path as one program, for arguments like these; ``None`` if there cannot be one.

        ``donated`` are the numbers of the arguments that the caller gives away.
        """
        if len(leaf.decisions) > MOST_DECISIONS or any(how == "shape" for _, how, _ in leaf.decisions):
            return None
        leaves, both = tree.flatten((args, kwargs))
        plain, named = both.children
        arguments = tree.TreeDef(tuple, (), (*plain.children, *named.children))
        given = [i in donated for i, child in enumerate(plain.children) for _ in tree.names(child)]
        given += [False] * (len(leaves) - len(given))
        guarded = bool(leaf.decisions)
        program = self._guarded(leaf) if guarded else leaf.segment.program
        static = [*map(is_static, leaves)]
        made = (program, arguments, leaves, static, leaf.results, leaf.treedef, guarded, given)
        return Native(*made, names=tuple(kwargs))

    def _guarded(self, leaf: Leaf) -> Program:
        """One program for a whole path: its results, and then whether all decisions are as they were on this path.

        It computes what the path would not have computed behind a decision that now differs. Nobody sees that: native
        code raises nothing, and what it makes is thrown away.
        """
        nodes = [r.node for r in leaf.results if r.node is not None]
        inputs = self.recording.inputs
        made = self.recording.graph(inputs, [*nodes, self.recording.all_hold(leaf.decisions)])
        return compile(closed(Graph(tuple(inputs), made.nodes, made.outputs)), self.memory)

    def _grow(self, decisions: list[Decision], outs: list[Result], treedef: tree.TreeDef) -> Leaf:
        known = dict.fromkeys(self.recording.inputs)
        at, before = self.root, None
        depth, measured = 0, False
        while isinstance(at, Fork):
            if depth == len(decisions) or (at.node, at.how) != decisions[depth][:2]:
                raise Changed
            known.update(dict.fromkeys(at.segment.makes))
            measured = measured or at.how == "shape"
            before = (at, decisions[depth][2])
            at = at.branches.get(decisions[depth][2])
            depth += 1
        if isinstance(at, Leaf):
            return at  # another thread recorded the same path in the meantime
        new, leaf = self._segments(known, decisions, depth, outs, treedef, measured)
        if before is None:
            self.root = new
        else:
            before[0].branches[before[1]] = new
        self.count += 1
        return leaf

    def _segments(
        self,
        known: dict[Node, None],
        all_decisions: list[Decision],
        depth: int,
        outs: list[Result],
        treedef: tree.TreeDef,
        measured: bool,
    ) -> tuple["Fork | Leaf", Leaf]:
        """The end of a path: a segment up to each decision from number ``depth`` on, and the last one to the results.

        Behind a decision on a shape (``measured``) paths share nodes whose shapes differ, so nothing there may be
        planned for one of them: it runs on NumPy.
        """
        decisions = all_decisions[depth:]
        leaf_nodes = [y.node for y in outs if y.node is not None]
        goals = [[node] for node, _, _ in decisions] + [leaf_nodes]
        home: dict[Node, int] = {}  # the segment in which a node is computed
        used_later: list[set[Node]] = [set() for _ in goals]
        for i, goal in enumerate(goals if decisions else []):
            nodes = self.recording.graph([*known, *home], goal).nodes
            for node in nodes:
                if node.op is not CONST:
                    home[node] = i
            for x in [*[x for node in nodes for x in node.inputs], *goal]:
                if home.get(x, i) < i:
                    used_later[home[x]].add(x)
        have = dict(known)
        made: Fork | Leaf | None = None
        first: Fork | Leaf | None = None
        last: tuple[Fork, Any] | None = None
        for i, goal in enumerate(goals):
            makes = tuple(dict.fromkeys([*goal, *used_later[i]])) if i < len(decisions) else tuple(goal)
            graph = self.recording.graph(have, makes) if all_decisions else self.recording.whole(makes)
            program = numpy.compile(closed(graph)) if measured else compile(closed(graph), self.memory)
            segment = Segment(program, graph.inputs, makes)
            if i < len(decisions):
                made = Fork(segment, decisions[i][0], decisions[i][1])
            else:
                made = Leaf(segment, tuple(outs), treedef, tuple(all_decisions))
            have.update(dict.fromkeys(makes))
            if last is None:
                first = made
            else:
                last[0].branches[last[1]] = made
            if isinstance(made, Fork):
                last = (made, decisions[i][2])
                measured = measured or made.how == "shape"
        assert first is not None
        assert isinstance(made, Leaf)
        return first, made


def once(nodes: Sequence[Node], asked: Sequence[tuple[str, Any]]) -> list[Decision]:
    """Each decision once; those on constants are none."""
    found: dict[tuple[Node, str], Any] = {}
    for node, (how, answer) in zip(nodes, asked, strict=True):
        if node.op is not CONST:
            found.setdefault((node, how), answer)
    return [(node, how, answer) for (node, how), answer in found.items()]
