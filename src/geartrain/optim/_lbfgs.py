"""L-BFGS through SciPy: for a loss that is cheap enough to look at all of the data in every step."""

from collections.abc import Callable
from typing import Any

from geartrain.minimizing import Minimum, minimize


def lbfgs(
    loss: Callable[..., Any],
    params: Any,
    *data: Any,
    steps: int = 100,
    memory: int = 10,
    compiled: bool = False,
    **options: Any,
) -> Minimum:
    """Minimise ``loss(params, *data)`` from ``params`` on, at once, and return where it ended.

    It is no pair ``(init, update)``, as the other optimisers are: a step searches along a line and evaluates the loss
    as often as that takes, always on all of the data. Where minibatches suffice, those are quicker; where the loss is
    deterministic and the parameters are few (a fit, a physics-informed network), this gets much further.

    Args:
        loss: a plain NumPy function that returns a number.
        params: where to begin: a float array, or a tree of them. The search is in float64; the result has their dtypes.
        data: what else ``loss`` takes.
        steps: at most so many.
        memory: how many pairs of steps and changes of the gradient stand for the curvature.
        compiled: whether value and gradient go through ``gt.jit``.
        options: as in ``gt.minimize``: ``tol``, ``bounds``, ``callback``; ``options`` are SciPy's own.

    Source: Liu and Nocedal, *On the limited memory BFGS method for large scale optimization*, 1989; SciPy's L-BFGS-B.

    Raises:
        MissingPackage: SciPy is not installed.
        ValueError: ``steps`` or ``memory`` is below 1.
        InputError: as by ``gt.minimize``.

    >>> import numpy as np
    >>> params = {"w": np.ones(2), "b": np.array(1.0)}
    >>> best = lbfgs(lambda p, x: np.sum((p["w"] * x - 6) ** 2) + p["b"] ** 2, params, 2.0)
    >>> best.params["w"].round(4), best.success
    (array([3., 3.]), True)
    """
    if steps < 1 or memory < 1:
        raise ValueError(f"[lbfgs] steps and memory must be at least 1, got {steps} and {memory}")
    settings = {"maxiter": steps, "maxcor": memory, **options.pop("options", {})}
    return minimize(loss, params, *data, method="L-BFGS-B", compiled=compiled, options=settings, **options)
