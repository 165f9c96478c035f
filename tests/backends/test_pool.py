"""The pool: every task once, whatever happens around it. That it is fast is for the benchmarks."""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from geartrain.backends import llvm
from geartrain.backends.cpu import pool
from geartrain.backends.threads import get_threads, set_threads
from geartrain.errors import InputError
from tests.backends import native

pytestmark = pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed")

TASKS = Path("/proc/self/task")
needs_proc = pytest.mark.skipif(not TASKS.exists(), reason="counts threads in /proc")


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = get_threads()
    yield
    set_threads(before)


def counts(n: int) -> np.ndarray:
    return np.zeros(n + 2, np.int64)


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_every_task_is_run_once(size: int) -> None:
    set_threads(size)
    for n in (0, 1, 2, 7, 64, 1000, 4097):
        for grain in (1, 5, 64, 10_000):
            got = counts(n)
            native.run("count", got, n, grain)
            assert got[0] == 0, "a piece began at no multiple of the grain"
            assert (got[2:] == 1).all(), (n, grain)


def test_many_rounds_with_pauses_of_all_lengths() -> None:
    set_threads(3)
    draw = random.Random(0)
    for _ in range(600):
        n, grain = draw.randrange(1, 300), draw.choice([1, 3, 50])
        got = counts(n)
        native.run("count", got, n, grain)
        assert (got[2:] == 1).all()
        if draw.random() < 0.1:
            time.sleep(draw.choice([0, 1e-5, pool.SPIN * 1e-9, 1e-3]))


def test_a_loop_inside_of_a_loop() -> None:
    set_threads(3)
    got = counts(200)
    native.run("nest", got, 200, 1)
    assert (got[2:] == 10).all()


def test_several_callers_at_the_same_time() -> None:
    set_threads(3)
    wrong: list[int] = []

    def work(seed: int) -> None:
        for n in range(seed, 400, 3):
            got = counts(n)
            native.run("count", got, n, 2)
            if not (got[2:] == 1).all():
                wrong.append(n)

    callers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for each in callers:
        each.start()
    for size in (1, 4, 2, 3):
        set_threads(size)  # also while they run
    for each in callers:
        each.join()
    assert not wrong


def in_another_process(program: str, **environment: str) -> str:
    path = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    given = os.environ | {"PYTHONPATH": path} | environment
    command = [sys.executable, "-W", "ignore", "-c", PRELUDE + program]
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


PRELUDE = """
import os, sys, time
import numpy as np
from geartrain.backends.cpu import pool, runtime
from geartrain.backends.threads import get_threads, set_threads
from tests.backends import native
def threads():  # one that has ended stays in the list for a moment
    return min(len(os.listdir("/proc/self/task")) for _ in range(20) if not time.sleep(0.002))
def right(cost=1 << 40):
    got = np.zeros(1002, np.int64)
    native.run("count", got, 1000, 1, cost)
    return bool((got[2:] == 1).all())
native.code()
before = threads() if os.path.exists("/proc/self/task") else 0
"""


@needs_proc
def test_threads_start_when_there_is_work_for_them() -> None:
    program = f"""
assert right(cost={pool.WORTH - 1}) and right(cost={pool.WORTH_WAKING - 1})
time.sleep(0.01)
assert all(right(cost={pool.WORTH - 1}) for _ in range(100)) and right(cost={pool.WORTH_WAKING - 1})
print(threads() - before)
assert all(right(cost={pool.WORTH_WAKING // 2}) for _ in range(9))  # one after the other it is worth it
print(threads() - before)
set_threads(4)
print(threads() - before)
assert right()
print(threads() - before)
set_threads(2)
print(threads() - before)
assert right()
print(threads() - before)
"""
    assert in_another_process(program, GEARTRAIN_THREADS="4").split() == ["0", "3", "0", "3", "0", "1"]


@needs_proc
def test_a_child_makes_its_own_workers() -> None:
    program = """
from geartrain.backends.cpu import blas
square = np.arange(250_000.0).reshape(500, 500) % 7
product = blas.matmul(square, square)
assert right()
child = os.fork()
if child == 0:
    alone = threads()
    ok = right() and right()
    time.sleep(0.01)  # asleep
    ok = ok and right() and threads() == 3
    ok = ok and np.array_equal(blas.matmul(square, square), product)
    if os.fork() == 0:
        os._exit(0 if right() else 1)
    _, status = os.wait()
    os._exit(0 if ok and alone == 1 and status == 0 else 1)
_, status = os.waitpid(child, 0)
assert status == 0
assert right()
"""
    in_another_process(program, GEARTRAIN_THREADS="3")


def test_the_process_ends_with_workers_spinning_asleep_and_at_work() -> None:
    in_another_process("assert right()", GEARTRAIN_THREADS="4")
    in_another_process("assert right(); time.sleep(0.01)", GEARTRAIN_THREADS="4")
    program = """
import threading
def forever():
    while True:
        right()
threading.Thread(target=forever, daemon=True).start()
time.sleep(0.05)
"""
    in_another_process(program, GEARTRAIN_THREADS="4")


def test_the_environment_says_how_many() -> None:
    assert in_another_process("print(get_threads())", GEARTRAIN_THREADS="5").strip() == "5"
    with pytest.raises(AssertionError, match=r"GEARTRAIN_THREADS.*'many'"):
        in_another_process("get_threads()", GEARTRAIN_THREADS="many")


@pytest.mark.parametrize("n", [0, -1, 257, 2.0, True, "2", None])
def test_a_number_of_threads_that_is_none(n: object) -> None:
    with pytest.raises(InputError, match=r"\[set_threads\]"):
        set_threads(n)  # type: ignore[arg-type]
