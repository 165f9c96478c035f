"""Products that contract axes: matmul, einsum, and everything that is spelled by them."""

import math
from collections.abc import Sequence
from typing import Any

from numpy.lib.array_utils import normalize_axis_tuple

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.diagonal import INNER_DIAGONAL
from geartrain.ops.shape import common_dtype
from geartrain.ops.table import composite, linear, spells

# Matrix products. The row knows vectors, matrices, and stacks of matrices of equal stacking; spellings do the rest.


def mT(x: Array) -> Array:
    """The transposed matrices."""
    return np.transpose(x) if x.ndim == 2 else np.swapaxes(x, -1, -2)


def _matmul_T_a(y_bar: Array, a: Array, b: Array) -> Array:
    if b.ndim == 1:
        return y_bar * b if a.ndim == 1 else y_bar[:, None] * b
    return b @ y_bar if a.ndim == 1 else y_bar @ mT(b)


def _matmul_T_b(y_bar: Array, a: Array, b: Array) -> Array:
    if a.ndim == 1:
        return y_bar * a if b.ndim == 1 else a[:, None] * y_bar
    return y_bar @ a if b.ndim == 1 else mT(a) @ y_bar


def _batch_matmul(size: int, batched: Sequence[bool], a: Array, b: Array) -> Array:
    a_vector, b_vector = a.ndim - batched[0] == 1, b.ndim - batched[1] == 1
    y = np.matmul(a[..., None, :] if a_vector else a, b[..., None] if b_vector else b)
    y = y[..., 0] if b_vector else y
    return (y[..., 0] if b_vector else y[..., 0, :]) if a_vector else y


def _matmul(a: Array, b: Array) -> Array:
    return a @ b


MATMUL = linear("matmul", _matmul, transposes=(_matmul_T_a, _matmul_T_b), batch=_batch_matmul)


def _product(a: Array, b: Array) -> Array:
    """The product of vectors and matrices."""
    return MATMUL(a, b) if a.dtype == b.dtype else MATMUL(*common_dtype([a, b]))


@spells(np.matmul)
def matmul(a: Array, b: Array) -> Array:
    if not (hasattr(a, "dtype") and hasattr(b, "dtype") and a.dtype == b.dtype):
        a, b = common_dtype([a, b])
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError("matmul: scalar operands are not allowed, use * instead")
    if a.ndim <= 2 and b.ndim <= 2:
        return _product(a, b)
    if a.ndim == 1:
        return np.matmul(a[None, :], b)[..., 0, :]
    if b.ndim == 1:
        return np.matmul(a, b[:, None])[..., 0]
    if b.ndim == 2 and a.shape[-1] == b.shape[0]:  # one large product, and one for each cotangent
        rows = np.reshape(a, (math.prod(a.shape[:-1]), a.shape[-1]))
        return np.reshape(MATMUL(rows, b), (*a.shape[:-1], b.shape[-1]))
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (x if x.shape[:-2] == lead else np.broadcast_to(x, (*lead, *x.shape[-2:])) for x in (a, b))
    return MATMUL(a, b)


@composite(np.dot)
def dot(a: Array, b: Array) -> Array:
    a, b = [x if hasattr(x, "dtype") else np.asarray(x) for x in (a, b)]
    ndims = a.ndim, b.ndim
    if 0 in ndims:
        return np.asarray(a) * np.asarray(b)
    if max(ndims) <= 2:
        return _product(a, b)
    return np.tensordot(a, b, axes=(-1, -2 if b.ndim > 1 else 0))


@composite(np.inner)
def inner(a: Array, b: Array) -> Array:
    a, b = np.asarray(a), np.asarray(b)
    return a * b if a.ndim == 0 or b.ndim == 0 else np.tensordot(a, b, axes=(-1, -1))


@composite(np.outer)
def outer(a: Array, b: Array) -> Array:
    return np.ravel(np.asarray(a))[:, None] * np.ravel(np.asarray(b))


@composite(np.vdot)
def vdot(a: Array, b: Array) -> Array:
    return np.matmul(np.conj(np.ravel(np.asarray(a))), np.ravel(np.asarray(b)))


