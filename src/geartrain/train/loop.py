"""The training loop: minibatches in random order, a gradient, a step of the optimiser, and again.

A step is a pure function of the state before it, so a run that stops and goes on from a saved state gives the same bits
as one that never stopped.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from geartrain import tree
from geartrain.api import value_and_grad
from geartrain.optim import Optimizer
from geartrain.train.errors import CheckpointError, NonFinite, UsageError
from geartrain.train.prefetch import prefetched
from geartrain.train.stepping import Noise, Step, Stepped
from geartrain.train.team import Team
from geartrain.view.nan import first_nonfinite

_NOISE = 4  # the stream of random numbers that the loss itself draws from, beside those of split, weights and order


class State(NamedTuple):
    """All that the next step depends on.

    ``rng`` is the state of the random generator at the start of the epoch under way, as NumPy gives it. ``epoch``
    counts whole epochs, ``batch`` the minibatches done of the one under way (0 between epochs), ``step`` all
    minibatches. ``loss_sum`` is the sum of the loss over the samples of this epoch so far; between epochs, of the one
    just ended.
    """

    params: Any
    optimizer: Any
    rng: dict[str, Any]
    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0


def steps(
    loss: Callable[..., Any],
    optimizer: Optimizer,
    state: State,
    *data: Any,
    batch_size: int,
    epochs: int,
    seed: int = 0,
    prefetch: int = 0,
    gradient: Callable[..., Any] = value_and_grad,
    taking: Step | None = None,
    look: Callable[..., None] | None = None,
    team: Team | None = None,
) -> Iterator[State]:
    """Train from ``state`` until ``epochs`` are whole, and yield the state after every step.

    ``loss(params, *minibatch)`` is a plain NumPy function that returns a number; ``data`` are arrays (or trees of them,
    or anything with a length that an array of indices picks from) with the samples along the first axis. Each epoch
    takes all of them in a new random order, ``batch_size`` at a time; the last minibatch is what is left. Stop the
    iteration anywhere: the state that was yielded last goes on from there.

    A loss that has a parameter ``rng`` is given a generator, a new one for each step, which ``seed`` and the number of
    the step decide. ``prefetch`` minibatches are picked ahead by a thread. ``gradient`` makes the function that
    returns the value and the gradient. ``taking`` takes the steps, perhaps compiled, or with a ``team`` of several
    processes; by default Python does. Each process of a team picks its share of every minibatch and draws its own
    noise. ``look(step, loss, params, moved)`` is called after each step, as ``Seeing.look`` says.

    Raises:
        NonFinite: a NaN or an infinity in the loss, its gradient, or the parameters after the step; the text says at
            which step, and what made it.
        UsageError: the arrays have different lengths, or none.
    """
    samples = samples_in(data)
    step = taking or Step(loss, optimizer, gradient, compiled=False)
    team = team or Team()
    stream = [team.rank] if team.size > 1 else []
    batches = batches_in(samples, batch_size)
    while state.epoch < epochs:
        rng = generator(state.rng)
        order = rng.permutation(samples)

        def picked(order: Any = order, first: int = state.batch) -> Iterator[tuple[Any, ...]]:
            for batch in range(first, batches):
                yield pick(data, team.part(order[batch * batch_size : (batch + 1) * batch_size]))

        for batch, minibatch in enumerate(prefetched(picked(), prefetch), start=state.batch):

            def noise(number: int = state.step) -> np.random.Generator:
                return np.random.default_rng([seed, _NOISE, number, *stream])

            with np.errstate(all="ignore"):  # what would be a warning is an error here, with the step and the op
                stepped = step(state.params, state.optimizer, minibatch, noise)
                trouble = ""
                if not stepped.finite:
                    trouble = team.most(_trouble(step, state.params, minibatch, noise, stepped))
            if trouble:
                place = f"step {state.step + 1:,} (epoch {state.epoch + 1}, minibatch {batch + 1} of {batches})"
                raise team.agreed(NonFinite(f"stopped at {place}: {trouble}"))
            if look is not None:
                look(state.step + 1, functools.partial(step.at, minibatch, noise), state.params, stepped.params)
            last = batch + 1 == batches
            size = min(batch_size, samples - batch * batch_size)
            state = State(
                stepped.params,
                stepped.optimizer,
                rng=dict(rng.bit_generator.state) if last else state.rng,
                epoch=state.epoch + last,
                batch=0 if last else batch + 1,
                step=state.step + 1,
                loss_sum=(state.loss_sum if batch else 0.0) + float(stepped.value) * size,
            )
            yield state


def samples_in(data: tuple[Any, ...], least: int = 1) -> int:
    """How many samples all parts of ``data`` have, at ``least`` so many.

    >>> samples_in((np.zeros((5, 2)), {"labels": np.zeros(5)}))
    5
    """
    lengths = [len(part) for part in tree.leaves(data)]
    if not lengths or set(lengths) != {lengths[0]} or lengths[0] < least:
        raise UsageError(f"the parts of the data must have one length, at least {least}, got {lengths}")
    return lengths[0]


def pick(data: tuple[Any, ...], chosen: Any) -> tuple[Any, ...]:
    """The samples with the numbers ``chosen``, of each part of ``data``.

    >>> pick((np.array([10, 20, 30]),), np.array([2, 0]))
    (array([30, 10]),)
    """

    def picked(part: Any) -> Any:
        return part[chosen]

    return tree.map(picked, data)


def _trouble(step: Step, params: Any, minibatch: tuple[Any, ...], noise: Noise, stepped: Stepped) -> str:
    """What is not finite after a step, and which op made it; "" if all is well."""
    loss, inputs, value, params_bar = step.loss(noise), (params, *minibatch), stepped.value, stepped.params_bar
    if params_bar is None:
        params_bar = value_and_grad(loss)(*inputs)[1]
    names = _not_finite(params_bar)
    if not np.isfinite(value) or names:
        is_finite = f"the loss is {float(value):.6g}, but its gradient is not finite in {names}"
        what = is_finite if np.isfinite(value) else f"the loss is {float(value)}"
        maker = first_nonfinite(loss, *inputs) if samples_in(minibatch, least=0) else ""
        return what + (f"; first made by {maker}" if maker else "")
    if names := _not_finite(stepped.params):
        return f"the optimiser's step made parameters that are not finite: {names}"
    return ""


def _not_finite(arrays: Any) -> str:
    # The sum of squares is finite if all numbers are, but for huge ones, which are looked at again.
    if all(np.isfinite(np.dot(flat := np.ravel(leaf), flat)) for leaf in tree.leaves(arrays)):
        return ""
    return ", ".join(name for name, leaf in tree.paths({"params": arrays}) if not np.isfinite(leaf).all())


def batches_in(samples: int, batch_size: int) -> int:
    """How many minibatches make an epoch, the last one perhaps smaller.

    >>> batches_in(100, 32)
    4
    """
    return -(-samples // batch_size)


def generator(state: dict[str, Any]) -> np.random.Generator:
    """A generator of NumPy's default kind in the given state.

    Raises:
        CheckpointError: ``state`` is not the state of such a generator.
    """
    rng = np.random.default_rng(0)
    try:
        rng.bit_generator.state = state  # type: ignore[assignment]
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise CheckpointError(f"the state of the random generator cannot be used: {error}") from error
    return rng
