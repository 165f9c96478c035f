"""The file ``geartrain-trace/1``: what one run showed, in columns. Everything that draws reads only this.

``trace.schema.json`` beside this file defines it; :func:`read` checks a file against that and against what columns must
have to do with each other. Numbers that JSON lacks are written ``"nan"``, ``"inf"``, ``"-inf"``.
"""

import gzip
import json
import math
from collections.abc import Callable, Hashable, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, cast

import numpy as np

from geartrain.errors import GeartrainError, SourceLine, teach
from geartrain.ir.aval import Array, aval_of
from geartrain.view import measures, scopes
from geartrain.view.labels import labels
from geartrain.view.near import near_misses
from geartrain.view.program import as_json, flat, program
from geartrain.view.record import Recording
from geartrain.view.schema import faults

__all__ = ["FORMAT", "TraceFileError", "check", "read", "to_trace", "write"]

FORMAT = "geartrain-trace/1"
WHOLE = 64
"""Arrays of up to this many elements are kept whole, as long as the budget lasts."""
BUDGET = 40_000
"""How many elements are kept whole in one file, values and cotangents together."""
BINS = 32
LOWEST_DECADE = -16
_DIGITS_AT_MOST = 4000

Trace = dict[str, Any]


class TraceFileError(GeartrainError, ValueError):
    """A file is not a trace, is damaged, or is of a newer version."""


class _Interned:
    """A column of things that repeat: each is stored once, and the column has its number."""

    def __init__(self) -> None:
        self.things: list[Any] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, key: Hashable, thing: Callable[[], Any]) -> int:
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.things)
            self.things.append(thing())
        return found


def to_trace(seen: Recording, *, source: bool = True) -> Trace:
    """The trace of a recording. ``source=False`` leaves out the text of the program's lines.

    >>> from geartrain.view.record import record
    >>> trace = to_trace(record(lambda x: (3 * x + 1) ** 2, 1.0))
    >>> trace["format"], trace["nodes"]["label"][-1], trace["bar"]["at"][0]
    ('geartrain-trace/1', '(3x + 1)²', 24)
    """
    ops, dtypes, shapes, lines = _Interned(), _Interned(), _Interned(), _Interned()
    bars = measures.bar_norms(seen)
    avals = [aval_of(v) for v in seen.values]
    groups, inside = scopes.fold(seen.scopes, _signs(seen), len(seen.inputs))
    operands = [edge for edges in seen.edges for edge in edges]
    twin, reason = program(seen)
    count = measures.work(seen)
    index = {node: i for i, node in enumerate(seen.nodes)}
    return {
        "format": FORMAT,
        "title": seen.title,
        "formula": seen.formula,
        "inputs": [{"name": name, "node": i} for name, i in seen.inputs],
        "outputs": list(seen.outputs),
        "nodes": {
            "op": [ops.number(node.op.name, lambda node=node: node.op.name) for node in seen.nodes],
            "arity": [len(node.inputs) for node in seen.nodes],
            "inputs": [index[x] for node in seen.nodes for x in node.inputs],
            "dtype": [dtypes.number(a.dtype, lambda a=a: str(a.dtype)) for a in avals],
            "shape": [shapes.number(a.shape, lambda a=a: list(a.shape)) for a in avals],
            "line": [-1 if x is None else lines.number(x, lambda x=x: _line(x, source)) for x in seen.lines],
            "group": inside,
            "label": labels(seen),
        },
        "ops": ops.things,
        "dtypes": dtypes.things,
        "shapes": shapes.things,
        "lines": lines.things,
        "groups": [
            {"name": g.name, "kind": g.kind, "parent": g.parent, "first": g.first, "last": g.last, "count": g.count}
            for g in groups
        ],
        "value": _statistics(seen.values),
        "bar": _statistics(seen.bars),
        "edges": {
            "gain": [_short(measures.gain(e, bars)) if e.live else None for e in operands],
            "rate": [None if e.rate is None else as_json(e.rate) for e in operands],
        },
        "kappa": [None if k is None else _short(k) for k in measures.kappas(seen)],
        "work": {
            "paths": _exact(count.paths),
            "naive": _exact(count.by_path),
            "forward": _exact(count.forward),
            "backward": _exact(count.backprop),
            "sweeps": count.inputs,
        },
        "near": near_misses(seen),
        "program": twin,
        "program_missing": reason,
    }


def _signs(seen: Recording) -> list[Hashable]:
    """What each node does, for the folding of loops: its op and line; no two inputs do the same."""
    starts = {i for _, i in seen.inputs}
    return [
        i if i in starts else (node.op.name, None if line is None else line[:2])
        for i, (node, line) in enumerate(zip(seen.nodes, seen.lines, strict=True))
    ]


def _line(line: SourceLine, source: bool) -> dict[str, Any]:
    name = Path(line.file).name
    return {"file": name, "line": line.line, "function": line.function, "text": line.text if source else ""}


def _exact(n: int) -> str:
    """An exact integer as text: decimal, or hexadecimal (``0x...``) where that would be thousands of digits."""
    return str(n) if n.bit_length() < 3.32 * _DIGITS_AT_MOST else hex(n)


def _short(x: float) -> Any:
    """Six significant digits: a statistic, not a value to compute with."""
    return as_json(float(f"{x:.6g}")) if math.isfinite(x) else as_json(x)


