"""How compiled functions are called: natively where that is right, and never otherwise."""

import copy
import gc
import inspect
import os
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import pytest

import geartrain as gt
from geartrain.backends import llvm
from geartrain.errors import GeartrainWarning
from geartrain.jit import Jitted

pytestmark = pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed")

X: Any = np.array([1.0, 2.0, 3.0])


class Point(NamedTuple):
    x: Any
    y: Any


@dataclass
class Model:
    w: Any
    b: Any


def natively(f: Jitted) -> int:
    """How many calls took no step in Python."""
    return f.calls()[0]


def took(f: Jitted, *args: Any, **kwargs: Any) -> tuple[bool, Any]:
    """Whether a call was native, and its result."""
    before = natively(f)
    result = f(*args, **kwargs)
    return natively(f) > before, result


COMMON: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = [
    ("a float", lambda x: (3 * x + 1) ** 2, (1.5,)),
    ("its gradient", gt.grad(lambda x: (3 * x + 1) ** 2), (1.5,)),
    ("a scalar of NumPy", lambda x: x * 2, (np.float32(1.5),)),
    ("an array", lambda x: np.sum(x * 2), (X,)),
    ("no axes", lambda x: (x * 2, x.copy()), (np.array(2.0),)),
    ("read-only", lambda x: x * 2, (np.broadcast_to(np.float64(2.0), ()),)),
    ("a dict", lambda d: {k: v * 2 for k, v in d.items()}, ({"b": X, "a": 1.0},)),
    ("a gradient of a dict", gt.grad(lambda d: sum((v**2).sum() for v in d.values())), ({"b": X, "a": X * 2},)),
    ("lists and tuples", lambda a, b: [b[0], (a[1], {})], ([X, 2.0], (1.0, None))),
    ("a named tuple", lambda p: Point(p.y, p.x * 2), (Point(X, 1.0),)),
    ("a dataclass", lambda m: m.w @ m.w + m.b, (Model(X, 1.0),)),
    ("static values", lambda x, n, s, b, o: (x * n, s, b, o), (X, 3, "mean", True, Ellipsis)),
    ("a result that is static", lambda x: ("text", 3, x), (X,)),
    ("an argument as it is", lambda x, y: (x, x, y), (X, 2.0)),
    ("integers", lambda x: x + 1, (np.arange(3),)),
]


@pytest.mark.parametrize(("f", "args"), [x[1:] for x in COMMON], ids=[x[0] for x in COMMON])
def test_the_common_call_is_native_and_gives_what_python_gives(f: Callable[..., Any], args: tuple[Any, ...]) -> None:
    compiled = gt.jit(f)
    want, want_def = gt.tree.flatten(f(*args))
    compiled(*args)
    for _ in range(2):
        native, result = took(compiled, *args)
        assert native
        got, got_def = gt.tree.flatten(result)
        assert got_def == want_def
        assert gt.tree.exactly(got_def) == gt.tree.exactly(want_def)
        for a, b in zip(got, want, strict=True):
            assert type(a) is type(b)
            np.testing.assert_array_equal(a, b)
            assert getattr(a, "dtype", None) == getattr(b, "dtype", None)


def test_a_derivative_in_a_float_is_a_float() -> None:
    """Inside of a compiled program, too, where it must not widen what it meets."""

    def f(x: Any) -> Any:
        return np.sin(x) * np.exp(x)

    single = np.ones(3, np.float32)
    for g in (gt.grad(f), gt.grad(gt.grad(f)), gt.hessian(f), lambda x: single * gt.grad(f)(x)):
        want = g(1.0)
        compiled = gt.jit(g)
        for got in (compiled(1.0), compiled(1.0)):
            assert type(got) is type(want)
            assert np.asarray(got).dtype == np.asarray(want).dtype


def test_a_dict_in_another_order_is_another_program() -> None:
    first = gt.jit(lambda d: next(iter(d.values())) * 1)
    a, b = {"a": 1.0, "b": 2.0}, {"b": 2.0, "a": 1.0}
    for _ in range(3):
        assert (first(a), first(b)) == (1.0, 2.0)
    ordered = OrderedDict(a)
    assert first(ordered) == 1.0
    ordered.move_to_end("a")
    assert first(ordered) == 2.0


