"""NumPy's names while a trace runs: known everywhere, replaced nowhere for longer than that."""

import functools
import gc
import math
import pickle
import signal
import statistics
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Generator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy import array, asarray, concatenate, copy, linalg, mean, zeros

import geartrain as gt
from geartrain.errors import TraceError
from geartrain.ir.aval import is_array
from geartrain.kinds import is_a
from geartrain.ops.table import SPELLINGS
from geartrain.trace import intercept
from geartrain.trace.level import Level, active
from geartrain.trace.spellings import WRITERS, traced
from geartrain.trace.tracer import Tracer, new_input, value_of
from tests.ops import cases, cases_more

X: Any = np.array([1.0, 2.0, 3.0])
TABLE: Any = np.ones(2)
NAMES = ("zeros", "array", "asarray", "mean", "concatenate", "linspace", "copy")
ORIGINAL = {name: vars(np)[name] for name in NAMES}


def restored() -> bool:
    own = {"zeros": zeros, "array": array, "asarray": asarray, "mean": mean, "concatenate": concatenate, "copy": copy}
    return {name: vars(np)[name] for name in NAMES} == ORIGINAL and all(own[n] is ORIGINAL[n] for n in own)


def imported(x: Any) -> Any:
    b = zeros(3)
    b[0] = x[0] * x[1]
    m = array([[x[0], 0.5], [0.0, x[1]]])
    return mean([b[0], x[2]]) + linalg.det(m) + concatenate([[x[0]], x[:1]]).sum() + asarray([x[1]])[0] + copy(x)[2]


def test_names_that_a_module_imported_are_known() -> None:
    np.testing.assert_allclose(gt.grad(imported)(X), [2 * 1.5 + 2, 1.5 + 1, 1.5], rtol=1e-12)
    assert restored()


PROGRAM = """
from numpy import zeros, mean, array
from numpy.linalg import inv

def f(x):
    b = zeros(2)
    b[0] = x * 3
    b[1] = mean([x, x * x])
    return inv(array([[x, 0.0], [0.0, 1.0]]))[0, 0] + b.sum()
"""


@pytest.mark.parametrize("name", ["__main__", "notebook", None])
def test_names_in_code_that_was_executed_are_known(name: str | None) -> None:
    space: dict[str, Any] = {} if name is None else {"__name__": name}
    exec(PROGRAM, space)
    assert gt.grad(space["f"])(2.0) == pytest.approx(3.0 + 0.5 + 2.0 - 0.25)
    assert space["zeros"] is np.zeros
    exec("from numpy import ones\ndef g(x):\n    b = ones(2)\n    b[0] = x\n    return b.sum() * x", space)
    assert gt.grad(space["g"])(2.0) == 5.0
    assert space["ones"] is np.ones


def test_namespaces_of_code_that_was_executed_are_let_go() -> None:
    """A program may execute ever-new code; what it traced long ago works all the same."""

    class Large:
        pass

    def execute() -> dict[str, Any]:
        space: dict[str, Any] = {"__name__": "notebook", "large": Large()}
        exec(PROGRAM, space)
        assert gt.grad(space["f"])(2.0) == pytest.approx(5.25)
        return space

    first = execute()
    alive = [weakref.ref(execute()["large"]) for _ in range(intercept.LOOSE + 20)]
    gc.collect()
    assert sum([each() is not None for each in alive]) == intercept.LOOSE
    assert id(first) not in intercept.HOLDERS
    assert gt.grad(first["f"])(2.0) == pytest.approx(5.25)
    assert first["zeros"] is np.zeros


def test_names_in_a_module_that_the_function_calls_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("lesson_of_today")
    exec(PROGRAM, vars(module))
    monkeypatch.setitem(sys.modules, "lesson_of_today", module)
    assert gt.grad(lambda x: vars(module)["f"](x) * 1.0)(2.0) == pytest.approx(5.25)
    assert vars(module)["zeros"] is np.zeros


def test_names_are_restored_after_errors_and_nested_traces() -> None:
    def fails(x: Any) -> Any:
        gt.grad(lambda y: np.zeros(2)[0] + y)(x)
        assert not restored()
        raise KeyError("mine")

    with pytest.raises(KeyError):
        gt.grad(fails)(1.0)
    assert restored()
    gt.grad(gt.grad(lambda x: np.array([x, x]).sum() ** 3))(1.0)
    gt.vmap(lambda x: np.array([x, x]))(X)
    gt.jit(lambda x: np.zeros(1) + x)(1.0)
    assert restored()


