"""Reading and writing parts: NumPy indexing as two linear ops, gather and scatter.

An index is a template (slices, integers, ``None``, ``...``) with a place for each integer array, which is an operand:
it may depend on data.
"""

import operator
from collections.abc import Sequence
from typing import Any

from numpy.lib.array_utils import normalize_axis_index

from geartrain.errors import InputError, teach
from geartrain.ir.aval import Array, Ufunc
from geartrain.ir.op import Op, is_traced
from geartrain.ir.untyped import numpy as np
from geartrain.ops.shape import BROADCAST, RESHAPE, TRANSPOSE, cast, common_dtype
from geartrain.ops.table import composite, constant, linear, spells

Template = tuple[Any, ...]

HERE = "here"
"""The place of an index array in a template."""


def fill(template: Template, arrays: Sequence[Array]) -> tuple[Any, ...]:
    """The index that NumPy takes."""
    if not arrays:
        return template
    remaining = iter(arrays)
    return tuple(next(remaining) if part == HERE and type(part) is str else part for part in template)


def split_index(index: Any, shape: tuple[int, ...]) -> tuple[Template, list[Array]]:
    """Take an index of an array of this shape apart into template and integer arrays; a mask is where it is true."""
    template: list[Any] = []
    arrays: list[Array] = []
    parts: list[Any] = [index] if type(index) is not tuple else [*index]  # pyright: ignore[reportUnknownArgumentType]
    axis = 0
    for i, part in enumerate(parts):
        if part is None or part is Ellipsis or type(part) is int:
            template.append(part)
        elif type(part) is slice:
            template.append(slice(*[_bound(b) for b in (part.start, part.stop, part.step)]))
        else:
            array = _index_array(part)
            if array.dtype == bool:
                _check_mask(array.shape, shape[axis : axis + array.ndim], axis)
                arrays.extend(np.nonzero(array))
                template.extend([HERE] * array.ndim)
            elif array.dtype.kind not in "iu":
                raise IndexError(f"arrays used as indices must be of integer or boolean type, not {array.dtype}")
            elif isinstance(array, np.generic) and not is_traced(array):
                template.append(int(array))
            else:
                arrays.append(array)
                template.append(HERE)
        axis = len(shape) - sum(map(_width, parts[i + 1 :])) if part is Ellipsis else axis + _width(part)
    return tuple(template), arrays


def _index_array(part: Any) -> Array:
    array: Array = part if hasattr(part, "dtype") else np.asarray(part)
    return array.astype(int) if array.size == 0 and not hasattr(part, "dtype") else array


def _bound(bound: Any) -> int | None:
    return None if bound is None else operator.index(bound)


def _width(part: Any) -> int:
    """How many axes a part of an index is for."""
    if part is None or part is Ellipsis:
        return 0
    if type(part) in (int, slice):
        return 1
    array = _index_array(part)
    return array.ndim if array.dtype == bool else 1


def _check_mask(mask: tuple[int, ...], shape: tuple[int, ...], axis: int) -> None:
    if mask == ():
        what = "one truth value stands among other indices, where it takes all or nothing along a new axis."
        raise InputError(teach("getitem", what, "Write x[None, ...] if it is true, or np.where(truth, x[...], 0.0)."))
    if mask != shape:
        raise IndexError(f"boolean index of shape {mask} did not match indexed array of shape {shape} from axis {axis}")


def _getitem(x: Array, *rest: Any) -> Array:
    *arrays, template = rest
    return x[fill(template, arrays)]


def _getitem_T(y_bar: Array, x: Array, *rest: Any) -> Array:
    return _getitem_into(np.zeros(x.shape, y_bar.dtype), y_bar, x, *rest)


def _getitem_into(x_bar: Array, y_bar: Array, x: Array, *rest: Any) -> Array:
    *arrays, template = rest
    if arrays:
        np.add.at(x_bar, fill(template, arrays), y_bar)
    else:
        x_bar[template] += y_bar
    return x_bar


def _batch_getitem(size: int, batched: Sequence[bool], x: Array, *rest: Any) -> Array:
    *arrays, template = rest
    if not any(batched[1:]) and (len(arrays) == 0 or not _apart(template)):
        return x[(slice(None), *fill(template, arrays))]
    if batched[0] and all(part == HERE for part in template if part is not None) and None not in template:
        ndim = max(np.ndim(a) - b for a, b in zip(arrays, batched[1:], strict=True))
        rows = np.reshape(np.arange(size), (size, *(1,) * ndim))
        lifted = [_lead(a, b, ndim) for a, b in zip(arrays, batched[1:], strict=True)]
        return x[(rows, *lifted)]
    if not batched[0] and all(part == HERE for part in template):
        ndim = max(np.ndim(a) - b for a, b in zip(arrays, batched[1:], strict=True))
        return x[tuple(_lead(a, b, ndim) for a, b in zip(arrays, batched[1:], strict=True))]
    return NotImplemented


def _lead(a: Array, batched: bool, ndim: int) -> Array:
    """An index array with axes of size one between its batch axis and the rest, for ``ndim`` axes behind the batch."""
    if not batched:
        return a
    return np.reshape(a, (a.shape[0], *(1,) * (ndim - (a.ndim - 1)), *a.shape[1:]))


