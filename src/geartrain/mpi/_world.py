"""The processes that run this program together, through mpi4py: which is asked for when it is needed."""

import os
from typing import Any

from geartrain import extras

__all__ = ["barrier", "launched", "need", "rank", "size", "world"]

_STARTED_BY = ("PMI_SIZE", "PMIX_RANK", "OMPI_COMM_WORLD_SIZE")
"""What the usual starters (MPICH and Intel; PMIx and Slurm; Open MPI) set in the environment of each process."""


def need(module: str = "mpi4py.MPI") -> Any:
    """Import and return ``module`` of the extra ``mpi``; the first time, MPI starts.

    Raises:
        MissingPackage: it cannot be imported; the text is one line and says what to install.
    """
    return extras.need(module, "mpi", "mpi")


def launched() -> bool:
    """Whether a starter such as ``mpiexec`` started this process; tells it without loading MPI.

    >>> launched()
    False
    """
    return any(name in os.environ for name in _STARTED_BY)


def world(comm: Any = None) -> Any:
    """The communicator ``comm``, an ``mpi4py.MPI.Comm``; by default that of all processes.

    >>> world().Get_size()
    1
    """
    return need().COMM_WORLD if comm is None else comm


def rank(comm: Any = None) -> int:
    """The number of this process, from 0 to ``size() - 1``.

    >>> rank()
    0
    """
    return world(comm).Get_rank()


def size(comm: Any = None) -> int:
    """How many processes there are.

    >>> size()
    1
    """
    return world(comm).Get_size()


def barrier(comm: Any = None) -> None:
    """Wait until every process has come here.

    >>> barrier()
    """
    world(comm).Barrier()
