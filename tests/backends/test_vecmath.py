"""Vector mathematics: the bounds in the docstrings hold over the whole range, and special values are NumPy's.

The reference for float32 is NumPy in float64, and for float64 the same in extended precision, where the processor
has that; samples of both are compared with mpmath.
"""

import functools
import re
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np
import pytest

from geartrain.backends import llvm
from geartrain.backends.cpu.vecmath import FUNCTIONS

if not llvm.installed():
    pytest.skip("llvmlite is not installed", allow_module_level=True)

from geartrain.backends.cpu.vecmath.loop import Loop
from tools import vecmath_tables

special: Any = pytest.importorskip("scipy.special")
EXTENDED = np.finfo(np.longdouble).nmant > 60
FLOAT32, FLOAT64 = np.dtype("float32"), np.dtype("float64")


class Case(NamedTuple):
    """A function: what it should be in exact arithmetic, and how NumPy or SciPy computes it.

    ``near`` has intervals to draw operands from, beside the whole range; for both operands, if there are two.
    """

    exact: Callable[..., Any]
    numpy: Callable[..., Any]
    near: tuple[tuple[float, float], ...] = ((-1, 1), (-30, 30))
    operands: int = 1
    extended: bool = True
    """Whether ``numpy`` takes operands in extended precision; if not, there are more samples against mpmath."""


def _logistic(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _logaddexp(a: Any, b: Any) -> Any:
    return mp.log(mp.exp(a) + mp.exp(b))


def _cbrt(x: Any) -> Any:
    return mp.sign(x) * mp.cbrt(abs(x))


def _softplus(x: Any) -> Any:
    return np.logaddexp(np.zeros_like(x), x)


EVERYWHERE = ((-1, 1), (-30, 30), (-120, 120), (-800, 800))
AROUND_ONE = ((0, 2), (0.7, 1.42), (0, 50))
TURNS = ((-1, 1), (-50, 50), (-1e5, 1e5), (-1e10, 1e10))

CASES: dict[str, Case] = {
    "exp": Case(mp.exp, np.exp, EVERYWHERE),
    "exp2": Case(lambda x: mp.mpf(2) ** x, np.exp2, (*EVERYWHERE, (-1080, 1080))),
    "expm1": Case(mp.expm1, np.expm1, EVERYWHERE),
    "log": Case(mp.log, np.log, AROUND_ONE),
    "log2": Case(lambda x: mp.log(x, 2), np.log2, AROUND_ONE),
    "log10": Case(mp.log10, np.log10, AROUND_ONE),
    "log1p": Case(mp.log1p, np.log1p, ((-1, 1), (-0.3, 0.42), (0, 50))),
    "tanh": Case(mp.tanh, np.tanh),
    "sin": Case(mp.sin, np.sin, TURNS),
    "cos": Case(mp.cos, np.cos, TURNS),
    "tan": Case(mp.tan, np.tan, TURNS),
    "sinh": Case(mp.sinh, np.sinh, ((-1.2, 1.2), *EVERYWHERE)),
    "cosh": Case(mp.cosh, np.cosh, EVERYWHERE),
    "arcsinh": Case(mp.asinh, np.arcsinh),
    "arccosh": Case(mp.acosh, np.arccosh, ((1, 1.1), (1, 50))),
    "arctanh": Case(mp.atanh, np.arctanh, ((-1, 1), (-0.3, 0.3), (0.9, 1))),
    "arcsin": Case(mp.asin, np.arcsin, ((-1, 1), (-0.1, 0.1), (0.99, 1))),
    "arccos": Case(mp.acos, np.arccos, ((-1, 1), (-0.1, 0.1), (0.99, 1))),
    "arctan": Case(mp.atan, np.arctan, ((-1, 1), (-4, 4))),
    "arctan2": Case(mp.atan2, np.arctan2, ((-1, 1), (-30, 30)), operands=2),
    "cbrt": Case(_cbrt, np.cbrt),
    "sqrt": Case(mp.sqrt, np.sqrt, ((0, 9),)),
    "hypot": Case(mp.hypot, np.hypot, operands=2),
    "erf": Case(mp.erf, special.erf, ((-1, 1), (-6, 6)), extended=False),
    "erfc": Case(lambda x: mp.erfc(min(x, 1000)), special.erfc, ((-1, 1), (-6, 6), (6, 28)), extended=False),
    "power": Case(mp.power, np.power, ((0, 2), (0, 100), (-9, 9)), operands=2),
    "logaddexp": Case(_logaddexp, np.logaddexp, ((-1, 1), (-30, 30), (-800, 800)), operands=2),
    "sigmoid": Case(_logistic, special.expit, EVERYWHERE),
    "expit": Case(_logistic, special.expit, EVERYWHERE),
    "softplus": Case(lambda x: mp.log1p(mp.exp(x)), _softplus, EVERYWHERE),
}

each_function = pytest.mark.parametrize("name", CASES)
each_dtype = pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64], ids=str)


