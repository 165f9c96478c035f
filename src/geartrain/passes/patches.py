"""Convolutions: products with a matrix of patches become products with the images themselves.

A convolution in NumPy puts the patches of an image side by side and multiplies by the kernel; its derivatives multiply
the same patches, turned, by the cotangent, and add what belongs to each patch back to the image. The patches are many
times as large as the image. ``PATCHES`` and ``PATCHES_TURNED`` say the products without them: see
:mod:`geartrain.backends.cpu.patches_ir`.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from geartrain.ir.aval import Aval
from geartrain.ir.graph import Graph
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.ir.views import View, contiguous, indexed
from geartrain.ops.contract import MATMUL
from geartrain.ops.index import GETITEM, SCATTER
from geartrain.ops.join import CONCATENATE
from geartrain.ops.pointwise import ADD
from geartrain.ops.reduce import SUM
from geartrain.ops.shape import RESHAPE, TRANSPOSE
from geartrain.passes.rewrite import Builder, uniform
from geartrain.passes.windows import PATCHES, PATCHES_TURNED, Window

__all__ = ["find_patches"]

MOST_WIDE, MOST_WEIGHTS = 256, 1 << 18
"""Columns of the other operand, and elements of the weights: larger products are the matrix library's."""

GROUPS = 8
"""The images of a sum over all images are added in so many groups at most, which may be done at the same time."""


def find_patches(graph: Graph) -> Graph:
    """The graph with such products in the place of those with patches.

    Sums are taken in another order, and at the border of an image a cotangent is multiplied by zeros where the program
    has no product: not the same only where a weight is infinite or NaN.
    """
    if all(node.op is not CONCATENATE for node in graph.nodes):
        return graph
    return _Finder(graph).graph()


class _Patched(NamedTuple):
    """``node`` is patches of ``x`` side by side."""

    x: Node
    window: Window


class _Spread(NamedTuple):
    """``base`` with the rows of a product added back where patches lie: ``y @ weights`` at ``window``.

    Of the result, the part at ``box`` (begin and end for each axis of space) is wanted.
    """

    y: Node
    weights: Node
    window: Window
    base: Node
    box: tuple[tuple[int, int], ...]


