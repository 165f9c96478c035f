"""NumPy functions that call a function of the user's, and choices between arrays."""

import re
from collections.abc import Callable
from typing import Any

from numpy.lib.array_utils import normalize_axis_index

from geartrain.ir.aval import Array, is_array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.table import composite

__all__ = ["CALLS_BACK", "apply_along_axis", "vectorized"]


@composite(np.apply_along_axis)
def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Array, *args: Any, **kwargs: Any) -> Array:
    arr = np.asarray(arr)
    axis = normalize_axis_index(axis, arr.ndim)
    front = np.moveaxis(arr, axis, -1)
    lead = front.shape[:-1]
    if 0 in lead:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    parts = [np.asarray(func1d(front[i], *args, **kwargs)) for i in np.ndindex(lead)]
    inner = parts[0].ndim
    y = np.reshape(np.stack(parts), (*lead, *parts[0].shape))
    rest = len(lead)
    return np.moveaxis(y, range(rest, rest + inner), range(axis, axis + inner))


@composite(np.apply_over_axes)
def apply_over_axes(func: Callable[..., Any], a: Array, axes: Any) -> Array:
    y = np.asarray(a)
    ndim = y.ndim
    for axis in [axes] if np.ndim(axes) == 0 else axes:
        axis = normalize_axis_index(int(axis), ndim)
        folded = func(y, axis)
        y = folded if folded.ndim == y.ndim else np.expand_dims(folded, axis)
        if y.ndim != ndim:
            raise ValueError("function is not returning an array of the correct shape")
    return y


@composite(np.piecewise)
def piecewise(x: Array, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Array:
    """Each function sees the elements of its condition; the last true condition wins. The default comes last."""
    x = x if hasattr(x, "dtype") else np.asarray(x)
    conditions = [condlist] if _is_one(condlist, x) else list(condlist)
    conditions = [np.broadcast_to(np.asarray(c), np.shape(x)) for c in conditions]
    if len(funclist) == len(conditions) + 1:
        met = conditions[0]
        for c in conditions[1:]:
            met = met | c
        conditions.append(~met)
    elif len(funclist) != len(conditions):
        raise ValueError(f"with {len(conditions)} condition(s), either that many functions or one more are expected")
    y = np.zeros(np.shape(x), x.dtype)
    for condition, function in zip(conditions, funclist, strict=True):
        if callable(function):
            part = x[condition]
            if part.size:
                y[condition] = function(part, *args, **kw)
        else:
            y[condition] = function
    return y


def _is_one(condlist: Any, x: Array) -> bool:
    """Whether a list of conditions is just one condition, as NumPy reads it."""
    if type(condlist) is bool or (hasattr(condlist, "ndim") and condlist.ndim == 0):
        return True
    first = condlist[0]
    return first.__class__ is not list and not is_array(first) and np.ndim(x) != 0


@composite(np.choose)
def choose(a: Array, choices: Any, out: Any = None, mode: str = "raise") -> Array:
    a = np.asarray(a)
    given = list(choices)
    if mode == "wrap":
        a = a % len(given)
    elif mode == "clip":
        a = np.clip(a, 0, len(given) - 1)
    elif bool(np.any((a < 0) | (a >= len(given)))):
        raise ValueError("invalid entry in choice array")
    place, *parts = np.broadcast_arrays(a, *[np.asarray(c) for c in given])
    return np.take_along_axis(np.stack(parts), place[None], 0)[0]


def vectorized(function: Callable[..., Any], args: tuple[Any, ...], otypes: Any, signature: Any) -> Any:
    """What ``np.vectorize(function)(*args)`` means: the function at each element, after broadcasting."""
    if not args:
        return function()
    if signature is not None:
        xs, shape = _along_core_axes([np.asarray(x) for x in args], signature)
    else:
        xs = np.broadcast_arrays(*[np.asarray(x) for x in args])
        shape = xs[0].shape
    if 0 in shape and not otypes:
        raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
    results = [function(*[x[i] for x in xs]) for i in np.ndindex(shape)]
    several = bool(results) and isinstance(results[0], tuple)
    columns = list(zip(*results, strict=True)) if several else [results]
    out: list[Array] = []
    for k, column in enumerate(columns):
        y = np.array(list(column))
        y = np.reshape(y, (*shape, *y.shape[1:]))
        out.append(y.astype(otypes[k]) if otypes else y)
    return tuple(out) if several else out[0]


def _along_core_axes(xs: list[Array], signature: str) -> tuple[list[Array], tuple[int, ...]]:
    """The arguments, broadcast along the axes that a signature such as ``(n),(m,n)->(m)`` leaves out; their shape."""
    parts = re.findall(r"\(([^)]*)\)", signature.partition("->")[0])
    cores = [len([name for name in part.split(",") if name.strip()]) for part in parts]
    if len(cores) != len(xs):
        raise TypeError(f"wrong number of positional arguments: expected {len(cores)}, got {len(xs)}")
    for x, core in zip(xs, cores, strict=True):
        if x.ndim < core:
            raise ValueError(f"{x.ndim}-dimensional argument does not have enough dimensions for all core dimensions")
    shape = np.broadcast_shapes(*[x.shape[: x.ndim - core] for x, core in zip(xs, cores, strict=True)])
    inner = [x.shape[x.ndim - core :] for x, core in zip(xs, cores, strict=True)]
    return [np.broadcast_to(x, (*shape, *tail)) for x, tail in zip(xs, inner, strict=True)], shape


CALLS_BACK: set[Any] = {np.apply_along_axis, np.apply_over_axes, np.piecewise, np.fromfunction, np.fromiter}
"""Functions whose argument is code: it may hold traced values that the other arguments do not show."""
