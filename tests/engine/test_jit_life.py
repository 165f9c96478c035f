"""What compiled functions outlive: interrupts, forks, threads, thousands of compilations; and what they cost then."""

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain.backends import llvm

pytestmark = pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed")

X: Any = np.linspace(-1.0, 1.0, 12).reshape(3, 4)

INTERRUPTED = """
import random, signal, time
import numpy as np
import geartrain as gt
from geartrain.trace import level

def stop(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, stop)
rng, zeros, x = random.Random(SEED), np.zeros, np.linspace(0, 1, 30).reshape(5, 6)

def program(k):
    def f(w):
        b = np.zeros(5)
        for i in range(5):
            b[i] = np.sum(np.tanh(w[i] * k))
        return np.sum(b * b) if b[0] >= 0 else b[1]
    return f

stopped, end, k = 0, time.monotonic() + 2.5, 0
while time.monotonic() < end or stopped < 5:
    k += 1
    f = program(1 + k / 1000)
    compiled = gt.jit(gt.value_and_grad(f))
    try:
        signal.setitimer(signal.ITIMER_REAL, rng.random() * 0.03)
        for _ in range(200):
            compiled(x)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        stopped += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert np.zeros is zeros, k
    assert level.active.trace is None, k
    assert level.tracing[0] == 0, k
    for _ in range(2):
        (y, x_bar), (want, want_bar) = compiled(x), gt.value_and_grad(f)(x)
        np.testing.assert_allclose(y, want, rtol=1e-12)
        np.testing.assert_allclose(x_bar, want_bar, rtol=1e-12)
print("fine", stopped)
"""


