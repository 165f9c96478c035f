"""More cases: making, joining and writing arrays, functions of the user's, transforms, polynomials, eigenvalues."""

from collections.abc import Callable
from typing import Any

from geartrain.ir.untyped import numpy as np
from tests.ops.draws import Case, Draw, a, between, d, made, p, up, z

LA: Any = np.linalg
FFT: Any = np.fft
CASES: list[Case] = []


def case(name: str, f: Callable[..., Any], *draws: Draw, smooth: int = 2) -> None:
    CASES.append(Case(name, f, draws, smooth))


# Arrays made of traced numbers.


def written_in_parts(x: Any) -> Any:
    """A complex array whose real and imaginary parts are written through their views."""
    b = np.zeros(3, complex)
    b.real = x.real * 2
    b.imag[1:] = x.real[1:] * x.imag[1:]
    v = b[::-1].real
    v[0] += x.imag[0]
    return b * x


case("full", lambda x: np.full((2, 3), x) * np.full(3, x * x), a(3))
case("full_like", lambda x: np.full_like(x, x[0]) * x, a(3))
case("arange", lambda x: np.arange(x, 3.0, 0.7) + np.arange(0.1, 2.0, x)[:4], between(0.45, 0.55))
case("linspace", lambda x, y: np.linspace(x, y, 5), a(), a())
case("linspace open", lambda x, y: np.linspace(x, y, 4, endpoint=False, axis=-1), a(3), a(2, 1))
case("linspace step", lambda x, y: np.linspace(x, y, 4, retstep=True), a(), a())
case("logspace", lambda x, y: np.logspace(x, y, 4) + np.logspace(x, y, 4, base=2.0), between(0, 1), between(1, 2))
case("geomspace", lambda x, y: np.geomspace(x, y, 4), p(), between(3, 4))
case("geomspace open", lambda x, y: np.geomspace(-x, -y, 4, endpoint=False), p(2), between(3, 4, 2))
case("meshgrid", lambda x, y: np.meshgrid(x, y)[0] * np.meshgrid(x, y)[1], a(2), a(3))
case("meshgrid sparse", lambda x, y: np.add(*np.meshgrid(x, y, sparse=True, indexing="ij")), a(2), a(3))
case("ix_", lambda x: x[np.ix_([0, 2], [True, False, True])] * x[np.ix_(np.argsort(x[0]), [1])][0], d(3, 3))
case("fromfunction", lambda x: np.fromfunction(lambda i, j: (i + 2 * j) * x[0] + x[1], (2, 3)), a(2))
case("fromiter", lambda x: np.fromiter((v * v for v in x), float), a(3))
case("kaiser", lambda x: np.kaiser(5, x), p())
case("i0", np.i0, a(3))
case("asfortranarray", lambda x: np.asfortranarray(x) * np.require(x, requirements="C"), a(2, 2))
case("tril_indices_from", lambda x: x[np.tril_indices_from(x)] * x[np.triu_indices_from(x)], a(3, 3))
case("diag_indices_from", lambda x: x[np.diag_indices_from(x)], a(3, 3))

# Arrays of arrays.

case("array", lambda x: np.array([[x[0], 2.0], [x[1] * x[0], x[2]]]), a(3))
case("array of arrays", lambda x: np.array([x, x * x, [1.0, 2.0, 3.0]]), a(3))
case("array ndmin", lambda x: np.array(x, ndmin=3) * np.array(x, dtype=np.float64, copy=True), a(3))
case("block", lambda x, y: np.block([[x, np.ones((2, 1))], [y, np.zeros((1, 1))]]), a(2, 3), a(1, 3))
case("block flat", lambda x, y: np.block([x, y, 3.0]), a(2), a())
case("r_", lambda x, y: np.r_[x, 0.0, y, 1:3], a(2), a())
case("r_ rows", lambda x: np.r_["0,2", x, x * x], a(2))
case("c_", lambda x, y: np.c_[x, y, x * y], a(3), a(3))
case(
    "row of a list", lambda x: np.sum([x[0], x[1] ** 2]) + np.mean([x, 2 * x]) + np.dot([1.0, 2.0], [x[1], x[0]]), a(2)
)
case("real written", lambda x: written_in_parts(x), z(3))

# Writing.

