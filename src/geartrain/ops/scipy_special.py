"""``scipy.special``: local rates, after the NIST Digital Library of Mathematical Functions (dlmf.nist.gov).

A row: the name, an interval where the function is smooth for each operand, and the rate in each operand from the value
y and the operands. ``None`` is a rate of zero (integers), ``no_rate`` one without a formula.
"""

import math
from collections.abc import Callable
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.later import Later, no_rate, several, when
from geartrain.ops.table import ROWS, constant, spells

__all__ = ["ONE_OPERAND", "SEVERAL"]

Interval = tuple[float, float]
Rate1 = Callable[[Array, Array], Array]
Rate = (
    Callable[[Array, Array, Array], Array]
    | Callable[[Array, Array, Array, Array], Array]
    | Callable[[Array, Array, Array, Array, Array], Array]
    | None
)

S = Later("scipy.special")
PI = math.pi
ROOT_PI = math.sqrt(PI)
ROOT_2PI = math.sqrt(2 * PI)
DEGREE = PI / 180
POSITIVE = (0.3, 3.0)
ANY = (-2.0, 2.0)
UNIT = (0.1, 0.9)

# One operand. Error functions (DLMF 7), the gamma function (5), integrals (6), Bessel functions of fixed order (10).

ONE_OPERAND: dict[str, tuple[Interval, Rate1]] = {
    "erf": (ANY, lambda y, x: 2 / ROOT_PI * np.exp(-x * x)),
    "erfc": (ANY, lambda y, x: -2 / ROOT_PI * np.exp(-x * x)),
    "erfcx": (ANY, lambda y, x: 2 * x * y - 2 / ROOT_PI),
    "erfi": (ANY, lambda y, x: 2 / ROOT_PI * np.exp(x * x)),
    "erfinv": ((-0.8, 0.8), lambda y, x: ROOT_PI / 2 * np.exp(y * y)),
    "erfcinv": ((0.2, 1.8), lambda y, x: -ROOT_PI / 2 * np.exp(y * y)),
    "dawsn": (ANY, lambda y, x: 1 - 2 * x * y),
    "expit": (ANY, lambda y, x: y * (1 - y)),
    "logit": (UNIT, lambda y, x: 1 / (x * (1 - x))),
    "log_expit": (ANY, lambda y, x: S.expit(-x)),
    "ndtr": (ANY, lambda y, x: np.exp(-x * x / 2) / ROOT_2PI),
    "log_ndtr": (ANY, lambda y, x: np.exp(-x * x / 2 - y) / ROOT_2PI),
    "ndtri": (UNIT, lambda y, x: ROOT_2PI * np.exp(y * y / 2)),
    "ndtri_exp": ((-2.0, -0.2), lambda y, x: ROOT_2PI * np.exp(y * y / 2 + x)),
    "gamma": (POSITIVE, lambda y, x: y * S.psi(x)),
    "gammaln": (POSITIVE, lambda y, x: S.psi(x)),
    "loggamma": (POSITIVE, lambda y, x: S.psi(x)),
    "rgamma": (POSITIVE, lambda y, x: -y * S.psi(x)),
    "psi": (POSITIVE, lambda y, x: S.zeta(2.0, x)),
    "exprel": (POSITIVE, lambda y, x: (np.exp(x) - y) / x),
    "expm1": (ANY, lambda y, x: y + 1),
    "log1p": (POSITIVE, lambda y, x: 1 / (1 + x)),
    "exp2": (ANY, lambda y, x: y * math.log(2)),
    "exp10": (ANY, lambda y, x: y * math.log(10)),
    "cbrt": (POSITIVE, lambda y, x: 1 / (3 * y * y)),
    "cosm1": (ANY, lambda y, x: -np.sin(x)),
    "sindg": (ANY, lambda y, x: DEGREE * S.cosdg(x)),
    "cosdg": (ANY, lambda y, x: -DEGREE * S.sindg(x)),
    "tandg": (ANY, lambda y, x: DEGREE * (1 + y * y)),
    "cotdg": ((20.0, 60.0), lambda y, x: -DEGREE * (1 + y * y)),
    "entr": (POSITIVE, lambda y, x: -np.log(x) - 1),
    "expi": (POSITIVE, lambda y, x: np.exp(x) / x),
    "exp1": (POSITIVE, lambda y, x: -np.exp(-x) / x),
    "spence": (POSITIVE, lambda y, x: np.log(x) / (1 - x)),
    "wrightomega": (ANY, lambda y, x: y / (1 + y)),
    "ellipk": (UNIT, lambda y, m: (S.ellipe(m) / (1 - m) - y) / (2 * m)),
    "ellipkm1": (UNIT, lambda y, p: -(S.ellipe(1 - p) / p - y) / (2 * (1 - p))),
    "ellipe": (UNIT, lambda y, m: (y - S.ellipk(m)) / (2 * m)),
    "j0": (POSITIVE, lambda y, x: -S.j1(x)),
    "j1": (POSITIVE, lambda y, x: (S.j0(x) - S.jv(2, x)) / 2),
    "y0": (POSITIVE, lambda y, x: -S.y1(x)),
    "y1": (POSITIVE, lambda y, x: (S.y0(x) - S.yv(2, x)) / 2),
    "i0": (ANY, lambda y, x: S.i1(x)),
    "i0e": (POSITIVE, lambda y, x: S.i1e(x) - np.sign(x) * y),
    "i1": (POSITIVE, lambda y, x: (S.i0(x) + S.iv(2, x)) / 2),
    "i1e": (POSITIVE, lambda y, x: (S.i0e(x) + S.ive(2, x)) / 2 - np.sign(x) * y),
    "k0": (POSITIVE, lambda y, x: -S.k1(x)),
    "k0e": (POSITIVE, lambda y, x: y - S.k1e(x)),
    "k1": (POSITIVE, lambda y, x: -(S.k0(x) + S.kv(2, x)) / 2),
    "k1e": (POSITIVE, lambda y, x: y - (S.k0e(x) + S.kve(2, x)) / 2),
}