def _statistics(arrays: Sequence[Array | None]) -> dict[str, Any]:
    """Single numbers in full under ``at`` (complex ones as a pair); for arrays a row of statistics each."""
    at: list[Any] = []
    rows: dict[str, list[Any]] = {
        name: [] for name in ("node", "rms", "min", "max", "zeros", "nan", "inf", "dead", "hist")
    }
    whole: dict[str, Any] = {}
    room = BUDGET
    for i, x in enumerate(arrays):
        if x is None or np.size(x) == 0:
            at.append(None)
        elif np.size(x) == 1:
            one = np.asarray(x).item()
            at.append([as_json(one.real), as_json(one.imag)] if isinstance(one, complex) else as_json(float(one)))
        else:
            at.append(None)
            array = np.asarray(x)
            _row(rows, i, array)
            if array.size <= WHOLE and room >= array.size and array.dtype.kind != "c":
                room -= array.size
                whole[str(i)] = flat(array)
    return {"at": at, "arrays": rows, "whole": whole}


def _row(rows: dict[str, list[Any]], i: int, array: Any) -> None:
    size: Any = np.abs(array) if array.dtype.kind == "c" else array.astype(float)
    finite: Any = np.isfinite(size)
    inside: Any = size[finite]
    largest = float(np.max(np.abs(inside), initial=0.0))
    rms = largest * math.sqrt(_mean(np.square(inside / largest))) if largest else 0.0
    rows["node"].append(i)
    rows["rms"].append(_short(rms))
    rows["min"].append(_short(float(np.min(inside))) if inside.size else None)
    rows["max"].append(_short(float(np.max(inside))) if inside.size else None)
    rows["zeros"].append(_short(_mean(size == 0)))
    rows["nan"].append(int(np.count_nonzero(np.isnan(size))))
    rows["inf"].append(int(np.count_nonzero(np.isinf(size))))
    rows["dead"].append(
        int(np.count_nonzero(np.all(size == 0, axis=tuple(range(size.ndim - 1))))) if size.ndim > 1 else 0
    )
    rows["hist"].append(_decades(np.abs(inside[inside != 0])))


def _mean(x: Any) -> float:
    return float(x.mean())


def _decades(sizes: Any) -> list[int]:
    """How many of ``sizes`` are in each decade from 1e-16 to 1e16 (the first and the last are open), zeros left out."""
    decade = np.clip(np.floor(np.log10(sizes)).astype(int) - LOWEST_DECADE, 0, BINS - 1)
    return [int(n) for n in np.bincount(decade, minlength=BINS)]


def write(trace: Trace, path: str | Path) -> None:
    """Write a trace; a name that ends in ``.gz`` is compressed."""
    text = json.dumps(trace, separators=(",", ":"), allow_nan=False).encode()
    Path(path).write_bytes(gzip.compress(text, mtime=0) if str(path).endswith(".gz") else text)


def read(path: str | Path) -> Trace:
    """Read and check a trace.

    Raises:
        TraceFileError: it is not one; the text says what is wrong, and where.
    """
    data = Path(path).read_bytes()
    try:
        loaded = json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    except (ValueError, EOFError, OSError) as error:
        raise TraceFileError(teach("trace", f"{Path(path).name} is not JSON: {error}.")) from error
    check(loaded)
    return loaded


@cache
def _schema() -> dict[str, Any]:
    return json.loads(resources.files("geartrain.view").joinpath("trace.schema.json").read_text(encoding="utf-8"))


def check(trace: Any) -> None:
    """Raise :class:`TraceFileError` unless ``trace`` is a whole ``geartrain-trace/1``.

    >>> check({"format": "geartrain-trace/2"})
    Traceback (most recent call last):
    ...
    geartrain.view.trace_file.TraceFileError: [trace] this trace is geartrain-trace/2, and this geartrain reads
    geartrain-trace/1.
    ...
    """
    version = cast(Trace, trace).get("format") if type(trace) is dict else None
    if isinstance(version, str) and version.startswith("geartrain-trace/") and version != FORMAT:
        what = f"this trace is {version[:60]}, and this geartrain reads {FORMAT}."
        raise TraceFileError(teach("trace", what, "Update geartrain."))
    problem = next(faults(trace, _schema()), None) or _disagreement(cast(Trace, trace))
    if problem:
        raise TraceFileError(teach("trace", f"this is not a whole {FORMAT}: {problem}.", "Write it again."))


def _disagreement(trace: Trace) -> str:
    """What columns must have to do with each other, and do not."""
    nodes, count = trace["nodes"], len(trace["nodes"]["op"])
    for name in ("arity", "dtype", "shape", "line", "group", "label"):
        if len(nodes[name]) != count:
            return f"nodes.{name} has {len(nodes[name])} entries for {count} nodes"
    for name, column in (("kappa", trace["kappa"]), ("value.at", trace["value"]["at"]), ("bar.at", trace["bar"]["at"])):
        if len(column) != count:
            return f"{name} has {len(column)} entries for {count} nodes"
    edges = sum(nodes["arity"])
    for name, column in (("nodes.inputs", nodes["inputs"]), *((f"edges.{k}", v) for k, v in trace["edges"].items())):
        if len(column) != edges:
            return f"{name} has {len(column)} entries for {edges} operands"
    for name, table in (
        ("op", "ops"),
        ("dtype", "dtypes"),
        ("shape", "shapes"),
        ("line", "lines"),
        ("group", "groups"),
    ):
        if any(not (-1 if name == "line" else 0) <= k < len(trace[table]) for k in nodes[name]):
            return f"nodes.{name} points outside of {table}"
    at = 0
    for i, arity in enumerate(nodes["arity"]):
        if any(not 0 <= u < i for u in nodes["inputs"][at : at + arity]):
            return f"node {i} takes an input that does not stand before it"
        at += arity
    if any(not 0 <= i < count for i in [*trace["outputs"], *(x["node"] for x in trace["inputs"])]):
        return "an input or output is not among the nodes"
    return ""
