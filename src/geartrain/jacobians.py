"""Whole Jacobians and Hessians: all rows at once by a batched pull, all columns at once by a batched push."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from geartrain import tree
from geartrain.api import check_argnums, grad_for, jvp_for, numbers_of, of_chosen, vjp_for
from geartrain.errors import InputError, teach
from geartrain.ir.aval import Array, aval_of
from geartrain.mapping import vmap
from geartrain.run import F, is_value
from geartrain.sparse.derivative import sparse_hessian, sparse_jacobian
from geartrain.trace.tracer import value_of

__all__ = ["hessian", "jacfwd", "jacobian", "jacrev"]


def jacobian(f: F, argnums: int | Sequence[int] = 0, *, sparse: bool = False, nan_safe: bool = False) -> F:
    """The Jacobian of ``f``: forward or reverse, whichever takes fewer sweeps.

    Args:
        f: a function of floats, floating arrays, or containers of them, to the same.
        argnums: the argument to differentiate in, or several for a tuple.
        sparse: find out from the program which entries can differ from zero, and compute those only. Columns (or rows,
            if that takes fewer) that cannot meet are moved together, so the cost is a push for each *colour* and not
            for each column: three for a tridiagonal Jacobian of any size. Needs SciPy.
        nan_safe: as in :func:`geartrain.value_and_grad`.

    Returns:
        A function. Its result is a container like ``f``'s result, with in each place a container like the argument, of
        arrays with the shape of the result followed by the shape of the argument.

        With ``sparse`` they are ``scipy.sparse.csr_array`` with a row for each number of the result and a column for
        each one of the argument. Entries that happen to be zero at this point are kept, those that the program cannot
        make are not. The pattern is that of this very call: with other numbers a branch, a condition or an index may
        lead elsewhere.

    Raises:
        InputError: integers to differentiate in, complex numbers, ``argnums`` out of range; ``sparse`` inside another
            transformation.
        MissingPackage: ``sparse`` without SciPy.

    >>> jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    >>> jacobian(lambda x: x[1:] - x[:-1] ** 2, sparse=True)(np.arange(1000.0)).nnz
    1998
    """
    if sparse:
        return sparse_jacobian(f, argnums, nan_safe)
    return _jacobian("jacobian", f, argnums, None, nan_safe)


def jacrev(f: F, argnums: int | Sequence[int] = 0, *, nan_safe: bool = False) -> F:
    """The Jacobian of ``f`` row by row, by one batched pull: good for few outputs. As :func:`jacobian` otherwise.

    >>> jacrev(lambda x: np.sum(x) * x[0])(np.array([1.0, 2.0]))
    array([4., 1.])
    """
    return _jacobian("jacrev", f, argnums, False, nan_safe)


def jacfwd(f: F, argnums: int | Sequence[int] = 0, *, nan_safe: bool = False) -> F:
    """The Jacobian of ``f`` column by column, by one batched push: good for few inputs. As :func:`jacobian` otherwise.

    >>> jacfwd(lambda t: np.array([t**2, np.sin(t)]))(0.0)
    array([0., 1.])
    """
    return _jacobian("jacfwd", f, argnums, True, nan_safe)


def hessian(f: F, argnums: int | Sequence[int] = 0, *, sparse: bool = False, nan_safe: bool = False) -> F:
    """The Hessian of a scalar function: forward over reverse, all columns at once.

    The result is a container like the argument, with in each place a container like the argument again. ``sparse`` and
    ``nan_safe`` as in :func:`jacobian`; symmetry makes for fewer colours still, two for an arrow of any size.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    >>> hessian(lambda x: x[0] * np.sum(x**2), sparse=True)(np.arange(1000.0)).nnz
    2998
    """
    if sparse:
        return sparse_hessian(f, argnums, nan_safe)
    inner = grad_for("hessian", f, argnums, nan_safe=nan_safe)
    return _jacobian("hessian", inner, argnums, True, nan_safe)


def _jacobian(name: str, f: F, argnums: int | Sequence[int], forward: bool | None, nan_safe: bool) -> F:
    numbers = numbers_of(name, argnums)

    @functools.wraps(f)
    def jacobian_f(*args: Any, **kwargs: Any) -> Any:
        check_argnums(name, numbers, args)
        chosen = of_chosen(f, numbers, args, kwargs)
        xs = tuple(args[i] for i in numbers)
        columns = (
            _columns(name, chosen, xs, nan_safe) if forward else _rows(name, chosen, xs, forward is None, nan_safe)
        )
        return _pick(columns, argnums)

    return jacobian_f


class _Parts(tuple[Any, ...]):
    """The Jacobian of one output in all chosen arguments."""


def _pick(jacobian: tuple[list["_Parts"], tree.TreeDef], argnums: Any) -> Any:
    parts, treedef = jacobian
    return tree.unflatten(treedef, [p[0] if isinstance(argnums, int) else tuple(p) for p in parts])


def _rows(name: str, f: F, xs: tuple[Any, ...], may_turn: bool, nan_safe: bool) -> tuple[list[_Parts], tree.TreeDef]:
    """One pull for each element of the result, as a batch."""
    y, pull = vjp_for(name, f, xs, nan_safe=nan_safe)
    ys, y_def = tree.flatten(y)
    _check_real(name, [*ys, *tree.leaves(xs)])
    if may_turn and sum(map(np.size, ys)) > sum(map(np.size, tree.leaves(xs))):
        return _columns(name, f, xs, nan_safe)
    parts: list[_Parts] = []
    for k, y_k in enumerate(ys):

        def row(e: Array, k: int = k) -> Any:
            return pull(tree.unflatten(y_def, [e if i == k else _zero(other) for i, other in enumerate(ys)]))

        rows = vmap(row)(_basis(y_k))
        shape = np.shape(y_k)
        by_leaf, row_def = tree.flatten(rows)
        shaped = [np.reshape(r, (*shape, *np.shape(r)[1:])) for r in by_leaf]
        parts.append(_Parts(tree.unflatten(row_def, shaped)))
    return parts, y_def


def _columns(name: str, f: F, xs: tuple[Any, ...], nan_safe: bool) -> tuple[list[_Parts], tree.TreeDef]:
    """One push for each element of the arguments, as a batch."""
    leaves, x_def = tree.flatten(xs)
    _check_real(name, leaves)
    by_leaf: list[list[Any]] = []
    y_def = None
    for k, x_k in enumerate(leaves):

        def column(e: Array, k: int = k) -> Any:
            dots = tree.unflatten(x_def, [e if i == k else _zero(other) for i, other in enumerate(leaves)])
            return jvp_for(name, f, xs, dots, nan_safe=nan_safe)[1]

        moved, y_def = tree.flatten(vmap(column)(_basis(x_k)))
        _check_real(name, moved)
        shape = np.shape(x_k)
        by_leaf.append([np.reshape(np.moveaxis(m, 0, -1), (*np.shape(m)[1:], *shape)) for m in moved])
    if y_def is None:
        raise InputError(teach(name, "there is nothing to differentiate in: the arguments have no numbers."))
    return [_Parts(tree.unflatten(x_def, list(of_y))) for of_y in zip(*by_leaf, strict=True)], y_def


def _basis(x: Array) -> Array:
    """The unit vectors of the shape of ``x``, along a first axis."""
    n = np.size(x)
    return np.reshape(np.eye(n, dtype=aval_of(value_of(x)).dtype), (n, *np.shape(x)))


def _zero(x: Any) -> Any:
    if not is_value(x):
        return x
    aval = aval_of(value_of(x))
    return np.zeros(aval.shape, aval.dtype) if aval.shape else aval.dtype.type(0)


def _check_real(name: str, leaves: Sequence[Any]) -> None:
    for x in leaves:
        if not is_value(x):
            raise InputError(
                teach(name, f"a {type(x).__name__} is among the arguments or results.", "Use numbers only.")
            )
        if aval_of(value_of(x)).dtype.kind == "c":
            what = "a Jacobian with complex numbers has more than one meaning."
            raise InputError(teach(name, what, "Differentiate the real and the imaginary parts: y.real, y.imag."))
