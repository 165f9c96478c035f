"""What operations do to complex numbers, as NumPy expressions of their real and imaginary parts.

``PARTS[name]`` takes for each operand a pair (the imaginary part of a real one is 0), then the row's params, and gives
a pair; or one array, where the result is real. All parts are of one dtype of floats. Infinities and NaN go where NumPy
lets them go: as C's annex G says for functions, by the plain formula for ``multiply``.
"""

import math
from collections.abc import Callable
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np

__all__ = ["APART", "PARTS", "Pair"]

Pair = tuple[Array, Array]

APART = frozenset(
    [
        *("getitem", "transpose", "reshape", "broadcast", "diagonal", "concatenate", "stack"),
        *("scatter", "scatter_add", "sum", "cumsum", "round", "copy", "alias", "stop_gradient"),
    ]
)
"""What treats real and imaginary parts alike and apart: the same operation on each."""


def _multiply(a: Pair, b: Pair) -> Pair:
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def _square(a: Pair) -> Pair:
    return a[0] * a[0] - a[1] * a[1], a[0] * a[1] + a[1] * a[0]


def _quotient(a: Pair, b: Pair) -> Pair:
    """R. Smith, "Algorithm 116: Complex division" (1962), as NumPy has it."""
    wide = np.abs(b[0]) >= np.abs(b[1])
    large, small = np.where(wide, b[0], b[1]), np.where(wide, b[1], b[0])
    ratio = small / large
    scale = 1 / (large + small * ratio)
    x, y = np.where(wide, a[0], a[1]), np.where(wide, a[1], a[0])
    re, im = (x + y * ratio) * scale, (y - x * ratio) * scale
    return re, np.where(wide, im, -im)


def _divide(a: Pair, b: Pair) -> Pair:
    re, im = _quotient(a, b)
    none, size = np.logical_and(b[0] == 0, b[1] == 0), np.abs(b[0])
    return np.where(none, a[0] / size, re), np.where(none, a[1] / size, im)


def _reciprocal(a: Pair) -> Pair:
    return _quotient((np.ones_like(a[0]), np.zeros_like(a[0])), a)


def _matmul(a: Pair, b: Pair) -> Pair:
    return a[0] @ b[0] - a[1] @ b[1], a[0] @ b[1] + a[1] @ b[0]


def _exp(a: Pair) -> Pair:
    x, y = a
    most, step = (700.0, 650.0) if x.dtype == np.float64 else (80.0, 70.0)
    far = np.logical_and(x > most, x < np.inf)
    size = np.exp(np.where(far, x - step, x))
    more = np.where(far, np.exp(np.asarray(step, x.dtype)), np.ones((), x.dtype))
    re, im = size * np.cos(y) * more, size * np.sin(y) * more
    lost = np.logical_not(np.isfinite(y))
    zero = np.zeros((), x.dtype)
    re = np.where(np.logical_and(lost, x == np.inf), x, np.where(np.logical_and(lost, x == -np.inf), zero, re))
    im = np.where(np.logical_and(lost, x == -np.inf), zero, im)
    real = y == 0
    return np.where(real, np.exp(x), re), np.where(real, y, im)


def _expm1(a: Pair) -> Pair:
    x, y = a
    half = np.sin(y / 2)
    return np.expm1(x) * np.cos(y) - 2 * half * half, np.exp(x) * np.sin(y)


def _log1p(a: Pair) -> Pair:
    x, y = a[0] + 1, a[1]
    return np.log(np.hypot(x, y)), np.arctan2(y, x)


def _times(a: Pair, factor: float) -> Pair:
    return a[0] * np.asarray(factor, a[0].dtype), a[1] * np.asarray(factor, a[1].dtype)


def _log_size(x: Array, y: Array) -> Array:
    """``log(hypot(x, y))``, also where that is near 1, or the sum of squares overflows."""
    most, least = np.fmax(np.abs(x), np.abs(y)), np.fmin(np.abs(x), np.abs(y))
    near = np.logical_and(most > 0.5, most < 1.5)
    inside = np.where(near, (most - 1) * (most + 1) + least * least, (least / most) * (least / most))
    size = 0.5 * np.log1p(inside) + np.where(near, np.zeros((), x.dtype), np.log(most))
    size = np.where(np.logical_or(most == np.inf, most == 0), np.log(most), size)
    lost = np.logical_and(np.logical_or(x != x, y != y), most != np.inf)
    return np.where(lost, np.asarray(np.nan, x.dtype), size)


def _log(a: Pair) -> Pair:
    return _log_size(*a), np.arctan2(a[1], a[0])


