"""The transformations: grad, value_and_grad, vjp, jvp, jacobian, hessian, hvp, stop_gradient."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from geartrain import tree
from geartrain.chain import pull_through, push_through
from geartrain.errors import InputError, teach
from geartrain.ir.aval import Array, aval_of
from geartrain.ir.node import Node
from geartrain.trace import intercept as _intercept  # installs itself: a trace needs it
from geartrain.trace.level import Level
from geartrain.trace.tracer import Tracer, depends_of, new_input, node_of, value_of

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "stop_gradient", "value_and_grad", "vjp"]

assert _intercept.intercepted
F = Callable[..., Any]


def _is_value(x: Any) -> bool:
    return type(x) is Tracer or isinstance(x, (np.ndarray, np.generic, bool, int, float, complex))


def _lift(name: str, level: Level, values: list[Any]) -> list[Any]:
    """Fresh inputs for the leaves; what is not a number is passed on as it is."""
    out: list[Any] = []
    for x in values:
        if _is_value(x) and aval_of(x).dtype.kind not in "fc":
            raise InputError(
                teach(
                    name,
                    f"an argument to differentiate in is {aval_of(x)!r}, which has no derivative.",
                    "Pass floats: 3.0, or x.astype(float); or choose other arguments by argnums.",
                )
            )
        out.append(new_input(level, x) if _is_value(x) else x)
    return out


class _Run:
    """One traced run of a function: its tape, its inputs, and what came out."""

    def __init__(self, name: str, f: F, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        self.leaves, self.treedef = tree.flatten(tuple(args))
        with Level("grad") as level:
            self.inputs = _lift(name, level, self.leaves)
            self.nodes = [node_of(x) if type(x) is Tracer else None for x in self.inputs]
            self.out = f(*tree.unflatten(self.treedef, self.inputs), **kwargs)
        self.level = level
        self.trace = level.trace
        self.outer = level.outer_bits

    def operand(self, node: Node) -> Array:
        """What rules see: a number, or a tracer if an outer transformation is to see the derivative's own program."""
        return Tracer(self.trace, node) if node.depends & self.outer else node.value

    def output(self, y: Any) -> tuple[Node | None, Array]:
        """The node of an output (if it depends on the inputs) and the output as the caller sees it."""
        if type(y) is not Tracer:
            return None, y
        depends = depends_of(y)
        node = node_of(y) if depends & self.level.bit else None
        if depends & self.outer:
            return node, y
        return node, value_of(y)

    def pull(self, y_bars: dict[Node, Array]) -> list[Any]:
        bars = pull_through(self.level.segment, self.level.bit, y_bars, self.operand)
        seen: set[int] = set()
        return [
            _as_leaf(bars.get(n), x, seen) if n is not None else x for n, x in zip(self.nodes, self.leaves, strict=True)
        ]


def _as_leaf(bar: Array | None, like: Array, seen: set[int]) -> Array:
    """A cotangent with the shape and dtype of its input, in memory of its own."""
    if type(bar) is Tracer:
        if depends_of(bar):
            return bar
        bar = value_of(bar)
    like = value_of(like)
    if bar is None:
        return np.zeros_like(like) if isinstance(like, np.ndarray) else type(like)(0)
    if isinstance(like, np.ndarray):
        bar = np.asarray(bar, like.dtype.newbyteorder("="))
        if not bar.flags.owndata or not bar.flags.writeable or id(bar) in seen:
            bar = np.array(bar)
        seen.add(id(bar))
        return bar
    return type(like)(bar)


def _check_scalar(name: str, y: Any) -> None:
    if not _is_value(y) or np.shape(value_of(y)) != () or aval_of(y).dtype.kind not in "fc":
        what = f"{aval_of(y)!r}" if _is_value(y) else type(y).__name__
        raise InputError(
            teach(
                name,
                f"the function must return a real scalar, got {what}.",
                "Sum or average the result, or use gt.jacobian for all outputs.",
            )
        )
    if aval_of(y).dtype.kind == "c":
        raise InputError(teach(name, "the function returned a complex number.", "Return np.abs(y)**2 or y.real."))


