"""Convolutions, channels last: a batch of images is ``(n, height, width, channels)``.

With the channels last a convolution is one matrix product: each place's patch is a row, each kernel a column.
"""

import math
from itertools import product
from typing import Any

import numpy as np

from geartrain.nn._initialisers import Initialiser, he
from geartrain.nn._layer import Layer, Rng

Sizes = int | tuple[int, ...]
Padding = int | tuple[int, ...] | str


def convolve(x: Any, kernel: Any, stride: Sizes = 1, padding: Padding = 0, dilation: Sizes = 1, groups: int = 1) -> Any:
    """Slide a kernel over the places of ``x`` and add up products: what this field calls convolution.

    Args:
        x: of shape ``(n, *space, inputs)``.
        kernel: of shape ``(*window, inputs // groups, outputs)``, with as many axes of window as ``x`` has of space.
        stride: the step from one place to the next, for each axis of space or for all.
        padding: zeros put around ``x``, on both ends of each axis; ``"same"`` puts as many as keep the number of places
            that the stride leaves (one more at the end where that is odd), ``"valid"`` none.
        dilation: the step from one element of the window to the next.
        groups: outputs and inputs are divided into so many groups, and each output sees its own group alone; with as
            many groups as inputs this is the depthwise convolution.

    Returns:
        An array of shape ``(n, *places, outputs)``.

    Raises:
        ValueError: shapes or settings that do not fit; the text has both.

    >>> convolve(np.arange(5.0).reshape(1, 5, 1), np.array([1.0, 0.0, -1.0]).reshape(3, 1, 1)).ravel()
    array([-2., -2., -2.])
    """
    window, outputs = kernel.shape[:-2], kernel.shape[-1]
    axes = len(window)
    if x.ndim != axes + 2 or x.shape[-1] != kernel.shape[-2] * groups or outputs % groups:
        raise ValueError(
            f"[convolve] an input of shape {x.shape} and a kernel of shape {kernel.shape} do not fit with {groups} "
            f"group(s): expected an input (n, {'..., ' if axes > 1 else 'length, '}{kernel.shape[-2] * groups}) with "
            f"{axes} axes of space, and outputs divisible by the groups"
        )
    strides, dilations = _each("stride", stride, axes), _each("dilation", dilation, axes)
    reach = [d * (w - 1) + 1 for w, d in zip(window, dilations, strict=True)]
    x = pad(x, padding, strides, reach)
    places = [(size - r) // s + 1 for size, r, s in zip(x.shape[1:-1], reach, strides, strict=True)]
    if min(places) < 1:
        raise ValueError(f"[convolve] a window that reaches over {tuple(reach)} does not fit in {x.shape[1:-1]} places")

    def corner(offset: tuple[int, ...]) -> Any:
        """What each place sees at one element of the window."""
        begins = [o * d for o, d in zip(offset, dilations, strict=True)]
        spans = [slice(b, b + (p - 1) * s + 1, s) for b, p, s in zip(begins, places, strides, strict=True)]
        return x[(slice(None), *spans)]

    offsets = list(product(*map(range, window)))
    if groups == 1:
        patches = corner(offsets[0]) if len(offsets) == 1 else np.concatenate([corner(o) for o in offsets], axis=-1)
        rows = patches.reshape(-1, patches.shape[-1])  # one large product is quicker than one for each row of places
        return (rows @ kernel.reshape(-1, outputs)).reshape(*patches.shape[:-1], outputs)
    if groups == x.shape[-1] == outputs:  # depthwise: no sums over channels, so no matrix product
        return sum(corner(o) * kernel[o][0] for o in offsets)
    n, own = x.shape[0], x.shape[-1] // groups
    patches = np.stack([corner(o).reshape(n, *places, groups, own) for o in offsets], axis=-2)
    rows = patches.reshape(n, *places, groups, 1, len(offsets) * own)
    columns = kernel.reshape(len(offsets) * own, groups, outputs // groups).transpose(1, 0, 2)
    return (rows @ columns).reshape(n, *places, outputs)


def pad(x: Any, padding: Padding, strides: tuple[int, ...], reach: list[int], value: float = 0.0) -> Any:
    """``x`` with ``value`` around its axes of space, as ``convolve`` says."""
    if padding == "valid" or padding == 0:
        return x
    if padding == "same":
        needed = [
            max((math.ceil(size / s) - 1) * s + r - size, 0)
            for size, s, r in zip(x.shape[1:-1], strides, reach, strict=True)
        ]
        around = [(total // 2, total - total // 2) for total in needed]
    elif isinstance(padding, str):
        raise ValueError(f"[convolve] padding must be a number, one for each axis, 'same' or 'valid', got {padding!r}")
    else:
        around = [(p, p) for p in _each("padding", padding, len(strides), lowest=0)]
    return np.pad(x, [(0, 0), *around, (0, 0)], constant_values=value)


def conv2d(
    inputs: int,
    outputs: int,
    window: Sizes = 3,
    stride: Sizes = 1,
    padding: Padding = "same",
    dilation: Sizes = 1,
    groups: int = 1,
    bias: bool = True,
    weights: Initialiser = he,
    dtype: Any = np.float32,
) -> Layer:
    """Two-dimensional convolution: ``(n, height, width, inputs) -> (n, places, places, outputs)``.

    The parameters are ``weights`` of shape ``(window, window, inputs // groups, outputs)`` and, with ``bias``, ``bias``
    of shape ``(outputs,)``; the rest as in ``convolve``.

    >>> layer = conv2d(1, 8, stride=2)
    >>> layer.apply(layer.init(np.random.default_rng(0)), np.ones((5, 28, 28, 1), np.float32)).shape
    (5, 14, 14, 8)
    """
    return _conv(2, inputs, outputs, window, stride, padding, dilation, groups, bias, weights, dtype)


def conv1d(
    inputs: int,
    outputs: int,
    window: int = 3,
    stride: int = 1,
    padding: Padding = "same",
    dilation: int = 1,
    groups: int = 1,
    bias: bool = True,
    weights: Initialiser = he,
    dtype: Any = np.float32,
) -> Layer:
    """One-dimensional convolution: ``(n, length, inputs) -> (n, places, outputs)``. The rest as ``conv2d``.

    >>> layer = conv1d(4, 8, window=5, padding=0)
    >>> layer.apply(layer.init(np.random.default_rng(0)), np.ones((2, 20, 4), np.float32)).shape
    (2, 16, 8)
    """
    return _conv(1, inputs, outputs, window, stride, padding, dilation, groups, bias, weights, dtype)


def _conv(
    axes: int,
    inputs: int,
    outputs: int,
    window: Sizes,
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
    groups: int,
    bias: bool,
    weights: Initialiser,
    dtype: Any,
) -> Layer:
    """The layer, for so many axes of space."""
    shape = (*_each("window", window, axes), inputs // groups, outputs)

    def init(rng: Rng) -> dict[str, Any]:
        params: dict[str, Any] = {"weights": weights(rng, shape, dtype)}
        return {**params, "bias": np.zeros(outputs, dtype)} if bias else params

    def apply(params: dict[str, Any], x: Any) -> Any:
        y = convolve(x, params["weights"], stride, padding, dilation, groups)
        return y + params["bias"] if bias else y

    return Layer(init, apply)


def _each(name: str, sizes: Sizes, axes: int, lowest: int = 1) -> tuple[int, ...]:
    """One size for each axis."""
    each = (sizes,) * axes if isinstance(sizes, int) else tuple(sizes)
    if len(each) != axes or min(each) < lowest:
        raise ValueError(f"[convolve] {name} must be {axes} whole number(s) of at least {lowest}, got {sizes}")
    return each
