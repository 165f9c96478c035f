"""``primitive`` and the functions that give it derivatives: any function as one operation, as autograd has it."""

import functools
import itertools
import operator
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from geartrain import tree
from geartrain.compat.autograd.wrap_util import get_name, wraps
from geartrain.ir.aval import aval_of
from geartrain.ir.untyped import numpy as np
from geartrain.rules import custom_rule
from geartrain.trace.level import active, aside
from geartrain.trace.tracer import Tracer, depends_of, value_of

__all__ = ["def_linear", "notrace_primitive", "primitive", "register_notrace"]
__all__ += ["defjvp", "defjvp_argnum", "defjvp_argnums", "defvjp", "defvjp_argnum", "defvjp_argnums"]

F = Callable[..., Any]

VJPS: dict[Any, F] = {}
JVPS: dict[Any, F] = {}


def _traced(x: Any) -> bool:
    return type(x) is Tracer and depends_of(x) != 0


def _plain(x: Any) -> Any:
    return value_of(x) if type(x) is Tracer else x


class Primitive:
    """A function as one operation: called on plain values, differentiated by what ``defvjp`` and ``defjvp`` say."""

    def __init__(self, fun: F) -> None:
        self.fun = fun
        wraps(fun)(self)
        self.__wrapped__ = fun
        self._old: dict[int, Any] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if active.trace is None:
            return self.fun(*args, **kwargs)
        kwargs = {name: tree.map(_plain, x) for name, x in kwargs.items()}
        flat = [tree.flatten(x) for x in args]
        where = [(i, k) for i, (leaves, _) in enumerate(flat) for k, leaf in enumerate(leaves) if _traced(leaf)]
        fixed = [tree.map(_plain, x) for x in args]
        if not where:
            return aside(self.fun, fixed, kwargs)
        call = _Call(self, fixed, kwargs, where)
        ruled = custom_rule(call.compute, push=call.push if self in JVPS else None, pull=call.pull_or_none())
        return ruled(*[flat[i][0][k] for i, k in where])

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    # The way of autograd before 1.2, which warns that it is deprecated.

    def defvjp(self, vjpmaker: F, argnum: int = 0) -> None:
        """``vjpmaker(g, ans, vs, gvs, *args, **kwargs)`` is the cotangent of one argument."""
        _deprecated("defvjp")

        def staged(ans: Any, *args: Any, **kwargs: Any) -> F:
            def pulled(g: Any) -> Any:
                return vjpmaker(g, ans, None, None, *args, **kwargs)

            return pulled

        self._old[argnum] = staged
        defvjp(self, *self._old.values(), argnums=list(self._old))

    def defgrad(self, gradfun: F, argnum: int = 0) -> None:
        """``gradfun(ans, *args, **kwargs)(g)`` is the cotangent of one argument."""
        _deprecated("defgrad")
        self._old[argnum] = gradfun
        defvjp(self, *self._old.values(), argnums=list(self._old))

    def defvjp_is_zero(self, argnums: Sequence[int] = (0,)) -> None:
        """These arguments do not move the result."""
        _deprecated("defvjp_is_zero")
        self._old.update(dict.fromkeys(argnums))
        defvjp(self, *self._old.values(), argnums=list(self._old))

    def __repr__(self) -> str:
        return f"<primitive {get_name(self.fun)}>"


def _deprecated(name: str) -> None:
    text = (
        f"\nThe {name} method is deprecated. See the update guide and tutorial:"
        "\nhttps://github.com/HIPS/autograd/blob/master/docs/updateguide.md"
        "\nhttps://github.com/HIPS/autograd/blob/master/docs/tutorial.md"
    )
    warnings.warn(text, stacklevel=3)


