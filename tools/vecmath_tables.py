"""Derive the numbers in ``geartrain/backends/cpu/vecmath/tables.py``: ``python tools/vecmath_tables.py [--check]``.

A polynomial is fitted by least squares in Chebyshev nodes, weighted so that what is small is the relative error of
the function it serves, and then reweighted a few times towards the least maximum (Lawson, 1961). Its coefficients
are rounded to the format one by one, lowest power first, and the others are fitted again after each, so that they
make up for the rounding. Methods: Muller, Elementary Functions, 3rd ed. (2016), ch. 3 and 4; Brisebarre, Muller &
Tisserand, ACM TOMS 32 (2006), on why rounding at the end would lose digits.

A constant that is needed with more digits than a float has is split into several, the first ones short enough that
their product with an integer is exact: Cody & Waite, Software Manual for the Elementary Functions (1980).
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np

mp.mp.dps = 60

TARGET = Path(__file__).parents[1] / "src/geartrain/backends/cpu/vecmath/tables.py"
DIGITS = {64: 53, 32: 24}
Real = Any  # an mpmath number


class Fit(NamedTuple):
    """A polynomial ``p(x)`` near ``function`` on an interval; ``weight(x) * (p(x) - function(x))`` is what counts."""

    what: str
    function: Callable[[Real], Real]
    weight: Callable[[Real], Real]
    interval: tuple[float, float]
    terms: dict[int, int]


def nearest(x: Real, digits: int) -> Real:
    """The nearest number with so many binary digits."""
    if x == 0:
        return mp.mpf(0)
    scale = mp.mpf(2) ** (digits - 1 - int(mp.floor(mp.log(abs(x), 2))))
    return mp.nint(x * scale) / scale


def split(x: Real, bits: int, parts: int, short: int = 0) -> tuple[float, ...]:
    """``x`` as a sum of floats, all but the last with ``short`` digits fewer than a float has."""
    found: list[float] = []
    for part in range(parts):
        piece = nearest(x, DIGITS[bits] - (short if part < parts - 1 else 0))
        found.append(float(piece))
        x -= piece
    return tuple(found)


def coefficients(fit: Fit, bits: int) -> tuple[tuple[float, ...], float]:
    """The rounded coefficients, and the largest weighted error between the nodes."""
    n = fit.terms[bits]
    low, high = map(mp.mpf, fit.interval)

    def nodes(count: int) -> list[Real]:
        return [(low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (k + mp.mpf(1) / 2) / count) for k in range(count)]

    def sampled(xs: list[Real]) -> tuple[Any, Any]:
        """The weighted powers in each node, and the weighted function."""
        weights = [fit.weight(x) for x in xs]
        powers = np.array([[w * x**k for k in range(n)] for w, x in zip(weights, xs, strict=True)])
        return powers, np.array([w * fit.function(x) for w, x in zip(weights, xs, strict=True)])

    powers, values = sampled(nodes(6 * n))
    emphasis = np.array([mp.mpf(1)] * len(values))
    for _ in range(8):
        error = powers @ _least_squares(powers, values, emphasis) - values
        largest = max(abs(e) for e in error)
        emphasis = np.array([w * (abs(e) / largest + mp.mpf(1) / 20) for w, e in zip(emphasis, error, strict=True)])
    rounded: list[Real] = []
    for k in range(n):
        rest = values - powers[:, :k] @ np.array(rounded) if k else values
        rounded.append(nearest(_least_squares(powers[:, k:], rest, emphasis)[0], DIGITS[bits]))
    powers, values = sampled(nodes(10 * n + 1))
    return tuple(float(c) for c in rounded), float(max(abs(e) for e in powers @ np.array(rounded) - values))


def _least_squares(powers: Any, values: Any, emphasis: Any) -> Any:
    weighted = powers * emphasis[:, None]
    solved = mp.lu_solve(mp.matrix((weighted.T @ powers).tolist()), mp.matrix((weighted.T @ values).tolist()))
    return np.array(list(solved))


def _tail(f: Callable[[Real], Real], *first: Real) -> Callable[[Real], Real]:
    """``z -> (f(z) - first[0] - first[1] z - ...) / z**len(first)``, in enough digits that nothing is lost."""

    def tail(z: Real) -> Real:
        with mp.workdps(120):
            return (f(z) - sum(c * z**k for k, c in enumerate(first))) / z ** len(first)

    return tail


def _over_root(f: Callable[[Real], Real]) -> Callable[[Real], Real]:
    """``z -> f(sqrt(z)) / sqrt(z)``: an odd function in the square of its operand."""
    return lambda z: f(mp.sqrt(z)) / mp.sqrt(z)


HALF_LN2 = 0.3466
ERFC_CENTER = 3.0
ERFC_MIDDLE = (1 + 2 * ERFC_CENTER) * mp.exp(ERFC_CENTER**2) * mp.erfc(ERFC_CENTER)


def _scaled_erfc(t: Real) -> Real:
    x = ERFC_CENTER * (1 + t) / (1 - t)
    return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)


FITS: dict[str, Fit] = {
    "EXPM1": Fit(
        "(exp(r) - 1 - r) / r**2",
        _tail(mp.exp, 1, 1),
        lambda r: r * r / mp.expm1(r),
        (-HALF_LN2, HALF_LN2),
        {64: 11, 32: 5},
    ),
    "EXP2": Fit(
        "(2**r - 1) / r",
        _tail(lambda r: mp.mpf(2) ** r, 1),
        lambda r: r,
        (-0.5, 0.5),
        {64: 12, 32: 6},
    ),
    "LOG": Fit(
        "(2 artanh(s) - 2 s) / s**3 in z = s**2",
        _tail(lambda z: 2 * _over_root(mp.atanh)(z), 2),
        lambda z: z / 2,
        (0.0, 0.0295),
        {64: 7, 32: 3},
    ),
    "SIN": Fit(
        "(sin(r) / r - 1) / z in z = r**2",
        _tail(_over_root(mp.sin), 1),
        lambda z: z,
        (0.0, 0.63),
        {64: 6, 32: 3},
    ),
    "COS": Fit(
        "(cos(r) - 1 + z / 2) / z**2 in z = r**2",
        _tail(lambda z: mp.cos(mp.sqrt(z)), 1, -mp.mpf(1) / 2),
        lambda z: z * z,
        (0.0, 0.63),
        {64: 6, 32: 3},
    ),
    "POW_LOG2": Fit(
        "(2 artanh(s) / ln 2 - 2 s / ln 2 - 2 s**3 / (3 ln 2)) / s**5 in z = s**2",
        _tail(lambda z: 2 * _over_root(mp.atanh)(z) / mp.log(2), 2 / mp.log(2), 2 / (3 * mp.log(2))),
        lambda z: z * z / 3,
        (0.0, 0.0295),
        {64: 8},
    ),
    "POW_LOG2_SHORT": Fit(
        "2 artanh(s) / (s ln 2) in z = s**2, good for float32 powers in float64 arithmetic",
        lambda z: 2 * _over_root(mp.atanh)(z) / mp.log(2),
        lambda z: mp.mpf(1) / 3,
        (0.0, 0.0295),
        {64: 5},
    ),
    "EXP2_SHORT": Fit(
        "2**r, good for float32 results in float64 arithmetic",
        lambda r: mp.mpf(2) ** r,
        lambda r: mp.mpf(1),
        (-0.5, 0.5),
        {64: 7},
    ),
    "ASIN": Fit(
        "(asin(s) / s - 1) / z in z = s**2",
        _tail(_over_root(mp.asin), 1),
        lambda z: z,
        (0.0, 0.25),
        {64: 13, 32: 5},
    ),
    "ATAN": Fit(
        "(atan(t) / t - 1) / z in z = t**2",
        _tail(_over_root(mp.atan), 1),
        lambda z: z,
        (0.0, 0.1717),
        {64: 11, 32: 5},
    ),
    "ATANH": Fit(
        "(artanh(s) / s - 1) / z in z = s**2",
        _tail(_over_root(mp.atanh), 1),
        lambda z: z,
        (0.0, 0.0425),
        {64: 8, 32: 3},
    ),
    "SINH": Fit(
        "(sinh(x) / x - 1) / z in z = x**2",
        _tail(_over_root(mp.sinh), 1),
        lambda z: z,
        (0.0, 1.0),
        {64: 7, 32: 4},
    ),
    "TANH": Fit(
        "(tanh(x) / x - 1) / z in z = x**2",
        _tail(_over_root(mp.tanh), 1),
        lambda z: z,
        (0.0, 0.3026),
        {64: 10, 32: 5},
    ),
    "CBRT": Fit(
        "m**(-1/3)",
        lambda m: 1 / mp.cbrt(m),
        lambda m: mp.cbrt(m),
        (1.0, 2.0),
        {64: 5, 32: 3},
    ),
    "ERF": Fit(
        "erf(x) / x - 1 in z = x**2",
        lambda z: _over_root(mp.erf)(z) - 1,
        lambda z: 1 / _over_root(mp.erf)(z),
        (0.0, 0.2501),
        {64: 9, 32: 5},
    ),
    "ERFC": Fit(
        "((1 + 2 x) exp(x**2) erfc(x) - ERFC_MIDDLE) / t, t = (x - c) / (x + c)",
        lambda t: (_scaled_erfc(t) - ERFC_MIDDLE) / t,
        lambda t: t / _scaled_erfc(t),
        (-0.715, 0.803),
        {64: 21, 32: 9},
    ),
}

LN2, LN10, PI = mp.log(2), mp.log(10), +mp.pi
SPLITS: dict[str, tuple[str, dict[int, tuple[float, ...]]]] = {
    "LOG2_E": ("1 / ln 2, and what it lacks", {b: split(1 / LN2, b, 2) for b in DIGITS}),
    "LN2": (
        "ln 2 in two parts; integers of 11 (8) digits times the first are exact",
        {64: split(LN2, 64, 2, 11), 32: split(LN2, 32, 2, 9)},
    ),
    "LOG10_E": ("1 / ln 10, and what it lacks", {b: split(1 / LN10, b, 2) for b in DIGITS}),
    "LOG10_2": ("log10 2 in two parts, like LN2", {64: split(LN2 / LN10, 64, 2, 11), 32: split(LN2 / LN10, 32, 2, 9)}),
    "PI_HALF": ("pi / 2 in three parts", {b: split(PI / 2, b, 3) for b in DIGITS}),
    "PI": ("pi, and what it lacks", {b: split(PI, b, 2) for b in DIGITS}),
    "PI_QUARTER": ("pi / 4, and what it lacks", {b: split(PI / 4, b, 2) for b in DIGITS}),
    "ERFC_MIDDLE": ("ERFC's function at t = 0, and what it lacks", {b: split(ERFC_MIDDLE, b, 2) for b in DIGITS}),
    "ROOTS_OF_TWO": (
        "2**(-1/3) and 2**(-2/3)",
        {b: (*split(1 / mp.cbrt(2), b, 1), *split(1 / mp.cbrt(4), b, 1)) for b in DIGITS},
    ),
    "TWO_LOG2_E": ("2 / ln 2, and what it lacks", {64: split(2 / LN2, 64, 2)}),
    "POW_CUBE": ("2 / (3 ln 2), and what it lacks", {64: split(2 / (3 * LN2), 64, 2)}),
    "TWO_OVER_PI": ("2 / pi", {b: split(2 / PI, b, 1) for b in DIGITS}),
}


def two_over_pi_words() -> list[int]:
    """The binary digits of 2 / pi after the point, 64 to a word, with 128 zeros in front."""
    with mp.workprec(64 * 24):
        scaled = int(mp.floor(2 / mp.pi * mp.mpf(2) ** (64 * 20)))
    return [0, 0, *((scaled >> (64 * k)) & (2**64 - 1) for k in range(19, -1, -1))]


def lines() -> Iterable[str]:
    """The text of the module."""
    yield '"""Coefficients and constants, made by ``tools/vecmath_tables.py``: do not edit, run that.\n'
    yield "Each table has one tuple for each width of float; a polynomial's begins with the lowest power. ``2**-k`` is"
    yield "the largest weighted error of a polynomial with these coefficients, before the rounding of its evaluation."
    yield '"""\n'
    for name, fit in FITS.items():
        tables = {bits: coefficients(fit, bits) for bits in fit.terms}
        errors = ", ".join(f"2**{math.log2(error):.1f}" for _, error in tables.values())
        yield from _table(name, {bits: found for bits, (found, _) in tables.items()})
        yield f'"""{fit.what}, from {fit.interval[0]} to {fit.interval[1]}: {errors}."""\n'
    for name, (what, tables) in SPLITS.items():
        yield from _table(name, tables)
        yield f'"""{what}."""\n'
    yield f"ERFC_CENTER = {ERFC_CENTER}"
    yield '"""The c of ERFC."""\n'
    yield "TWO_OVER_PI_WORDS = ("
    yield from (f"    0x{word:016X}," for word in two_over_pi_words())
    yield ")"
    yield '"""The binary digits of 2 / pi after the point, 64 to a word, with 128 zeros in front."""'


def _table(name: str, tables: dict[int, tuple[float, ...]]) -> Iterable[str]:
    yield f"{name} = {{"
    for bits, numbers in tables.items():
        short = f"    {bits}: ({', '.join(map(repr, numbers))}{',' if len(numbers) == 1 else ''}),"
        yield from [short] if len(short) <= 120 else [f"    {bits}: (", *(f"        {c!r}," for c in numbers), "    ),"]
    yield "}"


def main() -> int:
    """Write the tables, or say whether they are as this would write them."""
    parser = argparse.ArgumentParser(description="Derive the tables of vector mathematics.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file differs")
    text = "\n".join(lines()) + "\n"
    if parser.parse_args().check:
        same = TARGET.read_text(encoding="utf-8") == text
        print(f"{TARGET.name} is {'up to date' if same else 'not what this script makes'}")
        return 0 if same else 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
