"""``scipy.interpolate``: curves through points, as functions of the points, of the values and of where they are asked.

SciPy's interpolators are classes. One that is made of traced values becomes an object of a subclass whose coefficients
are traced; one of plain values is SciPy's own, and asked at traced places it is evaluated by the same expressions.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

from geartrain.errors import RuleError, TraceError, teach
from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.kinds import is_a
from geartrain.ops.factor import inexact
from geartrain.ops.later import METHODS, Later, classes, composes, when
from geartrain.ops.splines import (
    bspline,
    cubic_slopes,
    front,
    hermite,
    interpolating,
    pchip_slopes,
    piecewise,
    places_of,
)

__all__ = ["CLASSES", "REFUSED"]

I = Later("scipy.interpolate")
HERE = "scipy.interpolate"


def _shaped(values: Array, t: Any, axis: int) -> Array:
    """Values for each of the flat places, with the axes of ``t`` where the interpolated axis was."""
    shape = np.shape(t)
    y = np.reshape(values, (*shape, *values.shape[1:]))
    return np.moveaxis(y, range(len(shape)), range(axis, axis + len(shape))) if axis and shape else y


def _refuse(name: str, what: str) -> RuleError:
    do = "Use CubicSpline, PchipInterpolator, interp1d or make_interp_spline, or make a function by gt.custom_rule."
    return RuleError(teach(f"scipy.interpolate.{name}", what, do))


class Piecewise:
    """What a piecewise polynomial of traced coefficients does; mixed in before SciPy's class."""

    _traced: tuple[Array, Array, int, Any]

    @property
    def c(self) -> Any:
        return self._traced[0]

    @property
    def x(self) -> Any:
        return self._traced[1]

    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        return _evaluated(None, self, x, nu, extrapolate)

    def derivative(self, nu: int = 1) -> Any:
        c, x, axis, extrapolate = self._traced
        if nu < 0:
            return self.antiderivative(-nu)
        for _ in range(nu):
            powers = np.reshape(np.arange(c.shape[0] - 1, 0, -1.0), (-1, *(1,) * (c.ndim - 1)))
            c = c[:-1] * powers if c.shape[0] > 1 else c * 0.0
        return _made(self.__class__, (c, x, axis, extrapolate))

    def antiderivative(self, nu: int = 1) -> Any:
        c, x, axis, extrapolate = self._traced
        for _ in range(nu):
            powers = np.reshape(np.arange(c.shape[0], 0, -1.0), (-1, *(1,) * (c.ndim - 1)))
            c = np.concatenate((c / powers, np.zeros_like(c[:1])))
            h = np.reshape(np.diff(x), (-1, *(1,) * (c.ndim - 2)))
            ends: Array = c[0] * h
            for part in c[1:-1]:
                ends = (ends + part) * h
            start = np.concatenate((np.zeros_like(ends[:1]), np.cumsum(ends, axis=0)[:-1]))
            c = np.concatenate((c[:-1], start[None]))
        return _made(self.__class__, (c, x, axis, extrapolate))

    def integrate(self, a: Any, b: Any, extrapolate: Any = None) -> Any:
        total = self.antiderivative()
        return total(b, extrapolate=extrapolate) - total(a, extrapolate=extrapolate)

    def roots(self, *args: Any, **kwargs: Any) -> Any:
        raise _refuse(self.__class__.__name__, "the places where a traced spline has a value have no rule.")

    solve = roots


def _made(kind: Any, traced: tuple[Array, Array, int, Any]) -> Any:
    made: Any = object.__new__(kind)
    made._traced = traced
    made.axis, made.extrapolate = traced[2], traced[3]
    return made


_SUBCLASSES: dict[type, type] = {}


def _become(self: Any, mixin: type) -> None:
    """Make an object one of a subclass whose methods come from ``mixin``."""
    base = self.__class__
    if base not in _SUBCLASSES:
        _SUBCLASSES[base] = type(base.__name__, (mixin, base), {"__module__": base.__module__})
    self.__class__ = _SUBCLASSES[base]


