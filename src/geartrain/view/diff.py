"""What differs between two runs: the same operations, and how far their values, rates and cotangents are apart."""

import math
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from geartrain.view import document
from geartrain.view.labels import number
from geartrain.view.still_diff import still_diff_svg

__all__ = ["Diff", "Difference", "diff"]

Trace = dict[str, Any]
SHOWN = 20
FORMAT = "geartrain-diff/1"


@dataclass(frozen=True, slots=True)
class Difference:
    """One operation in both runs: sizes (root mean squares) of its value and of its cotangent, before and after.

    ``rate`` is the local rate (for arrays the gain) of the operand in which the two runs differ most, ``None`` for an
    input. ``before`` and ``after`` are the numbers of its node in the two traces.
    """

    name: str
    line: str
    value: tuple[float, float]
    bar: tuple[float, float]
    rate: tuple[float, float] | None
    before: int
    after: int

    def row(self) -> str:
        value, rate, bar = (
            "" if pair is None else f"{number(pair[0])} -> {number(pair[1])}"
            for pair in (self.value, self.rate, self.bar)
        )
        return f"  {self.name:<26} value {value:<20} rate {rate:<20} cotangent {bar:<20} {self.line}".rstrip()

    @property
    def decades(self) -> float:
        """How far the cotangents are apart, in powers of ten; values where the cotangents are equal."""
        return max(_decades(*self.bar), _decades(*self.value))