def _apart(template: Template) -> bool:
    """Whether index arrays stand apart, so that NumPy puts their axes first (an integer counts as an array)."""
    places = [i for i, part in enumerate(template) if type(part) is int or part == HERE]
    return bool(places) and places[-1] - places[0] + 1 != len(places)


def gather(a: Array, index: Any) -> Array:
    """``a[index]``, also where only the index is traced."""
    template, arrays = split_index(index, a.shape)
    return GETITEM(a, *arrays, params=(template,))


GETITEM = linear(
    "getitem", _getitem, "index", transposes=(_getitem_T, None), variadic=True, into=_getitem_into, batch=_batch_getitem
)


def _scatter(base: Array, part: Array, *rest: Any) -> Array:
    *arrays, template = rest
    new = np.array(base, copy=True, subok=False)
    new[fill(template, arrays)] = part
    return new


def _scatter_T_base(y_bar: Array, base: Array, part: Array, *rest: Any) -> Array:
    *arrays, template = rest
    kept = np.array(y_bar)
    kept[fill(template, arrays)] = 0
    return kept


def _scatter_take(y_bar: Array, base: Array, part: Array, *rest: Any) -> Array:
    *arrays, template = rest
    part_bar = _scatter_T_part(y_bar, base, part, *rest)
    if not arrays:  # not a view of what is zeroed next
        part_bar = np.array(part_bar) if np.ndim(part_bar) else part_bar[()]
    y_bar[fill(template, arrays)] = 0
    return part_bar


def _scatter_give(x_dot: Array, part_dot: Array, base: Array, part: Array, *rest: Any) -> None:
    *arrays, template = rest
    x_dot[fill(template, arrays)] = 0 if part_dot is None else part_dot


def _scatter_T_part(y_bar: Array, base: Array, part: Array, *rest: Any) -> Array:
    *arrays, template = rest
    index = fill(template, arrays)
    part_bar = y_bar[index]
    if arrays:  # where an index comes twice the last write wins, and only the winner moves the result
        owner = np.zeros(base.shape, int)
        order: Array = np.reshape(np.arange(part_bar.size), part_bar.shape)
        owner[index] = order
        part_bar = np.where(owner[index] == order, part_bar, 0)
    return part_bar


SCATTER = linear(
    "scatter",
    _scatter,
    "index",
    transposes=(_scatter_T_base, _scatter_T_part, None),
    jointly=True,
    variadic=True,
    take=_scatter_take,
    give=_scatter_give,
)


def _scatter_add(base: Array, part: Array, *rest: Any) -> Array:
    *arrays, template = rest
    new = np.array(base, copy=True, subok=False)
    np.add.at(new, fill(template, arrays), part)
    return new


def _scatter_add_T_base(y_bar: Array, base: Array, part: Array, *rest: Any) -> Array:
    return y_bar


def _scatter_add_T_part(y_bar: Array, base: Array, part: Array, *rest: Any) -> Array:
    *arrays, template = rest
    return y_bar[fill(template, arrays)]


def _scatter_add_take(y_bar: Array, base: Array, part: Array, *rest: Any) -> Array:
    part_bar = _scatter_add_T_part(y_bar, base, part, *rest)
    if len(rest) > 1:
        return part_bar
    return np.array(part_bar) if np.ndim(part_bar) else part_bar[()]


def _scatter_add_give(x_dot: Array, part_dot: Array, base: Array, part: Array, *rest: Any) -> None:
    *arrays, template = rest
    if part_dot is not None:
        np.add.at(x_dot, fill(template, arrays), part_dot)


SCATTER_ADD = linear(
    "scatter_add",
    _scatter_add,
    "index",
    transposes=(_scatter_add_T_base, _scatter_add_T_part, None),
    jointly=True,
    variadic=True,
    take=_scatter_add_take,
    give=_scatter_add_give,
)


def at_by(ufunc: Ufunc, a: Array, indices: Any, b: Any = None) -> None:
    """``ufunc.at``: ``a[indices] = ufunc(a[indices], b)``, once for each time that an index comes."""
    template, arrays = split_index(indices, a.shape)
    shape = np.shape(GETITEM(np.broadcast_to(np.False_, np.shape(a)), *arrays, params=(template,)))
    if b is not None:
        b = np.broadcast_to(b, shape)
    if ufunc in (np.add, np.subtract):
        part = cast(np.negative(b) if ufunc == np.subtract else b, a.dtype)
        a[...] = SCATTER_ADD(a, part, *arrays, params=(template,))
        return
    places = GETITEM(np.reshape(np.arange(a.size), a.shape), *arrays, params=(template,))
    for where in np.ndindex(*shape):
        place = np.unravel_index(int(places[where]), a.shape)
        a[place] = ufunc(a[place]) if b is None else ufunc(a[place], b[where])


def choose_by(condition: Array, a: Array, b: Array) -> Array:
    """``np.where(condition, a, b)``."""
    chosen: Array = np.where(condition, a, b)
    return chosen


