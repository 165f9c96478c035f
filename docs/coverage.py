"""What geartrain does with the functions of NumPy and SciPy: `python docs/coverage.py` writes docs/coverage.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.sparse  # so that its rules arrive
import scipy.spatial.distance
import scipy.special
import scipy.stats  # so that its rules arrive

import geartrain
from geartrain.ir.op import Constant, Op
from geartrain.ops import scipy_curves, scipy_interpolate, scipy_scattered, table
from geartrain.ops.scipy_stats import CONTINUOUS, DISCRETE
from geartrain.trace.tracer import Tracer


def words(text: str) -> list[str]:
    return text.split()


PAGE = Path(__file__).with_name("coverage.md")

CONSTANT = words(
    """
all allclose any argmax argmin argpartition argsort argwhere around array_equal array_equiv bincount
count_nonzero digitize einsum_path fix flatnonzero histogram histogram_bin_edges isclose iscomplex iscomplexobj
isin isneginf isposinf isreal isrealobj label lexsort matrix_rank nanargmax nanargmin nonzero ravel_multi_index round
searchsorted tril_indices_from triu_indices_from diag_indices_from unravel_index gammasgn shape ndim size
result_type can_cast min_scalar_type common_type may_share_memory shares_memory zeros_like ones_like empty_like
zeros ones empty eye identity tri indices bartlett blackman hamming hanning tril_indices triu_indices
diag_indices mask_indices array2string array_repr array_str
"""
)
"""Functions whose results do not move (counts, places, comparisons) or that ask for a shape or dtype only."""

REFUSED = {
    "histogram2d": "counts; not traced yet, so a traced argument is refused",
    "histogramdd": "counts; not traced yet, so a traced argument is refused",
    "frompyfunc": "makes arrays of Python objects; write np.vectorize",
    "nested_iters": "iterates over memory; loop over the elements",
    "packbits": "of integers; a traced argument is refused",
    "unpackbits": "of integers; a traced argument is refused",
    "asmatrix": "np.matrix is refused; use arrays and @",
    "bmat": "np.matrix is refused; use np.block",
    "isnat": "of dates; there is nothing to differentiate",
    "isfortran": "a traced array has no order in memory",
    "from_dlpack": "takes foreign memory; convert it outside of the function",
    "frombuffer": "takes foreign memory; convert it outside of the function",
    "mintypecode": "of type codes",
    "row_stack": "the older name of vstack, which works",
}
"""Functions that refuse a traced argument, and why."""

OUTSIDE = words(
    """
base_repr binary_repr broadcast_shapes busday_count busday_offset datetime_as_string datetime_data
format_float_positional format_float_scientific fromfile fromregex fromstring genfromtxt get_include
get_printoptions getbufsize geterr geterrcall info is_busday isdtype isscalar issubdtype iterable load loadtxt
printoptions promote_types save savetxt savez savez_compressed set_printoptions setbufsize seterr seterrcall
show_config show_runtime test typename
"""
)
"""Input and output, settings, dates and dtypes: there is no number to differentiate."""

MADE = words("array asanyarray asarray asarray_chkfinite ascontiguousarray copy")

BARE = {
    "byteswap": "reads bits as other numbers",
    "ctypes": "an address",
    "data": "an address",
    "dump": "a traced value cannot be pickled",
    "dumps": "a traced value cannot be pickled",
    "getfield": "reads bits as other numbers",
    "setfield": "writes bits as other numbers",
    "to_device": "there is one device",
    "tofile": "a traced value is not written to a file",
    "resize": "a traced array cannot change its size in place; np.resize works",
    "tobytes": "a traced value has no bytes of its own",
}
"""Methods and attributes of ndarray that a traced array refuses."""

ASKED = words(
    """
all any argmax argmin argpartition argsort nonzero searchsorted shape dtype ndim size itemsize nbytes strides flags base
 device setflags
