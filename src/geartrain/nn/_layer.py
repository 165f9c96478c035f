"""What a layer is: a pair of plain functions, and two ways to make one of several."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Rng = np.random.Generator


class Layer(NamedTuple):
    """A pair of pure functions; unpack it (``init, apply = dense(64, 128)``) or use its names.

    ``init(rng) -> params`` draws the parameters: a tree of arrays. ``apply(params, x) -> y`` is plain NumPy, so
    ``geartrain.grad`` differentiates it as it stands. A layer with ``random=True`` takes a generator as third argument,
    ``apply(params, x, rng)``; without one it does what it does after training.
    """

    init: Callable[[Rng], Any]
    apply: Callable[..., Any]
    random: bool = False


def sequential(*layers: Layer | Callable[[Any], Any]) -> Layer:
    """Layers one after the other; a plain function such as ``np.tanh`` is a layer without parameters.

    The parameters are a list with an entry for each layer (an empty tuple for a plain function).

    >>> from geartrain import nn
    >>> network = nn.sequential(nn.dense(64, 32), nn.relu, nn.dense(32, 10))
    >>> params = network.init(np.random.default_rng(0))
    >>> network.apply(params, np.ones((5, 64), np.float32)).shape
    (5, 10)
    """
    parts = [layer if isinstance(layer, Layer) else _plain(layer) for layer in layers]

    def init(rng: Rng) -> list[Any]:
        return [part.init(rng) for part in parts]

    def apply(params: list[Any], x: Any, rng: Rng | None = None) -> Any:
        for part, own in zip(parts, params, strict=True):
            x = part.apply(own, x, rng) if part.random else part.apply(own, x)
        return x

    return Layer(init, apply, random=any(part.random for part in parts))


def residual(*layers: Layer | Callable[[Any], Any]) -> Layer:
    """``x + f(x)``, where ``f`` is the layers one after the other; the last must give the shape of ``x``.

    Source: He, Zhang, Ren, Sun, *Deep Residual Learning for Image Recognition*, CVPR 2016, equation 1.

    >>> from geartrain import nn
    >>> residual(nn.relu).apply([()], np.array([-1.0, 2.0]))
    array([-1.,  4.])
    """
    init, inside, random = sequential(*layers)

    def apply(params: list[Any], x: Any, rng: Rng | None = None) -> Any:
        return x + inside(params, x, rng)

    return Layer(init, apply, random)


def _plain(function: Callable[[Any], Any]) -> Layer:
    def init(rng: Rng) -> tuple[()]:
        del rng
        return ()

    def apply(params: tuple[()], x: Any) -> Any:
        del params
        return function(x)

    return Layer(init, apply)
