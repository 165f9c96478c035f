"""``scipy.special``: the rarer functions, in the same table form (see ``scipy_special``)."""

import math
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.later import Later, composes, no_rate, when
from geartrain.ops.scipy_special import (
    ANY,
    POSITIVE,
    UNIT,
    A,
    B,
    C,
    Interval,
    N,
    Rate,
    Rate1,
    beta_density,
    enter_rows,
    gamma_density,
)

__all__ = ["ONE_OPERAND", "SEVERAL"]

S = Later("scipy.special")
PI = math.pi
ORDER = (0.5, 1.5)

# Kelvin functions: w = ber + i bei solves x^2 w'' + x w' = i x^2 w (DLMF 10.61), and ker + i kei too.

ONE_OPERAND: dict[str, tuple[Interval, Rate1]] = {
    "ber": (POSITIVE, lambda y, x: S.berp(x)),
    "bei": (POSITIVE, lambda y, x: S.beip(x)),
    "ker": (POSITIVE, lambda y, x: S.kerp(x)),
    "kei": (POSITIVE, lambda y, x: S.keip(x)),
    "berp": (POSITIVE, lambda y, x: -S.bei(x) - y / x),
    "beip": (POSITIVE, lambda y, x: S.ber(x) - y / x),
    "kerp": (POSITIVE, lambda y, x: -S.kei(x) - y / x),
    "keip": (POSITIVE, lambda y, x: S.ker(x) - y / x),
    "wofz": (POSITIVE, lambda y, z: 2j / math.sqrt(PI) - 2 * z * y),
    "itstruve0": (POSITIVE, lambda y, x: S.struve(0, x)),
    "itmodstruve0": (POSITIVE, lambda y, x: S.modstruve(0, x)),
    "it2struve0": (POSITIVE, lambda y, x: -S.struve(0, x) / x),
    "kolmogorov": ((0.5, 1.5), lambda y, x: -_kolmogorov_density(x)),
    "kolmogi": ((0.2, 0.9), lambda y, p: -1 / _kolmogorov_density(y)),
}


def _binomial_density(k: Array, n: Array, p: Array) -> Array:
    """The rate of the binomial distribution function in p is minus this."""
    return beta_density(np.floor(k) + 1, n - np.floor(k), p)


def _f_rate(m: Array, n: Array, x: Array) -> Array:
    return beta_density(m / 2, n / 2, m * x / (n + m * x)) * m * n / (n + m * x) ** 2


def _rd_in_x(y: Array, a: Array, b: Array, c: Array) -> Array:
    """R_D is -6 dR_F/dz, and second derivatives of R_F follow from Euler and Poisson's equation (DLMF 19.18)."""
    return (S.elliprd(b, c, a) - y) / (2 * (a - c))


def _rd_in_z(y: Array, a: Array, b: Array, c: Array) -> Array:
    """R_D is homogeneous of degree -3/2."""
    return -(1.5 * y + a * _rd_in_x(y, a, b, c) + b * _rd_in_x(y, b, a, c)) / c


def _chi_in_x(y: Array, x: Array, df: Array, nc: Array) -> Array:
    return (S.chndtr(x, df - 2, nc) - S.chndtr(x, df, nc)) / 2


def _chi_in_nc(y: Array, x: Array, df: Array, nc: Array) -> Array:
    return (S.chndtr(x, df + 2, nc) - S.chndtr(x, df, nc)) / 2


def _smirnov_density(n: Array, d: Array) -> Array:
    """The rate of the sum of Z. Birnbaum and F. Tingey (1951), term by term; ``n`` is one integer."""
    count = int(np.max(n))
    total: Array = 0.0
    for j in range(count):
        high, low = 1 - d - j / count, d + j / count
        there = high > 0
        high = np.where(there, high, 1.0)
        size = math.comb(count, j) * high ** (count - j) * low ** (j - 1)
        rate = size * (1 + d * ((j - 1) / low - (count - j) / high))
        total = total + np.where(there, rate, 0.0)
    return -total


def _kolmogorov_density(x: Array) -> Array:
    """Minus the rate of Kolmogorov's alternating series (A. Kolmogorov, 1933)."""
    total: Array = 0.0
    for j in range(1, 31):
        total = total + (-1) ** (j - 1) * 8.0 * j * j * x * np.exp(-2.0 * j * j * x * x)
    return total


