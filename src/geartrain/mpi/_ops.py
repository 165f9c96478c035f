"""MPI's collective operations, one row each. All but the largest and smallest are linear, so a row is its adjoint.

Seen together, the operands of all ranks are one long vector, and an operation is a matrix on it. A sum that all get is
a symmetric matrix; gathering is the transpose of reducing and scattering; sending right that of sending left.
"""

import zlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from geartrain.errors import InputError, ShapeError, teach
from geartrain.ir.aval import Array, aval_of
from geartrain.ir.op import Custom, Linear, Op
from geartrain.ir.untyped import numpy as np
from geartrain.mpi._world import need, world

__all__ = ["allgather", "allreduce", "alltoall", "bcast", "reduce", "reduce_scatter", "sendrecv"]

_OnParams = Callable[[Array, tuple[Any, ...]], Array]
_KINDS = {"f": (4, 8), "c": (8, 16), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8)}
"""The sizes of numbers, by kind, that MPI adds up."""


class _Call(NamedTuple):
    """What an operation works with: the communicator, and the operand as MPI wants it."""

    comm: Any
    sent: Array

    def like(self, *lead: int) -> Array:
        """Memory for a result: of the operand's shape, behind the axes ``lead``."""
        return np.empty((*lead, *self.sent.shape), self.sent.dtype)


def _call(name: str, x: Array, comm: int, *agreed: Any) -> _Call:
    """Begin an operation: every rank must be at the same one, with operands alike.

    Costs one exchange of 16 bytes. Without it a mistake is a wrong number, or a program that waits for ever.
    """
    mpi = need()
    communicator = mpi.Comm.f2py(comm)
    sent = np.asarray(x, np.asarray(x).dtype.newbyteorder("="), order="C")
    here = f"{name} of {aval_of(sent)!r}" + (f" {agreed}" if agreed else "")
    mark = zlib.crc32(here.encode())
    marks = np.array([mark, -mark])
    most = np.empty_like(marks)
    communicator.Allreduce(marks, most, mpi.MAX)
    if most[0] != -most[1]:
        calls: list[str] = communicator.allgather(here)
        listed = "; ".join(f"rank {r}: {call}" for r, call in enumerate(calls))
        do = "Let every rank make the same calls in the same order, with arrays of one shape and dtype."
        raise ShapeError(teach(f"mpi.{name}", f"the ranks do not do the same ({listed}).", do))
    return _Call(communicator, sent)


def _number(y: Array) -> Array:
    return y[()] if y.ndim == 0 else y


# The meaning of each row on plain arrays.


def _allreduce(x: Array, comm: int) -> Array:
    call = _call("allreduce", x, comm)
    y = call.like()
    call.comm.Allreduce(call.sent, y)
    return _number(y)


def _reduce(x: Array, root: int, comm: int) -> Array:
    call = _call("reduce", x, comm, root)
    y = call.like()
    y.fill(0)
    call.comm.Reduce(call.sent, y, root=root)
    return _number(y)


def _bcast(x: Array, root: int, comm: int) -> Array:
    call = _call("bcast", x, comm, root)
    y = call.sent.copy()
    call.comm.Bcast(y, root)
    return _number(y)


def _allgather(x: Array, comm: int) -> Array:
    call = _call("allgather", x, comm)
    y = call.like(call.comm.size)
    call.comm.Allgather(call.sent, y)
    return y


def _reduce_scatter(x: Array, comm: int) -> Array:
    call = _call("reduce_scatter", x, comm)
    y = np.empty(call.sent.shape[1:], call.sent.dtype)
    call.comm.Reduce_scatter_block(call.sent, y)
    return _number(y)


def _alltoall(x: Array, comm: int) -> Array:
    call = _call("alltoall", x, comm)
    y = call.like()
    call.comm.Alltoall(call.sent, y)
    return y


def _sendrecv(x: Array, to: int | None, source: int | None, comm: int) -> Array:
    call = _call("sendrecv", x, comm)
    nobody, here = need().PROC_NULL, call.comm.rank
    ways: list[tuple[int | None, int | None]] = call.comm.allgather((to, source))
    for r, (goal, origin) in enumerate(ways):
        if (goal is not None and ways[goal][1] != r) or (origin is not None and ways[origin][0] != r):
            said = "; ".join(f"rank {i} sends to {a}, takes from {b}" for i, (a, b) in enumerate(ways))
            do = "If rank a sends to b, then b takes from a; None is for nobody."
            raise InputError(teach("mpi.sendrecv", f"the ranks do not fit together ({said}; this is {here}).", do))
    y = call.like()
    y.fill(0)
    goal, origin = (nobody if way is None else way for way in (to, source))
    call.comm.Sendrecv(call.sent, goal, recvbuf=y, source=origin)
    return _number(y)


def _largest(x: Array, comm: int) -> Array:
    call = _call("largest", x, comm)
    y = call.like()
    call.comm.Allreduce(call.sent, y, need().MAX)
    return _number(y)


