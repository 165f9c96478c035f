"""Cases of SciPy's solvers by their own names, at tolerances that leave room for differences."""

from collections.abc import Callable
from typing import Any

import scipy.integrate
import scipy.optimize

from geartrain.ir.untyped import numpy as np
from tests.ops.draws import Case, Draw, a, between, p

O: Any = scipy.optimize
CASES: list[Case] = []


def case(name: str, f: Callable[..., Any], *draws: Draw, smooth: int = 2) -> None:
    CASES.append(Case(name, f, draws, smooth))


# Roots: z^3 + z = k has one root, and so has z + sin(z) / 2 + pull(z) = k for many unknowns.

ONE = {"xtol": 1e-15, "rtol": 1e-14}
for name in ("brentq", "brenth", "bisect", "ridder", "toms748"):
    case(
        f"{name}",
        lambda k, s=name: getattr(O, s)(lambda z: z**3 + z - k, -5.0, 5.0, **ONE) * k,
        p(),
    )
case("brentq args", lambda k: O.brentq(lambda z, q: z**3 + z - q, -5.0, 5 * k, args=(k,), full_output=True)[0] * k, p())
case("newton", lambda k: O.newton(lambda z: z**3 + z - k, 1.0, fprime=lambda z: 3 * z**2 + 1, tol=1e-14), p())
case("newton many", lambda k: O.newton(lambda z, q: z**3 + z - q, np.ones(3), args=(k,), tol=1e-14), p(3))
case("newton full", lambda k: O.newton(lambda z: z**3 + z - k, np.ones(3), tol=1e-14, full_output=True).root, p(3))
case("root_scalar", lambda k: O.root_scalar(lambda z: z**3 + z - k, bracket=[-5, 5], **ONE).root * k, p())
case(
    "root_scalar fprime",
    lambda k: O.root_scalar(lambda z: (z**3 + z - k, 3 * z**2 + 1), x0=1.0, fprime=True, xtol=1e-14).root * k,
    p(),
)


def pulled(z: Any, k: Any) -> Any:
    return z + 0.5 * np.sin(z) + 0.2 * np.roll(z, 1) ** 2 - k


case("root", lambda k: O.root(lambda z: pulled(z, k), np.zeros(3), tol=1e-14).x * k, between(0.2, 0.6, 3))
case("root args", lambda k, x: O.root(pulled, x, args=k, tol=1e-14).x, between(0.2, 0.6, 3), between(0, 0.1, 3))
case("root krylov", lambda k: O.root(lambda z: pulled(z, k), np.zeros(2), method="krylov", tol=1e-13).x, p(2))
case("fsolve", lambda k: O.fsolve(lambda z: [z[0] + z[1] ** 2 - k, z[1] - k * z[0]], [0.1, 0.1], xtol=1e-14), p())
case("fsolve full", lambda k: O.fsolve(pulled, np.zeros(3), (k,), full_output=True, xtol=1e-14)[0], p(3))
case("fixed_point", lambda k: O.fixed_point(lambda z: np.cos(k * z), 0.7, xtol=1e-14), between(0.3, 0.8))
case("fixed_point many", lambda k: O.fixed_point(lambda z: np.cos(k * z), k, xtol=1e-14), between(0.3, 0.8, 3))
for name in ("newton_krylov", "broyden1", "broyden2"):
    case(f"{name}", lambda k, s=name: getattr(O, s)(lambda z: pulled(z, k), np.zeros(2), f_tol=1e-13), p(2))
case("anderson", lambda k: O.anderson(lambda z: pulled(z, k), np.zeros(2), f_tol=1e-3), p(2), smooth=0)


# Minima of a bowl that is not a parabola, with its gradient where the method can take one.


def bowl(z: Any, k: Any) -> Any:
    return np.sum((z - k) ** 2) + 0.1 * np.sum(z**4) + 0.3 * z[0] * z[-1]


def bowl_slope(z: Any, k: Any) -> Any:
    cross = np.zeros(z.shape)
    cross[0] += 0.3 * z[-1]
    cross[-1] += 0.3 * z[0]
    return 2 * (z - k) + 0.4 * z**3 + cross


def both(z: Any, k: Any) -> Any:
    return bowl(z, k), bowl_slope(z, k)