def _where_T_a(y_bar: Array, condition: Array, a: Array, b: Array) -> Array:
    return choose_by(condition, y_bar, np.zeros_like(y_bar))


def _where_T_b(y_bar: Array, condition: Array, a: Array, b: Array) -> Array:
    return choose_by(condition, np.zeros_like(y_bar), y_bar)


def _batch_where(size: int, batched: Sequence[bool], *xs: Array) -> Array:
    ndim = max(np.ndim(x) - b for x, b in zip(xs, batched, strict=True))
    return choose_by(*[_lead(x, b, ndim) for x, b in zip(xs, batched, strict=True)])


def _nonzero(x: Array) -> Array:
    return np.stack(np.nonzero(x))


WHERE = linear("where", choose_by, transposes=(None, _where_T_a, _where_T_b), jointly=True, batch=_batch_where)

NONZERO = constant("nonzero", _nonzero, data_shape=True)


@spells(np.nonzero)
def nonzero(a: Array) -> tuple[Array, ...]:
    a = np.asarray(a)
    return tuple(NONZERO(a)) if a.ndim else tuple(NONZERO(np.reshape(a, (1,))))


@composite(np.flatnonzero)
def flatnonzero(a: Array) -> Array:
    return np.nonzero(np.ravel(a))[0]


@composite(np.argwhere)
def argwhere(a: Array) -> Array:
    return np.stack(np.nonzero(a), axis=-1)


@spells(np.where)
def where(condition: Array, x: Any = None, y: Any = None, /) -> Any:
    if x is None and y is None:
        return np.nonzero(condition)
    x, y = common_dtype([x, y])
    shape = np.broadcast_shapes(np.shape(condition), x.shape, y.shape)
    condition = condition if hasattr(condition, "dtype") else np.asarray(condition)
    condition = condition if condition.dtype == bool else condition != 0
    return WHERE(*[a if np.shape(a) == shape else np.broadcast_to(a, shape) for a in (condition, x, y)])


@composite(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Array:
    result: Array = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = choose_by(condition, choice, result)
    return result


@composite(np.clip)
def clip(a: Array, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Array:
    low = min if a_min is None else a_min
    high = max if a_max is None else a_max
    if low is not None:
        a = choose_by(a < low, low, a)
    return a if high is None else choose_by(a > high, high, a)


@composite(np.take)
def take(a: Array, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise") -> Array:
    if axis is None:
        a, axis = np.ravel(a), 0
    axis = normalize_axis_index(axis, a.ndim)
    indices = np.asarray(indices)
    if mode == "wrap":
        indices = indices % a.shape[axis]
    elif mode == "clip":
        indices = np.clip(indices, 0, a.shape[axis] - 1)
    return gather(a, (*(slice(None),) * axis, indices))


def along(indices: Array, axis: int, shape: tuple[int, ...]) -> tuple[Array, ...]:
    """The open grid that reads ``indices`` along one axis."""
    grid = [np.reshape(np.arange(n), (-1,) + (1,) * (len(shape) - 1 - i)) for i, n in enumerate(shape)]
    grid[axis] = indices
    return tuple(grid)


@composite(np.take_along_axis)
def take_along_axis(arr: Array, indices: Array, axis: int | None = -1) -> Array:
    if axis is None:
        arr, axis = np.ravel(arr), 0
    axis = normalize_axis_index(axis, arr.ndim)
    return gather(arr, along(indices, axis, arr.shape))


@composite(np.compress)
def compress(condition: Any, a: Array, axis: int | None = None) -> Array:
    return np.take(a, np.flatnonzero(condition), axis)


@composite(np.extract)
def extract(condition: Any, arr: Array) -> Array:
    return np.ravel(arr)[np.flatnonzero(condition)]


@composite(np.delete)
def delete(arr: Array, obj: Any, axis: int | None = None) -> Array:
    if axis is None:
        arr, axis = np.ravel(arr), 0
    kept: Array = np.delete(np.arange(arr.shape[axis]), obj)
    return np.take(arr, kept, axis)


@composite(np.insert)
def insert(arr: Array, obj: Any, values: Any, axis: int | None = None) -> Array:
    if axis is None:
        arr, axis = np.ravel(arr), 0
    n = arr.shape[axis]
    places: Array = np.insert(np.arange(n), obj, -1 - np.arange(np.size(obj)) if np.ndim(obj) else -1)
    shape = (*arr.shape[:axis], len(places), *arr.shape[axis + 1 :])
    out = np.zeros(shape, np.result_type(arr))
    before = (slice(None),) * axis
    out[(*before, np.flatnonzero(places >= 0))] = arr
    out[(*before, np.flatnonzero(places < 0))] = values
    return out


VIEWS: set[Op] = {GETITEM, RESHAPE, TRANSPOSE, BROADCAST}
"""The ops whose result may share memory with their operand."""

__all__ = ["GETITEM", "HERE", "NONZERO", "SCATTER", "SCATTER_ADD", "VIEWS", "WHERE"]
__all__ += ["along", "at_by", "choose_by", "fill", "split_index"]
