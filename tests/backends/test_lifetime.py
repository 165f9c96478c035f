"""How long native code stays: as long as a program runs it, and what was used last a while longer."""

import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.backends import llvm, object_cache

if not llvm.installed():
    pytest.skip("llvmlite is not installed", allow_module_level=True)

from geartrain.backends.cpu import kernels
from geartrain.backends.cpu.known import CODE

X = np.linspace(0.1, 1.0, 10)
CODE_MOST, OBJECTS_MOST, NAMES_MOST = 1 << 16, 1 << 15, 200


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Tables of next to no size, and no disk: what is not in memory is compiled."""
    monkeypatch.setenv(object_cache.VARIABLE, "")
    for table, most in ((CODE.recent, CODE_MOST), (kernels.OBJECTS, OBJECTS_MOST), (kernels.NAMES, NAMES_MOST)):
        monkeypatch.setattr(table, "most", most)
    yield
    gc.collect()


def compiled() -> int:
    """How many pieces of code this process has compiled."""
    return sum(object_cache.MADE.values())


def program(k: int) -> Any:
    """A function whose kernel no other one has, and its compiled form, which was called."""
    ops = [(np.negative, np.square, np.abs)[k // 3**i % 3] for i in range(6)]

    def f(x: Any) -> Any:
        for op in ops:
            x = op(x) + x
        return x

    run = gt.jit(f)
    np.testing.assert_array_equal(run(X), f(X))
    return f, run


def test_hundreds_of_kernels_leave_as_much_as_a_few(small: None) -> None:
    f, first = program(0)
    known: list[int] = []
    for k in range(1, 106):
        program(k)
        if k % 35 == 0:
            gc.collect()
            known.append(len(CODE.names()))
            tables = CODE.recent.size, kernels.OBJECTS.size, kernels.NAMES.size
            assert all(size <= most for size, most in zip(tables, (CODE_MOST, OBJECTS_MOST, NAMES_MOST), strict=True))
    before = compiled()
    for _ in range(3):
        np.testing.assert_array_equal(first(X), f(X))  # its kernels have left every table, not the program
    assert first.calls()[0] > 0
    assert compiled() == before
    assert known[2] <= known[1] + 5  # names of code that is alive anywhere, also in other tests' programs


def test_code_goes_with_the_last_program_that_runs_it(small: None) -> None:
    _, one = program(300)
    f, other = program(300)
    code = newest()
    assert newest() is code
    for k in range(301, 330):
        program(k)
    del one
    gc.collect()
    assert code() is not None
    np.testing.assert_array_equal(other(X), f(X))
    del other
    gc.collect()
    assert code() is None
    before = compiled()
    program(300)
    assert compiled() > before


def newest() -> Any:
    """The code that was used last, which is not kept by this."""
    return weakref.ref(CODE.recent.values()[-1])


def test_a_program_that_was_dropped_is_not_compiled_again_if_it_comes_back_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(object_cache.VARIABLE, "")
    program(400)
    gc.collect()
    before = compiled()
    program(400)
    assert compiled() == before


def test_code_stays_while_a_call_runs_it(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are let go by one thread while others are in the middle of them."""
    monkeypatch.setattr(sys.modules["geartrain.jit"], "MAX_SIGNATURES", 1)
    run = gt.jit(lambda x, n: np.sin(x) * n + np.cos(x * n))
    large = np.linspace(0, 1, 100_000)
    expected = [np.sin(large) * n + np.cos(large * n) for n in range(4)]
    right: list[bool] = []

    def work(n: int) -> None:
        right.extend([np.allclose(run(large, n), expected[n], rtol=1e-12, atol=1e-12) for _ in range(6)])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for k in range(500, 512):
        program(k)
        gc.collect()
    for thread in threads:
        thread.join()
    assert right == [True] * 24


FORKS = """
import itertools, os, threading, numpy as np, geartrain as gt
from geartrain.backends.cpu import kernels
from geartrain.backends.cpu.known import CODE

CODE.recent.most = kernels.OBJECTS.most = 1 << 14
ops = itertools.product((np.negative, np.square, np.abs, np.floor), repeat=8)
x = np.ones(3)

def program():
    mine = next(ops)
    def f(x):
        for op in mine:
            x = op(x) + x
        return x
    return np.array_equal(gt.jit(f)(x), f(x))

assert program()  # imports are done: Python's own locks do not survive a fork
done = threading.Event()
def work():
    while not done.is_set():
        program()
thread = threading.Thread(target=work)
thread.start()
for _ in range(5):
    child = os.fork()
    if child == 0:
        os._exit(0 if program() else 1)
    assert os.waitpid(child, 0)[1] == 0
done.set()
thread.join()
"""


def test_a_child_finds_whole_tables_while_its_parent_fills_them() -> None:
    nothing_on_disk = {**os.environ, object_cache.VARIABLE: ""}  # so that the first program imports the compiler
    subprocess.run([sys.executable, "-c", FORKS], check=True, timeout=120, env=nothing_on_disk)
