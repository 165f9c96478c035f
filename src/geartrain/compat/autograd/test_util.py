"""autograd's checks of derivatives: an ``AssertionError`` if they disagree with measured slopes."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from geartrain import tree
from geartrain.api import jvp, vjp
from geartrain.check import check_derivatives
from geartrain.compat.autograd.core import vspace
from geartrain.compat.autograd.wrap_util import unary_to_nary
from geartrain.ir.untyped import numpy as np

__all__ = ["check_equivalent", "check_grads", "check_jvp", "check_vjp", "combo_check", "scalar_close"]

F = Callable[..., Any]
_NAMES: Any = {"fwd": "forward", "rev": "reverse"}
TOL = RTOL = 1e-6
"""As in autograd, absolute and relative; each further order allows ten times as much."""


def scalar_close(a: Any, b: Any) -> bool:
    """Whether two numbers agree, absolutely or relatively."""
    return bool(abs(a - b) < TOL or abs(a - b) / abs(a + b) < RTOL)


@unary_to_nary
def check_grads(f: F, x: Any, modes: Sequence[str] = ("fwd", "rev"), order: int = 2) -> None:
    """Check the derivatives of ``f`` at a point up to an order, each mode over each: ``check_grads(f)(x)``.

    >>> check_grads(lambda x: np.sin(x) * x, modes=["rev"], order=2)(0.5)
    """
    assert all(m in _NAMES for m in modes)
    _check(f, x, [_NAMES[m] for m in modes], order, RTOL)


def _check(f: F, x: Any, modes: Any, order: int, rtol: float) -> None:
    check_derivatives(f, x, modes=modes, rtol=rtol)
    if order > 1:
        dot, bar = vspace(x).randn(), vspace(f(x)).randn()

        def pushed(x: Any) -> Any:
            return jvp(f, (x,), (dot,))[1]

        def pulled(x: Any) -> Any:
            return vjp(f, x)[1](bar)[0]

        inner = {"forward": pushed, "reverse": pulled}
        for mode in modes:
            _check(inner[mode], x, modes, order - 1, 10 * rtol)


def check_vjp(f: F, x: Any) -> None:
    """Check the reverse derivative, to first order."""
    check_derivatives(f, x, modes=("reverse",))


def check_jvp(f: F, x: Any) -> None:
    """Check the forward derivative, to first order."""
    check_derivatives(f, x, modes=("forward",))


def check_equivalent(x: Any, y: Any) -> None:
    """Check that two values are alike, in shape and in numbers."""
    assert vspace(x) == vspace(y), f"VSpace mismatch:\nx: {vspace(x)}\ny: {vspace(y)}"
    for a, b in zip(tree.leaves(x), tree.leaves(y), strict=True):
        assert np.allclose(a, b, rtol=RTOL, atol=TOL), f"Value mismatch:\nx: {x}\ny: {y}"


def combo_check(fun: F, *args: Any, **kwargs: Any) -> F:
    """Check all combinations: ``combo_check(f, argnum, modes)([x1, x2], axis=[0, 1])``."""

    def check(*lists: Any, **options: Any) -> None:
        names = list(options)
        for chosen in itertools.product(*lists):
            for values in itertools.product(*options.values()):
                check_grads(fun, *args, **kwargs)(*chosen, **dict(zip(names, values, strict=True)))

    return check
