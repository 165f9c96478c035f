"""Every row and every spelling, by the table of cases."""

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain import tree
from geartrain.ops import table
from geartrain.ops.table import ROWS
from geartrain.trace.level import Level
from geartrain.trace.tracer import new_input
from tests.ops import cases, cases_more, cases_scipy, cases_solving
from tests.ops.draws import Case

CASES = [*cases.CASES, *cases_more.CASES, *cases_scipy.CASES, *cases_solving.CASES]
SMOOTH = [c for c in CASES if c.smooth]
TWICE = [c for c in CASES if c.smooth == 2]


def arguments(case: Case) -> list[Any]:
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    return [np.asarray(draw(rng)) for draw in case.draws]


def like(rng: np.random.Generator, x: Any) -> Any:
    """A direction to move ``x`` in."""
    x = np.asarray(x)
    move = rng.normal(size=x.shape)
    if x.dtype.kind == "c":
        move = move + 1j * rng.normal(size=x.shape)
    return move.astype(x.dtype) if x.dtype.kind in "fc" else np.zeros(x.shape)


def floats(y: Any) -> list[Any]:
    return [v for v in tree.leaves(y) if np.asarray(v).dtype.kind in "fc"]


def pair(us: Any, vs: Any) -> float:
    """``Re(u * v)``, summed over everything."""
    return float(sum(np.sum(np.asarray(u) * np.asarray(v)).real for u, v in zip(us, vs, strict=True)))


def slope(f: Callable[..., Any], xs: list[Any], xs_dot: list[Any]) -> list[Any]:
    """How ``f`` moves, by central differences of fourth order."""
    h = 1e-3

    def at(t: float) -> list[Any]:
        return [np.asarray(v) for v in floats(f(*[x + t * x_dot for x, x_dot in zip(xs, xs_dot, strict=True)]))]

    values = zip(at(-2 * h), at(-h), at(h), at(2 * h), strict=True)
    return [(a - 8 * b + 8 * c - d) / (12 * h) for a, b, c, d in values]


