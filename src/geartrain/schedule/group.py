"""What each node is to a schedule: part of a kernel, a step of its own, or a view.

``joining`` says which kernel a node joins. Views (slices, transposes, broadcasts, reshapes) are no work at all: they
say where a value lies.
"""

import math
from collections.abc import Sequence
from typing import Any

from geartrain.ir.aval import Aval
from geartrain.ir.graph import Graph
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.ir.views import View, broadcast, contiguous, diagonal, indexed, is_contiguous, reshaped, transposed
from geartrain.passes.loops import LOOP_OUT, Loop
from geartrain.passes.windows import Window, offsets
from geartrain.schedule.element import FOLDS, code_of, element_of, is_native
from geartrain.schedule.factors import ROWS, Factors
from geartrain.schedule.fourier import ROWS as TRANSFORMED
from geartrain.schedule.fourier import transform
from geartrain.schedule.indexing import indexing, spread_operand
from geartrain.schedule.inplace import Traffic, versions
from geartrain.schedule.joining import Joining
from geartrain.schedule.scans import SCANS, scan
from geartrain.schedule.steps import (
    COPY,
    FACTORS,
    TRANSFORMS,
    Call,
    Group,
    Grouping,
    Home,
    Matrix,
    Patches,
    Place,
    Product,
    Rolled,
    Routine,
    Unrollable,
    dense,
)

__all__ = ["group"]

VIEWS = ("reshape", "transpose", "broadcast", "diagonal", "inner_diagonal", "getitem")
"""What says where a value lies, if it has one operand."""


def group(
    graph: Graph,
    products: int = False,
    views: Sequence[View] | None = None,
    changing: Sequence[tuple[int, int]] = (),
) -> Grouping:
    """Put the nodes of ``graph`` into steps.

    ``products``: the backend multiplies matrices itself; ``FACTORS`` or ``TRANSFORMS``: what it does, too. ``views``:
    how the inputs lie, if not in C order. ``changing``: numbers of inputs and of the outputs that they become, where
    they lie; the nodes are then ``in_place``.
    """
    return _Grouper(graph, products, views, changing).run()


