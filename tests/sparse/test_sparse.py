"""Sparse Jacobians and Hessians: what they cost, how they are coloured, what comes back."""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

import geartrain as gt
from geartrain.errors import InputError, MissingPackage
from geartrain.sparse import derivative
from geartrain.sparse.colour import columns_apart, star

SPARSE: Any = scipy.sparse


def heat(u: Any) -> Any:
    """A step of the heat equation on a rod, with a conductivity that depends on the temperature."""
    new = u.copy()
    new[1:-1] = u[1:-1] + 0.1 * (1 + u[1:-1] ** 2) * (u[2:] - 2 * u[1:-1] + u[:-2])
    return new


def plate(u: Any) -> Any:
    """The same on a square plate whose edges are held."""
    n = round(u.size**0.5)
    u = u.reshape(n, n)
    new = u.copy()
    near = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
    new[1:-1, 1:-1] += 0.1 * (1 + u[1:-1, 1:-1] ** 2) * (near - 4 * u[1:-1, 1:-1])
    return new.ravel()


def ring(u: Any) -> Any:
    """The same on a torus."""
    n = round(u.size**0.5)
    u = u.reshape(n, n)
    near = sum(np.roll(u, step, axis) for step in (1, -1) for axis in (0, 1))
    return (u + 0.1 * u**2 * (near - 4 * u)).ravel()


def loop(u: Any) -> Any:
    """The rod, written as beginners write it."""
    new = np.zeros(len(u))
    for i in range(1, len(u) - 1):
        new[i] = u[i] + 0.1 * (u[i + 1] - 2 * u[i] + u[i - 1]) if u[i] > 0 else u[i] ** 2
    return new


def by_matrix(u: Any) -> Any:
    n = len(u)
    second = np.diag(np.full(n - 1, 1.0), 1) - 2 * np.eye(n) + np.diag(np.full(n - 1, 1.0), -1)
    return u + 0.1 * second @ np.sin(u)


def by_sparse_matrix(u: Any) -> Any:
    n = len(u)
    return u + 0.1 * (SPARSE.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(n, n)) @ np.sin(u))


def by_convolution(u: Any) -> Any:
    return np.sin(u) + 0.1 * np.convolve(u, [1.0, -2.0, 1.0], "same")


def checkpointed(u: Any) -> Any:
    return gt.checkpoint(heat)(gt.checkpoint(heat)(u))


def sorted_and_chosen(u: Any) -> Any:
    return np.where(np.arange(len(u)) % 2 == 0, np.sort(u) ** 2, np.maximum.accumulate(u[:3]).sum() * u)


def few_outputs(u: Any) -> Any:
    return np.array([np.sum(u**2), np.prod(np.cos(u))])


def blocks(u: Any) -> Any:
    a = u.reshape(-1, 2, 2) + 3 * np.eye(2)
    return np.linalg.solve(a, np.ones((len(a), 2, 1))).ravel() * np.repeat(np.linalg.det(a), 2)


class Program(NamedTuple):
    f: Callable[[Any], Any]
    size: int
    pushes: int


PROGRAMS = {
    "rod": Program(heat, 10_000, 3),
    "plate": Program(plate, 10_000, 10),
    "ring": Program(ring, 10_000, 10),
    "loop": Program(loop, 60, 3),
    "a matrix": Program(by_matrix, 60, 3),
    "a sparse matrix": Program(by_sparse_matrix, 60, 3),
    "a convolution": Program(by_convolution, 60, 3),
    "checkpoints": Program(checkpointed, 60, 5),
    "sorting": Program(sorted_and_chosen, 60, 4),
    "few outputs": Program(few_outputs, 60, 2),
    "blocks": Program(blocks, 60, 4),
}


