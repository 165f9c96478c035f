"""``python -m benchmarks``: measure, print a table, and write it down if asked.

Two kinds of cases: those of :mod:`benchmarks.cases` run in this process, beside whoever is installed; a contest of
:mod:`benchmarks.contests` gives each side a process of its own.
"""

import argparse
import json
import sys
import traceback
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks import contest, machine
from benchmarks.cases import CASES, TITLES
from benchmarks.peers import Peer, find
from benchmarks.rows import Row

FORMAT = "geartrain-benchmark/2"


def main() -> int:
    """Run the cases that were asked for; 1 if one of them failed, else 0 (however slow we are)."""
    arguments = _parser().parse_args()
    asked: list[str] = arguments.only or [*CASES, *contest.names()]
    console = Console(highlight=False)
    console.width = max(console.width, 132)
    peers, missing = find() if any(name in CASES for name in asked) else ([], [])
    kept = _kept(arguments.json)
    _head(console, kept["machine"], arguments.rounds, missing)
    failed: dict[str, str] = kept["failed"]
    for name in asked:
        title = TITLES[name] if name in CASES else contest.load(name).title
        console.print(f"\n[bold]{name}[/]: {escape(title)}", soft_wrap=True)
        failed.pop(name, None)
        try:
            with console.status("measuring"):
                rows = _measured(name, peers, arguments, kept["contests"])
        except Exception as error:  # the other cases still count
            failed[name] = f"{type(error).__name__}: {' '.join(str(error).split())}"
            console.print(f"[red]failed:[/] {escape(failed[name])}", soft_wrap=True)
            if arguments.traceback:
                traceback.print_exc()
        else:
            console.print(_table(rows))
            kept["cases"][name] = [{**row._asdict(), "value": row.value._asdict()} for row in rows]
        for variant, found in kept["contests"].get(name, {}).items():
            for side, why in found["missing"].items():
                console.print(
                    f"[yellow]{escape(f'{variant}: {side} is not measured ({why[:200]})')}[/]", soft_wrap=True
                )
        if arguments.json:
            arguments.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return 1 if any(name in failed for name in asked) else 0


def _kept(path: Path | None) -> dict[str, Any]:
    """What the file says already, to which this run adds; the machine is the one at hand."""
    kept: dict[str, Any] = {"format": FORMAT, "cases": {}, "contests": {}, "failed": {}}
    if path is not None and path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept.get("format") != FORMAT:
            raise SystemExit(f"{path} holds no numbers of this format ({FORMAT}): name another file")
    return {**kept, "machine": machine.describe()}


def _head(console: Console, facts: dict[str, Any], rounds: int, missing: list[str]) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    console.print(
        f"{facts['processor']}, {facts['processors']} processors; BLAS: {facts['blas']}\n"
        f"Python {facts['python']}, NumPy {facts['numpy']}, {versions}; {rounds} rounds: median (quartiles)",
        soft_wrap=True,
    )
    for line in missing:
        console.print(f"[yellow]{line}[/]")


def _measured(name: str, peers: list[Peer], arguments: argparse.Namespace, contests: dict[str, Any]) -> list[Row]:
    """The rows of a case; what a contest found, round by round, is kept under its name."""
    if name in CASES:
        return CASES[name](peers, arguments.rounds)
    case = contest.load(name)
    sides = [side for side in case.sides if not arguments.side or side in (contest.OURS, *arguments.side)]
    variants = [variant for variant in case.variants if not arguments.variant or variant in arguments.variant]
    if not variants:
        raise ValueError(f"has the variants {', '.join(map(repr, case.variants))}, of which none was asked for")
    rows: list[Row] = []
    for variant in variants:
        found = contest.measured(name, case, variant, sides, arguments.rounds)
        contests.setdefault(name, {})[variant] = found
        rows += contest.rows(case, variant, found)
    return rows


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure geartrain against its peers.")
    parser.add_argument(
        "--only", action="append", choices=[*CASES, *contest.names()], help="this case; may be repeated"
    )
    parser.add_argument("--rounds", type=int, default=31, metavar="N", help="repetitions (default: 31)")
    parser.add_argument("--side", action="append", help="of a contest: this side besides ours; may be repeated")
    parser.add_argument("--variant", action="append", help="of a contest: this variant; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="add the numbers to those in this file")
    parser.add_argument("--traceback", action="store_true", help="show where a case failed")
    return parser


def _table(rows: list[Row]) -> Table:
    table = Table.grid(padding=(0, 2))
    for width, justify in ((31, "left"), (11, "right"), (18, "left"), (14, "left"), (0, "left")):
        table.add_column(min_width=width, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for row in rows:
        unit, scale = ("ms", 1e-3) if row.unit == "µs" and row.value.median >= 1e4 else (row.unit, 1.0)
        low, high = scale * row.value.low, scale * row.value.high
        quartiles = f"({low:.3g} to {high:.3g})" if low < high else ""
        table.add_row(f"  {row.what}", _number(scale * row.value.median, unit), quartiles, _verdict(row), row.detail)
    return table


def _number(value: float, unit: str) -> str:
    digits = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{digits}{unit}" if unit == "×" else f"{digits} {unit}"


def _verdict(row: Row) -> str:
    if row.limit is None:
        return ""
    verdict = f"at most {row.limit:g}: " + ("[green]met[/]" if row.value.median <= row.limit else "[red]NOT MET[/]")
    return verdict if row.aim is None or row.value.median <= row.aim else f"{verdict} (aim {row.aim:g})"


if __name__ == "__main__":
    sys.exit(main())
