"""``math`` and ``cmath`` in a traced function: their values, types, errors, and a derivative."""

import cmath
import math
from collections.abc import Callable
from math import atan2, sqrt
from typing import Any

import numpy as np
import pytest
import scipy.special

import geartrain as gt

EVERYWHERE = "sin cos tan sinh cosh tanh asinh atan exp exp2 expm1 erf erfc fabs degrees radians"
BELOW_ONE = "asin acos atanh"
ABOVE_ONE = "acosh log log2 log10 log1p gamma lgamma sqrt cbrt"
ONE = [(name, 0.3) for name in f"{EVERYWHERE} {BELOW_ONE}".split()]
ONE += [(name, 1.7) for name in f"{EVERYWHERE} {ABOVE_ONE}".split()]

SEVERAL: dict[str, Callable[[float], float]] = {
    "atan2": lambda x: math.atan2(x, 2.0) + atan2(1.5, x),
    "pow": lambda x: math.pow(x, 2.5) + math.pow(2.5, x),
    "log to a base": lambda x: math.log(x, 3) + math.log(5, x),
    "hypot": lambda x: math.hypot(x, 2 * x, 3.0) + math.hypot(x),
    "dist": lambda x: math.dist([x, 1.0], (0.5, x * x)),
    "fsum": lambda x: math.fsum([x, 0.5, x * x]) + math.fsum(x**k for k in range(4)),
    "prod": lambda x: math.prod([x, 2.0, x]),
    "fmod and remainder": lambda x: math.fmod(7.0, x) + math.remainder(7.0, x) + math.fmod(x, 0.7),
    "copysign": lambda x: math.copysign(x, -1.0),
    "modf": lambda x: math.modf(x)[0] * x + math.modf(x)[1] * x,
    "by name": lambda x: sqrt(x) * 2,
    "branches": lambda x: x * x if math.isclose(x, 1.3, abs_tol=0.1) and math.isfinite(x) and not math.isnan(x) else x,
    "constants": lambda x: math.sin(2.0) * x + math.comb(5, 2) * math.floor(x) * x,
    "complex": lambda x: abs(cmath.exp(complex(0.3) * x) * cmath.sqrt(x - 2) + cmath.log(x + 1j)) + cmath.phase(x + 1j),
    "polar": lambda x: cmath.rect(x, x * x).real + cmath.polar(x + 2j)[0],
    "an array without axes": lambda x: math.sin(np.array(x)) * math.cos(np.float32(1.0)),
}


def slope(f: Callable[[float], float], x: float) -> float:
    """Richardson's extrapolation of two central differences."""
    h = 1e-3
    one, two = [(f(x + s) - f(x - s)) / (2 * s) for s in (h, 2 * h)]
    return (4 * one - two) / 3


@pytest.mark.parametrize(("name", "x"), ONE)
def test_one_number(name: str, x: float) -> None:
    def f(x: float) -> float:
        return getattr(math, name)(x)

    assert scipy.special
    y, y_dot = gt.jvp(f, (x,), (1.0,))
    assert math.isclose(y, f(x), rel_tol=1e-14)
    assert math.isclose(gt.grad(f)(x), slope(f, x), rel_tol=1e-7)
    assert math.isclose(y_dot, gt.grad(f)(x), rel_tol=1e-12)
    assert math.isclose(gt.jit(gt.grad(f))(x), y_dot, rel_tol=1e-12)


@pytest.mark.parametrize("name", SEVERAL)
def test_several_numbers(name: str) -> None:
    f = SEVERAL[name]
    assert math.isclose(gt.value_and_grad(f)(1.3)[0], f(1.3), rel_tol=1e-14)
    assert math.isclose(gt.grad(f)(1.3), slope(f, 1.3), rel_tol=1e-7)
    assert math.isclose(gt.grad(gt.grad(f))(1.3), slope(gt.grad(f), 1.3), rel_tol=1e-6, abs_tol=1e-6)


def test_a_result_is_a_number_of_python() -> None:
    seen: list[Any] = []

    def f(x: float) -> float:
        y = math.sin(x) * np.float32(2.0)
        seen.append(y.dtype)
        return math.cos(x)

    assert type(gt.value_and_grad(f)(1.0)[0]) is float
    assert seen == [np.float32]


@pytest.mark.parametrize(("f", "x"), [(math.sqrt, -1.0), (math.log, 0.0), (math.exp, 1e4), (math.acos, 2.0)])
def test_what_python_raises_is_raised(f: Callable[[float], float], x: float) -> None:
    with pytest.raises((ValueError, OverflowError)) as plain:
        f(x)
    with pytest.raises(plain.type, match=str(plain.value)):
        gt.grad(f)(x)


def test_an_array_of_several_numbers_is_refused_as_python_does() -> None:
    with pytest.raises(TypeError, match="only"):
        gt.grad(lambda x: math.sin(x))(np.ones(3))


def test_the_names_are_put_back() -> None:
    before = dict(vars(math)), dict(vars(cmath)), sqrt
    gt.grad(lambda x: math.sin(x) * sqrt(x))(1.0)
    with pytest.raises(ValueError, match="domain"):
        gt.grad(math.sqrt)(-1.0)
    assert (dict(vars(math)), dict(vars(cmath)), sqrt) == before


def test_a_batch() -> None:
    xs = np.array([0.5, 1.0, 2.0])
    assert np.allclose(gt.vmap(math.sin)(xs), np.sin(xs))
