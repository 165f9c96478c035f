"""``autograd.scipy.signal``: SciPy's own, and autograd's ``convolve``, which takes axes."""

from collections.abc import Sequence
from typing import Any

from geartrain.extras import need
from geartrain.ir.untyped import numpy as np

OWN = need("scipy.signal", "scipy", "autograd.scipy")

__all__ = list(OWN.__all__)  # pyright: ignore[reportUnsupportedDunderAll]

Axes = Sequence[Sequence[int]]


def __getattr__(name: str) -> Any:
    return getattr(OWN, name)


def __dir__() -> list[str]:
    return dir(OWN)


def convolve(A: Any, B: Any, axes: Axes | None = None, dot_axes: Axes = ((), ()), mode: str = "full") -> Any:
    """Convolve ``A`` and ``B`` along pairs of axes, and sum over other pairs.

    Args:
        A: an array.
        B: an array.
        axes: those of A and those of B, in pairs; by default all of both.
        dot_axes: pairs of axes of equal length that are multiplied and summed.
        mode: "full" or "valid", along every pair; or "same" as SciPy has it, without axes.

    Returns:
        The axes of A that are in no pair, those of B, and then the convolved ones.

    >>> convolve(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([1., 3., 2.])
    """
    assert mode in ("valid", "full", "same"), f"Mode {mode} undefined, it can be one of 'valid', 'full', and 'same'"
    if axes is None and not dot_axes[0]:
        return OWN.convolve(A, B, mode)
    if mode == "same":
        raise NotImplementedError("[convolve] mode='same' with axes. Use mode='full' and cut the middle out.")
    in_a, in_b = axes if axes is not None else (range(np.ndim(A)), range(np.ndim(B)))
    in_a, in_b = [i % np.ndim(A) for i in in_a], [i % np.ndim(B) for i in in_b]
    dot_a, dot_b = [i % np.ndim(A) for i in dot_axes[0]], [i % np.ndim(B) for i in dot_axes[1]]
    if mode == "valid":
        larger = [np.shape(B)[j] > np.shape(A)[i] for i, j in zip(in_a, in_b, strict=True)]
        if any(larger):
            if not all(np.shape(B)[j] >= np.shape(A)[i] for i, j in zip(in_a, in_b, strict=True)):
                raise Exception("One array must be larger than the other along all convolved dimensions")
            turned = convolve(B, A, (in_b, in_a), (dot_b, dot_a), mode)
            rest_b = np.ndim(B) - len(in_b) - len(dot_b)
            rest_a = np.ndim(A) - len(in_a) - len(dot_a)
            order = [*range(rest_b, rest_b + rest_a), *range(rest_b)]
            return np.transpose(turned, [*order, *range(rest_a + rest_b, np.ndim(turned))])
    kernel = [np.shape(B)[j] for j in in_b]
    widths = [(kernel[in_a.index(i)] - 1,) * 2 if i in in_a else (0, 0) for i in range(np.ndim(A))]
    return _slid(np.pad(A, widths) if mode == "full" else A, B, in_a, in_b, dot_a, dot_b)


def _slid(signal: Any, kernel: Any, in_a: list[int], in_b: list[int], dot_a: list[int], dot_b: list[int]) -> Any:
    """The kernel, turned around, at each place of the signal where it fits: a gather and a product."""
    free_a = [i for i in range(np.ndim(signal)) if i not in in_a and i not in dot_a]
    free_b = [j for j in range(np.ndim(kernel)) if j not in in_b and j not in dot_b]
    signal = np.transpose(signal, [*free_a, *dot_a, *in_a])
    kernel = np.transpose(kernel, [*free_b, *dot_b, *in_b])
    lead = len(free_a) + len(dot_a)
    count = len(in_a)
    for k in range(count):
        size, width = np.shape(kernel)[len(free_b) + len(dot_b) + k], np.shape(signal)[lead + 2 * k]
        places = np.arange(width - size + 1)[:, None] + np.arange(size - 1, -1, -1)
        signal = np.take(signal, places, axis=lead + 2 * k)
    windows = [lead + 2 * k + 1 for k in range(count)]
    meet_a = [*range(len(free_a), lead), *windows]
    meet_b = list(range(len(free_b), np.ndim(kernel)))
    y = np.tensordot(signal, kernel, (meet_a, meet_b))
    conv = list(range(len(free_a), len(free_a) + count))
    rest = list(range(len(free_a) + count, np.ndim(y)))
    return np.transpose(y, [*range(len(free_a)), *rest, *conv])
