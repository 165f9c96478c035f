"""``scipy.optimize``: minima, as implicit functions: where a smooth function is least, its gradient is zero.

A coordinate that ended at a bound stays there, and moves with the bound. The least value moves with the place, too,
which in first order does not show (the envelope theorem).
"""

from collections.abc import Callable, Sequence
from typing import Any

from geartrain.api import grad
from geartrain.errors import RuleError, teach
from geartrain.ir.untyped import numpy as np
from geartrain.kinds import is_a
from geartrain.solving.implicit import implicit, without_rule
from geartrain.solving.roots import Call, enter, without_rules
from geartrain.trace.spellings import traced
from geartrain.trace.tracer import value_of

__all__ = ["LOSSES"]

OBJECTIVES = {
    "minimize": "fun",
    "minimize_scalar": "fun",
    "basinhopping": "func",
    "differential_evolution": "func",
    "dual_annealing": "func",
    "shgo": "func",
}
"""Minimisers that return SciPy's ``OptimizeResult``, and what they call the function."""

OLDER = {
    "fmin": "func",
    "fmin_powell": "func",
    "fmin_cg": "f",
    "fmin_bfgs": "f",
    "fmin_ncg": "f",
    "fmin_l_bfgs_b": "func",
    "fminbound": "func",
    "brent": "func",
    "golden": "func",
}
"""Minimisers that return the place, or a tuple that begins with it."""

LOSSES: dict[str, Callable[[Any], Any]] = {
    "linear": lambda z: z,
    "soft_l1": lambda z: 2 * (np.sqrt(1 + z) - 1),
    "huber": lambda z: np.where(z <= 1, z, 2 * np.sqrt(np.maximum(z, 1.0)) - 1),
    "cauchy": lambda z: np.log1p(z),
    "arctan": lambda z: np.arctan(z),
}
"""What ``least_squares`` does to the square of a residual."""


def _bounds(bounds: Any, n: int) -> tuple[Any, Any] | None:
    """Lower and upper ends for each coordinate, with infinities where there are none."""
    if bounds is None:
        return None
    if hasattr(bounds, "lb"):
        low, high = bounds.lb, bounds.ub
    else:
        ends = [(-np.inf if a is None else a, np.inf if b is None else b) for a, b in bounds]
        low, high = np.array([a for a, _ in ends]), np.array([b for _, b in ends])
    return np.broadcast_to(low, (n,)), np.broadcast_to(high, (n,))


def _stationary(slope: Callable[[Any], Any], x: Any, ends: tuple[Any, Any] | None) -> Callable[[Any], Any]:
    """The equation of a minimum: no slope, but for coordinates at a bound."""
    if ends is None:
        return slope
    low, high = ends
    at_low, at_high = x - value_of(low) <= _near(low), value_of(high) - x <= _near(high)
    if not np.any(at_low | at_high):
        return slope
    low, high = np.where(at_low, low, np.zeros(())), np.where(at_high, high, np.zeros(()))

    def equation(z: Any) -> Any:
        return np.where(at_low, z - low, np.where(at_high, z - high, slope(z)))

    return equation


def _near(end: Any) -> Any:
    """How near a coordinate must be to a bound to stand there: some methods stay inside by a hair."""
    size = np.abs(value_of(end))
    return 1e-7 * (1 + np.where(np.isfinite(size), size, 0.0))


def _objective(call: Call, name: str, given_too: bool) -> Callable[[Any], Any]:
    """The function to minimise as one that returns a scalar; ``given_too``: it returns its gradient as well."""
    f = call.function(name, given_too)

    def scalar(x: Any) -> Any:
        y = f(x)
        return np.reshape(y, ()) if np.ndim(y) else y

    return scalar


def _refused(call: Call, key: str) -> RuleError:
    do = "Leave it out, or give the solution a rule by gt.custom_rule."
    return RuleError(teach(call.name, f"a solution with {key}= moves by no rule yet.", do))


def _minimum(name: str) -> Callable[..., Any]:
    def mean(original: Any, args: Any, kwargs: Any) -> Any:
        call = Call(original, args, kwargs)
        result, given = call.result, call.given
        if not call.traced:
            return call.untraced()
        for key in ("constraints", "integrality"):
            if given.get(key) not in (None, ()):
                raise _refused(call, key)
        f, x = _objective(call, name, given.get("jac") is True), result.x
        ends = _bounds(given.get("bounds"), np.size(x)) if np.ndim(x) else None
        failed = "" if result.get("success", True) else str(result.get("message", "not converged"))
        result.x, reads = implicit(call.name, x, _stationary(grad(f), x, ends), failed)
        result.fun = f(result.x)
        without_rules(call.name, result, reads, "jac", "hess", "hess_inv", "v", "grad", "xl", "funl")
        return result

    return mean