def test_static_values_are_told_apart_to_the_letter() -> None:
    def f(x: Any, s: Any) -> Any:
        return (type(s).__name__, s, x)

    compiled = gt.jit(f)
    for _ in range(3):
        for s in (1, True, np.int64(1), np.int32(1), 0, False, "a", b"a", None, 1 << 70, (1, 2), ("1", 2), Ellipsis):
            assert compiled(1.0, s) == f(1.0, s)
            assert type(compiled(1.0, s)[1]) is type(s)


def test_what_is_unusual_goes_through_python_and_is_right() -> None:
    def f(x: Any) -> Any:
        return x * 2 + x[0]

    compiled = gt.jit(f)
    compiled(X)

    class Own(np.ndarray[Any, Any]):
        pass

    for x in (X.astype(">f8"), X.view(Own)):
        for _ in range(3):
            native, got = took(compiled, x)
            assert not native
            np.testing.assert_array_equal(got, f(x))
    assert took(compiled, X)[0]
    assert not took(compiled, x=X)[0]


def layouts(x: Any) -> list[Any]:
    """The same numbers otherwise in memory."""
    whole = np.zeros((2 * x.shape[0], 2 * x.shape[1]), x.dtype)
    whole[::2, 1::2] = x
    locked = x.copy()
    locked.flags.writeable = False
    unaligned = np.frombuffer(bytearray(b"\0" + x.tobytes()), np.uint8)[1:].view(x.dtype).reshape(x.shape)
    row = np.broadcast_to(x[:1], x.shape)
    return [whole[::2, 1::2], np.asfortranarray(x), x[::-1].copy()[::-1], x[:, ::-1], locked, unaligned, row]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.complex128, np.int8])
def test_any_layout_is_native(dtype: type) -> None:
    """What does not lie in C order is copied within the call, and the copies are let go."""

    def f(x: Any, y: Any) -> Any:
        return x * 2 + y["b"][0] * x

    x = np.arange(12).reshape(3, 4).astype(dtype)
    compiled = gt.jit(f)
    compiled(x.T.copy().T, {"b": x[:, ::-1]})
    for a in layouts(x):
        for b in layouts(x):
            compiled(a, {"b": b})
            native, got = took(compiled, a, {"b": b})
            assert native
            np.testing.assert_array_equal(got, f(a, {"b": b}))
    a, b, expected = x.T.copy().T, x[::-1], np.dtype(dtype)
    before = sys.getrefcount(expected)
    for _ in range(1000):
        compiled(a, {"b": b})
        compiled(a, {"b": x[:2]})
    assert abs(sys.getrefcount(expected) - before) < 50


def test_what_is_given_away_is_not_copied() -> None:
    compiled = gt.jit(lambda x: x + 1, donate_argnums=0)
    x = np.zeros((4, 4))
    compiled(x)
    y = np.zeros((4, 8))[:, ::2]
    for _ in range(3):
        np.testing.assert_array_equal(compiled(y), np.ones((4, 4)))
    assert not np.shares_memory(compiled(y), y)


def test_decisions_become_native_when_they_come_often_and_are_never_stale() -> None:
    def f(x: Any) -> Any:
        if x[0] > 0:
            return x * 2
        return -x if int(x[1]) == 3 else x * 5

    compiled = gt.jit(f)
    inputs = [np.array([1.0, 2.0]), np.array([-1.0, 3.9]), np.array([-1.0, 2.0]), np.array([np.nan, np.inf])]
    for _ in range(4):
        for x in inputs[:3]:
            np.testing.assert_array_equal(compiled(x), f(x))
    for x in inputs[:3]:
        native, got = took(compiled, x)
        assert native
        np.testing.assert_array_equal(got, f(x))
    with pytest.raises(OverflowError):
        compiled(inputs[3])


def test_a_result_that_one_path_makes_an_index_error_of_raises_it_there_alone() -> None:
    def f(x: Any, i: Any) -> Any:
        return x[i] if np.all(i < 3) else x

    compiled = gt.jit(f)
    for _ in range(5):
        np.testing.assert_array_equal(compiled(X, np.array([0, 2])), X[[0, 2]])
        np.testing.assert_array_equal(compiled(X, np.array([0, 7])), X)
        with pytest.raises(IndexError):
            compiled(X, np.array([0, -7]))