def test_a_generator_that_is_left_in_the_middle_leaves_no_name_behind() -> None:
    def parts(x: Any) -> Generator[Any, None, None]:
        b = np.zeros(3)
        for i in range(3):
            b[i] = x[i] ** 2
            yield b[i]

    def f(x: Any) -> Any:
        left = parts(x)
        next(left)
        kept.append(left)
        return sum(parts(x))

    kept: list[Generator[Any, None, None]] = []
    np.testing.assert_array_equal(gt.grad(f)(X), 2 * X)
    assert restored()
    kept[0].close()
    assert restored()


def test_a_name_that_the_program_binds_itself_is_left_alone() -> None:
    space: dict[str, Any] = {"__name__": "notebook"}
    exec("from numpy import zeros\ndef f(x):\n    global zeros\n    zeros = 7\n    return x * zeros", space)
    assert gt.grad(space["f"])(2.0) == 7.0
    assert space["zeros"] == 7


MIXED: list[tuple[Callable[[Any, Any], Any], list[Any]]] = [
    (lambda t, u: np.array([t, u]), [[1, 0], [0, 1]]),
    (lambda t, u: np.array([[t, 1.0], (u, t)]), [[[1, 0], [0, 1]], [[0, 0], [1, 0]]]),
    (lambda t, u: np.array([t, u], dtype=np.float32), [[1, 0], [0, 1]]),
    (lambda t, u: np.asarray((t, 2, u)), [[1, 0, 0], [0, 0, 1]]),
    (lambda t, u: np.array([np.array([t, u]), [1.0, t]]), [[[1, 0], [0, 1]], [[0, 1], [0, 0]]]),
    (lambda t, u: np.mean([t, u, 3.0]), [1 / 3, 1 / 3]),
    (lambda t, u: np.sum([[t, u], [t, t]], axis=0), [[2, 1], [0, 1]]),
    (lambda t, u: np.stack([t, u, 1.0]), [[1, 0, 0], [0, 1, 0]]),
    (lambda t, u: np.concatenate([[t], np.array([u])]), [[1, 0], [0, 1]]),
    (lambda t, u: np.dot([t, 2.0], [u, 1.0]), [5.0, 3.0]),
    (lambda t, u: np.array([1.0, 2.0]) * [t, u], [[1, 0], [0, 2]]),
    (lambda t, u: np.full(2, t) + np.linspace(0.0, u, 2), [[1, 1], [0, 1]]),
    (lambda t, u: np.where([True, False], t, u), [[1, 0], [0, 1]]),
    (lambda t, u: np.square([t, u]), [[6, 0], [0, 10]]),
    (lambda t, u: np.maximum([t, 1.0, u], (4.0, u, u)), [[0, 0, 0], [0, 1, 1]]),
    (lambda t, u: np.add([[t], [u]], (t, 2)), [[[2, 1], [1, 0]], [[0, 0], [1, 1]]]),
    (lambda t, u: np.add.reduce([[t, u], [t, t]], axis=1), [[1, 2], [1, 0]]),
    (lambda t, u: np.multiply.outer([t, 2.0], (u, t)), [[[5, 6], [0, 2]], [[3, 0], [2, 0]]]),
    (lambda t, u: np.multiply.accumulate([t, u, 2.0]), [[1, 5, 10], [0, 3, 6]]),
    (lambda t, u: np.add.reduceat([t, u, t], [0, 2]), [[1, 1], [1, 0]]),
    (lambda t, u: np.divide([t, u], 2.0, where=[True, False], out=np.zeros(2)), [[0.5, 0], [0, 0]]),
    (lambda t, u: np.negative([t, u], dtype=np.float32), [[-1, 0], [0, -1]]),
    (lambda t, u: functools.reduce(np.add, [t, u, t]), [2, 1]),
    (lambda t, u: np.array([v * i for (i,), v in np.ndenumerate([t, u])]), [[0, 0], [0, 1]]),
]


@pytest.mark.parametrize(("f", "moves"), MIXED)
def test_lists_of_numbers_and_traced_values_are_arrays(f: Callable[[Any, Any], Any], moves: list[Any]) -> None:
    at = (3.0, 5.0)
    y, by_t = gt.jvp(f, at, (1.0, 0.0))
    np.testing.assert_allclose(y, f(*at))
    assert y.dtype == f(*at).dtype
    by_u = gt.jvp(f, at, (0.0, 1.0))[1]
    np.testing.assert_allclose(by_t, moves[0])
    np.testing.assert_allclose(by_u, moves[1])