# The rows: what each operation is, what its transpose is, and how it takes a batch. One on each element alone takes it
# as it is; one with an axis of ranks keeps that in front.


def _row(
    name: str, fn: Callable[..., Array], *params: str, adjoint: _OnParams, batch: _OnParams | None = None
) -> Linear:
    """A linear operation; ``adjoint(y_bar, params)`` is its transpose, ``batch(x, params)`` maps it over an axis."""

    def transpose(y_bar: Array, x: Array, *params: Any) -> Array:
        return adjoint(y_bar, params)

    def batched(size: int, batched: Sequence[bool], x: Array, *params: Any) -> Array:
        return op(x, params=params) if batch is None else batch(x, params)

    op = Linear(name=f"mpi_{name}", fn=fn, params=params, transposes=(transpose,), batch=batched, effects=True)
    return op


def _ranks_first(x: Array) -> Array:
    """Swap the axis of the batch and that of the ranks."""
    return np.swapaxes(x, 0, 1)


ALLREDUCE: Op = _row("allreduce", _allreduce, "comm", adjoint=lambda y_bar, params: ALLREDUCE(y_bar, params=params))
REDUCE: Op = _row("reduce", _reduce, "root", "comm", adjoint=lambda y_bar, params: BCAST(y_bar, params=params))
BCAST: Op = _row("bcast", _bcast, "root", "comm", adjoint=lambda y_bar, params: REDUCE(y_bar, params=params))
ALLGATHER: Op = _row(
    "allgather", _allgather, "comm",
    adjoint=lambda y_bar, params: REDUCE_SCATTER(y_bar, params=params),
    batch=lambda x, params: _ranks_first(ALLGATHER(x, params=params)),
)  # fmt: skip
REDUCE_SCATTER: Op = _row(
    "reduce_scatter", _reduce_scatter, "comm",
    adjoint=lambda y_bar, params: ALLGATHER(y_bar, params=params),
    batch=lambda x, params: REDUCE_SCATTER(_ranks_first(x), params=params),
)  # fmt: skip
ALLTOALL: Op = _row(
    "alltoall", _alltoall, "comm",
    adjoint=lambda y_bar, params: ALLTOALL(y_bar, params=params),
    batch=lambda x, params: _ranks_first(ALLTOALL(_ranks_first(x), params=params)),
)  # fmt: skip
SENDRECV: Op = _row(
    "sendrecv", _sendrecv, "to", "source", "comm",
    adjoint=lambda y_bar, params: SENDRECV(y_bar, params=(params[1], params[0], params[2])),
)  # fmt: skip


def _share(y: Array, x: Array, comm: int) -> Array:
    """The share of each rank's element in the largest one: ties share equally."""
    hit = (x == y).astype(y.dtype)
    return hit / ALLREDUCE(hit, params=(comm,))


def _push_largest(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array], comm: int) -> Array:
    return ALLREDUCE(xs_dot[0] * _share(y, xs[0], comm), params=(comm,))


def _pull_largest(y_bar: Array, y: Array, xs: Sequence[Array], comm: int) -> tuple[Array]:
    return (ALLREDUCE(y_bar, params=(comm,)) * _share(y, xs[0], comm),)


def _batch_largest(size: int, batched: Sequence[bool], x: Array, comm: int) -> Array:
    return LARGEST(x, params=(comm,))


LARGEST: Op = Custom(
    name="mpi_largest", fn=_largest, params=("comm",), push=_push_largest, pull=_pull_largest, batch=_batch_largest,
    effects=True,
)  # fmt: skip


# What a program calls.


def _handle(name: str, x: Array, comm: Any) -> int:
    """The communicator as a number, which a graph can hold; the operand is checked on the way."""
    shape_and_type = aval_of(x) if hasattr(x, "dtype") else aval_of(np.asarray(x))
    dtype = shape_and_type.dtype
    if dtype.itemsize not in _KINDS.get(dtype.kind, ()):
        do = "Pass floats or integers of at most 64 bits, or complex numbers: x.astype(float)."
        raise InputError(teach(f"mpi.{name}", f"the operand is {dtype}, which MPI cannot add up.", do))
    return world(comm).py2f()


def _check_rank(name: str, what: str, number: int | None, comm: Any) -> None:
    ranks = world(comm).size
    if number is not None and not (isinstance(number, (int, np.integer)) and 0 <= number < ranks):
        do = f"Give a number from 0 to {ranks - 1}."
        raise InputError(teach(f"mpi.{name}", f"{what}={number!r} is no rank of {ranks}.", do))


def _check_lead(name: str, x: Array, comm: Any) -> None:
    ranks, shape = world(comm).size, np.shape(x)
    if shape[:1] != (ranks,):
        what = f"the operand has shape {shape}, and the first axis must have one entry for each of {ranks} ranks."
        raise ShapeError(teach(f"mpi.{name}", what, "Reshape it: x.reshape(gt.mpi.size(), -1)."))


