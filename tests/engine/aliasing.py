"""Random programs of views and assignments. Any list of steps is a program: numbers choose among what is there."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

INDICES: list[Any] = [
    0,
    -1,
    slice(None),
    slice(1, None),
    slice(None, -1),
    slice(None, None, -1),
    slice(None, None, 2),
    slice(2, None, -1),
    slice(3, 1),
    Ellipsis,
    None,
    (slice(None), 0),
    (slice(None), slice(1, None)),
    (Ellipsis, -1),
    (Ellipsis, None),
    (0, 0),
    (slice(None, None, -1), slice(None, None, 2)),
    [0, 1],
    [1, 0, 1],
    ([0, 1], [1, 0]),
    (slice(None), [1, 0]),
    np.array([True, False, True]),
    np.array(1),
    [],
]
"""What a program may write between brackets; where it does not fit, plain NumPy and a trace must both refuse."""

CREATIONS: list[Callable[[], Any]] = [
    lambda: np.zeros(3),
    lambda: np.ones((2, 3)),
    lambda: np.full((3, 2), 0.5),
    lambda: np.arange(6.0).reshape(2, 3),
    lambda: np.linspace(0.0, 1.0, 3),
    lambda: np.eye(3),
    lambda: np.zeros((2, 3), dtype=complex),
    lambda: np.array([[0.25, 1.5], [2.0, -1.0]]),
    lambda: np.zeros(()),
]

VIEWS: list[Callable[[Any], Any]] = [
    lambda a: a.T,
    lambda a: a.reshape(-1),
    lambda a: np.reshape(a, (-1, 1)),
    lambda a: a.ravel(),
    lambda a: a[None],
    lambda a: a.swapaxes(0, -1),
    lambda a: np.moveaxis(a, 0, -1),
    lambda a: a.transpose(),
    lambda a: np.squeeze(a),
    lambda a: np.expand_dims(a, -1),
    lambda a: a[...],
    lambda a: np.flip(a),
    lambda a: np.atleast_2d(a),
    lambda a: a.real,
    lambda a: a.imag if a.dtype.kind == "c" else a.real,
    lambda a: np.diagonal(a).copy(),
    lambda a: a.view(),
    lambda a: np.asarray(a),
    lambda a: np.split(a, 2, axis=-1)[0],
    lambda a: np.rot90(a),
    lambda a: next(iter(a)),
]

COPIES: list[Callable[[Any], Any]] = [
    lambda a: a.copy(),
    lambda a: np.array(a),
    lambda a: a.flatten(),
    lambda a: np.copy(a),
    lambda a: np.zeros_like(a),
    lambda a: np.sin(a),
    lambda a: +a,
    lambda a: np.sum(a, axis=0),
    lambda a: a.astype(a.dtype),
    lambda a: np.sort(a, axis=0),
]


def _store(a: Any, index: Any, b: Any, s: Any) -> None:
    a[index] = b


def _store_scalar(a: Any, index: Any, b: Any, s: Any) -> None:
    a[index] = s


def _store_product(a: Any, index: Any, b: Any, s: Any) -> None:
    a[index] = np.sin(b) * s


def _add_part(a: Any, index: Any, b: Any, s: Any) -> None:
    a[index] += s


def _scale_part(a: Any, index: Any, b: Any, s: Any) -> None:
    a[index] *= b


def _add(a: Any, index: Any, b: Any, s: Any) -> None:
    a += b


def _subtract(a: Any, index: Any, b: Any, s: Any) -> None:
    a -= s * b


def _scale(a: Any, index: Any, b: Any, s: Any) -> None:
    a *= s


def _out(a: Any, index: Any, b: Any, s: Any) -> None:
    np.multiply(b, s, out=a)


def _out_part(a: Any, index: Any, b: Any, s: Any) -> None:
    np.add(a[index], b, out=a[index])


def _where_out(a: Any, index: Any, b: Any, s: Any) -> None:
    np.multiply(a, s, out=a, where=np.arange(a.shape[-1]) % 2 == 0)


def _copyto(a: Any, index: Any, b: Any, s: Any) -> None:
    np.copyto(a, b)


def _copyto_where(a: Any, index: Any, b: Any, s: Any) -> None:
    np.copyto(a, s, where=np.arange(a.shape[-1]) % 2 == 1)


def _sort(a: Any, index: Any, b: Any, s: Any) -> None:
    a.sort()


def _sort_first(a: Any, index: Any, b: Any, s: Any) -> None:
    a.sort(axis=0)


def _fill(a: Any, index: Any, b: Any, s: Any) -> None:
    a.fill(s)


def _flat(a: Any, index: Any, b: Any, s: Any) -> None:
    a.flat[1] = s


def _flat_slice(a: Any, index: Any, b: Any, s: Any) -> None:
    a.flat[::2] = s


def _real(a: Any, index: Any, b: Any, s: Any) -> None:
    a.real = s


def _imag(a: Any, index: Any, b: Any, s: Any) -> None:
    a.imag = s


def _real_part(a: Any, index: Any, b: Any, s: Any) -> None:
    a.real[index] = s


def _add_at(a: Any, index: Any, b: Any, s: Any) -> None:
    np.add.at(a, index, s)


def _mask(a: Any, index: Any, b: Any, s: Any) -> None:
    a[a > 0.1] = s


def _swap(a: Any, index: Any, b: Any, s: Any) -> None:
    a[0], a[-1] = a[-1], a[0]


def _shift(a: Any, index: Any, b: Any, s: Any) -> None:
    a[1:] = a[:-1]


def _shift_add(a: Any, index: Any, b: Any, s: Any) -> None:
    a[1:] += a[:-1]


def _put(a: Any, index: Any, b: Any, s: Any) -> None:
    np.put(a, [0, -1], s)


def _fill_diagonal(a: Any, index: Any, b: Any, s: Any) -> None:
    np.fill_diagonal(a, s)


def _store_list(a: Any, index: Any, b: Any, s: Any) -> None:
    a[:2] = [s, 0.5]


WRITES = [
    *(_store, _store_scalar, _store_product, _add_part, _scale_part, _add, _subtract, _scale, _out, _out_part),
    *(_where_out, _copyto, _copyto_where, _sort, _sort_first, _fill, _flat, _flat_slice, _real, _imag, _real_part),
    *(_add_at, _mask, _swap, _shift, _shift_add, _put, _fill_diagonal, _store_list),
]


class Step(NamedTuple):
    """``kind`` and ``which`` choose what is done, ``a`` and ``b`` to which values, ``at`` where, ``s`` with what."""

    kind: int
    which: int
    a: int
    b: int
    at: int
    s: int


def _do(step: Step, values: list[Any], x: Any) -> None:
    a, b = values[step.a % len(values)], values[step.b % len(values)]
    index, s = INDICES[step.at % len(INDICES)], x[step.s % len(x)]
    kind = step.kind % 8
    if kind == 0:
        values.append(CREATIONS[step.which % len(CREATIONS)]())
    elif kind == 1:
        values.append(a[index])
    elif kind == 2:
        values.append(VIEWS[step.which % len(VIEWS)](a))
    elif kind == 3:
        values.append(COPIES[step.which % len(COPIES)](a))
    elif isinstance(a, np.ndarray):
        WRITES[step.which % len(WRITES)](a, index, b, s)


REFUSALS = (
    ValueError,
    IndexError,
    TypeError,
    AttributeError,
    ZeroDivisionError,
    StopIteration,
    np.exceptions.ComplexWarning,
)


def execute(steps: Sequence[Step], x: Any, log: list[bool] | None = None) -> list[Any]:
    """All arrays of the program at its end. ``log`` gets whether each step was possible."""
    values: list[Any] = [np.zeros((2, 3)), x * 1.0]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        for step in steps:
            try:
                _do(step, values, x)
                done = True
            except REFUSALS:
                done = False
            if log is not None:
                log.append(done)
    return values
