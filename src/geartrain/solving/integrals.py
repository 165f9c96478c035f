"""``scipy.integrate``: integrals of functions, as functions of their limits and of what the integrand reads.

The value is SciPy's. The derivative is that of a sum: Gauss-Kronrod rules on intervals that are halved until they agree
(R. Piessens et al., *QUADPACK*, 1983). The nodes move with the limits, so the derivatives in limits and parameters, of
all orders, are those of the sum, as long as the integrand is smooth enough for it to agree with SciPy's value.
"""

from collections.abc import Callable, Sequence
from typing import Any

from geartrain.errors import RuleError, teach
from geartrain.ir.untyped import numpy as np
from geartrain.kinds import is_a
from geartrain.ops.shape import STOP
from geartrain.solving.roots import Call, enter
from geartrain.trace.tracer import value_of

__all__ = ["integral"]

_NODES = [
    0.9914553711208126,
    0.9491079123427585,
    0.8648644233597691,
    0.7415311855993945,
    0.5860872354676911,
    0.4058451513773972,
    0.20778495500789848,
    0.0,
]
_KRONROD = [
    0.022935322010529224,
    0.06309209262997856,
    0.10479001032225019,
    0.14065325971552592,
    0.1690047266392679,
    0.19035057806478542,
    0.20443294007529889,
    0.20948214108472782,
]
_GAUSS = [
    0.1294849661688697,
    0.27970539148927664,
    0.3818300505051189,
    0.4179591836734694,
]