def _done(op: Op, name: str, x: Array, comm: Any, *params: Any) -> Array:
    x = x if hasattr(x, "dtype") else np.asarray(x)
    return op(x, params=(*params, _handle(name, x, comm)))


def allreduce(x: Array, op: str = "sum", comm: Any = None) -> Array:
    """The sum over all ranks of ``x``, for all of them: ``y_r = sum_s x_s``. Its adjoint is itself.

    ``op`` may be ``"sum"``, ``"mean"``, ``"max"`` or ``"min"``; ranks that tie share the derivative of the last two.

    Args:
        x: a number or an array, of one shape and dtype on all ranks.
        op: how.
        comm: an ``mpi4py`` communicator; by default that of all processes.

    Raises:
        InputError: another ``op``, or numbers that MPI cannot add.
        ShapeError: the ranks do not all do the same; all of them raise it.
        MissingPackage: the extra ``mpi`` is not installed.

    >>> allreduce(np.array([1.0, 2.0])), float(allreduce(3.0, "max"))
    (array([1., 2.]), 3.0)
    """
    if op == "mean":
        return _done(ALLREDUCE, "allreduce", x, comm) / world(comm).size
    if op == "min":
        return -_done(LARGEST, "allreduce", -x, comm)
    if op not in ("sum", "max"):
        raise InputError(teach("mpi.allreduce", f"there is no op={op!r}.", "Give 'sum', 'mean', 'max' or 'min'."))
    return _done(ALLREDUCE if op == "sum" else LARGEST, "allreduce", x, comm)


def reduce(x: Array, root: int = 0, comm: Any = None) -> Array:
    """The sum over all ranks of ``x`` for rank ``root``, and zeros for the others. Its adjoint is ``bcast``.

    Arguments and errors as in :func:`allreduce`.

    >>> reduce(np.array([1.0, 2.0]))
    array([1., 2.])
    """
    _check_rank("reduce", "root", root, comm)
    return _done(REDUCE, "reduce", x, comm, int(root))


def bcast(x: Array, root: int = 0, comm: Any = None) -> Array:
    """The ``x`` of rank ``root``, for all ranks. Its adjoint is ``reduce``: what moves all has the sum of their rates.

    All ranks pass an ``x`` of the same shape; the numbers of those other than ``root`` do not matter. Arguments and
    errors as in :func:`allreduce`.

    >>> bcast(np.array([1.0, 2.0]))
    array([1., 2.])
    """
    _check_rank("bcast", "root", root, comm)
    return _done(BCAST, "bcast", x, comm, int(root))


def allgather(x: Array, comm: Any = None) -> Array:
    """The ``x`` of all ranks along a new first axis, for all of them: ``y_r[s] = x_s``. Adjoint: ``reduce_scatter``.

    Arguments and errors as in :func:`allreduce`.

    >>> allgather(np.array([1.0, 2.0]))
    array([[1., 2.]])
    """
    return _done(ALLGATHER, "allgather", x, comm)


def reduce_scatter(x: Array, comm: Any = None) -> Array:
    """Entry ``r`` of the sum over all ranks of ``x``, for rank ``r``: ``y_r = sum_s x_s[r]``. Adjoint: ``allgather``.

    The first axis of ``x`` has an entry for each rank. Arguments and errors as in :func:`allreduce`.

    >>> reduce_scatter(np.array([[1.0, 2.0]]))
    array([1., 2.])
    """
    _check_lead("reduce_scatter", x, comm)
    return _done(REDUCE_SCATTER, "reduce_scatter", x, comm)


def alltoall(x: Array, comm: Any = None) -> Array:
    """Entry ``s`` of ``x`` to rank ``s``, which has it as entry ``r``: ``y_r[s] = x_s[r]``. Its adjoint is itself.

    The first axis of ``x`` has an entry for each rank. Arguments and errors as in :func:`allreduce`.

    >>> alltoall(np.array([[1.0, 2.0]]))
    array([[1., 2.]])
    """
    _check_lead("alltoall", x, comm)
    return _done(ALLTOALL, "alltoall", x, comm)


def sendrecv(x: Array, to: int | None, source: int | None, comm: Any = None) -> Array:
    """Send ``x`` to rank ``to``, and return what rank ``source`` sent here. Its adjoint sends the other way.

    All ranks call it, and ``None`` stands for nobody: with ``source=None`` the result is zeros. So a halo at the edge
    of a domain, or a stage of a pipeline, is ``sendrecv(x, right, left)``.

    Further arguments and errors as in :func:`allreduce`; InputError also where ``to`` and ``source`` do not fit.

    >>> sendrecv(np.array([1.0, 2.0]), to=0, source=0), sendrecv(np.array([1.0, 2.0]), to=None, source=None)
    (array([1., 2.]), array([0., 0.]))
    """
    _check_rank("sendrecv", "to", to, comm)
    _check_rank("sendrecv", "source", source, comm)
    return _done(SENDRECV, "sendrecv", x, comm, to, source)
