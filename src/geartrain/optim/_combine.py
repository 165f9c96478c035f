"""Optimisers made of parts: transforms before the step, parts of the tree, several gradients to a step, averages."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from geartrain import tree
from geartrain.optim._counted import at_step, next_step
from geartrain.optim._moments import added, scaled, towards
from geartrain.optim._optimizer import Optimizer, Transform, check_at_least_zero, check_below_one

Mask = Callable[[Any], Any] | Any
"""A tree of booleans like the parameters, or a function that makes one of the parameters."""


def chain(*parts: Transform | Optimizer) -> Optimizer:
    """An optimiser that sends the gradient through transforms first: the last of ``parts`` is the optimiser.

    >>> init, update = chain(clip_by_norm(1.0), Optimizer(lambda p: (), lambda p_bar, s, p: (p - p_bar, s)))
    >>> update(np.array([30.0, 40.0]), init(np.zeros(2)), np.zeros(2))[0]
    array([-0.6, -0.8])
    """
    *transforms, last = parts
    wrong = [part for part in transforms if not isinstance(part, Transform)]
    if wrong or not isinstance(last, Optimizer):
        raise TypeError("[chain] expected transforms, and an optimiser as the last: chain(clip_by_norm(1.0), adam())")

    def init(params: Any) -> tuple[Any, ...]:
        return tuple([part.init(params) for part in parts])

    def update(params_bar: Any, state: tuple[Any, ...], params: Any) -> tuple[Any, tuple[Any, ...]]:
        states: list[Any] = []
        for part, memory in zip(parts, state, strict=True):  # the optimiser's step comes out as the last "gradient"
            params_bar, memory = part.update(params_bar, memory, params)
            states.append(memory)
        return params_bar, tuple(states)

    return Optimizer(init, update)


def norm(arrays: Any) -> Any:
    """The root of the sum of the squares of all numbers in a tree, computed in float64.

    >>> norm({"a": np.array([3.0]), "b": np.array([[4.0]])})
    np.float64(5.0)
    """
    flat = [np.ravel(leaf) for leaf in tree.leaves(arrays)]
    return np.sqrt(sum([np.dot(x, x).astype(np.float64) for x in flat]) + np.zeros(()))


def clip_by_norm(largest: float) -> Transform:
    """Scale the whole gradient down to the norm ``largest`` where it is above it (Pascanu, Mikolov, Bengio, ICML 2013).

    >>> clip_by_norm(1.0).update([np.array([3.0]), np.array([4.0])], (), None)[0]
    [array([0.6]), array([0.8])]
    """
    check_at_least_zero("clip_by_norm", largest=largest)

    def update(params_bar: Any, state: Any, params: Any) -> tuple[Any, Any]:
        del params
        scale = np.minimum(1.0, largest / np.maximum(norm(params_bar), 1e-300))

        def scaled_down(p_bar: Any) -> Any:
            return p_bar * scale.astype(p_bar.dtype)

        return tree.map(scaled_down, params_bar), state

    return Transform(_nothing, update)


def clip_by_value(largest: float) -> Transform:
    """Cut every number of the gradient off at ``-largest`` and ``largest``.

    >>> clip_by_value(1.0).update(np.array([3.0, -0.5]), (), None)[0]
    array([ 1. , -0.5])
    """
    check_at_least_zero("clip_by_value", largest=largest)

    def update(params_bar: Any, state: Any, params: Any) -> tuple[Any, Any]:
        del params

        def cut_off(p_bar: Any) -> Any:
            return np.clip(p_bar, -largest, largest)

        return tree.map(cut_off, params_bar), state

    return Transform(_nothing, update)


def decay_weights(amount: float, mask: Mask = None) -> Transform:
    """Add ``amount * params`` to the gradient, that of ``amount / 2`` times the sum of squares (an L2 penalty).

    ``mask`` says which leaves decay; by default all do, and ``matrices`` is what is usual. For Adam, ``adamw`` decays
    the weights apart from the gradient, which is mostly better.

    >>> decay_weights(0.1).update(np.array([1.0]), (), np.array([5.0]))[0]
    array([1.5])
    """
    check_at_least_zero("decay_weights", amount=amount)

    def update(params_bar: Any, state: Any, params: Any) -> tuple[Any, Any]:
        def decayed(p_bar: Any, p: Any, chosen: Any) -> Any:
            return p_bar + amount * p if chosen else p_bar

        return tree.map(decayed, params_bar, params, mask_of(mask, params)), state

    return Transform(_nothing, update)


def mask_of(mask: Mask, params: Any) -> Any:
    """The tree of booleans that ``mask`` says."""

    def every(leaf: Any) -> bool:
        del leaf
        return True

    if mask is None:
        return tree.map(every, params)
    return mask(params) if callable(mask) else mask


def matrices(params: Any) -> Any:
    """A mask: True for leaves with two axes and more (weights), False for the rest (biases, scales).

    >>> matrices({"weights": np.ones((2, 3)), "bias": np.ones(3)})
    {'weights': True, 'bias': False}
    """

    def is_matrix(leaf: Any) -> bool:
        return np.ndim(leaf) >= 2

    return tree.map(is_matrix, params)


def partition(optimizers: Mapping[str, Optimizer], label: Callable[[str, Any], str]) -> Optimizer:
    """A different optimiser for different leaves: ``label(path, leaf)`` names the one that a leaf goes to.

    ``path`` is the leaf's place, such as ``layers[0].weights``. A leaf whose label is ``"frozen"`` stays as it is.

    >>> still = Optimizer(lambda p: (), lambda p_bar, s, p: ([x - y for x, y in zip(p, p_bar)], s))
    >>> init, update = partition({"step": still}, lambda path, leaf: "step" if path == "w" else "frozen")
    >>> params = {"w": np.array(1.0), "b": np.array(1.0)}
    >>> update(params, init(params), params)[0]
    {'w': np.float64(0.0), 'b': array(1.)}
    """

    def places(params: Any) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {name: [] for name in optimizers}
        for i, (path, leaf) in enumerate(tree.paths(params)):
            name = label(path, leaf)
            if name != "frozen":
                if name not in found:
                    raise ValueError(f"[partition] {path} goes to {name!r}; there are {', '.join(optimizers)}, frozen")
                found[name].append(i)
        return found

    def init(params: Any) -> dict[str, Any]:
        leaves = tree.leaves(params)
        return {name: optimizers[name].init([leaves[i] for i in where]) for name, where in places(params).items()}

    def update(params_bar: Any, state: dict[str, Any], params: Any) -> tuple[Any, dict[str, Any]]:
        bars = tree.leaves(params_bar)
        leaves, treedef = tree.flatten(params)
        states: dict[str, Any] = {}
        for name, where in places(params).items():
            bars_here, here = [bars[i] for i in where], [leaves[i] for i in where]
            moved, states[name] = optimizers[name].update(bars_here, state[name], here)
            for i, leaf in zip(where, moved, strict=True):
                leaves[i] = leaf
        return tree.unflatten(treedef, leaves), states

    return Optimizer(init, update)


class AccumulatedState(NamedTuple):
    """The memory of ``accumulate``: ``count`` gradients in the sum ``total``, and the optimiser's own ``inner``."""

    count: Any
    total: Any
    inner: Any