@functools.cache
def compiled(name: str, dtype: np.dtype[Any], width: int | None = None, fma: bool = True) -> Loop:
    return Loop(name, dtype, width, fma)


def drawn(name: str, dtype: np.dtype[Any], count: int) -> list[Any]:
    """Finite operands: every bit pattern alike, every exponent alike, and from the intervals of the case."""
    case, rng = CASES[name], np.random.default_rng(zlib.crc32(name.encode()))
    facts = np.finfo(dtype)
    operands = []
    for _ in range(case.operands):
        patterns = rng.integers(0, 256, (count, dtype.itemsize), dtype=np.uint8).view(dtype).ravel()
        small = np.ldexp(rng.uniform(-1, 1, count), rng.integers(facts.minexp // 8, 8, count))
        near = [rng.uniform(low, high, count) for low, high in case.near]
        operands.append(np.concatenate([np.nan_to_num(patterns, nan=1.5), *(x.astype(dtype) for x in (small, *near))]))
    if name == "power":  # results of all magnitudes
        x, y = operands
        wide = np.abs(x.astype(float)) + 1e-3
        fitting = rng.uniform(1.1 * facts.minexp, 1.01 * facts.maxexp, x.size) / np.log2(wide)
        operands = [np.concatenate([x, wide.astype(dtype)]), np.concatenate([y, fitting.astype(dtype)])]
    return [np.clip(x, facts.min, facts.max) for x in operands]


def reference(name: str, operands: list[Any]) -> Any:
    """What NumPy says in more digits than the operands have."""
    wider = np.float64 if operands[0].dtype == FLOAT32 else np.longdouble
    with np.errstate(all="ignore"):
        return CASES[name].numpy(*(x.astype(wider) for x in operands))


def exactly(name: str, operands: list[Any]) -> list[Any]:
    """What mpmath says."""
    found = []
    for xs in zip(*operands, strict=True):
        with mp.workdps(400 if name in {"sin", "cos", "tan"} else 80):
            try:
                y = CASES[name].exact(*(mp.mpf(float(x)) for x in xs))
            except (ValueError, ZeroDivisionError):
                y = mp.nan
            found.append(mp.nan if isinstance(y, mp.mpc) else +y)
    return found


def mp_ulps(found: Any, exact: Any, scale: float) -> float:
    """As ``ulps``, for one number from mpmath."""
    facts = np.finfo(type(found))
    if np.isnan(found) or mp.isnan(exact):
        return 0.0 if np.isnan(found) and mp.isnan(exact) else np.inf
    limit = mp.mpf(2) ** int(facts.maxexp)
    size = max(abs(exact), mp.mpf(scale))
    exponent = mp.floor(mp.log(size, 2)) if 0 < size < mp.inf else 0
    unit = mp.mpf(2) ** (min(max(exponent, int(facts.minexp)), int(facts.maxexp) - 1) - int(facts.nmant))
    x = mp.mpf(float(found)) if np.isfinite(found) else mp.sign(float(found)) * limit
    return float(abs(x - min(max(exact, -limit), limit)) / unit)


def ulps(found: Any, exact: Any, scale: Any) -> Any:
    """The error in units in the last place that the format has for ``exact``, or for ``scale`` if that is larger."""
    facts = np.finfo(found.dtype)
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(exact), scale)
        _, exponent = np.frexp(np.where(np.isfinite(size), size, 1))
        unit = np.ldexp(np.ones_like(exact), np.clip(exponent - 1, facts.minexp, facts.maxexp - 1) - facts.nmant)
        # What does not round to a finite number counts as the first number that is too large.
        limit = np.ldexp(np.ones_like(exact), facts.maxexp)
        as_number = np.where(np.isinf(found), np.copysign(limit, found), found.astype(exact.dtype))
        error = np.abs(as_number - np.clip(exact, -limit, limit)) / unit
    error = np.where(np.isnan(found) & np.isnan(exact), 0.0, error)
    return np.where(np.isnan(error), np.inf, error)


def bound(name: str) -> float:
    """The bound that the docstring states."""
    stated = re.search(r"Within (\d(?:\.\d+)?) ulp", FUNCTIONS[name].__doc__ or "")
    assert stated, f"{name} states no bound"
    return float(stated[1])


def assert_within_bound(name: str, found: Any, exact: Any, operands: list[Any]) -> None:
    scale = np.maximum(*(np.abs(x) for x in operands)) if name == "logaddexp" else np.zeros_like(found)
    if isinstance(exact, list):
        error = np.array([mp_ulps(y, z, float(least)) for y, z, least in zip(found, exact, scale, strict=True)])
    else:
        error = ulps(found, exact, scale.astype(exact.dtype))
    worst = int(np.argmax(error))
    at = [float(x[worst]) for x in operands]
    assert error[worst] <= bound(name), f"{name}{at} = {found[worst]!r}, not {exact[worst]!r}: {error[worst]:.2f} ulp"


def test_every_function_has_a_case() -> None:
    assert FUNCTIONS.keys() == CASES.keys()


@each_function
def test_the_bound_is_at_most_two(name: str) -> None:
    assert 0 < bound(name) <= 2


@each_dtype
@each_function
def test_error_over_the_whole_range(name: str, dtype: np.dtype[Any]) -> None:
    case = CASES[name]
    operands = drawn(name, dtype, 20_000)
    if dtype == FLOAT64 and not (EXTENDED and case.extended):
        pytest.skip("no reference in more digits: see the samples")
    width = 64 // dtype.itemsize
    assert_within_bound(name, compiled(name, dtype, width)(*operands), reference(name, operands), operands)


@each_dtype
@each_function
def test_error_without_fused_multiply_add(name: str, dtype: np.dtype[Any]) -> None:
    case = CASES[name]
    if dtype == FLOAT64 and not (EXTENDED and case.extended):
        pytest.skip("no reference in more digits")
    operands = drawn(name, dtype, 5000)
    found = compiled(name, dtype, 32 // dtype.itemsize, fma=False)(*operands)
    assert_within_bound(name, found, reference(name, operands), operands)


@each_dtype
@each_function
def test_samples_against_mpmath(name: str, dtype: np.dtype[Any]) -> None:
    operands = drawn(name, dtype, 25 if CASES[name].extended or dtype == FLOAT32 else 500)
    assert_within_bound(name, compiled(name, dtype, 4)(*operands), exactly(name, operands), operands)


@each_dtype
@each_function
def test_special_values_are_those_of_numpy(name: str, dtype: np.dtype[Any]) -> None:
    facts = np.finfo(dtype)
    sizes = [0, 0.5, 1, 1.5, 2, 3, 1000, 1e5, 1e22, facts.smallest_subnormal, facts.tiny, facts.max, np.inf]
    values = np.array([*sizes, *(-x for x in sizes), np.nan], dtype)
    operands = [x.ravel() for x in np.meshgrid(*[values] * CASES[name].operands)]
    found = compiled(name, dtype, 4)(*operands)
    with np.errstate(all="ignore"):
        expected = CASES[name].numpy(*operands)
        close = np.isclose(found, expected, rtol=16 * facts.eps, atol=0, equal_nan=True)
    same = close & ((np.signbit(found) == np.signbit(expected)) | np.isnan(expected))
    wrong = [([x[i] for x in operands], found[i], expected[i]) for i in np.flatnonzero(~same)]
    assert not wrong, f"{name}: operands, ours, NumPy's"


@each_dtype
@each_function
def test_results_do_not_depend_on_the_width(name: str, dtype: np.dtype[Any]) -> None:
    operands = drawn(name, dtype, 500)
    scalar, *vectors = (compiled(name, dtype, width)(*operands) for width in (None, 4, 8))
    for vector in vectors:
        np.testing.assert_array_equal(vector, scalar)  # NaN is NaN; bits:
        there = ~np.isnan(scalar)
        np.testing.assert_array_equal(
            vector[there].view(f"u{dtype.itemsize}"), scalar[there].view(f"u{dtype.itemsize}")
        )


@each_dtype
@pytest.mark.parametrize(("name", "base"), [("exp2", 2), ("log2", 2), ("log10", 10)])
def test_powers_of_the_base_are_exact(name: str, base: int, dtype: np.dtype[Any]) -> None:
    exponents = np.arange(-140, 128) if base == 2 else np.arange(0, 11 if dtype == FLOAT32 else 23)
    powers = np.array([float(base) ** float(k) for k in exponents]).astype(dtype)
    x, y = (exponents, powers) if name == "exp2" else (powers, exponents)
    np.testing.assert_array_equal(compiled(name, dtype, 4)(x), y.astype(dtype))


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_near_multiples_of_half_pi(name: str) -> None:
    """Where what is left after the reduction is smallest; the last is the worst of all float64 (Muller, ch. 11)."""
    with mp.workdps(60):
        multiples = [float(k * mp.pi / 2) for k in (1, 2, 3, 11, 355, 10**5, 683565275, 683565276, 10**15)]
    x = np.array([*multiples, 6381956970095103.0 * 2.0**797])
    assert_within_bound(name, compiled(name, FLOAT64, 4)(x), exactly(name, [x]), [x])
    short = (np.arange(1, 200_000) * (np.pi / 2)).astype(np.float32)
    assert_within_bound(name, compiled(name, FLOAT32, 8)(short), reference(name, [short]), [short])


def test_the_tables_are_what_the_script_makes() -> None:
    """All but the slowest fits; ``python tools/vecmath_tables.py --check`` compares the whole file."""
    text = vecmath_tables.TARGET.read_text(encoding="utf-8")
    for name in ("SIN", "LOG"):
        made, _ = vecmath_tables.coefficients(vecmath_tables.FITS[name], 32)
        assert f"    32: ({', '.join(map(repr, made))})," in text
    committed: dict[str, Any] = {}
    exec(text, committed)
    for name, (_, split) in vecmath_tables.SPLITS.items():
        assert committed[name] == split
    assert committed["TWO_OVER_PI_WORDS"] == tuple(vecmath_tables.two_over_pi_words())
