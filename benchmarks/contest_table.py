"""``python -m benchmarks.contest_table numbers.json docs/benchmarks.md``: what contests measured, as a page."""

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.contest import FLOOR, OURS, Contest, load
from benchmarks.measure import Spread, ratios

HEAD = """# Measured against JAX and PyTorch

Made by `make contest ARGS="--json numbers.json"`, then `python -m benchmarks.contest_table numbers.json FILE`.
The same work by each, every one in a process of its own, timed in turns; "of the best peer" is our time over that of
the quickest peer in the same round: the median, and the quartiles in brackets. "Must" is what the project asks of
itself. Times are medians. First calls include recording and compiling; "memory" is the peak of our process over JAX's.

"""

COLUMNS = "| case | ours | best peer | of the best peer | must | over NumPy's forward pass | first call: ours, others |"


def page(kept: dict[str, Any]) -> str:
    """The page of what was kept as JSON."""
    facts = kept["machine"]
    text = [HEAD + f"{facts['processor']}, {facts['processors']} processors, NumPy {facts['numpy']}, {facts['blas']}."]
    if kept.get("note"):
        text.append(f"\n{kept['note']}")
    text += ["", COLUMNS, "|" + "---|" * (COLUMNS.count("|") - 1)]
    for case, variants in kept["cases"].items():
        contest = load(case)
        text += [_row(contest, case, variant, found) for variant, found in variants.items()]
    return "\n".join(text) + "\n"


def _row(contest: Contest, case: str, variant: str, found: dict[str, Any]) -> str:
    seconds, first = found["seconds"], found["first"]
    peers = [side for side in seconds if side not in (OURS, FLOOR)]
    ours = Spread.of(seconds[OURS]).median
    cells = [f"{case}, {variant}", _time(ours)]
    if not peers:
        return "| " + " | ".join([*cells, "", "", "", "", ""]) + " |"
    best = min(peers, key=lambda side: Spread.of(seconds[side]).median)
    ratio = ratios(seconds[OURS], seconds[best])
    met = "" if ratio.median <= contest.must else ", missed"
    forward = ratios(seconds[OURS], seconds[FLOOR]).median if FLOOR in seconds else None
    cells += [f"{best} {_time(Spread.of(seconds[best]).median)}"]
    cells += [f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})", f"{contest.must:g}{met}"]
    cells += ["" if forward is None else f"{forward:.2g}"]
    others = ", ".join([f"{side} {_time(first[side])}" for side in peers])
    memory = f"; memory {found['peak'][OURS] / found['peak']['jax']:.2f}" if contest.memory and "jax" in peers else ""
    cells += [f"{_time(first[OURS])}; {others}{memory}"]
    return "| " + " | ".join(cells) + " |"


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def main() -> None:
    """Arguments: the JSON file, the page."""
    source, target = map(Path, sys.argv[1:3])
    target.write_text(page(json.loads(source.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