class _Finder:
    def __init__(self, graph: Graph) -> None:
        self.before = graph
        self.builder = Builder()
        self.new: dict[Node, Node] = {node: node for node in graph.inputs}
        self.users: dict[Node, list[Node]] = {}
        for node in graph.nodes:
            for x in dict.fromkeys(node.inputs):
                self.users.setdefault(x, []).append(node)
        self.kept = set(graph.outputs)
        self.patched: dict[Node, _Patched] = {}
        self.spread: dict[Node, _Spread] = {}

    def graph(self) -> Graph:
        for node in self.before.nodes:
            if node.op is CONCATENATE:
                self._note_patches(node)
            elif node.op is SCATTER:
                self._note_spread(node)
        for node in self.before.nodes:
            if node.op is INPUT:
                continue
            if node.op is CONST:
                self.new[node] = self.builder.const(node.value)
                continue
            inputs = tuple([self.new[x] for x in node.inputs])
            made = self._product(node) if node.op is MATMUL else None
            if made is None and node in self.spread:
                made = self._gathered(node, self.spread[node])
            self.new[node] = made or self.builder.op(node.op, *inputs, params=node.params, aval=node.value)
        return Graph.of(self.before.inputs, [self.new[x] for x in self.before.outputs])

    # Patches side by side.

    def _note_patches(self, node: Node) -> None:
        """Find out whether all that becomes of a concatenation is products of its rows."""
        found = _window(node)
        if found is None or node in self.kept:
            return
        many = node.aval.shape[-1]
        for rows in self.users.get(node, ()):
            if rows.op is not RESHAPE or rows.aval.shape[1:] != (many,) or rows in self.kept:
                return
            for user in self.users.get(rows, ()):
                if user.op is TRANSPOSE and user not in self.kept:
                    if not all(_fits(product, user, many) for product in self.users.get(user, ())):
                        return
                elif not _fits(user, rows, many):
                    return
        for rows in self.users.get(node, ()):
            self.patched[rows] = found

    def _product(self, node: Node) -> Node | None:
        """The product with patches as one with images."""
        a, b = node.inputs
        turned = a.op is TRANSPOSE
        found = self.patched.get(a.inputs[0] if turned else a)
        if found is None:
            return None
        x, y = self.new[found.x], self.new[b]
        if not turned:
            return self.builder.op(PATCHES, x, y, params=(found.window,), aval=node.value)
        each = -(-x.aval.shape[0] // GROUPS)
        groups = -(-x.aval.shape[0] // each)
        aval = Aval((groups, *node.aval.shape), node.aval.dtype)
        parts = self.builder.op(PATCHES_TURNED, x, y, params=(found.window, groups), aval=aval)
        return self.builder.op(SUM, parts, params=((0,),), aval=node.value)

    # What is added back to where patches lie.

    def _note_spread(self, node: Node) -> None:
        """Find the chain of additions that ends in ``node``; the nodes between are nobody else's."""
        if any(self._goes_on(user) for user in self.users.get(node, ())):
            return
        starts: list[tuple[int, ...]] = []
        firsts: list[int] = []
        source: Node | None = None
        places: tuple[int, ...] = ()
        steps: tuple[int, ...] | None = None
        base = node
        while True:
            found = _added(base)
            if found is None or (base is not node and (base in self.kept or len(self.users[base]) > 2)):
                break
            view, part, under = found
            rows, first = part.inputs[0], _channels(part)
            here = _steps(view, base)
            if first is None or here is None or (source is not None and (rows is not source or here != steps)):
                break
            source, places, steps = rows, view.shape[1:-1], here
            starts.append(_place(view, base))
            firsts.append(first)
            base = under
        if source is None or steps is None or source.op is not RESHAPE or source.inputs[0].op is not MATMUL:
            return
        channels, product = node.aval.shape[-1], source.inputs[0]
        y, weights = product.inputs
        if sorted(firsts) != list(range(0, source.aval.shape[-1], channels)) or len(self.users[source]) != len(firsts):
            return
        if (
            y.aval.ndim != 2
            or source.aval.shape[:-1] != (node.aval.shape[0], *places)
            or y.aval.dtype != node.aval.dtype
        ):
            return
        if not _worth(len(firsts) * y.aval.shape[1], channels):
            return
        order = sorted(range(len(firsts)), key=lambda i: firsts[i])
        window = Window(tuple([starts[i] for i in order]), steps, places)
        whole = tuple([(0, n) for n in node.aval.shape[1:-1]])
        users = self.users.get(node, [])
        box = _box(users[0]) if len(users) == 1 else None
        if box is None:
            self.spread[node] = _Spread(y, weights, window, base, whole)
        else:
            self.spread[users[0]] = _Spread(y, weights, window, base, box)

    def _goes_on(self, user: Node) -> bool:
        return user.op is SCATTER and _added(user) is not None and _channels(_added_part(user)) is not None

    def _gathered(self, node: Node, how: _Spread) -> Node | None:
        """Each element of the image takes from all places whose patches have it: a convolution of the cotangent.

        The window is turned round, and the cotangent gets zeros around it. Where places are ``steps`` apart, elements
        of the image that are as far apart take by the same part of the window: there is one convolution for each part.
        """
        op, dtype, channels = self.builder.op, node.aval.dtype, node.aval.shape[-1]
        columns, count = how.y.aval.shape[1], len(how.window.starts)
        parts = _parts(how)
        moves = [move for part in parts for _, move in part.takes]
        before = [max(-min(each), 0) for each in zip(*moves, strict=True)]
        ends = [[k + m for k, m in zip(move, part.places, strict=True)] for part in parts for _, move in part.takes]
        sizes = [
            b + max(p, *each) for b, p, each in zip(before, how.window.places, zip(*ends, strict=True), strict=True)
        ]
        n = node.aval.shape[0]
        shape = (n, *how.window.places, columns)
        y = op(RESHAPE, self.new[how.y], params=(shape,), aval=Aval(shape, dtype))
        if any(before) or sizes != list(how.window.places):
            shape = (n, *sizes, columns)
            inner = tuple([slice(b, b + p) for b, p in zip(before, how.window.places, strict=True)])
            y = op(SCATTER, self._zeros(shape, dtype), y, params=((slice(None), *inner),), aval=Aval(shape, dtype))
        w = self.new[how.weights]
        w = op(RESHAPE, w, params=((columns, count, channels),), aval=Aval((columns, count, channels), dtype))
        w = op(TRANSPOSE, w, params=((1, 0, 2),), aval=Aval((count, columns, channels), dtype))
        made: Node | None = None
        for part in parts:
            starts = [tuple([k + b for k, b in zip(move, before, strict=True)]) for _, move in part.takes]
            window = Window(tuple(starts), (1,) * len(before), part.places)
            taken = w
            if len(parts) > 1:
                each = Aval((1, columns, channels), dtype)
                rows = [op(GETITEM, w, params=((slice(o, o + 1),),), aval=each) for o, _ in part.takes]
                taken = op(CONCATENATE, *rows, params=(0,), aval=Aval((len(rows), columns, channels), dtype))
            shape = (len(starts) * columns, channels)
            taken = op(RESHAPE, taken, params=(shape,), aval=Aval(shape, dtype))
            many = n * math.prod(part.places)
            product = op(PATCHES, y, taken, params=(window,), aval=Aval((many, channels), dtype))
            shape = (n, *part.places, channels)
            product = op(RESHAPE, product, params=(shape,), aval=Aval(shape, dtype))
            if shape != node.aval.shape:
                made = made or self._zeros(node.aval.shape, dtype)
                made = op(SCATTER, made, product, params=((slice(None), *part.spans),), aval=node.value)
            else:
                made = product
        assert made is not None
        if uniform(how.base) == 0:
            return made
        base = self.new[how.base]
        if node.op is GETITEM:
            base = op(GETITEM, base, params=node.params, aval=node.value)
        return op(ADD, base, made, aval=node.value)

    def _zeros(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Node:
        return self.builder.broadcast(self.builder.const(dtype.type(0)), shape)


class _Part(NamedTuple):
    """Elements of an image that take by the same elements of a window.

    They are at ``spans``, which are ``places`` of them. ``takes``: the number of an element of the window, and how far
    the place of the cotangent is from the number of the element of the image.
    """

    spans: tuple[slice, ...]
    places: tuple[int, ...]
    takes: list[tuple[int, tuple[int, ...]]]


def _parts(how: _Spread) -> list[_Part]:
    found: dict[tuple[int, ...], _Part] = {}
    steps = how.window.steps
    lengths = [end - begin for begin, end in how.box]
    for o, start in enumerate(how.window.starts):
        far = [s - begin for s, (begin, _) in zip(start, how.box, strict=True)]
        first = tuple([f % d for f, d in zip(far, steps, strict=True)])
        move = tuple([(r - f) // d for r, f, d in zip(first, far, steps, strict=True)])
        spans = tuple([slice(r, n, d) for r, n, d in zip(first, lengths, steps, strict=True)])
        places = tuple([len(range(r, n, d)) for r, n, d in zip(first, lengths, steps, strict=True)])
        if 0 not in places:
            found.setdefault(first, _Part(spans, places, [])).takes.append((o, move))
    return list(found.values())


def _window(node: Node) -> _Patched | None:
    """What a concatenation shows of one array, if it is patches."""
    x = node.inputs[0].inputs[0] if node.inputs[0].inputs else None
    if x is None or node.params[0] != node.aval.ndim - 1 or not _is_image(x) or len(node.inputs) < 2:
        return None
    starts: list[tuple[int, ...]] = []
    steps: tuple[int, ...] | None = None
    for part in node.inputs:
        if part.op is not GETITEM or part.inputs != (x,) or part.aval.shape != node.inputs[0].aval.shape:
            return None
        view = indexed(contiguous(x.aval.shape), part.params[0])
        found = _steps(view, x)
        if found is None or (steps is not None and found != steps):
            return None
        steps = found
        starts.append(_place(view, x))
    assert steps is not None
    return _Patched(x, Window(tuple(starts), steps, node.aval.shape[1:-1]))


def _is_image(x: Node) -> bool:
    return x.aval.ndim >= 3 and x.aval.size > 0 and x.aval.dtype in (np.dtype(np.float32), np.dtype(np.float64))


def _steps(view: View, x: Node) -> tuple[int, ...] | None:
    """The steps of a part of ``x`` along its axes of space, if it has every image and every channel."""
    whole = contiguous(x.aval.shape)
    same = len(view.shape) == len(whole.shape) and all(view.shape[i] == whole.shape[i] for i in (0, -1))
    if not same or view.strides[0] != whole.strides[0] or view.strides[-1] != whole.strides[-1] or 0 in view.shape:
        return None
    found: list[int] = []
    for mine, full, n in zip(view.strides[1:-1], whole.strides[1:-1], view.shape[1:-1], strict=True):
        if n > 1 and (mine % full or mine <= 0):
            return None
        found.append(mine // full if n > 1 else 1)
    return tuple(found)


def _place(view: View, x: Node) -> tuple[int, ...]:
    """Where the part begins, along the axes of space."""
    rest, found = view.offset, list[int]()
    for full in contiguous(x.aval.shape).strides[1:-1]:
        found.append(rest // full)
        rest %= full
    return tuple(found)


def _fits(product: Node, left: Node, window: int) -> bool:
    """Whether ``product`` is one of ``left`` that our own tiles do well; ``window``: the columns of the patches."""
    if product.op is not MATMUL or product.inputs[0] is not left or product.inputs[1] is left:
        return False
    right = product.inputs[1].aval
    return right.ndim == 2 and right.dtype == left.aval.dtype and _worth(window, right.shape[1])


def _worth(window: int, columns: int) -> bool:
    return columns <= MOST_WIDE and window * columns <= MOST_WEIGHTS


def _added(node: Node) -> tuple[View, Node, Node] | None:
    """``node`` is ``under`` with ``part`` added at ``view``: (view, part, under)."""
    if node.op is not SCATTER or len(node.inputs) != 2 or not _is_image(node):
        return None
    under, total = node.inputs
    part = total
    if total.op is ADD:
        first, second = total.inputs
        old = first.op is GETITEM and first.inputs == (under,) and first.params == node.params
        part = second if old or uniform(first) == 0 else total
        if part is second and not old and uniform(under) != 0:
            return None
    elif uniform(under) != 0:
        return None
    if part.op is not GETITEM or len(part.inputs) != 1 or part.aval != total.aval:
        return None
    return indexed(contiguous(node.aval.shape), node.params[0]), part, under


def _added_part(node: Node) -> Node:
    found = _added(node)
    assert found is not None
    return found[1]


def _channels(part: Node) -> int | None:
    """Where in the last axis a part begins that has all of the others."""
    x = part.inputs[0]
    view = indexed(contiguous(x.aval.shape), part.params[0])
    whole = contiguous(x.aval.shape)
    if view.strides != whole.strides or view.shape[:-1] != whole.shape[:-1] or view.offset >= x.aval.shape[-1]:
        return None
    return view.offset


def _box(user: Node) -> tuple[tuple[int, int], ...] | None:
    """The part of the image that is read, if it is all that is."""
    if user.op is not GETITEM or len(user.inputs) != 1:
        return None
    x = user.inputs[0]
    view = indexed(contiguous(x.aval.shape), user.params[0])
    found = _steps(view, x)
    if found is None or any(s != 1 for s in found):
        return None
    return tuple([(b, b + n) for b, n in zip(_place(view, x), view.shape[1:-1], strict=True)])
