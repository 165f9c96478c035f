"""``scipy.interpolate`` for scattered points: radial functions, straight between points, the nearest one."""

import itertools
import math
from collections.abc import Callable
from typing import Any

from geartrain.errors import TraceError
from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.kinds import is_a
from geartrain.ops.factor import inexact
from geartrain.ops.later import Later, classes, composes, no_option, when
from geartrain.ops.scipy_curves import become
from geartrain.ops.table import constant

__all__ = ["SCATTERED"]

HERE = "scipy.interpolate"
S: Any = Later("scipy.spatial")

# Radial functions: sums of functions of the distance, and a polynomial that they leave alone (G. Fasshauer, 2007).

KERNELS: dict[str, tuple[int, Callable[[Array], Array]]] = {
    "linear": (0, lambda q: -_root(q)),
    "thin_plate_spline": (1, lambda q: 0.5 * q * np.log(np.where(q == 0, 1.0, q))),
    "cubic": (1, lambda q: q * _root(q)),
    "quintic": (2, lambda q: -q * q * _root(q)),
    "multiquadric": (0, lambda q: -np.sqrt(q + 1)),
    "inverse_multiquadric": (-1, lambda q: 1 / np.sqrt(q + 1)),
    "inverse_quadratic": (-1, lambda q: 1 / (q + 1)),
    "gaussian": (-1, lambda q: np.exp(-q)),
}
"""By name: the least degree of the polynomial, and the function of the squared distance."""


def _root(q: Array) -> Array:
    return np.where(q == 0, 0.0, np.sqrt(np.where(q == 0, 1.0, q)))


def _rbf(
    original: Any,
    self: Any,
    y: Any,
    d: Any,
    neighbors: Any = None,
    smoothing: Any = 0.0,
    kernel: str = "thin_plate_spline",
    epsilon: Any = None,
    degree: Any = None,
) -> None:
    if neighbors is not None:
        raise no_option("scipy.interpolate.RBFInterpolator", "neighbors=", "Use all points: leave it out.")
    least = KERNELS[kernel.lower()][0]
    made = (inexact(y) * np.float64(1), inexact(d) * np.float64(1), smoothing, kernel.lower())
    epsilon, degree = 1.0 if epsilon is None else epsilon, max(least, 0) if degree is None else degree

    def at(x: Any) -> Array:
        return _radial(*made, epsilon, degree, x)

    become(self, at)


def _radial(y: Array, d: Array, smoothing: Any, kernel: str, epsilon: Any, degree: int, x: Any) -> Array:
    function, (n, ndim) = KERNELS[kernel][1], y.shape
    x = np.asarray(x) * np.float64(1)
    low, high = np.min(y, axis=0), np.max(y, axis=0)  # the polynomial is one of places between -1 and 1
    middle, half = (low + high) / 2, np.where(high > low, (high - low) / 2, 1.0)
    powers = [p for p in itertools.product(range(degree + 1), repeat=ndim) if sum(p) <= degree]

    def rows(a: Array) -> Array:
        far = function(epsilon * epsilon * np.sum((a[:, None, :] - y) ** 2, axis=-1))
        return np.concatenate(
            (far, *[np.prod(((a - middle) / half) ** np.array(p), axis=1)[:, None] for p in powers]), axis=1
        )

    upper = rows(y)
    upper = upper + np.concatenate((np.eye(n) * smoothing, np.zeros((n, len(powers)))), axis=1)
    lower = np.concatenate((upper[:, n:].T, np.zeros((len(powers), len(powers)))), axis=1)
    flat = np.reshape(d, (n, -1))
    right = np.concatenate((flat, np.zeros((len(powers), flat.shape[1]))))
    weights = np.linalg.solve(np.concatenate((upper, lower)), right)
    return np.reshape(rows(x) @ weights, (x.shape[0], *d.shape[1:]))


def _rbf_at(original: Any, self: Any, x: Any) -> Array:
    if self.neighbors is not None:
        raise no_option("scipy.interpolate.RBFInterpolator", "neighbors=", "Use all points: leave it out.")
    degree = int(np.max(np.sum(self.powers, axis=1), initial=-1))
    d = np.reshape(np.array(self.d).view(self.d_dtype), (-1, *self.d_shape))
    return _radial(self.y, d, self.smoothing, self.kernel, self.epsilon, degree, x)


# Scattered points: straight between three of them (in the plane), or the nearest one. The triangles do not move.