def _init(self: Any, x: Any, c: Array, axis: int, extrapolate: Any) -> None:
    _become(self, Piecewise)
    self._traced = (c, x, axis, extrapolate)
    self.axis, self.extrapolate = axis, extrapolate


def _cubic_spline(
    original: Any, self: Any, x: Any, y: Any, axis: int = 0, bc_type: Any = "not-a-knot", extrapolate: Any = None
) -> None:
    x, y = places_of(x), front(y, axis)
    periodic = isinstance(bc_type, str) and bc_type == "periodic"
    if extrapolate is None:
        extrapolate = "periodic" if periodic else True
    _init(self, x, hermite(x, y, cubic_slopes(x, y, bc_type)), axis % y.ndim, extrapolate)


def _pchip(original: Any, self: Any, x: Any, y: Any, axis: int = 0, extrapolate: Any = None) -> None:
    x, y = places_of(x), front(y, axis)
    _init(self, x, hermite(x, y, pchip_slopes(x, y)), axis % y.ndim, True if extrapolate is None else extrapolate)


def _hermite_spline(
    original: Any, self: Any, x: Any, y: Any, dydx: Any, axis: int = 0, extrapolate: Any = None
) -> None:
    x, y = places_of(x), front(y, axis)
    c = hermite(x, y, front(dydx, axis))
    _init(self, x, c, axis % y.ndim, True if extrapolate is None else extrapolate)


def _ppoly(original: Any, self: Any, c: Any, x: Any, extrapolate: Any = None, axis: int = 0) -> None:
    _init(self, places_of(x), inexact(c), axis, True if extrapolate is None else extrapolate)


