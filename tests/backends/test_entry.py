"""The call entry: what goes in and comes out, natively and by way of Python; nothing leaks, nothing is misread."""

import ctypes
import dataclasses
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from geartrain import tree
from geartrain.backends import llvm
from geartrain.backends.cpu import entry, program, runtime
from geartrain.backends.cpu.program import Array, Given, Leaf, Program, Scalar, Static
from tests.backends import native

pytestmark = pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed")

F8, I8 = np.dtype(np.float64), np.dtype(np.int64)


class Point(NamedTuple):
    x: Any
    y: Any


class Bag(dict[str, Any]):
    pass


@dataclasses.dataclass
class Model:
    w: Any
    b: Any


def make(plan: str, args: Any, inputs: list[Leaf], result: Any, outputs: list[Leaf], **options: Any) -> Program:
    """A program with the containers of these examples."""
    treedefs = (tree.flatten(each)[1] for each in (args, result))
    arguments, out = treedefs
    return Program(arguments, inputs, out, outputs, native.code()[plan], keep=native.code(), **options)


def slow(which: int, status: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return "slow", which, status, args, kwargs


Install = Callable[..., Callable[..., Any]]


@pytest.fixture(params=["native", "python"])
def install(request: pytest.FixtureRequest) -> Install:
    """A function with programs, both ways."""

    def both(*programs: Program) -> Callable[..., Any]:
        if request.param == "python":
            made = entry.Function(slow, None)
        else:
            made = runtime.function(slow)
            assert made.native, entry.unusable()
        made.install(*programs)
        return made.call

    return both


def test_native_entries_can_be_used_here() -> None:
    assert entry.unusable() == ""


def same(a: Any, b: Any) -> bool:
    (ours, one), (theirs, two) = tree.flatten(a), tree.flatten(b)
    pairs = zip(ours, theirs, strict=True)
    return one == two and all(type(x) is type(y) and np.array_equal(x, y) for x, y in pairs)


A = np.array
TREES: list[tuple[Any, list[Leaf]]] = [
    ((1, A(2.5)), [Scalar(int), Array(F8, ())]),
    ((2, [A([1.5]), 2.5]), [Scalar(int), Array(F8, (1,)), Scalar(float)]),
    ((3, {"b": A([[1.0]]), "a": (A([2]), [])}), [Scalar(int), Array(I8, (1,)), Array(F8, (1, 1))]),
    ((2, Point(np.float64(1.5), Point(3, None))), [Scalar(int), Scalar(np.float64), Scalar(int)]),
    ((2, Model(A([7.0]), {1: 2.0, 2: ()})), [Scalar(int), Array(F8, (1,)), Scalar(float)]),
    ((2, Bag(b=1.0, a=np.int64(5))), [Scalar(int), Scalar(np.int64), Scalar(float)]),
    ((2, None, [[[[[A([1.0])]]], np.uint64(8)]]), [Scalar(int), Array(F8, (1,)), Scalar(np.uint64)]),
]


@pytest.mark.parametrize(("args", "leaves"), TREES)
def test_containers_go_in_and_come_back(install: Install, args: Any, leaves: list[Leaf]) -> None:
    n = len(leaves)
    flat, treedef = tree.flatten(args)
    args = tree.unflatten(treedef, [n, *flat[1:]])
    call = install(make("copy", args, leaves, args, leaves, arena=8 * n))
    for _ in range(3):
        got = call(*args)
        assert same(got, args), got
        ours, theirs = tree.flatten(got)[0], tree.flatten(args)[0]
        assert not any(np.shares_memory(x, y) for x in ours for y in theirs if isinstance(y, np.ndarray))


@pytest.mark.parametrize(
    "value",
    [
        *(np.dtype(c).type(3) for c in "?bBhHiIlLqQefdFD"),
        *(2.5, -0.0, float("nan"), float("inf"), 3, -(1 << 63), (1 << 63) - 1, True, False),
    ],
)
def test_scalars_of_every_type(install: Install, value: Any) -> None:
    kind = Scalar(type(value))
    call = install(make("copy", (1, 0.0), [Scalar(int), kind], (0, 0.0), [Scalar(int), kind], arena=64))
    got = call(2, value)[1]
    if isinstance(value, np.complexfloating) and value.itemsize == 16:
        value = got  # copy moves eight bytes
    assert type(got) is type(value)
    assert np.array(got).tobytes() == np.array(value).tobytes()


WRONG: list[tuple[str, Any]] = [
    ("an int", 1),
    ("a float", 1.0),
    ("a list", [1.0, 2.0, 3.0]),
    ("None", None),
    ("an object without anything", object()),
    ("another dtype", np.zeros(3, np.float32)),
    ("a wider dtype", np.zeros(3, np.int64)),
    ("another length", np.zeros(4)),
    ("another number of axes", np.zeros((3, 1))),
    ("no axes", np.zeros(())),
    ("objects", np.zeros(3, object)),
]


@pytest.mark.parametrize(("what", "x"), WRONG)
def test_what_does_not_fit_is_slow_and_untouched(install: Install, what: str, x: Any) -> None:
    call = install(make("add_one", (0,), [Array(F8, (3,))], 0, [Array(F8, (3,))]))
    name, which, status, args, kwargs = call(x)
    assert (name, which, status, kwargs) == ("slow", 0, -1, {})
    assert args[0] is x


def layouts() -> list[tuple[str, np.ndarray]]:
    """Four numbers in memory in unusual ways."""
    plain = np.array([[1.0, 2.0], [3.0, 4.0]])
    unaligned = np.frombuffer(bytearray(b"\0" + plain.tobytes()), np.uint8)[1:].view(F8).reshape(2, 2)
    read_only = plain.copy()
    read_only.flags.writeable = False
    masked = np.ma.masked_array(plain.copy())
    return [
        ("plain", plain),
        ("column-major", np.asfortranarray(plain)),
        ("reversed", plain[::-1, ::-1].copy()[::-1, ::-1]),
        ("strided", np.repeat(plain, 2, axis=1)[:, ::2]),
        ("broadcast", np.broadcast_to(np.array([1.0, 2.0]), (2, 2))),
        ("big-endian", plain.astype(">f8")),
        ("unaligned", unaligned),
        ("read-only", read_only),
        ("a dtype that is equal and another object", plain.view(np.dtype("<f8", metadata={"unit": "m"}))),
        ("a subclass", masked),
        ("memory of another's", np.frombuffer(plain.tobytes()).reshape(2, 2)),
    ]


@pytest.mark.parametrize(("what", "x"), layouts())
def test_a_layout_is_read_right_or_handed_on(what: str, x: Any) -> None:
    fits = make("add_one", (0,), [Array(F8, (2, 2))], 0, [Array(F8, (2, 2))])
    native_call = runtime.function(lambda which, status, args, kwargs: fits.run(*args))
    native_call.install(fits)
    got = native_call.call(x)
    assert type(got) is np.ndarray
    assert got[0, 0] == 2.0  # add_one looks at the first number only
    assert np.asarray(x)[0, 0] == 1.0


def test_what_numpy_calls_plain_does_not_go_through_python(install: Install) -> None:
    call = install(make("add_one", (0,), [Array(F8, (2, 2))], 0, [Array(F8, (2, 2))]))
    for what, x in layouts():
        direct = isinstance(call(x), np.ndarray)
        if what in ("plain", "read-only", "memory of another's"):
            assert direct, what


def test_static_values_are_compared(install: Install) -> None:
    for static, others in (
        (3, (4, True, 3.0, "3", None, 1 << 80)),
        (1 << 80, (1, -(1 << 80))),
        (True, (1, False, np.True_)),
        ("mean", ("sum", b"mean", None)),
    ):
        leaves: list[Leaf] = [Scalar(float), Static(static)]
        call = install(make("add_one", (0.0, static), leaves, 0, [Scalar(float)]))
        assert call(1.0, static) == 2.0
        assert call(1.0, type(static)(static)) == 2.0
        for other in others:
            assert call(1.0, other)[0] == "slow", (static, other)
    word = str(b"mean", "ascii")  # an equal string that is another object
    call = install(make("add_one", (0.0, "a"), [Scalar(float), Static("mean")], 0, [Scalar(float)]))
    assert call(1.0, word) == 2.0


def test_constants_come_out_as_they_are(install: Install) -> None:
    thing = object()
    outputs: list[Leaf] = [Static(thing), Scalar(float), Static("text")]
    call = install(make("add_one", (0.0,), [Scalar(float)], {"a": 0, "b": 0, "c": 0}, outputs))
    got = call(1.0)
    assert got == {"a": thing, "b": 2.0, "c": "text"}
    assert got["a"] is thing


def test_the_number_and_the_names_of_arguments(install: Install) -> None:
    call = install(make("add_one", (0.0,), [Scalar(float)], 0, [Scalar(float)]))
    assert call() == ("slow", 0, -1, (), {})
    assert call(1.0, 2.0) == ("slow", 0, -1, (1.0, 2.0), {})
    assert call(x=1.0) == ("slow", 0, -1, (), {"x": 1.0})
    assert call(1.0, y=2, z=3) == ("slow", 0, -1, (1.0,), {"y": 2, "z": 3})


def test_containers_that_differ_are_slow(install: Install) -> None:
    example = ({"a": 1.0, "b": [2.0, (3.0,)]},)
    call = install(make("add_one", example, [Scalar(float)] * 3, 0, [Scalar(float)]))
    assert call({"a": 1.0, "b": [2.0, (3.0,)]}) == 2.0
    assert call({str(b"a", "ascii"): 1.0, str(b"b", "ascii"): [2.0, (3.0,)]}) == 2.0
    for other in (
        {"b": [2.0, (3.0,)], "a": 1.0},  # Python may go through it in order
        {"a": 1.0},
        {"a": 1.0, "c": [2.0, (3.0,)]},
        {"a": 1.0, "b": [2.0, (3.0,)], "c": 1},
        {"a": 1.0, "b": (2.0, (3.0,))},
        {"a": 1.0, "b": [2.0, (3.0, 4.0)]},
        {"a": 1.0, "b": [2.0]},
        {"a": 1.0, "b": None},
        OrderedDict({"a": 1.0, "b": [2.0, (3.0,)]}),
        [1.0, [2.0, (3.0,)]],
    ):
        assert call(other)[0] == "slow", other


def test_a_plan_that_stops_lets_the_next_one_try(install: Install) -> None:
    stop = make("stop", (0,), [Scalar(int)], 0, [Array(F8, (3,))])
    go_on = make("copy", (0,), [Scalar(int)], 0, [Scalar(int)], arena=8)
    assert install(stop, go_on)(1) == 1
    call = install(go_on, stop)
    assert call(1) == 1
    call = install(stop, make("add_one", (0.0,), [Scalar(float)], 0, [Scalar(float)]))
    assert call(5) == ("slow", 1, 5, (5,), {})
    assert call(5.0) == 6.0
    assert call("5") == ("slow", 0, -1, ("5",), {})


def test_errors_of_the_slow_path_come_through() -> None:
    def fails(which: int, status: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        raise ZeroDivisionError("on purpose")

    with pytest.raises(ZeroDivisionError, match="on purpose"):
        runtime.function(fails).call(1)


def test_what_is_given_away_is_written_in_place(install: Install) -> None:
    given: list[Leaf] = [Array(F8, (3,), given=True), Array(F8, (3,))]
    call = install(make("add_one", (0, 0), given, (0,), [Given(0)]))
    x, y = np.arange(3.0), np.arange(3.0)
    (got,) = call(x, y)
    assert got is x
    assert x[0] == 1.0
    both = np.arange(4.0)
    for a, b in ((x, x), (both[:3], both[1:]), (both[1:], both[:3])):
        assert call(a, b)[0] == "slow", "it would be read while it is written"
    assert isinstance(call(np.arange(6.0)[:3], np.arange(6.0)[3:]), tuple)
    x.flags.writeable = False
    assert call(x, y)[0] == "slow"
    assert call(np.arange(6.0)[::2], y)[0] == "slow"


def test_where_outputs_and_arenas_are(install: Install) -> None:
    leaves: list[Leaf] = [Array(I8, (2,)), Array(I8, (1000,)), Scalar(int)]
    call = install(make("where", (3,), [Scalar(int)], (0, 0, 0), leaves, arena=1))
    (first, arena), second, _ = call(3)
    assert first % 16 == 0
    assert arena % 64 == 0
    assert second[0] == second.ctypes.data
    again = call(3)
    assert again[1][0] != second[0], "the outputs of a call are its own"


def test_large_arenas_are_shared_by_programs_that_run_one_after_the_other() -> None:
    def made(arena: int) -> Program:
        return make("where", (3,), [Scalar(int)], (0, 0, 0), leaves, arena=arena)

    def where(each: Program) -> int:
        function = runtime.function(slow)
        function.install(each)
        return int(function.call(3)[0][1])

    leaves: list[Leaf] = [Array(I8, (2,)), Array(I8, (1000,)), Scalar(int)]
    alike = [made(size) for size in ((1 << 21) - 8, 3 << 19, (1 << 20) + 1)]
    others = [made(size) for size in (1 << 22, 5000)]
    assert len({where(each) for each in alike}) == 1
    assert len({where(each) for each in (alike[0], *others)}) == 3
    gone = weakref.ref(alike[0]._arena)
    del alike
    gc.collect()
    assert gone() is None


def test_one_function_for_many_plans(install: Install) -> None:
    contexts = [np.array([7]), np.array([8])]
    tell = [make("tell", (), [], 0, [Scalar(int)], context=each.ctypes.data) for each in contexts]
    assert [install(each)() for each in tell] == [7, 8]


def test_guarded_arenas() -> None:
    """A plan that stays inside of its arena goes on; one that takes a byte more dies."""
    prelude = """
from geartrain import tree
from geartrain.backends.cpu import runtime
from geartrain.backends.cpu.program import Program, Scalar
from tests.backends import native
def function(arena):
    given, shape = [Scalar(int)] * 8, tree.flatten((0,) * 8)[1]
    made = runtime.function(print)
    made.install(Program(shape, given, shape, given, native.code()["copy"], arena))
    return made.call
"""
    fits = prelude + "assert [function(64)(8, *range(7)) for _ in range(3)] == [(8, *range(7))] * 3"
    dies = prelude + "function(64)(9, *range(7))"
    path = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    given = os.environ | {"GEARTRAIN_GUARD": "1", "PYTHONPATH": path}
    for text, ends in ((fits, 0), (dies, -signal.SIGSEGV)):
        done = subprocess.run([sys.executable, "-c", text], env=given, capture_output=True, text=True, check=False)
        assert done.returncode == ends, done.stderr


def test_very_many_leaves(install: Install) -> None:
    n = 3000
    leaves: list[Leaf] = [Scalar(int), *[Scalar(float)] * (n - 1)]
    values = [n, *map(float, range(n - 1))]
    call = install(make("copy", (values,), leaves, values, leaves, arena=8 * n))
    assert call(values) == values


def references(objects: list[Any]) -> list[int]:
    return [sys.getrefcount(each) for each in objects]


def test_no_reference_and_no_memory_is_lost() -> None:
    """Over calls that fit, that do not, and that stop; of arguments, containers, dtypes, results."""
    args = (4, {"a": np.arange(1.0), "b": [np.ones((1, 1)), 123.456]}, "word")
    leaves: list[Leaf] = [Scalar(int), Array(F8, (1,)), Array(F8, (1, 1)), Scalar(float), Static("word")]
    shape = (0, Point(0, Model(0, [0])), 0)
    copy = make("copy", args, leaves, shape, [*leaves[:4], Static("word")], arena=4096)
    stop = make("stop", (0, 0.0), [Scalar(int), Scalar(float)], 0, [Array(F8, (9,))])
    made = runtime.function(lambda *what: None)
    made.install(stop, copy)
    call = made.call
    others = (4, {"a": np.arange(1.0), "b": [np.ones((1, 2)), 1.5]}, "word")
    watched = [*tree.flatten(args)[0], args[1], args[1]["b"], args, F8, made, made.call, copy.handle, stop.handle, None]
    watched += [others[1], others[1]["b"], others[1]["a"], float, dict, list, np.ndarray]

    def many(n: int) -> None:
        for _ in range(n):
            call(*args)
            call(*others)
            call(7, 1.0)
            call(7, named=1.0)

    many(10)
    gc.collect()
    before, blocks = references(watched), sys.getallocatedblocks()
    many(25_000)
    gc.collect()
    lost = [after - now for after, now in zip(references(watched), before, strict=True)]
    assert max(map(abs, lost)) < 100, lost
    assert sys.getallocatedblocks() - blocks < 500


def test_a_program_dies_with_its_function() -> None:
    class Thing:
        pass

    thing = Thing()
    gone = weakref.ref(thing)
    made = runtime.function(slow)
    made.install(make("copy", (1,), [Scalar(int)], 0, [Scalar(int)], arena=1 << 20))
    made.install(Program(*_simple(), native.code()["copy"], arena=1 << 20, keep=(thing, native.code())))
    assert made.call(1) == 1
    call = made.call
    del thing, made
    gc.collect()
    assert call(1) == 1, "the builtin function alone keeps all that it needs"
    assert gone() is not None
    del call
    gc.collect()
    assert gone() is None


def _simple() -> tuple[Any, list[Leaf], Any, list[Leaf]]:
    return tree.flatten((1,))[1], [Scalar(int)], tree.flatten(0)[1], [Scalar(int)]


def test_many_threads_and_programs_that_change_meanwhile() -> None:
    leaves: list[Leaf] = [Scalar(int), *[Scalar(float)] * 7]
    made = runtime.function(slow)
    args = (8, *[0.0] * 7)

    def new() -> None:
        made.install(make("copy", args, leaves, args, leaves, arena=64))

    new()
    wrong: list[Any] = []

    def work(seed: int) -> None:
        for i in range(150):
            values = (8, *(float(seed * 1000 + i + j) for j in range(7)))
            got = made.call(*values)
            if got != values:
                wrong.append(got)

    callers = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for each in callers:
        each.start()
    while any(each.is_alive() for each in callers):
        new()
        time.sleep(1e-4)
    for each in callers:
        each.join()
    assert not wrong


def test_the_gil_is_released_or_kept_as_the_program_says() -> None:
    """``copy`` sleeps; a program that keeps the GIL lets nobody else run meanwhile, and is right all the same."""
    leaves: list[Leaf] = [Scalar(int)]
    for release in (True, False):
        made = runtime.function(slow)
        made.install(make("copy", (1,), leaves, 0, leaves, arena=8, release=release))
        assert [made.call(1) for _ in range(5)] == [1] * 5


def test_a_layout_of_objects_that_is_not_known_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TYPE", "NDIM", "DIMS", "DESCR", "FLAGS"):
        with monkeypatch.context() as patch:
            patch.setattr(entry.ir, name, getattr(entry.ir, name) + (4 if name in ("NDIM", "FLAGS") else 8))
            assert "where" in entry._check(), name  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(entry, "unusable", lambda: "a test says so")
    made = runtime.function(slow)
    made.install(make("add_one", (0.0,), [Scalar(float)], 0, [Scalar(float)]))
    assert not made.native
    assert made.call(1.0) == 2.0
    assert made.call(1) == ("slow", 0, -1, (1,), {})


def test_run_says_what_does_not_fit() -> None:
    fits = make("add_one", ([0],), [Array(F8, (3,))], 0, [Array(F8, (3,))])
    with pytest.raises(program.Misfit, match=r"float32\(3,\); expected float64\(3,\)"):
        fits.run([np.zeros(3, np.float32)])
    with pytest.raises(program.Misfit, match=r"are \(\*\); this program is for \(\[\*\]\)"):
        fits.run(np.zeros(3))


def test_the_function_has_a_name() -> None:
    made = runtime.function(slow, "loss")
    assert made.call.__name__ == "loss"
    assert made.call.__module__ == "geartrain"
    assert ctypes.sizeof(ctypes.c_void_p) == 8


def test_names_are_not_kept_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "NAMES", len(entry._methods) + 2)
    names = [runtime.function(slow, f"loss{k}").call.__name__ for k in range(4)]
    assert names[0] == "loss0"
    assert names[-1] == "compiled"
