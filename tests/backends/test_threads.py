"""Compiled programs on the pool of workers, and in many threads of Python's."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from geartrain.api import value_and_grad
from geartrain.backends import llvm
from geartrain.backends.compile import compile
from geartrain.recording import record

if not llvm.installed():
    pytest.skip("llvmlite is not installed", allow_module_level=True)

from geartrain.backends.threads import get_threads, set_threads


@pytest.fixture
def threads() -> Iterator[None]:
    before = get_threads()
    yield
    set_threads(before)


def normalised(x: Any, scale: Any, shift: Any) -> Any:
    centred = x - np.mean(x, axis=-1, keepdims=True)
    spread = np.sqrt(np.mean(centred * centred, axis=-1, keepdims=True) + 1e-5)
    return np.sum(np.tanh(centred / spread * scale + shift))


def _program() -> tuple[Any, list[Any]]:
    rng = np.random.default_rng(0)
    args = [rng.normal(size=(700, 130)), rng.normal(size=130), rng.normal(size=130)]
    graph, _ = record(value_and_grad(normalised, argnums=(0, 1, 2)), *args)
    return compile(graph), args


@pytest.mark.usefixtures("threads")
def test_the_bits_do_not_depend_on_the_number_of_threads() -> None:
    run, args = _program()
    set_threads(1)
    alone = run(args)
    for n in (2, 3):
        set_threads(n)
        for _ in range(20):
            for got, want in zip(run(args), alone, strict=True):
                assert np.asarray(got).tobytes() == np.asarray(want).tobytes()


def test_many_threads_may_call_one_program() -> None:
    run, args = _program()
    inputs = [[args[0] * (1 + i), *args[1:]] for i in range(4)]
    expected = [run(x) for x in inputs]
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(30):
            for got, want in zip(run(inputs[i]), expected[i], strict=True):
                if not np.array_equal(got, want):
                    wrong.append(i)

    workers = [threading.Thread(target=work, args=(i % 4,)) for i in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_results_are_fresh_and_inputs_are_only_read() -> None:
    run, args = _program()
    kept = [x.copy() for x in args]
    for x in args:
        x.flags.writeable = False
    first = run(args)
    copies = [np.array(y) for y in first]
    second = run([args[0] * 2, *args[1:]])
    for y, copy, other in zip(first, copies, second, strict=True):
        np.testing.assert_array_equal(y, copy)
        assert not np.shares_memory(y, other)
    for x, copy in zip(args, kept, strict=True):
        np.testing.assert_array_equal(x, copy)


def test_layouts_of_inputs_are_read_as_they_are() -> None:
    run, args = _program()
    expected = run(args)
    x = args[0]
    padded = np.zeros((1400, 260))
    padded[::2, ::2] = x
    unaligned = np.frombuffer(bytearray(x.nbytes + 1), np.uint8)[1:].view(float).reshape(x.shape)
    unaligned[...] = x
    for other in (np.asfortranarray(x), padded[::2, ::2], x[::-1][::-1], x.astype(">f8"), unaligned):
        for got, want in zip(run([other, *args[1:]]), expected, strict=True):
            np.testing.assert_array_equal(got, want)
