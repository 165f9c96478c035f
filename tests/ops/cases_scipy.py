"""Cases of SciPy by its own name. The rows of ``scipy.special`` are tried from their own table."""

from collections.abc import Callable
from typing import Any

import scipy.fft
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.signal
import scipy.sparse
import scipy.spatial.distance
import scipy.special
import scipy.stats

from geartrain.ir.untyped import numpy as np
from geartrain.ops import scipy_fourier, scipy_special, scipy_special_pairs, scipy_special_rare
from tests.ops.draws import Case, Draw, a, between, d, p, spd, spread, sym, up, z

L: Any = scipy.linalg
S: Any = scipy.special
ST: Any = scipy.stats
CASES: list[Case] = []


def case(name: str, f: Callable[..., Any], *draws: Draw, smooth: int = 2) -> None:
    CASES.append(Case(name, f, draws, smooth))


# Special functions: each row in the operands that have a rate.

for name, (domain, _) in {**scipy_special.ONE_OPERAND, **scipy_special_rare.ONE_OPERAND}.items():
    if hasattr(S, name):
        case(f"special {name}", getattr(S, name), between(*domain, 3))


def moving(f: Any, fixed: dict[int, Any], count: int) -> Callable[..., Any]:
    """``f`` with some operands fixed."""

    def moved(*xs: Any) -> Any:
        rest = iter(xs)
        return f(*[fixed[i] if i in fixed else next(rest) for i in range(count)])

    return moved


for name, (domains, rates) in {**scipy_special.SEVERAL, **scipy_special_rare.SEVERAL}.items():
    if hasattr(S, name):
        refused = [rate is not None and getattr(rate, "__name__", "") == "refuse" for rate in rates]
        fixed = {
            i: int(dom[0]) if rate is None else (dom[0] + dom[1]) / 2
            for i, (dom, rate, no) in enumerate(zip(domains, rates, refused, strict=True))
            if rate is None or no
        }
        free = [between(*dom, 3) for i, dom in enumerate(domains) if i not in fixed]
        if free:
            case(f"special {name}", moving(getattr(S, name), fixed, len(domains)), *free)

for name, (before, dom, _, _) in scipy_special_pairs.SECOND_ORDER.items():
    case(f"special {name}", lambda x, f=name, more=before: getattr(S, f)(*more, x), between(*dom, 3))
for name in ("airye", "itairy", "modfresnelp", "modfresnelm"):
    case(f"special {name}", lambda x, f=name: getattr(S, f)(x), p(3))
case("special ellipj", lambda u, m: S.ellipj(u, m), between(0.1, 0.9, 3), between(0.2, 0.8, 3))
case("special elliprg", lambda x, y, z: S.elliprg(x, y, z), p(3), between(2.2, 3.0, 3), between(3.5, 4.0, 3))
case("special kelvin", lambda x: S.kelvin(x), p(3))
case("special sici", lambda x: S.sici(x), p(3))
case("special shichi", lambda x: S.shichi(x), p(3))
case("special fresnel", lambda x: S.fresnel(x), p(3))
case("special airy", lambda x: S.airy(x), p(3))
for pair in ("itj0y0", "iti0k0", "it2j0y0", "it2i0k0"):
    case(f"special {pair}", getattr(S, pair), p(3))
case("special agm", lambda x, y: S.agm(x, y), p(3), p(3))
case("special voigt", lambda x, s, g: S.voigt_profile(x, s, g), a(3), p(3), p(3))
case("special radian", lambda x, y: S.radian(x, y, 1.0) + S.nrdtrimn(x / 9, y, 2.0) + S.nrdtrisd(y, 0.2, x), p(3), p(3))
case("special lambertw", lambda x: S.lambertw(x), p(3))
case("special logsumexp", lambda x, b: S.logsumexp(x, axis=1, b=b), a(2, 3), p(3))
case("special logsumexp all", lambda x: S.logsumexp(x) + S.logsumexp(x, keepdims=True), a(2, 3))
case("special softmax", lambda x: S.softmax(x, axis=0) + S.log_softmax(x, axis=0), a(3, 2))
case("special softplus", lambda x: S.softplus(x) if hasattr(S, "softplus") else np.logaddexp(0, x), a(3))
case("special polygamma", lambda x: S.polygamma(1, x) + S.polygamma(0, x), p(3))
case("special multigammaln", lambda x: S.multigammaln(x, 2), between(2, 3, 3))
case("special factorial", lambda x: S.factorial(x) + S.comb(x + 3, 2), p(3))
case("special gammasgn", lambda x: x * S.gammasgn(x), d(3))
case("special spherical", lambda x: S.spherical_jn(2, x) + S.spherical_yn(1, x) + S.spherical_in(1, x), p(3))
case(
    "special spherical kn",
    lambda x: S.spherical_kn(2, x) * S.spherical_jn(1, x, True) * S.spherical_jn(0, x, True),
    p(3),
)
case(
    "special spherical rates",
    lambda x: S.spherical_yn(2, x, True) + S.spherical_in(2, x, True) + S.spherical_kn(2, x, True),
    p(3),
)

