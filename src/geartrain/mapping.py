"""``vmap``: a function written for one example, applied to a batch at once."""

import functools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from geartrain import tree
from geartrain.again import always, looking_always
from geartrain.batch import batch_through
from geartrain.errors import InputError, teach
from geartrain.ir.aval import Array
from geartrain.run import F, Run, is_value
from geartrain.trace.intercept import stand_in
from geartrain.trace.level import active
from geartrain.trace.tracer import Tracer, depends_of, node_of

__all__ = ["vmap"]


def vmap(f: F, in_axes: Any = 0, out_axes: Any = 0) -> F:
    """The function that applies ``f`` to each example of a batch, by one operation for all of them.

    ``f`` runs once, on the first example, to see what it does. Python may therefore not branch on a batched value.

    Args:
        f: a function of arrays, numbers, or containers of them.
        in_axes: which axis of each positional argument counts the examples: an integer for all, or a tuple with one for
            each argument (an integer, ``None`` for an argument that is the same for all examples, or a container of
            these like the argument). Keyword arguments are the same for all.
        out_axes: where that axis stands in the results: an integer, or a container of integers like the result.

    Raises:
        InputError: axes that do not fit, or batches of different sizes.
        TraceError: Python takes a decision on a batched value, or writes one into an array made outside.

    >>> vmap(np.dot, in_axes=(0, None))(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 1.0]))
    array([12., 34.])
    """

    @functools.wraps(f)
    def vmap_f(*args: Any, **kwargs: Any) -> Any:
        leaves, treedef = tree.flatten(args)
        axes = _spread(in_axes, args, "in_axes")
        batches = [x if axis is None else _in_front(x, axis) for x, axis in zip(leaves, axes, strict=True)]
        size = _size([x for x, axis in zip(batches, axes, strict=True) if axis is not None])
        chosen = [i for i, axis in enumerate(axes) if axis is not None]
        traced = stand_in(f)

        def one(*examples: Any) -> Any:
            full = list(batches)
            for i, example in zip(chosen, examples, strict=True):
                full[i] = example
            return traced(*tree.unflatten(treedef, full), **kwargs)

        one.__wrapped__ = f  # type: ignore[attr-defined]
        trace = active.trace
        known = 0 if trace is None else len(trace.doubts)
        run = Run("vmap", one, [_first(batches[i], size) for i in chosen], kind="vmap")
        values = {node: batches[i] for node, i in zip(run.nodes, chosen, strict=True) if node is not None}
        values = batch_through(run.level.segment, run.level.bit, size, values, run.operand)
        doubts = run.trace.doubts[known:]
        del run.trace.doubts[known:]
        run.trace.doubts += [node for node in doubts if node not in values]
        if not looking_always() and any(_holds(values[node]) for node in doubts if node in values):
            run.throw_away()
            with always():
                return vmap_f(*args, **kwargs)
        outs, out_def = tree.flatten(run.out)
        to = _spread(out_axes, run.out, "out_axes")
        results: list[Any] = []
        for y, axis in zip(outs, to, strict=True):
            node, value = run.output(y)
            results.append(_placed(values[node] if node is not None else value, node is not None, size, axis))
        run.throw_away()
        return tree.unflatten(out_def, results)

    return vmap_f


def _holds(answers: Array) -> bool:
    """Whether a question that a rule had is answered with yes for any example, or for an outer batch it may be."""
    any_: Any = np.any(answers)
    trace = active.trace
    if type(any_) is Tracer and trace is not None and depends_of(any_) & trace.vmap_bits:
        trace.doubts.append(node_of(any_))
        return False
    return bool(any_)


def _spread(axes: Any, like: Any, name: str) -> list[int | None]:
    """An axis for each leaf of ``like``: a prefix of its containers says it for all that is below."""
    if axes is None or _is_whole(axes):
        return [axes if axes is None else operator.index(axes)] * len(tree.leaves(like))
    if not isinstance(axes, (tuple, list, dict)):
        what = f"{name} has {axes!r}, which is no axis."
        raise InputError(teach("vmap", what, "Give an integer or None, or a container of them like the arguments."))
    kids, wanted = _children(like), _children(axes)
    if isinstance(axes, dict) and (not isinstance(like, dict) or axes.keys() != like.keys()):  # pyright: ignore[reportUnknownMemberType]
        keys = f"the keys {list(like)}" if isinstance(like, dict) else "no keys"  # pyright: ignore[reportUnknownArgumentType]
        raise InputError(teach("vmap", f"{name}={axes!r} is for {keys}.", "Give an axis for each key, or one integer."))
    if len(kids) != len(wanted):
        raise InputError(
            teach(
                "vmap",
                f"{name}={axes!r} has {len(wanted)} parts for {len(kids)}.",
                "Give one axis for each, or one integer.",
            )
        )
    return [axis for kid, part in zip(kids, wanted, strict=True) for axis in _spread(part, kid, name)]


def _is_whole(x: Any) -> bool:
    return isinstance(x, (int, np.integer))


def _children(x: Any) -> list[Any]:
    if isinstance(x, dict):
        return [x[key] for key in tree.flatten(x)[1].keys]
    return list(x) if isinstance(x, (tuple, list)) else [x]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _in_front(x: Any, axis: int) -> Array:
    if not is_value(x) or not -np.ndim(x) <= axis < np.ndim(x):
        what = f"shape {np.shape(x)}" if is_value(x) else f"a {type(x).__name__}"
        raise InputError(
            teach("vmap", f"an argument with in_axes={axis} has no such axis: {what}.", "Use in_axes=None to share it.")
        )
    return np.moveaxis(x, axis, 0)


def _size(batches: Sequence[Array]) -> int:
    sizes = sorted({np.shape(x)[0] for x in batches})
    if len(sizes) != 1:
        what = f"the arguments have {sizes} examples" if sizes else "no argument is batched: in_axes is None for all"
        raise InputError(teach("vmap", f"{what}.", "Every batched argument must have the same number of examples."))
    return sizes[0]


def _first(x: Array, size: int) -> Array:
    return x[0] if size else np.zeros(x.shape[1:], x.dtype)[()]


def _placed(value: Any, batched: bool, size: int, axis: int | None) -> Any:
    """A result with the axis of the examples where it is wanted."""
    if axis is None:
        if batched:
            what = "out_axes is None for a result that differs between the examples."
            raise InputError(
                teach("vmap", what, "Give the axis along which the examples are to stand: 0 for the first.")
            )
        return value
    if not batched:
        if not is_value(value):
            return value
        value = np.array(np.broadcast_to(value, (size, *np.shape(value))))
    if not -np.ndim(value) <= axis < np.ndim(value):
        what = f"out_axes={axis} for results that have {np.ndim(value)} axes with the one of the examples."
        raise InputError(teach("vmap", what, "Give an axis that they have: 0 for the first."))
    return value if axis == 0 else np.moveaxis(value, 0, axis)
