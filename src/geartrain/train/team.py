"""The processes that train one model together, each on its share of every minibatch.

All hold the same parameters and take the same steps. What happens once (files, the display) rank 0 does, while the
others wait; what goes wrong on one rank goes wrong on all, so that nobody waits for ever.
"""

import functools
import os
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from geartrain import mpi, tree
from geartrain.backends.threads import get_threads, set_threads
from geartrain.mpi._world import need
from geartrain.train.errors import TrainingError

T = TypeVar("T")


class Team:
    """The ranks of a communicator, or this process alone.

    As a context manager it sees to it that an error on one rank ends all of them.

    >>> team = Team()
    >>> team.rank, team.size, team.part(np.arange(5)), team.told("news")
    (0, 1, array([0, 1, 2, 3, 4]), 'news')
    """

    def __init__(self, comm: Any = None) -> None:
        """Take the ranks of ``comm``, an ``mpi4py.MPI.Comm``; None is for this process alone."""
        self.rank, self.size = (0, 1) if comm is None else (comm.rank, comm.size)
        self.comm = comm if self.size > 1 else None
        self._agreed: BaseException | None = None  # the error that all ranks raise, if they do

    @property
    def first(self) -> bool:
        """Whether this is rank 0, which does what is done once."""
        return self.rank == 0

    def part(self, chosen: NDArray[Any]) -> NDArray[Any]:
        """This rank's share: a run of the samples ``chosen`` for a minibatch, as long as the others' to within one."""
        begin, end = (len(chosen) * r // self.size for r in (self.rank, self.rank + 1))
        return chosen[begin:end]

    def sum(self, numbers: Sequence[float]) -> NDArray[np.float64]:
        """The sum over all ranks of a few numbers, for all of them."""
        own = np.array(numbers, np.float64)
        if self.comm is None:
            return own
        total = np.empty_like(own)
        self.comm.Allreduce(own, total)
        return total

    def any(self, flag: bool) -> bool:
        """Whether ``flag`` is set on any rank."""
        return bool(self.sum([flag])[0]) if self.size > 1 else flag

    def told(self, x: T) -> T:
        """The ``x`` of rank 0, for all."""
        return x if self.comm is None else self.comm.bcast(x)

    def together(self, f: Callable[[], T], only_first: bool = False) -> T:
        """``f()`` on every rank, or on rank 0 only (the others get None); what it raises anywhere, all raise."""
        if self.comm is None:
            return f()
        result: Any = None
        error: Exception | None = None
        try:
            if self.first or not only_first:
                result = f()
        except Exception as caught:
            error = caught
        self._wait()
        errors: list[Exception | None] = self.comm.allgather(_portable(error))
        worst = next((e for e in errors if e is not None), None)
        if worst is not None:
            self._agreed = error or worst
            raise self._agreed
        return result

    def _wait(self) -> None:
        """Wait for the other ranks without keeping a core busy, as MPI's own waiting does: a disk takes its time."""
        assert self.comm is not None
        request, pause = self.comm.Ibarrier(), 1e-5
        while not request.Test():
            time.sleep(pause)
            pause = min(2 * pause, 0.01)

    def agreed(self, error: T) -> T:
        """An error that all ranks are about to raise."""
        if isinstance(error, BaseException):
            self._agreed = error
        return error

    def most(self, text: str) -> str:
        """The longest of the ranks' texts, with the rank that says it."""
        if self.comm is None or not text:
            return text
        said: list[str] = self.comm.allgather(text)
        rank = max(range(self.size), key=lambda r: len(said[r]))
        return f"{said[rank]} (on rank {rank})" if "first made by" in said[rank] else said[rank]

    def check_same(self, params: Any) -> None:
        """Refuse to go on with parameters that differ between the ranks.

        They are computed alike from sums that are the same on all, so they differ only where ranks run on processors or
        libraries that round differently, or where a loss changes them itself.
        """
        if self.comm is None:
            return
        digest = functools.reduce(
            lambda crc, leaf: zlib.crc32(np.ascontiguousarray(leaf).data, crc), _arrays(params), 0
        )
        digests: list[int] = self.comm.allgather(digest)
        other = next((r for r, d in enumerate(digests) if d != digests[0]), None)
        if other is not None:
            raise self.agreed(
                TrainingError(
                    f"the parameters on rank {other} are not those on rank 0: ranks must run on processors of one kind "
                    "with the same libraries, and a loss must not change the parameters; the last checkpoint is good"
                )
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback_: TracebackType | None
    ) -> None:
        if self.comm is None or error is None or error is self._agreed or not isinstance(error, Exception):
            return
        print(f"rank {self.rank} of {self.size} cannot go on; all stop:", file=sys.stderr)
        text = str(error) if isinstance(error, TrainingError) else "".join(traceback.format_exception(error))
        print(text, file=sys.stderr, flush=True)
        self.comm.Abort(1)


def team() -> Team:
    """The team of all processes that ``mpiexec`` started, or this process alone if nothing started it.

    The cores of a computer are shared out among its ranks, unless ``GEARTRAIN_THREADS`` says how many each takes.

    Raises:
        MissingPackage: ``mpiexec`` started this process, but mpi4py is not installed.

    >>> team().size
    1
    """
    if not mpi.launched():
        return Team()
    comm = mpi.world()
    if not os.environ.get("GEARTRAIN_THREADS"):
        beside = comm.Split_type(need().COMM_TYPE_SHARED)
        set_threads(max(1, get_threads() // beside.size))
        beside.Free()
    return Team(comm)


def _portable(error: Exception | None) -> Exception | None:
    """An error as it can be sent to another process."""
    return (
        error
        if error is None or isinstance(error, TrainingError)
        else TrainingError(f"{type(error).__name__}: {error}")
    )


def _arrays(params: Any) -> list[NDArray[Any]]:
    return [np.asarray(leaf) for leaf in tree.leaves(params)]
