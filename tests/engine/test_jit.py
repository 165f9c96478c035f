"""``jit`` is what Python does: on every branch, in any order of calls, and it leaves everybody else's arrays alone."""

import gc
import random
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

import geartrain as gt
from geartrain import drawing
from geartrain.errors import GeartrainWarning
from geartrain.jit import MAX_PATHS
from tests.engine.test_threads import at_once

X: Any = np.array([1.0, 2.0, 3.0])
LOCKED: Any = X.copy()
LOCKED.flags.writeable = False
GRID: Any = np.arange(6.0).reshape(2, 3)
TABLE: Any = np.array([1.0, 2.0, 3.0])


class Point(NamedTuple):
    x: Any
    y: Any


def rounds(x: Any) -> Any:
    n = 0
    while x < 100:
        x, n = x * 2, n + 1
    return x, n


def fib(n: int, x: Any) -> Any:
    return x if n < 2 else fib(n - 1, x) + fib(n - 2, x)


def chain(x: Any) -> Any:
    b = np.zeros(3)
    history = []
    for i in range(3):
        b[i] += x[i] * 2
        history.append(b.copy())
    v = b[1:]
    v *= b[0]
    return history, b, v, b[::-1]


def table(x: Any) -> Any:
    b = np.array([1.0, 2.0, 3.0])
    before = b * x
    b[0] = x
    b[0] += 1
    return before, b


def own_copy(x: Any) -> Any:
    y = x.copy()
    y[0] = 5
    y[1:] *= y[0]
    y.sort()
    return y, x


def by_index(x: Any, i: Any) -> Any:
    b = np.zeros(3)
    b[i] = x[i]
    np.add.at(b, [0, 0, 1], x)
    return b


def by_mask(x: Any) -> Any:
    b = np.zeros(3)
    b[x > 1.5] = x[x > 1.5]
    b[x < 2] = 7.0
    return b


def keywords(x: Any, *more: Any, scale: Any = 2.0, name: str = "a") -> Any:
    return {name: [x * scale, *more]}


LIST: list[tuple[str, Callable[..., Any], list[tuple[Any, ...]]]] = [
    ("a branch", lambda x: x * 2 if x > 0 else -x, [(1.0,), (-1.0,), (0.0,), (-0.0,), (np.nan,)]),
    ("a loop", rounds, [(1.0,), (3.0,), (200.0,), (90.0,)]),
    ("a mask", lambda x: x[x > 1.5], [(X,), (-X,), (X * 0,), (X + 5,)]),
    ("nonzero", lambda x: np.nonzero(x)[0], [(X,), (X * 0,), (np.array([0, 1.0, 0]),)]),
    ("unique", lambda x: np.unique(x), [(X,), (X * 0,), (np.array([1, 1.0, 2]),)]),
    ("int", lambda x: np.zeros(int(x)) + x, [(1.5,), (2.5,), (2.9,)]),
    ("round", lambda x: round(x) + 0.5, [(1.2,), (2.7,)]),
    ("item", lambda x: x.item() * 2 if x.item() > 1 else x.item(), [(np.array(2.0),), (np.array(0.5),)]),
    ("a dict", lambda x: {1: x, 2: -x}[int(x)], [(1.2,), (2.2,)]),
    ("recursion", fib, [(5, 1.5), (6, 1.5), (5, 2.5)]),
    ("any, all", lambda x: x if np.any(x > 2) and not np.all(x > 2) else -x, [(X,), (X * 0,), (X + 9,)]),
    ("allclose", lambda x, y: x if np.allclose(x, y) else y, [(X, X), (X, X + 1)]),
    ("max, sorted", lambda x: [max(x), *sorted(x)], [(X,), (X[::-1],)]),
    ("argmax", lambda x: x[int(np.argmax(x))], [(X,), (X[::-1],)]),
    ("in", lambda x: 1 if 2.0 in x else 0, [(X,), (X * 0,)]),
    ("repeat", lambda x, n: np.repeat(x, n), [(X, np.array([1, 2, 0])), (X, np.array([1, 1, 1]))]),
    ("arange", lambda x: np.arange(x), [(3.0,), (4.0,), (2.5,)]),
    (
        "what is static",
        lambda x, s: (x * 2, type(s).__name__, s),
        [(1.0, s) for s in (1, True, 0, False, np.int64(1), np.int32(1), np.bool_(True), "a", "b", None, b"a")],
    ),
    ("1, True and 1.0", lambda x, s: x * s, [(2.0, 1), (2.0, True), (2.0, 1.0), (2.0, np.float32(1)), (2.0, 3.0)]),
    ("signed zeros", lambda x: np.copysign(1.0, x), [(0.0,), (-0.0,), (np.nan,), (-1.0,)]),
    ("zeros in the program", lambda x: (x + 0.0, x + -0.0, -0.0, np.array([0.0, -0.0]) * 1), [(-0.0,), (0.0,)]),
    ("nan", lambda x: "nan" if x != x else "number", [(np.nan,), (1.0,)]),
    ("kinds", lambda x: x * 2, [(1.0,), (X,), (X.astype("f4"),), (np.float32(1),), (1j,), (np.float64(1),), (X * 1j,)]),
    ("shapes", lambda x: x.sum(0), [(X,), (GRID,), (np.ones((0, 2)),), (GRID.T,)]),
    ("layouts", lambda x: x * 2 + x[0], [(X[::-1],), (LOCKED,), (GRID[:, ::2],), (GRID.T,), (X.astype(">f8"),)]),
    ("no axes", lambda x: x + 1, [(np.array(1.0),), (np.float64(1.0),), (1.0,)]),
    ("empty", lambda x: x * 2, [(np.zeros(0),), (np.zeros((2, 0)),)]),
    ("integers", lambda x: x * 2 + x.sum(), [(np.arange(3),), (np.arange(3, dtype="i1"),)]),
    ("order", lambda x: [x.ravel(order=o) for o in "CFAK"], [(GRID,), (GRID.copy("F"),), (GRID[:, ::-1],)]),
    ("flags", lambda x: (x.flags.c_contiguous, x.strides), [(GRID,), (GRID.copy("F"),), (GRID[:, ::-1],)]),
    ("containers", lambda d: {"b": d["a"] * 2, "a": d["b"]}, [({"a": 1.0, "b": 2.0},), ({"b": X, "a": 1.0},)]),
    ("named tuples", lambda p: Point(p.y, p.x * 2), [(Point(1.0, X),), (Point(X, X),)]),
    ("more arguments", keywords, [(1.0,), (1.0, 2.0), (1.0, 2.0, X)]),
    ("updates", chain, [(X,), (-X,)]),
    ("a table", table, [(1.0,), (2.0,)]),
    ("a copy", own_copy, [(X,), (X[::-1].copy(),)]),
    ("an index", by_index, [(X, 0), (X, 1), (X, np.array(2)), (X, np.array(1)), (X, np.array([2, 0]))]),
    ("a mask of writes", by_mask, [(X,), (-X,), (X + 3,)]),
]


