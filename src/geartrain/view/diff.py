"""What differs between two runs: the same operations, and how far their values and cotangents are apart."""

import math
from dataclasses import dataclass
from typing import Any, cast

from geartrain.view.labels import number

__all__ = ["Diff", "Difference", "diff"]

Trace = dict[str, Any]
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """One operation in both runs: sizes (root mean squares) of its value and of its cotangent, before and after."""

    name: str
    line: str
    value: tuple[float, float]
    bar: tuple[float, float]

    def row(self) -> str:
        value, bar = ([number(x) for x in pair] for pair in (self.value, self.bar))
        return (
            f"  {self.name:<26} value {value[0]:>9} -> {value[1]:<9} cotangent {bar[0]:>9} -> {bar[1]:<9} {self.line}"
        )

    @property
    def decades(self) -> float:
        """How far the cotangents are apart, in powers of ten; values where the cotangents are equal."""
        return max(_decades(*self.bar), _decades(*self.value))


@dataclass(frozen=True, slots=True)
class Diff:
    """The operations that both runs have and that differ, the largest difference first; and what one has alone."""

    differences: tuple[Difference, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    same: int

    def __repr__(self) -> str:
        lines = [f"{self.same} operations are the same, {len(self.differences)} differ"]
        lines += [d.row() for d in self.differences[:SHOWN]]
        if len(self.differences) > SHOWN:
            lines.append(f"  and {len(self.differences) - SHOWN} more, with smaller differences")
        for names, which in ((self.only_before, "before"), (self.only_after, "after")):
            if names:
                shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
                lines.append(f"  only {which}: {len(names)} ({shown})")
        return "\n".join(lines)


def diff(before: Trace, after: Trace) -> Diff:
    """Match the operations of two traces by op, line and how often that has come before, and compare them.

    >>> from geartrain.view.record import record
    >>> from geartrain.view.trace_file import to_trace
    >>> f = lambda x: (3 * x + 1) ** 2
    >>> print(diff(to_trace(record(f, 1.0)), to_trace(record(f, 2.0))))
    0 operations are the same, 4 differ
      (3x + 1)²                  value        16 -> 49        cotangent         1 -> 1 ...
    ...
    """
    first, second = _keyed(before), _keyed(after)
    found: list[Difference] = []
    same = 0
    for key, i in first.items():
        j = second.get(key)
        if j is None:
            continue
        made = Difference(_name(before, i), _line(before, i), *_pairs(before, i, after, j))
        if made.value[0] == made.value[1] and made.bar[0] == made.bar[1]:
            same += 1
        else:
            found.append(made)
    found.sort(key=lambda d: -d.decades)
    return Diff(
        tuple(found),
        tuple(_name(before, i) for key, i in first.items() if key not in second),
        tuple(_name(after, j) for key, j in second.items() if key not in first),
        same,
    )


def _keyed(trace: Trace) -> dict[tuple[str, str, int], int]:
    seen: dict[tuple[str, str], int] = {}
    out: dict[tuple[str, str, int], int] = {}
    for i, op in enumerate(trace["nodes"]["op"]):
        name = trace["ops"][op]
        if name != "const":
            kind = (name, _line(trace, i))
            seen[kind] = seen.get(kind, 0) + 1
            out[(*kind, seen[kind])] = i
    return out


def _pairs(before: Trace, i: int, after: Trace, j: int) -> list[tuple[float, float]]:
    return [(_size(before[k], i), _size(after[k], j)) for k in ("value", "bar")]


def _size(stats: dict[str, Any], i: int) -> float:
    at = stats["at"][i]
    if at is not None:
        return math.hypot(*map(float, cast(list[Any], at))) if type(at) is list else float(at)
    rows = stats["arrays"]
    return float(rows["rms"][rows["node"].index(i)]) if i in rows["node"] else 0.0


def _decades(a: float, b: float) -> float:
    if a == b:
        return 0.0
    if not (a and b and math.isfinite(a) and math.isfinite(b)):
        return math.inf
    return abs(math.log10(abs(a / b))) + (1.0 if a * b < 0 else 0.0)


def _name(trace: Trace, i: int) -> str:
    return trace["nodes"]["label"][i] or f"{trace['ops'][trace['nodes']['op'][i]]} #{i}"


def _line(trace: Trace, i: int) -> str:
    k = trace["nodes"]["line"][i]
    return "" if k < 0 else f"{trace['lines'][k]['file']}:{trace['lines'][k]['line']}"