def _older(name: str) -> Callable[..., Any]:
    def mean(original: Any, args: Any, kwargs: Any) -> Any:
        call = Call(original, args, kwargs)
        result, given = call.result, call.given
        if not call.traced:
            return call.untraced()
        several = is_a(result, tuple)
        parts: Sequence[Any] = result if several else (result,)
        x, *rest = parts
        both = original.__name__ == "fmin_l_bfgs_b" and given["fprime"] is None and not given["approx_grad"]
        f = _objective(call, name, both)
        ends = _bounds(given.get("bounds"), np.size(x)) if np.ndim(x) else None
        x, reads = implicit(call.name, x, _stationary(grad(f), x, ends))
        if not several:
            return x
        rest[0] = f(x)
        what = "only the place and the value of the minimum have a rule."
        return (x, rest[0], *[without_rule(call.name, v, reads, what) for v in rest[1:]])

    return mean


def _squares(residuals: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def half(x: Any) -> Any:
        r = np.ravel(np.asarray(residuals(x)))
        return np.sum(r * r) / 2

    return half


def _least_squares(original: Any, args: Any, kwargs: Any) -> Any:
    call = Call(original, args, kwargs)
    result, given = call.result, call.given
    if not call.traced:
        return call.untraced()
    loss, scale = given["loss"], given["f_scale"]
    more: dict[str, Any] = given["kwargs"] or {}
    if callable(loss):
        raise _refused(call, "loss")
    extra: tuple[Any, ...] = given["args"] if is_a(given["args"], tuple) else (given["args"],)

    def residuals(x: Any) -> Any:
        return given["fun"](x, *extra, **more)

    def cost(x: Any) -> Any:
        r = np.ravel(np.asarray(residuals(x))) / scale
        return scale**2 * np.sum(LOSSES[loss](r * r)) / 2

    bounds = given["bounds"]
    x = result.x
    ends = _bounds(bounds if hasattr(bounds, "lb") else list(zip(*_pairs(bounds, x.size), strict=True)), x.size)
    failed = "" if result.success else result.message
    result.x, reads = implicit(call.name, x, _stationary(grad(cost), x, ends), failed)
    result.cost, result.fun = cost(result.x), np.atleast_1d(residuals(result.x))
    without_rules(call.name, result, reads, "jac", "grad", "optimality")
    return result


def _pairs(bounds: Sequence[Any], n: int) -> list[Any]:
    return [np.broadcast_to(np.asarray(end, float), (n,)) for end in bounds]


def _leastsq(original: Any, args: Any, kwargs: Any) -> Any:
    call = Call(original, args, kwargs)
    if not call.traced:
        return call.untraced()
    x, *rest = call.result
    x, reads = implicit(call.name, x, grad(_squares(call.function("func"))))
    if call.given["full_output"]:
        rest[0] = without_rule(call.name, rest[0], reads, "its result cov_x has no rule.")
        without_rules(call.name, rest[1], reads, *rest[1])
    return (x, *rest)


def _curve_fit(original: Any, args: Any, kwargs: Any) -> Any:
    call = Call(original, args, kwargs)
    given = call.given
    if not call.traced:
        return call.untraced()
    if given["nan_policy"] is not None:
        raise _refused(call, "nan_policy")
    xdata, ydata, sigma = given["xdata"], np.ravel(np.asarray(given["ydata"])), given["sigma"]
    xdata = np.asarray(xdata) if is_a(xdata, list, tuple) or traced(xdata) else xdata

    def off(p: Any) -> Any:
        r = np.ravel(given["f"](xdata, *[p[i] for i in range(np.size(p))])) - ydata
        if sigma is None:
            return r
        spread = np.asarray(sigma)
        return r / spread if spread.ndim < 2 else np.linalg.solve(np.linalg.cholesky(spread), r)

    popt, pcov, *rest = call.result
    bounds = given["bounds"]
    ends = _bounds(bounds if hasattr(bounds, "lb") else list(zip(*_pairs(bounds, popt.size), strict=True)), popt.size)
    x, reads = implicit(call.name, popt, _stationary(grad(_squares(off)), popt, ends))
    return (x, without_rule(call.name, pcov, reads, "its result pcov has no rule; popt has one."), *rest)


enter(
    "scipy.optimize",
    {
        **{name: _minimum(f) for name, f in OBJECTIVES.items()},
        **{name: _older(f) for name, f in OLDER.items()},
        "least_squares": _least_squares,
        "leastsq": _leastsq,
        "curve_fit": _curve_fit,
    },
)