@dataclass(frozen=True, slots=True)
class Diff:
    """The operations that both runs have and that differ, the largest difference first; and what one has alone.

    Print it, let a notebook show it, or :meth:`save` it as a page with both pictures.
    """

    differences: tuple[Difference, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    same: int
    traces: tuple[Trace, Trace] = field(repr=False)

    def __repr__(self) -> str:
        lines = [f"{_count(self.same, 'operation is', 'operations are')} the same, {len(self.differences)} differ"]
        lines += [d.row() for d in self.differences[:SHOWN]]
        if len(self.differences) > SHOWN:
            lines.append(f"  and {len(self.differences) - SHOWN} more, with smaller differences")
        for names, which in ((self.only_before, "before"), (self.only_after, "after")):
            if names:
                shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
                lines.append(f"  only {which}: {len(names)} ({shown})")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return document.notebook_html(self._data(), self._still())

    def html(self) -> str:
        """The page as text: one file that needs nothing else."""
        before, after = (t["formula"] or t["title"] for t in self.traces)
        return document.page_html(self._data(), self._still(), f"{before} and {after}, compared")

    def save(self, path: str | Path) -> Path:
        """Write the page: one file, which any browser opens without a network. Returns the path."""
        Path(path).write_text(self.html(), encoding="utf-8")
        return Path(path)

    def _still(self) -> str:
        return document.still_html(still_diff_svg(self.differences[:SHOWN]), repr(self))

    def _data(self) -> dict[str, Any]:
        rows = [
            [d.before, d.after, d.name, d.line, *_json(d.value), *_json(d.bar), *_json(d.rate or (math.nan, math.nan))]
            for d in self.differences
        ]
        only = [list(self.only_before), list(self.only_after)]
        before, after = self.traces
        return {"format": FORMAT, "before": before, "after": after, "rows": rows, "only": only, "same": self.same}


def diff(before: Trace, after: Trace) -> Diff:
    """Match the operations of two traces, and compare them.

    An operation is matched with the one of the same op on the same line of the program, if the line came as often
    before; what is left then with what is left of the same op, in order. So a line that moved is the same line.

    >>> from geartrain.view.record import record
    >>> from geartrain.view.trace_file import to_trace
    >>> f = lambda x: (3 * x + 1) ** 2
    >>> print(diff(to_trace(record(f, 1.0)), to_trace(record(f, 2.0))))
    0 operations are the same, 4 differ
      (3x + 1)²                  value 16 -> 49             rate 8 -> 14              cotangent 1 -> 1 ...
    ...
    """
    pairs, alone_before, alone_after = _matched(before, after)
    differences: list[Difference] = []
    same = 0
    starts = [_starts(t) for t in (before, after)]
    for i, j in pairs:
        rate = _rates(before, starts[0], i, after, starts[1], j)
        value, bar = _pair("value", before, i, after, j), _pair("bar", before, i, after, j)
        made = Difference(_name(before, i), _line(before, i), value, bar, rate, i, j)
        if made.value[0] == made.value[1] and made.bar[0] == made.bar[1] and (rate is None or rate[0] == rate[1]):
            same += 1
        else:
            differences.append(made)
    differences.sort(key=lambda d: -d.decades)
    return Diff(
        tuple(differences),
        tuple(_name(before, i) for i in alone_before),
        tuple(_name(after, j) for j in alone_after),
        same,
        (before, after),
    )


def _matched(before: Trace, after: Trace) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    left, right = ([i for i in range(len(t["nodes"]["op"])) if _op(t, i) != "const"] for t in (before, after))
    pairs: list[tuple[int, int]] = []
    keys: tuple[Callable[[Trace, int], Hashable], ...] = (lambda t, i: (_op(t, i), _where(t, i)), _op)
    for key in keys:
        first, second = _nth(before, left, key), _nth(after, right, key)
        pairs += [(i, second[k]) for k, i in first.items() if k in second]
        left = [i for k, i in first.items() if k not in second]
        right = [j for k, j in second.items() if k not in first]
    return sorted(pairs), sorted(left), sorted(right)


def _nth(trace: Trace, nodes: Iterable[int], key: Callable[[Trace, int], Hashable]) -> dict[tuple[Hashable, int], int]:
    seen: dict[Hashable, int] = {}
    out: dict[tuple[Hashable, int], int] = {}
    for i in nodes:
        kind = key(trace, i)
        seen[kind] = seen.get(kind, 0) + 1
        out[kind, seen[kind]] = i
    return out


def _where(trace: Trace, i: int) -> Hashable:
    """The line as it reads, where the trace has its text; an input by its name."""
    k = trace["nodes"]["line"][i]
    if k < 0:
        return trace["nodes"]["label"][i]
    line = trace["lines"][k]
    return (line["function"], line["text"]) if line["text"] else (line["file"], line["line"])


def _op(trace: Trace, i: int) -> str:
    return trace["ops"][trace["nodes"]["op"][i]]


def _starts(trace: Trace) -> list[int]:
    out = [0]
    for arity in trace["nodes"]["arity"]:
        out.append(out[-1] + arity)
    return out


def _rates(
    before: Trace, starts: list[int], i: int, after: Trace, others: list[int], j: int
) -> tuple[float, float] | None:
    """The rates of the operand in which they differ most; of the first one that has any, if they agree."""
    found: list[tuple[float, float]] = []
    for e, f in zip(range(starts[i], starts[i + 1]), range(others[j], others[j + 1]), strict=False):
        if before["edges"]["gain"][e] is not None and after["edges"]["gain"][f] is not None:
            found.append((_rate(before, e), _rate(after, f)))
    return max(found, key=lambda pair: _decades(*pair), default=None)


def _rate(trace: Trace, e: int) -> float:
    rate = trace["edges"]["rate"][e]
    return float(trace["edges"]["gain"][e] if rate is None else rate)


def _pair(kind: str, before: Trace, i: int, after: Trace, j: int) -> tuple[float, float]:
    return _size(before[kind], i), _size(after[kind], j)


def _size(stats: dict[str, Any], i: int) -> float:
    at = stats["at"][i]
    if at is not None:
        return math.hypot(*map(float, cast(list[Any], at))) if type(at) is list else float(at)
    rows = stats["arrays"]
    return float(rows["rms"][rows["node"].index(i)]) if i in rows["node"] else 0.0


def _decades(a: float, b: float) -> float:
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 0.0
    if not (a and b and math.isfinite(a) and math.isfinite(b)):
        return math.inf
    return abs(math.log10(abs(a / b))) + (1.0 if a * b < 0 else 0.0)


def _json(pair: tuple[float, float]) -> list[Any]:
    return [x if math.isfinite(x) else str(x) for x in pair]


def _count(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def _name(trace: Trace, i: int) -> str:
    return trace["nodes"]["label"][i] or f"{_op(trace, i)} #{i}"


def _line(trace: Trace, i: int) -> str:
    k = trace["nodes"]["line"][i]
    return "" if k < 0 else f"{trace['lines'][k]['file']}:{trace['lines'][k]['line']}"
