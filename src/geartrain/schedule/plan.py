"""The plan: kernel calls and library calls in order, and the place of every buffer. Data, for any backend to walk."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from geartrain.ir.aval import Aval
from geartrain.ir.graph import Graph
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.ir.views import View, is_contiguous
from geartrain.schedule.arena import LINE, Lifetime, cells, pack
from geartrain.schedule.build import build_group, copy_runs
from geartrain.schedule.cheap import cheaper
from geartrain.schedule.group import group
from geartrain.schedule.inplace import in_place
from geartrain.schedule.loops import Kernel, text_of_kernel
from geartrain.schedule.nest import Run, fill
from geartrain.schedule.steps import Call, Group, Grouping, Home, Product, Rolled, Routine, Unrollable
from geartrain.schedule.strips import Strip, in_strips

__all__ = ["LoopRun", "Plan", "Spot", "make_plan", "text_of_plan"]


MOST_LOCAL = 1 << 18
"""Bytes on the stack of a thread."""


class Spot(NamedTuple):
    """Where a buffer begins. ``kind``: ``arena`` (at a byte), or the ``input``, ``const`` or ``output`` of a number.

    Or ``local``: it lives within strips of rows, of which each thread has one at a time, at a byte of its own memory.
    """

    kind: str
    at: int


class LoopRun(NamedTuple):
    """A loop: its body is a plan of its own, whose buffers are parts of buffers of this one.

    ``arena`` is the node whose buffer is the arena of the body.
    """

    rolled: Rolled
    body: "Plan"
    arena: Node


Step = Run | Call | Product | Routine | LoopRun | Strip


class Plan(NamedTuple):
    """What to do, in order. ``homes`` says which part of whose buffer a value is; ``spots`` where buffers begin."""

    graph: Graph
    steps: list[Step]
    homes: dict[Node, Home]
    spots: dict[Node, Spot]
    consts: list[Node]
    outputs: list[Node]
    arena: int


def make_plan(
    graph: Graph,
    products: int = False,
    views: Sequence[View] | None = None,
    cores: int = 0,
    changing: Sequence[tuple[int, int]] = (),
) -> Plan:
    """Schedule a graph.

    Args:
        graph: the program.
        products: the backend multiplies matrices itself; ``FACTORS``: it factors them, too.
        views: how the inputs lie, if not in C order.
        cores: of a machine whose backend does steps in strips; 0: it does not.
        changing: numbers of inputs, and of the outputs that each of these becomes, in its memory.

    Raises:
        Unrollable: a loop whose body NumPy has to compute in part.
    """
    graph = in_place(graph, changing)
    grouping = group(graph, products, views, changing)
    lighter = cheaper(graph, grouping)
    if lighter is not graph:
        graph = in_place(lighter, changing)
        grouping = group(graph, products, views, changing)
    heirs = _heirs(grouping)
    steps: list[Step] = []
    inside = {n: step for step in grouping.steps if isinstance(step, Group) for n in step.members}
    for step in grouping.steps:
        for root, base in step.bases if isinstance(step, Group | Rolled) else ():
            if root not in heirs:
                steps.extend(_base(grouping, root, base))
        if isinstance(step, Rolled):
            steps.append(_loop_run(step, products, cores))
            continue
        if not isinstance(step, Group):
            steps.append(step)
            continue
        steps.extend(build_group(step, grouping.homes, grouping.stored, inside))
    owner: dict[Node, Node] = {}
    for root, old in heirs.items():  # in order of steps, so the old one's owner is known
        owner[root] = owner.get(old, old)
    if cores:
        steps = _in_strips(steps, grouping, owner, cores)
    return _placed(graph, grouping, steps, owner)


def _in_strips(steps: list[Step], grouping: Grouping, owner: dict[Node, Node], cores: int) -> list[Step]:
    def root(node: Node) -> Node:
        return owner.get(node, node)

    touched: list[tuple[set[Node], set[Node]]] = []
    for step in steps:
        reads, writes = _touched(step, grouping)
        found = {root(x) for x in writes}
        touched.append((found | {root(x) for x in reads}, found))
    changed = {x for x in grouping.outputs if x.op is INPUT}
    parts = [
        step
        if isinstance(step, Run | Product)
        and not (isinstance(step, Product) and step.patches)
        and touched[i][0].isdisjoint(changed)
        else None
        for i, step in enumerate(steps)
    ]
    return [steps[k] if isinstance(k, int) else k for k in in_strips(parts, grouping.homes, root, touched, cores)]


def _touched(step: Step, grouping: Grouping) -> tuple[list[Node], list[Node]]:
    """The buffers that a step reads, and those that it writes, too."""
    if isinstance(step, Call):
        return [grouping.homes[x].root for x in step.node.inputs], [step.node]
    if isinstance(step, LoopRun):
        rolled = step.rolled
        return [*[home.root for home in rolled.inputs], *step.body.consts], [*rolled.outs, step.arena]
    if isinstance(step, Routine):
        return [home.root for home in step.inputs], [*step.outs]
    if isinstance(step, Product):
        return [step.a.home.root, step.b.home.root], [step.node]
    if isinstance(step, Strip):
        inside = [_touched(part.step, grouping) for part in step.parts]
        return [x for reads, _ in inside for x in reads], [x for _, writes in inside for x in writes]
    return [ref.root for ref in step.refs], [step.refs[i].root for i in sorted(step.writes)]


def _loop_run(rolled: Rolled, products: int, cores: int) -> LoopRun:
    loop = rolled.loop
    views = [home.view._replace(offset=0) for home in rolled.inputs[: loop.fixed]]
    views += [move.view._replace(offset=0) for move in loop.moving]
    views += [home.view._replace(offset=0) for home in rolled.inputs[loop.fixed + len(loop.moving) :]]
    changing = [(len(views) + i, change.number) for i, change in enumerate(loop.changing)]
    views += [change.view._replace(offset=0) for change in loop.changing]
    body = make_plan(loop.body, products, views, cores, changing)
    if any(isinstance(step, Call) for step in body.steps):
        raise Unrollable
    return LoopRun(rolled, body, Node(INPUT, (), (), Aval((body.arena,), np.dtype(np.uint8))))


def _base(grouping: Grouping, root: Node, base: Node) -> list[Run]:
    home = grouping.homes[base]
    if home.root.op is CONST and home.root.aval.size == 1:
        return fill(grouping.homes[root], home.root.value)
    return copy_runs(grouping.homes[root], home)


def _heirs(grouping: Grouping) -> dict[Node, Node]:
    """Who takes over a buffer: a base is changed in place, part by part, if nobody reads the old one later."""
    last: dict[Node, int] = {}
    for step in grouping.steps:
        for home in _reads(step, grouping):
            last[home.root] = step.pos
    heirs: dict[Node, Node] = {}
    taken: set[Node] = set()
    for step in grouping.steps:
        if not isinstance(step, Group | Rolled):
            continue
        for root, base in step.bases:
            old = grouping.homes[base]
            places = step.places if isinstance(step, Group) else ()
            written = [place.home.view for place in places if place.home.root is root]
            if old.root.op in (INPUT, CONST) or old.root in grouping.outputs or old.root in taken:
                continue
            whole = is_contiguous(old.view) and old.view.offset == 0 and base.aval.size == old.root.aval.size
            if not whole or last[old.root] > step.pos or sum(b is base for _, b in step.bases) > 1:
                continue
            loads = _loads(step, grouping) if isinstance(step, Group) else step.inputs
            others = [h.view for h in loads if h.root is old.root]
            anywhere = any(place.how is not None for place in places if place.home.root is root)
            anywhere |= isinstance(step, Rolled)
            if not (anywhere and others) and all(_apart_or_same(v, w) for v in others for w in written):
                heirs[root] = old.root
                taken.add(old.root)
    return heirs


def _loads(step: Group, grouping: Grouping) -> Iterator[Home]:
    own = set(step.members)
    for node in (*step.members, *step.folds):
        yield from [grouping.homes[x] for x in node.inputs if x not in own]
    for place in step.places:
        yield from [grouping.homes[x] for x in (place.value, *place.arrays) if x not in own]


def _reads(step: Group | Call | Product | Routine | Rolled, grouping: Grouping) -> Iterator[Home]:
    if isinstance(step, Product):
        yield from (step.a.home, step.b.home)
    elif isinstance(step, (Rolled, Routine)):
        yield from step.inputs
        yield from [grouping.homes[base] for _, base in step.bases] if isinstance(step, Rolled) else ()
    elif isinstance(step, Call):
        yield from [grouping.homes[x] for x in step.node.inputs]
    else:
        yield from _loads(step, grouping)
        yield from [grouping.homes[base] for _, base in step.bases]


def _apart_or_same(a: View, b: View) -> bool:
    if a == b:
        return True
    if 0 in a.shape or 0 in b.shape:
        return True
    (low_a, high_a), (low_b, high_b) = _range(a), _range(b)
    return high_a < low_b or high_b < low_a


def _range(view: View) -> tuple[int, int]:
    ends = [(n - 1) * s for n, s in zip(view.shape, view.strides, strict=True)]
    return view.offset + sum(min(e, 0) for e in ends), view.offset + sum(max(e, 0) for e in ends)


def _placed(graph: Graph, grouping: Grouping, steps: list[Step], owner: dict[Node, Node]) -> Plan:
    """Give every buffer a spot: its own input, constant or output, or a place in the arena for as long as it lives."""

    def buffer(root: Node) -> Node:
        return owner.get(root, root)

    spots: dict[Node, Spot] = {node: Spot("input", i) for i, node in enumerate(graph.inputs)}
    consts: list[Node] = []
    for i, root in enumerate(grouping.outputs):
        if root.op is not INPUT:  # which changes in its place
            spots[buffer(root)] = Spot("output", i)
    lives: dict[Node, Lifetime] = {}  # in whole steps
    close: dict[Node, Lifetime] = {}  # in parts of strips, too
    for time, begin, end, step, _ in _times(steps):
        reads, writes = _touched(step, grouping)
        for root in (*reads, *writes):
            node = buffer(root)
            if node.op is CONST:
                if node not in spots:
                    spots[node] = Spot("const", len(consts))
                    consts.append(node)
            elif node not in spots:
                size = node.aval.size * node.aval.dtype.itemsize
                life = lives.get(node)
                lives[node] = Lifetime(life.first if life else begin, end, size)
                close[node] = Lifetime(close[node].first if life else time, time, size)
    shared = {buffer(root) for root in owner}
    spots |= _local(steps, close, shared)
    lives = {node: life for node, life in lives.items() if node not in spots}
    small = {node: life for node, life in lives.items() if life.size <= 8}
    large = {node: life for node, life in lives.items() if life.size > 8}
    offsets, below = pack(large, _successors(steps, {node: close[node] for node in large}, buffer, shared))
    in_cells, above = cells(small)
    offsets |= {node: below + at for node, at in in_cells.items()}
    arena = below + above
    spots |= {node: Spot("arena", at) for node, at in offsets.items()}
    for home in grouping.homes.values():  # what nothing touches is empty, or a constant that became a number
        spots.setdefault(home.root, spots.get(buffer(home.root), Spot("arena", 0)))
    return Plan(graph, steps, grouping.homes, spots, consts, grouping.outputs, arena)


def _local(steps: list[Step], lives: dict[Node, Lifetime], shared: set[Node]) -> dict[Node, Spot]:
    """Buffers that nobody needs outside of one step of strips, as far as memory of its own goes."""
    found: dict[Node, Spot] = {}
    for time, begin, end, _, strip in _times(steps):
        if strip is None or begin == end or time != begin:  # once for each strip, not for each of its parts
            continue
        at = 0
        inside = [node for node in strip.aligned if node in lives and node not in found and node not in shared]
        for node in sorted(inside, key=lambda node: lives[node].first):
            size = -(-strip.bytes_of(node) // LINE) * LINE
            if begin <= lives[node].first and lives[node].last <= end and at + size <= MOST_LOCAL:
                found[node] = Spot("local", at)
                at += size
    return found


def _times(steps: list[Step]) -> list[tuple[int, int, int, Run | Call | Product | Routine | LoopRun, Strip | None]]:
    """Each step, and each part of a strip: when it is; when all of the strip begins and ends; the strip."""
    found: list[tuple[int, int, int, Run | Call | Product | Routine | LoopRun, Strip | None]] = []
    for step in steps:
        begin = len(found)
        if not isinstance(step, Strip):
            found.append((begin, begin, begin, step, None))
            continue
        end = begin + len(step.parts) - 1
        found += [(begin + i, begin, end, part.step, step) for i, part in enumerate(step.parts)]
    return found


def _successors(
    steps: list[Step], lives: dict[Node, Lifetime], buffer: Callable[[Node], Node], shared: set[Node]
) -> dict[Node, Node]:
    """Which buffer may begin where another ends in the same kernel: both are read and written element by element.

    In a strip, both have to be the strip's own rows throughout.
    """
    found: dict[Node, Node] = {}
    for time, _, _, step, strip in _times(steps):
        if not isinstance(step, Run):
            continue
        folded = {f.operand for f in step.kernel.folds}
        dying: dict[Node, list[int]] = {}
        for i, ref in enumerate(step.refs):
            node = buffer(ref.root)
            life = lives.get(node)
            alone = node not in shared and (strip is None or node in strip.aligned)
            if life is not None and life.last == time and life.first < time and alone:
                dying.setdefault(node, []).append(i)
        for i in sorted(step.writes - folded):
            node = buffer(step.refs[i].root)
            life = lives.get(node)
            if life is None or life.first != time or node in shared or (strip and node not in strip.aligned):
                continue
            for old, reads in dying.items():
                same = all(
                    step.refs[r].strides == step.refs[i].strides and step.refs[r].offset == step.refs[i].offset
                    for r in reads
                )
                if same and lives[old].size == life.size and old.aval.dtype.itemsize == node.aval.dtype.itemsize:
                    found[node] = old
                    del dying[old]
                    break
    return found


def text_of_plan(plan: Plan) -> str:
    """The plan as text: its kernels, then its steps."""
    kernels: dict[Kernel, int] = {}
    names: dict[Node, str] = {}

    def name(root: Node) -> str:
        spot = plan.spots.get(root)
        return names.setdefault(root, "-" if spot is None else f"{spot.kind}+{spot.at}")

    lines: list[str] = []
    flat: list[tuple[str, Step]] = []
    for step in plan.steps:
        flat.append(("", step))
        if isinstance(step, Strip):
            flat += [(f"  {part.per} of {part.size}: ", part.step) for part in step.parts]
    for before, step in flat:
        if isinstance(step, Strip):
            lines.append(f"{step.many} strips of:")
            continue
        if isinstance(step, Call):
            inputs = ", ".join([name(plan.homes[x].root) for x in step.node.inputs])
            lines.append(f"numpy {step.node.op.name}({inputs}) -> {name(step.node)} {step.node.aval!r}")
            continue
        if isinstance(step, LoopRun):
            inputs = ", ".join([name(home.root) for home in step.rolled.inputs])
            outs = ", ".join([name(out) for out in step.rolled.outs])
            lines.append(f"loop {step.rolled.loop.trips} x ({inputs}) -> {outs}:")
            lines += ["  " + line for line in text_of_plan(step.body).splitlines()]
            continue
        if isinstance(step, Routine):
            inputs, outs = (", ".join([name(x) for x in xs]) for xs in ([h.root for h in step.inputs], step.outs))
            lines.append(f"{step.name} {step.many} x {[int(n) for n in step.sizes]}: {inputs} -> {outs}")
            continue
        if isinstance(step, Product):
            a, b = (f"{name(x.home.root)}{' turned' if x.turned else ''}" for x in (step.a, step.b))
            many = "patches" if step.patches else f"{step.many} x"
            sizes = f"{many} ({step.m}, {step.k}) @ ({step.k}, {step.n})"
            lines.append(f"{before}product {sizes}: {a}, {b}, {name(step.node)}")
            continue
        number = kernels.setdefault(step.kernel, len(kernels))
        refs = ", ".join([f"{name(r.root)}{f'[{r.offset}]' if r.offset else ''}{list(r.strides)}" for r in step.refs])
        lines.append(f"{before}k{number} {list(step.sizes)}: {refs}")
    shapes = [f"k{number}: {text_of_kernel(kernel)}" for kernel, number in kernels.items()]
    return "\n".join([*shapes, f"arena {plan.arena} bytes", *lines])
