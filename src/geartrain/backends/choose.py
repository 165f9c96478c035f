"""The compiler is loaded when the first graph is to be compiled, so that ``import geartrain`` stays quick."""

import importlib
from collections.abc import Callable, Sequence

from geartrain.backends import numpy
from geartrain.ir.aval import Array
from geartrain.ir.graph import Graph

__all__ = ["Program", "compile"]

Program = Callable[[Sequence[Array]], list[Array]]
"""Takes a value for each input of the graph and returns one for each output, in memory of its own."""


def compile(graph: Graph) -> Program:
    """The program of ``graph``: native where llvmlite is installed, and else NumPy's.

    A result whose shape depends on data has no place in a plan, so such a graph, a segment that ``jit`` ends there, is
    NumPy's. So is one with numbers in the byte order of another machine.
    """
    if any(node.op.data_shape or not node.aval.dtype.isnative for node in (*graph.inputs, *graph.nodes)):
        return numpy.compile(graph)
    return importlib.import_module("geartrain.backends.compile").compile(graph)
