"""autograd's operators: derivatives of functions, by argument number."""

import inspect
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from geartrain.compat.autograd.core import make_jvp as _make_jvp
from geartrain.compat.autograd.core import make_vjp as _make_vjp
from geartrain.compat.autograd.core import vspace
from geartrain.compat.autograd.wrap_util import unary_to_nary
from geartrain.errors import GeartrainError
from geartrain.ir.untyped import numpy as np
from geartrain.mapping import vmap
from geartrain.rules import checkpoint as _checkpoint

__all__ = [
    "checkpoint",
    "deriv",
    "elementwise_grad",
    "grad",
    "grad_and_aux",
    "grad_named",
    "hessian",
    "hessian_tensor_product",
    "hessian_vector_product",
    "holomorphic_grad",
    "jacobian",
    "make_ggnvp",
    "make_hvp",
    "make_jvp",
    "make_jvp_reversemode",
    "make_vjp",
    "multigrad_dict",
    "tensor_jacobian_product",
    "value_and_grad",
    "vector_jacobian_product",
]

F = Callable[..., Any]

make_vjp = unary_to_nary(_make_vjp)
make_jvp = unary_to_nary(_make_jvp)


@unary_to_nary
def grad(fun: F, x: Any) -> Any:
    """The gradient of a function of one result, in the argument ``argnum``; it comes as the argument does."""
    vjp, ans = _make_vjp(fun, x)
    if not vspace(ans).size == 1:
        raise TypeError(
            "Grad only applies to real scalar-output functions. Try jacobian, elementwise_grad or holomorphic_grad."
        )
    return vjp(vspace(ans).ones())


@unary_to_nary
def value_and_grad(fun: F, x: Any) -> Any:
    """The value and the gradient, for ``scipy.optimize.minimize(..., jac=True)``."""
    vjp, ans = _make_vjp(fun, x)
    if not vspace(ans).size == 1:
        raise TypeError(
            "value_and_grad only applies to real scalar-output functions. Try jacobian, elementwise_grad or"
            " holomorphic_grad."
        )
    return ans, vjp(vspace(ans).ones())


@unary_to_nary
def elementwise_grad(fun: F, x: Any) -> Any:
    """The sum of the rows of the Jacobian: its diagonal, where each element of the result has its own argument."""
    vjp, ans = _make_vjp(fun, x)
    if vspace(ans).iscomplex:
        raise TypeError("Elementwise_grad only applies to real-output functions.")
    return vjp(vspace(ans).ones())


@unary_to_nary
def deriv(fun: F, x: Any) -> Any:
    """How the result moves when all of the argument moves by 1."""
    return _make_jvp(fun, x)(vspace(x).ones())[1]


@unary_to_nary
def jacobian(fun: F, x: Any) -> Any:
    """All derivatives of an array in an array: the shape of the result, followed by that of the argument."""
    vjp, ans = _make_vjp(fun, x)
    space = vspace(ans)
    shape = (*space.shape, *vspace(x).shape)
    if space.iscomplex or not space.size:
        return np.reshape(np.stack([vjp(e) for e in space.standard_basis()]), shape)
    try:
        rows = vmap(vjp)(np.reshape(np.eye(space.size, dtype=space.dtype), (space.size, *space.shape)))
    except GeartrainError:  # a primitive's own rule does not take a batch
        rows = np.stack([vjp(e) for e in space.standard_basis()])
    return np.reshape(rows, shape)


@unary_to_nary
def hessian(fun: F, x: Any) -> Any:
    """The Jacobian of the Jacobian."""
    return jacobian(jacobian(fun))(x)


@unary_to_nary
def holomorphic_grad(fun: F, x: Any) -> Any:
    """The complex derivative of an analytic function."""
    if not vspace(x).iscomplex:
        warnings.warn("Input to holomorphic_grad is not complex", stacklevel=3)

    def real(x: Any) -> Any:
        return np.real(fun(x))

    return grad(real)(x)


def grad_named(fun: F, argname: str) -> F:
    """The gradient in the argument of this name."""
    return grad(fun, list(inspect.signature(fun).parameters).index(argname))


@unary_to_nary
def make_hvp(fun: F, x: Any) -> Any:
    """``(hvp, gradient)`` at a point: ``hvp`` takes a vector to the Hessian times it, and may be called often."""
    return _make_vjp(grad(fun), x)


def hessian_tensor_product(fun: F, argnum: int = 0) -> F:
    """A function of ``(*args, tensor, **kwargs)``: the Hessian times the tensor."""
    gradient = grad(fun, argnum)

    def along(*args: Any, **kwargs: Any) -> Any:
        *rest, tensor = args
        return np.tensordot(gradient(*rest, **kwargs), tensor, np.ndim(tensor))

    return grad(along, argnum)


hessian_vector_product = hessian_tensor_product


def tensor_jacobian_product(fun: F, argnum: int = 0) -> F:
    """A function of ``(*args, tensor, **kwargs)``: the tensor times the Jacobian."""

    def along(*args: Any, **kwargs: Any) -> Any:
        *rest, tensor = args
        return np.tensordot(tensor, fun(*rest, **kwargs), axes=np.ndim(tensor))

    return jacobian(along, argnum)


vector_jacobian_product = tensor_jacobian_product


@unary_to_nary
def make_jvp_reversemode(fun: F, x: Any) -> Any:
    """The push of a function at a point, made of two pulls."""
    vjp, y = _make_vjp(fun, x)
    return _make_vjp(vjp, vspace(y).zeros())[0]


def _half_square(x: Any) -> Any:
    return np.sum(x**2, axis=-1) / 2.0


def make_ggnvp(f: F, g: F = _half_square, f_argnum: int = 0) -> F:
    """The generalised Gauss-Newton matrix of ``g(f(x))`` at a point, times a vector: J^T H J v."""

    @unary_to_nary
    def made(f: F, x: Any) -> F:
        back, y = _make_vjp(f, x)
        curve, slope = _make_vjp(grad(g), y)
        forth = _make_vjp(back, vspace(slope).zeros())[0]

        def ggnvp(v: Any) -> Any:
            return back(curve(forth(v)))

        return ggnvp

    return made(f, f_argnum)


@unary_to_nary
def grad_and_aux(fun: F, x: Any) -> Any:
    """The gradient of the first of two results, and the second as it is."""

    def both(x: Any) -> Any:
        return tuple(fun(x))

    vjp, (ans, aux) = _make_vjp(both, x)
    return vjp((vspace(ans).ones(), vspace(aux).zeros())), aux


def multigrad_dict(fun: F) -> F:
    """The gradients in all arguments at once, as an ordered dict by name."""
    signature = inspect.signature(fun)

    def gradients(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        names: Sequence[str] = list(bound.arguments)

        def of_dict(values: dict[str, Any]) -> Any:
            again = signature.bind(*args, **kwargs)
            again.apply_defaults()
            again.arguments.update(values)
            return fun(*again.args, **again.kwargs)

        found = grad(of_dict)(dict(bound.arguments))
        return OrderedDict([(name, found[name]) for name in names])

    return gradients


def checkpoint(fun: F) -> F:
    """The same function, whose inner values are computed again for its derivative instead of being kept."""
    return _checkpoint(fun)
