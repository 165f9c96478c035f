"""A training step of a small perceptron: what is around the arithmetic counts as much as the arithmetic."""

from benchmarks.contest import Contest
from benchmarks.contests.perceptron import SIDES, arguments

CONTEST = Contest(
    title="training step with Adam of a perceptron 64-128-128-10, batch of 32, float32",
    variants={"batch 32": arguments((64, 128, 128, 10), 32)},
    sides=SIDES,
    must=0.6,
    target=0.3,
    tolerance=1e-3,
)
