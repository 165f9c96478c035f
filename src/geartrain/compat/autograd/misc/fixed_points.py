"""The fixed point of an iteration, differentiated as an implicit function: not through its steps."""

from collections.abc import Callable
from typing import Any

from geartrain.compat.autograd.core import make_vjp, vspace
from geartrain.compat.autograd.rules import defvjp, primitive

__all__ = ["fixed_point"]

F = Callable[..., Any]


def _iterated(f: F, a: Any, x0: Any, distance: F, tol: float) -> Any:
    step = f(a)
    before, x = x0, step(x0)
    while distance(x, before) > tol:
        before, x = x, step(x)
    return x


fixed_point = primitive(_iterated)
"""``fixed_point(f, a, x0, distance, tol)``: x with ``f(a)(x) == x``, iterated from ``x0`` until it moves by ``tol``."""


def _vjp(ans: Any, f: F, a: Any, x0: Any, distance: F, tol: float) -> F:
    """The cotangent w of the iteration is itself a fixed point, ``w = x_bar + J_x^T w``; then ``a_bar = J_a^T w``."""

    def pulled(g: Any) -> Any:
        def backward(of: Any) -> F:
            a, x, x_bar = of
            back, _ = make_vjp(f(a), x)

            def step(w: Any) -> Any:
                return vspace(w).add(back(w), x_bar)

            return step

        def of_parameters(a: Any) -> Any:
            return f(a)(ans)

        w = fixed_point(backward, (a, ans, g), vspace(x0).zeros(), distance, tol)
        return make_vjp(of_parameters, a)[0](w)

    return pulled


defvjp(fixed_point, None, _vjp, None)