# Distributions.

SHAPES: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(("norm", "expon", "uniform", "laplace", "logistic", "cauchy", "gumbel_r", "gumbel_l"), ()),
    **dict.fromkeys(("halfnorm", "rayleigh"), ()),
    "t": (3.5,),
    "chi2": (3.5,),
    "gamma": (2.5,),
    "invgamma": (2.5,),
    "lognorm": (0.8,),
    "weibull_min": (1.5,),
    "beta": (2.5, 1.5),
    "pareto": (2.5,),
    "f": (4.5, 3.5),
}
INSIDE = {"beta": (0.1, 0.9), "uniform": (0.1, 0.9), "pareto": (1.2, 3.0)}
for name, shapes in SHAPES.items():
    law, inside = getattr(ST, name), INSIDE.get(name, (0.2, 2.5))
    case(
        f"stats {name} density",
        lambda x, loc, scale, law=law, s=shapes: law.logpdf(x, *s, loc, scale) + law.pdf(x, *s),
        between(*inside, 3),
        between(-0.05, 0.05),
        between(1.0, 1.05),
    )
    case(
        f"stats {name} distribution",
        lambda x, law=law, s=shapes: law.cdf(x, *s) * law.sf(x, *s) + law.logcdf(x, *s) + law.logsf(x, *s),
        between(*inside, 3),
    )
    if name not in ("invgamma", "f", "laplace"):
        case(f"stats {name} quantile", lambda q, law=law, s=shapes: law.ppf(q, *s, scale=2.0), between(0.1, 0.9, 3))
case("stats t shape", lambda df: ST.t.logpdf(np.array([0.3, -1.0]), df), between(2, 3))
case("stats gamma shape", lambda k: ST.gamma.logpdf([0.3, 1.0], k) + ST.beta.logpdf(0.3, k, 2 * k), between(2, 3))
case(
    "stats outside",
    lambda x: ST.expon.pdf(x) + ST.beta.cdf(x, 2.0, 3.0) + ST.gamma.cdf(x, 2.5),
    lambda rng: np.array([-0.5, 0.4, 1.5]),
)
case("stats poisson", lambda mu: ST.poisson.logpmf([0, 2, 5], mu) + ST.poisson.cdf([0, 2, 5], mu), p(3))
case(
    "stats binom",
    lambda q: ST.binom.logpmf([0, 2, 5], 5, q) + ST.binom.cdf([0, 2, 5], 5, q) + ST.binom.sf(2, 5, q),
    between(0.1, 0.9, 3),
)
case(
    "stats bernoulli",
    lambda q: ST.bernoulli.pmf([0, 1, 1], q) + ST.geom.logpmf([1, 2, 3], q) + ST.geom.cdf(2, q),
    between(0.1, 0.9, 3),
)
case("stats nbinom", lambda q: ST.nbinom.logpmf([0, 2, 5], 3, q) + ST.nbinom.cdf(2, 3, q), between(0.1, 0.9, 3))
case("stats multivariate_normal", lambda x, m, c: ST.multivariate_normal.logpdf(x, m, spd(c)), a(4, 2), a(2), a(2, 2))
case("stats multivariate_normal pdf", lambda x: ST.multivariate_normal.pdf(x, [0.0, 0.5], cov=[1.0, 2.0]), a(2))
case(
    "stats dirichlet",
    lambda al: ST.dirichlet.logpdf(np.array([0.2, 0.3, 0.5]), al) + ST.dirichlet.pdf(np.array([0.2, 0.8]), al[:2]),
    p(3),
)

case("zscore", lambda x, y: ST.zscore(x, axis=1, ddof=1) + ST.zmap(y, x) + ST.gzscore(np.exp(x)), a(3, 4), a(3, 4))
case("gmean", lambda x, w: ST.gmean(x, weights=w) + ST.hmean(x) + ST.sem(x) + ST.variation(x), p(4), p(4))
case("moment", lambda x: ST.moment(x, 3) + ST.skew(x, bias=False) + ST.kurtosis(x, bias=False) + ST.kurtosis(x), a(6))
case("stats entropy", lambda x, y: ST.entropy(x) + ST.entropy(x, y, base=2), p(4), p(4))

