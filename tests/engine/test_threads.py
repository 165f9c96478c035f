"""Threads: each traces for itself, a compiled function serves all, and who does not trace meets plain NumPy."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

import geartrain as gt

THREADS = 8
X: Any = np.array([1.0, 2.0, 3.0])


def at_once(work: Callable[[int], None], threads: int = THREADS) -> None:
    """Run ``work(0) .. work(threads - 1)`` in threads that start together; the first error is raised here."""
    errors: list[BaseException] = []
    start = threading.Barrier(threads)

    def guarded(i: int) -> None:
        start.wait(60)
        try:
            work(i)
        except BaseException as error:
            errors.append(error)

    running = [threading.Thread(target=guarded, args=(i,)) for i in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if errors:
        raise errors[0]


def test_threads_call_one_compiled_function_and_record_its_paths() -> None:
    def f(x: Any) -> Any:
        n = int(x[0])
        b = np.zeros(3)
        for k in range(n % 5):
            b[k % 3] += x[k % 3] * k
        return b if x[1] > 0 else -b

    compiled = gt.jit(f)

    def work(i: int) -> None:
        for k in range(30):
            x = np.array([float((i + k) % 7), (-1.0) ** (i * k), float(i)])
            np.testing.assert_array_equal(compiled(x), f(x))

    at_once(work)


def test_threads_that_do_not_trace_get_plain_arrays() -> None:
    done = threading.Event()

    def work(i: int) -> None:
        if i < 3:
            try:
                for _ in range(150):
                    np.testing.assert_array_equal(
                        gt.grad(lambda x: np.sum(np.array([x[0], x[1]]) * x[0]))(X), [4.0, 1.0, 0.0]
                    )
            finally:
                done.set()
            return
        while True:
            made = [np.zeros(3), np.array([1.0, 2.0]), np.asarray(X), np.concatenate([X, X]), np.linspace(0, 1, 3)]
            assert all(type(a) is np.ndarray for a in made)
            assert type(np.mean([1.0, 2.0])) is np.float64
            if done.is_set():
                return

    at_once(work, 6)


def test_each_thread_differentiates_its_own_program() -> None:
    def work(i: int) -> None:
        for _ in range(20):
            assert gt.grad(lambda x: x * gt.grad(lambda y: x * y**i)(2.0))(3.0) == 2 * 3.0 * i * 2.0 ** (i - 1)

    at_once(work)


def test_a_pull_may_be_called_in_another_thread_also_by_several_at_once() -> None:
    def f(x: Any) -> Any:
        b = np.zeros(3)
        for i in range(3):
            b[i] = x[i] * x[0]
        return b

    _, pull = gt.vjp(f, X)
    want = pull(np.ones(3))[0]

    def work(i: int) -> None:
        for _ in range(20):
            np.testing.assert_array_equal(pull(np.full(3, float(i)))[0], want * i)

    at_once(work)


def test_a_thread_that_a_traced_function_starts_traces_for_itself() -> None:
    found: list[Any] = []

    def f(x: Any) -> Any:
        thread = threading.Thread(target=lambda: found.append((gt.grad(np.sin)(0.0), type(np.zeros(2)))))
        thread.start()
        thread.join()
        return x * x

    assert gt.grad(f)(3.0) == 6.0
    assert found == [(1.0, np.ndarray)]