case("minimize", lambda k: O.minimize(bowl, np.zeros(3), k, jac=bowl_slope, tol=1e-13).x, a(3))
case("minimize value", lambda k: O.minimize(lambda z: both(z, k), np.zeros(3), jac=True, tol=1e-13).fun, a(3))
case(
    "minimize bounds",
    lambda k: O.minimize(bowl, np.ones(3), k, "L-BFGS-B", bowl_slope, bounds=[(0.5, None)] * 3, tol=1e-14).x,
    lambda rng: np.array([0.1, 0.9, 1.2]),
)
case(
    "minimize traced bound",
    lambda k: O.minimize(bowl, [1.5, 1.0], 0.3, "L-BFGS-B", bowl_slope, bounds=[(k, 2.0), (None, None)], tol=1e-14).x,
    between(0.8, 0.9),
)
case("minimize_scalar", lambda k: O.minimize_scalar(lambda z: np.cosh(z - k) + k * z, tol=1e-9).fun, between(0.1, 0.4))
case("minimize_scalar x", lambda k: O.minimize_scalar(lambda z: (z - k) ** 2, (0.0, 1.0), tol=1e-12).x, p(), smooth=0)
for name in ("fmin_bfgs", "fmin_cg"):
    case(
        f"{name}",
        lambda k, s=name: getattr(O, s)(bowl, np.zeros(2), bowl_slope, args=(k,), gtol=1e-11, disp=0),
        between(0.2, 0.6, 2),
    )
case(
    "fmin_ncg",
    lambda k: O.fmin_ncg(bowl, np.zeros(2), bowl_slope, args=(k,), avextol=1e-13, disp=0),
    between(0.2, 0.6, 2),
    smooth=0,
)
case("fmin_l_bfgs_b", lambda k: O.fmin_l_bfgs_b(both, np.zeros(2), args=(k,), factr=0.1, pgtol=1e-12)[:2], a(2))
case("fmin", lambda k: O.fmin(bowl, np.zeros(2), (k,), xtol=1e-9, ftol=1e-13, disp=0), a(2), smooth=0)
case("fmin_powell", lambda k: O.fmin_powell(bowl, np.zeros(2), (k,), xtol=1e-9, ftol=1e-13, disp=0), a(2), smooth=0)
case("brent", lambda k: O.brent(lambda z: (z - k) ** 2 + z, brack=(0.0, 1.0)) + k, p(), smooth=0)
case("golden", lambda k: O.golden(lambda z: (z - k) ** 2 + z, brack=(0.0, 1.0)) + k, p(), smooth=0)
case("fminbound", lambda k: O.fminbound(lambda z: (z - k) ** 2 + z, -4.0, 4.0) + k, p(), smooth=0)
case("basinhopping", lambda k: O.basinhopping(lambda z: bowl(z, k), np.zeros(2), niter=1, rng=0).fun, a(2), smooth=0)
case(
    "differential_evolution",
    lambda k: O.differential_evolution(bowl, [(-3, 3)] * 2, (k,), rng=0, maxiter=9, tol=0.5).fun,
    between(0.2, 0.6, 2),
    smooth=0,
)
case("dual_annealing", lambda k: O.dual_annealing(bowl, [(-3, 3)] * 2, (k,), rng=0, maxiter=3).fun, a(2), smooth=0)
case("shgo", lambda k: O.shgo(bowl, [(-3, 3)] * 2, (k,), n=8).fun, between(0.2, 0.6, 2), smooth=0)

# Least squares: a curve through points that it does not fit.

PLACES = np.linspace(0.0, 1.0, 7)
TIGHT = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}


def misses(q: Any, x: Any, y: Any) -> Any:
    return q[0] * np.exp(-q[1] * x) - y


def misses_rate(q: Any, x: Any, y: Any) -> Any:
    return np.stack((np.exp(-q[1] * x), -q[0] * x * np.exp(-q[1] * x)), axis=-1)


def measured(rng: Any) -> Any:
    return 2 * np.exp(-0.7 * PLACES) + 0.05 * rng.normal(size=7)


