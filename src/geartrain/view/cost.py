"""What a derivative costs, counted."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from geartrain.api import vjp
from geartrain.view.tape import Argnums, chosen, run_count, run_tape, tape_work
from geartrain.view.work import Work

__all__ = ["Cost", "cost"]


class Cost(NamedTuple):
    """Operations on values that depend on the arguments; one is one call of NumPy, whatever the size of its arrays.

    ``forward`` are those of one run of the function, ``gradient`` those of one value with its gradient, and ``ratio``
    is ``gradient / forward`` (nan for a function that does nothing). ``work`` has the multiplications of local rates
    that three ways to the derivative need.
    """

    forward: int
    gradient: int
    ratio: float
    work: Work


def cost(f: Callable[..., Any], *args: Any, argnums: Argnums = None) -> Cost:
    """What the gradient of ``f`` costs at ``args``, counted on the tape and not timed.

    ``argnums`` says which arguments to differentiate in, by default all that hold floats. Errors are those of
    :func:`geartrain.explain`. Twenty doubled steps have more than a million paths and forty edges:

    >>> def doubled(x):
    ...     for _ in range(20):
    ...         x = x + x
    ...     return x
    >>> found = cost(doubled, 1.0)
    >>> found.forward, found.gradient, found.ratio
    (20, 40, 2.0)
    >>> found.work.paths, found.work.by_path, found.work.backprop
    (1048576, 19922944, 40)
    """
    tape = run_tape("cost", f, args, argnums)
    numbers = chosen("cost", args, argnums)

    def gradient(y_bar: Any, *xs: Any) -> Any:
        def of_chosen(*inner: Any) -> Any:
            full = list(args)
            for i, x in zip(numbers, inner, strict=True):
                full[i] = x
            return f(*full)

        return vjp(of_chosen, *xs)[1](y_bar)

    # The cotangent is an argument, too, so that every multiplication by it is on the tape.
    y_bar = np.ones((), tape.value.dtype)[()] if hasattr(tape.value, "dtype") else 1.0
    made = run_count("cost", gradient, (y_bar, *[args[i] for i in numbers]))
    return Cost(tape.made, made, made / tape.made if tape.made else float("nan"), tape_work(tape))
