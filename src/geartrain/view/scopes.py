"""Where in the user's program an operation was made, and how the picture groups and folds what repeats.

A scope is one call of one of the user's functions. Operations of a scope stand together on the tape, so scopes nest as
ranges. Inside a scope, a stretch that comes again and again (the turns of a loop) is folded into one ``x12``.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np

from geartrain.errors import SourceLine
from geartrain.ir.node import Node

__all__ = ["Group", "Scope", "ScopedLines", "fold"]

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LAYERS = os.path.join(_HERE, "nn") + os.sep  # a layer is a call of the program, by the name of what made it: dense
_MODELS = os.path.join(_HERE, "train") + os.sep  # plain NumPy programs that come along: as if the user had written them
LONGEST_TURN = 64
"""A loop whose turn has more operations than this, counted at its own level, is not folded."""
FEWEST_TURNS = 3
MOST_NAMED = 3
"""A loop with more different calls in a turn than this is named by its count alone."""


@dataclass(frozen=True, eq=False, slots=True)
class Scope:
    """One call: the function's name and the call that it was made in. Two calls are two scopes."""

    name: str
    parent: "Scope | None"
    depth: int


class ScopedLines(dict[Node, SourceLine | None]):
    """The side table of source lines that a trace keeps; this one also keeps the calls that were under way.

    The program's own function is the outermost scope. What was under way before it (the shell, the test) is left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scopes: dict[Node, Scope | None] = {}
        self._base = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        self._known: dict[FrameType, Scope] = {}  # holds the frames, so that none is mistaken for a later one

    def __setitem__(self, node: Node, line: SourceLine | None) -> None:
        super().__setitem__(node, line)
        frames: list[FrameType] = []
        frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        found: Scope | None = None
        while frame is not None and frame is not self._base:
            if (found := self._known.get(frame)) is not None:
                break
            if _name(frame):
                frames.append(frame)
            frame = frame.f_back
        for inner in reversed(frames):
            found = Scope(_name(inner), found, 0 if found is None else found.depth + 1)
            self._known[inner] = found
        self.scopes[node] = found

    def forget_frames(self) -> None:
        """Let go of the program's frames, and with them of its local variables."""
        self._known.clear()


def _name(frame: FrameType) -> str:
    """What a call is called in the picture; "" for one that is geartrain's own business."""
    code = frame.f_code
    file = code.co_filename
    if file.startswith(_LAYERS):
        maker = code.co_qualname.split(".")[0]
        return "" if maker.startswith("_") else maker
    ours = file.startswith((_HERE, "<__array_function__")) and not file.startswith(_MODELS)
    return "" if ours else code.co_name


@dataclass(slots=True)
class Group:
    """A stretch ``first <= i < last`` of the tape: ``kind`` is ``program``, ``call``, ``repeat`` or ``turn``.

    A ``repeat`` has ``count`` turns, each a child of it.
    """

    name: str
    kind: str
    parent: int
    first: int
    last: int
    count: int = 1
    children: list[int] = field(default_factory=list[int])


@dataclass(frozen=True, slots=True)
class _Item:
    """A node or a group, at the level where it is looked at; ``sign`` is equal for items that do the same."""

    first: int
    last: int
    sign: int
    group: int = -1


def fold(scopes: Sequence[Scope | None], signs: Sequence[object], inputs: int = 0) -> tuple[list[Group], list[int]]:
    """The groups of a tape, and for each node the innermost group it is in.

    ``signs[i]`` says what node i does (its op and its line): stretches with equal signs are turns of one loop. A
    constant goes with the node after it; the first ``inputs`` nodes belong to the whole program.

    >>> groups, inside = fold([None] * 7, ["start", *["mul", "add"] * 3])
    >>> [(g.name, g.kind, g.first, g.last, g.count) for g in groups]
    [('', 'program', 0, 7, 1), ('×3', 'repeat', 1, 7, 3), ('turn 1', 'turn', 1, 3, 1), ('turn 2', 'turn', 3, 5, 1),
     ('turn 3', 'turn', 5, 7, 1)]
    """
    builder = _Folder(scopes, signs, inputs)
    builder.run()
    return builder.groups, builder.inside


