"""What the lesson promises, measured on the run that has just ended."""

import time
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geartrain import tree
from geartrain.api import value_and_grad
from geartrain.jit import jit

LONG_ENOUGH = 1.5  # seconds for a measurement; at least three rounds
AGREES = 1e-4  # a wrong rule is off by far more; rounding, and a kink of ReLU within a nudge, by less


class Agreement(NamedTuple):
    """``checked`` parameters were compared; ``worst`` is the largest relative difference found."""

    checked: int
    worst: float


class Measured(NamedTuple):
    """The numbers of the report; a cost is in units of one forward pass, both as ``native`` code or as Python."""

    parameters: int
    agreement: Agreement
    minibatch: int
    cost_on_minibatch: float
    training_set: int
    cost_on_training_set: float
    native: bool

    def to_json(self) -> dict[str, Any]:
        """The numbers as a dictionary for JSON."""
        return {**self._asdict(), "agreement": self.agreement._asdict()}


def measure(
    loss: Callable[..., Any],
    params: Any,
    images: NDArray[Any],
    labels: NDArray[Any],
    batch_size: int,
    seed: int,
    native: bool = False,
) -> Measured:
    """All measurements of the report, for a model's ``loss(params, images, labels)`` and the training set."""
    small = slice(0, batch_size)
    return Measured(
        parameters=count(params),
        agreement=finite_differences(loss, params, images[small], labels[small], rng=np.random.default_rng([seed, 3])),
        minibatch=len(images[small]),
        cost_on_minibatch=gradient_cost(loss, params, images[small], labels[small], native=native),
        training_set=len(images),
        cost_on_training_set=gradient_cost(loss, params, images, labels, native=native),
        native=native,
    )


def count(params: Any) -> int:
    """The number of parameters in a tree.

    >>> count({"w": np.zeros((3, 4)), "b": np.zeros(4)})
    16
    """
    return sum(np.size(leaf) for leaf in tree.leaves(params))


def finite_differences(
    loss: Callable[..., Any], params: Any, *data: Any, rng: np.random.Generator, samples: int = 30
) -> Agreement:
    """Compare backpropagation with central differences on ``samples`` parameters picked by ``rng``, all in float64.

    The difference is relative to the larger of the two derivatives, or to a thousandth of the largest derivative of all
    where both are smaller: below that, the rounding of the loss is most of a finite difference.
    """

    def as_float64(x: Any) -> NDArray[Any]:
        return np.array(x, dtype=np.float64, order="C") if np.asarray(x).dtype.kind == "f" else x

    exact = tree.map(as_float64, params)
    data = tuple(as_float64(x) for x in data)
    exact_bar = value_and_grad(loss)(exact, *data)[1]
    derivatives: Any = np.concatenate([np.ravel(leaf) for leaf in tree.leaves(exact_bar)])
    leaves = [leaf.reshape(-1) for leaf in tree.leaves(exact)]  # views: a nudge here is a nudge in ``exact``
    floor = 1e-3 * float(np.abs(derivatives).max(initial=0))
    sizes: list[int] = [leaf.size for leaf in leaves]
    ends_at = list(accumulate(sizes))
    worst = 0.0
    picked = rng.choice(sum(sizes), size=min(samples, sum(sizes)), replace=False)
    for flat in map(int, picked):
        which = bisect_right(ends_at, flat)
        index = flat - ends_at[which] + sizes[which]
        leaf, derivative = leaves[which], float(derivatives[flat])
        value = float(leaf[index])
        nudge = float(np.cbrt(np.finfo(np.float64).eps)) * max(1.0, abs(value))  # balances rounding and curvature
        ends: list[float] = []
        for moved in (value + nudge, value - nudge):
            leaf[index] = moved
            ends.append(float(loss(exact, *data)))
        leaf[index] = value
        difference = (ends[0] - ends[1]) / (2 * nudge)
        scale = max(abs(derivative), abs(difference), floor)
        worst = max(worst, float(abs(derivative - difference) / scale) if scale else 0.0)
    return Agreement(len(picked), worst)


def gradient_cost(loss: Callable[..., Any], params: Any, *data: Any, repeats: int = 25, native: bool = False) -> float:
    """The time of one loss with its gradient over the time of the loss alone: the median of interleaved timings.

    ``native``: both compiled, as the steps of a training; else both are Python, where a small array costs as much as
    the Python around it.
    """
    loss_and_gradient = value_and_grad(loss)
    if native:
        loss, loss_and_gradient = jit(loss), jit(loss_and_gradient)
        for f in (loss, loss_and_gradient) * 2:  # the first call records and compiles
            f(params, *data)
    forward: list[float] = []
    both: list[float] = []
    began = time.perf_counter()
    while len(both) < repeats and (len(both) < 3 or time.perf_counter() - began < LONG_ENOUGH):
        for f, seconds in ((loss, forward), (loss_and_gradient, both)):
            start = time.perf_counter()
            f(params, *data)
            seconds.append(time.perf_counter() - start)
    return float(np.median(both) / np.median(forward))


def epochs_text(epochs: int) -> str:
    """How many epochs, in words.

    >>> epochs_text(1), epochs_text(20)
    ('1 epoch', '20 epochs')
    """
    return f"{epochs:,} epoch{'s' if epochs != 1 else ''}"


COSTS = {True: "As native code, the loss with its gradient costs", False: "As Python, the loss with its gradient costs"}


def sentences(measured: Measured, *, right: int, shown: int, epochs: int, seconds: float) -> list[str]:
    """The report as plain sentences, one an entry."""
    big, small = measured.cost_on_training_set, measured.cost_on_minibatch
    accuracy = (
        f"{right} of {shown} digits that the network never saw are read correctly ({right / shown:.2%}), "
        f"after {epochs_text(epochs)} in {seconds:.1f} s."
    )
    parameters = (
        f"The network has {measured.parameters:,} parameters; "
        "one sweep backwards gives the derivative of the loss with respect to each."
    )
    cost = (
        f"{COSTS[measured.native]} {big:.1f} forward passes on all {measured.training_set:,} training digits "
        f"and {small:.1f} on a minibatch of {measured.minibatch}; "
        f"finite differences would cost {2 * measured.parameters:,}."
    )
    return [accuracy, parameters, agreement_sentence(measured.agreement), cost]


def agreement_sentence(agreement: Agreement) -> str:
    """Whether backpropagation and finite differences agree, as a sentence.

    >>> agreement_sentence(Agreement(30, 4e-8))[:64]
    'On 30 parameters picked at random, backpropagation and finite di'
    """
    verdict = "agree" if agreement.worst < AGREES else "DO NOT AGREE"
    return (
        f"On {agreement.checked} parameters picked at random, backpropagation and finite differences {verdict}: "
        f"the largest relative difference is {agreement.worst:.1e}."
    )