class _Call:
    """One call of a primitive: its arguments, and which numbers among them are traced: (argument, leaf)."""

    def __init__(self, fun: Primitive, args: list[Any], kwargs: dict[str, Any], where: list[tuple[int, int]]) -> None:
        self.fun, self.args, self.kwargs, self.where = fun, args, kwargs, where
        self.argnums = tuple(dict.fromkeys([i for i, _ in where]))
        self.__name__ = get_name(fun)

    def full(self, xs: Sequence[Any]) -> tuple[Any, ...]:
        """All arguments, where the traced numbers are ``xs``."""
        flat = [tree.flatten(x) for x in self.args]
        for (i, k), x in zip(self.where, xs, strict=True):
            flat[i][0][k] = x
        return tuple([tree.unflatten(treedef, leaves) for leaves, treedef in flat])

    @property
    def compute(self) -> F:
        def compute(*xs: Any) -> Any:
            return self.fun.fun(*self.full(xs), **self.kwargs)

        compute.__name__ = self.__name__
        return compute

    def pull_or_none(self) -> F | None:
        return self.pull if self.fun in VJPS or self.fun not in JVPS else None

    def pull(self, y_bar: Any, y: Any, xs: Sequence[Any]) -> tuple[Any, ...]:
        maker = VJPS.get(self.fun)
        if maker is None:
            raise NotImplementedError(f"VJP of {self.__name__} wrt argnums {self.argnums} not defined")
        bars = list(maker(self.argnums, y, self.full(xs), self.kwargs)(y_bar))
        by_argument = {i: tree.leaves(bar) for i, bar in zip(self.argnums, bars, strict=True)}
        return tuple([_shaped(by_argument[i][k], x) for (i, k), x in zip(self.where, xs, strict=True)])

    def push(self, y: Any, xs: Sequence[Any], xs_dot: Sequence[Any]) -> Any:
        args = self.full(xs)
        dots = [tree.map(_zero, args[i]) for i in self.argnums]
        flat = {i: tree.flatten(dot) for i, dot in zip(self.argnums, dots, strict=True)}
        for (i, k), dot in zip(self.where, xs_dot, strict=True):
            flat[i][0][k] = dot
        gs = [tree.unflatten(flat[i][1], flat[i][0]) for i in self.argnums]
        return JVPS[self.fun](self.argnums, gs, y, args, self.kwargs)


def _shaped(bar: Any, x: Any) -> Any:
    """A cotangent that was made for a number may come as an array of one."""
    if bar is None or np.shape(bar) == np.shape(x) or np.size(bar) != np.size(x):
        return bar
    return np.reshape(bar, np.shape(x))


def _zero(x: Any) -> Any:
    aval = aval_of(value_of(x))
    return np.zeros(aval.shape, aval.dtype if aval.dtype.kind in "fc" else float)


def _nothing(like: Any, g: Any) -> Any:
    """The cotangent of an argument that moves nothing."""
    return tree.map(_zero, like)


def primitive(f_raw: F) -> Any:
    """Make a function one operation, to be given derivatives by :func:`defvjp` and :func:`defjvp`.

    >>> import math
    >>> from geartrain.compat.autograd import grad
    >>> @primitive
    ... def sine(x):
    ...     return math.sin(x)
    >>> defvjp(sine, lambda ans, x: lambda g: g * math.cos(x))
    >>> grad(sine)(0.0)
    1.0
    """
    return f_raw if isinstance(f_raw, Primitive) else Primitive(f_raw)


def _own(fun: Any) -> Any:
    if not isinstance(fun, Primitive):
        raise TypeError(
            f"[autograd] {get_name(fun)} was not made by primitive. NumPy's own functions have their derivatives here;"
            f" to give it another one, use a function of your own: {get_name(fun)} = primitive({get_name(fun)})."
        )
    return fun


def defvjp_argnums(fun: Any, vjpmaker: F) -> None:
    """``vjpmaker(argnums, ans, args, kwargs)(g)`` gives a cotangent for each of ``argnums``."""
    VJPS[_own(fun)] = vjpmaker