# Linear algebra.

case("expm", lambda x: L.expm(x), a(3, 3))
case("expm complex", lambda x: L.expm(x), z(2, 2))
case("expm_frechet", lambda x, e: L.expm_frechet(x, e), a(2, 2), a(2, 2))
case("logm", lambda x: L.logm(spd(x)), a(2, 2))
case("sqrtm", lambda x: L.sqrtm(spd(x)), a(3, 3))
case("solve_sylvester", lambda x, y, q: L.solve_sylvester(spread(x), spread(y), q), a(3, 3), a(2, 2), a(3, 2))
case("lyapunov", lambda x, q: L.solve_continuous_lyapunov(spread(x), q), a(2, 2), a(2, 2))
case("discrete lyapunov", lambda x, q: L.solve_discrete_lyapunov(0.3 * x, q), between(-1, 1, 2, 2), a(2, 2))
case("lu_factor", lambda x: L.lu_factor(x)[0], a(3, 3))
case("lu_solve", lambda x, y: L.lu_solve(L.lu_factor(x), y) + L.lu_solve(L.lu_factor(x), y, trans=1), a(3, 3), a(3))
case("lu", lambda x: L.lu(x), a(3, 3))
case("lu permuted", lambda x: L.lu(x, permute_l=True), a(3, 3))
case("scipy solve", lambda x, y: L.solve(spread(x), y) + L.solve(spread(x), y, transposed=True), a(3, 3), a(3))
case("scipy solve sym", lambda x, y: L.solve(spd(x), y, assume_a="pos"), a(3, 3), a(3))
case(
    "solve_triangular",
    lambda x, y: L.solve_triangular(spread(x), y, lower=True) + L.solve_triangular(x, y, trans=1, unit_diagonal=True),
    a(3, 3),
    a(3),
)
case("scipy cholesky", lambda x: L.cholesky(spd(x)) + L.cholesky(spd(x), lower=True), a(3, 3))
case("cho_solve", lambda x, y: L.cho_solve(L.cho_factor(spd(x)), y), a(3, 3), a(3))
case("scipy det inv", lambda x: L.inv(spread(x)) * L.det(x) * L.norm(x), a(3, 3))
case("scipy pinv", lambda x: L.pinv(x), a(3, 2))
case("scipy svd", lambda x: L.svd(x, full_matrices=False)[1] + L.svdvals(x), a(3, 2))
case("scipy qr", lambda x: L.qr(x, mode="economic"), a(3, 2))
case("scipy qr r", lambda x: L.qr(x, mode="r"), a(3, 2))
case("scipy eigh", lambda x: L.eigh(sym(x))[0] + L.eigvalsh(sym(x), lower=False), a(3, 3))
case("scipy eigh two", lambda x, y: L.eigh(sym(x), spd(y), eigvals_only=True, subset_by_index=[0, 1]), a(3, 3), a(3, 3))
case("scipy eigvals", lambda x: L.eigvals(x + np.diag([0.0, 3.0])), between(-0.3, 0.3, 2, 2))
case("cosm", lambda x: L.cosm(x) @ L.sinm(x) + L.coshm(x) @ L.sinhm(x), a(3, 3))
case("cosm complex", lambda x: L.cosm(x) + L.sinm(x), z(2, 2))
case("tanm", lambda x: L.tanm(0.3 * x) + L.tanhm(x), between(-1, 1, 3, 3))
case(
    "signm",
    lambda x: L.signm(spread(x) @ np.diag([1.0, -1.0, 1.0]) @ np.linalg.inv(spread(x))),
    between(-1, 1, 3, 3),
    smooth=1,
)
case("fractional_matrix_power", lambda x, t: L.fractional_matrix_power(spd(x), t), a(2, 2), between(0.2, 0.8))
case("fractional_matrix_power 2", lambda x: L.fractional_matrix_power(x, 2), a(2, 2))
case("polar", lambda x: L.polar(x), a(3, 3))
case("polar tall", lambda x: (*L.polar(x), *L.polar(x, "left")), a(3, 2))
case("solve_banded", lambda ab, y: L.solve_banded((2, 1), ab + np.array([[0], [6], [0], [0]]), y), a(4, 5), a(5, 2))
case("solve_banded vector", lambda ab, y: L.solve_banded((0, 1), ab + np.array([[0], [6]]), y), a(2, 5), a(5))
case("solveh_banded", lambda ab, y: L.solveh_banded(ab + np.array([[0], [0], [9]]), y), a(3, 5), a(5))
case("solveh_banded lower", lambda ab, y: L.solveh_banded(ab + np.array([[9], [0]]), y, lower=True), a(2, 4), a(4))
case(
    "solve_toeplitz",
    lambda c, r, y: L.solve_toeplitz((c + np.array([5, 0, 0]), r), y) + L.solve_toeplitz(c + np.array([5, 0, 0]), y),
    a(3),
    a(3),
    a(3),
)
case("solve_circulant", lambda c, y: L.solve_circulant(c + np.array([5, 0, 0]), y), a(3), a(3, 2))
case("orth", lambda x: L.orth(x), a(4, 2))
case("null_space", lambda x: (lambda n: n @ n.T)(L.null_space(x)), a(2, 4))
case("scipy lstsq", lambda x, y: L.lstsq(x, y)[0] * L.lstsq(x, y)[1], a(5, 3), a(5))
case("scipy eig", lambda x: L.eig(x + np.diag([0.0, 3.0]))[0], between(-0.3, 0.3, 2, 2))
case(
    "scipy eig two",
    lambda x: L.eig(x + np.diag([0.0, 3.0]), np.eye(2), right=False),
    between(-0.3, 0.3, 2, 2),
    smooth=1,
)
case("companion", lambda x: L.companion(x), p(4))
case("scipy qr pivoting", lambda x: L.qr(x, mode="economic", pivoting=True)[:2], a(3, 2))
case("block_diag", lambda x, y: L.block_diag(x, y, [1.0]), a(2, 3), a(2))
case("toeplitz", lambda x, y: L.toeplitz(x, y) @ L.toeplitz(y), a(3), a(4))
case("hankel", lambda x, y: L.hankel(x, y)[:, :3] + L.hankel(x), a(3), a(4))
case("circulant", lambda x: L.circulant(x), a(3))
case("khatri_rao", lambda x, y: L.khatri_rao(x, y), a(2, 3), a(4, 3))