def _rule(f: Callable[[Any], Any], a: Any, b: Any) -> tuple[Any, Any]:
    """The integral by 15 points, and by the 7 of them that are Gauss's."""
    middle, half = (a + b) / 2, (b - a) / 2
    fine: Any = 0.0
    coarse: Any = 0.0
    for i, node in enumerate(_NODES):
        value = f(middle) if node == 0.0 else f(middle - half * node) + f(middle + half * node)
        fine = fine + _KRONROD[i] * value
        if i % 2:
            coarse = coarse + _GAUSS[i // 2] * value
    return fine * half, coarse * half


def _adaptive(f: Callable[[Any], Any], a: Any, b: Any, epsabs: float, epsrel: float, limit: int) -> Any:
    total: Any = 0.0
    floor: Any = 0.0
    used = 0
    waiting = [(a, b, 0)]
    while waiting:
        low, high, depth = waiting.pop()
        fine, coarse = _rule(f, low, high)
        if used == 0:  # rounding puts a floor under what can be asked for
            floor = 64 * np.finfo(np.result_type(fine, np.float32)).eps * np.max(np.abs(fine))
        used += 1
        apart = np.max(np.abs(fine - coarse))
        near = bool(apart <= epsabs * 0.5**depth + floor) or bool(apart <= epsrel * np.max(np.abs(fine)))
        if near or used >= limit:
            total = total + fine
        else:
            middle = (low + high) / 2
            waiting += [(middle, high, depth + 1), (low, middle, depth + 1)]
    return total


def integral(f: Callable[[Any], Any], a: Any, b: Any, epsabs: float, epsrel: float, limit: int = 500) -> Any:
    """The integral of ``f`` from ``a`` to ``b``, either of which may be infinite, by its own intervals."""

    def mapped(t: Any) -> Any:
        """On (0, 1] for an infinite end: x = (1 - t) / t from there."""
        return f(start + sign * (1 - t) / t) / (t * t)

    def both(t: Any) -> Any:
        x = (1 - t) / t
        return (f(x) + f(-x)) / (t * t)

    a_open, b_open = bool(np.isinf(a)), bool(np.isinf(b))
    turn = -1.0 if (a_open and bool(a > 0)) or (b_open and bool(b < 0)) else 1.0
    if a_open and b_open:
        return turn * _adaptive(both, 0.0, 1.0, epsabs, epsrel, limit)
    if a_open or b_open:
        start = b if a_open else a
        sign = (1.0 if bool(a > 0) else -1.0) if a_open else 1.0 if bool(b > 0) else -1.0
        return turn * _adaptive(mapped, 0.0, 1.0, epsabs, epsrel, limit)
    return _adaptive(f, a, b, epsabs, epsrel, limit)


def _moving(call: Call, ours: Any) -> Any:
    """SciPy's integral with the derivative of ours, which must be near."""
    value, *rest = call.result if is_a(call.result, tuple) else (call.result,)
    if call.plainly.recorded:  # a recorded program has our sum alone, and SciPy's way is not in it
        return (ours, *rest)
    apart = np.max(np.abs(value_of(ours) - value))
    error = rest[0] if rest and isinstance(rest[0], float) else 0.0
    if not apart <= 1e-6 * np.max(np.abs(value)) + 100 * error + 1e-12:
        what = f"a sum by Gauss and Kronrod is {float(apart):.1g} away from the integral: the integrand is not smooth."
        raise RuleError(teach(call.name, what, "Cut it where it is not, or substitute for a singular end."))
    return (ours + (value - STOP(ours)), *rest)


def _only(call: Call, *names: str) -> None:
    """Refuse options that change what the integral is."""
    for name in names:
        if call.asked.get(name) not in (None, 0, False):
            what = f"an integral with {name}= has no rule."
            raise RuleError(
                teach(call.name, what, f"Leave out {name}=: cut the interval, or write it in the integrand.")
            )


def _arguments(args: Any) -> tuple[Any, ...]:
    return args if is_a(args, tuple) else (args,)


def _quad(original: Any, args: Any, kwargs: Any) -> Any:
    call = Call(original, args, kwargs, repeatable=True)
    given = call.given
    if not call.traced:
        return call.untraced()
    _only(call, "full_output", "points", "weight", "complex_func")
    extra = _arguments(given["args"])
    tight = min(given["epsabs"], 1e-11), min(given["epsrel"], 1e-11)
    ours = integral(lambda x: given["func"](x, *extra), given["a"], given["b"], *tight)
    return _moving(call, ours)


def _quad_vec(original: Any, args: Any, kwargs: Any) -> Any:
    call = Call(original, args, kwargs, repeatable=True)
    given = call.given
    if not call.traced:
        return call.untraced()
    _only(call, "full_output", "points")
    extra = _arguments(given["args"])
    ours = integral(lambda x: np.asarray(given["f"](x, *extra)), given["a"], given["b"], 1e-11, 1e-11)
    return _moving(call, ours)


def _nested(f: Callable[..., Any], ranges: Sequence[Any], epsabs: float, epsrel: float) -> Any:
    """The integral over several variables, the first one innermost; a range may depend on the later variables."""

    def over(i: int, outer: tuple[Any, ...]) -> Any:
        if i < 0:
            return f(*outer)
        ends = ranges[i](*outer) if callable(ranges[i]) else ranges[i]
        return integral(lambda x: over(i - 1, (x, *outer)), ends[0], ends[1], epsabs, epsrel, 50)

    return over(len(ranges) - 1, ())


def _with(f: Callable[..., Any], extra: tuple[Any, ...]) -> Callable[..., Any]:
    def called(*x: Any) -> Any:
        return f(*x, *extra)

    return called


def _end(x: Any, *where: Any) -> Any:
    return x(*where) if callable(x) else x


def _dblquad(original: Any, args: Any, kwargs: Any) -> Any:
    call = Call(original, args, kwargs, repeatable=True)
    given = call.given
    if not call.traced:
        return call.untraced()
    extra, low, high = _arguments(given["args"]), given["gfun"], given["hfun"]

    def inner(x: Any) -> Any:
        return _end(low, x), _end(high, x)

    ranges: list[Any] = [inner, (given["a"], given["b"])]
    return _moving(call, _nested(_with(given["func"], extra), ranges, given["epsabs"], given["epsrel"]))


def _tplquad(original: Any, args: Any, kwargs: Any) -> Any:
    call = Call(original, args, kwargs, repeatable=True)
    given = call.given
    if not call.traced:
        return call.untraced()
    extra = _arguments(given["args"])

    def inner(y: Any, x: Any) -> Any:
        return _end(given["qfun"], x, y), _end(given["rfun"], x, y)

    def middle(x: Any) -> Any:
        return _end(given["gfun"], x), _end(given["hfun"], x)

    ranges: list[Any] = [inner, middle, (given["a"], given["b"])]
    return _moving(call, _nested(_with(given["func"], extra), ranges, given["epsabs"], given["epsrel"]))


def _nquad(original: Any, args: Any, kwargs: Any) -> Any:
    call = Call(original, args, kwargs, repeatable=True)
    given = call.given
    if not call.traced:
        return call.untraced()
    _only(call, "opts", "full_output")
    extra: tuple[Any, ...] = () if given["args"] is None else _arguments(given["args"])
    ranges = [_with(ends, extra) if callable(ends) else ends for ends in given["ranges"]]
    return _moving(call, _nested(_with(given["func"], extra), ranges, 1.49e-8, 1.49e-8))


enter(
    "scipy.integrate",
    {"quad": _quad, "quad_vec": _quad_vec, "dblquad": _dblquad, "tplquad": _tplquad, "nquad": _nquad},
)
