"""What a training case is, and what is measured of it."""

import functools
import importlib
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.measure import Run, Spread, interleaved, ratios
from benchmarks.rows import Row
from geartrain import tree
from geartrain.optim import Optimizer
from geartrain.train.loop import State, steps
from geartrain.train.stepping import Step


class Training(NamedTuple):
    """A network to train, three times.

    ``loss(params, *minibatch)`` with ``optimizer`` is ours. ``jax_loss`` and ``torch_loss`` are the same function of
    the same parameters in the other packages, which step at the same ``rate``; ``decay`` is the weight decay of AdamW,
    for matrices, or None for Adam. ``data`` is enough for an epoch of ``fit``.
    """

    params: Any
    loss: Callable[..., Any]
    optimizer: Optimizer
    jax_loss: Callable[..., Any]
    torch_loss: Callable[..., Any]
    minibatch: tuple[Any, ...]
    data: tuple[Any, ...]
    rate: float
    decay: float | None = None


Contender = Callable[[Training], Run]
"""Makes the function that takes a step, from the state after the one before, and returns the loss."""


def ours(case: Training) -> Run:
    """geartrain, compiled."""
    step = Step(case.loss, case.optimizer, compiled=True)
    params, state = case.params, case.optimizer.init(case.params)

    def run() -> float:
        nonlocal params, state
        stepped = step(params, state, case.minibatch, np.random.default_rng)
        params, state = stepped.params, stepped.optimizer
        return float(stepped.value)

    return run


def jax_contender(case: Training) -> Run:
    """JAX with Optax, jitted, its buffers donated."""
    jax, optax = importlib.import_module("jax"), importlib.import_module("optax")
    jax.config.update("jax_platforms", "cpu")
    if case.decay is None:
        optimizer = optax.adam(case.rate)
    else:
        matrices = functools.partial(jax.tree.map, lambda p: p.ndim >= 2)
        optimizer = optax.adamw(case.rate, weight_decay=case.decay, mask=matrices)

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def step(params: Any, state: Any, minibatch: Any) -> Any:
        value, params_bar = jax.value_and_grad(case.jax_loss)(params, *minibatch)
        updates, state = optimizer.update(params_bar, state, params)
        return optax.apply_updates(params, updates), state, value

    params = jax.tree.map(jax.numpy.array, case.params)
    state = optimizer.init(params)

    def run() -> float:
        nonlocal params, state
        params, state, value = step(params, state, case.minibatch)
        jax.block_until_ready((params, state))
        return float(value)

    return run


def torch_contender(case: Training, compiled: bool = False) -> Run:
    """PyTorch; its fused Adam, where it has one for this processor."""
    torch = importlib.import_module("torch")
    params = tree.map(lambda p: torch.tensor(np.asarray(p)).requires_grad_(), case.params)
    leaves = tree.leaves(params)
    groups = [
        {"params": [p for p in leaves if p.ndim >= 2], "weight_decay": case.decay or 0.0},
        {"params": [p for p in leaves if p.ndim < 2], "weight_decay": 0.0},
    ]
    make = torch.optim.Adam if case.decay is None else torch.optim.AdamW
    optimizer = make(groups, lr=case.rate, fused=True)
    minibatch = [torch.from_numpy(np.ascontiguousarray(x)) for x in case.minibatch]
    loss = torch.compile(case.torch_loss) if compiled else case.torch_loss

    def run() -> float:
        optimizer.zero_grad(set_to_none=True)
        value = loss(params, *minibatch)
        value.backward()
        optimizer.step()
        return float(value.detach())

    return run


CONTENDERS: dict[str, tuple[str, Contender]] = {
    "geartrain": ("numpy", ours),
    "jax": ("optax", jax_contender),
    "torch": ("torch", torch_contender),
    "torch.compile": ("torch", functools.partial(torch_contender, compiled=True)),
}
"""Each with the package that it needs beside us."""


def measured(name: str, rounds: int) -> list[Row]:
    """The rows of the case in ``benchmarks/training/name.py``."""
    case: Training = importlib.import_module(f"benchmarks.training.{name}").case()
    there = {who: make for who, (package, make) in CONTENDERS.items() if importlib.util.find_spec(package)}
    runs = {who: make(case) for who, make in there.items()}
    first: dict[str, Any] = {who: [run() for _ in range(3)] for who, run in runs.items()}
    for who, losses in first.items():
        np.testing.assert_allclose(losses, first["geartrain"], rtol=2e-3, err_msg=f"we and {who} disagree")
    seconds = interleaved(runs, rounds)
    own = Spread.of(seconds["geartrain"])
    rows = [Row("a step, ours", Spread(*(1e3 * t for t in own)), "ms")]
    for who in runs:
        if who != "geartrain":
            theirs = 1e3 * Spread.of(seconds[who]).median
            value = ratios(seconds["geartrain"], seconds[who])
            rows.append(Row(f"step, ours / {who}", value, "×", limit=1.0, aim=0.7, detail=f"{theirs:.2f} ms there"))
    peaks = {who: _peak(name, who) for who in runs}
    for who, (peak, grown) in peaks.items():
        if who != "geartrain":
            ratio, other = peaks["geartrain"][0] / peak, peaks["geartrain"][1] / grown
            detail = f"{peak:.0f} MB there; beyond imports {other:.2f}×"
            rows.append(Row(f"peak memory, ours / {who}", Spread(ratio, ratio, ratio), "×", limit=1.0, detail=detail))
    rows.append(_whole_loop(case, max(rounds, 21)))  # two of the same length: a few rounds tell nothing
    return rows


def _whole_loop(case: Training, rounds: int) -> Row:
    """The time of a step within the whole loop (order, picking, checks) over that of a bare one."""
    size = len(case.minibatch[0])
    step = Step(case.loss, case.optimizer, compiled=True)
    rng = dict(np.random.default_rng(0).bit_generator.state)
    start = State(case.params, case.optimizer.init(case.params), rng)
    loop = steps(case.loss, case.optimizer, start, *case.data, batch_size=size, epochs=10**6, taking=step)
    seconds = interleaved({"bare": ours(case), "loop": functools.partial(next, loop)}, rounds)
    return Row(
        "bare step / step in fit", ratios(seconds["bare"], seconds["loop"]), "×", detail="at least 0.95 is asked"
    )


def _peak(name: str, who: str) -> tuple[float, float]:
    """The peak of memory in MB of a process that takes a few steps: in all, and beyond what its imports take."""
    command = [sys.executable, "-m", "benchmarks.training.peak", name, who]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    peak, imported = map(float, ended.stdout.split()[-2:])
    return peak, peak - imported


def resident(what: str) -> float:
    """MB of memory of this process: ``VmRSS`` now, ``VmHWM`` at most so far."""
    if sys.platform != "linux":
        return float("nan")
    found = re.search(rf"{what}:\s*(\d+)", Path(f"/proc/{os.getpid()}/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else float("nan")
