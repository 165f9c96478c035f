"""``scipy.stats``: densities, distribution functions and their logarithms, as expressions of their parameters.

A row of ``CONTINUOUS`` is about the standard form of a distribution: where it has a density, the logarithm of that, the
distribution function, its complement and the quantiles (``None`` where it has no closed form). Location and scale are
handled once for all.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from geartrain.errors import RuleError, teach
from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.later import METHODS, Later, no_option, when
from geartrain.ops.shape import cast

__all__ = ["CONTINUOUS", "DISCRETE"]

S = Later("scipy.special")
PI = math.pi
LOG_ROOT_2PI = math.log(2 * PI) / 2
Formula = Callable[[Array], Array] | Callable[[Array, Array], Array] | Callable[[Array, Array, Array], Array]


class Law(NamedTuple):
    """A distribution in its standard form; each formula takes the place and the shape parameters."""

    inside: Any
    log_density: Any
    below: Any = None
    above: Any = None
    place: Any = None


def _everywhere(z: Array, *_: Array) -> Array:
    return z == z


def _positive(z: Array, *_: Array) -> Array:
    return z > 0


def _from_zero(z: Array, *_: Array) -> Array:
    return z >= 0


def _unit(z: Array, *_: Array) -> Array:
    return (z > 0) & (z < 1)


def _log_t(z: Array, df: Array) -> Array:
    size = S.gammaln((df + 1) / 2) - S.gammaln(df / 2) - np.log(PI * df) / 2
    return size - (df + 1) / 2 * np.log1p(z * z / df)


def _log_gamma(z: Array, a: Array) -> Array:
    return S.xlogy(a - 1, z) - z - S.gammaln(a)


def _log_f(z: Array, m: Array, n: Array) -> Array:
    size = m / 2 * np.log(m) + n / 2 * np.log(n) - S.betaln(m / 2, n / 2)
    return size + (m / 2 - 1) * np.log(z) - (m + n) / 2 * np.log(n + m * z)


_CONTINUOUS: dict[str, tuple[Formula, ...]] = {
    "norm": (
        _everywhere,
        lambda z: -z * z / 2 - LOG_ROOT_2PI,
        lambda z: S.ndtr(z),
        lambda z: S.ndtr(-z),
        lambda q: S.ndtri(q),
    ),
    "expon": (_from_zero, lambda z: -z, lambda z: -np.expm1(-z), lambda z: np.exp(-z), lambda q: -np.log1p(-q)),
    "t": (
        _everywhere,
        _log_t,
        lambda z, df: S.stdtr(df, z),
        lambda z, df: S.stdtr(df, -z),
        lambda q, df: S.stdtrit(df, q),
    ),
    "chi2": (
        _positive,
        lambda z, df: _log_gamma(z / 2, df / 2) - math.log(2),
        lambda z, df: S.gammainc(df / 2, z / 2),
        lambda z, df: S.gammaincc(df / 2, z / 2),
        lambda q, df: 2 * S.gammaincinv(df / 2, q),
    ),
    "gamma": (
        _positive,
        _log_gamma,
        lambda z, a: S.gammainc(a, z),
        lambda z, a: S.gammaincc(a, z),
        lambda q, a: S.gammaincinv(a, q),
    ),
    "invgamma": (
        _positive,
        lambda z, a: -(a + 1) * np.log(z) - S.gammaln(a) - 1 / z,
        lambda z, a: S.gammaincc(a, 1 / z),
        lambda z, a: S.gammainc(a, 1 / z),
    ),
    "beta": (
        _unit,
        lambda z, a, b: S.xlogy(a - 1, z) + S.xlog1py(b - 1, -z) - S.betaln(a, b),
        lambda z, a, b: S.betainc(a, b, z),
        lambda z, a, b: S.betaincc(a, b, z),
        lambda q, a, b: S.betaincinv(a, b, q),
    ),
    "f": (_positive, _log_f, lambda z, m, n: S.fdtr(m, n, z)),
    "lognorm": (
        _positive,
        lambda z, s: -((np.log(z) / s) ** 2) / 2 - np.log(s * z) - LOG_ROOT_2PI,
        lambda z, s: S.ndtr(np.log(z) / s),
        lambda z, s: S.ndtr(-np.log(z) / s),
        lambda q, s: np.exp(s * S.ndtri(q)),
    ),
    "uniform": (lambda z: (z >= 0) & (z <= 1), lambda z: 0 * z, lambda z: z, lambda z: 1 - z, lambda q: q),
    "laplace": (
        _everywhere,
        lambda z: -np.abs(z) - math.log(2),
        lambda z: np.where(z > 0, 1 - np.exp(-np.abs(z)) / 2, np.exp(-np.abs(z)) / 2),
        lambda z: np.where(z > 0, np.exp(-np.abs(z)) / 2, 1 - np.exp(-np.abs(z)) / 2),
    ),
    "logistic": (
        _everywhere,
        lambda z: S.log_expit(z) + S.log_expit(-z),
        lambda z: S.expit(z),
        lambda z: S.expit(-z),
        lambda q: S.logit(q),
    ),
    "cauchy": (
        _everywhere,
        lambda z: -np.log(PI * (1 + z * z)),
        lambda z: 0.5 + np.arctan(z) / PI,
        lambda z: 0.5 - np.arctan(z) / PI,
        lambda q: np.tan(PI * q - PI / 2),
    ),
    "weibull_min": (
        _positive,
        lambda z, c: np.log(c) + S.xlogy(c - 1, z) - z**c,
        lambda z, c: -np.expm1(-(z**c)),
        lambda z, c: np.exp(-(z**c)),
        lambda q, c: (-np.log1p(-q)) ** (1 / c),
    ),
    "gumbel_r": (
        _everywhere,
        lambda z: -z - np.exp(-z),
        lambda z: np.exp(-np.exp(-z)),
        lambda z: -np.expm1(-np.exp(-z)),
        lambda q: -np.log(-np.log(q)),
    ),
    "gumbel_l": (
        _everywhere,
        lambda z: z - np.exp(z),
        lambda z: -np.expm1(-np.exp(z)),
        lambda z: np.exp(-np.exp(z)),
        lambda q: np.log(-np.log1p(-q)),
    ),
    "pareto": (
        lambda z, b: z >= 1,
        lambda z, b: np.log(b) - (b + 1) * np.log(z),
        lambda z, b: 1 - z ** (-b),
        lambda z, b: z ** (-b),
        lambda q, b: (1 - q) ** (-1 / b),
    ),
    "halfnorm": (
        _from_zero,
        lambda z: math.log(2) - LOG_ROOT_2PI - z * z / 2,
        lambda z: S.erf(z / math.sqrt(2)),
        lambda z: S.erfc(z / math.sqrt(2)),
        lambda q: S.ndtri((1 + q) / 2),
    ),
    "rayleigh": (
        _positive,
        lambda z: np.log(z) - z * z / 2,
        lambda z: -np.expm1(-z * z / 2),
        lambda z: np.exp(-z * z / 2),
        lambda q: np.sqrt(-2 * np.log1p(-q)),
    ),
}


def _log_choose(n: Array, k: Array) -> Array:
    return S.gammaln(n + 1.0) - S.gammaln(k + 1.0) - S.gammaln(n - k + 1.0)


_DISCRETE: dict[str, tuple[Formula, ...]] = {
    "poisson": (
        _from_zero,
        lambda k, mu: S.xlogy(k, mu) - S.gammaln(k + 1.0) - mu,
        lambda k, mu: S.pdtr(k, mu),
        lambda k, mu: S.pdtrc(k, mu),
    ),
    "binom": (
        lambda k, n, p: (k >= 0) & (k <= n),
        lambda k, n, p: _log_choose(n, k) + S.xlogy(k, p) + S.xlog1py(n - k, -p),
        lambda k, n, p: np.where(k >= n, 1.0, S.betainc(np.where(k >= n, 1.0, n - k), k + 1.0, 1 - p)),
        lambda k, n, p: np.where(k >= n, 0.0, S.betainc(k + 1.0, np.where(k >= n, 1.0, n - k), p)),
    ),
    "bernoulli": (
        lambda k, p: (k == 0) | (k == 1),
        lambda k, p: S.xlogy(k, p) + S.xlog1py(1 - k, -p),
        lambda k, p: np.where(k >= 1, 1.0, 1 - p),
        lambda k, p: np.where(k >= 1, 0.0, p),
    ),
    "geom": (
        lambda k, p: k >= 1,
        lambda k, p: S.xlog1py(k - 1, -p) + np.log(p),
        lambda k, p: -np.expm1(np.log1p(-p) * k),
        lambda k, p: np.exp(np.log1p(-p) * k),
    ),
    "nbinom": (
        _from_zero,
        lambda k, n, p: S.gammaln(n + k) - S.gammaln(k + 1.0) - S.gammaln(n) + n * np.log(p) + S.xlog1py(k, -p),
        lambda k, n, p: S.betainc(n, k + 1.0, p),
        lambda k, n, p: S.betaincc(n, k + 1.0, p),
    ),
}


CONTINUOUS = {name: Law(*formulas) for name, formulas in _CONTINUOUS.items()}
DISCRETE = {name: Law(*formulas) for name, formulas in _DISCRETE.items()}


def _double(x: Array) -> Array:
    """In double precision, as ``scipy.stats`` computes."""
    return x if x.dtype == np.dtype(float) else cast(x, float)


def _shapes(self: Any, args: tuple[Any, ...], kwds: dict[str, Any]) -> tuple[tuple[Any, ...], Any, Any]:
    """Shape parameters, location and scale, as SciPy reads them."""
    shapes, loc, scale = self._parse_args(*args, **kwds)
    return tuple(s if np.ndim(s) else s * 1.0 for s in shapes), loc, scale


def _masked(z: Array, law: Law, shapes: tuple[Any, ...], formula: Any, outside: float) -> Array:
    """A formula where the distribution lives, and a constant elsewhere; the place is moved inside to keep NaNs out."""
    inside = law.inside(z, *shapes)
    if bool(np.all(inside)):
        return formula(z, *shapes)
    safe = np.where(inside, z, np.ones((), z.dtype) * (0.5 if law.inside is _unit else 1.0))
    return np.where(inside, formula(safe, *shapes), outside)


def _log_density(law: Law, x: Any, shapes: tuple[Any, ...], loc: Any, scale: Any) -> Array:
    z = _double((np.asarray(x) - loc) / scale)
    return _masked(z, law, shapes, law.log_density, -np.inf) - np.log(scale)


def _below(law: Law, x: Any, shapes: tuple[Any, ...], loc: Any, scale: Any) -> Array:
    if law.below is None:
        raise no_option("scipy.stats", "this distribution function", "Integrate the density, or use another law.")
    z = _double((np.asarray(x) - loc) / scale)
    return _masked(z, law, shapes, law.below, 0.0) + _beyond(z, law, shapes)


def _beyond(z: Array, law: Law, shapes: tuple[Any, ...]) -> Any:
    """One above the end of a distribution that has one."""
    ends = law.inside is _unit or law is CONTINUOUS["uniform"]
    return np.where((z >= 1) & ~law.inside(z, *shapes), 1.0, 0.0) if ends else 0.0


def _above(law: Law, x: Any, shapes: tuple[Any, ...], loc: Any, scale: Any) -> Array:
    if law.above is None:
        return 1 - _below(law, x, shapes, loc, scale)
    z = _double((np.asarray(x) - loc) / scale)
    return _masked(z, law, shapes, law.above, 1.0) - _beyond(z, law, shapes)


def _log_below(law: Law, x: Any, shapes: tuple[Any, ...], loc: Any, scale: Any) -> Array:
    if law is CONTINUOUS["norm"]:
        return S.log_ndtr(_double((np.asarray(x) - loc) / scale))
    return np.log(_below(law, x, shapes, loc, scale))


def _log_above(law: Law, x: Any, shapes: tuple[Any, ...], loc: Any, scale: Any) -> Array:
    if law is CONTINUOUS["norm"]:
        return S.log_ndtr(-_double((np.asarray(x) - loc) / scale))
    return np.log(_above(law, x, shapes, loc, scale))


def _quantile(law: Law, q: Any, shapes: tuple[Any, ...], loc: Any, scale: Any) -> Array:
    if law.place is None:
        raise no_option("scipy.stats", "the quantiles of this law", "Find them by scipy.optimize.brentq of its cdf.")
    return loc + scale * law.place(_double(np.asarray(q)), *shapes)


def _density(*args: Any) -> Array:
    return np.exp(_log_density(*args))


_ASKED: dict[str, Callable[..., Array]] = {
    "pdf": _density,
    "logpdf": _log_density,
    "cdf": _below,
    "sf": _above,
    "logcdf": _log_below,
    "logsf": _log_above,
    "ppf": _quantile,
}


def _unknown(name: str) -> RuleError:
    known = ", ".join(sorted({*CONTINUOUS, *DISCRETE}))
    return RuleError(teach(f"scipy.stats.{name}", "this law has no rule.", f"Write its density; known are: {known}."))


def _continuous(answer: Callable[..., Array]) -> Callable[..., Any]:
    def mean(original: Any, self: Any, x: Any, *args: Any, **kwds: Any) -> Any:
        law = CONTINUOUS.get(self.name)
        if law is None:
            raise _unknown(self.name)
        shapes, loc, scale = _shapes(self, args, kwds)
        return answer(law, x, shapes, loc, scale)[()]

    return mean


def _discrete(answer: Callable[..., Array]) -> Callable[..., Any]:
    def mean(original: Any, self: Any, k: Any, *args: Any, **kwds: Any) -> Any:
        law = DISCRETE.get(self.name)
        if law is None:
            raise _unknown(self.name)
        shapes, loc, _ = _shapes(self, args, kwds)
        return answer(law, k, shapes, loc, 1.0)[()]

    return mean


@when("scipy.stats")
def _enter(stats: Any) -> None:
    for name, answer in _ASKED.items():
        METHODS.append((stats.rv_continuous, name, _continuous(answer)))
        if name not in ("pdf", "logpdf", "ppf"):
            METHODS.append((stats.rv_discrete, name, _discrete(answer)))
    METHODS.append((stats.rv_discrete, "pmf", _discrete(_density)))
    METHODS.append((stats.rv_discrete, "logpmf", _discrete(_log_density)))
    METHODS.append((stats.multivariate_normal.__class__, "logpdf", _mvn_log_density))
    METHODS.append((stats.multivariate_normal.__class__, "pdf", _mvn_density))
    METHODS.append((stats.dirichlet.__class__, "logpdf", _dirichlet_log_density))
    METHODS.append((stats.dirichlet.__class__, "pdf", _dirichlet_density))


# Several variables.


def _mvn_log_density(
    original: Any, self: Any, x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False
) -> Any:
    x = np.asarray(x)
    cov = np.asarray(cov) * 1.0
    if cov.ndim == 0:
        n = 1 if mean is None or np.ndim(mean) == 0 else np.shape(mean)[0]
        cov = cov * np.eye(n)
    elif cov.ndim == 1:
        cov = np.diag(cov)
    n = cov.shape[0]
    off = x - (np.zeros(n) if mean is None else mean)
    off = off[..., None] if n == 1 and np.shape(off)[-1:] != (1,) else off
    lower = np.linalg.cholesky(cov)
    lead = off.shape[:-1]
    z = np.linalg.solve(lower, np.reshape(off, (-1, n)).T)
    log_size = np.sum(np.log(np.diagonal(lower)))
    y = -np.sum(z * z, axis=0) / 2 - log_size - n * LOG_ROOT_2PI
    return np.reshape(y, lead)[()]


def _mvn_density(original: Any, self: Any, *args: Any, **kwds: Any) -> Any:
    return np.exp(_mvn_log_density(original, self, *args, **kwds))


def _dirichlet_log_density(original: Any, self: Any, x: Any, alpha: Any) -> Any:
    x, alpha = np.asarray(x), np.asarray(alpha)
    if x.shape[0] + 1 == alpha.shape[0]:
        x = np.concatenate((x, (1 - np.sum(x, axis=0))[None]))
    size = S.gammaln(np.sum(alpha)) - np.sum(S.gammaln(alpha))
    return size + np.sum(S.xlogy(alpha - 1, x.T), axis=-1)


def _dirichlet_density(original: Any, self: Any, x: Any, alpha: Any) -> Any:
    return np.exp(_dirichlet_log_density(original, self, x, alpha))