def python(text: str, **variables: str) -> str:
    path = os.pathsep.join([str(Path(__file__).parents[2] / "src"), *sys.path])
    given = os.environ | {"PYTHONPATH": path} | variables
    done = subprocess.run([sys.executable, "-c", text], env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such timers")
def test_an_interrupt_while_recording_compiling_or_running_leaves_everything_in_order() -> None:
    assert python(INTERRUPTED.replace("SEED", "3")).startswith("fine")


def test_functions_that_come_and_go_do_not_leak() -> None:
    """Each is recorded, planned, and called natively; the kernels are alike, as in a notebook that is run again."""

    def once(k: int) -> None:
        big = np.full(1000, float(k))
        compiled = gt.jit(lambda x: np.sum(x * big) if x[0] > 0 else x[1])
        for _ in range(4):
            assert compiled(np.ones(1000)) == 1000.0 * k
        assert compiled.calls()[0] > 0

    for k in range(20):
        once(k)
    gc.collect()
    before = sys.getallocatedblocks()
    for k in range(150):
        once(k)
    gc.collect()
    assert sys.getallocatedblocks() - before < 5 * 150, "less than five small objects for each"


def test_signatures_that_come_and_go_do_not_leak() -> None:
    compiled = gt.jit(lambda x, n: x * n)
    for n in range(260):
        compiled(1.0, n)
    gc.collect()
    before = sys.getallocatedblocks()
    for n in range(260, 340):
        assert compiled(2.0, n) == 2.0 * n
    gc.collect()
    assert sys.getallocatedblocks() - before < 2000
    assert compiled(2.0, 339) == 678.0
    assert compiled(2.0, 3) == 6.0


def test_calls_leave_nothing_behind() -> None:
    compiled = gt.jit(gt.value_and_grad(lambda d: np.sum(np.tanh(d["x"] @ d["x"].T)) * d["s"]))
    for _ in range(10):
        compiled({"x": X, "s": 2.0})
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(3000):
        compiled({"x": X, "s": 2.0})
    gc.collect()
    assert sys.getallocatedblocks() - before < 100


def test_any_number_of_threads_gives_the_same_bits() -> None:
    def f(x: Any, w: Any) -> Any:
        return np.sum(np.exp(-np.tanh(x)) + x), np.tanh(x) @ w, x.sum(0), np.max(x, axis=1), np.sum(x.astype("f4"))

    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((700, 300)), rng.standard_normal((300, 40))
    compiled = gt.jit(f)
    compiled(x, w)  # recorded by NumPy
    before = gt.get_threads()
    try:
        found: list[list[bytes]] = []
        for threads in (1, 2, 3, 1):
            gt.set_threads(threads)
            found += [[np.asarray(y).tobytes() for y in compiled(x, w)] for _ in range(3)]
        assert all(bits == found[0] for bits in found)
    finally:
        gt.set_threads(before)


def test_threads_call_and_compile_at_once() -> None:
    compiled = gt.jit(lambda x: np.sum(np.tanh(x) * x.shape[0]) if x[0] > 0 else x[0] * 2)
    wrong: list[Any] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for i in range(120):
            x = rng.standard_normal(2 + (seed + i) % 7)
            want = np.sum(np.tanh(x) * x.shape[0]) if x[0] > 0 else x[0] * 2
            got = compiled(x)
            if not np.isclose(got, want, rtol=1e-12):
                wrong.append((x, got, want))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_other_threads_run_while_a_plan_does() -> None:
    """A long plan lets go of the interpreter."""
    compiled = gt.jit(lambda x: np.sum(np.exp(np.sin(np.exp(np.sin(x))))))
    x = np.linspace(0, 1, 1_000_000)
    compiled(x)
    ticks, stop, started = 0, threading.Event(), threading.Event()

    def tick() -> None:
        nonlocal ticks
        started.set()
        while not stop.is_set():
            ticks += 1

    other = threading.Thread(target=tick)
    usual = sys.getswitchinterval()
    other.start()
    started.wait(10)
    sys.setswitchinterval(0.2)  # nobody has to give way sooner
    try:
        before = ticks
        compiled(x)
        assert ticks > before
    finally:
        stop.set()
        sys.setswitchinterval(usual)
        other.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_calls_and_compiles() -> None:
    compiled = gt.jit(lambda x: np.sum(np.exp(np.sin(x))))
    x = np.linspace(0, 1, 300_000)
    want = compiled(x)
    compiled(x)
    child = os.fork()
    if child == 0:
        good = compiled(x) == want and gt.jit(lambda x: np.sum(np.cos(x) * 2.5))(x) > 0
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert compiled(x) == want


FORKING = """
import os, signal, threading, time
import numpy as np
import geartrain as gt

stop = False

def function(k):
    return gt.jit(gt.grad(lambda x: np.sum(np.tanh(x * k) * np.exp(x + k)) if x[0] < 9 else x[0]))

def work(k):
    while not stop:
        k += 10
        function(k / 1000)(np.linspace(0, 1, 5 + k % 7))

function(0.5)(np.ones(3))
threads = [threading.Thread(target=work, args=(k,)) for k in range(2)]
for thread in threads:
    thread.start()
statuses = []
for i in range(10):
    time.sleep(0.01)
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        f, x = function(3 + i), np.linspace(0, 1, 4)
        results = [f(x) for _ in range(3)]
        os._exit(0 if all(np.allclose(y, results[0]) for y in results) else 1)
    statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
stop = True
for thread in threads:
    thread.join()
print(statuses)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_children_of_a_process_that_is_compiling_can_compile() -> None:
    """A lock that another thread held at the fork would be held in the child for ever."""
    assert python(FORKING, GEARTRAIN_CACHE="0") == f"{[0] * 10}\n"


GUARDED = """
import numpy as np
import geartrain as gt
def f(p, x):
    h = np.tanh(x @ p["w"] + p["b"])
    for _ in range(12):
        h = np.sin(h) + 0.1 * h[::-1]
    return np.sum(h ** 2) if h[0, 0] > -5 else h[0, 0]
compiled = gt.jit(gt.value_and_grad(f))
for n in (1, 2, 7, 33):
    p, x = {"w": np.ones((3, 5)), "b": np.zeros(5)}, np.ones((n, 3))
    for _ in range(4):
        y, p_bar = compiled(p, x)
    assert compiled.calls()[0] > 0
    want = gt.value_and_grad(f)(p, x)
    np.testing.assert_allclose(y, want[0], rtol=1e-11)
    np.testing.assert_allclose(p_bar["w"], want[1]["w"], rtol=1e-11)
print("fine")
"""


def test_nothing_is_written_behind_an_arena() -> None:
    """With guard pages around arenas, a byte too many ends the process."""
    assert python(GUARDED, GEARTRAIN_GUARD="1") == "fine\n"


def test_division_by_zero_is_numpys() -> None:
    """Documented in ``jit``: Python's own error would cost a check in every division."""
    compiled = gt.jit(lambda x, y: x / y)
    assert [compiled(1.0, 2.0), compiled(3.0, 4.0)] == [0.5, 0.75]
    assert [compiled(1.0, 0.0), compiled(-1.0, 0.0)] == [np.inf, -np.inf]
    assert np.isnan(compiled(0.0, 0.0))
    with pytest.raises(ZeroDivisionError):
        gt.jit(lambda x, y: x / y)(1.0, 0.0)
