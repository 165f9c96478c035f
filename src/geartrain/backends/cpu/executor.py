"""A plan on this processor: native steps walked by native code, and between them what NumPy computes.

Calls may run at the same time in many threads: each takes a frame (memory for intermediate values) of its own, which is
kept for the next call.
"""

import ctypes
import functools
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from geartrain.backends import numpy
from geartrain.backends.cpu import runtime
from geartrain.backends.cpu.finished import Finished, NumpyStep, Place
from geartrain.backends.cpu.plan_ir import NativePlan, native_plan
from geartrain.backends.llvm import Code
from geartrain.ir.aval import Array, Aval
from geartrain.ir.graph import Graph

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
        self.views: dict[int, Array] = {}


def address(array: Array) -> int:
    """Where an array's elements begin."""
    return array.__array_interface__["data"][0]


class Executor:
    """A compiled plan: called with a list of values, it returns a list of fresh arrays (scalars for 0-d results).

    Args:
        finished: the plan as data.
        graph: what it was compiled from, for a call that has to be NumPy's: an error is for it to explain.
        code: where its steps are, by name, but for what all programs share. It lives as long as this object, and as
            what ``native`` makes: a call that is under way holds one of them.
        memory: the bytes that intermediate values may take, as it was compiled.
    """

    def __init__(self, finished: Finished, graph: Graph, code: Mapping[str, Code], memory: int | None = None) -> None:
        self.finished = finished
        self._code = {id(each): each for each in code.values()}
        self.graph = graph
        self.memory = memory
        self._frames: deque[_Frame] = deque()
        shared = runtime.code()
        self._walk: Callable[..., None] = _walker(shared["gt_walk"])
        self._consts = [(slot, np.ascontiguousarray(value)) for slot, value in finished.consts]
        self._data = np.array(np.frombuffer(finished.words, np.int64)) if finished.words else np.zeros(0, np.int64)
        for i, name in finished.addresses:
            self._data[i] = code.get(name, shared)[name]
        self._start = address(self._data)

    def go_on_with(self, code: Mapping[str, Code]) -> None:
        """Better code for some steps, by name. Calls may be under way: a word is written at once, and no code goes."""
        self._code.update({id(each): each for each in code.values()})
        for i, name in self.finished.addresses:
            if name in code:
                self._data[i] = code[name][name]

    def native(self, guarded: bool = False) -> NativePlan | None:
        """The plan as a native function, for :mod:`geartrain.backends.cpu.entry`; None if NumPy has a part in it.

        ``guarded``: the last output says whether the others are valid, and is no output of the function.
        """
        finished = self.finished
        if any(isinstance(segment, NumpyStep) for segment in finished.segments):
            return None
        self._frames.clear()  # from now on calls have arenas of their own
        template = np.zeros(finished.bases, np.int64)
        for slot, value in self._consts:
            template[slot] = address(value)
        first = 2 + len(self._consts)
        inputs = len(finished.inputs), first
        outputs = len(finished.outputs), first + len(finished.inputs)
        made = native_plan(template, inputs, outputs, self._data, finished.arena, guarded)
        return made._replace(keep=(made.keep, self._consts, self._code))

    # Running.

    def __call__(self, args: Sequence[Array]) -> list[Array]:
        """The outputs for these inputs, which have the shapes and dtypes of the graph's."""
        frame = self._begin(args)
        bases = address(frame.bases)
        for segment in self.finished.segments:
            if isinstance(segment, NumpyStep):
                self._numpy(frame, segment)
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
        steps = iter([each for each in self.finished.segments if isinstance(each, NumpyStep)])
        for begin, end in self.finished.places:
            start = time.perf_counter_ns()
            if begin == end:
                self._numpy(frame, next(steps))
            else:
                self._walk(self._start + 8 * begin, self._start + 8 * end, bases)
            times.append((start, max(start, time.perf_counter_ns() - min(nothing))))
        if not frame.status[0]:
            self._end(frame)
        return times

    def _begin(self, args: Sequence[Array]) -> _Frame:
        """A frame with inputs, and with room for outputs."""
        if len(args) != len(self.finished.inputs):
            raise TypeError(f"[native] the program has {len(self.finished.inputs)} inputs, got {len(args)} values")
        try:
            frame = self._frames.pop()
        except IndexError:
            frame = self._frame()
        for (slot, aval), x in zip(self.finished.inputs, args, strict=True):
            if aval.shape == ():
                frame.arrays[slot][()] = x
            else:
                self._bind(frame, slot, _as_input(x, aval))
        for slot, aval in self.finished.outputs:
            if aval.shape != ():
                self._bind(frame, slot, np.empty(aval.shape, aval.dtype))
        return frame

    def _end(self, frame: _Frame) -> list[Array]:
        """The outputs; the frame is free for another call."""
        results: list[Array] = []
        for slot, aval in self.finished.outputs:
            value = frame.arrays[slot]
            results.append(value if aval.shape != () else value.item() if aval.weak else value[()])
        for slot, aval in (*self.finished.inputs, *self.finished.outputs):
            if aval.shape != ():
                frame.arrays[slot] = None
        self._frames.append(frame)
        return results

    def _frame(self) -> _Frame:
        frame = _Frame(self.finished.arena, self.finished.bases)
        for slot, value in self._consts:
            self._bind(frame, slot, value)
        for slot, aval in (*self.finished.inputs, *self.finished.outputs):
            if aval.shape == ():
                self._bind(frame, slot, np.zeros((), aval.dtype))
        return frame

    def _bind(self, frame: _Frame, slot: int, array: Array) -> None:
        frame.arrays[slot] = array
        frame.bases[slot] = address(array)

    def _view(self, frame: _Frame, place: Place) -> Array:
        """A value as an array, which lies in the frame or in an array of this call."""
        base, at, shape, strides, dtype, _ = place
        if 0 in shape:
            return np.empty(shape, dtype)
        if base:
            return np.ndarray(shape, dtype, frame.arrays[base], at, strides)
        found = frame.views.get(id(place))
        if found is None:
            found = frame.views[id(place)] = np.ndarray(shape, dtype, frame.arrays[base], at, strides)
        return found

    def _numpy(self, frame: _Frame, step: NumpyStep) -> None:
        """One step that NumPy computes."""
        values: list[Array] = []
        for x in step.operands:
            if isinstance(x, Place):
                value = self._view(frame, x)
                values.append(value.item() if x.weak else value[()] if x.shape == () else value)
            else:
                values.append(x)
        self._view(frame, step.result)[...] = step.op.fn(*values, *step.params)


@functools.cache
def _walker(at: int) -> Callable[..., None]:
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(at)


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
