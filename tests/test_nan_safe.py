"""nan_safe=True: the branch that is not taken has no say; everything else is as without it."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import geartrain as gt
from geartrain import zero
from tests.ops.draws import Case
from tests.ops.test_ops import SMOOTH, arguments, like, only_floats


class Masked(NamedTuple):
    """A program with a branch that would leak, and the same one written so that it cannot."""

    f: Callable[[Any], Any]
    cured: Callable[[Any], Any]


def by_assignment(x: Any) -> Any:
    y = np.sqrt(x)
    y[x <= 0] = 0.0
    return y


def by_writing(x: Any) -> Any:
    y = np.zeros(len(x))
    roots = np.sqrt(x)
    y[x > 0] = roots[x > 0]
    return y


def by_matrix(x: Any) -> Any:
    """A product with the rows of a matrix that is infinite where it is not used."""
    a = np.stack([1 / x, np.ones(len(x))])
    return np.where(np.array([False, True]), a @ x, 0.0)[1] * x


def by_norm(x: Any) -> Any:
    return np.where(x > 0, np.sqrt(np.sum(np.stack([x, x]) ** 2, axis=0)), 0.0)


def safe_root(x: Any) -> Any:
    return np.where(x > 0, np.sqrt(np.where(x > 0, x, 1.0)), 0.0)


MASKED = {
    "sqrt": Masked(lambda x: np.where(x > 0, np.sqrt(x), 0.0), safe_root),
    "log": Masked(lambda x: np.where(x > 0, x * np.log(x), 0.0), lambda x: x * np.log(np.where(x > 0, x, 1.0))),
    "quotient": Masked(
        lambda x: np.where(x == 0, 1.0, np.sin(x) / x),
        lambda x: np.where(x == 0, 1.0, np.sin(x) / np.where(x == 0, 1.0, x)),
    ),
    "power": Masked(lambda x: np.where(x > 0, x**0.5, 0.0), safe_root),
    "overflow": Masked(
        lambda x: np.where(x < 9, np.exp(1000 * x / (1 + x**2)) * 0 + x, x),
        lambda x: x + 0.0,
    ),
    "select": Masked(lambda x: np.select([x > 0, x < 0], [np.sqrt(x), 0 * x], 0.0), safe_root),
    "piecewise": Masked(lambda x: np.piecewise(x, [x > 0], [np.sqrt, 0.0]), safe_root),
    "choose": Masked(lambda x: np.choose((x > 0).astype(int), [0 * x, np.sqrt(x)]), safe_root),
    "where=": Masked(lambda x: np.sqrt(x, where=x > 0, out=np.zeros(len(x))), safe_root),
    "masked assignment": Masked(by_assignment, safe_root),
    "writing": Masked(by_writing, safe_root),
    "maximum": Masked(
        lambda x: np.maximum(np.sqrt(np.abs(x)) - 1e-3, 0.0) * (x > 0),
        lambda x: np.maximum(safe_root(x) - 1e-3, 0.0),
    ),
    "matrix product": Masked(by_matrix, lambda x: np.sum(x) * x),
    "norm": Masked(by_norm, lambda x: np.sqrt(2.0) * np.where(x > 0, x, 0.0)),
    "chained": Masked(
        lambda x: np.where(x > 0, np.log(np.sqrt(x)) ** 2, 0.0),
        lambda x: np.where(x > 0, np.log(np.sqrt(np.where(x > 0, x, 1.0))) ** 2, 0.0),
    ),
    "checkpoint": Masked(lambda x: gt.checkpoint(lambda u: np.where(u > 0, np.sqrt(u), 0.0))(x), safe_root),
}
X = np.array([4.0, 0.0, 0.25, 0.0])
WEIGHT = np.array([1.0, 2.0, -3.0, 0.5])


def total(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: np.sum(WEIGHT * f(x))


@pytest.fixture(autouse=True)
def quiet() -> Any:
    """The programs divide by zero; the sweeps must not warn of it again."""
    with np.errstate(all="ignore"):
        yield


@pytest.mark.parametrize("name", MASKED)
def test_no_mode_leaks(name: str) -> None:
    f, cured = MASKED[name]
    want = gt.grad(total(cured))(X)
    assert np.all(np.isfinite(want))
    np.testing.assert_allclose(gt.grad(total(f), nan_safe=True)(X), want)
    np.testing.assert_allclose(gt.value_and_grad(total(f), nan_safe=True)(X)[1], want)
    np.testing.assert_allclose(gt.vjp(f, X, nan_safe=True)[1](WEIGHT)[0], want)
    dense = gt.jacobian(cured)(X)
    for derivative in (gt.jacobian, gt.jacrev, gt.jacfwd):
        np.testing.assert_allclose(derivative(f, nan_safe=True)(X), dense, atol=1e-12)
    np.testing.assert_allclose(gt.jacobian(f, sparse=True, nan_safe=True)(X).toarray(), dense, atol=1e-12)
    np.testing.assert_allclose(gt.jvp(f, (X,), (np.ones(4),), nan_safe=True)[1], dense @ np.ones(4), atol=1e-12)


@pytest.mark.parametrize("name", MASKED)
def test_nor_does_a_second_derivative(name: str) -> None:
    f, cured = total(MASKED[name].f), total(MASKED[name].cured)
    want = gt.hessian(cured)(X)
    assert np.all(np.isfinite(want))
    np.testing.assert_allclose(gt.hessian(f, nan_safe=True)(X), want, atol=1e-10)
    np.testing.assert_allclose(gt.hessian(f, nan_safe=True, sparse=True)(X).toarray(), want, atol=1e-10)
    np.testing.assert_allclose(gt.hvp(f, X, WEIGHT, nan_safe=True), want @ WEIGHT, atol=1e-10)
    twice = gt.jacrev(gt.grad(f, nan_safe=True), nan_safe=True)
    np.testing.assert_allclose(twice(X), want, atol=1e-10)


@pytest.mark.parametrize("name", MASKED)
def test_nor_compiled_or_batched(name: str) -> None:
    f, cured = total(MASKED[name].f), total(MASKED[name].cured)
    gradient = gt.grad(f, nan_safe=True)
    compiled = gt.jit(gradient)
    for x in (X, X[::-1].copy(), X + 1.0):
        np.testing.assert_allclose(compiled(x), gt.grad(cured)(x), rtol=1e-9, atol=1e-9)
    if name not in ("masked assignment", "writing", "piecewise", "choose"):  # they ask a mask for its shape
        np.testing.assert_allclose(gt.vmap(gradient)(np.stack([X, X])), [gt.grad(cured)(X)] * 2, rtol=1e-9)


def test_the_sweeps_warn_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with np.errstate(all="warn"):
            assert gt.grad(lambda x: np.where(x > 0, np.sqrt(x), 0.0), nan_safe=True)(0.0) == 0.0


def test_what_is_infinite_stays_so() -> None:
    """The switch hides nothing that takes part."""
    assert gt.grad(np.sqrt, nan_safe=True)(0.0) == np.inf
    assert gt.grad(lambda x: np.where(x < 1, np.sqrt(x), 0.0), nan_safe=True)(0.0) == np.inf
    assert np.isnan(gt.grad(lambda x: np.log(x) * 2, nan_safe=True)(np.nan))
    got = gt.jacobian(lambda x: np.stack([1 / x, x]) @ np.ones(2), nan_safe=True)(np.array([0.0, 1.0]))
    assert not np.isfinite(got[0, 0])


def test_a_zero_that_is_no_mask_keeps_its_second_derivative() -> None:
    """At a residual of zero the cotangent is zero, but it moves: the Hessian is J^T J."""
    x = np.array([1.0, 2.0])

    def f(x: Any) -> Any:
        return np.sum((np.sin(x) * x - np.sin(np.array([1.0, 2.0])) * np.array([1.0, 2.0])) ** 2)

    for nan_safe in (False, True):
        np.testing.assert_allclose(gt.hessian(f, nan_safe=nan_safe)(x), np.diag(2 * (np.cos(x) * x + np.sin(x)) ** 2))
    np.testing.assert_allclose(
        gt.jacrev(gt.grad(f, nan_safe=True), nan_safe=True)(x), np.diag(2 * (np.cos(x) * x + np.sin(x)) ** 2)
    )


FIRST = {case.name.split()[0]: case for case in reversed(SMOOTH) if not case.name.startswith(("special", "stats"))}


@pytest.mark.parametrize("case", FIRST.values(), ids=lambda case: case.name)
def test_nothing_changes_where_all_is_finite(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it may not be asked whether all is finite, as in a compiled program."""
    xs, rng, f = arguments(case), np.random.default_rng(1), only_floats(case.f)
    xs_dot = tuple([like(rng, x) for x in xs])
    y, y_dot = gt.jvp(f, tuple(xs), xs_dot)
    y_bar = tuple([like(rng, v) for v in y])
    want = (*y_dot, *gt.vjp(f, *xs)[1](y_bar))
    for may_ask in (True, False):
        if not may_ask:
            monkeypatch.setattr(zero, "_seen_finite", lambda *xs: False)
        safe = (*gt.jvp(f, tuple(xs), xs_dot, nan_safe=True)[1], *gt.vjp(f, *xs, nan_safe=True)[1](y_bar))
        for a, b in zip(safe, want, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)