# Signals, images, integrals, sparse matrices, distances.

SIG: Any = scipy.signal
ND: Any = scipy.ndimage
INT: Any = scipy.integrate
DIST: Any = scipy.spatial.distance
for mode in ("full", "same", "valid"):
    case(f"signal convolve {mode}", lambda x, y, m=mode: SIG.convolve(x, y, m), a(5), a(3))
    case(f"signal convolve2d {mode}", lambda x, y, m=mode: SIG.convolve(x, y, m), a(4, 5), a(2, 3))
    case(f"signal correlate {mode}", lambda x, y, m=mode: SIG.correlate(x, y, m), a(4, 5), a(2, 3))
    case(f"fftconvolve {mode}", lambda x, y, m=mode: SIG.fftconvolve(x, y, mode=m), a(5), a(3))
case("signal convolve complex", lambda x, y: SIG.convolve(x, y) + SIG.correlate(x, y), z(4), z(2))
case("convolve2d", lambda x, y: SIG.convolve2d(x, y) + SIG.correlate2d(x, y), a(3, 4), a(2, 2))
case("lfilter", lambda b, c, x: SIG.lfilter(b, c, x), a(3), lambda rng: np.array([2.0, 0.5, -0.3]), a(6))
case("lfilter axis", lambda b, x: SIG.lfilter(b, [1.0], x, axis=0), a(2), a(5, 2))
case(
    "lfilter zi",
    lambda b, c, x, zi: SIG.lfilter(b, [2.0, c, -0.3], x, zi=zi),
    a(3),
    between(0.2, 0.5),
    a(2, 6),
    a(2, 2),
)
case("lfilter zi short", lambda b, x, zi: SIG.lfilter(b, [1.0], x, axis=0, zi=zi), a(4), a(2), a(3))
case("lfilter_zi", lambda b, c: SIG.lfilter_zi(b, np.concatenate(([1], c[None], [0.1 * c]))), a(2), between(0.2, 0.5))
case("filtfilt", lambda b, x: SIG.filtfilt(b, [1.0, -0.4], x), a(2), a(2, 12))
case(
    "filtfilt even",
    lambda x: SIG.filtfilt([1.0, 0.5], [1.0], x, 0, "even", 3) + SIG.filtfilt([1, 2], [1.0], x, 0, None),
    a(8),
)
case("sosfilt", lambda s, x: SIG.sosfilt(np.concatenate((s, [[1.0, 0.3, 0.1]] * 2), axis=1), x), a(2, 3), a(6))
case("sosfilt zi", lambda x, zi: SIG.sosfilt([[1.0, 0.5, 0, 1, 0.3, 0.1]], x, zi=zi), a(6), a(1, 2))
case("savgol_filter", lambda x: SIG.savgol_filter(x, 5, 2) + SIG.savgol_filter(x, 3, 1, deriv=1, axis=-1), a(2, 7))
case("signal hilbert", lambda x: SIG.hilbert(x), a(2, 6))
case("resample", lambda x: (SIG.resample(x, 5), SIG.resample_poly(x, 3, 2)), a(8))
case("decimate", lambda x: SIG.decimate(x, 2, ftype="fir"), a(40))
case("freqz", lambda b, c: SIG.freqz(b, c + np.array([3, 0]), worN=5)[1], a(3), a(2))
for mode in ("full", "same", "valid"):
    case(f"fftconvolve axes {mode}", lambda x, y, m=mode: SIG.fftconvolve(x, y, m, axes=1), a(2, 5), a(1, 3))