SEVERAL: dict[str, tuple[tuple[Interval, ...], tuple[Rate, ...]]] = {
    "jve": ((ORDER, POSITIVE), (no_rate("jve", "the order"), lambda y, v, x: (S.jve(v - 1, x) - S.jve(v + 1, x)) / 2)),
    "yve": ((ORDER, POSITIVE), (no_rate("yve", "the order"), lambda y, v, x: (S.yve(v - 1, x) - S.yve(v + 1, x)) / 2)),
    "hankel1": (
        (ORDER, POSITIVE),
        (no_rate("hankel1", "the order"), lambda y, v, z: (S.hankel1(v - 1, z) - S.hankel1(v + 1, z)) / 2),
    ),
    "hankel2": (
        (ORDER, POSITIVE),
        (no_rate("hankel2", "the order"), lambda y, v, z: (S.hankel2(v - 1, z) - S.hankel2(v + 1, z)) / 2),
    ),
    "hankel1e": (
        (ORDER, POSITIVE),
        (no_rate("hankel1e", "the order"), lambda y, v, z: (S.hankel1e(v - 1, z) - S.hankel1e(v + 1, z)) / 2 - 1j * y),
    ),
    "hankel2e": (
        (ORDER, POSITIVE),
        (no_rate("hankel2e", "the order"), lambda y, v, z: (S.hankel2e(v - 1, z) - S.hankel2e(v + 1, z)) / 2 + 1j * y),
    ),
    "powm1": ((POSITIVE, ANY), (lambda y, a, b: b * a ** (b - 1), lambda y, a, b: (y + 1) * np.log(a))),
    "elliprc": (
        ((0.5, 0.9), (1.2, 2.0)),
        (
            lambda y, a, b: (y - 1 / np.sqrt(a)) / (2 * (b - a)),
            lambda y, a, b: (np.sqrt(a) / b - y) / (2 * (b - a)),
        ),
    ),
    "elliprf": (
        (A, B, C),
        (
            lambda y, a, b, c: -S.elliprd(b, c, a) / 6,
            lambda y, a, b, c: -S.elliprd(c, a, b) / 6,
            lambda y, a, b, c: -S.elliprd(a, b, c) / 6,
        ),
    ),
    "elliprd": (
        (A, (2.1, 2.5), C),
        (_rd_in_x, lambda y, a, b, c: _rd_in_x(y, b, a, c), _rd_in_z),
    ),
    "bdtr": ((N, (6, 6), UNIT), (None, None, lambda y, k, n, p: -_binomial_density(k, n, p))),
    "bdtrc": ((N, (6, 6), UNIT), (None, None, lambda y, k, n, p: _binomial_density(k, n, p))),
    "nbdtr": ((N, (6, 6), UNIT), (None, None, lambda y, k, n, p: beta_density(n, k + 1.0, p))),
    "nbdtrc": ((N, (6, 6), UNIT), (None, None, lambda y, k, n, p: -beta_density(n, k + 1.0, p))),
    "chdtri": ((C, UNIT), (no_rate("chdtri", "v"), lambda y, v, p: -2 / gamma_density(v / 2, y / 2))),
    "fdtrc": ((C, C, A), (no_rate("fdtrc", "dfn"), no_rate("fdtrc", "dfd"), lambda y, m, n, x: -_f_rate(m, n, x))),
    "fdtri": (
        (C, C, UNIT),
        (no_rate("fdtri", "dfn"), no_rate("fdtri", "dfd"), lambda y, m, n, p: 1 / _f_rate(m, n, y)),
    ),
    "gdtrc": (
        (A, B, B),
        (
            lambda y, a, b, x: -x * gamma_density(b, a * x),
            no_rate("gdtrc", "b"),
            lambda y, a, b, x: -a * gamma_density(b, a * x),
        ),
    ),
    "gdtrix": (
        (A, B, UNIT),
        (
            lambda y, a, b, p: -y / a,
            no_rate("gdtrix", "b"),
            lambda y, a, b, p: 1 / (a * gamma_density(b, a * y)),
        ),
    ),
    "gdtria": (
        (UNIT, A, B),
        (
            lambda y, p, b, x: 1 / (x * gamma_density(b, x * y)),
            no_rate("gdtria", "b"),
            lambda y, p, b, x: -y / x,
        ),
    ),
    "betainccinv": (
        (A, B, UNIT),
        (no_rate("betainccinv", "a"), no_rate("betainccinv", "b"), lambda y, a, b, p: -1 / beta_density(a, b, y)),
    ),
    "inv_boxcox1p": (
        (POSITIVE, A),
        (
            lambda y, x, p: (1 + y) ** (1 - p),
            lambda y, x, p: (1 + y) * (x / (p * (1 + p * x)) - np.log1p(p * x) / (p * p)),
        ),
    ),
    "eval_chebyc": ((N, UNIT), (None, lambda y, n, x: n * S.eval_chebyu(n - 1, x / 2))),
    "eval_chebys": ((N, UNIT), (None, lambda y, n, x: S.eval_gegenbauer(n - 1, 2.0, x / 2))),
    "eval_sh_legendre": ((N, UNIT), (None, lambda y, n, x: 2 * S.eval_gegenbauer(n - 1, 1.5, 2 * x - 1))),
    "eval_sh_chebyt": ((N, UNIT), (None, lambda y, n, x: 2 * n * S.eval_chebyu(n - 1, 2 * x - 1))),
    "eval_sh_chebyu": ((N, UNIT), (None, lambda y, n, x: 4 * S.eval_gegenbauer(n - 1, 2.0, 2 * x - 1))),
    "eval_sh_jacobi": (
        (N, C, A, UNIT),
        (
            None,
            no_rate("eval_sh_jacobi", "p"),
            no_rate("eval_sh_jacobi", "q"),
            lambda y, n, p, q, x: n * S.eval_sh_jacobi(n - 1, p + 2, q + 1, x),
        ),
    ),
    "lpmv": (
        ((1, 1), A, UNIT),
        (None, no_rate("lpmv", "v"), lambda y, m, v, x: ((v + m) * S.lpmv(m, v - 1, x) - v * x * y) / (1 - x * x)),
    ),
    "wright_bessel": (
        (A, B, UNIT),
        (
            no_rate("wright_bessel", "a"),
            no_rate("wright_bessel", "b"),
            lambda y, a, b, x: S.wright_bessel(a, a + b, x),
        ),
    ),
    "log_wright_bessel": (
        (A, B, UNIT),
        (
            no_rate("log_wright_bessel", "a"),
            no_rate("log_wright_bessel", "b"),
            lambda y, a, b, x: np.exp(S.log_wright_bessel(a, a + b, x) - y),
        ),
    ),
    "bdtri": ((N, (6, 6), UNIT), (None, None, lambda y, k, n, q: -1 / _binomial_density(k, n, y))),
    "nbdtri": ((N, (6, 6), UNIT), (None, None, lambda y, k, n, q: 1 / beta_density(n, k + 1.0, y))),
    "pdtri": ((N, UNIT), (None, lambda y, k, q: -1 / gamma_density(k + 1.0, y))),
    # The noncentral distribution moves to its neighbours of two degrees more or less (N. Johnson, S. Kotz, 1970).
    "chndtr": (
        (B, (5.0, 6.0), A),
        (_chi_in_x, no_rate("chndtr", "df"), _chi_in_nc),
    ),
    "chndtrix": (
        (UNIT, (5.0, 6.0), A),
        (
            lambda y, p, df, nc: 1 / _chi_in_x(p, y, df, nc),
            no_rate("chndtrix", "df"),
            lambda y, p, df, nc: -_chi_in_nc(p, y, df, nc) / _chi_in_x(p, y, df, nc),
        ),
    ),
    "chndtrinc": (
        ((3.0, 3.5), (5.0, 6.0), (0.1, 0.2)),
        (
            lambda y, x, df, p: -_chi_in_x(p, x, df, y) / _chi_in_nc(p, x, df, y),
            no_rate("chndtrinc", "df"),
            lambda y, x, df, p: 1 / _chi_in_nc(p, x, df, y),
        ),
    ),
    "tklmbda": (
        (UNIT, (0.3, 0.6)),
        (
            lambda y, x, s: 1 / (y ** (s - 1) + (1 - y) ** (s - 1)),
            lambda y, x, s: (
                -((y**s * np.log(y) - (1 - y) ** s * np.log1p(-y)) / s - x / s) / (y ** (s - 1) + (1 - y) ** (s - 1))
            ),
        ),
    ),
    "smirnov": (((5, 5), (0.2, 0.5)), (None, lambda y, n, d: -_smirnov_density(n, d))),
    "smirnovi": (((5, 5), (0.2, 0.8)), (None, lambda y, n, p: -1 / _smirnov_density(n, y))),
}


