"""Are the derivatives right? Both directions against finite differences, and against each other."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from geartrain import tree
from geartrain.api import jvp, vjp
from geartrain.errors import CheckError, InputError, teach
from geartrain.ir.aval import aval_of
from geartrain.run import F, is_value

__all__ = ["Checked", "check_derivatives"]


class Checked(NamedTuple):
    """What :func:`check_derivatives` found: the largest relative differences, and how many directions were tried."""

    forward: float
    reverse: float
    directions: int


def check_derivatives(
    f: F, *args: Any, order: int = 1, directions: int = 3, rtol: float | None = None, seed: int = 0
) -> Checked:
    """Compare the derivatives of ``f`` at ``args`` with finite differences; raise if they disagree.

    In random directions, ``jvp`` is compared with central differences of fourth order, and ``vjp`` with ``jvp`` by the
    adjoint identity ``<y_bar, J x_dot> = <J^T y_bar, x_dot>``. Where ``f`` has a kink at ``args``, or is not
    deterministic, the check fails.

    Args:
        f: a function of floats, floating or complex arrays, or containers of them.
        args: where. Work in float64 if you can: in float32 differences are good to about three digits.
        order: 2 checks the second derivatives, too.
        directions: how many random directions.
        rtol: the relative difference that is allowed: 1e-6 for float64, 3e-2 for float32 by default.
        seed: of the directions.

    Raises:
        CheckError: they disagree; the text says in which direction, where, and by how much.
        InputError: an integer among the arguments, or no argument to differentiate in.

    >>> check_derivatives(lambda x: np.sum(np.sin(x) ** 2), np.linspace(0.0, 1.0, 5)).directions
    3
    """
    leaves = tree.leaves(args)
    if not any(is_value(x) for x in leaves):
        raise InputError(teach("check_derivatives", "there is no number among the arguments."))
    single = any(is_value(x) and aval_of(x).dtype.itemsize * (2 - (aval_of(x).dtype.kind == "c")) < 16 for x in leaves)
    allowed = rtol if rtol is not None else 3e-2 if single else 1e-6
    step = 3e-2 if single else 1e-3
    found = _first_order(f, args, directions, allowed, step, np.random.default_rng(seed), "derivative")
    if order > 1:
        rng = np.random.default_rng(seed + 1)
        y = f(*args)
        y_bar = _direction(y, rng)

        def pulled(*xs: Any) -> Any:
            return vjp(f, *xs)[1](y_bar)

        second = _first_order(pulled, args, directions, 10 * allowed, step, rng, "second derivative")
        found = Checked(max(found.forward, second.forward), max(found.reverse, second.reverse), directions)
    return found


def _first_order(
    f: F, args: Sequence[Any], directions: int, allowed: float, step: float, rng: "np.random.Generator", what: str
) -> Checked:
    forward = reverse = 0.0
    for _ in range(directions):
        xs_dot = _direction(tuple(args), rng)
        y, y_dot = jvp(f, args, xs_dot)
        slope = _slope(f, args, xs_dot, step)
        forward = max(forward, _compare(f"forward {what}", y_dot, slope, y, allowed))
        y_bar = _direction(y, rng)
        xs_bar = vjp(f, *args)[1](y_bar)
        here, there = _pair(y_bar, y_dot), _pair(xs_bar, xs_dot)
        size = max(abs(here), abs(there), _size(y_bar) * max(_size(y_dot), _size(y)) * 1e-3, 1e-30)
        reverse = max(reverse, abs(here - there) / size)
        if not abs(here - there) <= allowed * size:
            raise CheckError(
                teach(
                    "check_derivatives",
                    f"the reverse {what} disagrees with the forward one: <y_bar, J x_dot> = {here:.9g}, but"
                    f" <J^T y_bar, x_dot> = {there:.9g}.",
                    "If the forward one agreed with differences, look for a wrong pull in a custom rule.",
                )
            )
    return Checked(forward, reverse, directions)


def _direction(like: Any, rng: "np.random.Generator") -> Any:
    """A random container like ``like``."""

    def draw(x: Any) -> Any:
        if not is_value(x):
            return x
        aval = aval_of(x)
        move: Any = rng.standard_normal(aval.shape)
        if aval.dtype.kind == "c":
            move = move + 1j * rng.standard_normal(aval.shape)
        return np.asarray(move).astype(aval.dtype)[()] if aval.dtype.kind in "fc" else np.zeros(aval.shape)[()]

    return tree.map(draw, like)


def _slope(f: F, args: Sequence[Any], xs_dot: Any, step: float) -> list[Any]:
    """How the results move, by central differences of fourth order."""

    def at(t: float) -> list[Any]:
        def move(x: Any, x_dot: Any) -> Any:
            return x + np.asarray(t, aval_of(x_dot).dtype) * x_dot if is_value(x) else x

        moved = tree.map(move, tuple(args), xs_dot)
        return [np.asarray(y) for y in tree.leaves(f(*moved)) if is_value(y)]

    points = zip(at(-2 * step), at(-step), at(step), at(2 * step), strict=True)
    return [(a - 8 * b + 8 * c - d) / (12 * step) for a, b, c, d in points]


def _compare(what: str, got: Any, want: list[Any], y: Any, allowed: float) -> float:
    worst = 0.0
    ours = [np.asarray(v) for v in tree.leaves(got) if is_value(v)]
    names = [name for name, v in tree.paths({"result": y}) if is_value(v)]
    for name, a, b, value in zip(names, ours, want, [v for v in tree.leaves(y) if is_value(v)], strict=True):
        if a.dtype.kind not in "fc":
            continue
        scale = np.maximum(np.maximum(np.abs(a), np.abs(b)), 1e-2 * max(_size(b), _size(value)) + 1e-30)
        difference = np.abs(a - b) / scale
        if not np.all(difference <= allowed):
            at = np.unravel_index(int(np.argmax(np.where(np.isnan(difference), np.inf, difference))), difference.shape)
            place = "".join([f"[{int(i)}]" for i in at])
            raise CheckError(
                teach(
                    "check_derivatives",
                    f"the {what} disagrees with finite differences at {name}{place}: {a[at]:.9g} against {b[at]:.9g}"
                    f" (relative difference {float(difference[at]):.1e}, allowed {allowed:.0e}).",
                    "Look for a kink there, for a wrong custom rule, or for a function that is not deterministic.",
                )
            )
        worst = max(worst, float(np.max(difference, initial=0.0)))
    return worst


def _size(x: Any) -> float:
    """The largest modulus of all elements."""
    return max([float(np.max(np.abs(v), initial=0.0)) for v in tree.leaves(x) if is_value(v)], default=0.0)


def _pair(us: Any, vs: Any) -> float:
    """``Re(u * v)``, summed over everything."""
    pairs = zip(tree.leaves(us), tree.leaves(vs), strict=True)
    return float(sum([np.sum(np.asarray(u) * np.asarray(v)).real for u, v in pairs if is_value(u)]))
