"""How each package differentiates a program that is written once: ``program(xp, *arguments)`` gives one number."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

import geartrain as gt
from benchmarks.contest import Side

Program = Callable[..., Any]

__all__ = ["gradient_sides", "jax_", "torch_"]


def jax_() -> Any:
    """JAX in double precision, on the CPU."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    return jax


def torch_() -> Any:
    """PyTorch."""
    return importlib.import_module("torch")


def gradient_sides(program: Program, argnums: tuple[int, ...] = (0,), theirs: Program | None = None) -> dict[str, Side]:
    """The value and the gradient in some arguments; ``theirs`` is the program for the peers where it has to differ."""
    other = theirs or program

    def geartrain(*arguments: Any) -> Callable[[], Any]:
        both = gt.jit(gt.value_and_grad(lambda *xs: program(np, *xs), argnums=argnums))
        return lambda: both(*arguments)

    def forward(*arguments: Any) -> Callable[[], Any]:
        return lambda: program(np, *arguments)

    def jax(*arguments: Any) -> Callable[[], Any]:
        package = jax_()
        numpy = importlib.import_module("jax.numpy")
        both = package.jit(package.value_and_grad(lambda *xs: other(numpy, *xs), argnums=argnums))
        given = package.tree.map(numpy.asarray, arguments)
        return lambda: package.block_until_ready(both(*given))

    def torch(*arguments: Any, compiled: bool = False) -> Callable[[], Any]:
        package = torch_()
        given = gt.tree.map(lambda a: package.as_tensor(np.asarray(a)), arguments)

        def loss(*xs: Any) -> Any:
            return other(package, *xs)

        run = package.compile(loss) if compiled else loss

        def both() -> Any:
            wanted = [gt.tree.flatten(given[i]) for i in argnums]
            leaves = [[leaf.detach().requires_grad_() for leaf in part] for part, _ in wanted]
            xs = list(given)
            for i, part, (_, treedef) in zip(argnums, leaves, wanted, strict=True):
                xs[i] = gt.tree.unflatten(treedef, part)
            y = run(*xs)
            return y.detach(), package.autograd.grad(y, [leaf for part in leaves for leaf in part])

        return both

    def torch_compile(*arguments: Any) -> Callable[[], Any]:
        return torch(*arguments, compiled=True)

    def autograd(*arguments: Any) -> Callable[[], Any]:
        package = importlib.import_module("autograd")
        numpy = importlib.import_module("autograd.numpy")
        both = package.value_and_grad(lambda *xs: other(numpy, *xs), argnum=argnums)
        return lambda: both(*arguments)

    made: dict[str, Side] = {"geartrain": geartrain, "jax": jax, "torch": torch, "torch.compile": torch_compile}
    return {**made, "autograd": autograd, "numpy": forward}
