"""SciPy's minimisers with our derivatives, on any container of arrays."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geartrain import tree
from geartrain.api import hvp, value_and_grad
from geartrain.errors import InputError, teach
from geartrain.extras import need
from geartrain.jacobians import jacobian
from geartrain.jit import jit

__all__ = ["Minimum", "least_squares", "minimize"]

_NEEDS_HESSIAN = ("newton-cg", "trust-ncg", "trust-krylov", "trust-constr")


class Minimum(NamedTuple):
    """Where ``minimize`` or ``least_squares`` ended.

    ``params`` is a container like the one to begin with, ``value`` the function there, ``success`` whether the method
    says that it is done, ``message`` why it stopped, ``result`` all that SciPy returned.
    """

    params: Any
    value: float
    success: bool
    message: str
    result: Any


def minimize(
    f: Callable[..., Any], params: Any, *args: Any, method: str = "L-BFGS-B", compiled: bool = False, **options: Any
) -> Minimum:
    """Minimise a scalar function by ``scipy.optimize.minimize``, with its gradient from us.

    Args:
        f: ``f(params, *args)`` returns a real scalar.
        params: where to begin: a float array, or a container of them.
        args: what else ``f`` takes.
        method: a method of SciPy. Those that take second derivatives get Hessian-vector products.
        compiled: whether value and gradient go through ``gt.jit``; ``f`` should then depend on its arguments alone.
        options: further arguments of SciPy: ``tol``, ``bounds``, ``options``, ``callback``.

    The search is in float64; the result has the dtypes of ``params``.

    Raises:
        InputError: ``params`` has no numbers or is not floating.
        MissingPackage: SciPy is not installed.

    >>> best = minimize(lambda p: (p["x"] - 3) ** 2 + np.sum(p["y"] ** 4), {"x": np.array(0.0), "y": np.ones(2)})
    >>> best.success, best.params["x"].round(3)
    (True, np.float64(3.0))
    """
    flat, back = _flattened("minimize", params)

    def loss(x: Any) -> Any:
        return f(back(x), *args)

    both = jit(value_and_grad(loss)) if compiled else value_and_grad(loss)

    def loss_and_gradient(x: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        value, x_bar = both(x)
        return float(value), np.asarray(x_bar, float)

    if method.lower() in _NEEDS_HESSIAN:
        options.setdefault("hessp", lambda x, x_dot, *_: hvp(loss, x, x_dot))  # pyright: ignore[reportUnknownLambdaType]
    optimize = need("scipy.optimize", "scipy", "minimize")
    found = optimize.minimize(loss_and_gradient, flat, jac=True, method=method, **options)
    return Minimum(back(found.x, own=True), float(found.fun), bool(found.success), str(found.message), found)


def least_squares(residuals: Callable[..., Any], params: Any, *args: Any, **options: Any) -> Minimum:
    """Minimise half the sum of the squares of ``residuals(params, *args)`` by ``scipy.optimize.least_squares``.

    The Jacobian is ours. ``residuals`` returns a vector; the rest as in :func:`minimize`.

    >>> x = np.linspace(0, 1, 20)
    >>> fitted = least_squares(lambda p: p["a"] * np.exp(p["b"] * x) - 2 * np.exp(-x), {"a": 1.0, "b": 0.0})
    >>> round(fitted.params["a"], 3), round(fitted.params["b"], 3)
    (2.0, -1.0)
    """
    flat, back = _flattened("least_squares", params)

    def f(x: Any) -> Any:
        return np.ravel(residuals(back(x), *args))

    optimize = need("scipy.optimize", "scipy", "least_squares")
    found = optimize.least_squares(f, flat, jac=jacobian(f), **options)
    return Minimum(back(found.x, own=True), float(found.cost), bool(found.success), str(found.message), found)


def _flattened(name: str, params: Any) -> tuple[NDArray[np.float64], Callable[..., Any]]:
    """The numbers of a container as one vector, and the way back."""
    leaves, treedef = tree.flatten(params)
    arrays = [np.asarray(leaf) for leaf in leaves]
    if not arrays or any(array.dtype.kind != "f" for array in arrays):
        kinds = ", ".join(sorted({str(array.dtype) for array in arrays})) or "nothing"
        raise InputError(teach(name, f"the parameters must be floats, got {kinds}.", "Pass 3.0, or x.astype(float)."))
    ends = np.cumsum([array.size for array in arrays])

    def back(x: Any, own: bool = False) -> Any:
        parts: Sequence[Any] = [
            x[end - array.size : end].reshape(array.shape) for end, array in zip(ends, arrays, strict=True)
        ]
        if own:
            parts = [_as(part, array.dtype, leaf) for part, array, leaf in zip(parts, arrays, leaves, strict=True)]
        return tree.unflatten(treedef, parts)

    return np.concatenate([np.ravel(array) for array in arrays]).astype(np.float64), back


def _as(part: NDArray[Any], dtype: Any, leaf: Any) -> Any:
    """A part of the vector as the leaf was: an array, or a number."""
    return part.astype(dtype) if isinstance(leaf, np.ndarray) else type(leaf)(part)