case("fftconvolve axes complex", lambda x, y: SIG.fftconvolve(x, y, axes=0), z(4, 2), z(2, 2))
for border in ("wrap", "symm"):
    case(f"convolve2d {border}", lambda x, y, b=border: SIG.convolve2d(x, y, "same", b), a(4, 5), a(2, 3))
case("correlate2d filled", lambda x, y: SIG.correlate2d(x, y, "full", "fill", 2.0), a(4, 5), a(2, 3))
case("detrend", lambda x: SIG.detrend(x) + SIG.detrend(x, type="constant"), a(2, 6))
for mode in ("reflect", "nearest", "mirror", "wrap", "constant"):
    case(f"ndimage convolve {mode}", lambda x, w, m=mode: ND.convolve(x, w, mode=m, cval=2.0), a(4, 5), a(3, 2))
    case(f"ndimage correlate1d {mode}", lambda x, w, m=mode: ND.correlate1d(x, w, axis=0, mode=m), a(5, 2), a(3))
    case(f"gaussian_filter {mode}", lambda x, m=mode: ND.gaussian_filter(x, 0.8, mode=m), a(5, 4))
case("ndimage convolve1d", lambda x, w: ND.convolve1d(x, w) + ND.correlate(x, [w, w]), a(3, 5), a(2))
case("uniform_filter", lambda x: ND.uniform_filter(x, 3) + ND.gaussian_filter1d(x, 1.0, order=1), a(5, 4))
case("ndimage label", lambda x: x * ND.label(x > 0.1)[0] * ND.label(x > 0.1, np.ones((3, 3)))[1], a(4, 5))
case("map_coordinates", lambda x, c: ND.map_coordinates(x, c, order=1), a(4, 5), between(0.6, 2.4, 2, 3))
for order in (0, 1, 2, 3, 5):
    for mode in ("constant", "nearest", "mirror", "reflect"):
        case(
            f"map_coordinates {order} {mode}",
            lambda x, c, o=order, m=mode: ND.map_coordinates(x, c, order=o, mode=m),
            a(6, 5),
            between(0.6, 3.4, 2, 3),
            smooth=2 if order > 1 or not order else 1,
        )
