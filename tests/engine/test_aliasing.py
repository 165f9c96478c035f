"""Assignment, views and aliasing, exactly as NumPy's: random programs against plain NumPy, and their derivatives."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import geartrain as gt
from tests.engine.aliasing import Step, execute

X = np.array([0.3, -0.7, 1.1])

steps = st.lists(st.builds(Step, *[st.integers(0, 200)] * 6), min_size=1, max_size=8)


def same(got: Any, want: Any) -> None:
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=True):
        assert np.shape(g) == np.shape(w)
        assert np.asarray(g).dtype == np.asarray(w).dtype
        np.testing.assert_allclose(g, w, rtol=1e-13, atol=1e-300)


@given(steps)
def test_values_are_numpys_and_steps_are_refused_alike(program: list[Step]) -> None:
    want_log: list[bool] = []
    got_log: list[bool] = []
    want = execute(program, X, want_log)
    same(gt.vjp(lambda x: execute(program, x, got_log), X)[0], want)
    assert got_log == want_log


@given(steps)
def test_derivatives_are_slopes(program: list[Step]) -> None:
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=np.shape(v)) for v in execute(program, X)]

    def loss(x: Any) -> Any:
        parts = [np.tanh(np.real(v) + 0.5 * np.imag(v)) for v in execute(program, x)]
        return sum([np.sum(v * w) for v, w in zip(parts, weights, strict=True)])

    x_dot = rng.normal(size=3)
    h = 1e-4
    far, near = (loss(X + k * h * x_dot) - loss(X - k * h * x_dot) for k in (2, 1))
    y_dot = gt.jvp(loss, (X,), (x_dot,))[1]
    np.testing.assert_allclose(y_dot, (8 * near - far) / (12 * h), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(np.sum(gt.grad(loss)(X) * x_dot), y_dot, rtol=1e-9, atol=1e-9)


@given(steps)
def test_recorded_programs_are_replayed_alike(program: list[Step]) -> None:
    f = gt.jit(lambda x: execute(program, x))
    for x in (X, X + 0.01, -X, X + 0.01):
        same(f(x), execute(program, x))


# What the random programs found, in short.


def update_after_a_decision(x: Any) -> Any:
    b = np.zeros(3)
    b[0] = x
    if b[0] > 0:
        pass
    kept = b * 2
    b[1] = x * 3
    if b[1] > 0:
        pass
    return kept


def view_without_axes(x: Any) -> Any:
    b = np.zeros(1)
    b[0] = x
    v, w = b.reshape(()), b[0, ...]
    b[0] = 2 * x
    b[0] = 3 * x
    return v + w


def seen_through(view: Callable[[Any], Any], dtype: type = float) -> Callable[[Any], Any]:
    """What a view shows of writes that come after it."""

    def f(x: Any) -> Any:
        b = np.zeros((2, 2), dtype)
        b[0, 0] = x
        v = view(b)
        b[0] = 2 * x
        b[1] = 3 * x
        return v * 1

    return f


def written_through(view: Callable[[Any], Any], dtype: type = float) -> Callable[[Any], Any]:
    """What an array that nothing traced was written to yet gets from a write to its view."""

    def f(x: Any) -> Any:
        b = np.zeros((2, 3), dtype)
        v = view(b)
        v[...] = x
        v += x
        return b

    return f


def returned_operand(x: Any) -> Any:
    same = gt.custom_rule(lambda u: u, partials=lambda y, u: np.ones_like(u))
    b = np.zeros(2)
    b[0] = x
    v = same(b)
    b[0] = 2 * x
    b[1] = 3 * x
    return v * 1


def mixed_list(x: Any) -> Any:
    b = np.zeros(3)
    b[:2] = [x, 0.5]
    return b + np.array([0.25, x, 1.0])


def copies_of_numbers(x: Any) -> Any:
    s = x * np.ones(3)
    a, b, c = np.array(s[0]), np.copy(s[1]), np.array(x)
    for v in (a, b, c):
        v *= 2
    return a, b, c, np.squeeze(s[2])


def reversed_and_flattened(x: Any) -> Any:
    b = np.zeros(3)
    v = b[::-1].ravel()
    b[0] = x
    return v


def bounds_that_are_traced(x: Any) -> Any:
    b = np.array([3.0, 1.0, 2.0])
    n = np.argmax(b * x)
    b[:n] += x
    return b[n:]


def masks_without_axes(x: Any) -> Any:
    b = np.array(0.5)
    b[b > 0] = x
    c = np.array([1.0, 2.0])
    c[np.False_] = x
    return b, b[b > 0], b[b < 0], c, c[True]


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "an update in place of what a later part still reads": update_after_a_decision,
    "views without axes": view_without_axes,
    "broadcast_to": seen_through(lambda b: np.broadcast_to(b, (2, 2, 2))),
    "diagonal": seen_through(np.diagonal),
    "diag": seen_through(np.diag),
    "real": seen_through(np.real, complex),
    "imag": seen_through(np.imag, complex),
    "swapaxes": written_through(lambda b: np.swapaxes(b, 0, 1)),
    "ravel": written_through(np.ravel),
    "squeeze": written_through(lambda b: np.squeeze(b[None])),
    "flip": written_through(np.flip),
    "split": written_through(lambda b: np.split(b, 3, axis=1)[1]),
    "rot90": written_through(np.rot90),
    "write to real": written_through(lambda b: b.real, complex),
    "write to imag": written_through(lambda b: b.imag[:, ::2], complex),
    "lists of traced and plain numbers": mixed_list,
    "arrays without axes, made of numbers": copies_of_numbers,
    "ravel of what is reversed": reversed_and_flattened,
    "bounds that are traced": bounds_that_are_traced,
    "masks without axes": masks_without_axes,
    "flat of an array without axes": lambda x: np.array(x * 1.0).flat[0],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str) -> None:
    f = PROGRAMS[name]
    want = gt.tree.leaves(f(0.5))
    same(gt.tree.leaves(gt.vjp(f, 0.5)[0]), want)
    compiled = gt.jit(f)
    for _ in range(3):
        same(gt.tree.leaves(compiled(0.5)), want)
    gt.check_derivatives(f, 0.5)


def test_an_op_that_returns_its_operand_has_a_result_of_its_own() -> None:
    compiled = gt.jit(returned_operand)
    for got in (gt.vjp(returned_operand, 0.5)[0], compiled(0.5), compiled(0.5)):
        np.testing.assert_array_equal(got, [0.5, 0.0])


@pytest.mark.parametrize(
    ("f", "error"),
    [
        (lambda x: x[np.array([True, False])], IndexError),
        (lambda x: np.add(x, x[None], out=np.zeros(3)), ValueError),
        (lambda x: np.broadcast_to(x, (2, 3)).__setitem__(0, x), ValueError),
        (lambda x: np.zeros(3).__iadd__(x[None]), ValueError),
    ],
)
def test_what_numpy_refuses(f: Callable[[Any], Any], error: type[Exception]) -> None:
    for call in (f, lambda x: gt.vjp(f, x), gt.jit(f)):
        with pytest.raises(error):
            call(X)