"""
)


def kind_of(f: Any, name: str) -> str:
    """The class of a NumPy function: differentiable, expression, constant, refused, outside, or missing."""
    if name in OUTSIDE:
        return "outside"
    if name in CONSTANT:
        return "constant"
    if name in REFUSED:
        return "refused"
    if name in MADE:
        return "differentiable"
    meaning = table.SPELLINGS.get(f)
    if meaning is None:
        return "missing"
    if isinstance(meaning, Op):
        return "constant" if isinstance(meaning, Constant) else "differentiable"
    return "expression" if any(c.expression is meaning for c in table.COMPOSITES.values()) else "differentiable"


def functions(module: Any) -> Iterator[tuple[str, Any]]:
    for name in sorted(dir(module)):
        f = getattr(module, name)
        if not name.startswith("_") and callable(f) and not isinstance(f, type):
            yield name, f


def rows_of(module: Any) -> dict[str, str]:
    return {name: kind_of(f, name) for name, f in functions(module)}


def methods() -> dict[str, str]:
    """The methods and attributes of ndarray."""
    found: dict[str, str] = {}
    for name in sorted(dir(np.ndarray)):
        if name.startswith("_"):
            continue
        if name in BARE:
            found[name] = "refused"
        elif hasattr(Tracer, name):
            found[name] = "constant" if name in ASKED else "differentiable"
        else:
            found[name] = "missing"
    return found


def share(kinds: dict[str, str]) -> tuple[int, int]:
    """How many of the functions for which a derivative makes sense have one."""
    there = sum(kind in ("differentiable", "expression") for kind in kinds.values())
    return there, there + sum(kind == "missing" for kind in kinds.values())


def listed(kinds: dict[str, str], kind: str) -> str:
    return ", ".join(f"`{name}`" for name, k in kinds.items() if k == kind) or "none"


def section(title: str, kinds: dict[str, str], reasons: dict[str, str]) -> list[str]:
    there, all_ = share(kinds)
    lines = [
        f"## {title}",
        "",
        f"{there} of {all_} that have a derivative in exact arithmetic ({there / all_:.0%}).",
        "",
    ]
    for kind, text in [
        ("differentiable", "**By rules of their own**, both modes, all orders"),
        ("expression", "**Through composition**: expressions of the above"),
        ("constant", "**Constant**: the result does not move"),
        ("outside", "**Outside**: no numbers to differentiate"),
        ("missing", "**Not yet**: a traced argument raises an error that says so"),
    ]:
        if any(k == kind for k in kinds.values()):
            lines += [f"{text}: {listed(kinds, kind)}.", ""]
    refused = [name for name, kind in kinds.items() if kind == "refused"]
    if refused:
        lines += ["**Refused**, with the reason:", ""]
        lines += [f"- `{name}`: {reasons[name]}" for name in refused]
        lines += [""]
    return lines


def scipy_rows(module: Any, smooth: set[str] | None = None) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, f in functions(module):
        kind = kind_of(f, name)
        if kind != "missing" or smooth is None or name in smooth:
            found[name] = kind
    return found


LINALG = words(
    """
solve solve_triangular cho_factor cho_solve cholesky lu_factor lu_solve expm sqrtm logm solve_sylvester
solve_continuous_lyapunov solve_discrete_lyapunov block_diag toeplitz svd svdvals eigh eigvalsh eigvals eig qr
det inv pinv lstsq lu norm expm_frechet hankel circulant khatri_rao schur polar cosm sinm tanm signm funm
fractional_matrix_power solve_banded solveh_banded solve_toeplitz solve_circulant null_space orth ldl coshm
sinhm tanhm companion
"""
)

LISTS = {
    scipy.fft: words(
        "fft ifft fft2 ifft2 fftn ifftn rfft irfft rfft2 irfft2 rfftn irfftn hfft ihfft hfft2 ihfft2 hfftn ihfftn dct"
        " idct dst idst dctn idctn dstn idstn"
    ),
    scipy.signal: words(
        "convolve fftconvolve oaconvolve correlate convolve2d correlate2d lfilter lfilter_zi detrend filtfilt sosfilt"
        " sosfiltfilt savgol_filter hilbert resample resample_poly decimate freqz welch stft medfilt"
    ),
    scipy.ndimage: words(
        "convolve convolve1d correlate correlate1d gaussian_filter gaussian_filter1d uniform_filter uniform_filter1d"
        " map_coordinates affine_transform zoom shift rotate sobel prewitt laplace gaussian_laplace"
        " gaussian_gradient_magnitude maximum_filter minimum_filter median_filter"
    ),
    scipy.integrate: words(
        "trapezoid cumulative_trapezoid simpson cumulative_simpson romb quad quad_vec fixed_quad dblquad tplquad nquad"
        " odeint solve_ivp solve_bvp"
    ),
    scipy.optimize: words(
        "root root_scalar brentq brenth bisect ridder toms748 newton fsolve fixed_point minimize minimize_scalar fmin"
        " fmin_powell fmin_cg fmin_bfgs fmin_ncg fmin_l_bfgs_b fmin_tnc fminbound brent golden least_squares leastsq"
        " curve_fit basinhopping differential_evolution dual_annealing shgo linprog nnls lsq_linear newton_krylov"
        " broyden1 broyden2 anderson"
    ),
    scipy.spatial.distance: words(
        "cdist pdist squareform euclidean sqeuclidean cosine correlation cityblock chebyshev minkowski canberra"
        " braycurtis mahalanobis seuclidean jensenshannon"
    ),
}
"""Of modules with much that is not about derivatives: the functions that are counted."""

NOT_SMOOTH = words(
    """
