"""``scipy.interpolate``, further: FITPACK's names, polynomials, Akima's curves.

As in ``scipy_interpolate``: an object made of traced values becomes one of a subclass that knows them, and one of plain
values is evaluated at traced places by the same expressions.
"""

from collections.abc import Callable
from typing import Any

from geartrain.errors import TraceError
from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.kinds import is_a
from geartrain.ops.factor import inexact
from geartrain.ops.later import METHODS, classes, composes, no_option, when
from geartrain.ops.splines import akima_slopes, bspline, front, hermite, interpolating, piecewise, places_of

__all__ = ["FURTHER", "become"]

HERE = "scipy.interpolate"


# Curves that become another class: what the classes of traced values share.


class Curve:
    """What an object of traced values does: it knows how to evaluate itself, and no more."""

    _at: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._at(*args, **kwargs)

    def ev(self, *args: Any, **kwargs: Any) -> Any:
        return self._at(*args, **kwargs, grid=False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise no_option(f"scipy.interpolate.{self.__class__.__name__}", f".{name} of traced values", "Call it instead.")


_SUBCLASSES: dict[type, type] = {}


def become(self: Any, at: Callable[..., Any]) -> None:
    """Make an object one of a subclass of its class that is evaluated by ``at``."""
    base = self.__class__
    if base not in _SUBCLASSES:
        hidden = {name: property(_hidden(name)) for name in ("derivative", "derivatives", "integral", "roots")}
        _SUBCLASSES[base] = type(base.__name__, (Curve, base), {"__module__": base.__module__, **hidden})
    self.__class__ = _SUBCLASSES[base]
    self._at = at


def _hidden(name: str) -> Callable[[Any], Any]:
    return lambda self: Curve.__getattr__(self, name)


# Akima's curves: cubics by their slopes.


def _akima(
    original: Any, self: Any, x: Any, y: Any, axis: int = 0, *, method: str = "akima", extrapolate: Any = None
) -> None:
    x, y = places_of(x), front(y, axis)
    if method not in ("akima", "makima"):
        raise NotImplementedError(f"`method`={method} is unsupported.")
    c, axis = hermite(x, y, akima_slopes(x, y, method == "makima")), axis % y.ndim
    usual = False if extrapolate is None else extrapolate

    def at(t: Any, nu: int = 0, extrapolate: Any = None) -> Array:
        return _shaped(piecewise(c, x, places_of(t), nu, usual if extrapolate is None else extrapolate), t, axis)

    become(self, at)


def _akima_at(original: Any, self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Array:
    extrapolate = self.extrapolate if extrapolate is None else extrapolate
    return _shaped(piecewise(self.c, self.x, places_of(x), nu, extrapolate), x, self.axis)


def _shaped(values: Array, t: Any, axis: int) -> Array:
    """Values for each of the flat places, with the axes of ``t`` where the interpolated axis was."""
    shape = np.shape(t)
    y = np.reshape(values, (*shape, *values.shape[1:]))
    return np.moveaxis(y, range(len(shape)), range(axis, axis + len(shape))) if axis and shape else y


# The polynomial through all points, by Newton's divided differences: it has slopes at the points, too.


def _newton(x: Array, y: Array, t: Array) -> Array:
    column = (-1, *(1,) * (y.ndim - 1))
    heads, table = [y[0]], y
    for k in range(1, x.shape[0]):
        table = (table[1:] - table[:-1]) / np.reshape(x[k:] - x[:-k], column)
        heads.append(table[0])
    value = heads[-1] + np.zeros((t.shape[0], *y.shape[1:]))
    for i in range(len(heads) - 2, -1, -1):
        value = value * np.reshape(t - x[i], column) + heads[i]
    return value


def _polynomial(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def made(original: Any, self: Any, xi: Any, yi: Any = None, axis: int = 0, **options: Any) -> None:
        if yi is None:
            raise no_option(f"scipy.interpolate.{name}", "values that come later", "Give yi= at once.")
        x, y = places_of(xi), front(yi, axis)
        if name == "KroghInterpolator" and bool(np.any(np.diff(x) == 0)):
            raise no_option("scipy.interpolate.KroghInterpolator", "derivatives (equal places)", "Use each place once.")

        def at(t: Any) -> Array:
            return _shaped(_newton(x, y, places_of(t)), t, axis % y.ndim)

        become(self, at)

    def asked(original: Any, self: Any, x: Any) -> Array:
        values = np.reshape(self.yi, (len(self.xi), *self._y_extra_shape))
        return _shaped(_newton(np.array(self.xi, float), np.array(values, float), places_of(x)), x, self._y_axis)

    return made, asked


# FITPACK's splines: knots, coefficients, degree.


def _tck(name: str, x: Any, y: Any, k: int) -> tuple[Array, Array, int]:
    x, y = places_of(x), places_of(y)
    try:
        knots, c = interpolating(x, y, k)
    except TraceError as error:
        raise no_option(f"scipy.interpolate.{name}", "knots that are traced", "Keep x constant.") from error
    return np.array(knots), np.concatenate((c, np.zeros(k + 1))), k


def _at_tck(tck: Any, x: Any, nu: int, ext: int) -> Array:
    t, c, k = tck
    c, places = np.asarray(c), places_of(x)
    low, high = float(t[k]), float(t[len(t) - k - 1])
    outside = (places < low) | (places > high)
    if ext == 2 and bool(np.any(outside)):
        raise ValueError("Found x value not in the domain")
    value = bspline(
        tuple(map(float, t)), c[: len(t) - k - 1], k, np.clip(places, low, high) if ext == 3 else places, nu
    )
    return np.reshape(np.where(outside, 0.0, value) if ext == 1 else value, np.shape(x))


@composes(HERE, raw=True)
def splrep(
    x: Any, y: Any, w: Any = None, xb: Any = None, xe: Any = None, k: int = 3, task: int = 0, s: Any = None, **more: Any
) -> Any:
    """The spline through the points: a smoother one finds its knots by a search, which has no rule."""
    others = [
        w,
        xb,
        xe,
        more.get("t"),
        more.get("per") or None,
        more.get("full_output") or None,
        task or None,
        s or None,
    ]
    if any(option is not None for option in others):
        raise no_option("scipy.interpolate.splrep", "other options than k= and s=0", "Interpolate, or fit by lstsq.")
    return _tck("splrep", x, y, k)


@composes(HERE, raw=True)
def splev(x: Any, tck: Any, der: int = 0, ext: int = 0) -> Any:
    if not is_a(tck, tuple) and not is_a(tck, list):
        return tck(x, der, extrapolate=ext == 0)
    t, c, k = tck
    if is_a(c, list):
        return [_at_tck((t, part, k), x, der, ext) for part in c]
    return _at_tck((t, c, k), x, der, ext)


_EXT: dict[Any, Any] = {"extrapolate": 0, "zeros": 1, "raise": 2, "const": 3}


def _univariate(
    original: Any, self: Any, x: Any, y: Any, w: Any = None, bbox: Any = (None, None), *rest: Any, **kw: Any
) -> None:
    name = self.__class__.__name__
    smooths = name == "UnivariateSpline"
    names = ("k", "s", "ext", "check_finite") if smooths else ("k", "ext", "check_finite")
    given: dict[str, Any] = {
        "k": 3,
        "s": None if smooths else 0,
        "ext": 0,
        **dict(zip(names, rest, strict=False)),
        **kw,
    }
    if given["s"] != 0 or w is not None or any(end is not None for end in bbox):
        do = "Give s=0, or fit by np.linalg.lstsq."
        raise no_option(f"scipy.interpolate.{name}", "smoothing, weights or ends of their own", do)
    tck, usual = _tck(name, x, y, given["k"]), given["ext"]

    def at(t: Any, nu: int = 0, ext: Any = None) -> Array:
        ext = usual if ext is None else ext
        return _at_tck(tck, t, nu, _EXT.get(ext, ext))

    become(self, at)


def _least_squares(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
    do = "Solve for the coefficients: np.linalg.lstsq(basis, y) with basis = BSpline(t, np.eye(n), k)(x)."
    raise no_option("scipy.interpolate.LSQUnivariateSpline", "traced points", do)


def _univariate_at(original: Any, self: Any, x: Any, nu: int = 0, ext: Any = None) -> Array:
    ext = self.ext if ext is None else ext
    return _at_tck(self._eval_args, x, nu, _EXT.get(ext, ext))


# Surfaces over a grid: a spline in each direction.


def _rectangle(
    original: Any,
    self: Any,
    x: Any,
    y: Any,
    z: Any,
    bbox: Any = None,
    kx: int = 3,
    ky: int = 3,
    s: float = 0,
    **kw: Any,
) -> None:
    if s != 0 or (bbox is not None and any(end is not None for end in bbox)):
        raise no_option("scipy.interpolate.RectBivariateSpline", "smoothing or bbox=", "Give s=0 and no bbox.")
    try:
        tx, part = interpolating(places_of(x), inexact(z) * np.float64(1), kx)
        ty, c = interpolating(places_of(y), np.swapaxes(part, 0, 1), ky)
    except TraceError as error:
        do = "Keep x and y constant."
        raise no_option("scipy.interpolate.RectBivariateSpline", "places that are traced", do) from error
    c = np.swapaxes(c, 0, 1)

    def at(u: Any, v: Any, dx: int = 0, dy: int = 0, grid: bool = True) -> Array:
        return _surface(tx, ty, c, kx, ky, u, v, dx, dy, grid)

    become(self, at)


def _surface(tx: Any, ty: Any, c: Array, kx: int, ky: int, u: Any, v: Any, dx: int, dy: int, grid: bool) -> Array:
    def basis(knots: Any, k: int, places: Any, nu: int) -> Array:
        return bspline(knots, np.eye(len(knots) - k - 1), k, np.clip(places_of(places), knots[0], knots[-1]), nu)

    if grid:
        return basis(tx, kx, u, dx) @ c @ basis(ty, ky, v, dy).T
    u, v = np.broadcast_arrays(np.asarray(u), np.asarray(v))
    return np.reshape(np.sum((basis(tx, kx, u, dx) @ c) * basis(ty, ky, v, dy), axis=1), np.shape(u))


def _rectangle_at(original: Any, self: Any, x: Any, y: Any, dx: int = 0, dy: int = 0, grid: bool = True) -> Array:
    tx, ty, c = self.tck
    (kx, ky), (tx, ty) = self.degrees, (tuple(map(float, t)) for t in (tx, ty))
    c = np.reshape(c, (len(tx) - kx - 1, len(ty) - ky - 1))
    return _surface(tx, ty, c, kx, ky, x, y, dx, dy, grid)


def _rectangle_ev(original: Any, self: Any, xi: Any, yi: Any, dx: int = 0, dy: int = 0) -> Array:
    return _rectangle_at(original, self, xi, yi, dx, dy, grid=False)


FURTHER: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "Akima1DInterpolator": (_akima, _akima_at),
    "BarycentricInterpolator": _polynomial("BarycentricInterpolator"),
    "KroghInterpolator": _polynomial("KroghInterpolator"),
    "UnivariateSpline": (_univariate, _univariate_at),
    "InterpolatedUnivariateSpline": (_univariate, _univariate_at),
    "LSQUnivariateSpline": (_least_squares, _univariate_at),
    "RectBivariateSpline": (_rectangle, _rectangle_at),
}


@when(HERE)
def _enter(interpolate: Any) -> None:
    classes(interpolate, FURTHER)
    METHODS.append((interpolate.RectBivariateSpline, "ev", _rectangle_ev))