case("put", lambda x: made(x, lambda b: np.put(b, [0, 3, 7], x[0, :2], mode="wrap")), a(2, 3))
case("put method", lambda x: made(x, lambda b: b.put([1, 9], x[0, 0], mode="clip")), a(2, 3))
case("place", lambda x: made(x, lambda b: np.place(b, b > 0, x[0, :2])), d(2, 3))
case("putmask", lambda x: made(x, lambda b: np.putmask(b, x > 0, x[0, :2] ** 2)), d(2, 3))
case("copyto", lambda x: made(x, lambda b: np.copyto(b, x[0] ** 2, where=x > 0)), d(2, 3))
case("copyto all", lambda x: made(x, lambda b: np.copyto(b, x[::-1])), d(2, 3))
case("fill_diagonal wide", lambda x: made(x, lambda b: np.fill_diagonal(b, x[0, :2])), a(2, 4))
case("fill_diagonal wrap", lambda x: made(x, lambda b: np.fill_diagonal(b, x[0, 0], wrap=True)), a(5, 2))
case(
    "put_along_axis flat", lambda x: made(x, lambda b: np.put_along_axis(b, np.array([1, 4]), x[0, :2], None)), a(2, 3)
)
case("flat", lambda x: made(x, lambda b: b.flat.__setitem__(slice(0, 2), x[1, :2] * 2)), a(2, 3))
case("transposed", lambda x: made(x, lambda b: b.T.__setitem__(0, b.T[0] + x[0, 0])), a(2, 3))
case("add.at", lambda x: made(x, lambda b: np.add.at(b, [0, 0, 1], x[:3] ** 2)), a(4))
case("subtract.at", lambda x: made(x, lambda b: np.subtract.at(b, ([0, 1], [1, 1]), x[0, 0])), a(2, 2))
case("multiply.at", lambda x: made(x, lambda b: np.multiply.at(b, [0, 0, 1], x[:3])), a(4))
case("negative.at", lambda x: made(x, lambda b: np.negative.at(b, [0, 2])), a(4))

# Functions of the user's.

case("apply_along_axis", lambda x: np.apply_along_axis(lambda v: v * np.sum(v), 0, x), a(3, 2))
case("apply_along_axis number", lambda x: np.apply_along_axis(np.prod, 1, x), a(2, 3))
case("apply_along_axis wide", lambda x: np.apply_along_axis(lambda v: np.outer(v, v), 1, x), a(2, 2))
case("apply_over_axes", lambda x: np.apply_over_axes(np.sum, x * x, [0, -1]), a(2, 3, 2))
case("vectorize", lambda x, y: np.vectorize(lambda u, v: u * v if u > v else u - v)(x, y), d(3), between(-0.1, -0.05))
case("vectorize two", lambda x: np.vectorize(lambda u: (u * u, 3 * u))(x)[0], a(2, 2))
case("vectorize keyword", lambda x: np.vectorize(lambda u, k: u**k, excluded=["k"])(x, k=2), a(3))
case("vectorize closure", lambda x: np.vectorize(lambda i: x[0] * i, otypes=[float])(np.arange(3)), a(1))
case("piecewise", lambda x: np.piecewise(x, [x < 0, x > 1], [lambda v: -v * v, 2.0, lambda v: v**3]), d(5))
case("piecewise one", lambda x: np.piecewise(x, x < 0.1, [lambda v, k: v * k, 0.0], 3.0), d(5))
case("choose", lambda x, y: np.choose([2, 0, 1], [x, y, x * y]) + np.choose((x > 0).astype(int), [x, y]), d(3), a(3))
case(
    "choose wrap",
    lambda x: np.choose([5, -1], [x, 2 * x], mode="wrap") + np.choose([5, -1], [x, -x], mode="clip"),
    a(2),
)

# Methods and options of ufuncs.

MASK = np.array([[True, False, True], [True, True, False]])
for f in (np.add, np.multiply, np.maximum, np.logaddexp, np.hypot, np.fmin):
    n = f.__name__
    case(f"{n}.reduce", lambda x, f=f: f.reduce(x, axis=1), p(2, 3))
    case(f"{n}.reduce axes", lambda x, f=f: f.reduce(x, axis=(0, 1), keepdims=True), p(2, 3))
    case(f"{n}.accumulate", lambda x, f=f: f.accumulate(x, axis=1), p(2, 3))
    case(f"{n}.outer", lambda x, y, f=f: f.outer(x, y), p(2), p(3))
    case(f"{n}.reduceat", lambda x, f=f: f.reduceat(x, [0, 3, 1]), p(5))
