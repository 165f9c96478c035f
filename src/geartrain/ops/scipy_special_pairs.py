"""``scipy.special``: functions with several results, most often a function and its rate: a row for each.

A function that solves an equation of second order comes with its rate, and the equation gives the rate of that:
parabolic cylinders (DLMF 12.2) and Mathieu functions (28.2, 28.20).
"""

import math
from collections.abc import Callable
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.later import Later, no_rate, several, when
from geartrain.ops.scipy_special import POSITIVE, UNIT, Interval, Rate, Rate1, incomplete_in_m
from geartrain.ops.table import ROWS, spells

__all__ = ["PAIRS", "SECOND_ORDER", "SEVERAL_OF_TWO"]

S = Later("scipy.special")
PI = math.pi
DEGREE = PI / 180
Second = Callable[..., Array]

# Of one operand: the rate of each result from that result and the operand.

PAIRS: dict[str, tuple[Rate1, ...]] = {
    "sici": (lambda y, x: np.sin(x) / x, lambda y, x: np.cos(x) / x),
    "shichi": (lambda y, x: np.sinh(x) / x, lambda y, x: np.cosh(x) / x),
    "fresnel": (lambda y, x: np.sin(PI / 2 * x * x), lambda y, x: np.cos(PI / 2 * x * x)),
    "itj0y0": (lambda y, x: S.j0(x), lambda y, x: S.y0(x)),
    "iti0k0": (lambda y, x: S.i0(x), lambda y, x: S.k0(x)),
    "it2j0y0": (lambda y, x: (1 - S.j0(x)) / x, lambda y, x: -S.y0(x) / x),
    "it2i0k0": (lambda y, x: (S.i0(x) - 1) / x, lambda y, x: -S.k0(x) / x),
    "airy": (
        lambda y, x: S.airy(x)[1],
        lambda y, x: x * S.airy(x)[0],
        lambda y, x: S.airy(x)[3],
        lambda y, x: x * S.airy(x)[2],
    ),
    "airye": (
        lambda y, x: S.airye(x)[1] + np.sqrt(x) * y,
        lambda y, x: x * S.airye(x)[0] + np.sqrt(x) * y,
        lambda y, x: S.airye(x)[3] - np.sqrt(x) * y,
        lambda y, x: x * S.airye(x)[2] - np.sqrt(x) * y,
    ),
    "itairy": (
        lambda y, x: S.airy(x)[0],
        lambda y, x: S.airy(x)[2],
        lambda y, x: S.airy(-x)[0],
        lambda y, x: S.airy(-x)[2],
    ),
    "modfresnelp": (
        lambda y, x: -np.exp(1j * x * x),
        lambda y, x: -2j * x * y - np.exp(-0.25j * PI) / math.sqrt(PI),
    ),
    "modfresnelm": (
        lambda y, x: -np.exp(-1j * x * x),
        lambda y, x: 2j * x * y - np.exp(0.25j * PI) / math.sqrt(PI),
    ),
}

# Jacobi's elliptic functions: u is the incomplete integral at the amplitude, which gives the rate in the parameter m.


def _turn(u: Array, m: Array) -> Array:
    """The rate of the amplitude in m."""
    amplitude = S.ellipj(u, m)[3]
    return -S.ellipj(u, m)[2] * incomplete_in_m(u, amplitude, m)


def _dn_in_m(y: Array, u: Array, m: Array) -> Array:
    sn, cn = S.ellipj(u, m)[0], S.ellipj(u, m)[1]
    return -(sn * sn + 2 * m * sn * cn * _turn(u, m)) / (2 * y)


SEVERAL_OF_TWO: dict[str, tuple[tuple[Interval, ...], tuple[tuple[Rate, ...], ...]]] = {
    "ellipj": (
        (UNIT, UNIT),
        (
            (
                lambda y, u, m: S.ellipj(u, m)[1] * S.ellipj(u, m)[2],
                lambda y, u, m: S.ellipj(u, m)[1] * _turn(u, m),
            ),
            (
                lambda y, u, m: -S.ellipj(u, m)[0] * S.ellipj(u, m)[2],
                lambda y, u, m: -S.ellipj(u, m)[0] * _turn(u, m),
            ),
            (lambda y, u, m: -m * S.ellipj(u, m)[0] * S.ellipj(u, m)[1], _dn_in_m),
            (lambda y, u, m: S.ellipj(u, m)[2], lambda y, u, m: _turn(u, m)),
        ),
    ),
}

