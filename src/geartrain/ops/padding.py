"""``np.pad``: every mode that copies elements is a gather by the padded index; the others go axis by axis."""

from collections.abc import Callable
from typing import Any

from geartrain.errors import RuleError, teach
from geartrain.ir.aval import Array
from geartrain.ir.op import is_traced
from geartrain.ir.untyped import numpy as np
from geartrain.kinds import kind_of
from geartrain.ops.table import composite

__all__ = ["pad"]

STATISTICS: dict[str, Callable[..., Array]] = {
    "maximum": np.max,
    "minimum": np.min,
    "mean": np.mean,
    "median": np.median,
}


@composite(np.pad)
def pad(array: Array, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Array:
    array = np.asarray(array)
    if callable(mode):
        what = "mode is a function, which writes into a vector of NumPy's own."
        raise RuleError(teach("np.pad", what, "Pad by np.concatenate, or write the function's work on the result."))
    if mode == "constant" and not _moves(kwargs.get("constant_values", 0)):
        return _framed(array, pad_width, **kwargs)
    if mode in ("edge", "reflect", "symmetric", "wrap") and kwargs.get("reflect_type", "even") == "even":
        where: Array = np.pad(np.reshape(np.arange(array.size), array.shape), pad_width, mode=mode, **kwargs)
        return np.take(np.ravel(array), where)
    widths = _pairs(_widths(pad_width, array.ndim), array.ndim)
    for axis, (left, right) in enumerate(widths):
        before, after = _ends(np.moveaxis(array, axis, -1), axis, array.ndim, int(left), int(right), mode, kwargs)
        array = np.concatenate([np.moveaxis(x, -1, axis) for x in (before, np.moveaxis(array, axis, -1), after)], axis)
    return array


def _moves(x: Any) -> bool:
    return any(map(_moves, x)) if kind_of(x) in (list, tuple) else is_traced(x)


def _framed(array: Array, pad_width: Any, **kwargs: Any) -> Array:
    """Constant padding is a write into a frame."""
    low = np.pad(np.ones(array.shape, bool), pad_width)  # where the array stands in its frame
    starts = [0 if low.size == 0 else int(i) for i in np.unravel_index(np.argmax(low), low.shape)]
    frame: Array = np.pad(np.zeros(array.shape, array.dtype), pad_width, mode="constant", **kwargs)
    inner = tuple(slice(start, start + n) for start, n in zip(starts, array.shape, strict=True))
    frame[inner] = array
    return frame


def _widths(pad_width: Any, ndim: int) -> Any:
    """``pad_width`` as pairs; a dict names the axes that are padded."""
    if not isinstance(pad_width, dict):
        return pad_width
    named: dict[int, Any] = {int(axis) % ndim: width for axis, width in pad_width.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return [(lambda w: (w, w) if np.ndim(w) == 0 else tuple(w))(named.get(i, 0)) for i in range(ndim)]


def _pairs(x: Any, ndim: int) -> list[Any]:
    """An option before and behind each axis, from a number, a pair, or a pair for each axis."""
    pairs = np.broadcast_to(np.asarray(x), (ndim, 2))
    return [(pairs[i, 0], pairs[i, 1]) for i in range(ndim)]


def _ends(
    x: Array, axis: int, ndim: int, left: int, right: int, mode: str, options: dict[str, Any]
) -> tuple[Array, Array]:
    """What stands before and behind the last axis of ``x``, which is the axis ``axis`` of the array."""
    n = x.shape[-1]
    if mode == "empty":
        return tuple(np.zeros((*x.shape[:-1], width), x.dtype) for width in (left, right))
    if mode in ("constant", "linear_ramp"):
        values = _pairs(options.get("constant_values" if mode == "constant" else "end_values", 0), ndim)[axis]
        if mode == "constant":
            pair = [np.broadcast_to(v, (*x.shape[:-1], w)) for v, w in zip(values, (left, right), strict=True)]
            return tuple(part.astype(x.dtype) for part in pair)
        return _ramp(values[0], x[..., :1], left), _ramp(values[1], x[..., -1:], right)[..., ::-1]
    if mode in STATISTICS:
        lengths = options.get("stat_length")
        first, last = (n, n) if lengths is None else [min(int(k), n) for k in _pairs(lengths, ndim)[axis]]
        parts = [(x[..., :first], left), (x[..., n - last :], right)]
        folded = [(STATISTICS[mode](part, axis=-1, keepdims=True), width) for part, width in parts]
        return tuple(np.broadcast_to(y, (*x.shape[:-1], width)) for y, width in folded)
    if mode in ("reflect", "symmetric"):  # odd ones: twice the edge less the reflection, which is linear
        spread = np.pad(np.eye(n, dtype=x.dtype), ((0, 0), (left, right)), mode=mode, reflect_type="odd")
        y = x @ spread
        return y[..., :left], y[..., left + n :]
    raise ValueError(f"mode {mode!r} is not supported")


def _ramp(end: Array, edge: Array, width: int) -> Array:
    """``width`` numbers from ``end`` on, evenly towards ``edge``, which comes after the last."""
    steps = (np.arange(width) / max(width, 1)).astype(edge.dtype)
    end = np.asarray(end).astype(edge.dtype)
    return end + (edge - end) * steps
