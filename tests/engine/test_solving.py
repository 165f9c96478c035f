"""SciPy's solvers as implicit functions: what they meet in programs."""

from typing import Any

import pytest
import scipy.integrate
import scipy.optimize

import geartrain as gt
from geartrain.errors import GeartrainError, GeartrainWarning, LeakError
from geartrain.ir.untyped import numpy as np

I: Any = scipy.integrate
O: Any = scipy.optimize


def cube_root(k: Any) -> Any:
    return O.brentq(lambda z: z**3 - k, 0.0, 5.0, xtol=1e-14)


def test_a_solver_inside_a_solver() -> None:
    def f(k: Any) -> Any:
        return O.brentq(lambda z: z + cube_root(z * k) - 2, 0.5, 3.0, xtol=1e-14)

    # at k = 1: z = 1, and z + (z k)^(1/3) = 2 moves by 4/3 z' + 1/3 = 0
    assert gt.grad(f)(1.0) == pytest.approx(-0.25)
    assert gt.jvp(f, (1.0,), (1.0,))[1] == pytest.approx(-0.25)


def test_a_solver_inside_a_derivative_inside_a_solver() -> None:
    """d/dk of the z where the slope of k^(1/3) z^2 is 1: z = k^(-1/3) / 2."""

    def slope(z: Any, k: Any) -> Any:
        return gt.grad(lambda u: cube_root(k) * u * u)(z)

    z = O.newton(lambda z: slope(z, 8.0) - 1, 0.1)
    assert z == pytest.approx(0.25)
    assert gt.grad(lambda k: O.newton(lambda z: slope(z, k) - 1, 0.1))(8.0) == pytest.approx(-(8.0 ** (-4 / 3)) / 6)


def test_branches_loops_and_arrays_in_the_equation() -> None:
    def equation(z: Any, k: Any) -> Any:
        left = np.zeros(2)  # is written into
        for i in range(2):
            left[i] = z[i] - k if z[i] > 1 else z[i] * 2 - k
        return left

    def f(k: Any) -> Any:
        return O.root(equation, np.array([0.5, 2.0]), args=(k,)).x

    assert gt.jacobian(f)(1.6) == pytest.approx(np.array([0.5, 1.0]))


def test_the_start_and_the_bracket_do_not_move_the_root() -> None:
    assert gt.grad(lambda a: O.brentq(lambda z: z * z - 2, a, a + 2.0) * a)(1.0) == pytest.approx(2**0.5)


def test_all_results_are_there() -> None:
    seen: list[Any] = []

    def f(k: Any) -> Any:
        seen.append(O.minimize(lambda z: (z - k) ** 2 @ z**0, np.zeros(2)))
        return seen[0].fun

    want = O.minimize(lambda z: (z - 3.0) ** 2 @ z**0, np.zeros(2))
    gt.grad(f)(3.0)
    assert set(seen[0]) == set(want)
    assert seen[0].nit == want.nit
    assert seen[0].success


def test_what_is_not_traced_is_scipys_own() -> None:
    def f(x: Any) -> Any:
        return x * O.root(lambda z: z * z - 2, [1.0]).x[0] + x * O.minimize(lambda z: (z @ z - 1.0) ** 2, [1.0]).x[0]

    assert gt.grad(f)(1.0) == f(1.0)


def test_jit_runs_a_solver_anew_and_says_so_once() -> None:
    f = gt.jit(gt.value_and_grad(cube_root))
    with pytest.warns(GeartrainWarning, match="brentq"):
        assert f(8.0) == pytest.approx((2.0, 1 / 12))
    for k in (1.0, 27.0, 8.0):
        value, slope = f(k)
        assert value == pytest.approx(k ** (1 / 3))
        assert slope == pytest.approx(1 / (3 * value**2))


def test_jit_does_not_keep_a_root_that_a_decision_led_to() -> None:
    @gt.jit
    def f(k: Any) -> Any:
        return O.brentq(lambda z: z - 1 if k > 0 else z - 2, 0.0, 5.0) + k

    with pytest.warns(GeartrainWarning):
        assert f(1.0) == 2.0
    assert f(-1.0) == 1.0