def only_floats(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *xs: tuple(floats_of(f(*xs)))


def floats_of(y: Any) -> list[Any]:
    return [v for v in tree.leaves(y) if v.dtype.kind in "fc"] if not hasattr(y, "dtype") else [y]


def by_name(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", CASES, ids=by_name)
def test_value_is_numpys(case: Case) -> None:
    xs = arguments(case)
    want = tree.leaves(case.f(*xs))
    got = tree.leaves(gt.vjp(case.f, *xs)[0])
    assert len(want) == len(got)
    for w, g in zip(want, got, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-12, atol=1e-13)
        assert np.asarray(g).dtype == np.asarray(w).dtype
        assert np.shape(g) == np.shape(w)
        assert isinstance(g, np.ndarray) == isinstance(w, np.ndarray)


@pytest.mark.parametrize("case", SMOOTH, ids=by_name)
def test_derivative(case: Case) -> None:
    xs, rng = arguments(case), np.random.default_rng(1)
    xs_dot = [like(rng, x) for x in xs]
    f = only_floats(case.f)
    y, y_dot = gt.jvp(f, tuple(xs), tuple(xs_dot))
    for got, want in zip(y_dot, slope(f, xs, xs_dot), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7)
    y_bar = tuple(like(rng, v) for v in y)
    xs_bar = gt.vjp(f, *xs)[1](y_bar)
    for x, x_bar in zip(xs, xs_bar, strict=True):
        assert x_bar.shape == x.shape
        assert x_bar.dtype == x.dtype
    np.testing.assert_allclose(pair(y_bar, y_dot), pair(xs_bar, xs_dot), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("case", TWICE, ids=by_name)
def test_second_derivative(case: Case) -> None:
    xs, rng = arguments(case), np.random.default_rng(2)
    xs_dot = [like(rng, x) for x in xs]
    f = only_floats(case.f)
    y_bar = tuple(like(rng, v) for v in f(*xs))

    def pulled(*xs: Any) -> Any:
        return gt.vjp(f, *xs)[1](y_bar)

    _, moved = gt.jvp(pulled, tuple(xs), tuple(xs_dot))
    for got, want in zip(moved, slope(pulled, xs, xs_dot), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    x_bars = [like(rng, x) for x in xs]
    back = gt.vjp(pulled, *xs)[1](tuple(x_bars))
    np.testing.assert_allclose(pair(x_bars, moved), pair(back, xs_dot), rtol=1e-8, atol=1e-9)


DOUBLE_ONLY = {
    "special bdtr",
    "special bdtrc",
    "special bdtri",
    "scipy euclidean",
    "quad_vec",
    "dblquad",
    "odeint times",
}
"""SciPy itself warns about these in float32."""


@pytest.mark.parametrize("case", [c for c in SMOOTH if c.name not in DOUBLE_ONLY], ids=by_name)
def test_single_precision_stays_single(case: Case) -> None:
    """What NumPy gives in float32 has a gradient in float32, and so does each argument's cotangent."""
    small = {np.dtype(float): np.float32, np.dtype(complex): np.complex64}
    xs = [x.astype(small[x.dtype]) for x in arguments(case)]
    f = only_floats(case.f)
    want = f(*xs)
    y, pull = gt.vjp(f, *xs)
    assert [np.asarray(v).dtype for v in y] == [np.asarray(v).dtype for v in want]
    xs_bar = pull(tuple(np.ones_like(v) for v in y))
    assert [x.dtype for x in xs_bar] == [x.dtype for x in xs]
    _, y_dot = gt.jvp(f, tuple(xs), tuple(np.ones_like(x) for x in xs))
    assert [np.asarray(v).dtype for v in y_dot] == [np.asarray(v).dtype for v in y]


def layouts(x: Any) -> dict[str, Any]:
    """The same array, differently in memory."""
    wide = np.zeros((*x.shape[:-1], x.shape[-1] * 2), x.dtype) if x.ndim else x
    if x.ndim:
        wide[..., ::2] = x
    strange = np.asarray(x, order="F").astype(x.dtype.newbyteorder(">"))
    strange = np.flip(np.flip(strange).copy(order="K")) if x.ndim else strange
    strange.flags.writeable = False
    return {"strange": strange, "gaps": wide[..., ::2] if x.ndim else x}


@pytest.mark.parametrize("case", [c for c in SMOOTH if not c.name.startswith(("special", "stats"))], ids=by_name)
def test_layout_does_not_matter(case: Case) -> None:
    xs = arguments(case)
    f = only_floats(case.f)
    y, pull = gt.vjp(f, *xs)
    y_bar = tuple(np.ones_like(v) for v in y)
    want = pull(y_bar)
    for layout in ("strange", "gaps") if case.name in ROWS else ("strange",):
        y_other, pull = gt.vjp(f, *[layouts(x)[layout] for x in xs])
        for a, b in zip((*y_other, *pull(y_bar)), (*y, *want), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10, err_msg=layout)


EMPTY: dict[str, Callable[[Any], Any]] = {
    "pointwise": lambda x: np.sin(x) * x + np.maximum(x, 1.0),
    "sum": lambda x: np.sum(x, axis=0) + np.prod(x, axis=0) + np.cumsum(x, axis=1).sum(),
    "shape": lambda x: np.concatenate((np.flip(x), np.roll(x, 1))).reshape(2, 0, 3).transpose(2, 1, 0),
    "parts": lambda x: x[:, 1:] * x[:, np.array([0, 2])],
    "products": lambda x: x.T @ x + np.einsum("ij,ik->jk", x, x),
    "order": lambda x: np.sort(x, axis=0) + np.argsort(x, axis=0),
    "norm": lambda x: np.linalg.norm(x) * np.linalg.norm(x, axis=0),
}


@pytest.mark.parametrize("name", EMPTY)
def test_empty(name: str) -> None:
    x = np.zeros((0, 3))
    want = EMPTY[name](x)
    y, pull = gt.vjp(EMPTY[name], x)
    np.testing.assert_array_equal(y, want)
    assert pull(np.ones_like(y))[0].shape == (0, 3)


def test_every_row_and_every_spelling_has_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    gt.grad(lambda x: x * x)(1.0)  # a trace opens, so SciPy's rules arrive
    rows: set[str] = set()
    spelled: set[Any] = set()

    def heard(function: Any, mean: Callable[..., Any]) -> Callable[..., Any]:
        def hear(*args: Any, **kwargs: Any) -> Any:
            spelled.add(function)
            return mean(*args, **kwargs)

        return hear

    for function, mean in list(table.SPELLINGS.items()):
        if mean not in table.ROWS.values():
            monkeypatch.setitem(table.SPELLINGS, function, heard(function, mean))
        else:
            spelled.add(function)
    for case in CASES:
        plain = arguments(case)
        with Level("jit") as level:
            xs = [new_input(level, x) for x in plain]
            if case.smooth:
                y, pull = gt.vjp(only_floats(case.f), *xs)
                y_bar = tuple(np.ones_like(v) for v in y)
                pull(y_bar)
                if case.name == "det":  # has a row that only its second derivative needs
                    gt.jvp(lambda *xs, f=case.f: gt.vjp(f, *xs)[1](1.0), tuple(xs), tuple(plain))
            else:
                case.f(*xs)
        rows.update(node.op.name for node in level.trace.tape)
    assert set(table.ROWS) - rows == set()
    assert {f.__name__ for f in set(table.SPELLINGS) - spelled} == set()
