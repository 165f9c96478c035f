"""Operations without a loop nest as NumPy expressions of operations that have one.

An expression is traced on the operands' shapes and dtypes, and its graph takes the place of the node. It gives the same
bits as the operation, but where sums or products of matrices are taken in another order.
"""

import warnings
from collections.abc import Callable
from typing import Any

from geartrain.ir.aval import Array, Aval, aval_of
from geartrain.ir.graph import Graph, topological
from geartrain.ir.node import CONST, Node
from geartrain.ir.untyped import numpy as np
from geartrain.ops.determinant import COFACTOR, COFACTOR_RATE
from geartrain.passes.rewrite import Builder, rewritten
from geartrain.trace import wear
from geartrain.trace.level import Level, aside
from geartrain.trace.tracer import Tracer, new_input, node_of

__all__ = ["EXPANSIONS", "expand"]

assert wear.OPERATORS  # a tracer without its dress could do nothing

MOST_MULTIPLICATIONS = 64
"""The largest power of whole numbers that becomes a chain of multiplications."""


def _argmax(x: Array, axis: int) -> Array:
    """The first place of the largest number, or of the first NaN: the least number of a place that is as large."""
    return _first(x, np.max(x, axis=axis, keepdims=True), axis)


def _argmin(x: Array, axis: int) -> Array:
    return _first(x, np.min(x, axis=axis, keepdims=True), axis)


def _first(x: Array, wanted: Array, axis: int) -> Array:
    n = x.shape[axis]
    places: Array = np.reshape(np.arange(n), [n] + [1] * (x.ndim - axis - 1))
    found = np.logical_or(x == wanted, x != x) if x.dtype.kind == "f" else x == wanted
    return np.min(np.where(found, places, n), axis=axis)


def _cumsum(x: Array, axis: int) -> Array | None:
    """Short whole numbers are summed as long ones."""
    wide = np.sum(np.ones(1, x.dtype)).dtype
    return None if x.dtype == wide else np.cumsum(x.astype(wide), axis=axis)


def _argsort(x: Array, axis: int) -> Array:
    """Complex numbers by the real part, then by the imaginary one; then with NaN in the second, the first, in both."""
    re, im = np.real(x), np.imag(x)
    return _lexsort(im, re, 2 * np.isnan(re).astype(np.int8) + np.isnan(im), axis)


def _any(x: Array, axes: tuple[int, ...]) -> Array:
    return np.any(x != 0, axis=axes)


def _all(x: Array, axes: tuple[int, ...]) -> Array:
    return np.all(x != 0, axis=axes)


def _lexsort(*operands: Any) -> Array:
    """By one key after the other, keeping the order of equals."""
    *keys, axis = operands
    order: Array = None
    for key in keys:
        if order is None:
            order = np.argsort(key, axis=axis, kind="stable")
        else:
            then = np.argsort(np.take_along_axis(key, order, axis), axis=axis, kind="stable")
            order = np.take_along_axis(order, then, axis)
    return order


def _searchsorted(a: Array, v: Array, *rest: str) -> Array | None:
    """Both in one dtype, in which NumPy compares."""
    if len(rest) != 1 or getattr(v, "dtype", None) == a.dtype:
        return None
    dtype = np.result_type(a, v)
    return np.searchsorted(a.astype(dtype), np.asarray(v).astype(dtype), *rest)


def _round(x: Array, decimals: int) -> Array:
    if decimals == 0:
        return np.rint(x)
    scale = 10.0 ** abs(decimals)
    return np.rint(x * scale) / scale if decimals > 0 else np.rint(x / scale) * scale


def _norm2(x: Array, axes: tuple[int, ...]) -> Array:
    return np.sqrt(np.sum(x * x, axis=axes))


def _pinv(a: Array, rcond: Any) -> Array | None:
    if rcond is not None and np.ndim(rcond):
        return None
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    large = s > (1e-15 if rcond is None else rcond) * np.max(s, axis=-1, keepdims=True)
    one = np.ones((), s.dtype)
    inverse = np.where(large, one / np.where(large, s, one), np.zeros((), s.dtype))
    v, uh = (np.swapaxes(x.conj() if x.dtype.kind == "c" else x, -1, -2) for x in (vh, u))
    return v @ (inverse[..., None] * uh)


def _matrix_rank(a: Array, tol: Any, hermitian: bool, rtol: Any) -> Array | None:
    if a.ndim < 2 or hermitian or tol is not None or np.ndim(rtol):
        return None
    s = np.linalg.svd(a, compute_uv=False)
    cut = max(a.shape[-2:]) * np.finfo(a.dtype).eps if rtol is None else rtol
    return np.sum(s > np.max(s, axis=-1, keepdims=True) * cut, axis=-1)