def value_and_grad(f: F, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> F:
    """The function that returns ``f``'s value and its gradient, for the cost of a few evaluations of ``f``.

    >>> value_and_grad(lambda x: (3 * x + 1) ** 2)(1.0)
    (16.0, 24.0)
    """

    @functools.wraps(f)
    def value_and_grad_f(*args: Any, **kwargs: Any) -> Any:
        numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        if any(not -len(args) <= i < len(args) for i in numbers):
            raise InputError(
                teach("grad", f"argnums={argnums} for {len(args)} positional arguments.", "Choose others.")
            )

        def chosen(*xs: Any, **kw: Any) -> Any:
            full = list(args)
            for i, x in zip(numbers, xs, strict=True):
                full[i] = x
            return f(*full, **kw)

        run = _Run("grad", chosen, [args[i] for i in numbers], kwargs)
        y, aux = run.out if has_aux else (run.out, None)
        _check_scalar("grad", y)
        node, y = run.output(y)
        dtype = aval_of(y).dtype
        seed = 1.0 if dtype == float else dtype.type(1)
        bars = tree.unflatten(run.treedef, run.pull({} if node is None else {node: seed}))
        gradient = bars[0] if isinstance(argnums, int) else bars
        if has_aux:
            aux = tree.map(lambda a: run.output(a)[1], aux)
            return (y, aux), gradient
        return y, gradient

    return value_and_grad_f


def grad(f: F, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> F:
    """The gradient of a scalar function: the chain rule run from the end.

    >>> grad(lambda x: (3 * x + 1) ** 2)(1.0)
    24.0
    >>> grad(lambda x: x * grad(lambda y: x + y)(2.0))(1.0)
    1.0
    """
    both = value_and_grad(f, argnums, has_aux)

    @functools.wraps(f)
    def grad_f(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return grad_f


def vjp(f: F, *xs: Any) -> tuple[Any, F]:
    """``f(*xs)`` and the function that pulls a cotangent of the result back to the arguments.

    >>> y, pull = vjp(lambda x, w: x * w, 2.0, 3.0)
    >>> y, pull(1.0)
    (6.0, (3.0, 2.0))
    """
    run = _Run("vjp", f, xs, {})
    leaves, treedef = tree.flatten(run.out)
    outputs = [run.output(y) for y in leaves]

    def pull(y_bar: Any) -> Any:
        bars, bar_def = tree.flatten(y_bar)
        if bar_def != treedef:
            raise InputError(teach("vjp", f"the cotangent is {bar_def!r}, the result {treedef!r}.", "Make them alike."))
        seeds: dict[Node, Array] = {}
        for (node, y), bar in zip(outputs, bars, strict=True):
            if np.shape(bar) != np.shape(y):
                raise InputError(
                    teach(
                        "vjp", f"the cotangent has shape {np.shape(bar)}, the result {np.shape(y)}.", "Make them alike."
                    )
                )
            if node is not None:
                seeds[node] = seeds[node] + bar if node in seeds else bar
        return tree.unflatten(run.treedef, run.pull(seeds))

    return tree.unflatten(treedef, [y for _, y in outputs]), pull


def jvp(f: F, xs: Sequence[Any], xs_dot: Sequence[Any]) -> tuple[Any, Any]:
    """``f(*xs)`` and how it moves when the arguments move by ``xs_dot``.

    >>> jvp(lambda x: (3 * x + 1) ** 2, (1.0,), (1.0,))
    (16.0, 24.0)
    """
    run = _Run("jvp", f, xs, {})
    dots, dot_def = tree.flatten(tuple(xs_dot))
    if dot_def != run.treedef:
        raise InputError(
            teach("jvp", f"the tangents are {dot_def!r}, the arguments {run.treedef!r}.", "Make them alike.")
        )
    seeds = {n: d for n, d in zip(run.nodes, dots, strict=True) if n is not None}
    for n, d in seeds.items():
        if np.shape(d) != np.shape(n.value):
            raise InputError(teach("jvp", f"a tangent has shape {np.shape(d)}, its argument {np.shape(n.value)}."))
    moved = push_through(run.level.segment, run.level.bit, seeds, run.operand)
    leaves, treedef = tree.flatten(run.out)
    outputs = [run.output(y) for y in leaves]
    y_dots = [_as_leaf(moved.get(n) if n is not None else None, y, set()) if _is_value(y) else y for n, y in outputs]
    return tree.unflatten(treedef, [y for _, y in outputs]), tree.unflatten(treedef, y_dots)


def jacobian(f: F, argnums: int = 0) -> F:
    """The Jacobian of an array function of one array, by one pull for each element of the result.

    >>> jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """

    @functools.wraps(f)
    def jacobian_f(*args: Any) -> Any:
        x = args[argnums]
        y, pull = vjp(lambda x: f(*args[:argnums], x, *args[argnums + 1 :]), x)
        basis = np.eye(np.size(value_of(y)), dtype=aval_of(y).dtype)
        rows = [pull(np.reshape(e, np.shape(y)) if np.ndim(y) else e[0])[0] for e in value_of(basis)]
        return np.reshape(np.stack(rows), np.shape(y) + np.shape(x))

    return jacobian_f


def hvp(f: F, x: Any, x_dot: Any) -> Any:
    """The Hessian of a scalar function times a vector: forward over reverse.

    >>> hvp(lambda x: x**3, 2.0, 1.0)
    12.0
    """
    return jvp(grad(f), (x,), (x_dot,))[1]


def hessian(f: F, argnums: int = 0) -> F:
    """The Hessian of a scalar function.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    return jacobian(grad(f, argnums), argnums)


def stop_gradient(x: Any) -> Any:
    """``x`` as a constant.

    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    3.0
    """
    return tree.map(value_of, x)