case(
    "fmax.reduce beside NaN",
    lambda x: np.fmax.reduce(np.where(x == x.max(), np.nan, x)) * np.fmin.reduce(np.where(x == x.min(), np.nan, x)),
    d(5),
)
case("subtract.reduce", lambda x: np.subtract.reduce(x) + np.divide.reduce(x, axis=0), p(3, 2))
case("subtract.accumulate", lambda x: np.subtract.accumulate(x), p(4))
case("add.reduce where", lambda x: np.add.reduce(x, axis=1, where=MASK, initial=3.0), a(2, 3))
case("multiply.reduce where", lambda x: np.multiply.reduce(x, axis=None, where=MASK), a(2, 3))
case("maximum.reduce where", lambda x: np.maximum.reduce(x, axis=1, where=MASK, initial=-9.0), d(2, 3))
case("logaddexp.reduce where", lambda x: np.logaddexp.reduce(x, axis=1, where=MASK), a(2, 3))
case("logical", lambda x: x * np.logical_or.reduce(x > 0) * np.logical_and.reduce(x < 9), d(3))
case("out", lambda x: np.sin(x, out=np.zeros(3)) * np.add(x, 1.0, np.empty(3)), a(3))
case("out where", lambda x: np.exp(x, where=x > 0, out=np.ones(4)), d(4))
case("out of sum", lambda x: np.sum(x, axis=0, out=np.empty(3)) + np.cumsum(x[0], out=np.empty(3)), a(2, 3))
case("dtype", lambda x: np.add(x, x, dtype=np.float64) * np.sum(x, dtype=np.float64), a(3))
case(
    "sum of axes",
    lambda x: np.sum(x, (0, 2)) + x.sum(axis=-1).mean((0,)) + np.max(x, axis=(0, 1))[:2].sum(),
    d(2, 3, 2),
)

# Whole arrays compared; sets.

case("isclose", lambda x: x * np.isclose(x, x + 1e-9) * np.allclose(x, x) * (1 + np.isclose(x, 0.31)), d(4))
case("array_equal", lambda x: x * (1.0 + np.array_equal(x, x[::-1]) + np.array_equiv(x, x)), d(4))
case("isposinf", lambda x: x * (np.isposinf(x) + np.isneginf(-x) + 2.0), d(4))
case("bitwise_count", lambda x: x * np.bitwise_count((x > 0).astype(int)), d(4))
case("isin", lambda x: x * np.isin(x, x[:2]) + x * np.isin(x, [9.0], invert=True), d(4))
case("union1d", lambda x, y: np.union1d(x, y), d(2), between(5, 6, 2))
case("intersect1d", lambda x: np.intersect1d(x[:3], x[2:]) * x, d(4))
case("setdiff1d", lambda x: np.setdiff1d(x, x[:1]), d(4))
case("setxor1d", lambda x: np.setxor1d(x[:3], x[1:]), d(4))
case("unique_values", lambda x: np.unique_values(x) + np.unique_counts(x).values, d(4))
case("unique_all", lambda x: np.unique_all(x).values * np.unique_inverse(x).values, d(4))
case("unravel_index", lambda x: x[np.unravel_index(np.argmax(x), x.shape)], d(2, 3))
case("ravel_multi_index", lambda x: x.ravel()[np.ravel_multi_index(np.nonzero(x > 0), x.shape)], d(2, 3))
case("sliding_window_view", lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 2)), a(3, 4))
case("sliding_window_view axis", lambda x: np.lib.stride_tricks.sliding_window_view(x, 3, axis=1), a(2, 4))
if hasattr(np, "matvec"):
    case("matvec", lambda x, y: np.matvec(x, y) + np.vecmat(y, x), a(2, 3, 3), a(2, 3))
    case("vecmat complex", lambda x, y: np.vecmat(x, y), z(3), z(3, 2))
if hasattr(np, "cumulative_sum"):
    case(
        "cumulative",
        lambda x: np.cumulative_sum(x, include_initial=True) * np.cumulative_prod(x, include_initial=True),
        p(3),
    )
