"""What a compiled function is made of, for a reader: its text at every stage, what its steps do, how long they take."""

import json
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from geartrain.backends.choose import StepReport, Texts, lowered, measured, passes
from geartrain.ir.aval import Array
from geartrain.ir.node import Node
from geartrain.paths import Leaf, Paths

__all__ = ["Lowered", "Report", "explain_passes", "lower", "measure"]


class Lowered(NamedTuple):
    """A recorded path at each stage. ``segments`` are its straight-line parts: one, if Python took no decision."""

    segments: tuple[Texts, ...]

    @property
    def graph(self) -> str:
        """The graph as it was recorded."""
        return self._all("graph")

    @property
    def optimised(self) -> str:
        """The graph after all passes."""
        return self._all("optimised")

    @property
    def schedule(self) -> str:
        """Which nodes make one kernel."""
        return self._all("schedule")

    @property
    def plan(self) -> str:
        """Kernels as loop nests, and the steps with the places of their values."""
        return self._all("plan")

    @property
    def llvm(self) -> str:
        """The kernels in LLVM IR."""
        return self._all("llvm")

    @property
    def assembly(self) -> str:
        """The kernels as instructions of this processor."""
        return self._all("assembly")

    def _all(self, stage: str) -> str:
        texts = [getattr(segment, stage) for segment in self.segments]
        if len(texts) == 1:
            return texts[0]
        return "\n\n".join([f"# segment {i}\n{text}" for i, text in enumerate(texts)])

    def __str__(self) -> str:
        return "\n\n".join([f"==== {stage}\n{self._all(stage)}" for stage in Texts._fields])


def lower(paths: Paths, leaf: Leaf) -> Lowered:
    """The stages of a recorded path."""
    return Lowered(tuple([lowered(paths.graph_of(each), each.program) for each in paths.along(leaf)]))


def explain_passes(paths: Paths, leaf: Leaf) -> str:
    """The graphs before and after each pass."""
    parts: list[str] = []
    segments = paths.along(leaf)
    for i, segment in enumerate(segments):
        if len(segments) > 1:
            parts.append(f"# segment {i}")
        for name, before, after in passes(paths.graph_of(segment)):
            parts.append(f"==== {name}: no change" if before == after else _change(name, before, after))
    return "\n".join(parts)


def _change(name: str, before: str, after: str) -> str:
    return f"==== {name}: before\n{before}\n---- {name}: after\n{after}"


class Report(NamedTuple):
    """The steps of a compiled program in order, and the bytes of memory for what lies between them."""

    name: str
    steps: tuple[StepReport, ...]
    arena: int

    @property
    def flops(self) -> int:
        """Floating-point operations; a function such as ``exp`` is one."""
        return sum([step.flops for step in self.steps])

    @property
    def bytes(self) -> int:
        """Bytes that the steps read and write."""
        return sum([step.bytes for step in self.steps])

    @property
    def seconds(self) -> float:
        """The sum of the times of all steps."""
        return sum([step.nanoseconds for step in self.steps]) / 1e9

    @property
    def numpy(self) -> list[str]:
        """What NumPy computes, because there is no native code for it."""
        return [step.does for step in self.steps if step.numpy]

    def __str__(self) -> str:
        """A table of kernels, the longest first."""
        rows: dict[tuple[str, str], list[StepReport]] = {}
        for step in self.steps:
            rows.setdefault((step.name, step.does), []).append(step)
        total = max(sum([step.nanoseconds for step in self.steps]), 1)
        head = [f"{word:>{n}}" for word, n in zip(HEAD, WIDTHS, strict=True)]
        lines = [" ".join([f"{'kernel':<8}", *head, " does"])]
        for (name, does), steps in sorted(rows.items(), key=lambda row: -sum([step.nanoseconds for step in row[1]])):
            time = sum([step.nanoseconds for step in steps])
            flops, moved = sum([step.flops for step in steps]), sum([step.bytes for step in steps])
            rates = f"{flops / max(time, 1):.2f}", f"{moved / max(time, 1):.2f}"
            cells = (len(steps), f"{time / 1e3:.2f}", f"{time / total:.1%}", flops, moved, *rates)
            row = [f"{cell:>{n}}" for cell, n in zip(cells, WIDTHS, strict=True)]
            short = does if len(does) <= WIDE else does[: WIDE - 3] + "..."
            lines.append(" ".join([f"{name:<8}", *row, f" {short}"]))
        lines.append(
            f"{self.name}: {len(self.steps)} steps, {self.flops} flops, {self.bytes} bytes moved, "
            f"arena {self.arena} bytes, {self.seconds * 1e6:.2f} us"
        )
        if self.numpy:
            lines.append(f"NumPy computes: {', '.join(self.numpy)}")
        return "\n".join(lines)

    def chrome_trace(self) -> dict[str, Any]:
        """The steps as events of Chrome's trace format."""
        events = [
            {
                "name": f"{step.name}: {step.does}",
                "cat": "numpy" if step.numpy else "native",
                "ph": "X",
                "ts": step.begin / 1e3,
                "dur": step.nanoseconds / 1e3,
                "pid": 0,
                "tid": 0,
                "args": {"flops": step.flops, "bytes": step.bytes},
            }
            for step in self.steps
        ]
        return {"traceEvents": events, "displayTimeUnit": "ns", "otherData": {"function": self.name}}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the Chrome trace into a file."""
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.chrome_trace(), file)


WIDE = 60
"""Characters of what a kernel does, in the table."""

HEAD = ("calls", "us", "share", "flops", "bytes", "GF/s", "GB/s")
WIDTHS = (5, 10, 6, 12, 12, 7, 7)


def measure(name: str, paths: Paths, leaf: Leaf, args: Sequence[Array]) -> Report:
    """Time the steps of a path."""
    inputs = paths.recording.inputs
    values: dict[Node, Array] = dict(zip(inputs, args, strict=True))
    steps: list[StepReport] = []
    arena = begin = 0
    segments = paths.along(leaf)
    for i, segment in enumerate(segments):
        given = [values[node] for node in segment.reads]
        found, size = measured(segment.program, given)
        part = f"s{i}." if len(segments) > 1 else ""
        steps += [step._replace(name=part + step.name, begin=step.begin + begin) for step in found]
        begin += sum([step.nanoseconds for step in found])
        arena = max(arena, size)
        values.update(zip(segment.makes, segment.program(given), strict=True))
    return Report(name, tuple(steps), arena)
