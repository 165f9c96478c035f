"""Times of the native runtime: calls from Python, the pool, matrix products. ``python tools/runtime_times.py``.

The numbers in docs/decisions are from here. Each is the best of many repetitions: other load on the machine adds, and
never takes away.
"""

import ctypes
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from geartrain import tree
from geartrain.backends import llvm
from geartrain.backends.cpu import blas, runtime
from geartrain.backends.cpu.emit import F64, I32, I64, PTR, VOID, Module
from geartrain.backends.cpu.program import Array, Leaf, Program, Scalar
from geartrain.backends.threads import set_threads

F8 = np.dtype(np.float64)


def best(repeat: int, f: Callable[..., Any], *args: Any, pause: float = 0) -> float:
    """The shortest time of a call, in us."""
    times: list[float] = []
    for _ in range(repeat):
        if pause:
            time.sleep(pause)
        start = time.perf_counter_ns()
        f(*args)
        times.append(time.perf_counter_ns() - start)
    return min(times) / 1000


def native() -> llvm.Code:
    """A plan that computes 6 (3x + 1) at the first number of each input; a body that works for a while."""
    module = Module()
    f = module.function("plan", I32, inputs=PTR, outputs=PTR, arena=PTR)
    for i in range(20):
        with f.when((f.load(f["arena"], 0, I64) > i) if i else f.const(1).equals(1)):
            x = f.load(f.load(f["inputs"], 8 * i, PTR), 0, F64)
            y = f.make(F64, f"fadd double {f.make(F64, f'fmul double {x.text}, 18.0').text}, 6.0")
            f.store(f.load(f["outputs"], 8 * i, PTR), 0, y)
        if i == 0:
            with f.when(f["arena"].is_null()):
                f.give(0)
    f.give(0)
    f = module.function("body", VOID, out=PTR, begin=I64, end=I64)
    total = f.var(f.make(F64, "fadd double 0.0, 0.0"))
    with f.count(f["end"], f["begin"]) as i:
        x = f.make(F64, f"sitofp i64 {i.text} to double")
        divided = f.make(F64, f"fdiv double {x.text}, 3.0")
        total.set(f.make(F64, f"fadd double {total.get().text}, {divided.text}"))
    f.store(f["out"], f["begin"] * 8, total.get())
    f.give()
    return llvm.load([llvm.compile_ir(str(module))], ["plan", "body"])


def calls(code: llvm.Code) -> None:
    """Calls of a plan that does next to nothing."""

    def function(example: Any, leaves: list[Leaf], **options: Any) -> Callable[..., Any]:
        made = runtime.function(lambda *_: None)
        arguments, result = tree.flatten((example,))[1], tree.flatten(example)[1]
        made.install(Program(arguments, leaves, result, leaves, code["plan"], keep=code, **options))
        return made.call

    def per_call(call: Any, x: Any, n: int = 2000) -> str:
        numbers = range(n)

        def loop() -> None:
            for _ in numbers:
                call(x)

        return f"{best(200_000 // n, loop) / n * 1000:7.0f} ns"

    number, vector = [Scalar(float)], [Array(F8, (8,))]
    kept = function(1.0, [*number], release=False)
    print("a call, the Python loop included:")
    print("  abs(x), for comparison          ", per_call(abs, 1.0))
    print("  float -> float                  ", per_call(kept, 1.0))
    print("  ... with the GIL released       ", per_call(function(1.0, [*number]), 1.0))
    print("  ... as the call of an object    ", per_call(type("Jitted", (), {"__call__": kept})(), 1.0))
    print(
        "  np.float64 -> np.float64        ", per_call(function(1.0, [Scalar(np.float64)], release=False), F8.type(1))
    )
    print("  ndarray -> ndarray              ", per_call(function(1.0, [*vector], release=False), np.ones(8)))
    print("  ... with the GIL released       ", per_call(function(1.0, [*vector]), np.ones(8)))
    arrays = {f"w{i:02}": np.ones(8) for i in range(20)}
    many = function(arrays, [*vector] * 20, arena=64)
    print("  a dict of 20 -> a dict of 20    ", per_call(many, arrays, 200))
    print("  np.negative(x), for comparison  ", per_call(np.negative, np.ones(8)))


def waking(code: llvm.Code) -> None:
    """Handing work to a second thread and collecting it."""
    kinds = (ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * 3)
    parallel: Any = ctypes.CFUNCTYPE(None, *kinds)(runtime.code()["gt_parallel"])
    body: Any = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(code["body"])
    out = np.empty(200_000)
    jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
    done: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def worker() -> None:
        while (job := jobs.get()) is not None:
            body(*job)
            done.put(None)

    thread = threading.Thread(target=worker)
    thread.start()

    def by_queue(n: int) -> None:
        jobs.put((out.ctypes.data, 0, n // 2))
        body(out.ctypes.data, n // 2, n)
        done.get()

    print("a loop of n steps: alone; with two threads: awake, asleep, a Python thread and queues; alone after a pause:")
    for n in (1000, 3000, 10_000, 30_000, 100_000):
        task = (code["body"], out.ctypes.data, n, 64, 1 << 40)
        set_threads(1)
        alone, late = best(200, parallel, *task), best(60, parallel, *task, pause=0.002)
        set_threads(2)
        awake, asleep = best(1000, parallel, *task), best(60, parallel, *task, pause=0.002)
        print(f"  {n:7} {alone:8.1f} {awake:8.1f} {asleep:8.1f} {best(1000, by_queue, n):8.1f} {late:8.1f} us")
    jobs.put(None)
    thread.join()


def products() -> None:
    """Matrix products against NumPy's."""
    print(blas.report())
    print("a product (m, k) (k, n): one thread, two, NumPy:")
    random = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        for m, k, n in (
            (32, 64, 256),
            (32, 256, 64),
            (128, 784, 512),
            (512, 512, 512),
            (1024, 1024, 1024),
            (2048, 2048, 1),
        ):
            a, b = random.random((m, k)).astype(dtype), random.random((k, n)).astype(dtype)
            out, work = np.empty((m, n), dtype), 2e-3 * m * k * n
            repeat = max(8, min(100, int(1e9 / (m * k * n))))
            line = ""
            for size in (1, 2):
                set_threads(size)
                line += f"{work / best(repeat, blas.matmul, a, b, out):8.1f}"
            line += f"{work / best(repeat, np.matmul, a, b, out):8.1f}"
            time.sleep(0.1)  # NumPy's threads spin for long
            print(f"  {dtype.__name__:8} {m:5} {k:5} {n:5} {line} GFLOP/s")


def main() -> None:
    """All of it."""
    code = native()
    calls(code)
    waking(code)
    products()


if __name__ == "__main__":
    main()
