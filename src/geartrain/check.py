"""Are the derivatives right? Both directions against measured slopes, and a report of the first that is not."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from geartrain import tree
from geartrain.api import jvp, vjp
from geartrain.blame import first_wrong
from geartrain.errors import CheckError, InputError, teach
from geartrain.ir.aval import aval_of
from geartrain.ir.untyped import numpy as np
from geartrain.run import F, is_value
from geartrain.slopes import Slope, arrays, is_analytic, largest, slope

__all__ = ["Checked", "check_derivatives"]

Mode = Literal["forward", "reverse"]
MODES: tuple[Mode, ...] = ("forward", "reverse")


class Checked(NamedTuple):
    """What :func:`check_derivatives` found: the largest relative differences, how many directions, measured how."""

    forward: float
    reverse: float
    directions: int
    method: str


def check_derivatives(
    f: F,
    *args: Any,
    order: int = 1,
    modes: Sequence[Mode] = MODES,
    directions: int = 3,
    rtol: float | None = None,
    seed: int = 0,
) -> Checked:
    """Compare the derivatives of ``f`` at ``args`` with measured slopes; raise if they disagree.

    In random directions, ``jvp`` is compared with the slope, and ``vjp`` with it by the adjoint identity
    ``<y_bar, J x_dot> = <J^T y_bar, x_dot>``. The slope is measured by a complex step, which is exact to rounding, if
    every operation on the way is analytic; otherwise by central differences with two steps, of which the size is
    chosen so that both agree. Where ``f`` has a kink at ``args``, or is not deterministic, the check fails.

    Args:
        f: a function of floats, floating or complex arrays, or containers of them.
        args: where. Work in float64 if you can: in float32 differences are good to about three digits.
        order: 2 checks the second derivatives, too: those of ``jvp`` and ``vjp``.
        modes: "forward", "reverse" or both: which of the two to check, and at order 2 each over each.
        directions: how many random directions.
        rtol: the relative difference that is allowed: 1e-6 for float64, 3e-2 for float32 by default.
        seed: of the directions.

    Raises:
        CheckError: they disagree. The text says at which element and by how much, what the slope was measured with and
            how sure that is, and which operation of the program is the first that is wrong by itself.
        InputError: an integer among the arguments, or no argument to differentiate in; an unknown mode.

    >>> found = check_derivatives(lambda x: np.sum(np.sin(x) ** 2), np.linspace(0.0, 1.0, 5), order=2)
    >>> found.method, max(found.forward, found.reverse) < 1e-12
    ('a complex step', True)
    """
    leaves = tree.leaves(args)
    if not any(is_value(x) for x in leaves):
        raise InputError(teach("check_derivatives", "there is no number among the arguments."))
    if isinstance(modes, str) or not modes or not set(modes) <= set(MODES):
        what = f"modes={modes!r}, but there are 'forward' and 'reverse'."
        raise InputError(teach("check_derivatives", what, 'Give a tuple of these: modes=("forward", "reverse").'))
    if order not in (1, 2):
        do = "Give 1 or 2; for the third check gt.grad(f)."
        raise InputError(teach("check_derivatives", f"order={order!r}.", do))
    single = any(is_value(x) and aval_of(x).dtype.itemsize * (2 - (aval_of(x).dtype.kind == "c")) < 16 for x in leaves)
    allowed = rtol if rtol is not None else 3e-2 if single else 1e-6
    rng = np.random.default_rng(seed)
    found = _Check(f, args, modes, directions, allowed, rng, "derivative").run()
    if order == 1:
        return found
    y_bar, xs_dot = _direction(f(*args), rng), _direction(tuple(args), rng)

    def pulled(*xs: Any) -> Any:
        return vjp(f, *xs)[1](y_bar)

    def pushed(*xs: Any) -> Any:
        return jvp(f, xs, xs_dot)[1]

    inner = {"forward": pushed, "reverse": pulled}
    for mode in modes:
        what = f"derivative of the {mode} derivative"
        second = _Check(inner[mode], args, modes, directions, 10 * allowed, rng, what).run()
        method = found.method if second.method == found.method else f"{found.method}; {second.method}"
        found = Checked(max(found.forward, second.forward), max(found.reverse, second.reverse), directions, method)
    return found


class _Check(NamedTuple):
    """One function to check, to first order."""

    f: F
    args: tuple[Any, ...]
    modes: Sequence[Mode]
    directions: int
    allowed: float
    rng: Any
    what: str

    def run(self) -> Checked:
        forward = reverse = 0.0
        method = ""
        analytic = is_analytic(self.f, self.args)
        for number in range(self.directions):
            xs_dot = _direction(self.args, self.rng)
            found = slope(self.f, self.args, xs_dot, analytic)
            y = self.f(*self.args)
            y_dot: list[Any] | None = None
            if "forward" in self.modes:
                y_dot = arrays(jvp(self.f, self.args, xs_dot)[1])
                worst = self._forward(y, y_dot, found)
                if worst is not None and analytic:  # complex numbers may have been lost on the way: ask the differences
                    analytic, found = False, slope(self.f, self.args, xs_dot, False)
                    worst = self._forward(y, y_dot, found)
                if worst is not None:
                    raise CheckError(self._report(number, found, *worst))
                forward = max(forward, _distance(y_dot, found.values, y))
            if "reverse" in self.modes:
                reverse = max(reverse, self._reverse(number, xs_dot, y, y_dot, found))
            method = found.method
        return Checked(forward, reverse, self.directions, method)

    def _forward(self, y: Any, y_dot: list[Any], found: Slope) -> tuple[str, float, float, float] | None:
        """The element that is farthest off, if that is too far: where, ours, measured, the relative difference."""
        names = [name for name, v in tree.paths({"result": y}) if is_value(v)]
        sizes = _scales(y_dot, found.values, y)
        for name, a, b, scale in zip(names, y_dot, found.values, sizes, strict=True):
            off = np.abs(a - b) / scale
            if a.dtype.kind in "fc" and not np.all(off <= self.allowed):
                at = np.unravel_index(int(np.argmax(np.where(np.isnan(off), np.inf, off))), off.shape)
                place = "".join([f"[{int(i)}]" for i in at])
                return f"{name}{place}", a[at], b[at], float(off[at])
        return None

    def _reverse(self, number: int, xs_dot: Any, y: Any, y_dot: list[Any] | None, found: Slope) -> float:
        y_bar = _direction(y, self.rng)
        xs_bar = vjp(self.f, *self.args)[1](y_bar)
        moved = found.values if y_dot is None else y_dot
        here, there = _pair(arrays(y_bar), moved), _pair(arrays(xs_bar), arrays(xs_dot))
        bars = arrays(y_bar)
        size = max(abs(here), abs(there), largest(bars) * max(largest(moved), largest(arrays(y))) * 1e-3, 1e-30)
        off = abs(here - there) / size
        if not off <= self.allowed:
            name = "<y_bar, J x_dot> = <J^T y_bar, x_dot>"
            raise CheckError(self._report(number, found, name, there, here, off, reverse=True, by=y_dot is not None))
        return off

    def _report(
        self,
        number: int,
        found: Slope,
        place: str,
        ours: Any,
        measured: Any,
        off: float,
        reverse: bool = False,
        by: bool = False,
    ) -> str:
        mode = "reverse" if reverse else "forward"
        name = "vjp" if reverse else "jvp"
        other = "jvp, which agrees with the slope" if by else found.method
        sure = "" if by or found.spread == 0 else f", which agree to {found.spread:.1e}"
        lines = [
            f"the {mode} {self.what} is wrong at {place}, in direction {number + 1} of {self.directions}.",
            f"  gt.{name}: {_number(ours)}",
            f"  {other}{sure}: {_number(measured)}",
            f"  relative difference: {off:.1e}, allowed: {self.allowed:.0e}",
        ]
        blamed = first_wrong(self.f, self.args, self.rng)
        lines += [f"  {blamed}"] if blamed else []
        if blamed:
            do = "Correct its rule."
        elif found.spread > self.allowed:
            do = "The two steps do not agree: f has a kink near, is noisy, or is not deterministic. Move the arguments."
        else:
            do = "Each operation is right alone: look for a kink there, or for a function that is not deterministic."
        return teach("check_derivatives", "\n".join(lines), do)


def _number(x: Any) -> str:
    x = complex(x)
    return f"{x:.9g}" if x.imag else f"{x.real:.9g}"


def _scales(ours: list[Any], measured: list[Any], y: Any) -> list[Any]:
    """What differences are relative to: the numbers compared, or a hundredth of the largest around."""
    values = arrays(y)
    return [
        np.maximum(np.maximum(np.abs(a), np.abs(b)), 1e-2 * max(largest([b]), largest([v])) + 1e-30)
        for a, b, v in zip(ours, measured, values, strict=True)
    ]


def _distance(ours: list[Any], measured: list[Any], y: Any) -> float:
    scales = _scales(ours, measured, y)
    return max(
        [largest([np.abs(a - b) / s]) for a, b, s in zip(ours, measured, scales, strict=True) if a.dtype.kind in "fc"],
        default=0.0,
    )


def _direction(like: Any, rng: Any) -> Any:
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


def _pair(us: list[Any], vs: list[Any]) -> float:
    """``Re(u * v)``, summed over everything."""
    return float(sum([np.sum(u * v).real for u, v in zip(us, vs, strict=True)]))
