"""``python -m benchmarks``: measure, print a table, and write it down if asked."""

import argparse
import json
import sys
import traceback
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks import machine
from benchmarks.cases import CASES, TITLES
from benchmarks.peers import find
from benchmarks.rows import Row


def main() -> int:
    """Run the cases that were asked for; 1 if one of them failed, else 0 (however slow we are)."""
    arguments = _parser().parse_args()
    console = Console(highlight=False)
    console.width = max(console.width, 110)
    peers, missing = find()
    facts = machine.describe(peers)
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    console.print(
        f"{facts['processor']}, {facts['processors']} processors; BLAS: {facts['blas']}\n"
        f"Python {facts['python']}, NumPy {facts['numpy']}, {versions}; "
        f"{arguments.rounds} rounds: median (quartiles)",
        soft_wrap=True,
    )
    for line in missing:
        console.print(f"[yellow]{line}[/]")
    measured: dict[str, list[Row]] = {}
    failed: dict[str, str] = {}
    for name in arguments.only or CASES:
        console.print(f"\n[bold]{name}[/]: {escape(TITLES[name])}", soft_wrap=True)
        with console.status("measuring"):
            try:
                measured[name] = CASES[name](peers, arguments.rounds)
            except Exception as error:  # the other cases still count
                failed[name] = f"{type(error).__name__}: {error}"
                if arguments.traceback:
                    traceback.print_exc()
        if name in failed:
            console.print(f"[red]failed:[/] {escape(failed[name])}", soft_wrap=True)
        else:
            console.print(_table(measured[name]))
    if arguments.json:
        _write(arguments.json, facts, measured, failed)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure geartrain against its peers.")
    parser.add_argument("--only", action="append", choices=CASES, help="this case; may be given more than once")
    parser.add_argument("--rounds", type=int, default=31, metavar="N", help="repetitions (default: 31)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    parser.add_argument("--traceback", action="store_true", help="show where a case failed")
    return parser


def _table(rows: list[Row]) -> Table:
    table = Table.grid(padding=(0, 2))
    for width, justify in ((31, "left"), (11, "right"), (18, "left"), (14, "left"), (0, "left")):
        table.add_column(min_width=width, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for row in rows:
        quartiles = f"({row.value.low:.3g} to {row.value.high:.3g})"
        table.add_row(f"  {row.what}", _number(row.value.median, row.unit), quartiles, _verdict(row), row.detail)
    return table


def _number(value: float, unit: str) -> str:
    if unit == "µs" and value >= 1e4:
        value, unit = value / 1e3, "ms"
    digits = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{digits}{unit}" if unit == "×" else f"{digits} {unit}"


def _verdict(row: Row) -> str:
    if row.limit is None:
        return ""
    verdict = f"at most {row.limit:g}: " + ("[green]met[/]" if row.value.median <= row.limit else "[red]NOT MET[/]")
    return verdict if row.aim is None or row.value.median <= row.aim else f"{verdict} (aim {row.aim:g})"


def _write(path: Path, facts: dict[str, Any], measured: dict[str, list[Row]], failed: dict[str, str]) -> None:
    rows = {
        name: [{**row._asdict(), "value": row.value._asdict()} for row in found] for name, found in measured.items()
    }
    content = {"format": "geartrain-benchmark/1", "machine": facts, "cases": rows, "failed": failed}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
