"""Contests: the same work by us and by each peer, every one in a process of its own, timed in turns.

A case is a module of :mod:`benchmarks.contests` with a ``CONTEST``. ``python -m benchmarks.contest`` starts one worker
(:mod:`benchmarks.worker`) for each side, so that nobody shares threads, allocators or settings with another, and asks
them in turn: a busy machine slows all of them alike, and what counts is the ratio within a round.
"""

import argparse
import importlib
import json
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import contests, machine
from benchmarks.measure import SLICE, Spread, ratios

OURS = "geartrain"
FLOOR = "numpy"
"""The forward pass alone, in NumPy: no peer, but the floor under all of them."""

Side = Callable[..., Callable[[], Any]]
"""Takes what the variant gives and makes the run: a call returns when the work is done, with arrays to compare."""


@dataclass(frozen=True)
class Contest:
    """A case: who takes part, on which variants, and what our time over the best peer's must and should be.

    ``firsts``: the same two limits for the time of the first call, compilation included, where it is judged, too.
    """

    title: str
    variants: Mapping[str, tuple[Any, ...]]
    sides: Mapping[str, Side]
    must: float
    target: float
    firsts: tuple[float, float] | None = None
    tolerance: float = 1e-6
    memory: bool = False


class Answer(NamedTuple):
    """What a worker says when it is ready: seconds of the first call, a digest of the result, bytes at the peak."""

    first: float
    digest: list[list[float]]
    peak: int


class Worker:
    """One side in a process of its own."""

    def __init__(self, case: str, variant: str, side: str) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", case, variant, side]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        got = self.process.stdout.readline()
        if not got:
            error = self.process.communicate()[1].strip().splitlines()
            raise RuntimeError(error[-1] if error else f"the worker ended with {self.process.returncode}")
        return got

    def ready(self) -> Answer:
        return Answer(**json.loads(self.line()))

    def seconds(self, calls: int) -> float:
        """The mean of so many calls."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{calls}\n")
        self.process.stdin.flush()
        return float(self.line())

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def measured(case: str, contest: Contest, variant: str, sides: Sequence[str], rounds: int) -> dict[str, Any]:
    """The numbers of one variant: seconds of each side, round by round, and of its first call; bytes at its peak."""
    workers: dict[str, Worker] = {}
    answers: dict[str, Answer] = {}
    missing: dict[str, str] = {}
    try:
        for side in sides:
            worker = Worker(case, variant, side)
            try:
                answers[side] = worker.ready()
                workers[side] = worker
            except RuntimeError as error:
                missing[side] = str(error)
                worker.end()
        for side, answer in answers.items():
            if side != FLOOR and OURS in answers:
                _must_agree(side, answers[OURS].digest, answer.digest, contest.tolerance)
        calls = {side: _calls_in_a_slice(worker) for side, worker in workers.items()}
        seconds: dict[str, list[float]] = {side: [] for side in workers}
        names = list(workers)
        for turn in range(rounds):
            for side in names[turn % len(names) :] + names[: turn % len(names)]:
                seconds[side].append(workers[side].seconds(calls[side]))
    finally:
        for worker in workers.values():
            worker.end()
    return {
        "seconds": seconds,
        "first": {side: answer.first for side, answer in answers.items()},
        "peak": {side: answer.peak for side, answer in answers.items()},
        "missing": missing,
    }


def _calls_in_a_slice(worker: Worker) -> int:
    return max(1, round(SLICE / min(worker.seconds(1) for _ in range(3))))


def _must_agree(side: str, ours: list[list[float]], theirs: list[list[float]], tolerance: float) -> None:
    if len(ours) != len(theirs):
        raise ValueError(f"we give {len(ours)} arrays, {side} {len(theirs)}")
    for a, b in zip(ours, theirs, strict=True):
        scale = max(abs(a[1]), 1e-30)
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale, err_msg=f"we and {side} disagree")


def report(contest: Contest, found: dict[str, Any]) -> list[str]:
    """What a variant's numbers say, a line each."""
    seconds: dict[str, list[float]] = found["seconds"]
    lines = [
        f"  {side}: {_time(Spread.of(times).median)}, first {_time(found['first'][side])}"
        for side, times in seconds.items()
    ]
    lines += [f"  {side}: not measured ({why[:100]})" for side, why in found["missing"].items()]
    lines += [f"  {what}" for what in verdicts(contest, found)]
    return lines


def verdicts(contest: Contest, found: dict[str, Any]) -> list[str]:
    """Our time over the best peer's, over the forward pass, and the same of first calls and memory where judged."""
    seconds, firsts, peaks = found["seconds"], found["first"], found["peak"]
    peers = [side for side in seconds if side not in (OURS, FLOOR)]
    if OURS not in seconds or not peers:
        return []
    said: list[str] = []
    best = min(peers, key=lambda side: Spread.of(seconds[side]).median)
    value = ratios(seconds[OURS], seconds[best])
    said.append(f"{_ratio(value)} of {best}'s time (must {contest.must:g}, target {contest.target:g})")
    if FLOOR in seconds:
        said.append(f"{_ratio(ratios(seconds[OURS], seconds[FLOOR]))} of NumPy's forward pass (must 3, target 2.5)")
    if contest.firsts is not None:
        said += [f"first call {firsts[OURS] / firsts[side]:.2f} of {side}'s" for side in peers]
    if contest.memory:
        said += [f"peak memory {peaks[OURS] / peaks[side]:.2f} of {side}'s" for side in peers]
    return said


def _ratio(value: Spread) -> str:
    return f"{value.median:.2f} ({value.low:.2f} to {value.high:.2f})"


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def load(case: str) -> Contest:
    """The contest of a module of :mod:`benchmarks.contests`."""
    return importlib.import_module(f"benchmarks.contests.{case}").CONTEST


def cases() -> list[str]:
    """The names of all contests."""
    return [module.name for module in pkgutil.iter_modules(contests.__path__)]


def main() -> int:
    """Measure what was asked for; 1 if something failed, however slow we are otherwise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contest", description="Measure against each peer.")
    parser.add_argument("--only", action="append", choices=cases(), help="this case; may be given more than once")
    parser.add_argument("--variant", action="append", help="this variant of the case")
    parser.add_argument("--side", action="append", help="this side besides ours")
    parser.add_argument("--rounds", type=int, default=15, metavar="N", help="repetitions (default: 15)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="add the numbers to this file")
    arguments = parser.parse_args()
    failed = False
    kept: dict[str, Any] = {"format": "geartrain-contest/1", "machine": machine.describe([]), "cases": {}}
    if arguments.json and arguments.json.exists():
        kept = json.loads(arguments.json.read_text(encoding="utf-8"))
    for case in arguments.only or cases():
        contest = load(case)
        print(f"{case}: {contest.title}", flush=True)
        sides = [side for side in contest.sides if not arguments.side or side in (OURS, *arguments.side)]
        for variant in arguments.variant or contest.variants:
            print(f" {variant}", flush=True)
            try:
                found = measured(case, contest, variant, sides, arguments.rounds)
            except (RuntimeError, ValueError, AssertionError) as error:
                failed = True
                print(f"  failed: {' '.join(str(error).split())[:400]}", flush=True)
                continue
            print("\n".join(report(contest, found)), flush=True)
            kept["cases"].setdefault(case, {})[variant] = found
        if arguments.json:
            arguments.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