case(
    "einsum_path",
    lambda x, y: np.einsum("ij,jk->ik", x, y, optimize=np.einsum_path("ij,jk->ik", x, y)[0]),
    a(2, 3),
    a(3, 2),
)

# Fourier transforms.

for f in (FFT.fft, FFT.ifft):
    n = f.__name__
    case(n, f, z(5))
    case(f"{n} real", f, a(2, 4))
    case(f"{n} longer", lambda x, f=f: f(x, 6, axis=0, norm="ortho"), a(4, 2))
    case(f"{n} shorter", lambda x, f=f: f(x, n=3, norm="forward"), z(5))
for f in (FFT.fft2, FFT.ifft2, FFT.fftn, FFT.ifftn):
    case(f.__name__, f, z(2, 3))
    case(f"{f.__name__} sized", lambda x, f=f: f(x, s=(3, 2), axes=(0, 1), norm="ortho"), a(2, 3, 2))
for norm in (None, "ortho", "forward"):
    case(f"rfft {norm}", lambda x, norm=norm: FFT.rfft(x, norm=norm), a(2, 5))
    case(f"rfft even {norm}", lambda x, norm=norm: FFT.rfft(x, 4, axis=0, norm=norm), a(5, 2))
    case(f"irfft {norm}", lambda x, norm=norm: FFT.irfft(x, norm=norm), z(2, 4))
    case(f"irfft odd {norm}", lambda x, norm=norm: FFT.irfft(x, 5, axis=0, norm=norm), z(4, 2))
    case(f"hfft {norm}", lambda x, norm=norm: FFT.hfft(x, norm=norm), z(4))
    case(f"ihfft {norm}", lambda x, norm=norm: FFT.ihfft(x, 5, norm=norm), a(6))
case("rfft2", lambda x: FFT.rfft2(x), a(2, 3))
case("rfftn", lambda x: FFT.rfftn(x, s=(2, 4), axes=(1, 2)), a(2, 2, 3))
case("irfft2", lambda x: FFT.irfft2(x, s=(2, 5)), z(2, 3))
case("irfftn", lambda x: FFT.irfftn(x), z(2, 2, 3))
case("fftshift", lambda x: FFT.fftshift(x) + 2 * FFT.ifftshift(x, axes=1), a(3, 5))
case("fftfreq", lambda x: FFT.fftfreq(4, x) * FFT.rfftfreq(6, d=x), p())

# Polynomials.

case("roots", lambda c: np.roots(c * np.array([1.0, -5.0, 4.0, 0.0])), between(0.99, 1.01, 4))
case("roots complex", lambda c: np.roots(c), between(0.9, 1.1, 4))
case("poly", lambda x: np.poly(x), a(3))
case("poly of a matrix", lambda x: np.poly(x + np.diag([0.0, 3.0, 7.0])), between(-0.2, 0.2, 3, 3))
case("polydiv", lambda u, v: np.polydiv(u, v), p(4), p(2))
case("polyfit", lambda x, y: np.polyfit(x, y, 2), up(6), a(6))
case("polyfit weights", lambda x, y, w: np.polyfit(x, y, 1, w=w), up(5), a(5, 2), p(5))
case("poly1d", lambda c, x: np.poly1d(c)(x), a(3), a(2))
P: Any = np.polynomial
MODULES = (P.polynomial, P.chebyshev, P.legendre, P.hermite, P.hermite_e, P.laguerre)
NAMES = ("poly", "cheb", "leg", "herm", "herme", "lag")
for f in [getattr(module, f"{n}val") for module, n in zip(MODULES, NAMES, strict=True)]:
    case(f.__name__, f, a(3), a(4))
case("Polynomial", lambda x, c: P.Polynomial(c)(x) + P.Polynomial(c).deriv()(x), a(3), a(4))
case("Chebyshev", lambda x, c: P.Chebyshev(c)(x), a(3), a(3))
case("polyval2d", lambda x, y, c: P.polynomial.polyval2d(x, y, c), a(3), a(3), a(2, 3))
case("polygrid2d", lambda x, y, c: P.polynomial.polygrid2d(x, y, c), a(3), a(2), a(2, 3))
case("polyvander", lambda x: P.polynomial.polyvander(x, 3), a(3))

# Eigenvalues of general matrices.