@pytest.fixture
def pushes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many directions are pushed or pulled, call by call."""
    counted: list[int] = []

    def counting(name: str) -> Callable[..., Any]:
        original = getattr(derivative._Once, name)

        def sweep(once: Any, seeds: Any) -> Any:
            counted.append(len(seeds))
            return original(once, seeds)

        return sweep

    for name in ("pushed", "pulled"):
        monkeypatch.setattr(derivative._Once, name, counting(name))
    return counted


def start(n: int) -> Any:
    return np.random.default_rng(0).normal(size=n)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_cost_is_in_colours_and_the_numbers_are_right(name: str, pushes: list[int]) -> None:
    f, n, limit = PROGRAMS[name]
    u = start(n)
    found = gt.jacobian(f, sparse=True)(u)
    assert isinstance(found, scipy.sparse.csr_array)
    assert sum(pushes) <= limit, name
    direction = np.random.default_rng(1).normal(size=n)
    np.testing.assert_allclose(found @ direction, gt.jvp(f, (u,), (direction,))[1], rtol=1e-9, atol=1e-9)
    if n < 100:
        np.testing.assert_allclose(found.toarray(), gt.jacobian(f)(u), rtol=1e-12, atol=1e-12)


def test_a_pattern_is_found_again_when_the_program_takes_another_way() -> None:
    """An index that depends on data leads elsewhere with other numbers."""

    def f(u: Any) -> Any:
        return u[np.argsort(u)] ** 2 + (u[0] if u[1] > 0 else 0.0)

    sparse = gt.jacobian(f, sparse=True)
    for seed in range(20):
        u = np.random.default_rng(seed).normal(size=6)
        np.testing.assert_allclose(sparse(u).toarray(), gt.jacobian(f)(u))


def valley(x: Any) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def arrow(x: Any) -> Any:
    return np.sum(np.exp(0.1 * x[0] * x[1:])) + np.sum(x[1:] ** 4)


def energy(x: Any) -> Any:
    return 0.5 * np.sum((plate(x) - 1) ** 2)


HESSIANS = {
    "valley": Program(valley, 2_000, 3),
    "arrow": Program(arrow, 2_000, 2),
    "nothing": Program(lambda x: np.sum(2 * x), 30, 0),
    "energy": Program(energy, 900, 16),
}


@pytest.mark.parametrize("name", HESSIANS)
def test_hessians_use_symmetry(name: str, pushes: list[int]) -> None:
    f, n, limit = HESSIANS[name]
    x = start(n)
    found = gt.hessian(f, sparse=True)(x)
    assert sum(pushes) <= limit, name
    direction = np.random.default_rng(1).normal(size=n)
    np.testing.assert_allclose(found @ direction, gt.hvp(f, x, direction), rtol=1e-8, atol=1e-8)
    small = start(36)
    np.testing.assert_allclose(gt.hessian(f, sparse=True)(small).toarray(), gt.hessian(f)(small), rtol=1e-9, atol=1e-9)


def test_containers_and_argnums() -> None:
    def f(p: Any, x: Any) -> Any:
        return {"a": p["w"] * x, "b": [np.sum(p["w"]), 2.0 * p["c"]]}

    p, x = {"w": start(4), "c": np.float32(2.0)}, start(4)
    dense, found = gt.jacobian(f, (0, 1))(p, x), gt.jacobian(f, (0, 1), sparse=True)(p, x)
    for want, got in zip(gt.tree.leaves(dense), gt.tree.leaves(found), strict=True):
        np.testing.assert_allclose(got.toarray().ravel(), np.ravel(want))
    assert gt.tree.flatten(found)[1] == gt.tree.flatten(dense)[1]
    assert found["b"][1][0]["c"].dtype == np.float32
    nested = gt.hessian(lambda p: np.sum(p["w"] ** 3) * p["c"], sparse=True)({"w": x, "c": 2.0})
    np.testing.assert_allclose(nested["w"]["c"].toarray().ravel(), 3 * x**2)


def test_refusals() -> None:
    u = start(5)
    with pytest.raises(InputError, match=r"(?s)\[jacobian\].*sparse=True.*outside"):
        gt.grad(lambda v: np.sum(gt.jacobian(heat, sparse=True)(v)))(u)
    with pytest.raises(InputError, match=r"(?s)\[hessian\].*integers"):
        gt.hessian(valley, sparse=True)(np.arange(5))
    with pytest.raises(InputError, match=r"(?s)\[jacobian\].*complex"):
        gt.jacobian(heat, sparse=True)(u * 1j)


def test_without_scipy_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    with pytest.raises(MissingPackage, match=r"(?s)\[jacobian\].*scipy.*geartrain\[scipy\]"):
        gt.jacobian(heat, sparse=True)(start(5))


matrices = st.integers(1, 9).flatmap(
    lambda n: st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=n, max_size=n)
)


@given(matrices)
def test_columns_of_one_colour_share_no_row(rows: list[list[bool]]) -> None:
    a = np.array(rows)
    colours = columns_apart([np.flatnonzero(r).tolist() for r in a], [np.flatnonzero(c).tolist() for c in a.T])
    for row in a:
        met = colours[row]
        assert len(set(met.tolist())) == len(met)


@given(matrices)
def test_every_entry_of_a_symmetric_matrix_stands_alone_on_one_side(rows: list[list[bool]]) -> None:
    a = np.array(rows)
    a = a | a.T
    colours = star([np.flatnonzero(r).tolist() for r in a])
    for i, j in np.argwhere(a):
        near_i, near_j = colours[a[i]], colours[a[j]]
        if i == j:
            assert np.count_nonzero(near_i == colours[i]) == 1
        else:
            assert 1 in (np.count_nonzero(near_i == colours[j]), np.count_nonzero(near_j == colours[i]))


def test_stars_need_few_colours() -> None:
    n = 500
    assert star([list(range(n)), *[[0, i] for i in range(1, n)]]).max() == 1  # an arrow
    assert star([[i - 1, i, i + 1][i == 0 : 2 if i == n - 1 else 3] for i in range(n)]).max() == 2  # a band