def _evaluated(original: Any, self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
    extrapolate = self.extrapolate if extrapolate is None else extrapolate
    return _shaped(piecewise(self.c, self.x, places_of(x), nu, extrapolate), x, self.axis)


# interp1d: straight lines, steps, or cubics.


class Lines:
    """What an ``interp1d`` of traced values does."""

    def __call__(self, x: Any) -> Any:
        return _interpolated(None, self, x)


def _interp1d(
    original: Any,
    self: Any,
    x: Any,
    y: Any,
    kind: Any = "linear",
    axis: int = -1,
    copy: bool = True,
    bounds_error: Any = None,
    fill_value: Any = np.nan,
    assume_sorted: bool = False,
) -> None:
    kind = {1: "linear", "slinear": "linear", 3: "cubic", 0: "zero", "zero": "previous"}.get(kind, kind)
    if kind not in ("linear", "cubic", "nearest", "previous", "next"):
        raise _refuse("interp1d", f"kind={kind!r} has no rule for traced values; linear and cubic have.")
    smooth = kind == "cubic"  # lines and steps keep single precision
    x = places_of(x) if smooth else np.reshape(inexact(x), (-1,))
    y = front(y, axis) if smooth else np.moveaxis(inexact(y), axis, 0)
    if not assume_sorted:
        order = np.argsort(x, kind="mergesort")
        x, y = x[order], y[order]
    _become(self, Lines)
    continued = isinstance(fill_value, str)
    self.x, self._y, self._kind, self.axis = x, y, kind, axis % y.ndim
    self._extrapolate = continued
    self.bounds_error = (not continued and _is_nan(fill_value)) if bounds_error is None else bounds_error
    pair: Any = fill_value if is_a(fill_value, tuple) else (fill_value, fill_value)
    self._fill_value_below, self._fill_value_above = (np.nan, np.nan) if continued else pair
    self._cubic = hermite(x, y, cubic_slopes(x, y, "not-a-knot")) if kind == "cubic" else None


def _is_nan(value: Any) -> bool:
    return value.__class__ is float and math.isnan(value)


def _interpolated(original: Any, self: Any, places: Any) -> Any:
    x, y, kind = np.array(inexact(self.x)), np.array(inexact(self._y)), self._kind
    t = np.reshape(inexact(places), (-1,))
    t = t if kind in ("linear", "nearest", "previous", "next") else t * np.float64(1)
    below, above = t < x[0], t > x[-1]
    if self.bounds_error and bool(np.any(below | above)):
        raise ValueError("A value in x_new is outside of the interpolation range.")
    n = x.shape[0]
    if y.ndim == 2 and len(getattr(self, "_y_extra_shape", (0,))) == 0:  # SciPy keeps a column
        y = y[:, 0]
    elif y.ndim == 2 and hasattr(self, "_y_extra_shape"):
        y = np.reshape(y, (n, *self._y_extra_shape))
    if kind == "linear":
        high = np.clip(np.searchsorted(x, t), 1, n - 1)
        low = high - 1
        share = np.reshape((t - x[low]) / (x[high] - x[low]), (-1, *(1,) * (y.ndim - 1)))
        out = y[low] + share * (y[high] - y[low])
    elif kind in ("previous", "next"):
        side = "right" if kind == "previous" else "left"
        out = y[np.clip(np.searchsorted(x, t, side=side) - (kind == "previous"), 0, n - 1)]
    elif kind == "nearest":
        out = y[np.clip(np.searchsorted((x[1:] + x[:-1]) / 2, t, side="left"), 0, n - 1)]
    elif getattr(self, "_cubic", None) is not None:
        out = piecewise(self._cubic, x, t, 0, True)
    else:
        out = bspline(self._spline.t, self._spline.c, self._spline.k, t, 0)
        out = np.reshape(out, (-1, *getattr(self, "_y_extra_shape", y.shape[1:])))
    if not self._extrapolate:
        wide = (-1, *(1,) * (out.ndim - 1))
        out = np.where(np.reshape(below, wide), self._fill_value_below, out)
        out = np.where(np.reshape(above, wide), self._fill_value_above, out)
    axis = getattr(self, "_y_axis", getattr(self, "axis", 0))
    return _shaped(out, places, axis)


class Splines:
    """What a ``BSpline`` of traced coefficients does."""

    _traced: tuple[Any, Array]

    @property
    def c(self) -> Any:
        return self._traced[1]

    @property
    def t(self) -> Any:
        return self._traced[0]

    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        return _bspline_at(None, self, x, nu, extrapolate)


def _bspline_at(original: Any, self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
    extrapolate = self.extrapolate if extrapolate is None else extrapolate
    t, knots, k = places_of(x), self.t, self.k
    low, high = float(knots[k]), float(knots[len(knots) - k - 1])
    if isinstance(extrapolate, str):
        t = low + np.mod(t - low, high - low)
    out = bspline(knots, self.c, k, t, nu)
    if not extrapolate:
        out = np.where(np.reshape((t >= low) & (t <= high), (-1, *(1,) * (out.ndim - 1))), out, np.nan)
    return _shaped(out, x, self.axis)


@composes(HERE, raw=True)
def make_interp_spline(
    x: Any, y: Any, k: int = 3, t: Any = None, bc_type: Any = None, axis: int = 0, check_finite: bool = True
) -> Any:
    """The coefficients solve the equations of interpolation, which do not move where the places are plain."""
    if bc_type is not None or k == 0:
        raise _refuse(
            "make_interp_spline", "bc_type= and k=0 have no rule for traced values; CubicSpline has bc_type=."
        )
    y, x = front(y, axis), places_of(x)
    try:
        knots, c = interpolating(x, y, k, t)
    except TraceError as error:
        raise _refuse("make_interp_spline", "its knots are traced, and there is no rule in these.") from error
    made: Any = object.__new__(I.BSpline)
    made.k, made.axis, made.extrapolate = k, axis % y.ndim, True
    _become(made, Splines)
    made._traced = (knots, c)
    return made


# Grids of several axes.


def _grid(points: Any) -> list[Array]:
    return [np.array(places_of(p)) for p in points]


def _multilinear(points: list[Array], values: Array, xi: Array, bounds_error: Any, fill: Any) -> Array:
    """Between the corners of the cell that each place (a row of ``xi``) falls into."""
    out: Array = 0.0
    inside: Array = xi[:, 0] == xi[:, 0]
    cells: list[tuple[Array, Array]] = []
    for axis, p in enumerate(points):
        t = xi[:, axis]
        inside = inside & (t >= p[0]) & (t <= p[-1])
        low = np.clip(np.searchsorted(p, t, side="right") - 1, 0, p.shape[0] - 2)
        cells.append((low, (t - p[low]) / (p[low + 1] - p[low])))
    if bounds_error and not bool(np.all(inside)):
        raise ValueError("One of the requested xi is out of bounds")
    wide = (-1, *(1,) * (values.ndim - len(points)))
    for corner in itertools.product((0, 1), repeat=len(points)):
        share: Array = 1.0
        for bit, (_, part) in zip(corner, cells, strict=True):
            share = share * (part if bit else 1 - part)
        index = tuple(low + bit for bit, (low, _) in zip(corner, cells, strict=True))
        out = out + np.reshape(share, wide) * values[index]
    return out if fill is None else np.where(np.reshape(inside, wide), out, fill)


class Grid:
    """What a ``RegularGridInterpolator`` of traced values does."""

    def __call__(self, xi: Any, method: Any = None, *, nu: Any = None) -> Any:
        return _on_grid(None, self, xi, method, nu=nu)


def _regular_grid(
    original: Any,
    self: Any,
    points: Any,
    values: Any,
    method: str = "linear",
    bounds_error: bool = True,
    fill_value: Any = np.nan,
    **kw: Any,
) -> None:
    if method != "linear":
        raise _refuse("RegularGridInterpolator", f"method={method!r} has no rule for traced values; linear has.")
    _become(self, Grid)
    self._grid, self._values = _grid(points), inexact(values)
    self.method, self.bounds_error, self.fill_value = method, bounds_error, fill_value


def _on_grid(original: Any, self: Any, xi: Any, method: Any = None, *, nu: Any = None) -> Any:
    if (self.method if method is None else method) != "linear" or nu is not None:
        raise _refuse("RegularGridInterpolator", "other methods than linear have no rule at traced places.")
    points, values = _grid(self._grid), np.array(self._values)
    xi = np.stack(np.broadcast_arrays(*xi), axis=-1) if isinstance(xi, tuple) else np.asarray(xi)
    if xi.ndim == 1:
        xi = xi[None, :] if len(points) > 1 else xi[:, None]
    flat = np.reshape(xi, (-1, len(points)))
    out = _multilinear(points, values, flat, self.bounds_error, self.fill_value)
    return np.reshape(out, (*xi.shape[:-1], *values.shape[len(points) :]))


@composes(HERE, raw=True)
def interpn(
    points: Any, values: Any, xi: Any, method: str = "linear", bounds_error: bool = True, fill_value: Any = np.nan
) -> Any:
    if method != "linear":
        raise _refuse("interpn", f"method={method!r} has no rule for traced values; linear has.")
    axes = _grid(points)
    places = np.stack(np.broadcast_arrays(*xi), axis=-1) if isinstance(xi, tuple) else np.asarray(xi)
    if places.ndim == 1:
        places = places[None, :] if len(axes) > 1 else places[:, None]
    out = _multilinear(axes, np.array(inexact(values)), np.reshape(places, (-1, len(axes))), bounds_error, fill_value)
    return np.reshape(out, (*places.shape[:-1], *np.shape(values)[len(axes) :]))


# The classes, and those that refuse.

CLASSES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "CubicSpline": (_cubic_spline, _evaluated),
    "PchipInterpolator": (_pchip, _evaluated),
    "CubicHermiteSpline": (_hermite_spline, _evaluated),
    "PPoly": (_ppoly, _evaluated),
    "interp1d": (_interp1d, _interpolated),
    "RegularGridInterpolator": (_regular_grid, _on_grid),
}
REFUSED = [
    "CloughTocher2DInterpolator",
    "SmoothBivariateSpline",
    "LSQBivariateSpline",
    "BPoly",
    "NdPPoly",
]


def _refused(name: str, what: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise _refuse(name, what)

    return refuse


@when(HERE)
def _enter(interpolate: Any) -> None:
    classes(interpolate, CLASSES)
    METHODS.append((interpolate.BSpline, "__call__", _bspline_at))
    for name in REFUSED:
        if hasattr(interpolate, name):
            made = _refused(name, "an interpolator of traced values has no rule.")
            asked = _refused(name, "its value at a traced place has no rule.")
            classes(interpolate, {name: (made, asked)})
