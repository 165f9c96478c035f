"""From a graph to something that can be called."""

import os
from collections.abc import Sequence
from typing import Protocol

from geartrain.backends import llvm, numpy
from geartrain.backends.cpu import fourier, kernels, patches, routines, runtime, twice
from geartrain.backends.cpu.encode import kernels_of
from geartrain.backends.cpu.executor import Executor
from geartrain.backends.cpu.finish import finish
from geartrain.backends.stored import Key, keep
from geartrain.errors import teach, warn
from geartrain.ir.aval import Array
from geartrain.ir.graph import Graph
from geartrain.passes.pipeline import optimised
from geartrain.schedule.fourier import NAMES as TRANSFORMED
from geartrain.schedule.plan import Plan, make_plan
from geartrain.schedule.recompute import within
from geartrain.schedule.steps import FACTORS, TRANSFORMS, Unrollable

__all__ = ["Compiled", "abilities", "compile", "plan_of"]


class Compiled(Protocol):
    """A compiled graph: a list of values in, a list of fresh values out."""

    def __call__(self, args: Sequence[Array], /) -> list[Array]:
        """Run it."""
        ...


def compile(graph: Graph, memory: int | None = None, key: Key | None = None) -> Compiled:
    """Compile ``graph`` for this machine; without llvmlite it runs on NumPy.

    ``memory``: the bytes that intermediate values may take. Cheap ones are computed again rather than kept, if they
    have to be. Where that is not enough, a warning says how many bytes it takes. ``key``: under what to keep it on
    disk.

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
    plan, most = plan_of(graph, memory)
    if memory is not None and plan.arena > memory:
        what = f"intermediate values take {plan.arena} bytes ({most} if none is computed again), not {memory}."
        warn(teach("jit", what, "Give more memory, or use gt.checkpoint around parts of the function."))
        key = None  # so that the next process is told, too
    made, loaded = finish(plan, graph)
    program = Executor(made, graph, loaded, memory)

    def write() -> None:
        if key is not None and runtime.has_blas():  # without, programs differ
            names = [name for _, name in made.addresses]
            code = kernels.linked(kernels_of(plan), [*patches.objects(names), *routines.objects(names)])
            if code is not None:
                keep(key, made, code, graph)

    def improve() -> None:
        program.go_on_with(kernels.better(kernels_of(plan)))
        write()

    if kernels.quick(loaded.values()):
        twice.later(improve)
    else:
        write()
    return program


def abilities(graph: Graph) -> int:
    """What the backend does besides loop nests; only if there are transforms, it asks about transforms."""
    if not runtime.has_blas():
        return 0
    wanted = any(node.op.name in TRANSFORMED for node in graph.nodes)
    return TRANSFORMS if wanted and fourier.usable() else FACTORS


def plan_of(graph: Graph, memory: int | None = None) -> tuple[Plan, int]:
    """The plan of a graph, and the bytes of arena that it takes if nothing is computed again."""
    products = abilities(graph)
    cores = os.cpu_count() or 1
    try:
        plan = make_plan(optimised(graph, pairs=True), products, cores=cores)
    except Unrollable:
        plan = make_plan(optimised(graph, rolled=False, pairs=True), products, cores=cores)
    most = plan.arena
    if memory is not None and most > memory:
        plan = within(plan, products, memory, cores)
    return plan, most