case("eig", lambda x: tuple(LA.eig(x + np.diag([0.0, 3.0, 6.0]))), between(-0.4, 0.4, 3, 3))
case("eig pairs", lambda x: tuple(LA.eig(x + np.array([[0.0, -2.0], [2.0, 0.1]]))), between(-0.4, 0.4, 2, 2))
case("eig complex", lambda x: tuple(LA.eig(x)), z(2, 3, 3))
case("eigvals", lambda x: LA.eigvals(x), z(3, 3))

# Options.

case("polyfit full", lambda x, y: np.polyfit(x, y, 2, full=True)[:2], up(6), a(6))
case("polyfit cov", lambda x, y: np.polyfit(x, y, 1, cov=True), up(5), a(5))
case("polyfit unscaled", lambda x, y, w: np.polyfit(x, y, 1, w=w, cov="unscaled")[1], up(5), a(5), p(5))
for mode in ("maximum", "minimum", "mean", "median"):
    case(f"pad {mode}", lambda x, mode=mode: np.pad(x, ((2, 1), (0, 3)), mode=mode), d(3, 4))
    case(f"pad {mode} near", lambda x, mode=mode: np.pad(x, 2, mode=mode, stat_length=((1, 2), (3, 9))), d(3, 4))
case("pad linear_ramp", lambda x: np.pad(x, (2, 3), mode="linear_ramp"), a(2, 3))
case("pad linear_ramp to", lambda x, t: np.pad(x, 2, mode="linear_ramp", end_values=(t, 3.0)), a(2, 3), a())
case("pad constant of", lambda x, t: np.pad(x, ((1, 2), (0, 1)), constant_values=((t, 2 * t), (5.0, t))), a(2, 3), a())
case("pad reflect odd", lambda x: np.pad(x, ((1, 2), (5, 0)), mode="reflect", reflect_type="odd"), a(3, 4))
case("pad symmetric odd", lambda x: np.pad(x, 4, mode="symmetric", reflect_type="odd"), a(3))
case("pad one axis", lambda x: np.pad(x, {-1: (1, 2)}, mode="mean"), a(2, 3))
WEIGHTS = np.array([0.5, 0.0, 2.0, 1.0, 0.7])
CDF: dict[str, Any] = {"weights": WEIGHTS, "method": "inverted_cdf"}
case("quantile weights", lambda x: np.quantile(x, [0.0, 0.3, 0.7, 1.0], **CDF), d(5))
case("percentile weights", lambda x: np.percentile(x, [[20.0, 60.0]], axis=1, keepdims=True, **CDF), d(2, 5))
case("quantile of weights", lambda x, w: np.quantile(x, 0.4, weights=w, method="inverted_cdf"), d(4), p(4))
case("nanquantile weights", lambda x: np.nanquantile(np.where(x == x.max(), np.nan, x), [0.2, 0.6], **CDF), d(5))
case("unique rows", lambda x: np.unique(x, True, True, True, axis=0), lambda rng: np.eye(3)[[2, 0, 2, 1]], smooth=0)
case("unique inverse", lambda x: np.unique(x, return_inverse=True), d(2, 3), smooth=0)
case("intersect1d places", lambda x: np.intersect1d(x[:4], x[2:], return_indices=True), d(5), smooth=0)
case("intersect1d same", lambda x: np.intersect1d(x, x[[2, 0]], assume_unique=True, return_indices=True)[0], d(4))
case("vectorize core", lambda x, y: np.vectorize(np.dot, signature="(n),(n)->()")(x, y), a(2, 1, 3), a(4, 3))
case("vectorize outer", lambda x, y: np.vectorize(np.outer, signature="(n),(m)->(n,m)")(x, y), a(2, 3), a(2))
case("item of arrays", lambda x: x.item() * x[0].item() * np.array([1.0, 2.0]) + x.item(0), a(1))
case("tolist", lambda x: np.array(x.tolist())[:, 1] * 2, a(2, 3))


def written_diagonals(x: Any) -> Any:
    b = np.multiply.outer(x, x[0])
    v = np.einsum("iji->ji", b)
    v[1] *= x[:, 0]
    v[:, 0] = 7.0
    np.einsum("ijk->kji", b)[0] += x
    return b + np.einsum("ii->i", x)


case("einsum views", written_diagonals, a(2, 2))
