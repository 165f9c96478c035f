"""Sparse Jacobians and Hessians: a pattern, its colours, and one product for each colour.

The function runs once. Its pattern is found on the tape of that run, so it holds for what the program did with these
very numbers, and it is found anew on every call; the colours are kept as long as the pattern stays the same.
"""

import functools
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

from geartrain import tree
from geartrain.api import check_argnums, grad, numbers_of, of_chosen
from geartrain.errors import InputError, teach
from geartrain.extras import need
from geartrain.ir.aval import Array, aval_of
from geartrain.ir.node import Node
from geartrain.ir.untyped import numpy as np
from geartrain.mapping import vmap
from geartrain.run import F, Run, is_value
from geartrain.sparse.colour import columns_apart, star
from geartrain.sparse.pattern import Pattern, Sparse, propagate
from geartrain.trace.level import active
from geartrain.trace.tracer import Tracer, value_of

__all__ = ["sparse_hessian", "sparse_jacobian"]


def sparse_jacobian(f: F, argnums: int | Sequence[int], nan_safe: bool) -> F:
    """:func:`geartrain.jacobian` with ``sparse=True``."""
    return _sparse("jacobian", f, f, argnums, False, nan_safe)


def sparse_hessian(f: F, argnums: int | Sequence[int], nan_safe: bool) -> F:
    """:func:`geartrain.hessian` with ``sparse=True``."""
    return _sparse("hessian", grad(f, argnums, nan_safe=nan_safe), f, argnums, True, nan_safe)


def _sparse(name: str, f: F, like: F, argnums: int | Sequence[int], symmetric: bool, nan_safe: bool) -> F:
    numbers = numbers_of(name, argnums)
    plans = _Plans()

    @functools.wraps(like)
    def sparse_f(*args: Any, **kwargs: Any) -> Any:
        sparse = need("scipy.sparse", "scipy", name)
        if active.trace is not None:
            what = "sparse=True gives a scipy.sparse array, which no outer transformation can see through."
            raise InputError(teach(name, what, "Call it outside, or leave sparse=True out."))
        check_argnums(name, numbers, args)
        xs = [args[i] for i in numbers]
        once = _Once(name, sparse, of_chosen(f, numbers, args, kwargs), xs, nan_safe)
        whole = once.values(plans.plan(once.pattern(), symmetric))
        return once.unpacked(whole, one=isinstance(argnums, int))

    return sparse_f


class _Plan(NamedTuple):
    """How to find the entries of a pattern: ``colours`` of its columns (or of its rows, if not ``forward``).

    The entry k of the pattern is found in the product for colour ``colour[k]``, at element ``place[k]``.
    """

    pattern: Pattern
    forward: bool
    colours: Array
    colour: Array
    place: Array


class _Plans:
    """The plan of the last pattern, kept for the next call."""

    def __init__(self) -> None:
        self.last: _Plan | None = None

    def plan(self, pattern: Pattern, symmetric: bool) -> _Plan:
        last = self.last
        if symmetric:
            pattern = pattern.multiply(pattern.T).tocsr()  # what is zero on one side is zero on the other
        pattern.sort_indices()
        if last is None or not _same(last.pattern, pattern):
            last = self.last = (_by_symmetry if symmetric else _by_columns)(pattern)
        return last


def _same(a: Pattern, b: Pattern) -> bool:
    return a.shape == b.shape and np.array_equal(a.indptr, b.indptr) and np.array_equal(a.indices, b.indices)


def _lists(pattern: Pattern) -> list[list[int]]:
    flat, ends = pattern.indices.tolist(), pattern.indptr.tolist()
    return [flat[a:b] for a, b in itertools.pairwise(ends)]


def _row_of_each(pattern: Pattern) -> Array:
    return np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))


def _by_columns(pattern: Pattern) -> _Plan:
    """Columns that share no row move together; or rows that share no column, if that takes fewer."""
    rows, columns = _lists(pattern), _lists(pattern.T.tocsr())
    forward, reverse = columns_apart(rows, columns), columns_apart(columns, rows)
    ends = _row_of_each(pattern)
    if reverse.max(initial=-1) < forward.max(initial=-1):
        return _Plan(pattern, False, reverse, reverse[ends], pattern.indices)
    return _Plan(pattern, True, forward, forward[pattern.indices], ends)


def _by_symmetry(pattern: Pattern) -> _Plan:
    """An entry (i, j) is found in the product for j's colour at i, or else in the one for i's colour at j."""
    colours = star(_lists(pattern))
    i, j = _row_of_each(pattern), pattern.indices
    many = int(colours.max(initial=-1)) + 1
    met = i * many + colours[j]  # the colour of j, seen from i
    _, place, count = np.unique(met, return_inverse=True, return_counts=True)
    alone = count[place] == 1
    return _Plan(pattern, True, colours, np.where(alone, colours[j], colours[i]), np.where(alone, i, j))


