"""The health of a run's gradients, layer by layer: what reaches each layer, what it does with it, what is lost.

A layer is the parameters whose path differs in the last part only. What *arrives* at it is the 2-norm of the cotangent
where it first uses them; the factor of a layer is what arrives at it over what arrives at the layer after it, so the
factors multiply up from the loss to the first layer. The definitions are those of ``geartrain.view.measures``.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from geartrain import tree
from geartrain.view.measures import bar_norms, kappas
from geartrain.view.record import Recording, norm, record

VANISHED, EXPLODED = 1e-4, 1e4
"""What may be left at a layer of what reaches the last one, and what may have been made of it."""
GROWN = 1e3
"""How many times the gradient of a layer may be what it was at the start."""


class Layer(NamedTuple):
    """A layer at one step. ``update`` is the 2-norm of the change of its parameters over their own.

    ``dead``: the share of its outputs (along the last axis) to which nothing comes back from any sample.
    ``cancellation``: the smallest ``|sum c| / sum |c|`` where paths meet within it, None where none do.
    """

    name: str
    arrives: float
    factor: float
    weight: float
    gradient: float
    update: float
    dead: float
    cancellation: float | None


@dataclasses.dataclass(frozen=True)
class Health:
    """All layers at one step, from the first to the last one."""

    step: int
    loss: float
    layers: tuple[Layer, ...]

    def to_json(self) -> dict[str, Any]:
        """A dictionary for JSON."""
        return {"step": self.step, "loss": self.loss, "layers": [list(layer) for layer in self.layers]}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Health":
        """The health that ``to_json`` made it from."""
        return cls(content["step"], content["loss"], tuple(Layer(*layer) for layer in content["layers"]))


def examine(step: int, loss: Callable[[Any], Any], params: Any, moved: Any) -> Health:
    """The health at a step that went from ``params`` to ``moved``; ``loss`` is a function of the parameters.

    >>> deep = lambda ws: np.sum(np.tanh(np.tanh(np.ones((1, 2)) @ ws[0]) @ ws[1]))
    >>> ws = [np.full((2, 2), 0.1), np.full((2, 2), 0.5)]
    >>> [(layer.name, round(layer.factor, 2)) for layer in examine(1, deep, ws, ws).layers]
    [('[0]', 0.96), ('[1]', 1.36)]
    """
    paths = tree.paths(params)
    with np.errstate(all="ignore"):
        seen = record(loss, params, names=[path for path, _ in paths])
    bars = bar_norms(seen)
    met = kappas(seen)
    used = _first_uses(seen)
    after = dict(zip([path for path, _ in paths], tree.leaves(moved), strict=True))
    groups: dict[str, list[tuple[str, int]]] = {}
    for path, node in seen.inputs:
        groups.setdefault(_layer_of(path), []).append((path, node))
    order = sorted(groups, key=lambda name: min(used[node] for _, node in groups[name]))
    begins = [min(used[node] for _, node in groups[name]) for name in order]
    layers: list[Layer] = []
    reached = norm(np.asarray(seen.bars[seen.outputs[-1]]))
    for name, begin, end in reversed(list(zip(order, begins, [*begins[1:], len(seen.nodes)], strict=True))):
        nodes = [node for _, node in groups[name]]
        changes = [np.asarray(after[path]) - seen.values[node] for path, node in groups[name]]
        weight = _norm_of([seen.values[node] for node in nodes])
        kappa = [k for k in met[begin:end] if k is not None]
        layers.append(
            Layer(
                name,
                bars[begin],
                bars[begin] / reached if reached else 0.0,
                weight,
                math.hypot(*[bars[node] for node in nodes]),
                _norm_of(changes) / weight if weight else 0.0,
                _dead(seen.bars[begin]),
                min(kappa, default=None),
            )
        )
        reached = bars[begin]
    value: Any = seen.values[seen.outputs[-1]]
    return Health(step, float(value), tuple(reversed(layers)))


def verdict(history: list[Health]) -> str:
    """What is wrong with the run at its last step, with the layer and the factor; "" if nothing is."""
    now = history[-1].layers
    last = now[-1].arrives
    if last > 0:
        least, most = min(now, key=lambda x: x.arrives), max(now, key=lambda x: x.arrives)
        if least.arrives < VANISHED * last:
            worst = min(now[:-1], key=lambda x: x.factor)
            return (
                f"The gradient vanishes: of what reaches layer {now[-1].name}, × {least.arrives / last:.2g} is left "
                f"at layer {least.name}. The most is lost on the way to layer {worst.name}: × {worst.factor:.2g}."
            )
        if most.arrives > EXPLODED * last:
            worst = max(now[:-1], key=lambda x: x.factor)
            return (
                f"The gradient explodes: what reaches layer {now[-1].name} has become × {most.arrives / last:.2g} "
                f"at layer {most.name}. The most is gained on the way to layer {worst.name}: × {worst.factor:.2g}."
            )
    then = {layer.name: layer.gradient for layer in history[0].layers}
    grown = [(layer.gradient / then[layer.name], layer) for layer in now if then.get(layer.name)]
    factor, layer = max(grown, key=lambda pair: pair[0], default=(0.0, now[-1]))
    if factor > GROWN:
        return (
            f"The run explodes: the gradient of layer {layer.name} is × {factor:.2g} of what it was at step "
            f"{history[0].step:,}. A smaller learning rate, or optim.clip_by_norm, keeps it in bounds."
        )
    return ""


def remarks(health: Health) -> list[str]:
    """What else is worth a look at one step, though it need not be wrong."""
    found: list[str] = []
    for layer in health.layers:
        if layer.dead >= 0.5:
            found.append(f"{layer.dead:.0%} of the outputs of layer {layer.name} are dead: nothing comes back to them.")
        if layer.update > 0.1:
            found.append(f"A step changes layer {layer.name} by {layer.update:.0%} of its size; 0.1 % is usual.")
    return found


def _layer_of(path: str) -> str:
    """``blocks[0].norm.scale`` -> ``blocks[0].norm``; a leaf of its own is a layer of its own."""
    return path.rpartition(".")[0] or path


def _first_uses(seen: Recording) -> dict[int, int]:
    """For each input the first step that does more than to reshape it: its layer's product, sum or look-up."""
    users: dict[int, list[int]] = {}
    for target, edges in enumerate(seen.edges):
        for edge in edges:
            if edge.live:
                users.setdefault(edge.source, []).append(target)
    found: dict[int, int] = {}
    for _, start in seen.inputs:
        node = start
        while node in users:
            node = users[node][0]
            if len(seen.nodes[node].inputs) > 1 or np.size(seen.values[node]) != np.size(seen.values[start]):
                break
        found[start] = node
    return found


def _norm_of(arrays: list[Any]) -> float:
    return math.hypot(*[norm(np.asarray(array)) for array in arrays])


def _dead(y_bar: Any) -> float:
    if y_bar is None or np.ndim(y_bar) == 0:
        return 0.0
    back: Any = np.abs(np.asarray(y_bar))
    silent = np.max(back, axis=tuple(range(back.ndim - 1)), initial=0.0) == 0
    return np.count_nonzero(silent) / max(silent.size, 1)