def same(got: Any, want: Any) -> None:
    ours, our_def = gt.tree.flatten(got)
    theirs, their_def = gt.tree.flatten(want)
    assert our_def == their_def
    for a, b in zip(ours, theirs, strict=True):
        if not isinstance(b, (np.ndarray, np.generic, float, complex)):
            assert a == b
            continue
        assert (np.shape(a), np.asarray(a).dtype.newbyteorder("=")) == (
            np.shape(b),
            np.asarray(b).dtype.newbyteorder("="),
        )
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(np.signbit(np.real(a)), np.signbit(np.real(b)))


@pytest.mark.parametrize(("f", "calls"), [x[1:] for x in LIST], ids=[x[0] for x in LIST])
def test_it_gives_what_python_gives_in_any_order_of_calls(f: Callable[..., Any], calls: list[tuple[Any, ...]]) -> None:
    compiled = gt.jit(f)
    for i in (*range(len(calls)), *reversed(range(len(calls))), 0):
        before = gt.tree.map(lambda x: x.copy() if isinstance(x, np.ndarray) else x, calls[i])
        want = f(*calls[i])
        same(compiled(*calls[i]), want)
        same(calls[i], before)


decisions = st.recursive(
    st.integers(-2, 2).map(lambda k: ("leaf", k)),
    lambda inner: st.tuples(
        st.sampled_from(["if", "int", "while"]), st.integers(0, 2), st.floats(-2, 2, width=16), inner, inner
    ),
    max_leaves=6,
)


def run(program: Any, x: Any) -> Any:
    if program[0] == "leaf":
        return x * program[1] + x[::-1]
    how, i, limit, one, other = program
    if how == "if":
        return run(one, x + 1) if x[i] > limit else run(other, x * 0.5)
    if how == "int":
        return run(one if int(x[i]) % 2 else other, x - limit)
    n = 0
    while x[i] < limit and n < 3:
        x, n = x + np.abs(x[i]) + 0.25, n + 1
    return run(one, x) if n % 2 else run(other, x)


