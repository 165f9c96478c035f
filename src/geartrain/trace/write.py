"""``t[index] = value`` and ``t[index]``, as NumPy does them: through views, and seen through every other view."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from geartrain.errors import LeakError, ShapeError, TraceError, teach
from geartrain.ir.aval import Array, aval_of, is_array
from geartrain.ir.node import Node
from geartrain.kinds import is_a, kind_of
from geartrain.ops.index import GETITEM, HERE, fill, split_index, where
from geartrain.ops.shape import cast
from geartrain.trace.apply import apply
from geartrain.trace.level import Trace, active
from geartrain.trace.storage import Storage, lend, live, own, put
from geartrain.trace.tracer import Tracer, capture, depends_of, here, known, leaked, stand_in, value_of

__all__ = ["read", "write", "write_out"]

_NUMBERS = (np.ndarray, np.generic, float, int, complex, bool)
_BASIC = frozenset((int, type(None), type(Ellipsis)))


def read(t: Tracer, index: Any) -> Array:
    """``t[index]``: a view where NumPy gives a view."""
    if _is_basic(index):
        return apply(GETITEM, (t,), (index if is_a(index, tuple) else (index,),))
    if _is_truth(index):
        return read(read(t, None), np.reshape(index, (1,)))
    template, arrays = split_index(index, aval_of(known(t)).shape)
    return apply(GETITEM, (t, *arrays), (template,))


def _is_truth(index: Any) -> bool:
    """Whether an index is one truth value, which takes all of an array or nothing, along a new axis."""
    return isinstance(index, (bool, np.bool_)) or (is_array(index) and index.shape == () and index.dtype == bool)


def _is_basic(index: Any) -> bool:
    """Whether an index is made of plain integers, slices, ``None`` and ``...`` alone."""
    if is_a(index, tuple):
        return all(map(_is_plain, index))
    return _is_plain(index)


def _is_plain(part: Any) -> bool:
    kind = kind_of(part)
    if kind is slice:
        return type(part.start) is not Tracer and type(part.stop) is not Tracer and type(part.step) is not Tracer
    return kind in _BASIC


def write(t: Array, index: Any, value: Any) -> None:
    """``t[index] = value``, for a tracer ``t``."""
    trace = t.home
    target = value_of(t)
    if trace is not active.trace:
        here(t, "setitem")[index] = value
        return
    if not is_array(target):
        raise TypeError(f"'{type(target).__name__}' object does not support item assignment")
    if _is_truth(index):
        write(read(t, None), np.reshape(index, (1,)), value)
        return
    value = value if _is_number(value) else np.asarray(value)
    if _is_whole_mask(index, target) and np.ndim(value) == 0:
        value, index = where(index, value, t), Ellipsis
    template: tuple[Any, ...] = index if is_a(index, tuple) else (index,)
    arrays: list[Array] = []
    if not _is_basic(index):
        template, arrays = split_index(index, target.shape)
    elif _is_part(value, t, template):
        return  # x[1:] += y assigns to a part of x that part itself, which has been changed in place
    place = tuple(_filled(template, [value_of(a) for a in arrays]))
    store = stand_in(t)
    depends = depends_of(t)
    for x in (value, *arrays):
        depends |= depends_of(x) if type(x) is Tracer else 0
    new: Node | None = None
    if depends < 0:
        raise LeakError(leaked("setitem"))
    if depends:
        _check(trace, store, target, value)
        if store.node is not None and depends & ~store.node.depends & trace.vmap_bits:
            lend(store)  # a batch is computed from what was there before it, so the old values are kept
        part = _shaped(value, _shape_at(target, place), target.dtype)
        nodes = put(store, t.path, template, [capture(a) for a in arrays], capture(part))
        for node in nodes:
            node.depends &= trace.bits
            trace.add(node)
        new = nodes[-1]
    own(store)
    try:
        live(store, t.path)[place] = value_of(value)
    except ValueError as error:
        if "read-only" in str(error):
            raise
        raise ShapeError(_does_not_fit(np.shape(value), _shape_at(target, place))) from error
    store.version += 1
    store.node = new


def _is_part(value: Array, t: Tracer, template: tuple[Any, ...]) -> bool:
    """Whether a value is just that view of a whole array ``t`` that an index names."""
    if type(value) is not Tracer or value.store is None or value.store is not t.store or t.path != ():
        return False
    return len(value.path) == 1 and value.path[0] == (GETITEM, (template,))


def _is_number(value: Any) -> bool:
    return type(value) is Tracer or isinstance(value, _NUMBERS)


def write_out(target: Array, value: Array) -> None:
    """Write a result into ``out=``: unlike assignment, that drops no axes of size one."""
    if np.ndim(value) > target.ndim:
        raise ShapeError(_does_not_fit(np.shape(value), np.shape(target)))
    write(target, Ellipsis, value)


def _is_whole_mask(index: Any, target: Array) -> bool:
    """Whether an index is a traced mask of all elements: then the choice is an operation, and no decision."""
    if type(index) is not Tracer or not depends_of(index):
        return False
    mask = value_of(index)
    return mask.dtype == bool and mask.shape == target.shape


def _filled(template: tuple[Any, ...], arrays: list[Array]) -> Iterator[Any]:
    return iter(fill(template, arrays)) if HERE in [p for p in template if type(p) is str] else iter(template)


_BYTE = b"\0"


def _shape_at(target: Array, place: tuple[Any, ...]) -> tuple[int, ...]:
    """The shape of the part of ``target`` that an index names, without reading it."""
    thin = np.ndarray(target.shape, bool, _BYTE, strides=(0,) * target.ndim)  # one byte that is everywhere
    return np.shape(thin[place])


def _check(trace: Trace, store: Storage, target: Array, value: Array) -> None:
    """Refuse a write that would drop a derivative, or that a graph cannot replay."""
    if store.epoch < trace.sealed:
        raise TraceError(
            teach(
                "setitem",
                "a function under vmap or checkpoint writes into an array that was made outside of it.",
                "Return the value and write it outside; or make the array inside the function.",
            )
        )
    kind = kind_of(value)
    if kind is not Tracer:
        return
    aval = aval_of(known(value))
    have = aval.dtype.kind
    what = f"a traced {aval.said()} is written into an array of {target.dtype}"
    if have in "fc" and target.dtype.kind not in "fc":
        raise TraceError(
            teach(
                "setitem",
                f"{what}, which cannot hold its derivative.",
                "Make the array of floats: np.zeros(n), or np.array(values, dtype=float).",
            )
        )
    if have == "c" and target.dtype.kind == "f":
        raise TraceError(
            teach(
                "setitem",
                f"{what}, which cannot hold its imaginary part.",
                "Make the array complex: np.zeros(n, dtype=complex).",
            )
        )


def _shaped(value: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """``value`` with the shape and dtype of the part that it is written to."""
    have: tuple[int, ...] = np.shape(value_of(value))
    kind = kind_of(value)
    if not hasattr(value, "dtype") or aval_of(known(value) if kind is Tracer else value) != (have, dtype, False):
        value = cast(value if hasattr(value, "dtype") else np.asarray(value), dtype)
    if have == shape:
        return value
    lead = len(have) - len(shape)
    if lead > 0 and have[:lead] == (1,) * lead:
        value = np.reshape(value, have[lead:])
    try:
        return np.broadcast_to(value, shape)
    except ValueError as error:
        raise ShapeError(_does_not_fit(have, shape)) from error


def _does_not_fit(have: tuple[int, ...], shape: tuple[int, ...]) -> str:
    return teach(
        "setitem",
        f"a value of shape {have} does not fit the part of shape {shape} that it is written to.",
        "Make both shapes equal, or let the value's axes be 1 where it is to be repeated.",
    )