# A function of x and its rate: the operands before x (numbers to try them with; integers do not move), an interval for
# x, the second rate from function, rate and operands, and what one unit of x is to the rate.


def _weber(w: Array, w1: Array, v: Array, x: Array) -> Array:
    return (x * x / 4 - v - 0.5) * w


def _weber_w(w: Array, w1: Array, a: Array, x: Array) -> Array:
    return (a - x * x / 4) * w


def _mathieu(value: str, modified: bool) -> Second:
    def second(w: Array, w1: Array, m: Array, q: Array, x: Array) -> Array:
        a = getattr(S, value)(m, q)
        return (a - 2 * q * np.cosh(2 * x)) * w if modified else (2 * q * np.cos(2 * DEGREE * x) - a) * w

    return second


SECOND_ORDER: dict[str, tuple[tuple[float, ...], Interval, Second, float]] = {
    "pbdv": ((1.5,), POSITIVE, _weber, 1.0),
    "pbvv": ((1.5,), POSITIVE, _weber, 1.0),
    "pbwa": ((0.5,), POSITIVE, _weber_w, 1.0),
    "mathieu_cem": ((2, 0.7), (20.0, 60.0), _mathieu("mathieu_a", False), DEGREE),
    "mathieu_sem": ((2, 0.7), (20.0, 60.0), _mathieu("mathieu_b", False), DEGREE),
    "mathieu_modcem1": ((2, 0.7), UNIT, _mathieu("mathieu_a", True), 1.0),
    "mathieu_modcem2": ((2, 0.7), UNIT, _mathieu("mathieu_a", True), 1.0),
    "mathieu_modsem1": ((2, 0.7), UNIT, _mathieu("mathieu_b", True), 1.0),
    "mathieu_modsem2": ((2, 0.7), UNIT, _mathieu("mathieu_b", True), 1.0),
}


class _Result:
    """One of the results of a function, as a function."""

    def __init__(self, name: str, place: int) -> None:
        self.__name__ = f"{name}_{place}"
        self._name, self._place = name, place

    def __call__(self, *xs: Array) -> Array:
        return getattr(S, self._name)(*xs)[self._place]


def _results(name: str, domain: tuple[Interval, ...], rates: tuple[tuple[Rate | Rate1, ...], ...]) -> Any:
    rows = [_Result(name, i) for i in range(len(rates))]
    for part, rate in zip(rows, rates, strict=True):
        several("special", part, *rate, domain=domain)
    ops = [ROWS[f"special_{part.__name__}"] for part in rows]

    def spelled(*xs: Array) -> tuple[Array, ...]:
        return tuple(op(*xs) for op in ops)

    return spelled


def _second_order(name: str) -> Any:
    """A function and its rate in the last operand; those before are whole numbers, or have no rate."""
    before, x, second, unit = SECOND_ORDER[name]
    f = Later("scipy.special")

    def first(y: Array, *xs: Array) -> Array:
        return unit * getattr(f, name)(*xs)[1]

    def then(y: Array, *xs: Array) -> Array:
        return unit * second(getattr(f, name)(*xs)[0], y, *xs)

    fixed = [None if isinstance(v, int) else no_rate(name, f"operand {i + 1}") for i, v in enumerate(before)]
    domain = (*[(float(v), float(v)) for v in before], x)
    return _results(name, domain, ((*fixed, first), (*fixed, then)))


@when("scipy.special")
def _enter(special: Any) -> None:
    for name, rates in PAIRS.items():
        spells(getattr(special, name))(_results(name, (POSITIVE,), tuple((rate,) for rate in rates)))
    for name, (domain, rates) in SEVERAL_OF_TWO.items():
        spells(getattr(special, name))(_results(name, domain, rates))
    for name in SECOND_ORDER:
        spells(getattr(special, name))(_second_order(name))