def _sqrt(a: Pair) -> Pair:
    x, y = a
    large = np.fmax(np.abs(x), np.abs(y)) > np.finfo(x.dtype).max / 8
    u, v = (np.where(large, part / 16, part) for part in a)
    root = np.sqrt((np.abs(u) + np.hypot(u, v)) / 2)
    other = np.abs(v) / (2 * np.where(root == 0, np.ones((), x.dtype), root))
    right = x >= 0
    re, im = np.where(right, root, other), np.where(right, other, root)
    more = np.where(large, np.asarray(4.0, x.dtype), np.ones((), x.dtype))
    re, im = re * more, np.copysign(im * more, y)
    end = np.isinf(y)
    lost = x != x
    re, im = np.where(lost, x, re), np.where(lost, x, im)
    return np.where(end, np.abs(y), re), np.where(end, y, im)


def _sinh(a: Pair) -> Pair:
    x, y = a
    re, im = np.sinh(x) * np.cos(y), np.cosh(x) * np.sin(y)
    return _or_end(np.where(x == 0, x, re), x, y), np.where(y == 0, y, im)


def _or_end(re: Array, x: Array, y: Array) -> Array:
    """``re``; infinite where ``x`` is and ``y`` is not even finite."""
    return np.where(np.logical_and(np.isinf(x), np.logical_not(np.isfinite(y))), np.abs(x), re)


def _cosh(a: Pair) -> Pair:
    x, y = a
    re, im = np.cosh(x) * np.cos(y), np.sinh(x) * np.sin(y)
    none = np.copysign(np.zeros((), x.dtype), x) * np.copysign(np.ones((), x.dtype), y)
    return _or_end(re, x, y), np.where(np.logical_or(x == 0, y == 0), none, im)


def _tanh(a: Pair) -> Pair:
    x, y = a
    one, zero = np.ones((), x.dtype), np.zeros((), x.dtype)
    far = np.abs(x) > (22.0 if x.dtype == np.float64 else 11.0)
    s, c = np.sin(y), np.cos(y)
    u = np.where(far, one, x)
    sh, ch = np.sinh(u), np.cosh(u)
    below = sh * sh + c * c
    end = np.isinf(x)
    flat = np.logical_and(far, np.logical_or(end, np.isfinite(y)))
    re = np.where(flat, np.copysign(one, x), sh * ch / below)
    thin = np.where(end, np.copysign(zero, y), 4 * s * c * np.exp(-2 * np.abs(x)))
    im = np.where(far, thin, s * c / below)
    return np.where(x == 0, x, re), np.where(y == 0, y, im)


def _turned(f: Callable[[Pair], Pair], a: Pair) -> Pair:
    """``-i f(i a)``: the sine from the hyperbolic one, the tangent too."""
    re, im = f((-a[1], a[0]))
    return im, -re


def _power(a: Pair, b: Pair, whole: int | None) -> Pair:
    """``whole``: the exponent, if that is a small whole number; by squaring then, as NumPy does."""
    if whole is not None:
        result, square, left = None, a, abs(whole)
        while left:
            if left & 1:
                result = square if result is None else _multiply(result, square)
            left >>= 1
            square = _multiply(square, square) if left else square
        assert result is not None
        return result if whole > 0 else _quotient((np.ones_like(a[0]), np.zeros_like(a[0])), result)
    logarithm = _log(a)
    re, im = _exp(_multiply(b, logarithm))
    zero, one, lost = (np.asarray(number, a[0].dtype) for number in (0.0, 1.0, np.nan))
    none, real = np.logical_and(a[0] == 0, a[1] == 0), b[1] == 0
    first = np.logical_and(real, b[0] == 0)
    nothing = np.logical_and(b[0] > 0, real)
    at_zero = np.where(first, one, np.where(nothing, zero, lost))
    re = np.where(none, at_zero, np.where(first, one, re))
    im = np.where(none, np.where(np.logical_or(first, nothing), zero, lost), np.where(first, zero, im))
    return re, im


def _sign(a: Pair) -> Pair:
    """``z / |z|``; the direction where one part alone is infinite, and 0 at 0."""
    one = np.logical_xor(np.isinf(a[0]), np.isinf(a[1]))
    x, y = (np.where(one, np.where(np.isinf(part), np.sign(part), np.zeros_like(part)), part) for part in a)
    size = np.hypot(x, y)
    safe = np.where(size == 0, np.ones_like(size), size)
    return x / safe, y / safe


