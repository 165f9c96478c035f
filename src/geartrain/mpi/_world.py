"""The processes that run this program together, through mpi4py: the one place that asks for it."""

import importlib
import os
import sys
from typing import Any

from geartrain.errors import GeartrainError

__all__ = ["MissingMPI", "barrier", "launched", "need", "rank", "size", "world"]

_STARTED_BY = ("PMI_SIZE", "PMIX_RANK", "OMPI_COMM_WORLD_SIZE")
"""What the usual starters (MPICH and Intel; PMIx and Slurm; Open MPI) set in the environment of each process."""


class MissingMPI(GeartrainError, ImportError):
    """mpi4py or the MPI library below it is not installed or cannot be loaded."""


def need(module: str = "mpi4py.MPI") -> Any:
    """Import and return ``module`` of the extra ``mpi``; the first time, MPI starts.

    Raises:
        MissingMPI: it cannot be imported; the text is one line and says what to install.

    >>> need("mpi4py_but_misspelt")
    Traceback (most recent call last):
    ...
    geartrain.mpi._world.MissingMPI: several processes need mpi4py_but_misspelt, which is not installed: \
pip install 'geartrain[mpi]'
    """
    if (loaded := sys.modules.get(module)) is not None:
        return loaded
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = (error.name or module).partition(".")[0]
        text = f"several processes need {package}, which is not installed: pip install 'geartrain[mpi]'"
        raise MissingMPI(text) from error
    except (ImportError, RuntimeError, OSError) as error:  # mpi4py is there, but the MPI library is not
        reason = " ".join(str(error).split())
        raise MissingMPI(f"MPI cannot be loaded ({reason}): pip install 'geartrain[mpi]'") from error


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