case(
    "least_squares",
    lambda y: O.least_squares(misses, [1.0, 0.5], misses_rate, args=(PLACES, y), **TIGHT).x,
    measured,
)
case(
    "least_squares loss",
    lambda y: (
        O.least_squares(
            misses,
            [1.0, 0.5],
            misses_rate,
            (0, 3.0),
            loss="soft_l1",
            f_scale=0.1,
            kwargs={"x": PLACES, "y": y},
            **TIGHT,
        ).x
    ),
    measured,
)
case(
    "least_squares cost",
    lambda y: (lambda s: s.cost + s.fun @ y)(
        O.least_squares(lambda q: misses(q, PLACES, y), [1.0, 0.5], lambda q: misses_rate(q, PLACES, y), **TIGHT)
    ),
    measured,
)
case(
    "leastsq",
    lambda y: O.leastsq(misses, [1.0, 0.5], (PLACES, y), misses_rate, ftol=1e-15, xtol=1e-15)[0],
    measured,
)
case(
    "curve_fit",
    lambda y, w: O.curve_fit(
        lambda x, c, r: c * np.exp(-r * x), PLACES, y, [1.0, 0.5], w, jac=lambda x, c, r: misses_rate([c, r], x, 0),
        ftol=1e-15, xtol=1e-15,
    )[0],
    measured,
    between(0.5, 1.0, 7),
)  # fmt: skip

# Differential equations: a pendulum with friction, by every method, and what is asked of the solution.

INT: Any = scipy.integrate
CLOSE = {"rtol": 1e-9, "atol": 1e-10}


def pendulum(t: Any, y: Any, k: Any) -> Any:
    return [y[1], -k * np.sin(y[0]) - 0.1 * y[1] + 0.1 * t]


def ivp(k: Any, y0: Any, **options: Any) -> Any:
    return INT.solve_ivp(pendulum, (0.0, 0.3), y0, args=(k,), **{**CLOSE, **options})


SOON = np.array([0.0, 0.1, 0.3])
case("solve_ivp", lambda k, y: ivp(k, y).y[:, -1], p(), a(2))
case("solve_ivp t_eval", lambda k, y: ivp(k, y, t_eval=SOON).y, p(), a(2))
case("solve_ivp RK23", lambda k, y: ivp(k, y, method="RK23", t_eval=SOON, rtol=1e-5).y * k, p(), a(2), smooth=0)
case("solve_ivp DOP853", lambda k, y: ivp(k, y, method="DOP853", t_eval=SOON).y * k, p(), a(2))
case("solve_ivp Radau", lambda k, y: ivp(k, y, method="Radau", t_eval=SOON, rtol=1e-4).y, p(), a(2), smooth=0)
case("solve_ivp LSODA", lambda k, y: ivp(k, y, method="LSODA", t_eval=SOON, rtol=1e-11, atol=1e-12).y * k, p(), a(2))
case("solve_ivp BDF", lambda k, y: ivp(k, y, method="BDF", t_eval=SOON, rtol=1e-4).y, p(), a(2), smooth=0)
case("solve_ivp times", lambda k: span(k), p())
case("solve_ivp flow", lambda k: ivp(k, [1.0, 0.3], dense_output=True).sol(np.stack([0.1 * k, 0.2])), p())
case("odeint", lambda k, y: INT.odeint(pendulum, y, SOON, (k,), tfirst=True, rtol=1e-12, atol=1e-12) * k, p(), a(2))
case(
    "odeint times",
    lambda k: INT.odeint(lambda y, t: -y * (k - t), [1.0], k * SOON, rtol=1e-12, atol=1e-12, full_output=True)[0],
    p(),
)


def span(k: Any) -> Any:
    found = INT.solve_ivp(lambda t, y: -k * y * t, (0.1 * k, 0.3 * k), [1.0, k], **CLOSE)
    return found.y[:, -1], found.t[-1]


def falls(t: Any, y: Any, k: Any) -> Any:
    return y[0]


falls.terminal = True  # type: ignore[attr-defined]
case(
    "solve_ivp event",
    lambda k: ivp(k, [0.2, -1.5], events=falls).y[1, -1] + ivp(k, [0.2, -1.5], events=falls).t[-1],
    p(),
)
case("solve_ivp events", lambda k: ivp(k, [0.2, -1.5], events=[lambda t, y, k: y[0] - 0.02 * k]).t_events[0], p())