WEAK: list[Callable[[Any, Any], Any]] = [
    lambda w, a: np.stack([1.0, a, 0.1]),
    lambda w, a: np.stack([w, a]),
    lambda w, a: np.array([w, a]),
    lambda w, a: np.concatenate([[w], [a]]),
    lambda w, a: np.where(a > 0, w, a),
    lambda w, a: np.linspace(0, a, 3),
    lambda w, a: np.linspace(w, a, 3),
    lambda w, a: np.dot(w, a),
    lambda w, a: np.maximum(w, a),
    lambda w, a: np.select([True], [w], a),
    lambda w, a: np.append(w, a),
]
"""Of a number of Python's and one of NumPy's: which dtype has the result?"""


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("f", WEAK)
def test_python_numbers_are_weak_where_numpys_functions_take_them_so(f: Callable[[Any, Any], Any], dtype: Any) -> None:
    a = dtype(0.5)
    y, y_dot = gt.jvp(f, (0.7, a), (1.0, dtype(1)))
    assert y.dtype == y_dot.dtype == f(0.7, a).dtype
    np.testing.assert_array_equal(y, f(0.7, a))


def test_a_ufunc_is_still_one_while_a_trace_runs() -> None:
    original = np.add

    def f(x: Any) -> Any:
        assert np.add == original
        assert {original: 1}[np.add] == {np.add: 1}[original] == 1
        assert isinstance(np.add, np.ufunc)
        assert (np.add.nin, np.add.nout, np.add.identity, np.add.__name__) == (2, 1, 0, "add")
        assert pickle.loads(pickle.dumps(np.add)) == original
        b = np.multiply(TABLE, 2.0)  # made in here, so it may be written to
        b[0] = x
        np.add.at(b, [1, 1], [x, x])
        return b.sum()

    assert gt.grad(f)(1.0) == 3.0
    assert np.add is original


def test_every_function_hears_nested_lists_of_traced_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call that the cases of NumPy's functions make is made once more, with lists in place of arrays."""
    calls: list[tuple[Any, Any, tuple[Any, ...], dict[str, Any]]] = []
    heard: set[Any] = set()

    def empty(x: Any) -> bool:
        """A list of nothing says nothing of its other axes."""
        return any(map(empty, x)) if type(x) in (list, tuple) else is_array(x) and np.size(value_of(x)) == 0

    def listed(x: Any) -> Any:
        return [listed(v) for v in x] if is_a(x, Tracer) and x.ndim else x

    def hear(function: Any, mean: Callable[..., Any]) -> Callable[..., Any]:
        def met(*args: Any, **kwargs: Any) -> Any:
            if function not in busy:
                busy.append(function)
                calls.append((function, mean, args, kwargs))
            return mean(*args, **kwargs)

        return met

    busy: list[Any] = []
    for function, meaning in list(SPELLINGS.items()):
        if getattr(np, function.__name__, None) is function or getattr(np.linalg, function.__name__, None) is function:
            monkeypatch.setitem(SPELLINGS, function, hear(function, meaning))
    rng = np.random.default_rng(0)
    for case in [*cases.CASES, *cases_more.CASES]:
        plain = [np.asarray(draw(rng)) for draw in case.draws]
        busy.clear()
        calls.clear()
        with Level("grad") as level:
            xs = [new_input(level, x) for x in plain]
            case.f(*xs)
            for function, original, args, kwargs in calls[:3]:
                if function in WRITERS or not traced(args) or empty(args):
                    continue
                want = original(*args, **kwargs)
                called = getattr(np.linalg if "linalg" in f"{function.__module__}" else np, function.__name__)
                got = called(*[listed(x) for x in args], **kwargs)
                for a, b in zip(gt.tree.leaves(got), gt.tree.leaves(want), strict=True):
                    if not isinstance(b, str):
                        np.testing.assert_allclose(value_of(a), value_of(b), rtol=1e-12, err_msg=case.name)
                heard.add(function)
    assert len(heard) > 150


def test_bare_numbers_are_refused_and_integers_are_decisions() -> None:
    assert gt.grad(lambda x: np.int64(x) * x)(2.5) == 2.0
    for scalar in (np.float64, np.float32, np.complex128):
        with pytest.raises(TraceError, match="bare number"):
            gt.grad(lambda x, scalar=scalar: scalar(x).real * x)(2.5)


