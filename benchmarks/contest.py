"""Contests: the same work by us and by each peer, every one in a process of its own, timed in turns.

A case is a module of :mod:`benchmarks.contests` with a ``CONTEST``. Measuring starts one worker
(:mod:`benchmarks.worker`) for each side, so that nobody shares threads, allocators or settings with another, and asks
them in turn: a busy machine slows all of them alike, and what counts is the ratio within a round.
"""

import importlib
import json
import pkgutil
import select
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from benchmarks import contests
from benchmarks.measure import SLICE, Spread, ratios
from benchmarks.rows import Row

OURS = "geartrain"
FLOOR = "numpy"
"""The forward pass alone, in NumPy: no peer, but the floor under all of them."""

Side = Callable[..., Callable[[], Any]]
"""Takes what the variant gives and makes the run: a call returns when the work is done, with arrays to compare."""


class First(NamedTuple):
    """What the first call must and should take, compilation included: of ``over``'s first call, or in seconds."""

    must: float
    target: float
    over: str | None = None


@dataclass(frozen=True)
class Contest:
    """A case: who takes part, on which variants, and what our time over the best peer's must and should be.

    ``against``: the peer that the two limits are for, where it is not the best one. ``gradient``: the work is a value
    with its gradient (or a part of it), so that it may take three forward passes. ``starts``: of so many processes the
    first call is timed, which is the median.
    """

    title: str
    variants: Mapping[str, tuple[Any, ...]]
    sides: Mapping[str, Side]
    must: float
    target: float
    against: str | None = None
    first: First | None = None
    tolerance: float = 1e-6
    memory: bool = False
    gradient: bool = True
    starts: int = 1

    def judged(self, found: Mapping[str, Any]) -> str | None:
        """The peer that ours is judged by: the one that is named, or else the quickest; None if nobody was measured."""
        seconds = found["seconds"]
        peers = [side for side in seconds if side not in (OURS, FLOOR)]
        if self.against is not None or not peers:
            return self.against if self.against in peers else None
        return min(peers, key=lambda side: Spread.of(seconds[side]).median)


PATIENCE = 240.0
"""Seconds in which a first call has to end; whoever takes longer is not measured, and that is what is said of it."""


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

    def line(self, limit: float | None = None) -> str:
        """What the worker says next; TimeoutError if it says nothing in so many seconds."""
        assert self.process.stdout is not None
        if limit is not None and not select.select([self.process.stdout], [], [], limit)[0]:
            raise TimeoutError
        got = self.process.stdout.readline()
        if not got:
            error = self.process.communicate()[1].strip().splitlines()
            raise RuntimeError(error[-1] if error else f"the worker ended with {self.process.returncode}")
        return got

    def ready(self) -> Answer:
        return Answer(**json.loads(self.line(PATIENCE)))

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
    """The numbers of one variant: seconds of each side, round by round, and of its first call; bytes at its peak.

    A side whose first call did not end counts with the time that it had: ours over theirs is less than what is said.
    """
    workers: dict[str, Worker] = {}
    answers: dict[str, Answer] = {}
    missing: dict[str, str] = {}
    slow: list[str] = []
    firsts: dict[str, list[float]] = {side: [] for side in sides}
    try:
        for side in [*sides] * contest.starts:
            if side in missing:
                continue
            if side in workers:
                workers[side].end()
            workers[side] = Worker(case, variant, side)
            try:
                answers[side] = workers[side].ready()
                firsts[side].append(answers[side].first)
            except RuntimeError as error:
                missing[side] = str(error)
            except TimeoutError:
                missing[side] = f"its first call takes more than {PATIENCE:g} s"
                slow.append(side)
            if side in missing:
                workers.pop(side).end()
        if OURS not in answers:
            raise RuntimeError(f"ours did not run: {missing[OURS]}")
        for side, answer in answers.items():
            if side not in (OURS, FLOOR):
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
        "first": {side: statistics.median(firsts[side]) for side in answers} | dict.fromkeys(slow, PATIENCE),
        "peak": {side: answer.peak for side, answer in answers.items()},
        "missing": missing,
        "slow": slow,
    }


def _calls_in_a_slice(worker: Worker) -> int:
    return max(1, round(SLICE / min(worker.seconds(1) for _ in range(3))))


def _must_agree(side: str, ours: list[list[float]], theirs: list[list[float]], tolerance: float) -> None:
    if len(ours) != len(theirs):
        raise ValueError(f"we give {len(ours)} arrays, {side} {len(theirs)}")
    for a, b in zip(ours, theirs, strict=True):
        scale = max(abs(a[1]), 1e-30)
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale, err_msg=f"we and {side} disagree")


def rows(contest: Contest, variant: str, found: Mapping[str, Any]) -> list[Row]:
    """What a variant's numbers say: our time over each peer's and over the forward pass, first calls, memory."""
    seconds, firsts, peaks = found["seconds"], found["first"], found["peak"]
    alone = Spread.of(seconds[OURS])
    said = [Row(variant, Spread(*(1e6 * t for t in alone)), "µs", detail=f"first call {seconds_as_text(firsts[OURS])}")]
    judge = contest.judged(found)
    for side in [side for side in seconds if side != OURS]:
        value = ratios(seconds[OURS], seconds[side])
        there = f"{seconds_as_text(Spread.of(seconds[side]).median)} there, first {seconds_as_text(firsts[side])}"
        if side == FLOOR:
            limits = (3.0, 2.5) if contest.gradient else (None, None)
        else:
            limits = (contest.must, contest.target) if side == judge else (None, None)
        said.append(Row(f"ours / {side}", value, "×", *limits, detail=there))
    if contest.first is not None:
        must, target, over = contest.first
        if over is None:
            said.append(Row("first call", _exactly(firsts[OURS]), "s", must, target))
        elif over in firsts:
            said.append(Row(f"first call / {over}", _exactly(firsts[OURS] / firsts[over]), "×", must, target))
    if contest.memory:
        peers = [side for side in peaks if side not in (OURS, FLOOR)]
        said += [
            Row(f"peak memory / {side}", _exactly(peaks[OURS] / peaks[side]), "×", 1.0 if side == "jax" else None)
            for side in peers
        ]
    return said


def _exactly(value: float) -> Spread:
    return Spread(value, value, value)


def seconds_as_text(seconds: float) -> str:
    """Three digits and a unit.

    >>> seconds_as_text(0.0312)
    '31.2 ms'
    """
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def load(case: str) -> Contest:
    """The contest of a module of :mod:`benchmarks.contests`."""
    return importlib.import_module(f"benchmarks.contests.{case}").CONTEST


def names() -> list[str]:
    """The names of all contests."""
    return [module.name for module in pkgutil.iter_modules(contests.__path__)]
