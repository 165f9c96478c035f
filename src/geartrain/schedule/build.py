"""From a group of nodes to loop nests: what each node does becomes instructions."""

from collections.abc import Sequence
from typing import Any

from geartrain.ir.node import CONST, Node
from geartrain.ops.index import GETITEM
from geartrain.schedule.element import Element, code_of, element_of
from geartrain.schedule.indexing import Indexing, indexing, spread_index, spread_operand
from geartrain.schedule.loops import Scatter
from geartrain.schedule.nest import Nest, Run
from geartrain.schedule.steps import Group, Home, Place

__all__ = ["build_group", "copy_runs"]


def copy_runs(to: Home, source: Home) -> list[Run]:
    """Copy a value to a part of a buffer."""
    dtype = code_of(to.root.aval.dtype)
    nest = Nest(to.view.shape)
    nest.stores.append((_read(nest, source, dtype), nest.operand(to, dtype)))
    return nest.runs()


def _read(nest: Nest, home: Home, dtype: str) -> int:
    root = home.root
    if root.op is CONST and root.aval.size == 1:
        return nest.immediate(root.value, dtype)
    return nest.cast(nest.load(home, code_of(root.aval.dtype)), dtype)


def build_group(group: Group, homes: dict[Node, Home], stored: set[Node], inside: dict[Node, Group]) -> list[Run]:
    """The calls of a group: fills for folds that need them, then the loop nest itself."""
    nest = Nest(group.space)
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
    for node in group.folds:
        x = node.inputs[0]
        kind, dtype = node.op.name, code_of(node.aval.dtype)
        v = value(x, code_of(x.aval.dtype))
        v = _as_bool(nest, v) if kind in ("any", "all") else nest.cast(v, dtype)
        nest.fold(kind, v, homes[node], node.params[0])
    for place in group.places:
        _place(nest, place, value, chosen)
    return nest.runs()


def _gather(nest: Nest, node: Node, home: Home, chosen: Any) -> int:
    x, *arrays = node.inputs
    dtype, size = code_of(x.aval.dtype), x.aval.dtype.itemsize
    how = indexing(node.params[0], len(x.aval.shape), [a.aval.shape for a in arrays])
    assert how is not None
    view, strides = spread_operand(home.view, how)
    where = chosen(arrays, how, x.aval.shape[how.lead : how.lead + how.arrays], tuple([s * size for s in strides]))
    return nest.instr("gather", dtype, dtype, nest.operand(Home(home.root, view), dtype), *where)


def _place(nest: Nest, place: Place, value: Any, chosen: Any) -> None:
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


def _element(nest: Nest, element: Element | None, operands: list[tuple[Node, Any]]) -> int:
    assert element is not None
    args = [value(x, dtype) for (x, value), dtype in zip(operands, element.dtypes, strict=True)]
    if element.op == "copy":
        return args[0]
    if element.op == "cast":
        return nest.cast(args[0], element.out)
    if element.op == "where":
        return nest.instr("where", element.out, element.out, *args)
    return nest.instr(element.op, element.dtypes[0], element.out, *args)


def _as_bool(nest: Nest, v: int) -> int:
    dtype = nest.code[v].out
    return v if dtype == "b1" else nest.instr("not_equal", dtype, "b1", v, nest.immediate(0, dtype))