def defvjp_argnum(fun: Any, vjpmaker: F) -> None:
    """``vjpmaker(argnum, ans, args, kwargs)(g)`` gives the cotangent of one argument."""

    def several(argnums: Sequence[int], *rest: Any) -> F:
        vjps = [vjpmaker(argnum, *rest) for argnum in argnums]

        def pulled(g: Any) -> tuple[Any, ...]:
            return tuple([vjp(g) for vjp in vjps])

        return pulled

    defvjp_argnums(fun, several)


def defvjp(fun: Any, *vjpmakers: Any, argnums: Any = None) -> None:
    """For each argument (or those numbered ``argnums``) ``vjpmaker(ans, *args, **kwargs)(g)``; ``None`` is zero."""
    made = dict(zip(itertools.count() if argnums is None else argnums, vjpmakers, strict=False))
    name = get_name(fun)
    for maker in vjpmakers:
        if maker is not None and not callable(maker):
            raise Exception(f"Bad VJP '{maker}' for '{name}'")

    def chosen(argnum: int, ans: Any, args: Any, kwargs: Any) -> F:
        if argnum not in made:
            raise NotImplementedError(f"VJP of {name} wrt argnums ({argnum},) not defined")
        if made[argnum] is None:
            return functools.partial(_nothing, args[argnum])
        return made[argnum](ans, *args, **kwargs)

    defvjp_argnum(fun, chosen)


def defjvp_argnums(fun: Any, jvpmaker: F) -> None:
    """``jvpmaker(argnums, gs, ans, args, kwargs)`` says how the result moves when these arguments move by ``gs``."""
    JVPS[_own(fun)] = jvpmaker


def defjvp_argnum(fun: Any, jvpmaker: F) -> None:
    """``jvpmaker(argnum, g, ans, args, kwargs)``: the same for one argument; what several do adds up."""

    def several(argnums: Sequence[int], gs: Sequence[Any], ans: Any, args: Any, kwargs: Any) -> Any:
        parts = [jvpmaker(argnum, g, ans, args, kwargs) for argnum, g in zip(argnums, gs, strict=True)]
        total = parts[0]
        for part in parts[1:]:
            total = tree.map(operator.add, total, part)
        return total

    defjvp_argnums(fun, several)


def defjvp(fun: Any, *jvpfuns: Any, argnums: Any = None) -> None:
    """For each argument ``jvp(g, ans, *args, **kwargs)``; ``None`` is zero, ``"same"`` that it is linear."""
    made = dict(zip(itertools.count() if argnums is None else argnums, jvpfuns, strict=False))
    name = get_name(fun)
    for maker in jvpfuns:
        if maker is not None and maker != "same" and not callable(maker):
            raise Exception(f"Bad JVP '{maker}' for '{name}'")

    def chosen(argnum: int, g: Any, ans: Any, args: Any, kwargs: Any) -> Any:
        if argnum not in made:
            raise NotImplementedError(f"JVP of {name} wrt argnums ({argnum},) not defined")
        if made[argnum] is None:
            return tree.map(_zero, ans)
        if made[argnum] == "same":
            return fun(*args[:argnum], g, *args[argnum + 1 :], **kwargs)
        return made[argnum](g, ans, *args, **kwargs)

    defjvp_argnum(fun, chosen)


def def_linear(fun: Any) -> None:
    """Say that a function is linear in each argument."""

    def moved(argnum: int, g: Any, ans: Any, args: Any, kwargs: Any) -> Any:
        return fun(*args[:argnum], g, *args[argnum + 1 :], **kwargs)

    defjvp_argnum(fun, moved)


def notrace_primitive(f_raw: F) -> F:
    """A function that is called on plain values and whose result does not move."""

    @wraps(f_raw)
    def plain(*args: Any, **kwargs: Any) -> Any:
        return f_raw(*[_plain(x) for x in args], **kwargs)

    return plain


def register_notrace(trace_type: Any, primitive_fun: Any) -> None:
    """Say of a primitive that its result does not move."""

    def still(argnum: int, ans: Any, args: Any, kwargs: Any) -> F:
        return functools.partial(_nothing, args[argnum])

    defvjp_argnum(primitive_fun, still)