def test_libraries_work_or_teach() -> None:
    with pytest.raises(TraceError, match="float"):
        gt.grad(lambda x: statistics.fmean(x))(X)
    assert gt.grad(lambda x: statistics.fmean([1.0, 3.0]) * x)(1.0) == 2.0
    assert restored()


FIRST_IMPORT = """
import sys, types
import numpy as np
import geartrain as gt

def f(x):
    from scipy.special import erf, logsumexp
    import scipy.optimize
    root = scipy.optimize.brentq(lambda z: z - x[0], 0.0, 5.0)
    return logsumexp(x) + erf(x[0]) + root

got = gt.grad(f)(np.array([0.1, 0.2]))
assert not any("geartrain" in type(v).__module__ for m in ("scipy.special", "scipy.optimize")
               for v in vars(sys.modules[m]).values() if not isinstance(v, types.FunctionType))
again = gt.grad(f)(np.array([0.1, 0.2]))
assert np.array_equal(got, again), (got, again)
h = 1e-6
want = [(f(np.array([0.1, 0.2]) + h * e) - f(np.array([0.1, 0.2]) - h * e)) / (2 * h) for e in np.eye(2)]
assert np.allclose(got, want, atol=1e-6), (got, want)
assert not any(type(finder).__name__ == "Arrivals" for finder in sys.meta_path)
"""


def test_scipy_may_be_imported_for_the_first_time_by_a_traced_function() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_IMPORT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


KEPT = """
import cmath, functools, math
import numpy as np

TABLE = {"sin": math.sin, "mean": np.mean, "array": np.array, "deep": [{"exp": math.exp}]}
half, pair, power = functools.partial(np.sum, axis=0), functools.partial(np.zeros, 2), functools.partial(math.pow, 2.0)

class Layer:
    act = math.tanh
    size = staticmethod(np.sum)

    def __init__(self):
        self.root = math.sqrt

    def __call__(self, x, finish=math.cos):
        return finish(self.act(x)) + self.root(x) + Layer.act(x) + self.size([x, x])

layer = Layer()

def default(x, sin=math.sin, *, zeros=np.zeros):
    b = zeros(2)
    b[1] = sin(x)
    return b.sum()

def filled(x):
    b = pair()
    b[0] = x
    return b.sum() + half([x, x]) + power(x)

def closed(f):
    return lambda x: f(x) * x

table = lambda x: TABLE["sin"](x) * TABLE["mean"]([x, 2.0]) + TABLE["array"]([x, x]).sum() + TABLE["deep"][0]["exp"](x)
PROGRAMS = [default, filled, table, layer, layer.__call__, closed(math.sin), closed(closed(math.atan)), closed(default)]
PROGRAMS += [lambda x: sum(map(f, [x, x])) for f in (math.sin, default)]
PROGRAMS += [functools.partial(math.pow, 2.0), functools.partial(default, sin=math.cos)]
"""