def accumulate(optimizer: Optimizer, every: int) -> Optimizer:
    """Take a step with the mean of every ``every`` gradients; in between the parameters stay.

    This is a minibatch ``every`` times as large, where that would not fit in memory.

    >>> inner = Optimizer(lambda p: (), lambda p_bar, s, p: (p - p_bar, s))
    >>> init, update = accumulate(inner, 2)
    >>> x, state = np.array(0.0), init(np.array(0.0))
    >>> for x_bar in (1.0, 3.0):
    ...     x, state = update(np.array(x_bar), state, x)
    >>> x
    np.float64(-2.0)
    """
    if every < 1:
        raise ValueError(f"[accumulate] every must be a whole number of at least 1, got {every}")

    def init(params: Any) -> AccumulatedState:
        return AccumulatedState(np.array(0), tree.map(np.zeros_like, params), optimizer.init(params))

    def update(params_bar: Any, state: AccumulatedState, params: Any) -> tuple[Any, AccumulatedState]:
        count = next_step(state.count)
        total = added(state.total, params_bar)
        if count < every:
            return params, AccumulatedState(count, total, state.inner)
        params, inner = optimizer.update(scaled(1 / every, total), state.inner, params)
        return params, AccumulatedState(np.array(0), tree.map(np.zeros_like, total), inner)

    return Optimizer(init, update)


class AveragedState(NamedTuple):
    """The memory of ``averaged``: the steps taken, the ``average`` of the parameters, the optimiser's own ``inner``."""

    step: Any
    average: Any
    inner: Any


def averaged(optimizer: Optimizer, keep: float = 0.999) -> Optimizer:
    """An optimiser that also keeps a moving average of the parameters, in ``state.average``.

        average <- k * average + (1 - k) * params       with k = min(keep, (1 + step) / (10 + step))

    The average often answers better than the last parameters. ``k`` grows so that the first values are soon forgotten
    (as TensorFlow's ExponentialMovingAverage does with num_updates).

    >>> inner = Optimizer(lambda p: (), lambda p_bar, s, p: (p - p_bar, s))
    >>> init, update = averaged(inner)
    >>> params, state = update(np.array(1.0), init(np.array(0.0)), np.array(0.0))
    >>> params, state.average.round(3)
    (np.float64(-1.0), np.float64(-0.818))
    """
    check_below_one("averaged", keep=keep)

    def init(params: Any) -> AveragedState:
        return AveragedState(np.array(0), tree.map(np.array, params), optimizer.init(params))

    def share(step: int) -> float:
        return min(keep, (2 + step) / (11 + step))

    def update(params_bar: Any, state: AveragedState, params: Any) -> tuple[Any, AveragedState]:
        k = at_step(share, state.step)
        params, inner = optimizer.update(params_bar, state.inner, params)
        average = towards(k, state.average, params)
        return params, AveragedState(next_step(state.step), average, inner)

    return Optimizer(init, update)


def _nothing(params: Any) -> tuple[()]:
    del params
    return ()