def _simplices(xi: Array, triangles: Any) -> Array:
    return triangles.find_simplex(xi)


def _closest(xi: Array, points: Any) -> Array:
    return np.asarray(points.query(xi)[1])


SIMPLICES = constant("simplices", _simplices, "triangles")
CLOSEST = constant("closest", _closest, "points")


def _plain(name: str, points: Any) -> Array:
    try:
        return np.array([[float(v) for v in row] for row in np.atleast_2d(np.asarray(points))])
    except TraceError as error:
        raise no_option(f"scipy.interpolate.{name}", "points that are traced", "Keep the points constant.") from error


def _in_rows(xi: Any) -> Array:
    """Points as rows; given one coordinate after the other, too."""
    xi = xi[0] if is_a(xi, tuple) and len(xi) == 1 else xi
    xi = np.stack(np.broadcast_arrays(*[np.asarray(x) for x in xi]), axis=-1) if is_a(xi, tuple) else np.asarray(xi)
    return xi * np.float64(1)


def _between(triangles: Any, values: Array, xi: Array, fill: Any) -> Array:
    flat, ndim = np.reshape(xi, (-1, xi.shape[-1])), xi.shape[-1]
    found = SIMPLICES(flat, params=(triangles,))
    there, whole = np.array(triangles.transform)[found], np.array(triangles.simplices)[found]
    some = np.sum(there[:, :ndim] * (flat - there[:, ndim])[:, None, :], axis=-1)
    shares = np.concatenate((some, 1 - np.sum(some, axis=1, keepdims=True)), axis=1)
    corners = np.array(values)[whole]
    wide = (-1, *(1,) * (corners.ndim - 2))
    out = np.sum(np.reshape(shares, (*shares.shape, *wide[1:])) * corners, axis=1)
    out = np.where(np.reshape(found >= 0, wide), out, fill)
    return np.reshape(out, (*xi.shape[:-1], *out.shape[1:]))


@composes(HERE, raw=True)
def griddata(
    points: Any, values: Any, xi: Any, method: str = "linear", fill_value: Any = math.nan, rescale: bool = False
) -> Any:
    at, values = _in_rows(xi), inexact(values) * np.float64(1)
    flat = _plain("griddata", np.stack(points, axis=-1) if is_a(points, tuple) else points)
    if rescale or method not in ("linear", "nearest") or flat.shape[1] < 2:
        do = "Give method='linear' or 'nearest'; on a line, use interp1d."
        raise no_option("scipy.interpolate.griddata", f"method={method!r}, rescale=, or points on a line", do)
    if method == "nearest":
        return np.array(values)[CLOSEST(at, params=(S.cKDTree(flat),))]
    return _between(S.Delaunay(flat), values, at, fill_value)


def _linear(
    original: Any, self: Any, points: Any, values: Any, fill_value: Any = math.nan, rescale: bool = False
) -> None:
    if rescale:
        raise no_option("scipy.interpolate.LinearNDInterpolator", "rescale=", "Scale the points yourself.")
    known = points if is_a(points, S.Delaunay) else S.Delaunay(_plain("LinearNDInterpolator", points))
    values = inexact(values) * np.float64(1)

    def at(*xi: Any) -> Array:
        return _between(known, values, _in_rows(xi), fill_value)

    become(self, at)


def _linear_at(original: Any, self: Any, *xi: Any) -> Array:
    values = np.reshape(self.values, (-1, *self.values_shape))
    return _between(self.tri, values, _in_rows(xi), self.fill_value)


def _nearest(original: Any, self: Any, x: Any, y: Any, rescale: bool = False, tree_options: Any = None) -> None:
    if rescale:
        raise no_option("scipy.interpolate.NearestNDInterpolator", "rescale=", "Scale the points yourself.")
    known, values = S.cKDTree(_plain("NearestNDInterpolator", x)), inexact(y) * np.float64(1)

    def at(*xi: Any) -> Array:
        return np.array(values)[CLOSEST(_in_rows(xi), params=(known,))]

    become(self, at)


def _nearest_at(original: Any, self: Any, *xi: Any) -> Array:
    return np.array(self.values)[CLOSEST(_in_rows(xi), params=(self.tree,))]


SCATTERED: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "RBFInterpolator": (_rbf, _rbf_at),
    "LinearNDInterpolator": (_linear, _linear_at),
    "NearestNDInterpolator": (_nearest, _nearest_at),
}


@when(HERE)
def _enter(interpolate: Any) -> None:
    classes(interpolate, SCATTERED)
