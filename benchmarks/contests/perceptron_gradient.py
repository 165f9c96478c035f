"""The gradient of the perceptron of :mod:`benchmarks.contests.perceptron` alone: what it costs in forward passes."""

from benchmarks.contest import Contest
from benchmarks.contests.perceptron import arguments, loss
from benchmarks.sides import gradient_sides


def given(batch: int) -> tuple[object, ...]:
    params, _, _, _, x, targets = arguments((784, 512, 512, 10), batch)
    return params, x, targets


CONTEST = Contest(
    title="a perceptron 784-512-512-10, float32: value and gradient",
    variants={f"batch {batch}": given(batch) for batch in (32, 128, 512)},
    sides={name: side for name, side in gradient_sides(loss).items() if not name.startswith("torch")},
    must=0.9,
    target=0.6,
    tolerance=1e-3,
)
