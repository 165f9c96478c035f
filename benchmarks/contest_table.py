"""``python -m benchmarks.contest_table numbers.json docs/benchmarks.md``: what contests measured, as a page."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.contest import FLOOR, OURS, Contest, load, seconds_as_text
from benchmarks.measure import Spread, ratios

HEAD = """# Measured against the others

Made by `make bench ARGS="--json numbers.json"` (contests alone: `--only heat --only lstm ...`), then
`python -m benchmarks.contest_table numbers.json docs/benchmarks.md`. The same work by each, every one in a process of
its own, timed in turns. A number is our time over theirs in the same round, the median of the rounds, so that below 1
we are quicker; the one that a must is for has its quartiles, too. Plain NumPy code for us, and for each of them what
its users write: `lax.scan` in JAX, PyTorch's own layers, `torch.compile` of the function or of a step.

"""

SIDES = {
    "jax": "JAX jit",
    "jax.scan": "JAX scan",
    "jax.unrolled": "JAX unrolled",
    "torch": "PyTorch",
    "torch.compile": "torch.compile",
    "autograd": "HIPS autograd",
    FLOOR: "NumPy, forward only",
}
"""Columns, in this order."""

FIRSTS = {side: name for side, name in SIDES.items() if side not in ("autograd", FLOOR)}

Cells = list[str]


def page(kept: Mapping[str, Any]) -> str:
    """The page of what was kept as JSON."""
    facts = kept["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    text = [HEAD + f"{facts['processor']}, {facts['processors']} processors; {facts['blas']}."]
    text += [f"Python {facts['python']}, NumPy {facts['numpy']}, {versions}."]
    text += [f"\n{kept['note']}"] if kept.get("note") else []
    found = [
        (load(case), f"{case}, {variant}", one)
        for case, them in kept["contests"].items()
        for variant, one in them.items()
    ]
    text += ["\n## A call\n", *_table(["case", "ours", *SIDES.values(), "must", "met"], _calls(found))]
    text += ["\n## The first call, recording and compiling included\n"]
    text += _table(["case", "ours", *FIRSTS.values(), "must", "met"], _firsts(found))
    text += ["\n## The peak of memory, of the whole process\n"]
    text += _table(["case", "ours", *SIDES.values(), "must", "met"], _memory(found))
    return "\n".join(text) + "\n"


Found = list[tuple[Contest, str, Mapping[str, Any]]]


def _calls(found: Found) -> Iterator[Cells]:
    for contest, what, one in found:
        seconds = one["seconds"]
        judge = contest.judged(one)
        cells = [what, seconds_as_text(Spread.of(seconds[OURS]).median)]
        for side in SIDES:
            value = ratios(seconds[OURS], seconds[side]) if side in seconds else None
            cell = "" if value is None else _ratio(value.median)
            if value is not None and side == judge:
                cell += f" ({_ratio(value.low)} to {_ratio(value.high)})"
            cells.append(cell)
        if judge is None:
            yield [*cells, "", ""]
        else:
            met = ratios(seconds[OURS], seconds[judge]).median <= contest.must
            yield [*cells, f"{contest.must:g} of {SIDES[judge]}", _met(met)]


def _firsts(found: Found) -> Iterator[Cells]:
    for contest, what, one in found:
        firsts = one["first"]
        cells = [what, seconds_as_text(firsts[OURS])]
        cells += [_first(one, side) if side in firsts else "" for side in FIRSTS]
        if contest.first is None or (contest.first.over is not None and contest.first.over not in firsts):
            yield [*cells, "", ""]
            continue
        must, _, over = contest.first
        value = firsts[OURS] / (firsts[over] if over else 1.0)
        yield [*cells, f"{must:g} of {SIDES[over]}" if over else seconds_as_text(must), _met(value <= must)]


def _first(one: Mapping[str, Any], side: str) -> str:
    return f"{'below ' * (side in one['slow'])}{_ratio(one['first'][OURS] / one['first'][side])}"


def _memory(found: Found) -> Iterator[Cells]:
    for contest, what, one in found:
        if not contest.memory:
            continue
        peaks = one["peak"]
        cells = [what, f"{peaks[OURS] / 1e6:,.0f} MB"]
        cells += [_ratio(peaks[OURS] / peaks[side]) if side in peaks else "" for side in SIDES]
        yield [*cells, "1 of JAX jit", _met(peaks[OURS] <= peaks["jax"])] if "jax" in peaks else [*cells, "", ""]


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _met(met: bool) -> str:
    return "yes" if met else "**no**"


def _table(heads: Cells, rows: Iterator[Cells]) -> Iterator[str]:
    """A table without the columns in which no row has anything."""
    cells = list(rows)
    shown = [i for i in range(len(heads)) if any(row[i] for row in cells)]
    yield "| " + " | ".join(heads[i] for i in shown) + " |"
    yield "|" + "---|" * len(shown)
    for row in cells:
        yield "| " + " | ".join(row[i] for i in shown) + " |"


def main() -> None:
    """Arguments: the JSON file, the page."""
    source, target = map(Path, sys.argv[1:3])
    target.write_text(page(json.loads(source.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