class _Folder:
    def __init__(self, scopes: Sequence[Scope | None], signs: Sequence[object], inputs: int) -> None:
        self.count = len(signs)
        self.chains = [_chain(s) for s in _filled(scopes)]
        self.chains[:inputs] = [chain[:1] for chain in self.chains[:inputs]]
        self.interned: dict[object, int] = {}
        self.signs = [self._intern(("op", s)) for s in signs]
        self.groups = [Group("", "program", -1, 0, self.count)]
        self.inside = [0] * self.count

    def run(self) -> None:
        outer = self.chains[-1][0] if self.count and self.chains[-1] else None
        if outer is not None:
            self.groups[0].name = outer.name
        stack = [(0, 0, self.count, 1 if outer is not None and all(c[:1] == (outer,) for c in self.chains) else 0)]
        todo: list[tuple[int, list[_Item]]] = []
        while stack:  # first all calls, outermost first
            parent, first, last, depth = stack.pop()
            items: list[tuple[int, int, int]] = []
            i = first
            while i < last:
                scope = self.chains[i][depth] if depth < len(self.chains[i]) else None
                j = i + 1
                if scope is not None:
                    while j < last and len(self.chains[j]) > depth and self.chains[j][depth] is scope:
                        j += 1
                    group = -1
                    if j - i > 1:  # a call of one operation is that operation
                        group = self._add(Group(scope.name, "call", parent, i, j))
                        stack.append((group, i, j, depth + 1))
                    items.append((i, j, group))
                else:
                    items.append((i, j, -1))
                i = j
            todo.append((parent, [_Item(a, b, -1, g) for a, b, g in items]))
        signs: dict[int, int] = {}
        for parent, raw in reversed(todo):  # then loops, innermost first, since a call in a turn must know its sign
            made = [
                _Item(x.first, x.last, self.signs[x.first] if x.group < 0 else signs[x.group], x.group) for x in raw
            ]
            signs[parent] = self._intern(("call", self.groups[parent].name, tuple(x.sign for x in made)))
            self._loops(parent, made)
        for number, group in enumerate(self.groups):
            if group.parent >= 0:
                self.groups[group.parent].children.append(number)
        self._order()

    def _loops(self, parent: int, items: list[_Item]) -> None:
        """Fold loops among the items of one level, again and again, so that loops in loops fold too."""
        while True:
            folded, changed = self._fold_once(parent, items)
            if not changed:
                break
            items = folded

    def _fold_once(self, parent: int, items: list[_Item]) -> tuple[list[_Item], bool]:
        """Fold all runs of the shortest turn that comes often enough: inner loops before outer ones."""
        period, lengths = _shortest(np.array([x.sign for x in items]))
        out: list[_Item] = []
        i = 0
        while i < len(items):
            if not period or i >= len(lengths) or lengths[i] < period * (FEWEST_TURNS - 1):
                out.append(items[i])
                i += 1
                continue
            turns = int(lengths[i]) // period + 1
            last = items[i + turns * period - 1].last
            single = period == 1 and items[i].group >= 0
            whole = self._add(Group(f"×{turns}", "repeat", parent, items[i].first, last, turns))
            for turn in range(turns):
                part = items[i + turn * period : i + (turn + 1) * period]
                if single:  # a call that is made again and again needs no wrapping
                    self.groups[part[0].group].parent = whole
                else:
                    group = self._add(Group(f"turn {turn + 1}", "turn", whole, part[0].first, part[-1].last))
                    for x in part:
                        if x.group >= 0:
                            self.groups[x.group].parent = group
            calls = list(dict.fromkeys(self.groups[x.group].name for x in items[i : i + period] if x.group >= 0))
            if 0 < len(calls) <= MOST_NAMED and "" not in calls:
                self.groups[whole].name = f"{' + '.join(calls)} ×{turns}"
            key = ("repeat", turns, tuple(x.sign for x in items[i : i + period]))
            out.append(_Item(items[i].first, last, self._intern(key), whole))
            i += turns * period
        return out, period > 0

    def _add(self, group: Group) -> int:
        self.groups.append(group)
        return len(self.groups) - 1

    def _intern(self, key: object) -> int:
        return self.interned.setdefault(key, len(self.interned))

    def _order(self) -> None:
        """Number the groups by where they start, outer before inner, and say for each node where it is."""
        order = sorted(
            range(len(self.groups)), key=lambda g: (self.groups[g].first, -self.groups[g].last, self._deep(g))
        )
        new = {old: i for i, old in enumerate(order)}
        self.groups = [self.groups[old] for old in order]
        for group in self.groups:
            group.parent = new.get(group.parent, -1)
            group.children = sorted(new[c] for c in group.children)
        for number, group in enumerate(self.groups):
            if not group.children:
                self.inside[group.first : group.last] = [number] * (group.last - group.first)
                continue
            at = group.first
            for child in group.children:
                start = self.groups[child].first
                self.inside[at:start] = [number] * (start - at)
                at = self.groups[child].last
            self.inside[at : group.last] = [number] * (group.last - at)

    def _deep(self, group: int) -> int:
        depth = 0
        while group >= 0:
            group = self.groups[group].parent
            depth += 1
        return depth


def _shortest(signs: Any) -> tuple[int, Any]:
    """The shortest period with which a sequence repeats itself often enough somewhere, and for how long from where.

    ``lengths[i]`` says for how many places from i on the sequence equals itself one period later. Period 0: nowhere.
    """
    for period in range(1, min(LONGEST_TURN, len(signs) // FEWEST_TURNS) + 1):
        same = signs[:-period] == signs[period:]
        stop = np.where(~same, np.arange(len(same)), len(same))
        lengths = np.minimum.accumulate(stop[::-1])[::-1] - np.arange(len(same))
        if np.max(lengths) >= period * (FEWEST_TURNS - 1):
            return period, lengths
    return 0, np.zeros(0, int)


def _filled(scopes: Sequence[Scope | None]) -> list[Scope | None]:
    out = list(scopes)
    for i in reversed(range(len(out) - 1)):
        if out[i] is None:
            out[i] = out[i + 1]
    return out


def _chain(scope: Scope | None) -> tuple[Scope, ...]:
    chain: list[Scope] = []
    while scope is not None:
        chain.append(scope)
        scope = scope.parent
    return tuple(reversed(chain))