class _Once:
    """One run of a function, its pattern, and products with its Jacobian."""

    def __init__(self, name: str, sparse: Sparse, f: F, xs: Sequence[Any], nan_safe: bool) -> None:
        self.name, self.sparse = name, sparse
        self.run = run = Run(name, f, xs, nan_safe=nan_safe)
        self.outputs = [run.output(y) for y in run.results]
        self.y_sizes = [np.size(y) for _, y in self.outputs]
        self.x_sizes = [np.size(x) for x in run.leaves]
        for x in (*run.leaves, *[y for _, y in self.outputs]):
            _check(name, x)

    def pattern(self) -> Pattern:
        """A row for each number of the result, a column for each of the arguments."""
        run, sparse = self.run, self.sparse
        n = sum(self.x_sizes)
        whole = sparse.csr_array(sparse.eye_array(n, dtype=bool))
        start: dict[Node, Pattern] = {}
        for node, at in zip(run.nodes, _starts(self.x_sizes), strict=True):
            if node is not None:
                start[node] = whole[at : at + np.size(node.value)]
        wanted = [node for node, _ in self.outputs if node is not None]
        nodes = [node for node in run.level.segment if node.depends & run.level.bit]
        found = propagate(sparse, nodes, start, lambda node: node.value, wanted)
        blocks = [found.get(node) if node is not None else None for node, _ in self.outputs]
        empty = [sparse.csr_array((size, n), dtype=bool) for size in self.y_sizes]
        return sparse.csr_array(
            sparse.vstack([e if b is None else b for b, e in zip(blocks, empty, strict=True)], format="csr")
        )

    def values(self, plan: _Plan) -> Pattern:
        """The pattern with its numbers."""
        n = int(plan.colours.max(initial=-1)) + 1
        pattern = plan.pattern
        if pattern.nnz == 0:
            return pattern
        seeds = np.arange(n)[:, None] == plan.colours
        found = (self.pushed if plan.forward else self.pulled)(seeds)
        return self.sparse.csr_array((found[plan.colour, plan.place], pattern.indices, pattern.indptr), pattern.shape)

    def pushed(self, seeds: Array) -> Array:
        """How the result moves when the arguments move by each of the seeds: one batched push, all numbers in a row."""
        run = self.run

        def moved(*dots: Array) -> list[Array]:
            known = {node: dot for node, dot in zip(run.nodes, dots, strict=True) if node is not None}
            y_dots = run.push(known)
            return [_flat(y_dots.get(node) if node is not None else None, y) for node, y in self.outputs]

        parts = self._cut(seeds, self.x_sizes, run.leaves)
        return np.concatenate(vmap(moved)(*parts), axis=1)

    def pulled(self, seeds: Array) -> Array:
        """What each of the seeds, a weight for each number of the result, pulls back to the arguments."""
        run = self.run

        def back(*bars: Array) -> list[Array]:
            known: dict[Node, Array] = {}
            for (node, _), bar in zip(self.outputs, bars, strict=True):
                if node is not None:
                    known[node] = known[node] + bar if node in known else bar
            return [_flat(bar, x) for bar, x in zip(run.pull(known), run.leaves, strict=True)]

        parts = self._cut(seeds, self.y_sizes, [y for _, y in self.outputs])
        return np.concatenate(vmap(back)(*parts), axis=1)

    def _cut(self, seeds: Array, sizes: Sequence[int], like: Sequence[Any]) -> list[Array]:
        """Each seed as values like these."""
        return [
            np.reshape(seeds[:, at : at + size], (len(seeds), *np.shape(x))).astype(aval_of(x).dtype)
            for at, size, x in zip(_starts(sizes), sizes, like, strict=True)
        ]

    def unpacked(self, whole: Pattern, one: bool) -> Any:
        """A container like the result, in each place one like the arguments, of the parts of the whole matrix."""
        run = self.run
        rows: list[Any] = []
        for r, (_, y) in zip(_starts(self.y_sizes), self.outputs, strict=True):
            band = whole[r : r + np.size(y)].astype(aval_of(y).dtype)
            blocks = [band[:, c : c + size] for c, size in zip(_starts(self.x_sizes), self.x_sizes, strict=True)]
            parts = tree.unflatten(run.treedef, blocks)
            rows.append(parts[0] if one else parts)
        return tree.unflatten(run.result_def, rows)


def _starts(sizes: Sequence[int]) -> list[int]:
    return [0, *np.cumsum(sizes).tolist()][: len(sizes)]


def _flat(x_dot: Array, like: Array) -> Array:
    if x_dot is None:
        return np.zeros(np.size(like), aval_of(value_of(like)).dtype)
    return np.reshape(x_dot, (np.size(like),))


def _check(name: str, x: Any) -> None:
    if type(x) is Tracer or not is_value(x):
        what = f"a {type(x).__name__} is among the arguments or results."
        raise InputError(teach(name, what, "Use numbers only."))
    if aval_of(x).dtype.kind == "c":
        what = "a Jacobian with complex numbers has more than one meaning."
        raise InputError(teach(name, what, "Differentiate the real and the imaginary parts: y.real, y.imag."))
