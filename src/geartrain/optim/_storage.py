"""Optimisers whose memory is stored in bfloat16 and worked with in float32."""

from collections.abc import Callable
from typing import Any

import numpy as np

from geartrain import tree
from geartrain.ir.aval import Array
from geartrain.ir.op import Constant
from geartrain.optim._optimizer import Optimizer

FIRST_MOMENTS = {"mean", "velocity"}


def rounded(x: Array) -> Array:
    """float32 as bfloat16: its upper 16 bits, rounded to the nearest even ones, as uint16. NaN stays NaN.

    >>> rounded(np.array([1.0, -2.5], np.float32))
    array([16256, 49184], dtype=uint16)
    """
    bits = np.asarray(x, np.float32).view(np.uint32)
    near = bits >> np.uint32(16)
    near &= np.uint32(1)
    near += np.uint32(0x7FFF)
    near += bits
    near >>= np.uint32(16)
    if not np.isfinite(x).all():
        near[np.isnan(x)] = 0x7FC0
    return near.astype(np.uint16)


def widened(stored: Array) -> Array:
    """The float32 that ``rounded`` stored, exactly.

    >>> widened(rounded(np.array([1.0, 3.14159], np.float32)))
    array([1.      , 3.140625], dtype=float32)
    """
    bits = np.asarray(stored).astype(np.uint32)
    bits <<= np.uint32(16)
    return bits.view(np.float32)


ROUND = Constant(name="to_bfloat16", fn=rounded)
WIDEN = Constant(name="from_bfloat16", fn=widened)


def stored(optimizer: Optimizer, which: Callable[[str], bool] | None = None) -> Optimizer:
    """The same optimiser, with a part of its memory stored in bfloat16 (as uint16): half of the bytes.

    ``which`` says it of a leaf of the state by its name, such as ``mean[0].weights``; by default it is the running
    means of gradients, ``mean`` and ``velocity``. Only float32 leaves are stored so. Means of squares are left alone:
    they move by a thousandth at a time, less than the distance of neighbouring numbers in bfloat16 (1/256 or more),
    and would stand still. bfloat16 has the range of float32, so nothing overflows and no loss needs to be scaled.

    Source: Micikevicius et al., *Mixed Precision Training*, ICLR 2018, section 3.1, for the rule that what small steps
        add up in stays in float32.

    >>> from geartrain.optim import sgd
    >>> init, update = stored(sgd(0.5, momentum=0.9))
    >>> params = [np.array([1.0, 2.0], np.float32)]
    >>> params, state = update([np.array([1.0, 0.1], np.float32)], init(params), params)
    >>> params[0], state.velocity[0].dtype
    (array([0.5 , 1.95], dtype=float32), dtype('uint16'))
    """
    chosen = which or _is_first_moment

    def narrow(state: Any) -> Any:
        def kept(name: str, leaf: Any) -> Any:
            is_float32 = getattr(leaf, "dtype", None) == np.float32 and np.ndim(leaf) > 0
            return ROUND(leaf) if is_float32 and chosen(name) else leaf

        return _by_name(kept, state)

    def widen(state: Any) -> Any:
        def back(name: str, leaf: Any) -> Any:
            return WIDEN(leaf) if getattr(leaf, "dtype", None) == np.uint16 and chosen(name) else leaf

        return _by_name(back, state)

    def init(params: Any) -> Any:
        return narrow(optimizer.init(params))

    def update(params_bar: Any, state: Any, params: Any) -> tuple[Any, Any]:
        params, wide = optimizer.update(params_bar, widen(state), params)
        return params, narrow(wide)

    return Optimizer(init, update)


def _is_first_moment(name: str) -> bool:
    """Whether a part of a leaf's name is that of a running mean of gradients.

    >>> _is_first_moment("mean[0].weights"), _is_first_moment("[1].velocity"), _is_first_moment("variance[0]")
    (True, True, False)
    """
    return any(part in FIRST_MOMENTS for part in name.replace("[", ".").split("."))


def _by_name(f: Callable[[str, Any], Any], state: Any) -> Any:
    return tree.unflatten(tree.flatten(state)[1], [f(name, leaf) for name, leaf in tree.paths(state)])