def test_checkpoint_and_hessian_of_a_solver() -> None:
    f = gt.checkpoint(lambda k: cube_root(k[0]) * k[1])
    got = gt.hessian(lambda k: f(k))(np.array([8.0, 2.0]))
    want = np.array([[2 * (-2 / 9) * 8 ** (-5 / 3), 1 / 12], [1 / 12, 0]])
    np.testing.assert_allclose(got, want, atol=1e-12)


def test_an_error_in_the_function_leaves_nothing_behind() -> None:
    def f(k: Any) -> Any:
        def equation(z: Any) -> Any:
            if z > 1:
                raise KeyError("mine")
            return z - k

        return O.brentq(equation, 0.0, 5.0)

    with pytest.raises(KeyError, match="mine"):
        gt.grad(f)(1.0)
    assert gt.grad(cube_root)(8.0) == pytest.approx(1 / 12)
    assert not hasattr(O.brentq, "__wrapped__")


def test_a_value_kept_from_the_search_is_a_leak() -> None:
    kept: list[Any] = []

    def f(k: Any) -> Any:
        def equation(z: Any) -> Any:
            kept.append(z - k)
            return kept[-1]

        return O.brentq(equation, 0.0, 5.0) + kept[0]

    with pytest.raises(LeakError):
        gt.grad(f)(1.0)


def test_a_triple_integral() -> None:
    def f(k: Any) -> Any:
        return I.tplquad(lambda z, y, x: k * x + y * z * k**2, 0.0, 1.0, 0.0, 1.0, 0.0, lambda x, y: 1.0)[0]

    assert gt.grad(f)(2.0) == pytest.approx(0.5 + 1.0)


def test_an_integrand_that_a_sum_does_not_follow_is_refused() -> None:
    with pytest.raises(GeartrainError, match="points="):
        gt.grad(lambda k: I.quad(lambda x: np.abs(x - 0.3) * k, 0.0, 1.0, points=[0.3])[0])(2.0)
    with pytest.raises(GeartrainError, match="weight="):
        gt.grad(lambda k: I.quad(lambda x: k * x, 0.0, 1.0, weight="cos", wvar=2.0)[0])(2.0)
    assert gt.grad(lambda k: k * I.quad(lambda x: x, 0.0, 1.0, weight="cos", wvar=2.0)[0])(2.0) == pytest.approx(
        I.quad(lambda x: x, 0.0, 1.0, weight="cos", wvar=2.0)[0]
    )


def test_a_stiff_equation() -> None:
    """The slow part of a fast reaction: y1 follows k y0 at once, so y0' = -(1 + k) y0."""

    def f(k: Any) -> Any:
        def rate(y: Any, t: Any) -> Any:
            return [-y[0] - y[1], 1e5 * (k * y[0] - y[1])]

        return I.odeint(rate, [1.0, k], [0.0, 0.5], rtol=1e-6, atol=1e-8)[-1, 0]

    assert gt.grad(f)(1.0) == pytest.approx(-0.5 * np.exp(-1.0), rel=1e-3)


def test_a_right_side_may_branch_on_time_and_state() -> None:
    def f(k: Any) -> Any:
        return I.solve_ivp(lambda t, y: k * y if t < 1 else 0 * y, (0, 2), [1.0], max_step=0.25, t_eval=[2.0]).y[0, 0]

    assert gt.grad(f)(0.5) == pytest.approx(np.exp(0.5), rel=5e-3)  # as far as SciPy's own solution goes


def test_what_an_equation_does_not_read_is_scipys_own() -> None:
    def f(k: Any) -> Any:
        return k * I.solve_ivp(lambda t, y: -y, (0, 1), [1.0], events=lambda t, y: y[0] - 0.5).t_events[0][0]

    assert gt.grad(f)(1.0) == f(1.0)


def test_a_failed_search_is_an_error_where_it_is_used_only() -> None:
    def f(k: Any, use: bool) -> Any:
        found = O.root(lambda z: z * z + k, [1.0])
        assert not found.success
        return found.x[0] if use else k * k

    assert gt.grad(lambda k: f(k, False))(3.0) == 6.0
    with pytest.raises(GeartrainError, match="SciPy says"):
        gt.grad(lambda k: f(k, True))(3.0)