case("map_coordinates beyond", lambda x: ND.map_coordinates(x, [[-0.7, 2.2, 5.6]], order=3, mode="mirror"), a(5))
case("shift", lambda x, s: ND.shift(x, s) + ND.shift(x, 1.0, order=1, cval=2.0), a(5, 4), between(0.2, 0.4, 2))
case("zoom", lambda x: ND.zoom(x, 1.5) + ND.zoom(x, 1.5, order=1), a(4, 6))
case(
    "affine_transform",
    lambda x, m, o: ND.affine_transform(x, np.eye(2) + 0.1 * m, o, mode="nearest"),
    a(5, 4),
    between(0.1, 0.9, 2, 2),
    between(0.1, 0.3, 2),
)
case("affine_transform scaled", lambda x, m: ND.affine_transform(x, m, order=2), a(5, 4), between(0.5, 0.7, 2))
case("rotate", lambda x, t: ND.rotate(x, t, reshape=False, mode="mirror"), a(5, 4), between(10.0, 20.0))
case("rotate whole", lambda x: ND.rotate(x, 30.0, order=1), a(5, 4))
case("sobel", lambda x: ND.sobel(x) + ND.prewitt(x, 0, mode="nearest") + ND.laplace(x), a(5, 4))
case("gaussian_laplace", lambda x: ND.gaussian_laplace(x, 0.8) * ND.gaussian_gradient_magnitude(x, 0.7), a(5, 4))
case(
    "maximum_filter", lambda x: ND.maximum_filter(x, 3) + ND.minimum_filter(x, (2, 3)) * ND.median_filter(x, 3), d(5, 4)
)
case(
    "scipy trapezoid",
    lambda y, x: INT.trapezoid(y, x) + INT.cumulative_trapezoid(y, x, initial=0).sum(),
    a(2, 5),
    up(5),
)
case("simpson", lambda y: INT.simpson(y, dx=0.3), a(2, 5))
case("simpson even", lambda y, x: INT.simpson(y, x=x), a(6), up(6))
case("simpson uneven", lambda y, x: INT.simpson(y, x=x, axis=0), a(5, 2), up(5))
case("cumulative_simpson", lambda y, x: INT.cumulative_simpson(y, x=x, initial=0.5), a(2, 6), up(6))
case(
    "cumulative_simpson even", lambda y: INT.cumulative_simpson(y, axis=0) @ INT.cumulative_simpson(y.T[:, :2]), a(5, 2)
)
case("romb", lambda y, h: INT.romb(y, h) + INT.romb(y[:, :3]), a(2, 9), p())
case("fixed_quad", lambda k, b: INT.fixed_quad(lambda x: np.exp(-k * x * x), 0.1, b)[0] * k, p(), p())
case("quad", lambda k, b: INT.quad(lambda x, q: np.exp(-q * x * x), 0.1, b, args=(k,))[0] * k, p(), p())
case("quad closure", lambda k: INT.quad(lambda x: np.sin(k * x) / (1 + x), 0.0, 1.0)[0] * k, p())
case("quad infinite", lambda k: INT.quad(lambda x: np.exp(-k * x * x), -np.inf, np.inf)[0] * k, p())
case("quad half", lambda k: INT.quad(lambda x: np.exp(-k * x), 0.5, np.inf)[0] * k, p())
case("quad down", lambda k: INT.quad(lambda x: np.exp(k * x), -np.inf, 0.5)[0] + INT.quad(np.cos, k, 0)[0] * k, p())
case("quad_vec", lambda k: INT.quad_vec(lambda x: np.exp(-k * x), 0.1, 1.0)[0], p(3))
case("dblquad", lambda k: INT.dblquad(lambda y, x: np.exp(-k * x * y), 0.0, k, 0.1, lambda x: 1 + x)[0] * k, p())
case("nquad", lambda k: INT.nquad(lambda y, x, q: np.cos(q * x) * y, [lambda x, q: (0, x), (0, 1)], (k,))[0] * k, p())
case(
    "tplquad",
    lambda k: INT.tplquad(lambda z, y, x: k * x + y * z, 0.0, 1.0, 0.0, k, 0.0, lambda x, y: 1.0)[0] * k,
    p(),
    smooth=0,
)
SPARSE: Any = scipy.sparse.random(4, 5, 0.4, format="csr", rng=0)
case("sparse times", lambda x: SPARSE @ x, a(5))
case("sparse times matrix", lambda x: SPARSE @ x + SPARSE.tocsc().dot(x), a(5, 3))
case("times sparse", lambda x: x @ SPARSE, a(4))
case("times sparse matrix", lambda x: x @ SPARSE + (SPARSE.T @ x.T).T, a(3, 4))
for metric in ("euclidean", "sqeuclidean", "cityblock", "cosine", "chebyshev", "correlation", "canberra", "braycurtis"):
    case(f"cdist {metric}", lambda x, y, m=metric: DIST.cdist(x, y, m), a(3, 4), a(2, 4))
case(
    "cdist minkowski",
    lambda x, y: DIST.cdist(x, y, "minkowski", p=3) + DIST.cdist(x, y, "seuclidean", V=np.ones(4)),
    a(3, 4),
    a(2, 4),
)
case("oaconvolve", lambda x, y: SIG.oaconvolve(x, y), a(4), a(2))
case("uniform_filter1d", lambda x: ND.uniform_filter1d(x, 3, axis=0), a(5, 2))
case("scipy euclidean", lambda x, y: DIST.euclidean(x, y) + DIST.cosine(x, y, y**2) * DIST.cityblock(x, y), a(4), a(4))
case(
    "scipy distances",
    lambda x, y: DIST.sqeuclidean(x, y) + DIST.chebyshev(x, y) + DIST.correlation(x, y) + DIST.minkowski(x, y, 3),
    a(4),
    a(4),
)
case(
    "scipy weighed distances",
    lambda x, y, w: (
        DIST.canberra(x, y, w) + DIST.braycurtis(x, y) + DIST.mahalanobis(x, y, np.eye(4)) + DIST.seuclidean(x, y, w)
    ),
    p(4),
    p(4),
    p(4),
)
case("jensenshannon", lambda x, y: DIST.jensenshannon(x, y), p(4), p(4))
case("pdist", lambda x: DIST.pdist(x) * DIST.pdist(x, "cityblock"), a(4, 2))
case("squareform", lambda x: DIST.squareform(x) @ DIST.squareform(x), p(3))

# Interpolation: in the places, the values and where it is asked.

