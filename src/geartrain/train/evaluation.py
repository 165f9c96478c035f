"""Metrics on held-out data, a piece at a time."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from geartrain.train.loop import pick, samples_in
from geartrain.train.team import Team


def evaluate(
    metrics: Mapping[str, Callable[..., Any]],
    params: Any,
    data: tuple[Any, ...],
    batch_size: int,
    team: Team | None = None,
) -> dict[str, float]:
    """Each metric's mean over all samples, computed in pieces, which a ``team`` deals out among its ranks.

    >>> evaluate({"mean": lambda params, x: np.mean(x)}, None, (np.arange(10.0),), 4)
    {'mean': 4.5}
    """
    samples = samples_in(data)
    team = team or Team()
    own = team.part(np.arange(samples))
    piece = max(batch_size, 512)
    totals = dict.fromkeys(metrics, 0.0)
    for begin in range(0, len(own), piece):
        chosen = own[begin : begin + piece]
        part = pick(data, chosen)
        for name, metric in metrics.items():
            totals[name] += float(metric(params, *part)) * len(chosen)
    return {name: float(total) / samples for name, total in zip(totals, team.sum([*totals.values()]), strict=True)}