def _power(x: Array, exponent: Array) -> Array | None:
    """A whole number to a whole power, by squaring: it wraps as NumPy's does."""
    if type(exponent) is Tracer or np.ndim(exponent) or not 0 < exponent <= MOST_MULTIPLICATIONS:
        return None
    power, square, left = None, x, int(exponent)
    while left:
        if left & 1:
            power = square if power is None else power * square
        left >>= 1
        square = square * square if left else square
    return power


def _einsum(*operands: Array) -> Array | None:
    """Two operands at a time, from the left; each pair is a product of (stacks of) matrices."""
    *xs, subscripts = operands
    ins, _, out = subscripts.partition("->")
    terms = ins.split(",")
    if any(len(set(term)) != len(term) for term in terms):
        return None
    x, term = xs[0], terms[0]
    for i in range(1, len(xs)):
        later = "".join(terms[i + 1 :]) + out
        x, term = _pair(x, term, xs[i], terms[i], later)
    x, term = _summed(x, term, out)
    return _ordered(x, term, out)


def _pair(a: Array, in_a: str, b: Array, in_b: str, later: str) -> tuple[Array, str]:
    """The product of two operands, summed over the letters that nobody needs ``later``."""
    (a, in_a), (b, in_b) = _summed(a, in_a, later + in_b), _summed(b, in_b, later + in_a)
    size = dict(zip(in_a + in_b, a.shape + b.shape, strict=True))
    stacked = "".join([c for c in in_a if c in in_b and c in later])
    inside = "".join([c for c in in_a if c in in_b and c not in later])
    left, right = "".join([c for c in in_a if c not in in_b]), "".join([c for c in in_b if c not in in_a])
    a, b = _ordered(a, in_a, stacked + left + inside), _ordered(b, in_b, stacked + inside + right)

    def many(letters: str) -> int:
        return int(np.prod([size[c] for c in letters]))

    stack = (many(stacked),) if stacked else ()
    a, b = np.reshape(a, (*stack, many(left), many(inside))), np.reshape(b, (*stack, many(inside), many(right)))
    rest = stacked + left + right
    return np.reshape(a @ b if inside else a * b, tuple([size[c] for c in rest])), rest


def _summed(x: Array, term: str, kept: str) -> tuple[Array, str]:
    axes = tuple([i for i, c in enumerate(term) if c not in kept])
    return np.sum(x, axis=axes) if axes else x, "".join([c for c in term if c in kept])


def _ordered(x: Array, term: str, out: str) -> Array:
    return x if term == out else np.transpose(x, [term.index(c) for c in out])


EXPANSIONS: dict[str, tuple[str, Callable[..., Array | None]]] = {
    "all": ("c", _all),
    "any": ("c", _any),
    "argmax": ("fiub", _argmax),
    "argmin": ("fiub", _argmin),
    "argsort": ("c", _argsort),
    "lexsort": ("fiub", _lexsort),
    "round": ("f", _round),
    "norm2": ("f", _norm2),
    "cumsum": ("biu", _cumsum),
    "searchsorted": ("fiub", _searchsorted),
    "power": ("iu", _power),
    "einsum": ("fc", _einsum),
    "pinv": ("fc", _pinv),
    "matrix_rank": ("fc", _matrix_rank),
    "cofactor": ("fc", COFACTOR.fn),
    "cofactor_rate": ("fc", COFACTOR_RATE.fn),
}
"""By the name of the row: for which kinds of dtype, and the expression, which takes what the row's ``fn`` takes."""


def expand(graph: Graph) -> Graph:
    """The graph with what has an expansion expanded."""
    if all(node.op.name not in EXPANSIONS for node in graph.nodes):
        return graph
    return rewritten(graph, _expanded)


def _expanded(builder: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    found = EXPANSIONS.get(node.op.name)
    if found is None or any(x.aval.dtype.kind not in found[0] or x.aval.size == 0 for x in inputs):
        return None
    return aside(_traced, (builder, node, inputs, found[1]))


def _traced(builder: Builder, node: Node, inputs: tuple[Node, ...], expression: Callable[..., Any]) -> Node | None:
    given: dict[Node, Node] = {}
    with Level("record") as level, np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        operands: list[Array] = []
        for x in inputs:
            if x.op is CONST:
                operands.append(x.value)
                continue
            operands.append(new_input(level, np.ones(x.aval.shape, x.aval.dtype)[()]))
            given[node_of(operands[-1])] = x
        y = expression(*operands, *node.params)
        if type(y) is not Tracer:
            return None
        end = node_of(y)
    if aval_of(end.value) != node.aval:
        return None
    made = dict(given)
    for each in topological([end], made):
        if each.op is CONST:
            made[each] = builder.const(each.value)
        else:
            operands_made = [made[x] for x in each.inputs]
            aval: Aval = aval_of(each.value)
            made[each] = builder.op(each.op, *operands_made, params=each.params, aval=aval)
    return made[end]