class _Grouper(Joining):
    def __init__(
        self, graph: Graph, products: int, views: Sequence[View] | None, changing: Sequence[tuple[int, int]]
    ) -> None:
        super().__init__(graph.outputs)
        self.graph = graph
        self.products = products
        self.views = views
        self.loops: dict[Node, tuple[Node, ...]] = {}
        self.stored: set[Node] = set()
        self.factors = Factors()
        self.last = {number for _, number in changing}
        self.versions = versions(graph, changing)
        self.traffic = {graph.inputs[i]: Traffic() for i, _ in changing}

    def run(self) -> Grouping:
        for i, node in enumerate(self.graph.inputs):
            self.own(node, -1)
            if self.views is not None:
                self.homes[node] = Home(node, self.views[i])
        self._find_in_memory()
        for node in self.graph.nodes:
            visit = _VISITS.get(node.op.name)
            many = len(self.steps)
            if visit is not None or element_of(node) is None:
                self.settle(node.inputs)
            if node.op is CONST:
                self.own(node, -1)
            elif node.op is INPUT:
                continue
            elif visit is None or not visit(self, node):
                if element_of(node) is not None:
                    self.pointwise(node)
                else:
                    self._call(node)
            if len(self.steps) > many and not isinstance(self.steps[-1], Group):
                for x in node.inputs:
                    self.noted(x, len(self.steps) - 1)
        outputs = self._outputs()
        self._find_stored()
        return Grouping(self.steps, self.homes, self.stored, outputs)

    def _find_in_memory(self) -> None:
        """What products read, by way of views too."""
        for node in self.graph.nodes:
            if node.op.name == "matmul" and self.products:
                for x in node.inputs:
                    while x.op.name in VIEWS and len(x.inputs) == 1:
                        x = x.inputs[0]
                    self.in_memory.add(x)

    # The kinds of node.

    def _after(self, node: Node) -> bool:
        x, earlier = node.inputs
        self.homes[node] = self.homes[x]
        self.at[node] = max(self.at[x], self.at[earlier])
        return True

    def _kept(self, node: Node) -> bool:
        """A copy, taken now."""
        if element_of(node) is None:
            return False
        self.place([node])
        return True

    def _fold(self, node: Node) -> bool:
        (x,) = node.inputs
        kinds = FOLDS[node.op.name]
        if not is_native(x.aval) or not is_native(node.aval) or node.params[0] == ():
            return False
        if code_of(x.aval.dtype)[0] not in kinds and node.op.name not in ("any", "all"):
            return False
        if x.aval.size == 0 and node.op.name in ("max", "min"):
            return False
        into = self.step(x.aval.shape, [x], more=1)
        self.note(into, [x])
        into.folds.append(node)
        into.reads.add(node)
        self.own(node, into.pos)
        return True

    def _call(self, node: Node) -> bool:
        self.own(node, len(self.steps))
        self.steps.append(Call(node, len(self.steps)))
        return True

    def _product(self, node: Node) -> bool:
        """A matrix product, or a stack of them; vectors are matrices of one row or column."""
        if not self.products or code_of(node.aval.dtype) not in ("f4", "f8"):
            return False
        a, b = node.inputs
        if a.aval.dtype != node.aval.dtype or b.aval.dtype != node.aval.dtype or 0 in (a.aval.size, b.aval.size):
            return False
        shape_a, shape_b = a.aval.shape, b.aval.shape
        shape_a = shape_a if len(shape_a) > 1 else (1, *shape_a)
        shape_b = shape_b if len(shape_b) > 1 else (*shape_b, 1)
        count = math.prod(shape_a[:-2])
        m, k, n = shape_a[-2], shape_a[-1], shape_b[-1]
        left = self._matrix(a, (count, m, k))
        right = self._matrix(b, (count, k, n))
        self.own(node, len(self.steps))
        self.steps.append(Product(node, len(self.steps), left, right, m, n, k, count))
        return True

    def _routine(self, node: Node) -> bool:
        """A factorisation, or an equation, which needs one: the same one serves all that ask for it."""
        avals = [x.aval for x in (node, *node.inputs)]
        if self.products < FACTORS or len({a.dtype for a in avals}) > 1 or any(a.size == 0 for a in avals):
            return False
        if code_of(node.aval.dtype) not in ("f4", "f8"):
            return False
        homes = [self.homes[x] for x in node.inputs]
        return self._done_by(node, self.factors.steps(node, homes, self._side_by_side))

    def _scan(self, node: Node) -> bool:
        step = scan(node, self._side_by_side) if self.products >= FACTORS else None
        return step is not None and self._done_by(node, [step])

    def _transform(self, node: Node) -> bool:
        step = transform(node, self._side_by_side) if self.products >= TRANSFORMS else None
        return step is not None and self._done_by(node, [step])

    def _done_by(self, node: Node, steps: list[Routine]) -> bool:
        """The last of these steps, which get their numbers here, behind the copies that they read, makes the node."""
        for step in steps:
            self.steps.append(step._replace(pos=len(self.steps)))
        self.own(node, len(self.steps) - 1)
        return True

    def _side_by_side(self, x: Node) -> Home:
        """A value in C order; copied where it is not so."""
        if is_contiguous(self.homes[x].view):
            return self.homes[x]
        return self.homes[self._copy(x)]

    def _patches(self, node: Node) -> bool:
        """A product with patches: of rows of places, or of rows of the window."""
        x, y = node.inputs
        if code_of(node.aval.dtype) not in ("f4", "f8"):
            return False
        window: Window = node.params[0]
        groups: int = node.params[1] if len(node.params) > 1 else 0
        home, (k, n) = self.homes[x], y.aval.shape
        places, terms = offsets(window, home.view)
        rows, terms = (terms, places) if groups else (places, terms)
        right = self._matrix(y, (1, k, n))
        if right.turned:
            right = self._matrix(self._copy(y), (1, k, n))
        found = Patches(rows, terms, x.aval.shape[0], home.view.strides[0], groups)
        m = len(rows) if groups else len(rows) * found.images
        self.own(node, len(self.steps))
        left = Matrix(home, 0, False, 0)
        self.steps.append(Product(node, len(self.steps), left, right, m, n, k, 1, found))
        return True

    def _loop(self, node: Node) -> bool:
        loop: Loop = node.params[0]
        inputs: list[Home] = []
        still = len(node.inputs) - len(loop.changing)
        for i, x in enumerate(node.inputs[:still]):
            if i >= loop.fixed and not is_contiguous(self.homes[x].view):
                if not is_native(x.aval):
                    raise Unrollable
                copy = Node(COPY, (x,), (), x.aval)
                self.copied(copy, x)
                x = copy
            inputs.append(self.homes[x])
        pos = len(self.steps)
        outs: list[Node] = []
        for k, (aval, every) in enumerate(zip(loop.avals(), loop.keep_all, strict=True)):
            by_turns = not every and k in loop.carried
            outs.append(Node(LOOP_OUT, (node,), (k,), Aval((2, *aval.shape), aval.dtype) if by_turns else aval))
        for change in loop.changing:  # parts of one array
            outs[change.number] = outs[loop.changing[change.first].number]
        for out in outs:
            self.own(out, pos)
        arrays = zip(loop.changing, node.inputs[still:], strict=True)
        bases = tuple([(outs[change.number], x) for i, (change, x) in enumerate(arrays) if change.first == i])
        if not all(is_native(x.aval) for _, x in bases):
            raise Unrollable
        self.steps.append(Rolled(node, pos, tuple(inputs), tuple(outs), bases))
        self.loops[node] = tuple(outs)
        self.at[node] = pos
        return True

    def _loop_out(self, node: Node) -> bool:
        (of,) = node.inputs
        number: int = node.params[0]
        root = self.loops[of][number]
        by_turns = root.aval.shape != node.aval.shape
        last = (of.params[0].trips - 1) % 2 * node.aval.size if by_turns else 0
        self.homes[node] = Home(root, contiguous(node.aval.shape, last))
        self.at[node] = self.at[root]
        return True

    def _matrix(self, x: Node, shape: tuple[int, int, int]) -> Matrix:
        """The operand as a stack of matrices with rows or columns side by side; copied where it is not so."""
        home = self.homes[x]
        view = reshaped(home.view, shape)
        found = None if view is None else dense(view)
        if view is None or found is None:
            home = self.homes[self._copy(x)]
            view = contiguous(shape)
            found = (max(shape[2], 1), False)
        return Matrix(Home(home.root, view), *found, view.strides[0])

    def _copy(self, x: Node) -> Node:
        copy = Node(COPY, (x,), (), x.aval)
        self.copied(copy, x)
        return copy

    def _view(self, node: Node) -> bool:
        x = node.inputs[0]
        if len(node.inputs) > 1:
            return self._gather(node)
        view = self.homes[x].view
        name = node.op.name
        if name == "reshape":
            found = reshaped(view, node.aval.shape)
            return self.alias(node, x, found) if found is not None else is_native(x.aval) and self.copied(node, x)
        if name == "transpose":
            return self.alias(node, x, transposed(view, node.params[0]))
        if name == "broadcast":
            return self.alias(node, x, broadcast(view, node.params[0]))
        if name in ("diagonal", "inner_diagonal"):
            return self.alias(node, x, diagonal(view, *(node.params or (0, -2, -1))))
        return self.alias(node, x, indexed(view, node.params[0]))

    def _gather(self, node: Node) -> bool:
        """Elements at places that depend on data: a member of a group whose first operand is read from memory."""
        x, *arrays = node.inputs
        how = indexing(node.params[0], len(x.aval.shape), [a.aval.shape for a in arrays])
        if how is None or not all(is_native(a.aval) for a in node.inputs) or x.aval.size == 0:
            return False
        into = self.step(node.aval.shape, arrays, first=self.ready(x), more=len(node.inputs))
        self.note(into, node.inputs)
        into.members.append(node)
        self.own(node, into.pos)
        self.group_of[node] = into
        return True

    def _scatter(self, node: Node) -> bool:
        base, part, *arrays = node.inputs
        if not is_native(node.aval) or part.aval.dtype != node.aval.dtype:
            return False
        if arrays or node.op.name == "scatter_add":
            return self._scatter_by_arrays(node)
        view = indexed(contiguous(node.aval.shape), node.params[0])
        if part.aval.shape != view.shape:
            return False
        if node in self.versions:
            return self._change(node)
        into = self.step(view.shape, [part], first=self.ready(base), more=2)
        self.note(into, [part, base])
        into.bases.append((node, base))
        into.places.append(Place(part, Home(node, view)))
        self.own(node, into.pos)
        return True

    def _change(self, node: Node) -> bool:
        """A write into an input that changes, where it lies."""
        base, part = node.inputs
        root, whole = self.homes[base]
        view, traffic = indexed(whole, node.params[0]), self.traffic[root]
        reading = [n for n in self.free if any(x in self.homes and self.homes[x].root is root for x in n.inputs)]
        self.settle(reading)
        into = self.step(view.shape, [part], first=traffic.write_at(view), more=2)
        self.note(into, [part])
        into.places.append(Place(part, Home(root, view)))
        traffic.writes.append((into.pos, view))
        return self.alias(node, base, whole)

    def _scatter_by_arrays(self, node: Node) -> bool:
        base, part, *arrays = node.inputs
        how = indexing(node.params[0], len(base.aval.shape), [a.aval.shape for a in arrays])
        if how is None or not all(is_native(a.aval) for a in arrays) or base.aval.size == 0:
            return False
        view, _ = spread_operand(contiguous(node.aval.shape), how)
        if part.aval.shape != view.shape:
            return False
        into = self.step(view.shape, [part], max([self.ready(x) for x in (base, *arrays)]), more=2 + len(arrays))
        self.note(into, node.inputs)
        into.bases.append((node, base))
        add = node.op.name == "scatter_add"
        into.places.append(Place(part, Home(node, contiguous(node.aval.shape)), tuple(arrays), how, add))
        self.own(node, into.pos)
        return True

    def _joined(self, node: Node) -> bool:
        """Concatenate and stack: every operand is stored where it belongs."""
        if not is_native(node.aval) or any(x.aval.dtype != node.aval.dtype for x in node.inputs):
            return False
        axis: int = node.params[0]
        whole = contiguous(node.aval.shape)
        start, last = 0, -1
        for x in node.inputs:
            if node.op.name == "stack":
                view, start = indexed(whole, (slice(None),) * axis + (start,)), start + 1
            else:
                stop = start + x.aval.shape[axis]
                view, start = indexed(whole, (slice(None),) * axis + (slice(start, stop),)), stop
            into = self.step(view.shape, [x], more=1)
            self.note(into, [x])
            into.places.append(Place(x, Home(node, view)))
            last = max(last, into.pos)
        self.own(node, last)
        return True

    # The ends.

    def _outputs(self) -> list[Node]:
        """For each output the root whose buffer it is: computed, whole, and nobody else's."""
        found: list[Node] = []
        for k, output in enumerate(self.graph.outputs):
            root, view = self.homes[output]
            if k in self.last:
                found.append(root)
                continue
            whole = is_contiguous(view) and view.offset == 0 and output.aval.size == root.aval.size
            if root.op is INPUT or root.op is CONST or not whole or root in found:
                root = Node(COPY, (output,), (), output.aval)
                if not (is_native(output.aval) and self.copied(root, output)):
                    self._call(root)
            found.append(root)
        return found

    def _find_stored(self) -> None:
        """What somebody reads from memory: another group, a call, the caller."""
        stored = self.stored
        for step in self.steps:
            if isinstance(step, Product):
                stored.update([step.a.home.root, step.b.home.root])
                continue
            if isinstance(step, (Rolled, Routine)):
                stored.update([home.root for home in step.inputs])
                stored.update([self.homes[base].root for _, base in step.bases] if isinstance(step, Rolled) else ())
                continue
            if isinstance(step, Call):
                stored.update([self.homes[x].root for x in step.node.inputs])
                continue
            reads = [x for n in (*step.members, *step.folds) for x in n.inputs]
            reads += [x for place in step.places for x in (place.value, *place.arrays)]
            stored.update([self.homes[x].root for x in reads if self.group_of.get(x) is not step])
            stored.update([self.homes[base].root for _, base in step.bases])
        stored.update([self.homes[x].root for x in self.graph.outputs])


