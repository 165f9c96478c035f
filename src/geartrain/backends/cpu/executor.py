"""A plan on this processor: native steps walked by native code, and between them what NumPy computes.

Calls may run at the same time in many threads: each takes a frame (memory for intermediate values) of its own, which is
kept for the next call.
"""

import ctypes
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from geartrain.backends import numpy
from geartrain.backends.cpu import kernels
from geartrain.backends.cpu.encode import Encoder, kernels_of, slots_of
from geartrain.backends.cpu.plan_ir import NativePlan, native_plan
from geartrain.ir.aval import Array, Aval
from geartrain.ir.graph import Graph
from geartrain.ir.node import CONST, Node
from geartrain.schedule.plan import Plan
from geartrain.schedule.steps import Call, Home

__all__ = ["Executor"]


class _Frame:
    """Memory of one call: the arena, scalars, and the addresses of all bases."""

    def __init__(self, arena: int, bases: int) -> None:
        block = np.zeros(arena + 64, np.uint8)
        skip = -address(block) % 64
        self.arrays: list[Any] = [block[skip : skip + arena], *[None] * (bases - 1)]
        self.bases = np.zeros(bases, np.int64)
        self.bases[0] = address(block) + skip
        self.arrays[1] = self.status = np.zeros(1, np.int64)
        self.bases[1] = address(self.status)
        self.views: dict[Any, Array] = {}


def address(array: Array) -> int:
    """Where an array's elements begin."""
    return array.__array_interface__["data"][0]