@hypothesis.settings(max_examples=25, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
@hypothesis.given(
    decisions,
    st.lists(st.lists(st.floats(-4, 4, width=16), min_size=3, max_size=3).map(np.array), min_size=4, max_size=12),
)
def test_no_random_decision_is_ever_stale(program: Any, arguments: list[Any]) -> None:
    compiled = gt.jit(lambda x: run(program, x))
    for x in [*arguments, *arguments]:
        same(compiled(x), run(program, x))


def a_random_program(rng: np.random.Generator, depth: int) -> Any:
    """A program for ``run``."""
    if depth == 0 or rng.random() < 0.2:
        return "leaf", int(rng.integers(-2, 3))
    how = ("if", "int", "while", "if")[rng.integers(4)]
    parts = [a_random_program(rng, depth - 1) for _ in range(2)]
    return how, int(rng.integers(3)), float(rng.normal()), *parts


@pytest.mark.filterwarnings("ignore::geartrain.errors.GeartrainWarning")
@pytest.mark.parametrize("seed", range(8))
def test_thousands_of_inputs_in_random_order_from_several_threads(seed: int) -> None:
    """None of 8 random programs, nor its gradient, ever takes a stale branch: 600 inputs each, from 4 threads."""
    rng = np.random.default_rng(seed)
    program = a_random_program(rng, 3)

    def f(x: Any) -> Any:
        return run(program, x)

    def g(x: Any) -> Any:
        return gt.value_and_grad(lambda x: np.sum(f(x) ** 2))(x)

    inputs = [np.round(x, 1) for x in 3 * rng.normal(size=(600, 3))]
    for plain in (f, g):
        want = [plain(x) for x in inputs]
        compiled = gt.jit(plain)
        orders = [rng.permutation(600) for _ in range(4)]

        def work(i: int, compiled: Any = compiled, want: Any = want, orders: Any = orders) -> None:
            for k in orders[i]:
                for a, b in zip(gt.tree.leaves(compiled(inputs[k])), gt.tree.leaves(want[k]), strict=True):
                    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)

        at_once(work, 4)


def test_the_name_of_a_temporary_file_is_no_random_number() -> None:
    tempfile.TemporaryDirectory().cleanup()  # so that there is a source of names

    def f(x: Any) -> Any:
        with tempfile.TemporaryDirectory():
            return x * x

    compiled = gt.jit(f)
    assert [compiled(3.0), compiled(4.0)] == [9.0, 16.0]
    assert compiled.recorded == 1


def test_what_is_drawn_is_drawn_anew_and_said_once() -> None:
    older = np.random.default_rng(5)

    class Noise:
        def __init__(self) -> None:
            self.rng = np.random.default_rng(6)

    noise = Noise()
    programs: list[Callable[[Any], Any]] = [
        lambda x: x * vars(np.random)["rand"](),
        lambda x: x * older.normal(),
        lambda x: x + noise.rng.standard_normal(),
        lambda x: x * random.random(),
        lambda x: x * np.random.default_rng().normal(),
    ]
    for f in [*programs, *map(gt.grad, programs[:2])]:
        compiled = gt.jit(f)
        with pytest.warns(GeartrainWarning, match="draws from") as caught:
            drawn = [compiled(1.0) for _ in range(4)]
        assert len(caught) == 1
        assert len(set(drawn)) == 4
    older = np.random.default_rng(5)
    want = list(np.random.default_rng(5).normal(size=3))
    compiled = gt.jit(lambda x: x * older.normal())
    with pytest.warns(GeartrainWarning, match="draws from"):
        drawn = [compiled(1.0) for _ in range(3)]
    assert drawn == want  # one draw a call, in order
    compiled = gt.jit(lambda x: x * np.random.default_rng(0).normal())
    assert compiled(1.0) == compiled(1.0) == np.random.default_rng(0).normal()
    assert compiled.recorded == 1


def test_sources_of_random_numbers_are_found_wherever_the_collector_has_them() -> None:
    kept: list[Any] = []
    for collect in (lambda: None, lambda: gc.collect(0), lambda: gc.collect(1), gc.collect):
        drawing.sources()
        kept.append(np.random.default_rng(1))
        collect()
        before = drawing.sources()
        assert not drawing.drew(before)
        kept[-1].random()
        assert drawing.drew(before) == "a generator of NumPy"
        assert not drawing.drew(drawing.sources())


def test_paths_are_reported() -> None:
    def f(x: Any) -> Any:
        n = 0
        while x < 2.0:
            x, n = x + 1.0, n + 1
        return x * n

    compiled = gt.jit(f)
    for v in (0.5, 1.5, 0.25, 3.0):
        assert compiled(v) == f(v)
    compiled(np.array(1.5))
    report = compiled.paths()
    assert (report.total, compiled.recorded, len(report.signatures)) == (4, 4, 2)
    first, second = report.signatures
    less, done = "bool(less) is True", "bool(less) is False"
    assert set(first.paths) == {(done,), (less, done), (less, less, done)}
    assert (second.arguments, second.given_up) == ("f64[]", False)
    assert "(f64[]~): 3 paths" in str(report)


