"""Pull and push of a function of one argument, as autograd's operators use them, and its vector spaces."""

import operator
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from geartrain import tree
from geartrain.compat.autograd import rules
from geartrain.ir.aval import aval_of
from geartrain.ir.untyped import numpy as np
from geartrain.run import Run, as_leaf, is_value
from geartrain.trace.tracer import value_of

__all__ = ["VSpace", "make_jvp", "make_vjp", "vspace"]
__all__ += ["def_linear", "defjvp", "defjvp_argnum", "defjvp_argnums", "defvjp", "defvjp_argnum", "defvjp_argnums"]

def_linear = rules.def_linear
defjvp, defjvp_argnum, defjvp_argnums = rules.defjvp, rules.defjvp_argnum, rules.defjvp_argnums
defvjp, defvjp_argnum, defvjp_argnums = rules.defvjp, rules.defvjp_argnum, rules.defvjp_argnums

F = Callable[..., Any]


def _floating(x: Any) -> Any:
    """What autograd differentiates in: floats, and arrays, of which those of whole numbers become floats."""

    def leaf(x: Any) -> Any:
        if not is_value(x):
            return x
        value = value_of(x)
        if aval_of(value).dtype.kind in "fc":
            return x
        if isinstance(value, np.ndarray) and aval_of(value).dtype.kind in "iub":
            return x.astype(float)
        raise TypeError(f"Can't differentiate w.r.t. type {type(value)}")

    return tree.map(leaf, x)


def _independent() -> None:
    warnings.warn("Output seems independent of input.", stacklevel=4)


def make_vjp(fun: F, x: Any) -> tuple[F, Any]:
    """``(vjp, fun(x))``, where ``vjp`` pulls a cotangent like ``fun(x)`` back to one like ``x``."""
    run = Run("make_vjp", fun, (_floating(x),))
    outputs = [run.output(y) for y in run.results]
    if all(node is None for node, _ in outputs):
        _independent()

    def vjp(g: Any) -> Any:
        seeds: dict[Any, Any] = {}
        for (node, y), bar in zip(outputs, tree.leaves(g), strict=True):
            if node is not None:
                bar = _like(bar, y)
                seeds[node] = seeds[node] + bar if node in seeds else bar
        return tree.unflatten(run.treedef, run.pull(seeds))[0]

    return vjp, tree.unflatten(run.result_def, [y for _, y in outputs])


def _like(bar: Any, y: Any) -> Any:
    """A cotangent in the dtype and shape of what it belongs to."""
    want = aval_of(value_of(y))
    have = aval_of(value_of(bar))
    bar = np.real(bar) if have.dtype.kind == "c" and want.dtype.kind == "f" else bar
    bar = bar if have.dtype == want.dtype or have.weak else np.asarray(bar, want.dtype)
    return bar if np.shape(bar) == want.shape else np.reshape(np.broadcast_to(bar, want.shape), want.shape)


def make_jvp(fun: F, x: Any) -> F:
    """``jvp``, which takes a tangent like ``x`` to ``(fun(x), how it moves)``."""

    def jvp(g: Any) -> tuple[Any, Any]:
        run = Run("make_jvp", fun, (_floating(x),))
        pairs = zip(run.nodes, run.leaves, tree.leaves(g), strict=True)
        moved = run.push({node: _like(dot, leaf) for node, leaf, dot in pairs if node is not None})
        outputs = [run.output(y) for y in run.results]
        if all(node is None for node, _ in outputs):
            _independent()
        seen: set[int] = set()
        dots = [as_leaf(moved.get(n) if n is not None else None, y, seen) if is_value(y) else y for n, y in outputs]
        return tree.unflatten(run.result_def, [y for _, y in outputs]), tree.unflatten(run.result_def, dots)

    return jvp


class VSpace:
    """The vector space of a value: a number, an array, or a container of them."""

    def __init__(self, value: Any) -> None:
        leaves, self._def = tree.flatten(value)
        for leaf in leaves:
            if not is_value(leaf) or (aval_of(value_of(leaf)).dtype.kind not in "fc" and not np.ndim(leaf)):
                kind: Any = leaf.__class__
                raise TypeError(
                    f"Can't find vector space for value {leaf} of type {kind}. Valid types are floats, arrays, and"
                    " containers of them."
                )
        self._avals = [aval_of(value_of(leaf)) for leaf in leaves]

    @classmethod
    def register(cls, value_type: type, vspace_maker: Any = None) -> None:
        """Refused: a type of one's own is a container, or it is not differentiated in."""
        raise NotImplementedError(
            f"[autograd] {value_type.__name__} cannot be registered as a vector space. Use a dataclass, a namedtuple, a"
            " dict or a list of arrays: these are differentiated as they come."
        )

    @property
    def iscomplex(self) -> bool:
        return any(aval.dtype.kind == "c" for aval in self._avals)

    @property
    def size(self) -> int:
        """How many real numbers there are: a complex one counts twice."""
        return sum([aval.size * (2 if aval.dtype.kind == "c" else 1) for aval in self._avals])

    @property
    def shape(self) -> Any:
        return tree.unflatten(self._def, [aval.shape for aval in self._avals])

    @property
    def dtype(self) -> Any:
        return np.result_type(*[aval.dtype for aval in self._avals])

    def zeros(self) -> Any:
        return tree.unflatten(self._def, [np.zeros(aval.shape, _float(aval.dtype)) for aval in self._avals])

    def ones(self) -> Any:
        return tree.unflatten(self._def, [np.ones(aval.shape, _float(aval.dtype)) for aval in self._avals])

    def randn(self) -> Any:
        def draw(aval: Any) -> Any:
            x = np.array(np.random.randn(*aval.shape))
            return (x + 1j * np.random.randn(*aval.shape) if aval.dtype.kind == "c" else x).astype(_float(aval.dtype))

        return tree.unflatten(self._def, [draw(aval) for aval in self._avals])

    def standard_basis(self) -> Iterator[Any]:
        for k, aval in enumerate(self._avals):
            for index in np.ndindex(*aval.shape):
                for one in (1.0, 1.0j) if aval.dtype.kind == "c" else (1.0,):
                    leaves = [np.zeros(other.shape, _float(other.dtype)) for other in self._avals]
                    leaves[k][index] = one
                    yield tree.unflatten(self._def, leaves)

    def add(self, x: Any, y: Any) -> Any:
        return tree.map(operator.add, x, y)

    mut_add = add

    def scalar_mul(self, x: Any, a: Any) -> Any:
        return tree.unflatten(self._def, [leaf * a for leaf in tree.leaves(x)])

    def inner_prod(self, x: Any, y: Any) -> Any:
        pairs = zip(tree.leaves(x), tree.leaves(y), strict=True)
        return sum([np.real(np.vdot(a, b)) for a, b in pairs])

    def covector(self, x: Any) -> Any:
        return tree.map(np.conj, x)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VSpace) and (self._def, self._avals) == (other._def, other._avals)

    def __hash__(self) -> int:
        return hash(tuple(self._avals))

    def __repr__(self) -> str:
        return f"VSpace({tree.unflatten(self._def, self._avals)!r})"


def _float(dtype: Any) -> Any:
    return dtype if dtype.kind in "fc" else np.dtype(float)


def vspace(value: Any) -> VSpace:
    """The vector space of a value.

    >>> vspace(np.zeros((2, 3))).size
    6
    """
    return VSpace(value)
