"""What has no rule says so, by name and with a way out; it never gives a wrong number."""

from collections.abc import Callable
from typing import Any

import pytest
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.spatial.distance
import scipy.special
import scipy.stats

import geartrain as gt
from geartrain.errors import GeartrainError
from geartrain.ir.untyped import numpy as np

OPT: Any = scipy.optimize
S: Any = scipy.special
ND: Any = scipy.ndimage
INTERPOLATE: Any = scipy.interpolate
ST: Any = scipy.stats
SIG: Any = scipy.signal
L: Any = scipy.linalg
DIST: Any = scipy.spatial.distance
REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "nditer": (lambda x: sum(np.nditer(x)), "np.nditer"),
    "frompyfunc": (lambda x: np.frompyfunc(lambda v: v * 2, 1, 1)(x).sum(), "no derivative rule"),
    "asmatrix": (lambda x: np.asmatrix(x).sum(), "view"),
    "histogram2d": (lambda x: np.histogram2d(x, x)[0].sum(), "histogram2d"),
    "mathieu_a": (lambda x: S.mathieu_a(2, x).sum(), "mathieu_a"),
    "gammainc in a": (lambda x: S.gammainc(x, 2.0).sum(), "gammainc"),
    "jv in the order": (lambda x: S.jv(x, 2.0).sum(), "order"),
    "nnls": (lambda x: OPT.nnls(np.eye(3), x)[0].sum(), "nnls"),
    "linprog": (lambda x: OPT.linprog(x, bounds=(0, 1)).fun, "linprog"),
    "an unsolved root": (lambda x: OPT.root(lambda z: z * z + x, np.ones(3)).x.sum(), "the equation does not hold"),
    "a flat minimum": (lambda x: OPT.minimize(lambda z: (z[0] - x[0]) ** 2, np.zeros(2)).x.sum(), "singular"),
    "too many equations": (
        lambda x: OPT.root(lambda z: [z[0] - x[0], z[0] - x[1]], [0.0], method="lm").x[0],
        "2 equations for 1",
    ),
    "a Hessian": (
        lambda x: OPT.minimize(lambda z: ((z - x) ** 2).sum(), np.zeros(3)).hess_inv.sum(),
        "hess_inv has no rule",
    ),
    "pcov": (lambda x: OPT.curve_fit(lambda t, q: q * t, np.arange(3.0), x)[1].sum(), "pcov|further results"),
    "constraints": (
        lambda x: OPT.minimize(lambda z: z @ x, np.ones(3), constraints={"type": "eq", "fun": lambda z: z @ z - 1}).fun,
        "constraints=",
    ),
    "a solver under vmap": (
        lambda x: gt.vmap(lambda k: OPT.brentq(lambda z: z - k, 0.0, 5.0))(x).sum(),
        "loop over the examples|Loop over the examples",
    ),
    "skewnorm": (lambda x: ST.skewnorm.pdf(x, 1.0).sum(), "skewnorm"),
    "zoom": (lambda x: ND.zoom(x, 2, mode="wrap").sum(), "scipy.ndimage.zoom"),
    "filtfilt": (lambda x: SIG.filtfilt([1.0], [1.0], x, method="gust").sum(), "filtfilt"),
    "zscore": (lambda x: ST.zscore(x, nan_policy="omit").sum(), "zscore"),
    "pinv": (lambda x: L.pinv(np.diag(x), return_rank=True)[0].sum(), "pinv"),
    "cdist": (lambda x: DIST.cdist([x], [x], "hamming").sum(), "cdist"),
    "interp1d": (lambda x: INTERPOLATE.interp1d(np.arange(3.0), x, "quadratic")(0.5), "kind='quadratic'"),
    "BPoly": (lambda x: INTERPOLATE.BPoly(x[:, None], [0.0, 1.0])(0.5), "BPoly"),
    "CloughTocher": (lambda x: INTERPOLATE.CloughTocher2DInterpolator(np.eye(3)[:, :2], x)(0.2, 0.3), "CloughTocher2D"),
    "Schur's form": (lambda x: L.schur(np.diag(x))[0].sum(), "scipy.linalg.schur"),
    "stft": (lambda x: abs(SIG.stft(x, nperseg=2)[2]).sum(), "scipy.signal.stft"),
    "splrep that smooths": (lambda x: INTERPOLATE.splrep(np.arange(6.0), np.tile(x[:2], 3), s=0.1), "s=0"),
    "traced knots": (lambda x: INTERPOLATE.make_interp_spline(x, np.arange(3.0), k=1)(0.5), "its knots are traced"),
    "roots of a spline": (lambda x: INTERPOLATE.CubicSpline(np.arange(3.0), x).roots()[0], "have no rule"),
    "a generator": (lambda x: np.random.default_rng(0).normal(x).sum(), "bare number"),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(name: str) -> None:
    f, said = REFUSED[name]
    with pytest.raises(GeartrainError, match=said):
        gt.grad(f)(np.array([1.0, 2.0, 3.0]))


def test_solvers_still_solve_what_is_not_traced() -> None:
    def f(x: Any) -> Any:
        return x * OPT.brentq(lambda z: z * z - 2, 0.0, 2.0) + x * sum(v for v in np.nditer(np.arange(3.0)))

    assert gt.grad(f)(1.0) == pytest.approx(2**0.5 + 3)
