"""What each rank does in ``test_mpi.py``: every check of ``CHECKS``; rank 0 prints what failed, as JSON."""

import json
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain import mpi

RANKS, RANK = mpi.size(), mpi.rank()
SHAPE = (RANKS, 3)
RIGHT, LEFT = (RANK + 1) % RANKS, (RANK - 1) % RANKS
DOWN, UP = (RANK + 1 if RANK + 1 < RANKS else None), (RANK - 1 if RANK else None)


def drawn(seed: int, dtype: Any = np.float64) -> Any:
    """The numbers of all ranks, alike on all: ``(ranks, *SHAPE)``."""
    return np.random.default_rng(seed).standard_normal((RANKS, *SHAPE)).astype(dtype)


def zero_but(number: int | None, x: Any) -> Any:
    return x if number == RANK else np.zeros_like(x)


OPS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "allreduce": (mpi.allreduce, lambda all_x: all_x.sum(0)),
    "mean": (lambda x: mpi.allreduce(x, "mean"), lambda all_x: all_x.mean(0)),
    "max": (lambda x: mpi.allreduce(x, "max"), lambda all_x: all_x.max(0)),
    "min": (lambda x: mpi.allreduce(x, "min"), lambda all_x: all_x.min(0)),
    "reduce": (lambda x: mpi.reduce(x, RANKS - 1), lambda all_x: zero_but(RANKS - 1, all_x.sum(0))),
    "bcast": (lambda x: mpi.bcast(x, RANKS - 1), lambda all_x: all_x[-1]),
    "allgather": (mpi.allgather, lambda all_x: all_x),
    "reduce_scatter": (mpi.reduce_scatter, lambda all_x: all_x.sum(0)[RANK]),
    "alltoall": (mpi.alltoall, lambda all_x: all_x[:, RANK]),
    "sendrecv in a ring": (lambda x: mpi.sendrecv(x, RIGHT, LEFT), lambda all_x: all_x[LEFT]),
    "sendrecv on a line": (
        lambda x: mpi.sendrecv(x, DOWN, UP),
        lambda all_x: all_x[RANK - 1] if RANK else np.zeros(SHAPE),
    ),
}
"""Each operation, and what it means for this rank in terms of the numbers of all."""


def total(a: Any, b: Any) -> float:
    """The scalar product over all ranks."""
    return mpi.world().allreduce(float(np.sum(a * b)))


def value(op: str) -> None:
    f, meaning = OPS[op]
    for dtype in (np.float64, np.float32):
        x = drawn(1, dtype)
        y = f(x[RANK])
        assert y.dtype == dtype
        np.testing.assert_allclose(y, meaning(x), rtol=1e-6, atol=1e-6)


def adjoint(op: str) -> None:
    """<y_bar, J x_dot> = <J^T y_bar, x_dot>, both summed over the ranks; J itself by central differences."""
    f = OPS[op][0]
    x, x_dot = drawn(1)[RANK], drawn(2)[RANK]
    y, pull = gt.vjp(f, x)
    y_bar = np.random.default_rng(RANK + 7).standard_normal(np.shape(y))
    y_dot = gt.jvp(f, (x,), (x_dot,))[1]
    (x_bar,) = pull(y_bar)
    np.testing.assert_allclose(total(y_bar, y_dot), total(x_bar, x_dot), rtol=1e-12)
    moved = (f(x + 1e-6 * x_dot) - f(x - 1e-6 * x_dot)) / 2e-6
    np.testing.assert_allclose(y_dot, moved, rtol=1e-6, atol=1e-8)