def beta_density(a: Array, b: Array, x: Array) -> Array:
    return np.exp(S.xlogy(a - 1, x) + S.xlog1py(b - 1, -x) - S.betaln(a, b))


def gamma_density(a: Array, x: Array) -> Array:
    return np.exp(S.xlogy(a - 1, x) - x - S.gammaln(a))


def _t_density(df: Array, t: Array) -> Array:
    size = S.gammaln((df + 1) / 2) - S.gammaln(df / 2) - np.log(PI * df) / 2
    return np.exp(size - (df + 1) / 2 * np.log1p(t * t / df))


def incomplete_in_m(y: Array, phi: Array, m: Array) -> Array:
    root = np.sqrt(1 - m * np.sin(phi) ** 2)
    return (S.ellipeinc(phi, m) - (1 - m) * y) / (2 * m * (1 - m)) - np.sin(2 * phi) / (4 * (1 - m) * root)


def _in_lambda(y: Array, x: Array, power: Array) -> Array:
    """The rate of ``(x^p - 1) / p`` in p, from ``log x``; its limit at 0."""
    zero = power == 0
    safe = np.where(zero, np.ones((), power.dtype), power)
    return np.where(zero, x * x / 2, ((1 + y * power) * x - y) / safe)


# Several operands: an interval and a rate for each.