@composite(np.vecdot, np.linalg.vecdot)
def vecdot(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    return np.sum(np.conj(x1) * x2, axis=axis)


@composite(getattr(np, "matvec", None))
def matvec(x1: Array, x2: Array, /) -> Array:
    return np.matmul(x1, x2[..., None])[..., 0]


@composite(getattr(np, "vecmat", None))
def vecmat(x1: Array, x2: Array, /) -> Array:
    return np.matmul(np.conj(x1)[..., None, :], x2)[..., 0, :]


@composite(np.tensordot)
def tensordot(a: Array, b: Array, axes: Any = 2) -> Array:
    a, b = np.asarray(a), np.asarray(b)
    if np.ndim(axes) == 0:
        n = int(axes)
        in_a, in_b = tuple(range(a.ndim - n, a.ndim)), tuple(range(n))
    else:
        in_a, in_b = normalize_axis_tuple(axes[0], a.ndim), normalize_axis_tuple(axes[1], b.ndim)
    if [a.shape[i] for i in in_a] != [b.shape[i] for i in in_b]:
        raise ValueError("shape-mismatch for sum")
    rest_a = tuple(i for i in range(a.ndim) if i not in in_a)
    rest_b = tuple(i for i in range(b.ndim) if i not in in_b)
    inside = int(np.prod([a.shape[i] for i in in_a]))
    shape_a, shape_b = tuple(a.shape[i] for i in rest_a), tuple(b.shape[i] for i in rest_b)
    left = np.reshape(np.transpose(a, rest_a + in_a), (int(np.prod(shape_a)), inside))
    right = np.reshape(np.transpose(b, in_b + rest_b), (inside, int(np.prod(shape_b))))
    return np.reshape(np.matmul(left, right), shape_a + shape_b)


@composite(np.kron)
def kron(a: Array, b: Array) -> Array:
    a, b = np.asarray(a), np.asarray(b)
    ndim = max(a.ndim, b.ndim)
    shape_a = (1,) * (ndim - a.ndim) + a.shape
    shape_b = (1,) * (ndim - b.ndim) + b.shape
    left = np.reshape(a, [n for m in shape_a for n in (m, 1)])
    right = np.reshape(b, [n for m in shape_b for n in (1, m)])
    return np.reshape(left * right, [m * n for m, n in zip(shape_a, shape_b, strict=True)])


@composite(np.einsum_path)
def einsum_path(*operands: Any, optimize: Any = "greedy", einsum_call: bool = False) -> tuple[list[Any], str]:
    """The order depends on shapes only."""
    subscripts, xs = _subscripts(operands)
    return np.einsum_path(subscripts, *[np.zeros(np.shape(x)) for x in xs], optimize=optimize)


# Einsum. The row knows plain subscripts only: no ellipsis, no letter twice in one operand, no broadcasting.

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _einsum(*operands: Any) -> Array:
    *xs, subscripts = operands
    y = np.einsum(subscripts, *xs, optimize=len(xs) > 1)
    return y if y.base is None else y.copy()  # of one operand it may be a view


def _einsum_T(i: int, y_bar: Array, *operands: Any) -> Array:
    """The result takes the operand's place. A letter that only the operand has was summed alone: it is repeated."""
    *xs, subscripts = operands
    ins, out = _terms(subscripts)
    others = [t for j, t in enumerate(ins) if j != i]
    met = {letter for term in [*others, out] for letter in term}
    got = "".join(letter for letter in ins[i] if letter in met)
    bar = EINSUM(y_bar, *[x for j, x in enumerate(xs) if j != i], params=(f"{','.join([out, *others])}->{got}",))
    if got == ins[i]:
        return bar
    shape = xs[i].shape
    kept = tuple(n if letter in met else 1 for letter, n in zip(ins[i], shape, strict=True))
    return np.broadcast_to(np.reshape(bar, kept), shape)


def _batch_einsum(size: int, batched: Sequence[bool], *operands: Any) -> Array:
    *xs, subscripts = operands
    ins, out = _terms(subscripts)
    new = next(letter for letter in _LETTERS if letter not in subscripts)
    terms = [new + t if b else t for t, b in zip(ins, batched, strict=True)]
    return EINSUM(*xs, params=(f"{','.join(terms)}->{new}{out}",))


def _terms(subscripts: str) -> tuple[list[str], str]:
    ins, _, out = subscripts.partition("->")
    return ins.split(","), out


EINSUM = linear("einsum", _einsum, "subscripts", transposes=(_einsum_T,), variadic=True, batch=_batch_einsum)


@spells(np.einsum)
def einsum(*args: Any, dtype: Any = None, optimize: Any = False, **kwargs: Any) -> Array:
    subscripts, xs = _subscripts(args)
    xs = common_dtype([np.asarray(x) for x in xs])
    ins, out = _spelled_out(subscripts, xs)
    sizes: dict[str, int] = {}
    for term, x in zip(ins, xs, strict=True):
        for letter, n in zip(term, x.shape, strict=True):
            if sizes.get(letter, 1) != 1 and n not in (1, sizes[letter]):
                raise ValueError(f"einsum {subscripts!r}: subscript {letter!r} is both {sizes[letter]} and {n}")
            sizes[letter] = max(n, sizes.get(letter, 1)) if n else 0
    if len(xs) == 1 and set(ins[0]) == set(out) and dtype is None:
        return _view(ins[0], out, xs[0])
    plain = [_once(term, x, sizes) for term, x in zip(ins, xs, strict=True)]
    made = EINSUM(*[x for _, x in plain], params=(f"{','.join(t for t, _ in plain)}->{out}",))
    return made if dtype is None else made.astype(dtype)


def _subscripts(args: tuple[Any, ...]) -> tuple[str, list[Array]]:
    """Both of NumPy's ways to give subscripts, as the string."""
    if isinstance(args[0], str):
        return args[0].replace(" ", ""), list(args[1:])

    def term(axes: Any) -> str:
        return "".join("..." if i is Ellipsis else _LETTERS[i] for i in axes)

    xs = list(args[0 : len(args) // 2 * 2 : 2])
    ins = ",".join(term(axes) for axes in args[1::2])
    return (f"{ins}->{term(args[-1])}" if len(args) % 2 else ins), xs


def _spelled_out(subscripts: str, xs: Sequence[Array]) -> tuple[list[str], str]:
    """The terms with letters in place of each ellipsis and with the output always given."""
    ins, out = _terms(subscripts)
    if len(ins) != len(xs):
        raise ValueError(f"einsum {subscripts!r} has {len(ins)} terms for {len(xs)} operands")
    unused = [letter for letter in _LETTERS if letter not in subscripts]
    widths = [x.ndim - len(t.replace("...", "")) if "..." in t else 0 for t, x in zip(ins, xs, strict=True)]
    if min(widths) < 0:
        raise ValueError(f"einsum {subscripts!r}: an operand has fewer axes than its term has letters")
    dots = "".join(unused[: max(widths)])
    if "->" not in subscripts:
        letters = "".join(ins).replace(".", "")
        out = ("..." if dots else "") + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    spelled = [t.replace("...", dots[len(dots) - w :]) for t, w in zip(ins, widths, strict=True)]
    for term, x in zip(spelled, xs, strict=True):
        if len(term) != x.ndim:
            raise ValueError(f"einsum {subscripts!r}: an operand of shape {x.shape} does not have {len(term)} axes")
    out = out.replace("...", dots)
    if any(c not in "".join(spelled) or out.count(c) > 1 for c in out):
        raise ValueError(f"einsum {subscripts!r}: the output must name each of its subscripts once, from the inputs")
    return spelled, out


def _view(term: str, out: str, x: Array) -> Array:
    """What no letter is summed in is a view, in NumPy as well: diagonals and an order of axes."""
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            i = term.index(letter)
            j = term.index(letter, i + 1)
            x = INNER_DIAGONAL(np.moveaxis(x, (i, j), (-2, -1)))
            term = term[:i] + term[i + 1 : j] + term[j + 1 :] + letter
    return np.transpose(x, [term.index(letter) for letter in out])


def _once(term: str, x: Array, sizes: dict[str, int]) -> tuple[str, Array]:
    """The operand with repeated letters taken on the diagonal, and without axes of size one that are repeated."""
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            i = term.index(letter)
            j = term.index(letter, i + 1)
            x = np.diagonal(x, 0, i, j)
            term = term[:i] + term[i + 1 : j] + term[j + 1 :] + letter
    for letter in term:
        i = term.index(letter)
        if x.shape[i] == 1 and sizes[letter] != 1:
            x, term = x[(slice(None),) * i + (0,)], term.replace(letter, "")
    return term, x