FOURIER: Any = scipy.fft
for name in scipy_fourier.ALONG_ONE:
    drawn = a(2, 5) if name in ("fft", "rfft", "ihfft") else z(2, 5)
    case(f"scipy {name}", lambda x, f=name: getattr(FOURIER, f)(x, n=6, axis=-1, norm="ortho"), drawn)
for name in scipy_fourier.ALONG_SEVERAL:
    drawn = z(4, 3) if "irfft" in name else a(4, 3)
    case(f"scipy {name}", lambda x, f=name: getattr(FOURIER, f)(x, (4, 4)), drawn)
IP: Any = scipy.interpolate


def rising(rng: Any) -> Any:
    return np.sort(rng.uniform(0.4, 2.6, 4))


PLACES = np.array([0.0, 0.7, 1.5, 2.1, 3.0, 4.2])
SPREAD = np.array([[0.0, 0.0], [3.0, 0.2], [0.1, 3.0], [3.1, 3.2], [1.4, 1.7], [2.2, 0.9]])
for name in ("Akima1DInterpolator", "BarycentricInterpolator", "KroghInterpolator", "InterpolatedUnivariateSpline"):
    case(f"interpolate {name}", lambda y, t, f=name: getattr(IP, f)(PLACES, y)(t), a(6), between(0.8, 2.9, 3))
    asked = getattr(IP, name)(PLACES, np.cos(PLACES))
    case(f"interpolate {name} asked", lambda t, f=asked: f(t), between(0.8, 2.9, 3))
case("makima", lambda y, t: IP.Akima1DInterpolator(PLACES, y, method="makima")(t, 1), a(6), between(0.8, 1.4, 3))
case("UnivariateSpline", lambda y, t: IP.UnivariateSpline(PLACES, y, k=4, s=0)(t, 1), a(6), between(0.8, 2.9, 3))
SMOOTHED = IP.UnivariateSpline(PLACES, np.cos(PLACES), s=0.1)
case("UnivariateSpline asked", lambda t: SMOOTHED(t), between(0.8, 2.9, 3))
case("splrep", lambda y, t: IP.splev(t, IP.splrep(PLACES, y), der=1) + IP.splrep(PLACES, y)[1][0], a(6), p(3))
FIT = IP.splrep(PLACES, np.cos(PLACES), s=0.1)
case("splev", lambda t: IP.splev(t, FIT) + IP.splev(t, FIT, ext=3), between(0.8, 2.9, 3))
case(
    "RectBivariateSpline",
    lambda z, t: (lambda f: (f(t[:2], t[2:], dx=1), f.ev(t, t)))(IP.RectBivariateSpline(PLACES, PLACES[:5], z, ky=2)),
    a(6, 5),
    rising,
)
SURFACE = IP.RectBivariateSpline(PLACES, PLACES, np.cos(PLACES[:, None] * PLACES))
case("RectBivariateSpline asked", lambda t: SURFACE.ev(t, t) + SURFACE(t, [1.0])[:, 0], rising)
for kernel in ("linear", "thin_plate_spline", "cubic", "quintic"):
    case(
        f"RBF {kernel}",
        lambda y, t, k=kernel: IP.RBFInterpolator(SPREAD, y, None, 0.1, k)(t),
        a(6),
        between(0.8, 1.3, 3, 2),
    )
for kernel in ("multiquadric", "inverse_multiquadric", "inverse_quadratic", "gaussian"):
    case(
        f"RBF {kernel}",
        lambda x, y, k=kernel: IP.RBFInterpolator(SPREAD + x, y, kernel=k, epsilon=0.7, smoothing=0.1)(
            SPREAD[:2] + 0.3
        ),
        between(0.0, 0.3, 6, 2),
        a(6),
    )
RADIAL = IP.RBFInterpolator(SPREAD, np.cos(SPREAD))
case("RBF asked", lambda t: RADIAL(t), between(0.8, 1.3, 3, 2))
case("LinearND", lambda y, t: IP.LinearNDInterpolator(SPREAD, y)(t), a(6, 2), between(0.6, 1.1, 2, 2))
case("NearestND", lambda y: IP.NearestNDInterpolator(SPREAD, y)([[0.6, 0.9], [2.0, 2.5]]), a(6))
case(
    "griddata",
    lambda y, t: IP.griddata(SPREAD, y, t) + IP.griddata(SPREAD, y, t, "nearest"),
    a(6),
    between(0.6, 1.1, 2, 2),
)
STRAIGHT, NEAREST = IP.LinearNDInterpolator(SPREAD, SPREAD[:, 0] ** 2), IP.NearestNDInterpolator(SPREAD, SPREAD[:, 0])
case("scattered, asked", lambda t: STRAIGHT(t) + NEAREST(t) + STRAIGHT(t[:, 0], t[:, 1]), between(0.6, 1.1, 2, 2))
ASKED = between(0.6, 2.9, 4)
for ends in ("not-a-knot", "natural", "clamped", ((1, 0.5), (2, -0.3))):
    case(f"CubicSpline {ends}", lambda x, y, t, e=ends: IP.CubicSpline(x, y, bc_type=e)(t), up(6), a(6), ASKED)
