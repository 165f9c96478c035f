"""Convolutions compiled: products with patches that are never made, forward and backward."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import geartrain as gt
from geartrain import nn
from geartrain.backends import llvm
from geartrain.ir.interpret import interpret
from geartrain.passes.patches import find_patches
from geartrain.passes.pipeline import PIPELINE, optimised
from geartrain.recording import record
from geartrain.schedule.plan import make_plan
from geartrain.schedule.steps import Product

needs_llvm = pytest.mark.skipif(not llvm.installed(), reason="llvmlite is not installed")


def numbers(*shape: int, dtype: Any = np.float64) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(dtype)


def loss(convolution: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda w, x: np.sum(np.sin(convolution(w, x)))


def settings(**given: Any) -> Callable[[Any, Any], Any]:
    return lambda w, x: nn.convolve(x, w, **given)


def twice(w: Any, x: Any) -> Any:
    """The image has another cotangent as well, and the patches two products."""
    return nn.convolve(x, w, padding="same") + nn.convolve(x, w * w, padding="same") + x[..., :3]


def by_hand(w: Any, x: Any) -> Any:
    """Not every element of a window, and in an order of one's own."""
    patches = np.concatenate([x[:, 2:6], x[:, 0:4], x[:, 3:7]], axis=-1)
    return patches.reshape(-1, patches.shape[-1]) @ w


CASES: dict[str, tuple[Callable[[Any, Any], Any], tuple[int, ...], tuple[int, ...], tuple[int, int, int]]] = {
    "same": (settings(padding="same"), (3, 3, 4, 5), (3, 6, 7, 4), (1, 1, 1)),
    "valid": (settings(), (3, 2, 4, 5), (2, 6, 7, 4), (1, 1, 1)),
    "dilation": (settings(padding=2, dilation=(2, 1)), (2, 3, 4, 18), (9, 6, 7, 4), (1, 1, 1)),
    "one channel, many images": (settings(padding="same"), (3, 3, 1, 16), (17, 5, 5, 1), (1, 1, 1)),
    "one image": (settings(padding=1), (3, 3, 3, 1), (1, 9, 8, 3), (1, 1, 1)),
    "one dimension": (settings(padding=3), (4, 3, 2), (3, 11, 3), (1, 1, 1)),
    "long sums": (settings(padding=1), (3, 3, 40, 20), (2, 17, 17, 40), (1, 1, 1)),
    "another cotangent": (twice, (3, 3, 4, 3), (3, 6, 7, 4), (2, 1, 2)),  # of the weights: once
    "by hand": (by_hand, (6, 4), (3, 8, 2), (1, 1, 1)),
    "stride": (settings(padding=1, stride=2), (3, 3, 4, 5), (3, 6, 7, 4), (1, 1, 4)),
    "stride, nothing left over": (settings(stride=2), (2, 2, 4, 5), (3, 6, 8, 4), (1, 1, 4)),
    "two strides, one longer than the window": (
        settings(padding=1, stride=(3, 2)),
        (2, 3, 4, 5),
        (3, 9, 8, 4),
        (1, 1, 4),
    ),
    "stride and dilation": (settings(padding=2, stride=2, dilation=2), (3, 3, 4, 5), (2, 9, 8, 4), (1, 1, 1)),
    "stride in one dimension": (settings(padding=2, stride=3), (4, 3, 2), (3, 11, 3), (1, 1, 3)),
    "groups": (settings(padding=1, groups=2), (3, 3, 2, 6), (3, 6, 7, 4), (0, 0, 0)),
    "wide": (settings(padding=1), (1, 3, 2, 257), (2, 3, 4, 2), (0, 0, 1)),
}
"""The convolution, shapes of weights and images, and how many products with patches there are: of the value, and of the
cotangents of weights and images."""


@pytest.mark.parametrize("name", CASES)
def test_the_pass_keeps_what_the_program_means(name: str) -> None:
    convolution, weights, images, _ = CASES[name]
    args = numbers(*weights), numbers(*images)
    graph, _ = record(gt.grad(loss(convolution), argnums=(0, 1)), *args)
    for step_name, step in PIPELINE:
        if step_name != "roll":
            after = step(graph)
            want, got = interpret(graph, list(args)), interpret(after, list(args))
            for a, b in zip(want, got, strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-11)
            graph = after


@pytest.mark.parametrize("name", CASES)
def test_patches_are_found(name: str) -> None:
    convolution, weights, images, many = CASES[name]
    args = numbers(*weights), numbers(*images)
    f = loss(convolution)

    def products(g: Any) -> int:
        graph, _ = record(g, *args)
        steps = make_plan(optimised(graph), products=True).steps
        return sum(isinstance(step, Product) and step.patches is not None for step in steps)

    value, by_weights, by_images = products(f), products(gt.grad(f, 0)), products(gt.grad(f, 1))
    assert (value, by_weights - value, by_images - value) == many


@needs_llvm
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_compiled_it_is_the_same(name: str, dtype: Any) -> None:
    convolution, weights, images, _ = CASES[name]
    args = numbers(*weights, dtype=dtype), numbers(*images, dtype=dtype)
    f = gt.value_and_grad(loss(convolution), argnums=(0, 1))
    compiled = gt.jit(f)
    compiled(*args)
    want, got = f(*args), compiled(*args)
    tolerance = 2e-4 if dtype == np.float32 else 1e-10
    for a, b in zip(gt.tree.leaves(want), gt.tree.leaves(got), strict=True):
        np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance)


@needs_llvm
def test_the_number_of_threads_does_not_change_the_bits() -> None:
    args = numbers(3, 3, 8, 17, dtype=np.float32), numbers(13, 20, 20, 8, dtype=np.float32)
    compiled = gt.jit(gt.grad(loss(settings(padding="same")), argnums=(0, 1)))
    compiled(*args)
    found: list[bytes] = []
    before = gt.get_threads()
    try:
        for threads in (1, 2, 3):
            gt.set_threads(threads)
            found.append(b"".join([x.tobytes() for x in compiled(*args)]))
    finally:
        gt.set_threads(before)
    assert len(set(found)) == 1


@needs_llvm
def test_nan_goes_where_it_goes_in_numpy() -> None:
    """Into each sum that has it, and into no other."""
    w, x = numbers(3, 3, 2, 3), numbers(2, 6, 6, 2)
    x[1, 4, 3, 0] = np.nan
    compiled = gt.jit(settings(padding="same"))
    compiled(w, x)
    np.testing.assert_array_equal(np.isnan(compiled(w, x)), np.isnan(settings(padding="same")(w, x)))


def test_what_is_wanted_itself_is_made() -> None:
    """Patches that the program returns, or adds up, stay."""

    def f(w: Any, x: Any) -> Any:
        patches = np.concatenate([x[:, :4], x[:, 1:5]], axis=-1)
        return patches.reshape(-1, 4) @ w, np.sum(patches)

    graph, _ = record(f, numbers(4, 2), numbers(3, 5, 2))
    assert "patches" not in [node.op.name for node in find_patches(graph).nodes]