_VISITS: dict[str, Any] = {
    **dict.fromkeys(FOLDS, _Grouper._fold),  # pyright: ignore[reportPrivateUsage]
    **dict.fromkeys(VIEWS, _Grouper._view),  # pyright: ignore[reportPrivateUsage]
    **dict.fromkeys(["concatenate", "stack"], _Grouper._joined),  # pyright: ignore[reportPrivateUsage]
    "after": _Grouper._after,  # pyright: ignore[reportPrivateUsage]
    "copy": _Grouper._kept,  # pyright: ignore[reportPrivateUsage]
    "loop": _Grouper._loop,  # pyright: ignore[reportPrivateUsage]
    "loop_out": _Grouper._loop_out,  # pyright: ignore[reportPrivateUsage]
    "scatter": _Grouper._scatter,  # pyright: ignore[reportPrivateUsage]
    "scatter_add": _Grouper._scatter,  # pyright: ignore[reportPrivateUsage]
    **dict.fromkeys(ROWS, _Grouper._routine),  # pyright: ignore[reportPrivateUsage]
    **dict.fromkeys(SCANS, _Grouper._scan),  # pyright: ignore[reportPrivateUsage]
    **dict.fromkeys(TRANSFORMED, _Grouper._transform),  # pyright: ignore[reportPrivateUsage]
    "patches": _Grouper._patches,  # pyright: ignore[reportPrivateUsage]
    "patches_turned": _Grouper._patches,  # pyright: ignore[reportPrivateUsage]
    "matmul": _Grouper._product,  # pyright: ignore[reportPrivateUsage]
}
