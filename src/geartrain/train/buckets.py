"""Gradients added up over the ranks while the backward pass still runs.

The parameters are dealt into buckets, in the reverse of their order in the tree, which for most networks is the order
in which their gradients are ready. As soon as a bucket is full its sum begins (``MPI_Iallreduce``), and the sweep back
goes on to the next one. So a sum costs time only as far as it outlasts the rest of the sweep.

Source: Li et al., *PyTorch Distributed: Experiences on Accelerating Data Parallel Training*, VLDB 2020, section 3.2.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geartrain import tree
from geartrain.ir.op import Constant
from geartrain.kinds import kind_of
from geartrain.mpi._world import need
from geartrain.train.team import Team

SIZE = 1 << 20
"""Bytes after which a bucket is full: large against what a message costs by itself, small against a network."""


class Buckets:
    """The sums under way of one gradient.

    In a step, ``part`` is told each leaf's cotangent, ``flush`` that there are no more, and ``end`` returns the sums.

    ``size`` is that of a bucket in bytes. ``log`` notes what happens in a step, in order: ``("begin", k)`` when the sum
    of bucket k begins, ``("end", -1)`` when the sweep is over.
    """

    def __init__(self, team: Team, params: Any, size: int = SIZE) -> None:
        self._comm: Any = team.comm
        leaves, self._treedef = tree.flatten(params)
        self._leaves = [np.asarray(leaf) for leaf in leaves]
        self._kinds = [kind_of(leaf) for leaf in leaves]
        self._members = _dealt(self._leaves, size)
        self._bucket_of = {i: k for k, members in enumerate(self._members) for i in members}
        self._sums = [np.zeros(sum(self._leaves[i].size for i in m), self._leaves[m[0]].dtype) for m in self._members]
        self._ops = [self._op(k) for k in range(len(self._members))]
        self._waiting: list[dict[int, Any]] = []
        self._full: set[int] = set()
        self._requests: list[Any] = []
        self.holding = False  # a program is being recorded: what it hands over does not count
        self.log: list[tuple[str, int]] = []

    def part(self, i: int, bar: Any) -> Any:
        """Take the gradient in leaf ``i``. What is returned, if anything, is to be a result of a compiled program."""
        bucket = self._bucket_of[i]
        waiting = self._waiting[bucket]
        waiting[i] = bar
        members = self._members[bucket]
        return self._ops[bucket](*[waiting[m] for m in members]) if len(waiting) == len(members) else None

    def begin(self) -> None:
        """A program that hands its parts over runs or is recorded."""
        self._waiting = [{} for _ in self._members]

    def flush(self) -> None:
        """The sweep is over: begin the sums that have not begun."""
        self.log.append(("end", -1))
        for bucket, flat in enumerate(self._sums):
            if bucket not in self._full:  # nothing here depends on these parameters: this rank has no sample, perhaps
                flat.fill(0)
                self._full.add(bucket)
        self._start()

    def end(self, scale: float) -> Any:
        """Wait for all sums; the gradient times ``scale``, a tree like the parameters."""
        need().Request.Waitall(self._requests)
        self._requests.clear()
        self._full.clear()
        bars: list[Any] = [None] * len(self._leaves)
        for members, flat in zip(self._members, self._sums, strict=True):
            place = 0
            for i in members:
                leaf, kind = self._leaves[i], self._kinds[i]
                part = (flat[place : place + leaf.size] * scale).reshape(leaf.shape)
                bars[i] = part if kind is np.ndarray else kind(part)
                place += leaf.size
        return tree.unflatten(self._treedef, bars)

    def _op(self, bucket: int) -> Constant:
        """One bucket as an operation, which compiled programs run where its operands are ready."""

        def fill(*bars: Any) -> float:
            if self.holding or bucket in self._full:
                return 0.0
            flat = self._sums[bucket]
            place = 0
            for bar in bars:
                size = np.size(bar)
                flat[place : place + size] = np.reshape(bar, (-1,))
                place += size
            self._full.add(bucket)
            self._start()
            return 0.0

        return Constant(name=f"sum_of_bucket_{bucket}", fn=fill, effects=True)

    def _start(self) -> None:
        """Begin the sums of full buckets, in the order that all ranks keep, and let those under way move on."""
        if self._requests:
            need().Request.Testall(self._requests)
        while (bucket := len(self._requests)) in self._full:
            self.log.append(("begin", bucket))
            self._requests.append(self._comm.Iallreduce(need().IN_PLACE, self._sums[bucket]))


def _dealt(leaves: Sequence[NDArray[Any]], size: int) -> list[list[int]]:
    """The numbers of the leaves, last to first, in groups of one dtype and at least ``size`` bytes where they can.

    >>> _dealt([np.zeros(4), np.zeros(2), np.zeros(1)], 20)
    [[2, 1], [0]]
    """
    groups: list[list[int]] = []
    held = 0
    for i in reversed(range(len(leaves))):
        if not groups or held >= size or leaves[groups[-1][0]].dtype != leaves[i].dtype:
            groups.append([])
            held = 0
        groups[-1].append(i)
        held += leaves[i].nbytes
    return groups