case(
    "CubicSpline three",
    lambda y, t: IP.CubicSpline([0.0, 1.0, 3.0], y)(t) + IP.CubicSpline([0, 1], y[:2])(t),
    a(3),
    ASKED,
)
case(
    "CubicSpline periodic",
    lambda y, t: IP.CubicSpline(np.arange(5.0), np.append(y, y[0]), bc_type="periodic")(t + 3, 1),
    a(4),
    ASKED,
)
case("CubicSpline axis", lambda y, t: IP.CubicSpline(np.arange(4.0), y, axis=1)(t.reshape(2, 2)), a(3, 4), ASKED)
case("CubicSpline plain", lambda t: IP.CubicSpline(np.arange(4.0), [0.0, 1, 0, 2])(t, nu=1), ASKED)
case(
    "CubicSpline derivative",
    lambda y, t: (lambda s: s.derivative()(t) * s.antiderivative()(t) + s.integrate(t[0], t[1]))(
        IP.CubicSpline(np.arange(5.0), y)
    ),
    a(5),
    ASKED,
)
case(
    "CubicSpline outside", lambda y, t: np.nan_to_num(IP.CubicSpline([0.0, 1, 2], y, extrapolate=False)(t)), a(3), ASKED
)
case("PchipInterpolator", lambda x, y, t: IP.PchipInterpolator(x, y)(t), up(5), a(5), ASKED)
case("PchipInterpolator two", lambda y, t: IP.PchipInterpolator([0.0, 3.0], y)(t), a(2, 3), ASKED)
case("CubicHermiteSpline", lambda x, y, s, t: IP.CubicHermiteSpline(x, y, s)(t), up(5), a(5), a(5), ASKED)
case("PPoly", lambda c, t: IP.PPoly(c, [0.0, 1.0, 4.0])(t), a(3, 2), ASKED)
for kind in ("linear", "cubic"):
    case(f"interp1d {kind}", lambda x, y, t, k=kind: IP.interp1d(x, y, k)(t), lambda rng: np.arange(5.0), a(5), ASKED)
    case(f"interp1d {kind} axis", lambda y, t, k=kind: IP.interp1d(np.arange(5.0), y, k, axis=0)(t), a(5, 2), ASKED)
    case(f"interp1d {kind} plain", lambda t, k=kind: IP.interp1d(np.arange(5.0), [0.0, 1, 0, 2, 1], k)(t), ASKED)
case(
    "interp1d outside",
    lambda y, t: IP.interp1d([1.0, 0.0], y, fill_value=(7.0, 8.0), bounds_error=False)(t),
    a(2),
    ASKED,
)
case("interp1d further", lambda y, t: IP.interp1d([0.0, 1.0], y, fill_value="extrapolate")(t), a(2), ASKED)
for kind in ("previous", "next", "nearest"):
    case(f"interp1d {kind}", lambda y, t, k=kind: IP.interp1d(np.arange(4.0), y, k)(t), a(4), ASKED)
case("make_interp_spline", lambda y, t: IP.make_interp_spline(np.arange(6.0), y)(t), a(6, 2), ASKED)
case("make_interp_spline 2", lambda y: IP.make_interp_spline(np.arange(6.0), y, k=2)([0.7, 1.5], nu=1), a(6))
case("BSpline plain", lambda t: IP.make_interp_spline(np.arange(6.0), [0.0, 1, 3, 0, 2, 1])(t), ASKED)
case(
    "RegularGridInterpolator",
    lambda v, xi: IP.RegularGridInterpolator((np.arange(3.0), np.arange(4.0)), v)(xi),
    a(3, 4),
    between(0.1, 1.9, 5, 2),
)
case(
    "RegularGridInterpolator plain",
    lambda xi: IP.RegularGridInterpolator((np.arange(3.0), np.arange(4.0)), np.arange(12.0).reshape(3, 4) ** 2)(xi),
    between(0.1, 1.9, 5, 2),
)
case("interpn", lambda v, xi: IP.interpn((np.arange(3.0), np.arange(4.0)), v, xi), a(3, 4, 2), between(0.1, 1.9, 5, 2))
