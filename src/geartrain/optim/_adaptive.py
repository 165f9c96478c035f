"""Steps scaled by the size of earlier gradients, without a mean of them: RMSProp, Adagrad, Adafactor."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geartrain import tree
from geartrain.optim._counted import at_step, next_step
from geartrain.optim._moments import added, scaled, towards, towards_square
from geartrain.optim._optimizer import Optimizer, Rate, check_at_least_zero, check_below_one, rates


class RMSPropState(NamedTuple):
    """The memory of ``rmsprop``: ``step``, and trees ``square``, ``mean`` (if centred), ``velocity`` (if momentum)."""

    step: Any
    square: Any
    mean: Any
    velocity: Any


def rmsprop(
    learning_rate: Rate = 1e-2, keep: float = 0.99, eps: float = 1e-8, momentum: float = 0.0, centred: bool = False
) -> Optimizer:
    """Divide the gradient by the root of a running mean of its square: Tieleman and Hinton, 2012, lecture 6.5.

        square <- keep * square + (1 - keep) * params_bar ** 2
        params <- params - learning_rate * params_bar / (sqrt(square) + eps)

    ``centred`` takes the running variance instead of the square (Graves, 2013, equation 38); ``momentum`` adds up
    steps.

    >>> init, update = rmsprop(learning_rate=0.1, keep=0.75)
    >>> update(np.array([4.0]), init(np.array([1.0])), np.array([1.0]))[0]
    array([0.8])
    """
    rate_at = rates("rmsprop", learning_rate)
    check_at_least_zero("rmsprop", eps=eps)
    check_below_one("rmsprop", keep=keep, momentum=momentum)

    def init(params: Any) -> RMSPropState:
        zeros = tree.map(np.zeros_like, params)
        return RMSPropState(np.array(0), zeros, zeros if centred else None, zeros if momentum else None)

    def update(params_bar: Any, state: RMSPropState, params: Any) -> tuple[Any, RMSPropState]:
        rate = at_step(rate_at, state.step)
        square = towards_square(keep, state.square, params_bar)
        mean, velocity, scale = state.mean, state.velocity, square
        if centred:
            mean = towards(keep, mean, params_bar)
            scale = tree.map(_variance, square, mean)

        def step_of(p_bar: Any, s: Any) -> Any:
            return p_bar / (np.sqrt(s) + eps)

        step = tree.map(step_of, params_bar, scale)
        if momentum:
            velocity = step = added(scaled(momentum, velocity), step)
        moved = added(params, scaled(-rate, step))
        return moved, RMSPropState(next_step(state.step), square, mean, velocity)

    return Optimizer(init, update)


class AdagradState(NamedTuple):
    """The memory of ``adagrad``: ``step``, and ``square``, the sum of the squares of all gradients."""

    step: Any
    square: Any


def adagrad(learning_rate: Rate = 1e-2, eps: float = 1e-10) -> Optimizer:
    """Divide the gradient by the root of the sum of all its squares: Duchi, Hazan, Singer, JMLR 12, 2011, figure 1.

    >>> init, update = adagrad(learning_rate=0.1)
    >>> update(np.array([4.0]), init(np.array([1.0])), np.array([1.0]))[0]
    array([0.9])
    """
    rate_at = rates("adagrad", learning_rate)
    check_at_least_zero("adagrad", eps=eps)

    def init(params: Any) -> AdagradState:
        return AdagradState(np.array(0), tree.map(np.zeros_like, params))

    def update(params_bar: Any, state: AdagradState, params: Any) -> tuple[Any, AdagradState]:
        rate = at_step(rate_at, state.step)

        def next_square(s: Any, p_bar: Any) -> Any:
            return s + p_bar * p_bar

        def next_param(p: Any, p_bar: Any, s: Any) -> Any:
            return p - rate * p_bar / (np.sqrt(s) + eps)

        square = tree.map(next_square, state.square, params_bar)
        moved = tree.map(next_param, params, params_bar, square)
        return moved, AdagradState(next_step(state.step), square)

    return Optimizer(init, update)


class AdafactorState(NamedTuple):
    """The memory of ``adafactor``: ``step``, and for each leaf its running squares, by row and column or in full."""

    step: Any
    squares: Any


def adafactor(learning_rate: Rate = 1e-2, decay: float = 0.8, threshold: float = 1.0, eps: float = 1e-3) -> Optimizer:
    """Adam's scaling with a memory of rows and columns only: ``n + m`` numbers for a matrix of ``n * m``.

    The step of leaf ``p`` is ``learning_rate`` (at most ``1 / sqrt(t)``) times the root mean square of ``p`` (at least
    ``eps``); the scaled gradient is cut down where its root mean square is above ``threshold``; the squares are
    averaged with weight ``t ** -decay`` for the newest.

    Source: Shazeer and Stern, *Adafactor*, ICML 2018, algorithm 4 and section 8, as PyTorch has it.

    >>> init, update = adafactor()
    >>> params = np.ones((3, 4))
    >>> params, state = update(np.ones((3, 4)), init(params), params)
    >>> params[0, 0].round(3), [square.shape for square in state.squares[0]]
    (np.float64(0.99), [(3, 1), (1, 4)])
    """
    rate_at = rates("adafactor", learning_rate)
    check_at_least_zero("adafactor", decay=decay, threshold=threshold, eps=eps)

    def squares_of(p_bar: Any) -> tuple[Any, ...]:
        square = p_bar * p_bar
        if np.ndim(p_bar) < 2:
            return (square,)
        return np.mean(square, axis=-1, keepdims=True), np.mean(square, axis=-2, keepdims=True)

    def init(params: Any) -> AdafactorState:
        return AdafactorState(np.array(0), [squares_of(np.zeros_like(p)) for p in tree.leaves(params)])

    def scales(step: int) -> tuple[float, float]:
        t = step + 1
        return t**-decay, min(rate_at(step), t**-0.5)

    def update(params_bar: Any, state: AdafactorState, params: Any) -> tuple[Any, AdafactorState]:
        newest, rate = at_step(scales, state.step)
        moved: list[Any] = []
        memory: list[Any] = []
        leaves, treedef = tree.flatten(params)
        for p, p_bar, squares in zip(leaves, tree.leaves(params_bar), state.squares, strict=True):
            small = float(np.finfo(p.dtype).eps)
            pairs = zip(squares, squares_of(p_bar), strict=True)
            squares = tuple([old + newest * (new - old) for old, new in pairs])
            if len(squares) == 2:
                rows, columns = squares
                square = rows @ columns / np.maximum(np.mean(rows, axis=-2, keepdims=True), small)
            else:
                square = squares[0]
            step = p_bar / np.sqrt(np.maximum(square, small * small))
            too_long = np.maximum(1.0, _rms(step) / threshold)
            moved.append(p - (rate * np.maximum(eps, _rms(p)) / too_long).astype(p.dtype) * step)
            memory.append(squares)
        return tree.unflatten(treedef, moved), AdafactorState(next_step(state.step), memory)

    return Optimizer(init, update)


def _variance(square: Any, mean: Any) -> Any:
    return np.maximum(square - mean * mean, 0)


def _rms(x: NDArray[Any]) -> Any:
    return np.sqrt(np.mean(np.square(x)))
