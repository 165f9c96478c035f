"""Programs that run on several processes at once: MPI's collective operations as differentiable ones.

Every process (a *rank*) runs the same program under ``mpiexec -n 4 python program.py``, on numbers of its own. In
an operation all ranks take part: all must call it, in the same order, with arrays of the same shape and dtype. The
extra ``mpi`` brings what is needed; it is loaded when it is first asked for.

A derivative is that of the *sum over all ranks* of what they return, in the numbers of each rank. So the gradient of
``allreduce(x)`` in ``x`` is the number of ranks: every rank's result moves with ``x``. Where all ranks return the same
loss, divide it by ``size()``. A cotangent travels the way back: the adjoint of a broadcast is a reduction, that of a
gathering is a scattered reduction. So all ranks must differentiate the same program, too.

>>> import numpy as np
>>> import geartrain as gt
>>> gt.mpi.size(), gt.mpi.allreduce(np.array([1.0, 2.0]))  # alone, since nobody started mpiexec
(1, array([1., 2.]))
"""

from geartrain.mpi._ops import allgather, allreduce, alltoall, bcast, reduce, reduce_scatter, sendrecv
from geartrain.mpi._world import barrier, launched, rank, size, world

__all__ = [
    "allgather",
    "allreduce",
    "alltoall",
    "barrier",
    "bcast",
    "launched",
    "rank",
    "reduce",
    "reduce_scatter",
    "sendrecv",
    "size",
    "world",
]