def second(op: str) -> None:
    f = OPS[op][0]
    x, x_dot = drawn(1)[RANK], drawn(2)[RANK]

    def loss(x: Any) -> Any:
        return np.sum(np.sin(f(x * x)) * f(np.cos(x)))

    gradient = gt.grad(loss)
    moved = (gradient(x + 1e-5 * x_dot) - gradient(x - 1e-5 * x_dot)) / 2e-5
    np.testing.assert_allclose(gt.hvp(loss, x, x_dot), moved, rtol=1e-5, atol=1e-7)
    backwards = gt.grad(lambda x: np.sum(gt.grad(loss)(x) * x_dot))(x)  # reverse over reverse
    np.testing.assert_allclose(backwards, moved, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(gt.jit(gradient)(x), gradient(x), rtol=1e-12, atol=1e-14)


def batches(op: str) -> None:
    f = OPS[op][0]
    xs = np.random.default_rng(RANK).standard_normal((2, *SHAPE))
    np.testing.assert_allclose(gt.vmap(f)(xs), np.stack([f(x) for x in xs]), rtol=1e-14)


def numbers() -> None:
    assert mpi.allreduce(RANK) == RANKS * (RANKS - 1) // 2
    assert gt.grad(lambda x: mpi.allreduce(x) / mpi.size())(2.0) == 1.0
    assert isinstance(mpi.allreduce(1.5), float)
    np.testing.assert_allclose(mpi.allreduce(np.array([1 + 2j])), [RANKS * (1 + 2j)])
    np.testing.assert_allclose(mpi.allreduce(np.ones((2, 3)).T[:, ::-1]), np.full((3, 2), float(RANKS)))
    np.testing.assert_allclose(mpi.allreduce(np.ones(2, ">f8")), [RANKS, RANKS])


def communicators() -> None:
    """Half of the ranks, by themselves."""
    half = mpi.world().Split(RANK % 2)
    assert mpi.allreduce(1.0, comm=half) == mpi.size(half) == gt.grad(lambda x: mpi.allreduce(x, comm=half))(1.0)
    half.Free()


def decisions() -> None:
    """Ranks that take different ways before they meet: a compiled program must not begin a sum twice."""

    def f(x: Any) -> Any:
        y = 2 * x if x > 0 else -x
        return mpi.allreduce(y)

    compiled = gt.jit(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gt.errors.GeartrainWarning)
        for signs in (1, -1, (-1) ** RANK, 1, -((-1) ** RANK)):
            x = float(signs * (RANK + 1))
            np.testing.assert_allclose(compiled(x), f(x))


def refused(kind: type[Exception], text: str, f: Callable[[], Any]) -> None:
    """All ranks must get the error, or one would wait for the others for ever."""
    with pytest.raises(kind, match=text):
        f()
    mpi.barrier()


def mistakes() -> None:
    refused(gt.errors.ShapeError, r"rank 1: allreduce of f64.3.", lambda: mpi.allreduce(np.ones(2 + RANK)))
    refused(gt.errors.ShapeError, "rank 1: bcast", lambda: (mpi.bcast if RANK else mpi.allreduce)(np.ones(2)))
    refused(gt.errors.ShapeError, "f32", lambda: mpi.allgather(np.ones(2, np.float32 if RANK else np.float64)))
    refused(gt.errors.ShapeError, "one entry for each", lambda: mpi.alltoall(np.ones(RANKS + 1)))
    refused(gt.errors.InputError, "do not fit together", lambda: mpi.sendrecv(np.ones(2), RANK, RIGHT))
    refused(gt.errors.InputError, "is no rank of", lambda: mpi.bcast(np.ones(2), RANKS))
    refused(gt.errors.InputError, "MPI cannot add up", lambda: mpi.allreduce(np.ones(2, bool)))
    refused(gt.errors.InputError, "there is no op='median'", lambda: mpi.allreduce(np.ones(2), "median"))


CHECKS: dict[str, Callable[[], None]] = {
    **{
        f"{check.__name__} of {op}": lambda check=check, op=op: check(op)
        for check in (value, adjoint, second, batches)
        for op in OPS
    },
    **{check.__name__: check for check in (numbers, communicators, decisions, mistakes)},
}


def main() -> None:
    failed: dict[str, str] = {}
    for name, check in CHECKS.items():
        try:
            check()
        except Exception:
            failed[name] = f"rank {RANK}: {traceback.format_exc()}"
            print(failed[name], file=sys.stderr, flush=True)
        every: list[bool] = mpi.world().allgather(name in failed)
        if any(every):
            failed.setdefault(name, "on another rank: see above")
    if RANK == 0:
        print(json.dumps({"checks": list(CHECKS), "failed": failed}))


if __name__ == "__main__":
    main()
