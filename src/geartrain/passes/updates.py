"""Algebra on reading and writing parts: what an assignment through a view leaves behind.

Python's ``x[i] += y`` reads a part, adds to it in place, and writes it back: three nodes of which one matters.
"""

from typing import Any

from geartrain.ir.graph import Graph
from geartrain.ir.node import Node
from geartrain.ir.views import contiguous, indexed
from geartrain.ops.index import GETITEM, SCATTER
from geartrain.ops.join import CONCATENATE
from geartrain.ops.shape import BROADCAST
from geartrain.passes.rewrite import Builder, rewritten, uniform

__all__ = ["simplify_updates"]


def simplify_updates(graph: Graph) -> Graph:
    """Six rules, all exact, for basic indices.

    - All of ``x`` replaced by ``p`` is ``p``.
    - ``x`` with a part replaced by that part of ``x`` is ``x``.
    - A part that is replaced twice was replaced the second time.
    - The part of (``x`` with that part replaced by ``p``) is ``p``, also if other parts were replaced since.
    - A part, never replaced, of what was an array of one number, repeats that number.
    - An array of one number, all of which is replaced, slice by slice, is those slices joined.
    """
    return rewritten(graph, _simplify)


def _simplify(builder: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    if node.op is SCATTER and len(inputs) == 2:
        base, part = inputs
        if part.aval == node.aval and _is_whole(node):
            return part
        if part.op is GETITEM and part.inputs == (base,) and part.params == node.params:
            return base
        if base.op is SCATTER and len(base.inputs) == 2 and base.params == node.params:
            return builder.op(SCATTER, base.inputs[0], part, params=node.params, aval=node.aval)
        return _joined(builder, node, base, part)
    if node.op is GETITEM and len(inputs) == 1:
        return _part(builder, node, inputs[0])
    return None


def _part(builder: Builder, node: Node, x: Node) -> Node | None:
    """Reading a part of ``x``; an older ``x`` is left alone, since nobody else may change it in place if it is read."""
    looked = x
    while looked.op is SCATTER and len(looked.inputs) == 2:
        base, part = looked.inputs
        if looked.params == node.params and part.aval == node.aval:
            return part
        if not _apart(node.params[0], looked.params[0], x.aval.shape):
            break
        looked = base
    number = uniform(looked) if looked.op is BROADCAST else None
    if number is not None:
        return builder.broadcast(builder.const(number), node.aval.shape)
    return None


def _joined(builder: Builder, node: Node, base: Node, part: Node) -> Node | None:
    """Slices that are all of an array: the last one of them is written here."""
    shape = node.aval.shape
    parts = {_stretch(node.params[0], shape): part}
    while base.op is SCATTER and len(base.inputs) == 2:
        parts.setdefault(_stretch(base.params[0], shape), base.inputs[1])
        base = base.inputs[0]
    if None in parts or uniform(base) is None or any(x.aval.dtype != node.aval.dtype for x in parts.values()):
        return None
    found = sorted([(*stretch, x) for stretch, x in parts.items() if stretch is not None], key=lambda each: each[:3])
    axis, end = found[0][0], 0
    for along, start, stop, x in found:
        if along != axis or start != end or x.aval.shape != (*shape[:axis], stop - start, *shape[axis + 1 :]):
            return None
        end = stop
    if end != shape[axis]:
        return None
    return builder.op(CONCATENATE, *[x for *_, x in found], params=(axis,), aval=node.aval)


def _slices(template: tuple[Any, ...], shape: tuple[int, ...]) -> list[range] | None:
    """The places along each axis, if the index is slices (and ``...``)."""
    at = [i for i, each in enumerate(template) if each is Ellipsis]
    whole = [slice(None)] * (len(shape) - len(template) + len(at))
    parts = [*template[: at[0]], *whole, *template[at[0] + 1 :]] if at else [*template, *whole]
    if any(not isinstance(each, slice) for each in parts):
        return None
    return [range(*each.indices(n)) for each, n in zip(parts, shape, strict=True)]


def _apart(a: tuple[Any, ...], b: tuple[Any, ...], shape: tuple[int, ...]) -> bool:
    """Whether two indices have no element in common, as far as one axis can tell."""
    first, second = _slices(a, shape), _slices(b, shape)
    if first is None or second is None:
        return False
    return any(p and q and (max(p) < min(q) or max(q) < min(p)) for p, q in zip(first, second, strict=True))


def _stretch(template: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[int, int, int] | None:
    """The one axis that an index cuts, from where to where; ``None`` if it does more than that."""
    places = _slices(template, shape)
    if places is None or any(p.step != 1 or not p for p in places):
        return None
    cut = [(axis, p.start, p.stop) for axis, p in enumerate(places) if len(p) < shape[axis]]
    return cut[0] if len(cut) == 1 else None


def _is_whole(node: Node) -> bool:
    whole = contiguous(node.aval.shape)
    return indexed(whole, node.params[0]) == whole