test lpn lqn lqmn lpmn clpmn factorial2 factorialk stirling2 perm bernoulli euler diric errprint geterr seterr
get_lapack_funcs
"""
)


def interpolators() -> dict[str, str]:
    """The classes and functions that make curves through points."""
    works = [
        *scipy_interpolate.CLASSES,
        *scipy_curves.FURTHER,
        *scipy_scattered.SCATTERED,
        "BSpline",
        "make_interp_spline",
        "interpn",
    ]
    works += ["splrep", "splev", "griddata"]
    missing = [*scipy_interpolate.REFUSED, "LSQUnivariateSpline"]
    found = {**dict.fromkeys(works, "differentiable"), **dict.fromkeys(missing, "missing")}
    return {name: found[name] for name in sorted(found) if hasattr(scipy.interpolate, name)}


def page() -> str:
    """The text of docs/coverage.md."""
    geartrain.grad(lambda x: x * x)(1.0)  # a trace opens, so SciPy's rules arrive
    lines = [
        "# What is covered",
        "",
        "Made by `python docs/coverage.py` from the tables of operations; a test compares. Every function listed as",
        "differentiable or as an expression is tried by `tests/ops` for its value, for both modes against each other,",
        "and against differences to second order. A function that is not listed as working raises an error that names",
        "it; there is no silent fallback.",
        "",
    ]
    lines += section("numpy", rows_of(np), REFUSED)
    lines += section("numpy.linalg", rows_of(np.linalg), REFUSED)
    lines += section("numpy.fft", rows_of(np.fft), REFUSED)
    lines += section("ndarray", methods(), BARE)
    special = {
        k: v
        for k, v in scipy_rows(scipy.special).items()
        if isinstance(getattr(scipy.special, k), np.ufunc) or v != "missing"
    }
    lines += section("scipy.special", special, {})
    lines += section("scipy.linalg", scipy_rows(scipy.linalg, set(LINALG)), {})
    for module, names in LISTS.items():
        kinds = scipy_rows(module, set(names))
        lines += section(module.__name__, {name: kind for name, kind in kinds.items() if kind != "outside"}, {})
    lines += [
        "## scipy.sparse",
        "",
        "Products of a sparse matrix, which is constant, with a traced vector or matrix.",
        "",
    ]
    lines += section("scipy.interpolate", interpolators(), {})
    laws = sorted([*CONTINUOUS, *DISCRETE, "multivariate_normal", "dirichlet"])
    lines += ["## scipy.stats", ""]
    lines += ["Of samples: `zscore`, `zmap`, `gzscore`, `gmean`, `hmean`, `sem`, `variation`, `moment`, `skew`,"]
    lines += ["`kurtosis`, `entropy`.", ""]
    lines += ["`pdf`, `logpdf`, `cdf`, `sf`, `logcdf`, `logsf`, `ppf` (`pmf`, `logpmf` of discrete laws),"]
    lines += ["as functions of the place, location, scale and, where there is a formula, of the shape parameters, of:"]
    lines += [", ".join(f"`{name}`" for name in laws) + ".", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