def _any(test: Callable[[Array], Array]) -> Callable[[Pair], Array]:
    return lambda a: np.logical_or(test(a[0]), test(a[1]))


def _norm2(a: Pair, axes: tuple[int, ...]) -> Array:
    return np.sqrt(np.sum(a[0] * a[0] + a[1] * a[1], axis=axes))


def _equal(a: Pair, b: Pair) -> Array:
    return np.logical_and(a[0] == b[0], a[1] == b[1])


def _compared(how: Callable[[Array, Array], Array], strictly: Callable[[Array, Array], Array]) -> Any:
    """By the real parts, if neither imaginary part is NaN; by the imaginary ones if the real parts are equal."""

    def compare(a: Pair, b: Pair) -> Array:
        both = np.logical_and(a[1] == a[1], b[1] == b[1])
        first = np.logical_and(strictly(a[0], b[0]), both)
        return np.logical_or(first, np.logical_and(a[0] == b[0], how(a[1], b[1])))

    return compare


_less, _less_equal = _compared(np.less, np.less), _compared(np.less_equal, np.less)
_greater, _greater_equal = _compared(np.greater, np.greater), _compared(np.greater_equal, np.greater)


def _extreme(first: Callable[[Pair, Pair], Array], skip_nan: bool) -> Callable[[Pair, Pair], Pair]:
    """``a`` if it comes first, or has (``b`` has, with ``skip_nan``) a NaN; else ``b``."""

    def choose(a: Pair, b: Pair) -> Pair:
        lone = b if skip_nan else a
        keep = np.logical_or(np.logical_or(lone[0] != lone[0], lone[1] != lone[1]), first(a, b))
        return np.where(keep, a[0], b[0]), np.where(keep, a[1], b[1])

    return choose


def _truth(a: Pair) -> Array:
    return np.logical_or(a[0] != 0, a[1] != 0)


OF_ONE: dict[str, Callable[[Pair], Pair | Array]] = {
    "negative": lambda a: (-a[0], -a[1]),
    "positive": lambda a: a,
    "square": _square,
    "reciprocal": _reciprocal,
    "conjugate": lambda a: (a[0], -a[1]),
    "real": lambda a: a[0],
    "imag": lambda a: a[1],
    "complex_abs": lambda a: np.hypot(a[0], a[1]),
    "angle": lambda a: np.arctan2(a[1], a[0]),
    "complex_sign": _sign,
    "exp": _exp,
    "log": _log,
    "exp2": lambda a: _exp(_times(a, math.log(2))),
    "expm1": _expm1,
    "log2": lambda a: _times(_log(a), 1 / math.log(2)),
    "log10": lambda a: _times(_log(a), 1 / math.log(10)),
    "log1p": _log1p,
    "sqrt": _sqrt,
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": _tanh,
    "sin": lambda a: _turned(_sinh, a),
    "cos": lambda a: _cosh((-a[1], a[0])),
    "tan": lambda a: _turned(_tanh, a),
    "isnan": _any(np.isnan),
    "isinf": _any(np.isinf),
    "isfinite": lambda a: np.logical_and(np.isfinite(a[0]), np.isfinite(a[1])),
    "logical_not": lambda a: np.logical_not(_truth(a)),
}
OF_TWO: dict[str, Callable[[Pair, Pair], Pair | Array]] = {
    "add": lambda a, b: (a[0] + b[0], a[1] + b[1]),
    "subtract": lambda a, b: (a[0] - b[0], a[1] - b[1]),
    "multiply": _multiply,
    "divide": _divide,
    "matmul": _matmul,
    "set_real": lambda a, part: (part[0], a[1]),
    "set_imag": lambda a, part: (a[0], part[0]),
    "equal": _equal,
    "not_equal": lambda a, b: np.logical_not(_equal(a, b)),
    "less": _less,
    "less_equal": _less_equal,
    "greater": _greater,
    "greater_equal": _greater_equal,
    "maximum": _extreme(_greater_equal, skip_nan=False),
    "minimum": _extreme(_less_equal, skip_nan=False),
    "fmax": _extreme(_greater_equal, skip_nan=True),
    "fmin": _extreme(_less_equal, skip_nan=True),
    "logical_and": lambda a, b: np.logical_and(_truth(a), _truth(b)),
    "logical_or": lambda a, b: np.logical_or(_truth(a), _truth(b)),
    "logical_xor": lambda a, b: np.logical_xor(_truth(a), _truth(b)),
}
PARTS: dict[str, Callable[..., Any]] = {**OF_ONE, **OF_TWO, "power": _power, "norm2": _norm2}