def test_an_outer_transformation_sees_inside() -> None:
    """Also where the argument is plain, and the traced value comes by way of an object."""
    model = Model(1.0, 0.0)

    def f(m: Any, x: Any) -> Any:
        return m["model"].w * x

    box = {"model": model}
    inner = gt.jit(lambda x: f(box, x))
    assert inner(3.0) == 3.0
    assert took(inner, 3.0)[0]

    def outer(w: Any) -> Any:
        model.w = w
        try:
            return inner(3.0)
        finally:
            model.w = 1.0

    assert gt.grad(outer)(2.0) == 3.0
    assert took(inner, 3.0)[0]


@contextmanager
def another_thread_tracing() -> Generator[None]:
    """A thread is in the middle of a gradient meanwhile."""
    inside, leave = threading.Event(), threading.Event()

    def slow(x: Any) -> Any:
        inside.set()
        leave.wait(10)
        return x * x

    other = threading.Thread(target=gt.grad(slow), args=(2.0,))
    other.start()
    inside.wait(10)
    try:
        yield
    finally:
        leave.set()
        other.join()


def test_while_another_thread_traces_calls_are_native_all_the_same() -> None:
    compiled = gt.jit(lambda x: x * 2)
    compiled(X)
    with another_thread_tracing():
        native, got = took(compiled, X)
    assert native
    np.testing.assert_array_equal(got, X * 2)


def test_a_fork_while_a_thread_traces_leaves_the_child_in_order() -> None:
    compiled = gt.jit(lambda x: x * 2)
    compiled(X)
    with another_thread_tracing():
        child = os.fork()
        if child == 0:
            good = took(compiled, X)[0] and gt.grad(lambda x: x * x)(3.0) == 6.0 and gt.jit(lambda x: x + 1)(1.0) == 2.0
            os._exit(0 if good else 1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == 0


def test_it_is_a_function_to_everybody() -> None:
    def scaled(x: Any, by: float = 2.0) -> Any:
        """Scale."""
        return x * by

    compiled = cast(Any, gt.jit(scaled))
    for _ in range(2):
        assert (compiled.__name__, compiled.__doc__, inspect.unwrap(compiled)) == ("scaled", "Scale.", scaled)
        assert str(inspect.signature(compiled)) == str(inspect.signature(scaled))
        assert callable(compiled)
        assert issubclass(type(compiled), Jitted)
        assert "scaled" in repr(compiled)
        assert compiled(1.0) == 2.0
    with pytest.raises(TypeError, match="missing 1 required"):
        compiled()


def test_methods_are_bound_also_when_they_are_native() -> None:
    class Scaled:
        def __init__(self, by: float) -> None:
            self.by = by

        @gt.jit
        def times(self, x: Any) -> Any:
            return x * self.by

    two, five = Scaled(2.0), Scaled(5.0)
    for _ in range(3):
        assert [two.times(3.0), five.times(3.0), Scaled.times(two, 4.0)] == [6.0, 15.0, 8.0]


def test_objects_that_say_they_are_equal_are_not_confused() -> None:
    class Same:
        def __init__(self, by: float) -> None:
            self.by = by

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Same) and self.by == other.by

        def __hash__(self) -> int:
            return 1

    compiled = gt.jit(lambda o, x: x * o.by)
    one, two = Same(1.0), Same(2.0)
    for _ in range(3):
        assert [compiled(one, 3.0), compiled(two, 3.0), compiled(Same(2.0), 3.0)] == [3.0, 6.0, 6.0]


def test_a_program_that_is_given_up_is_not_called_natively_any_more() -> None:
    flag = True

    def f(x: Any) -> Any:
        if flag:
            return x * 2 if x > 0 else x * 4
        return x * 3 if x > 1 else x * 5

    compiled = gt.jit(f)
    for _ in range(4):
        assert compiled(2.0) == 4.0
    assert took(compiled, 2.0)[0]
    flag = False
    with pytest.warns(GeartrainWarning, match="different decisions"):
        assert compiled(-2.0) == -10.0
    assert [compiled(v) for v in (2.0, 0.5)] == [6.0, 2.5]


def test_nothing_is_left_of_a_function_that_is_gone() -> None:
    big = np.zeros(1000)
    compiled = gt.jit(lambda x: x * big.sum())
    compiled(X)
    assert took(compiled, X)[0]
    gone, gone_class = weakref.ref(compiled), weakref.ref(type(compiled))
    del compiled
    gc.collect()
    assert gone() is None
    assert gone_class() is None


