"""The transformations of the chain rule: grad, value_and_grad, vjp, jvp, hvp, stop_gradient."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from geartrain import tree
from geartrain.errors import InputError, teach
from geartrain.ir.aval import Array, aval_of
from geartrain.ir.node import Node
from geartrain.ops.shape import STOP
from geartrain.run import F, Run, as_leaf, called, is_value
from geartrain.trace.intercept import stand_in
from geartrain.trace.tracer import value_of

__all__ = ["grad", "hvp", "jvp", "stop_gradient", "value_and_grad", "vjp"]


def value_and_grad(f: F, argnums: int | Sequence[int] = 0, has_aux: bool = False, *, nan_safe: bool = False) -> F:
    """The function that returns ``f``'s value and its gradient, for the cost of a few evaluations of ``f``.

    Args:
        f: returns a real scalar (or, with ``has_aux``, a pair of it and anything else that is to be handed on).
        argnums: which positional arguments to differentiate in: a number, or several for a tuple of gradients. They are
            floats, floating or complex arrays, or containers of them.
        has_aux: whether ``f`` returns ``(value, aux)``; the result is then ``((value, aux), gradient)``.
        nan_safe: keep NaN and infinity out of the gradient that come from operations which took no part in the value,
            as on the branch that ``np.where`` did not take: a rate that is not finite counts as zero where zero
            arrives. For a derivative of a derivative give it to both.

    The gradient has the structure, shapes and dtypes of the arguments. For complex ``z = a + ib`` it is
    ``df/da - i df/db``, as in JAX and HIPS autograd. Keyword arguments are passed on and not differentiated.

    Raises:
        InputError: an integer argument, a result that is not a real scalar, ``argnums`` out of range.

    >>> value_and_grad(lambda x: (3 * x + 1) ** 2)(1.0)
    (16.0, 24.0)
    >>> value_and_grad(lambda x: np.where(x > 0, np.sqrt(x), x), nan_safe=True)(0.0)
    (array(0.), 1.0)
    """
    return _value_and_grad("value_and_grad", f, argnums, has_aux, nan_safe)


def _value_and_grad(name: str, f: F, argnums: int | Sequence[int], has_aux: bool, nan_safe: bool) -> F:
    numbers = numbers_of(name, argnums)

    @functools.wraps(f)
    def value_and_grad_f(*args: Any, **kwargs: Any) -> Any:
        check_argnums(name, numbers, args)
        run = Run(name, of_chosen(f, numbers, args, kwargs), [args[i] for i in numbers], nan_safe=nan_safe)
        y, aux = _value_and_aux(name, run.out) if has_aux else (run.out, None)
        _check_scalar(name, y)
        node, y = run.output(y)
        dtype = aval_of(y).dtype
        seed = 1.0 if dtype == np.float64 else dtype.type(1)
        value = (y, run.outputs(aux)) if has_aux else y
        y_bars = {} if node is None else {node: seed}
        del node  # the sweep is to be the last who holds it
        bars = tree.unflatten(run.treedef, run.pull_once(y_bars))
        gradient = bars[0] if isinstance(argnums, int) else bars
        run.level.forget()
        return value, gradient

    return value_and_grad_f


def gradient_in_parts(f: F, take: Callable[[int, Any], Any]) -> F:
    """Like ``value_and_grad(f)``, but each part of the gradient is handed over while the sweep back goes on.

    ``take(i, bar)`` is called with leaf ``i`` of the first argument as soon as its cotangent ``bar`` is whole. The
    function returns the value, and a list of what ``take`` returned.

    >>> params = {"a": 2.0, "b": 3.0}  # b is used last, so its part is whole first
    >>> gradient_in_parts(lambda p: p["a"] ** 2 * p["b"], lambda i, bar: (i, bar))(params)
    (12.0, [(1, 4.0), (0, 12.0)])
    """

    @functools.wraps(f)
    def gradient_in_parts_f(*args: Any, **kwargs: Any) -> Any:
        run = Run("grad", of_chosen(f, (0,), args, kwargs), args[:1])
        _check_scalar("grad", run.out)
        node, y = run.output(run.out)
        seed = aval_of(y).dtype.type(1)
        taken = [take(i, bar) for i, bar in run.pull_in_parts({} if node is None else {node: seed})]
        run.level.forget()
        return y, taken

    return gradient_in_parts_f


def numbers_of(name: str, argnums: Any) -> tuple[int, ...]:
    """``argnums`` as a tuple."""
    numbers = tuple(argnums) if isinstance(argnums, (tuple, list)) else (argnums,)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if not numbers or not all(isinstance(i, int) for i in numbers):  # pyright: ignore[reportUnknownVariableType]
        raise InputError(
            teach(name, f"argnums={argnums!r} numbers no argument.", "Give an integer, or a tuple of them.")
        )
    return numbers  # pyright: ignore[reportUnknownVariableType]


def of_chosen(f: F, numbers: tuple[int, ...], args: Sequence[Any], kwargs: dict[str, Any]) -> F:
    """``f`` as a function of the arguments with these numbers, where the others are given."""
    traced = stand_in(f)

    def chosen(*xs: Any) -> Any:
        if len(args) == len(numbers) == 1:
            return traced(*xs, **kwargs)
        full = list(args)
        for i, x in zip(numbers, xs, strict=True):
            full[i] = x
        return traced(*full, **kwargs)

    chosen.__wrapped__ = f  # type: ignore[attr-defined]
    return chosen


def check_argnums(name: str, numbers: tuple[int, ...], args: Sequence[Any]) -> None:
    """Refuse argument numbers that the call does not have."""
    count = len(args)
    if numbers == (0,) and count:
        return
    if any(not -count <= i < count for i in numbers) or len({i % count for i in numbers}) < len(numbers):
        raise InputError(
            teach(
                name,
                f"argnums={numbers[0] if len(numbers) == 1 else numbers} with {len(args)} positional argument(s).",
                "Pass what is differentiated by position, and choose argnums from 0 up to one less than their number,"
                " each once.",
            )
        )


def _value_and_aux(name: str, out: Any) -> tuple[Any, Any]:
    pair: Any = out
    if isinstance(out, tuple) and len(pair) == 2:
        return pair
    what = f"has_aux=True, but the function returned {called(pair)} and no pair."
    raise InputError(teach(name, what, "Return (value, aux)."))


def _check_scalar(name: str, y: Any) -> None:
    if is_value(y):
        aval = aval_of(value_of(y))
        if aval.shape == () and aval.dtype.kind == "f":
            return
    if not is_value(y):
        got, do = called(y), "Return one number; use gt.jacobian for several, or has_aux=True."
    elif np.shape(value_of(y)) != ():
        got = repr(aval_of(value_of(y)))
        do = "Sum or average it, or use gt.jacobian (every output) or gt.vjp (a weighted sum)."
    elif aval_of(value_of(y)).dtype.kind == "c":
        got, do = "a complex number", "Return a real one: np.abs(y) ** 2, y.real or y.imag."
    else:
        got, do = called(y), "Return a float: an integer or a truth value does not move."
    raise InputError(teach(name, f"the function must return a real scalar to have a gradient; it returned {got}.", do))


def grad(f: F, argnums: int | Sequence[int] = 0, has_aux: bool = False, *, nan_safe: bool = False) -> F:
    """The gradient of a scalar function: the chain rule run from the end.

    Arguments and errors as in :func:`value_and_grad`; with ``has_aux`` the result is ``(gradient, aux)``.

    >>> grad(lambda x: (3 * x + 1) ** 2)(1.0)
    24.0
    >>> grad(lambda x: x * grad(lambda y: x + y)(2.0))(1.0)
    1.0
    >>> grad(lambda p, x: np.sum(p["w"] * x))({"w": np.array([1.0, 2.0])}, np.array([3.0, 4.0]))
    {'w': array([3., 4.])}
    """
    return grad_for("grad", f, argnums, has_aux, nan_safe=nan_safe)


def grad_for(name: str, f: F, argnums: int | Sequence[int] = 0, has_aux: bool = False, *, nan_safe: bool = False) -> F:
    """:func:`grad` for the transformation ``name``, which its errors are to name."""
    both = _value_and_grad(name, f, argnums, has_aux, nan_safe)

    @functools.wraps(f)
    def grad_f(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return grad_f


def vjp(f: F, *xs: Any, has_aux: bool = False, nan_safe: bool = False) -> Any:
    """``f(*xs)`` and the function that pulls a cotangent of the result back to the arguments.

    Args:
        f: any function of floats, floating or complex arrays, or containers of them.
        xs: where.
        has_aux: whether ``f`` returns ``(result, aux)``; the return value is then ``(result, pull, aux)``.
        nan_safe: as in :func:`value_and_grad`.

    Returns:
        ``(y, pull)``; ``pull(y_bar)`` takes a container like ``y`` and gives a tuple of cotangents, like ``xs``.

    Raises:
        InputError: an integer among the arguments; a cotangent that is not like the result.

    >>> y, pull = vjp(lambda x, w: x * w, 2.0, 3.0)
    >>> y, pull(1.0)
    (6.0, (3.0, 2.0))
    """
    return vjp_for("vjp", f, xs, has_aux, nan_safe=nan_safe)


def vjp_for(name: str, f: F, xs: Sequence[Any], has_aux: bool = False, *, nan_safe: bool = False) -> Any:
    """:func:`vjp` for the transformation ``name``, which its errors are to name."""
    run = Run(name, f, xs, nan_safe=nan_safe)
    out, aux = _value_and_aux(name, run.out) if has_aux else (run.out, None)
    leaves, treedef = tree.flatten(out)
    outputs = [run.output(y) for y in leaves]

    def pull(y_bar: Any) -> Any:
        bars, bar_def = tree.flatten(y_bar)
        if bar_def != treedef:
            what = f"the cotangent is a container {bar_def!r}, the result {treedef!r} (each * is a number or an array)."
            raise InputError(teach(name, what, "Make them alike."))
        seeds: dict[Node, Array] = {}
        for (node, y), bar in zip(outputs, bars, strict=True):
            if np.shape(bar) != np.shape(y):
                what = f"the cotangent has shape {np.shape(bar)}, the result {np.shape(y)}."
                raise InputError(teach(name, what, "Make them alike."))
            if node is not None:
                bar = _as_seed(name, bar, y)
                seeds[node] = seeds[node] + bar if node in seeds else bar
        return tree.unflatten(run.treedef, run.pull(seeds))

    y = tree.unflatten(treedef, [y for _, y in outputs])
    return (y, pull, run.outputs(aux)) if has_aux else (y, pull)


def _as_seed(name: str, bar: Array, like: Array) -> Array:
    """A tangent or cotangent from outside, in the dtype of what it belongs to."""
    dtype = aval_of(value_of(like)).dtype
    have = aval_of(value_of(bar)) if is_value(bar) else None
    if have is None or have.dtype.kind not in "fciub" or (have.dtype.kind == "c" and dtype.kind == "f"):
        what = f"a tangent or cotangent is {called(bar)}, what it belongs to is {called(like)}."
        raise InputError(teach(name, what, "Make them alike: a real number for a real one."))
    if have.dtype == dtype or have.weak:
        return bar
    return np.asarray(bar, dtype)


def jvp(f: F, xs: Sequence[Any], xs_dot: Sequence[Any], has_aux: bool = False, *, nan_safe: bool = False) -> Any:
    """``f(*xs)`` and how it moves when the arguments move by ``xs_dot``.

    Args:
        f: any function of floats, floating or complex arrays, or containers of them.
        xs: where, as a tuple or list of arguments.
        xs_dot: the tangents, a container like ``xs``.
        has_aux: whether ``f`` returns ``(result, aux)``; the return value is then ``(y, y_dot, aux)``.
        nan_safe: as in :func:`value_and_grad`; here a rate that is not finite counts as zero for what does not move.

    Returns:
        ``(y, y_dot)``, containers alike.

    Raises:
        InputError: an integer among the arguments; tangents that are not like the arguments.

    >>> jvp(lambda x: (3 * x + 1) ** 2, (1.0,), (1.0,))
    (16.0, 24.0)
    """
    for what, given in (("arguments", xs), ("tangents", xs_dot)):
        if not isinstance(given, (tuple, list)):  # pyright: ignore[reportUnnecessaryIsInstance]
            got = f"the {what} are given as {called(given)}."
            raise InputError(teach("jvp", got, "Give tuples, also of one: gt.jvp(f, (x,), (x_dot,))."))
    return jvp_for("jvp", f, xs, xs_dot, has_aux, nan_safe=nan_safe)


def jvp_for(
    name: str, f: F, xs: Sequence[Any], xs_dot: Sequence[Any], has_aux: bool = False, *, nan_safe: bool = False
) -> Any:
    """:func:`jvp` for the transformation ``name``, which its errors are to name."""
    run = Run(name, f, xs, nan_safe=nan_safe)
    dots, dot_def = tree.flatten(tuple(xs_dot))
    if dot_def != run.treedef:
        raise InputError(
            teach(
                name,
                f"the tangents are {dot_def!r}, the arguments {run.treedef!r} (each * is a number or an array).",
                "Make them alike.",
            )
        )
    seeds: dict[Node, Array] = {}
    for node, x, dot in zip(run.nodes, run.leaves, dots, strict=True):
        if node is None:
            continue
        if np.shape(dot) != np.shape(x):
            what = f"a tangent has shape {np.shape(dot)}, its argument {np.shape(x)}."
            raise InputError(teach(name, what, "Make them alike."))
        seeds[node] = _as_seed(name, dot, x)
    out, aux = _value_and_aux(name, run.out) if has_aux else (run.out, None)
    leaves, treedef = tree.flatten(out)
    outputs = [run.output(y) for y in leaves]
    moved = run.push(seeds, [node for node, _ in outputs if node is not None])
    seen: set[int] = set()
    y_dots = [as_leaf(moved.get(n) if n is not None else None, y, seen) if is_value(y) else y for n, y in outputs]
    y, y_dot = tree.unflatten(treedef, [y for _, y in outputs]), tree.unflatten(treedef, y_dots)
    aux = run.outputs(aux)
    run.level.forget()
    return (y, y_dot, aux) if has_aux else (y, y_dot)


def hvp(f: F, x: Any, x_dot: Any, *, nan_safe: bool = False) -> Any:
    """The Hessian of a scalar function of one argument times a vector, without the Hessian: forward over reverse.

    ``x_dot`` and the result are containers like ``x``. ``nan_safe`` as in :func:`value_and_grad`, for both. Errors as
    in :func:`grad` and :func:`jvp`.

    >>> hvp(lambda x: np.sum(x**3), np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """
    return jvp_for("hvp", grad_for("hvp", f, nan_safe=nan_safe), (x,), (x_dot,), nan_safe=nan_safe)[1]


def stop_gradient(x: Any) -> Any:
    """``x``, a number, array or container, as something that does not move.

    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    3.0
    """
    return tree.map(_stop, x)


def _stop(leaf: Any) -> Any:
    return STOP(leaf) if is_value(leaf) else leaf
