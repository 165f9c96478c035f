"""Compiled programs on disk: a process that records what another one has recorded before it compiles nothing.

A program is kept under what the recorded graph says, and under all else that the way from there to the program depends
on: this library's source, Python, NumPy, LLVM, the processor and its cores. Reading one loads no part of the compiler.
"""

import os

from geartrain.backends import llvm, object_cache
from geartrain.backends.cpu import finished, fourier, image, lapack, runtime
from geartrain.backends.cpu.executor import Executor
from geartrain.backends.cpu.finished import Finished
from geartrain.backends.cpu.known import CODE
from geartrain.backends.library import fingerprint
from geartrain.backends.structure import digest
from geartrain.ir.graph import Graph

__all__ = ["Key", "find", "keep", "key_of"]

KIND = "program"
Key = tuple[str, ...]


def key_of(graph: Graph, memory: int | None) -> Key | None:
    """Under what the program of a graph is kept; ``None`` if it is not."""
    if object_cache.folder() is None or not image.usable() or not llvm.installed():
        return None
    told = digest(graph)
    return (
        None if told is None else (KIND, fingerprint(), *llvm.host(), f"{os.cpu_count()} cores", f"{told} in {memory}")
    )


def find(key: Key, graph: Graph, memory: int | None) -> Executor | None:
    """The program of a graph, if it is on disk."""
    data = object_cache.find(*key)
    if data is None:
        return None
    made, code = finished.read(data, graph)
    names = {name for _, name in made.addresses}
    own = names & code.exports.keys()
    outside = {name for _, name in code.outside}
    products = names - own - {"gt_loop", "gt_strip"} | {name for name in outside if name.startswith("gt_gemm")}
    if products and not runtime.has_blas():  # it multiplies matrices, which cannot be done any more
        return None
    symbols = runtime.symbols()
    for library in (lapack, fourier):
        called = {name for name in outside if name.startswith(library.PREFIX)}
        if called:
            symbols |= library.symbols()
            if not called <= symbols.keys():  # the library of then is gone
                return None
    object_cache.FOUND[KIND] += 1
    known = CODE.find(own)
    if len(known) < len(own):
        loaded = llvm.load_image(code, own, symbols)
        CODE.enter(loaded, own)
        known = dict.fromkeys(own, loaded)
    return Executor(made, graph, known, memory)


def keep(key: Key, made: Finished, code: image.Image, graph: Graph) -> None:
    """Write a program to disk, if all of it can be written."""
    data = finished.written(made, code, graph)
    if data is not None:
        object_cache.keep(data, *key)
