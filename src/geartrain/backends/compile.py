"""From a graph to something that can be called."""

import os
from collections.abc import Sequence
from typing import Protocol

from geartrain.backends import llvm, numpy
from geartrain.backends.cpu import runtime
from geartrain.backends.cpu.executor import Executor
from geartrain.errors import teach, warn
from geartrain.ir.aval import Array
from geartrain.ir.graph import Graph
from geartrain.passes.pipeline import optimised
from geartrain.schedule.plan import make_plan
from geartrain.schedule.recompute import within
from geartrain.schedule.steps import FACTORS, Unrollable

__all__ = ["Compiled", "compile"]


class Compiled(Protocol):
    """A compiled graph: a list of values in, a list of fresh values out."""

    def __call__(self, args: Sequence[Array], /) -> list[Array]:
        """Run it."""
        ...


def compile(graph: Graph, memory: int | None = None) -> Compiled:
    """Compile ``graph`` for this machine; without llvmlite it runs on NumPy.

    ``memory``: the bytes that intermediate values may take. Cheap ones are computed again rather than kept, if they
    have to be. Where that is not enough, a warning says how many bytes it takes.

    The result takes one value for each input, of its shape and dtype, and returns what ``interpret`` does: fresh
    arrays, NumPy scalars for results of shape (), Python numbers where the graph says so.

    >>> import numpy as np
    >>> from geartrain.ir.aval import Aval
    >>> from geartrain.ir.node import Table
    >>> from geartrain.ops.pointwise import SQUARE
    >>> table = Table()
    >>> x = table.input(Aval((3,), np.dtype(float)))
    >>> y = table.node(SQUARE, (x,), (), x.aval)
    >>> compile(Graph.of([x], [y]))([np.array([1.0, 2.0, 3.0])])
    [array([1., 4., 9.])]
    """
    if not llvm.installed():
        return numpy.compile(optimised(graph))
    products = FACTORS * runtime.has_blas()
    cores = os.cpu_count() or 1
    try:
        plan = make_plan(optimised(graph, pairs=True), products, cores=cores)
    except Unrollable:
        plan = make_plan(optimised(graph, rolled=False, pairs=True), products, cores=cores)
    if memory is not None and plan.arena > memory:
        most = plan.arena
        plan = within(plan, products, memory, cores)
        if plan.arena > memory:
            what = f"intermediate values take {plan.arena} bytes ({most} if none is computed again), not {memory}."
            warn(teach("jit", what, "Give more memory, or use gt.checkpoint around parts of the function."))
    return Executor(plan, graph)
