"""Which elements of a value depend on which numbers: carried along the tape, op by op, by kind.

A pattern is a ``scipy.sparse`` array of truth values with a row for each element of a value and a column for each
number that is differentiated in. Most ops follow one of three ways, and a rule is a line that says which:

- each element for itself (pointwise ops): the patterns of the operands, joined;
- elements move (reshape, gather, where, scatter, ...): the op is run on the *numbers* of the elements, and says for
  each place of the result where it came from. This is exact, also for an index or a condition that depends on data;
- elements meet (sums, products of matrices, transforms, equations): those of the operand are put into groups, and
  each element of the result depends on one of the groups.

An op that no rule knows makes each element of its result depend on all of its operands: never too little.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from geartrain.ir.aval import Array, aval_of
from geartrain.ir.interpret import evaluate
from geartrain.ir.node import CONST, Node
from geartrain.ir.op import Constant, Linear, Pointwise
from geartrain.ir.untyped import numpy as np
from geartrain.kinds import is_a

__all__ = ["Pattern", "Sparse", "propagate"]

Pattern = Any
"""A ``csr_array`` of truth values; ``None`` is one without entries."""

Sparse = Any
"""The module ``scipy.sparse``."""

MOVES = frozenset(
    ["reshape", "transpose", "broadcast", "getitem", "scatter", "where", "diagonal", "concatenate", "stack"]
)
ALIKE = frozenset(
    [
        "alias",
        "cast",
        "real",
        "imag",
        "conjugate",
        "set_real",
        "set_imag",
        "complex_abs",
        "complex_sign",
        "angle",
        "bessel_i",
    ]
)
FOLDS = frozenset(["sum", "max", "min", "norm2"])
ALONG = frozenset(["fftn", "ifftn", "rfft", "irfft", "cumsum"])
BY_MATRIX = frozenset(["inv", "det", "cofactor", "logabsdet", "cholesky", "sign_det_complex"])


def propagate(
    sparse: Sparse,
    nodes: Iterable[Node],
    start: dict[Node, Pattern],
    value: Callable[[Node], Array],
    wanted: Iterable[Node],
) -> dict[Node, Pattern]:
    """The patterns of the ``wanted`` nodes, where ``start`` has those of the inputs and ``value`` what nodes are."""
    order = [node for node in nodes if node.inputs and node not in start]
    last = {x: i for i, node in enumerate(order) for x in node.inputs}
    keep = set(wanted)
    known = dict(start)
    rules = _Rules(sparse, value)
    for i, node in enumerate(order):
        of_inputs = [known.get(x) for x in node.inputs]
        if any(p is not None for p in of_inputs):
            made = rules.of(node, of_inputs)
            if made is not None:
                known[node] = made
        for x in node.inputs:  # a pattern goes when nobody reads it any more
            if last[x] == i and x not in keep:
                known.pop(x, None)
    return {node: known[node] for node in keep if node in known}


class _Rules:
    """The rules, with the values of the nodes to which they apply."""

    def __init__(self, sparse: Sparse, value: Callable[[Node], Array]) -> None:
        self.sparse = sparse
        self.value = value

    def of(self, node: Node, patterns: Sequence[Pattern]) -> Pattern:
        """The pattern of a node by the patterns of its operands, of which one at least has entries."""
        op = node.op
        name = op.name
        if isinstance(op, Constant):
            return None
        if isinstance(op, Pointwise):
            moving = [None if rate is None else p for p, rate in zip(patterns, op.partials, strict=True)]
            return self.joined(moving, node)
        if name in ALIKE:
            return self.joined(patterns, node)
        if name in MOVES and isinstance(op, Linear):
            return self.moved(node, op, patterns)
        if name == "call":
            return self.called(node, patterns)
        rule: Callable[[Node, int, Pattern], Pattern] | None = (
            self.folded
            if name in FOLDS
            else self.along
            if name in ALONG
            else self.by_matrix
            if name in BY_MATRIX
            else getattr(self, f"_{name}", None)
        )
        parts = [
            None if p is None else self.everything(node, p) if rule is None else rule(node, i, p)
            for i, p in enumerate(patterns)
        ]
        return self.joined(parts, node)

    # Each element for itself.

    def joined(self, patterns: Sequence[Pattern], node: Node) -> Pattern:
        """What any of the patterns has; one of a single row is the same for all elements."""
        rows = node.aval.size
        found: Pattern = None
        for p in patterns:
            if p is None or p is found:
                continue
            p = p if p.shape[0] == rows else self.taken(p, np.zeros(rows, int))
            found = p if found is None else found + p
        return found

    # Elements move.

    def moved(self, node: Node, op: Linear, patterns: Sequence[Pattern]) -> Pattern:
        """The op on the numbers of the elements: number ``i`` of the operands laid end to end; 0 has no entries."""
        blocks: list[Pattern] = []
        operands: list[Array] = []
        start = 0
        for i, (x, p) in enumerate(zip(node.inputs, patterns, strict=True)):
            aval = aval_of(x.value)
            if op.transposes[min(i, len(op.transposes) - 1)] is None:
                operands.append(self.value(x))  # an index or a condition
            elif p is None:
                operands.append(np.full(aval.shape, -1))
            else:
                operands.append(np.reshape(np.arange(start, start + aval.size), aval.shape))
                blocks.append(p)
                start += aval.size
        places = np.ravel(op.fn(*operands, *node.params))
        whole = blocks[0] if len(blocks) == 1 else self.sparse.vstack(blocks, format="csr")
        if (places < 0).any():
            whole = self.sparse.vstack([whole, self._rows(1, whole.shape[1], [], [])], format="csr")
        return self.taken(whole, places)

    def _scatter_add(self, node: Node, i: int, p: Pattern) -> Pattern:
        if i == 0:
            return p
        whole, part, *arrays = node.inputs
        template = node.params[0]
        numbers = np.reshape(np.arange(node.aval.size), node.aval.shape)
        rest = iter(arrays)
        index = tuple(self.value(next(rest)) if isinstance(t, str) else t for t in template)
        places = numbers[index]
        wide = np.broadcast_to(np.reshape(np.arange(part.aval.size), part.aval.shape), places.shape)
        return self._links(places, wide, whole.aval.size, part.aval.size) @ p

    # Elements meet in groups.

    def grouped(self, p: Pattern, group: Array, groups: int) -> Pattern:
        """What the elements of each group have together; ``group`` has the number of the group of each element."""
        return self._links(group, np.arange(p.shape[0]), groups, p.shape[0]) @ p

    def taken(self, p: Pattern, places: Array) -> Pattern:
        """The rows at ``places``."""
        return p[np.ravel(places)]

    def everything(self, node: Node, p: Pattern) -> Pattern:
        """Each element of the result depends on all that the operand depends on."""
        return self.taken(self.grouped(p, np.zeros(p.shape[0], int), 1), np.zeros(node.aval.size, int))

    def met(self, node: Node, i: int, p: Pattern, axes: Iterable[int], shape: Sequence[int] | None = None) -> Pattern:
        """The elements along ``axes`` of operand i meet, and each group is read where it is broadcast to ``shape``."""
        own = node.inputs[i].aval.shape
        kept = [1 if axis in set(axes) else n for axis, n in enumerate(own)]
        groups = int(np.prod(kept))
        numbers = np.reshape(np.arange(groups), kept)
        group = np.broadcast_to(numbers, own)
        to = node.aval.shape if shape is None else shape
        return self.taken(self.grouped(p, np.ravel(group), groups), np.broadcast_to(numbers, to))

    def folded(self, node: Node, i: int, p: Pattern) -> Pattern:
        own, axes = node.inputs[0].aval.shape, node.params[0]
        return self.met(node, i, p, axes, [1 if k in axes else n for k, n in enumerate(own)])

    def along(self, node: Node, i: int, p: Pattern) -> Pattern:
        axes: Any = node.params[1] if node.op.name == "irfft" else node.params[0]
        return self.met(node, i, p, axes if is_a(axes, tuple) else (axes,))

    def by_matrix(self, node: Node, i: int, p: Pattern) -> Pattern:
        """A function of each matrix of a stack."""
        lead = node.inputs[i].aval.shape[:-2]
        if node.aval.shape[: len(lead)] != lead:
            return self.everything(node, p)
        rest = (1,) * (len(node.aval.shape) - len(lead))
        stack = np.reshape(np.arange(int(np.prod(lead))), (*lead, *rest))
        inside = int(np.prod(node.inputs[i].aval.shape[-2:]))
        group = np.repeat(np.arange(stack.size), inside)
        return self.taken(self.grouped(p, group, stack.size), np.broadcast_to(stack, node.aval.shape))

    def _solve(self, node: Node, i: int, p: Pattern) -> Pattern:
        return self.met(node, i, p, (-2 % len(node.aval.shape),)) if i else self.by_matrix(node, i, p)

    def _matmul(self, node: Node, i: int, p: Pattern) -> Pattern:
        a, b = (x.aval.shape for x in node.inputs)
        left, right = (a if len(a) > 1 else (1, *a)), (b if len(b) > 1 else (*b, 1))
        other = node.inputs[1 - i]
        if other.op is CONST and len(a) <= 2 and len(b) <= 2:
            matrix = np.reshape(self.value(other), left if i else right) != 0
            if np.count_nonzero(matrix) * 4 <= matrix.size:
                many = self.sparse.eye_array(right[1] if i else left[0])
                matrix = self.sparse.csr_array(matrix if i else matrix.T)
                return self._bits(self.sparse.kron(*((matrix, many) if i else (many, matrix)))) @ p
        shape = (*left[:-1], right[-1])
        own = right if i else left
        axis = len(own) - 2 if i else len(own) - 1
        kept = (*own[:axis], 1, *own[axis + 1 :])
        numbers = np.reshape(np.arange(int(np.prod(kept))), kept)
        group = self.grouped(p, np.ravel(np.broadcast_to(numbers, own)), numbers.size)
        return self.taken(group, np.broadcast_to(numbers, shape))

    def _einsum(self, node: Node, i: int, p: Pattern) -> Pattern:
        terms, _, out = node.params[0].partition("->")
        term = terms.split(",")[i]
        sizes = dict(zip(out, node.aval.shape, strict=True))
        own = node.inputs[i].aval.shape
        kept = [n if c in out else 1 for c, n in zip(term, own, strict=True)]
        numbers = np.reshape(np.arange(int(np.prod(kept))), kept)
        group = self.grouped(p, np.ravel(np.broadcast_to(numbers, own)), numbers.size)
        letters = "".join([c for c in term if c in out])
        flat = np.reshape(numbers, [sizes[c] for c in letters])
        inner = sorted(range(len(letters)), key=lambda k: out.index(letters[k]))
        turned = np.reshape(np.transpose(flat, inner), [sizes[c] if c in letters else 1 for c in out])
        return self.taken(group, np.broadcast_to(turned, node.aval.shape))

    def _sparse_product(self, node: Node, i: int, p: Pattern) -> Pattern:
        matrix = self.sparse.csr_array(node.params[0].matrix)
        many = self.sparse.eye_array(int(np.prod(node.inputs[0].aval.shape[1:])))
        return self._bits(self.sparse.kron(matrix, many)) @ p

    def _convolve_full(self, node: Node, i: int, p: Pattern) -> Pattern:
        """Each element of the kernel moves all of the other operand by its own place."""
        own, shape = node.inputs[i].aval.shape, node.aval.shape
        numbers = np.reshape(np.arange(node.aval.size), shape)
        ends = [numbers[self._window(place, own)] for place in self._kernel(node, 1 - i)]
        start = np.tile(np.arange(p.shape[0]), len(ends))
        return self._links(np.concatenate([np.ravel(e) for e in ends]), start, node.aval.size, p.shape[0]) @ p

    def _convolve_valid(self, node: Node, i: int, p: Pattern) -> Pattern:
        if i == 1:
            return self.everything(node, p)
        own, kernel = node.inputs[0].aval.shape, node.inputs[1].aval.shape
        numbers = np.reshape(np.arange(p.shape[0]), own)
        reads = [numbers[self._window(np.subtract(kernel, 1) - at, node.aval.shape)] for at in self._kernel(node, 1)]
        ends = np.tile(np.arange(node.aval.size), len(reads))
        return self._links(ends, np.concatenate([np.ravel(r) for r in reads]), node.aval.size, p.shape[0]) @ p

    def _kernel(self, node: Node, i: int) -> Array:
        """The places of the elements of an operand of a convolution that can differ from zero."""
        other = node.inputs[i]
        there: Array = self.value(other) != 0 if other.op is CONST else np.ones(other.aval.shape, bool)
        return np.argwhere(there) if there.any() else np.zeros((1, there.ndim), int)

    def _window(self, at: Array, shape: Sequence[int]) -> tuple[slice, ...]:
        return tuple(slice(int(k), int(k) + n) for k, n in zip(at, shape, strict=True))

    # A graph inside.

    def called(self, node: Node, patterns: Sequence[Pattern]) -> Pattern:
        """A checkpointed function: its own graph, whose values are computed again."""
        graph = node.params[0]
        values = evaluate(graph.nodes, dict(zip(graph.inputs, map(self.value, node.inputs), strict=True)))
        start = {x: p for x, p in zip(graph.inputs, patterns, strict=True) if p is not None}
        found = propagate(self.sparse, graph.nodes, start, values.__getitem__, graph.outputs)
        width = next(p for p in patterns if p is not None).shape[1]
        parts = [found.get(y, None) for y in graph.outputs]
        empty = [self._rows(y.aval.size, width, [], []) for y in graph.outputs]
        return self.sparse.vstack([e if p is None else p for p, e in zip(parts, empty, strict=True)], format="csr")

    # Making patterns.

    def _links(self, ends: Array, starts: Array, rows: int, columns: int) -> Pattern:
        return self._rows(rows, columns, np.ravel(ends), np.ravel(starts))

    def _rows(self, rows: int, columns: int, ends: Any, starts: Any) -> Pattern:
        ones = np.ones(len(ends), bool)
        return self.sparse.csr_array((ones, (ends, starts)), shape=(rows, columns), dtype=bool)

    def _bits(self, matrix: Pattern) -> Pattern:
        return self.sparse.csr_array(matrix).astype(bool)