def test_after_so_many_paths_it_warns_once_and_stays_right() -> None:
    def f(x: Any) -> Any:
        return int(x) * x

    compiled = gt.jit(f)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for i in [*range(MAX_PATHS + 6), *range(5)]:
            assert compiled(i + 0.5) == f(i + 0.5)
    assert len(caught) == 1
    assert issubclass(caught[0].category, GeartrainWarning)
    assert caught[0].filename == __file__
    assert f"more than {MAX_PATHS} paths" in str(caught[0].message)


def test_a_function_that_decides_by_something_else_falls_back_with_one_warning() -> None:
    flag = True

    def f(x: Any) -> Any:
        if flag:
            return x * 2 if x > 0 else x * 4
        return x * 3 if x > 1 else x * 5

    compiled = gt.jit(f)
    assert compiled(2.0) == 4.0
    flag = False
    with pytest.warns(GeartrainWarning, match="different decisions") as caught:
        assert [compiled(v) for v in (-2.0, -3.0, 0.5, 3.0)] == [-10.0, -15.0, 2.5, 9.0]
    assert len(caught) == 1


def test_results_share_no_memory_with_anything_on_any_call() -> None:
    def f(x: Any) -> Any:
        return x, x, x[1:], x.T, TABLE, TABLE, np.zeros(3), x * 1

    compiled = gt.jit(f)
    for _ in range(3):
        x = X.copy()
        results = compiled(x)
        everything = [x, TABLE, *results]
        for i, a in enumerate(everything):
            assert not any(np.shares_memory(a, b) for b in everything[i + 1 :])
        for r in results:
            r += 100.0
        np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(TABLE, [1.0, 2.0, 3.0])


def test_arrays_of_a_closure_are_as_they_were_when_it_was_recorded() -> None:
    weights = np.ones(3)
    compiled = gt.jit(lambda x: x * weights)
    compiled(X)
    weights[:] = 5.0
    np.testing.assert_array_equal(compiled(X), X)


def test_an_error_while_recording_leaves_nothing_behind() -> None:
    @gt.jit
    def f(x: Any) -> Any:
        b = np.zeros(2)
        b[0] = x
        if x > 0:
            raise KeyError("mine")
        return b

    for x in (1.0, -1.0, 2.0, -2.0):
        if x > 0:
            with pytest.raises(KeyError, match="mine"):
                f(x)
        else:
            np.testing.assert_array_equal(f(x), [x, 0.0])
        assert type(np.zeros(2)) is np.ndarray


def test_methods_names_and_keywords() -> None:
    class Scaled:
        def __init__(self, by: float) -> None:
            self.by = by

        @gt.jit
        def times(self, x: Any, *, more: Any = 0.0) -> Any:
            """Multiply."""
            return x * self.by + more

    two, five = Scaled(2.0), Scaled(5.0)
    assert [two.times(3.0), five.times(3.0), two.times(4.0, more=1.0), five.times(4.0)] == [6.0, 15.0, 9.0, 20.0]
    assert (Scaled.times.__name__, Scaled.times.__doc__) == ("times", "Multiply.")


def test_it_nests_with_every_transformation() -> None:
    def f(x: Any) -> Any:
        return x**3 if x > 0 else x

    for g in (gt.jit(gt.grad(f)), gt.grad(gt.jit(f)), gt.jit(gt.grad(gt.jit(f))), gt.jit(gt.jit(gt.grad(f)))):
        assert [g(v) for v in (2.0, -1.0, 3.0, -2.0, 2.0)] == [12.0, 1.0, 27.0, 1.0, 12.0]
    double = gt.jit(lambda x: np.where(x > 2, x * 2, x))
    np.testing.assert_array_equal(gt.vmap(double)(X), [1.0, 2.0, 6.0])
    np.testing.assert_array_equal(gt.jit(gt.vmap(double))(X), [1.0, 2.0, 6.0])
    hessian = gt.hessian(lambda x: np.sum(x**3) * x[0])
    for x in (X, X + 1, X):
        np.testing.assert_allclose(gt.jit(hessian)(x), hessian(x), rtol=1e-14)


def test_a_function_of_scipys_is_compiled_before_anything_else_was() -> None:
    """Its rules come with the first trace: this one."""
    pytest.importorskip("scipy")
    program = (
        "import numpy as np, scipy.linalg, geartrain as gt; a = np.eye(2) / 2; "
        "assert np.allclose(gt.jit(scipy.linalg.expm)(a), scipy.linalg.expm(a))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
