"""From a group of nodes to loop nests: number the values, find the operands, merge loops where memory allows it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from geartrain.ir.node import CONST, Node
from geartrain.ir.views import View, broadcast
from geartrain.ops.index import GETITEM
from geartrain.schedule.element import Element, code_of, element_of
from geartrain.schedule.indexing import Indexing, indexing, spread_index, spread_operand
from geartrain.schedule.loops import Fold, Instr, Kernel, Operand, Scatter
from geartrain.schedule.steps import Group, Home, Place

__all__ = ["Ref", "Run", "build_group", "copy_run", "fill_run"]


_NEUTRAL: dict[str, Any] = {"sum": 0, "any": False, "all": True}


class Ref(NamedTuple):
    """An operand of a call: the buffer of ``root`` from element ``offset`` on, with a stride for each loop."""

    root: Node
    offset: int
    strides: tuple[int, ...]


class Run(NamedTuple):
    """One call of a kernel. ``writes`` numbers the operands that it writes."""

    kernel: Kernel
    refs: tuple[Ref, ...]
    sizes: tuple[int, ...]
    immediates: tuple[tuple[str, Any], ...]
    writes: frozenset[int]


class _Nest:
    """A loop nest in the making, over a space."""

    def __init__(self, space: tuple[int, ...]) -> None:
        self.space = space
        self.code: list[Instr] = []
        self.known: dict[Any, int] = {}
        self.views: list[tuple[Node, View, str]] = []
        self.places: dict[tuple[Node, View], int] = {}
        self.immediates: list[tuple[str, Any]] = []
        self.stores: list[tuple[int, int]] = []
        self.folds: list[tuple[str, int, int, tuple[int, ...]]] = []
        self.scatters: list[Scatter] = []

    def instr(self, op: str, dtype: str, out: str, *args: int) -> int:
        key = Instr(op, dtype, out, args)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = len(self.code)
            self.code.append(key)
        return found

    def operand(self, home: Home, dtype: str) -> int:
        key = (home.root, home.view)
        found = self.places.get(key)
        if found is None:
            found = self.places[key] = len(self.views)
            self.views.append((home.root, home.view, dtype))
        return found

    def load(self, home: Home, dtype: str) -> int:
        view = home.view if home.view.shape == self.space else broadcast(home.view, self.space)
        return self.instr("load", dtype, dtype, self.operand(Home(home.root, view), dtype))

    def immediate(self, value: Any, dtype: str) -> int:
        value = np.asarray(value).astype(dtype).reshape(())[()]
        key = ("imm", dtype, value.tobytes())
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = len(self.code)
            self.code.append(Instr("imm", dtype, dtype, (len(self.immediates),)))
            self.immediates.append((dtype, value))
        return found

    def cast(self, value: int, to: str) -> int:
        have = self.code[value].out
        return value if have == to else self.instr("cast", have, to, value)

    def run(self) -> Run | None:
        """The finished call; ``None`` where there is nothing to do."""
        if 0 in self.space:
            return None
        reduced = [axes for _, _, _, axes in self.folds]
        loops = _merged(self.space, [view.strides for _, view, _ in self.views], reduced)
        sizes = tuple([n for n, _, _ in loops])
        refs, operands = list[Ref](), list[Operand]()
        for i, (root, view, dtype) in enumerate(self.views):
            strides = tuple([s[i] for _, s, _ in loops])
            inner = "none" if not loops or strides[-1] == 0 else "unit" if strides[-1] == 1 else "step"
            refs.append(Ref(root, view.offset, strides))
            operands.append(Operand(dtype, inner))
        folds: list[Fold] = []
        stores = list(self.stores)
        for k, (kind, value, operand, _) in enumerate(self.folds):
            over = [masks[k] for _, _, masks in loops]
            if any(over):
                folds.append(Fold(kind, value, operand, over[-1], any(over[:-1])))
            else:
                stores.append((value, operand))
        made = tuple(self.code), tuple(stores), tuple(folds), tuple(self.scatters)
        kernel = Kernel(len(loops), tuple(operands), len(self.immediates), *made)
        writes = frozenset([o for _, o in stores] + [f.operand for f in folds] + [s.operand for s in self.scatters])
        return Run(kernel, tuple(refs), sizes, tuple(self.immediates), writes)


def _merged(
    space: tuple[int, ...], strides: Sequence[tuple[int, ...]], reduced: Sequence[tuple[int, ...]]
) -> list[tuple[int, list[int], list[bool]]]:
    """The loops, outermost first: size, stride of each operand, and for each fold whether it folds this loop.

    Axes of size one need no loop; neighbours over which every operand moves evenly are one loop.
    """
    loops: list[tuple[int, list[int], list[bool]]] = []
    for axis, n in enumerate(space):
        if n == 1:
            continue
        steps = [s[axis] for s in strides]
        masks = [axis in axes for axes in reduced]
        if loops:
            m, outer, outer_masks = loops[-1]
            if masks == outer_masks and all(o == s * n for o, s in zip(outer, steps, strict=True)):
                loops[-1] = (m * n, steps, masks)
                continue
        loops.append((n, steps, masks))
    return loops


def fill_run(home: Home, value: Any) -> Run | None:
    """Fill a part of a buffer with one value."""
    dtype = code_of(home.root.aval.dtype)
    nest = _Nest(home.view.shape)
    nest.stores.append((nest.immediate(value, dtype), nest.operand(home, dtype)))
    return nest.run()


def copy_run(to: Home, source: Home) -> Run | None:
    """Copy a value to a part of a buffer."""
    dtype = code_of(to.root.aval.dtype)
    nest = _Nest(to.view.shape)
    nest.stores.append((_read(nest, source, dtype), nest.operand(to, dtype)))
    return nest.run()


def _read(nest: _Nest, home: Home, dtype: str) -> int:
    root = home.root
    if root.op is CONST and root.aval.size == 1:
        return nest.immediate(root.value, dtype)
    return nest.cast(nest.load(home, code_of(root.aval.dtype)), dtype)


def build_group(group: Group, homes: dict[Node, Home], stored: set[Node], inside: dict[Node, Group]) -> list[Run]:
    """The calls of a group: fills for folds that need them, then the loop nest itself."""
    nest = _Nest(group.space)
    values: dict[Node, int] = {}

    def value(x: Node, dtype: str) -> int:
        if inside.get(x) is group:
            return nest.cast(values[x], dtype)
        return _read(nest, homes[x], dtype)

    def chosen(arrays: Sequence[Node], how: Indexing, sizes: tuple[int, ...], strides: tuple[int, ...]) -> list[int]:
        """What a gather or scatter wants to know of its index arrays."""
        where: list[int] = []
        for x, size, stride in zip(arrays, sizes, strides, strict=True):
            if inside.get(x) is group:
                index = nest.cast(values[x], "i8")
            else:
                root, view = homes[x]
                index = _read(nest, Home(root, spread_index(view, how, group.space)), "i8")
            where += [index, nest.immediate(size, "i8"), nest.immediate(stride, "i8")]
        return where

    for node in group.members:
        if node.op is GETITEM:
            values[node] = _gather(nest, node, homes[node.inputs[0]], chosen)
        else:
            values[node] = _element(nest, element_of(node), [(x, value) for x in node.inputs])
        if node in stored:
            dtype = code_of(node.aval.dtype)
            nest.stores.append((values[node], nest.operand(homes[node], dtype)))
    before: list[Run | None] = []
    for node in group.folds:
        x = node.inputs[0]
        kind, dtype = node.op.name, code_of(node.aval.dtype)
        v = value(x, code_of(x.aval.dtype))
        v = _as_bool(nest, v) if kind in ("any", "all") else nest.cast(v, dtype)
        home, axes = homes[node], node.params[0]
        nest.folds.append((kind, v, nest.operand(Home(home.root, _spread(home.view, group.space, axes)), dtype), axes))
    for place in group.places:
        _place(nest, place, value, chosen)
    run = nest.run()
    onto = {f.operand for f in run.kernel.folds if f.onto} if run is not None else None
    for (kind, _, operand, _), node in zip(nest.folds, group.folds, strict=True):
        if onto is None or operand in onto:
            neutral = _NEUTRAL.get(kind)
            before.append(fill_run(homes[node], _extreme(kind, node) if neutral is None else neutral))
    return [r for r in (*before, run) if r is not None]


def _gather(nest: _Nest, node: Node, home: Home, chosen: Any) -> int:
    x, *arrays = node.inputs
    dtype, size = code_of(x.aval.dtype), x.aval.dtype.itemsize
    how = indexing(node.params[0], len(x.aval.shape), [a.aval.shape for a in arrays])
    assert how is not None
    view, strides = spread_operand(home.view, how)
    where = chosen(arrays, how, x.aval.shape[how.lead : how.lead + how.arrays], tuple([s * size for s in strides]))
    return nest.instr("gather", dtype, dtype, nest.operand(Home(home.root, view), dtype), *where)


def _place(nest: _Nest, place: Place, value: Any, chosen: Any) -> None:
    dtype = code_of(place.home.root.aval.dtype)
    if place.how is not None:
        root, whole = place.home
        view, strides = spread_operand(whole, place.how)
        lead, size = place.how.lead, root.aval.dtype.itemsize
        sizes = whole.shape[lead : lead + place.how.arrays]
        where = chosen(place.arrays, place.how, sizes, tuple([s * size for s in strides]))
        target = nest.operand(Home(root, view), dtype)
        nest.scatters.append(Scatter(value(place.value, dtype), target, tuple(where), place.add))
        return
    nest.stores.append((value(place.value, dtype), nest.operand(place.home, dtype)))


def _element(nest: _Nest, element: Element | None, operands: list[tuple[Node, Any]]) -> int:
    assert element is not None
    args = [value(x, dtype) for (x, value), dtype in zip(operands, element.dtypes, strict=True)]
    if element.op == "copy":
        return args[0]
    if element.op == "cast":
        return nest.cast(args[0], element.out)
    if element.op == "where":
        return nest.instr("where", element.out, element.out, *args)
    return nest.instr(element.op, element.dtypes[0], element.out, *args)


def _as_bool(nest: _Nest, v: int) -> int:
    dtype = nest.code[v].out
    return v if dtype == "b1" else nest.instr("not_equal", dtype, "b1", v, nest.immediate(0, dtype))


def _spread(view: View, space: tuple[int, ...], axes: tuple[int, ...]) -> View:
    """Where the fold of each point of the space goes: the folded axes do not move."""
    kept = iter(view.strides)
    return View(view.offset, space, tuple([0 if i in axes else next(kept) for i in range(len(space))]))


def _extreme(kind: str, node: Node) -> Any:
    dtype = node.aval.dtype
    if dtype.kind == "f":
        return -np.inf if kind == "max" else np.inf
    if dtype.kind == "b":
        return kind == "min"
    info = np.iinfo(dtype)
    return info.min if kind == "max" else info.max