A, B, C = (0.5, 2.0), (0.6, 2.5), (2.6, 4.0)
ORDER = (0.5, 1.5)
N = (3, 4)  # an integer degree
SEVERAL: dict[str, tuple[tuple[Interval, ...], tuple[Rate, ...]]] = {
    "xlogy": ((ANY, POSITIVE), (lambda y, a, b: np.log(b), lambda y, a, b: a / b)),
    "xlog1py": ((ANY, POSITIVE), (lambda y, a, b: np.log1p(b), lambda y, a, b: a / (1 + b))),
    "rel_entr": ((A, B), (lambda y, a, b: np.log(a / b) + 1, lambda y, a, b: -a / b)),
    "kl_div": ((A, B), (lambda y, a, b: np.log(a / b), lambda y, a, b: 1 - a / b)),
    "huber": (
        ((0.5, 0.6), (1.0, 2.0)),
        (
            lambda y, d, r: np.where(np.abs(r) > d, np.abs(r) - d, np.zeros_like(r)),
            lambda y, d, r: np.where(np.abs(r) > d, d * np.sign(r), r),
        ),
    ),
    "pseudo_huber": (
        (A, ANY),
        (
            lambda y, d, r: 2 * d * (np.hypot(1.0, r / d) - 1) - r * r / (d * np.hypot(1.0, r / d)),
            lambda y, d, r: r / np.hypot(1.0, r / d),
        ),
    ),
    "zeta": (((1.5, 3.0), POSITIVE), (no_rate("zeta", "the order"), lambda y, s, x: -s * S.zeta(s + 1, x))),
    "beta": (
        (A, B),
        (lambda y, a, b: y * (S.psi(a) - S.psi(a + b)), lambda y, a, b: y * (S.psi(b) - S.psi(a + b))),
    ),
    "betaln": ((A, B), (lambda y, a, b: S.psi(a) - S.psi(a + b), lambda y, a, b: S.psi(b) - S.psi(a + b))),
    "poch": (
        (A, B),
        (lambda y, z, m: y * (S.psi(z + m) - S.psi(z)), lambda y, z, m: y * S.psi(z + m)),
    ),
    "binom": (
        ((4.0, 5.0), B),
        (
            lambda y, n, k: y * (S.psi(n + 1) - S.psi(n - k + 1)),
            lambda y, n, k: y * (S.psi(n - k + 1) - S.psi(k + 1)),
        ),
    ),
    "gammainc": ((A, B), (no_rate("gammainc", "the order a"), lambda y, a, x: gamma_density(a, x))),
    "gammaincc": ((A, B), (no_rate("gammaincc", "the order a"), lambda y, a, x: -gamma_density(a, x))),
    "gammaincinv": ((A, UNIT), (no_rate("gammaincinv", "the order a"), lambda y, a, p: 1 / gamma_density(a, y))),
    "gammainccinv": ((A, UNIT), (no_rate("gammainccinv", "the order a"), lambda y, a, p: -1 / gamma_density(a, y))),
    "stdtr": ((C, ANY), (no_rate("stdtr", "the degrees of freedom"), lambda y, df, t: _t_density(df, t))),
    "stdtrit": ((C, UNIT), (no_rate("stdtrit", "the degrees of freedom"), lambda y, df, p: 1 / _t_density(df, y))),
    "chdtr": ((C, B), (no_rate("chdtr", "the degrees of freedom"), lambda y, v, x: gamma_density(v / 2, x / 2) / 2)),
    "chdtrc": (
        (C, B),
        (no_rate("chdtrc", "the degrees of freedom"), lambda y, v, x: -gamma_density(v / 2, x / 2) / 2),
    ),
    "pdtr": ((N, B), (None, lambda y, k, m: -np.exp(S.xlogy(np.floor(k), m) - m - S.gammaln(np.floor(k) + 1)))),
    "pdtrc": ((N, B), (None, lambda y, k, m: np.exp(S.xlogy(np.floor(k), m) - m - S.gammaln(np.floor(k) + 1)))),
    "owens_t": (
        (ANY, ANY),
        (
            lambda y, h, a: -np.exp(-h * h / 2) * S.erf(a * h / math.sqrt(2)) / (2 * ROOT_2PI),
            lambda y, h, a: np.exp(-h * h * (1 + a * a) / 2) / (2 * PI * (1 + a * a)),
        ),
    ),
    "betainc": (
        (A, B, UNIT),
        (no_rate("betainc", "a"), no_rate("betainc", "b"), lambda y, a, b, x: beta_density(a, b, x)),
    ),
    "betaincc": (
        (A, B, UNIT),
        (no_rate("betaincc", "a"), no_rate("betaincc", "b"), lambda y, a, b, x: -beta_density(a, b, x)),
    ),
    "betaincinv": (
        (A, B, UNIT),
        (no_rate("betaincinv", "a"), no_rate("betaincinv", "b"), lambda y, a, b, p: 1 / beta_density(a, b, y)),
    ),
    "fdtr": (
        (C, C, A),
        (
            no_rate("fdtr", "dfn"),
            no_rate("fdtr", "dfd"),
            lambda y, m, n, x: beta_density(m / 2, n / 2, m * x / (n + m * x)) * m * n / (n + m * x) ** 2,
        ),
    ),
    "gdtr": (
        (A, B, B),
        (
            lambda y, a, b, x: x * gamma_density(b, a * x),
            no_rate("gdtr", "b"),
            lambda y, a, b, x: a * gamma_density(b, a * x),
        ),
    ),
    "expn": ((N, POSITIVE), (None, lambda y, n, x: -S.expn(n - 1, x))),
    "ellipkinc": ((UNIT, UNIT), (lambda y, phi, m: 1 / np.sqrt(1 - m * np.sin(phi) ** 2), incomplete_in_m)),
    "ellipeinc": (
        (UNIT, UNIT),
        (
            lambda y, phi, m: np.sqrt(1 - m * np.sin(phi) ** 2),
            lambda y, phi, m: (y - S.ellipkinc(phi, m)) / (2 * m),
        ),
    ),
    "jv": ((ORDER, POSITIVE), (no_rate("jv", "the order"), lambda y, v, x: (S.jv(v - 1, x) - S.jv(v + 1, x)) / 2)),
    "yv": ((ORDER, POSITIVE), (no_rate("yv", "the order"), lambda y, v, x: (S.yv(v - 1, x) - S.yv(v + 1, x)) / 2)),
    "yn": ((N, POSITIVE), (None, lambda y, v, x: (S.yv(v - 1, x) - S.yv(v + 1, x)) / 2)),
    "iv": ((ORDER, POSITIVE), (no_rate("iv", "the order"), lambda y, v, x: (S.iv(v - 1, x) + S.iv(v + 1, x)) / 2)),
    "kv": ((ORDER, POSITIVE), (no_rate("kv", "the order"), lambda y, v, x: -(S.kv(v - 1, x) + S.kv(v + 1, x)) / 2)),
    "kn": ((N, POSITIVE), (None, lambda y, v, x: -(S.kv(v - 1, x) + S.kv(v + 1, x)) / 2)),
    "ive": (
        (ORDER, POSITIVE),
        (no_rate("ive", "the order"), lambda y, v, x: (S.ive(v - 1, x) + S.ive(v + 1, x)) / 2 - np.sign(x) * y),
    ),
    "kve": (
        (ORDER, POSITIVE),
        (no_rate("kve", "the order"), lambda y, v, x: y - (S.kve(v - 1, x) + S.kve(v + 1, x)) / 2),
    ),
    "struve": (
        (ORDER, POSITIVE),
        (no_rate("struve", "the order"), lambda y, v, x: S.struve(v - 1, x) - v / x * y),
    ),
    "modstruve": (
        (ORDER, POSITIVE),
        (no_rate("modstruve", "the order"), lambda y, v, x: S.modstruve(v - 1, x) - v / x * y),
    ),
    "hyp0f1": ((A, ANY), (no_rate("hyp0f1", "v"), lambda y, v, z: S.hyp0f1(v + 1, z) / v)),
    "hyp1f1": (
        (A, B, ANY),
        (no_rate("hyp1f1", "a"), no_rate("hyp1f1", "b"), lambda y, a, b, z: a / b * S.hyp1f1(a + 1, b + 1, z)),
    ),
    "hyperu": (
        (A, B, POSITIVE),
        (no_rate("hyperu", "a"), no_rate("hyperu", "b"), lambda y, a, b, x: -a * S.hyperu(a + 1, b + 1, x)),
    ),
    "hyp2f1": (
        (A, B, C, (-0.5, 0.5)),
        (
            no_rate("hyp2f1", "a"),
            no_rate("hyp2f1", "b"),
            no_rate("hyp2f1", "c"),
            lambda y, a, b, c, z: a * b / c * S.hyp2f1(a + 1, b + 1, c + 1, z),
        ),
    ),
    "boxcox": ((POSITIVE, A), (lambda y, x, p: x ** (p - 1), lambda y, x, p: _in_lambda(y, np.log(x), p))),
    "boxcox1p": ((POSITIVE, A), (lambda y, x, p: (1 + x) ** (p - 1), lambda y, x, p: _in_lambda(y, np.log1p(x), p))),
    "inv_boxcox": (
        (POSITIVE, A),
        (lambda y, x, p: y ** (1 - p), lambda y, x, p: y * (x / (p * (1 + p * x)) - np.log1p(p * x) / (p * p))),
    ),
    "eval_legendre": ((N, UNIT), (None, lambda y, n, x: S.eval_gegenbauer(n - 1, 1.5, x))),
    "eval_chebyt": ((N, UNIT), (None, lambda y, n, x: n * S.eval_chebyu(n - 1, x))),
    "eval_chebyu": ((N, UNIT), (None, lambda y, n, x: 2 * S.eval_gegenbauer(n - 1, 2.0, x))),
    "eval_hermite": ((N, UNIT), (None, lambda y, n, x: 2 * n * S.eval_hermite(n - 1, x))),
    "eval_hermitenorm": ((N, UNIT), (None, lambda y, n, x: n * S.eval_hermitenorm(n - 1, x))),
    "eval_laguerre": ((N, UNIT), (None, lambda y, n, x: -S.eval_genlaguerre(n - 1, 1.0, x))),
    "eval_genlaguerre": (
        (N, A, UNIT),
        (None, no_rate("eval_genlaguerre", "alpha"), lambda y, n, a, x: -S.eval_genlaguerre(n - 1, a + 1, x)),
    ),
    "eval_gegenbauer": (
        (N, A, UNIT),
        (None, no_rate("eval_gegenbauer", "alpha"), lambda y, n, a, x: 2 * a * S.eval_gegenbauer(n - 1, a + 1, x)),
    ),
    "eval_jacobi": (
        (N, A, B, UNIT),
        (
            None,
            no_rate("eval_jacobi", "alpha"),
            no_rate("eval_jacobi", "beta"),
            lambda y, n, a, b, x: (n + a + b + 1) / 2 * S.eval_jacobi(n - 1, a + 1, b + 1, x),
        ),
    ),
}


def enter_rows(
    special: Any,
    one: dict[str, tuple[Interval, Rate1]],
    more: dict[str, tuple[tuple[Interval, ...], tuple[Rate, ...]]],
) -> None:
    """Enter the rows of two tables, as far as this SciPy has the functions."""
    for name, (domain, rate) in one.items():
        if hasattr(special, name):
            several("special", getattr(special, name), rate, domain=(domain,))
    for name, (domains, rates) in more.items():
        if hasattr(special, name):
            several("special", getattr(special, name), *rates, domain=domains)


@when("scipy.special")
def _enter(special: Any) -> None:
    enter_rows(special, ONE_OPERAND, SEVERAL)
    spells(special._ufuncs._zeta)(ROWS["special_zeta"])  # what its Python function calls
    spells(special.gammasgn)(constant("special_gammasgn", special.gammasgn, pointwise=True))