@pytest.mark.parametrize("i", range(12))
def test_functions_that_a_program_keeps_are_known(i: int, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("kept_of_today")
    monkeypatch.setitem(sys.modules, "kept_of_today", module)
    exec(KEPT, vars(module))
    space = vars(module)
    f = space["PROGRAMS"][i]
    want = (f(0.7 + 1e-6) - f(0.7 - 1e-6)) / 2e-6
    for _ in range(2):
        assert gt.grad(f)(0.7) == pytest.approx(want, rel=1e-8)
        assert space["TABLE"]["sin"] is math.sin
        assert space["TABLE"]["deep"][0]["exp"] is math.exp
        assert space["half"].func is np.sum
        assert vars(space["Layer"])["act"] is math.tanh
        assert space["layer"].root is math.sqrt
        assert space["default"].__defaults__ == (math.sin,)
        assert space["default"].__kwdefaults__ == {"zeros": np.zeros}
    with pytest.raises(KeyError):
        gt.grad(lambda x: f(x) * {}["none"])(0.7)
    assert space["TABLE"]["sin"] is math.sin


def test_what_a_program_binds_to_a_name_of_numpys_is_left_alone() -> None:
    original = np.zeros

    def f(x: Any) -> Any:
        known = np.zeros
        try:
            np.zeros = lambda n: [7.0] * n
            assert np.zeros(2) == [7.0, 7.0]
        finally:
            np.zeros = known
        b = np.zeros(2)
        b[0] = x
        del np.zeros
        assert not hasattr(np, "zeros")
        np.zeros = original
        return b.sum()

    assert gt.grad(f)(1.0) == 1.0
    assert restored()
    assert type(np) is ModuleType


class Stopped(BaseException):
    """No Exception: like KeyboardInterrupt, or a thread that is told to go."""


@pytest.mark.parametrize("kind", [KeyError, KeyboardInterrupt, SystemExit, GeneratorExit, Stopped, MemoryError])
@pytest.mark.parametrize("transform", [gt.grad, gt.jit, gt.vmap, lambda f: gt.grad(gt.checkpoint(f))])
def test_names_are_restored_whatever_is_raised(kind: type[BaseException], transform: Callable[[Any], Any]) -> None:
    def fails(x: Any) -> Any:
        b = np.zeros(3)
        b[0] = x
        assert type(b) is not np.ndarray
        raise kind

    with pytest.raises(kind):
        transform(fails)(np.array([1.0]) if transform is gt.vmap else 1.0)
    assert restored()
    assert active.trace is None
    assert type(np.zeros(2)) is np.ndarray


def test_names_are_restored_after_an_interrupt_from_outside() -> None:
    """Ctrl-C at some point of a long program, not at a line that raises."""

    def endless(x: Any) -> Any:
        while True:
            x = np.sin(x) + np.mean([x, 1.0])

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored where the tests run
    try:
        timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            gt.grad(endless)(1.0)
        timer.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert restored()
    assert active.trace is None


def test_names_are_restored_after_an_error_in_a_thread_while_another_traces() -> None:
    """The one that fails leaves the names to the one that goes on; when both are done, they are NumPy's."""
    failed, go_on = threading.Event(), threading.Event()
    found: list[Any] = []

    def fails(x: Any) -> Any:
        raise Stopped

    def slow(x: Any) -> Any:
        go_on.set()
        assert failed.wait(60)
        b = np.zeros(2)  # still the function that knows tracers
        b[0] = x
        return b.sum() * x

    def work() -> None:
        assert go_on.wait(60)
        with pytest.raises(Stopped):
            gt.grad(fails)(1.0)
        found.append(type(np.zeros(2)))
        failed.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert gt.grad(slow)(3.0) == 6.0
    thread.join()
    assert found == [np.ndarray]
    assert restored()


def test_a_generator_that_is_never_finished_and_its_collection_leave_no_name_behind() -> None:
    def parts(x: Any) -> Generator[Any, None, None]:
        try:
            while True:
                x = np.sin(x) * np.ones(1)[0]
                yield x
        finally:
            seen.append(restored())

    def f(x: Any) -> Any:
        left = parts(x)
        y = next(left) + next(left)
        kept.append(left)
        raise KeyError(y)

    seen: list[bool] = []
    kept: list[Any] = []
    with pytest.raises(KeyError):
        gt.grad(f)(1.0)
    assert restored()
    kept.clear()
    gc.collect()
    assert restored()
    assert seen == [True]


HELD: Any = None


def test_a_name_that_is_bound_to_another_function_is_followed() -> None:
    """As a cell of a notebook does that is run again; the module has as many names as before."""
    global HELD

    def f(x: Any) -> Any:
        return np.sum(HELD([x, 2 * x]))

    slopes = {np.array: 3.0, np.sin: np.cos(1.0) + 2 * np.cos(2.0), np.mean: 1.5, np.copy: 3.0}
    for function, want in slopes.items():
        HELD = function
        assert gt.grad(f)(1.0) == pytest.approx(want)
        assert restored()


LATE = """
import sys
import numpy as np
import geartrain as gt

assert "numpy.ma" not in sys.modules, "nobody has asked for masked arrays"

def f(x):
    masked = np.ma.array(np.ones(2), mask=[False, True])
    return x * masked.sum() * np.ma.arange(3).sum()

assert gt.grad(f)(1.0) == 3.0
assert gt.grad(f)(1.0) == 3.0
assert type(np.ma.zeros(3)) is np.ma.MaskedArray
ours = [name for name, value in vars(np.ma.core).items() if getattr(value, "__module__", "").startswith("geartrain")]
assert not ours, ours
"""


def test_masked_arrays_that_come_while_a_trace_runs_keep_numpys_own_names() -> None:
    subprocess.run([sys.executable, "-c", LATE], check=True)