class Executor:
    """A compiled plan: called with a list of values, it returns a list of fresh arrays (scalars for 0-d results)."""

    def __init__(self, plan: Plan, graph: Graph | None = None) -> None:
        """``graph``: what the plan was made for, where its inputs and outputs are looked at in another way."""
        self.plan = plan
        self.graph = graph or plan.graph
        self._frames: deque[_Frame] = deque()
        self._walk: Callable[..., None] = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(
            kernels.walker()
        )
        self._build()

    def _build(self) -> None:
        """Number the bases and lay out the words; a segment is a stretch of native steps, or one call of NumPy.

        Base 0 is the arena, base 1 a word in which kernels note errors; then come constants, inputs, outputs, and what
        loops move.
        """
        plan = self.plan
        numbers: dict[tuple[str, int], int] = {("arena", 0): 0, ("status", 0): 1}
        for kind, many in (("const", plan.consts), ("input", plan.graph.inputs), ("output", plan.outputs)):
            for i in range(len(many)):
                numbers[kind, i] = len(numbers)
        self._consts = [(numbers["const", i], np.ascontiguousarray(n.value)) for i, n in enumerate(plan.consts)]
        self._inputs = [(numbers["input", i], node.aval) for i, node in enumerate(self.graph.inputs)]
        self._outputs = [(numbers["output", i], node.aval) for i, node in enumerate(self.graph.outputs)]
        self._slots = slots_of(plan, numbers)
        kernels.addresses(kernels_of(plan))  # all at once, which is quicker
        encoder = Encoder(len(numbers))
        words: list[int] = []
        self._segments: list[tuple[int, int] | Call] = []
        self._places: list[tuple[int, int]] = []  # where the words of each step are
        for step in plan.steps:
            begin = len(words)
            if isinstance(step, Call):
                self._segments.append(step)
                self._places.append((begin, begin))
                continue
            words += encoder.step(plan, step, self._slots)
            self._places.append((begin, len(words)))
            last = self._segments[-1] if self._segments else None
            if type(last) is tuple:
                self._segments[-1] = (last[0], len(words))
            else:
                self._segments.append((begin, len(words)))
        self._count = encoder.bases
        self._data = np.array(words, np.int64)
        self._start = address(self._data)

    def native(self, guarded: bool = False) -> NativePlan | None:
        """The plan as a native function, for :mod:`geartrain.backends.cpu.entry`; None if NumPy has a part in it.

        ``guarded``: the last output says whether the others are valid, and is no output of the function.
        """
        if any(isinstance(segment, Call) for segment in self._segments):
            return None
        template = np.zeros(self._count, np.int64)
        for slot, value in self._consts:
            template[slot] = address(value)
        first = 2 + len(self._consts)
        inputs = len(self._inputs), first
        outputs = len(self._outputs), first + len(self._inputs)
        made = native_plan(template, inputs, outputs, self._data, self.plan.arena, guarded)
        return made._replace(keep=(made.keep, self._consts))

    # Running.

    def __call__(self, args: Sequence[Array]) -> list[Array]:
        """The outputs for these inputs, which have the shapes and dtypes of the graph's."""
        frame = self._begin(args)
        bases = address(frame.bases)
        for segment in self._segments:
            if isinstance(segment, Call):
                self._numpy(frame, segment.node)
            else:
                self._walk(self._start + 8 * segment[0], self._start + 8 * segment[1], bases)
        if frame.status[0]:
            return numpy.compile(self.graph)(args)  # which says what is wrong
        return self._end(frame)

    def timed(self, args: Sequence[Array]) -> list[tuple[int, int]]:
        """Run, and tell when each step of the plan began and ended, in nanoseconds of ``time.perf_counter_ns``.

        What it takes to go from Python to no step at all is taken off.
        """
        frame = self._begin(args)
        bases = address(frame.bases)
        nothing = [_empty(self._walk, self._start, bases) for _ in range(5)]
        times: list[tuple[int, int]] = []
        for step, (begin, end) in zip(self.plan.steps, self._places, strict=True):
            start = time.perf_counter_ns()
            if isinstance(step, Call):
                self._numpy(frame, step.node)
            else:
                self._walk(self._start + 8 * begin, self._start + 8 * end, bases)
            times.append((start, max(start, time.perf_counter_ns() - min(nothing))))
        if not frame.status[0]:
            self._end(frame)
        return times

    def _begin(self, args: Sequence[Array]) -> _Frame:
        """A frame with inputs, and with room for outputs."""
        if len(args) != len(self._inputs):
            raise TypeError(f"[native] the program has {len(self._inputs)} inputs, got {len(args)} values")
        try:
            frame = self._frames.pop()
        except IndexError:
            frame = self._frame()
        for (slot, aval), x in zip(self._inputs, args, strict=True):
            if aval.shape == ():
                frame.arrays[slot][()] = x
            else:
                self._bind(frame, slot, _as_input(x, aval))
        for slot, aval in self._outputs:
            if aval.shape != ():
                self._bind(frame, slot, np.empty(aval.shape, aval.dtype))
        return frame

    def _end(self, frame: _Frame) -> list[Array]:
        """The outputs; the frame is free for another call."""
        results: list[Array] = []
        for slot, aval in self._outputs:
            value = frame.arrays[slot]
            results.append(value if aval.shape != () else value.item() if aval.weak else value[()])
        for slot, aval in (*self._inputs, *self._outputs):
            if aval.shape != ():
                frame.arrays[slot] = None
        self._frames.append(frame)
        return results

    def _frame(self) -> _Frame:
        frame = _Frame(self.plan.arena, self._count)
        for slot, value in self._consts:
            self._bind(frame, slot, value)
        for slot, aval in (*self._inputs, *self._outputs):
            if aval.shape == ():
                self._bind(frame, slot, np.zeros((), aval.dtype))
        return frame

    def _bind(self, frame: _Frame, slot: int, array: Array) -> None:
        frame.arrays[slot] = array
        frame.bases[slot] = address(array)

    def _view(self, frame: _Frame, home: Home) -> Array:
        """A value as an array, which lies in the frame or in an array of this call."""
        root, view = home
        dtype = root.aval.dtype
        if 0 in view.shape:
            return np.empty(view.shape, dtype)
        slot, at = self._slots[root]
        strides = [s * dtype.itemsize for s in view.strides]
        if slot:
            return np.ndarray(view.shape, dtype, frame.arrays[slot], view.offset * dtype.itemsize, strides)
        found = frame.views.get(home)
        if found is None:
            start = at + view.offset * dtype.itemsize
            found = frame.views[home] = np.ndarray(view.shape, dtype, frame.arrays[slot], start, strides)
        return found

    def _numpy(self, frame: _Frame, node: Node) -> None:
        """One step that NumPy computes."""
        values: list[Array] = []
        for x in node.inputs:
            if x.op is CONST:
                values.append(x.value)
            else:
                value = self._view(frame, self.plan.homes[x])
                aval = x.aval
                values.append(value.item() if aval.weak else value[()] if aval.shape == () else value)
        self._view(frame, self.plan.homes[node])[...] = node.op.fn(*values, *node.params)


def _empty(walk: Callable[..., None], at: int, bases: int) -> int:
    """Nanoseconds to walk no steps."""
    start = time.perf_counter_ns()
    walk(at, at, bases)
    return time.perf_counter_ns() - start


def _as_input(x: Array, aval: Aval) -> Array:
    """An input side by side in memory, in the machine's byte order."""
    if type(x) is np.ndarray and x.dtype == aval.dtype and x.flags.c_contiguous and x.flags.aligned:
        return x
    return np.ascontiguousarray(x, aval.dtype)
