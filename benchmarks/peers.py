"""Who else can differentiate the same program. A peer that is not installed is reported, and the rest goes on."""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import geartrain


class Peer(NamedTuple):
    """A package that differentiates: its NumPy (``xp``), and its ``value_and_grad`` (of argument 0).

    ``prepare`` makes the package's arrays of a tree of ndarrays; ``wait`` returns when a result is computed.
    """

    name: str
    xp: Any
    value_and_grad: Callable[..., Any]
    prepare: Callable[[Any], Any] = lambda arrays: arrays
    wait: Callable[[Any], Any] = lambda result: result


def find() -> tuple[list[Peer], list[str]]:
    """The peers that are installed, geartrain first, and a line for each one that is not."""
    found = [
        Peer("geartrain", np, geartrain.value_and_grad),
        Peer("geartrain.jit", np, lambda f: geartrain.jit(geartrain.value_and_grad(f))),
    ]
    missing: list[str] = []
    for name, make in {"autograd": _autograd, "jax": _jax, "torch": _torch}.items():
        try:
            found += make()
        except ImportError as error:
            missing.append(f"{name} is not installed and not measured ({error})")
    return found, missing


def _autograd() -> list[Peer]:
    package = importlib.import_module("autograd")
    return [Peer("autograd", importlib.import_module("autograd.numpy"), package.value_and_grad)]


def _jax() -> list[Peer]:
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    jnp = importlib.import_module("jax.numpy")

    def prepare(arrays: Any) -> Any:
        return jax.tree.map(jnp.asarray, arrays)

    def compiled(f: Callable[..., Any]) -> Any:
        return jax.jit(jax.value_and_grad(f))

    return [
        Peer("jax", jnp, jax.value_and_grad, prepare, jax.block_until_ready),
        Peer("jax.jit", jnp, compiled, prepare, jax.block_until_ready),
    ]


def _torch() -> list[Peer]:
    torch = importlib.import_module("torch")

    def prepare(arrays: Any) -> Any:
        return geartrain.tree.map(lambda a: torch.as_tensor(np.asarray(a)), arrays)  # a float is of 64 bits, as ours

    def value_and_grad(f: Callable[..., Any]) -> Any:
        def both(x: Any, *rest: Any) -> Any:
            leaves, treedef = geartrain.tree.flatten(x)
            leaves = [leaf.detach().requires_grad_() for leaf in leaves]
            y = f(geartrain.tree.unflatten(treedef, leaves), *rest)
            return y.detach(), geartrain.tree.unflatten(treedef, torch.autograd.grad(y, leaves))

        return both

    return [Peer("torch", torch, value_and_grad, prepare)]