@when("scipy.special")
def _enter(special: Any) -> None:
    enter_rows(special, ONE_OPERAND, SEVERAL)


# Expressions.


@composes("scipy.special")
def elliprg(x: Array, y: Array, z: Array) -> Array:
    """DLMF 19.21.10."""
    return (z * S.elliprf(x, y, z) - (x - z) * (y - z) * S.elliprd(x, y, z) / 3 + np.sqrt(x * y / z)) / 2


@composes("scipy.special")
def kelvin(x: Array) -> tuple[Array, ...]:
    return S.ber(x) + 1j * S.bei(x), S.ker(x) + 1j * S.kei(x), S.berp(x) + 1j * S.beip(x), S.kerp(x) + 1j * S.keip(x)


@composes("scipy.special")
def agm(a: Array, b: Array) -> Array:
    """The arithmetic-geometric mean by Gauss's formula (DLMF 19.8.5)."""
    return PI * (a + b) / (4 * S.ellipk(((a - b) / (a + b)) ** 2))


@composes("scipy.special")
def voigt_profile(x: Array, sigma: Array, gamma: Array) -> Array:
    """By the Faddeeva function (DLMF 7.19)."""
    width = sigma * math.sqrt(2)
    return np.real(S.wofz((x + 1j * gamma) / width)) / (width * math.sqrt(PI))


@composes("scipy.special")
def radian(d: Array, m: Array, s: Array) -> Array:
    return (d + m / 60.0 + s / 3600.0) * (PI / 180)


@composes("scipy.special")
def nrdtrimn(p: Array, std: Array, x: Array) -> Array:
    return x - std * S.ndtri(p)


@composes("scipy.special")
def nrdtrisd(mn: Array, p: Array, x: Array) -> Array:
    return (x - mn) / S.ndtri(p)