def test_it_can_be_copied_like_a_function() -> None:
    compiled = gt.jit(lambda x: x * 2)
    compiled(X)
    assert copy.copy(compiled) is compiled
    assert copy.deepcopy({"f": compiled})["f"] is compiled


def step(p: Any, x: Any) -> Any:
    """Parameters after a step; all of them are read before any is written."""
    bars = gt.grad(lambda p: np.mean((np.tanh(x @ p["w"] + p["b"])) ** 2))(p)
    return {name: p[name] - 0.1 * bars[name] for name in p}


def test_what_is_given_away_is_written_in_place_and_the_result_is_the_same() -> None:
    x = np.linspace(-1, 1, 40).reshape(10, 4)
    start = {"w": np.linspace(0, 1, 12).reshape(4, 3), "b": np.ones(3)}
    plain, donating = gt.jit(step), gt.jit(step, donate_argnums=0)
    p, q = copy.deepcopy(start), copy.deepcopy(start)
    kept = dict(q)
    for i in range(4):
        p, before = plain(p, x), q
        native, q = took(donating, q, x)
        assert native == (i > 0)
        assert all((q[name] is before[name]) == native for name in q)
        for name in p:
            np.testing.assert_array_equal(p[name], q[name])
    for name, first in kept.items():
        np.testing.assert_array_equal(first, start[name], "the first call records, and takes nothing")


GIVING: list[tuple[str, Callable[..., Any], tuple[Any, ...], bool]] = [
    ("element by element", lambda x, y: x * 2 + y, (X, X + 1), True),
    ("read again later", lambda x, y: (x + y, np.sum(x) * y), (X, X + 1), True),
    ("in reverse", lambda x, y: x[::-1] + y, (X, X + 1), False),
    ("a running sum", lambda x, y: np.cumsum(x) * y, (X, X + 1), False),
    ("a product", lambda x, y: x @ y, (np.arange(9.0).reshape(3, 3), np.arange(9.0).reshape(3, 3) - 2), False),
    ("after a product", lambda x, y: np.tanh(x @ y) * 2, (np.arange(9.0).reshape(3, 3), np.eye(3)), True),
    ("another shape", lambda x, y: np.sum(x * y), (X, X + 1), False),
    ("another dtype", lambda x, y: x > y, (X, X + 1), False),
    ("swapped", lambda x, y: (y * 1, x * 1), (X, X + 1), False),
    ("an index that may fail", lambda x, y: x[y] * 2, (X, np.array([0, 2, 1])), False),
    ("a decision", lambda x, y: x * 2 if y > 0 else x, (X, 1.0), False),
    ("itself", lambda x, y: x, (X, 1.0), True),
    ("twice", lambda x, y: (x, x), (X, 1.0), True),
]


@pytest.mark.parametrize(("f", "args", "in_place"), [g[1:] for g in GIVING], ids=[g[0] for g in GIVING])
def test_nothing_is_overwritten_that_is_still_read(f: Any, args: tuple[Any, ...], in_place: bool) -> None:
    compiled = gt.jit(f, donate_argnums=(0, 1))
    want = f(*args)
    for i in range(6):
        fresh = copy.deepcopy(args)
        got = compiled(*fresh)
        for a, b in zip(gt.tree.leaves(got), gt.tree.leaves(want), strict=True):
            np.testing.assert_array_equal(a, b)
        given = [x for x in fresh if isinstance(x, np.ndarray)]
        took_one = any(y is x for y in gt.tree.leaves(got) for x in given)
        if in_place and i > 0:
            assert took_one
        if not took_one:
            for x, before in zip(fresh, args, strict=True):
                np.testing.assert_array_equal(x, before)


def test_an_array_that_is_given_twice_or_cannot_be_written_is_left_alone() -> None:
    compiled = gt.jit(lambda x, y: x * 2 + y, donate_argnums=(0, 1))
    compiled(X.copy(), X.copy())
    x = X.copy()
    np.testing.assert_array_equal(compiled(x, x), X * 3)
    np.testing.assert_array_equal(x, X)
    x.flags.writeable = False
    np.testing.assert_array_equal(compiled(x, X.copy()), X * 3)
    np.testing.assert_array_equal(x, X)
