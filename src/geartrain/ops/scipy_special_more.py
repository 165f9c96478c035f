"""``scipy.special``: functions that are expressions of others."""

import math
from typing import Any

from geartrain.ir.aval import Array
from geartrain.ir.untyped import numpy as np
from geartrain.ops.later import Later, composes
from geartrain.ops.shape import STOP, cast
from geartrain.ops.table import constant

__all__ = ["logsumexp", "softmax"]

S = Later("scipy.special")
PI = math.pi


@composes("scipy.special")
def lambertw(z: Array, k: int = 0, tol: float = 1e-8) -> Array:
    """Two steps of Newton's method at the solution give its first derivatives, a third the second ones."""
    z = np.asarray(z) + 0j
    w = _CONSTANT_W(z, params=(int(k), tol))
    for _ in range(3):
        grown = w * np.exp(w)
        w = w - (grown - z) / (np.exp(w) * (w + 1))
    return w


def _plain_lambertw(z: Array, k: int, tol: float) -> Array:
    return S.lambertw(z, k, tol)


_CONSTANT_W = constant("special_lambertw", _plain_lambertw, "k", "tol")


@composes("scipy.special")
def logsumexp(a: Array, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """The largest element is taken out as a constant, so that nothing overflows."""
    a = np.asarray(a)
    a = a if a.dtype.kind in "fc" else a * 1.0
    top = np.max(STOP(np.real(a)), axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, np.zeros((), top.dtype))
    terms = np.exp(a - top)
    total = np.sum(terms if b is None else b * terms, axis=axis, keepdims=True)
    sign = np.sign(total)
    y = np.log(total if not return_sign else np.abs(total)) + top
    y, sign = (v if keepdims else np.squeeze(v, axis=axis)[()] for v in (y, sign))
    return (y, sign) if return_sign else y


@composes("scipy.special")
def softmax(x: Array, axis: Any = None) -> Array:
    x = np.asarray(x)
    grown = np.exp(x - STOP(np.max(x, axis=axis, keepdims=True)))
    return grown / np.sum(grown, axis=axis, keepdims=True)


@composes("scipy.special")
def log_softmax(x: Array, axis: Any = None) -> Array:
    x = np.asarray(x)
    shifted = x - STOP(np.max(x, axis=axis, keepdims=True))
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


@composes("scipy.special")
def softplus(x: Array) -> Array:
    return np.logaddexp(0.0, x)


@composes("scipy.special")
def polygamma(n: Any, x: Array) -> Array:
    n = np.asarray(n)
    size = np.where(n % 2 == 0, -1.0, 1.0) * S.gamma(n + 1.0)
    return np.where(n == 0, S.psi(x), size * S.zeta(np.where(n == 0, 1, n) + 1.0, x))[()]


@composes("scipy.special")
def multigammaln(a: Array, d: int) -> Array:
    a = np.asarray(a)
    terms = S.gammaln(a[..., None] - np.arange(d) / 2.0)
    return np.sum(terms, axis=-1) + d * (d - 1) / 4.0 * math.log(PI)


def _double(x: Array) -> Array:
    x = np.asarray(x)
    return x if x.dtype.kind == "c" else cast(x, float)


@composes("scipy.special")
def factorial(n: Array, exact: bool = False, extend: str = "zero") -> Array:
    return S.gamma(_double(n) + 1.0)


@composes("scipy.special")
def comb(N: Array, k: Array, *, exact: bool = False, repetition: bool = False) -> Array:
    n = _double(N)
    return S.binom(n + k - 1.0, k) if repetition else S.binom(n, k)


@composes("scipy.special")
def spherical_jn(n: Any, z: Array, derivative: bool = False) -> Array:
    """By the cylindrical function of half an order more (DLMF 10.47)."""
    if derivative:
        return np.where(n == 0, -spherical_jn(1, z), n / z * spherical_jn(n, z) - spherical_jn(n + 1, z))[()]
    z = _double(z)
    return np.sqrt(PI / (2 * z)) * S.jv(n + 0.5, z)


@composes("scipy.special")
def spherical_yn(n: Any, z: Array, derivative: bool = False) -> Array:
    if derivative:
        return n / z * spherical_yn(n, z) - spherical_yn(n + 1, z)
    z = _double(z)
    return np.sqrt(PI / (2 * z)) * S.yv(n + 0.5, z)


@composes("scipy.special")
def spherical_in(n: Any, z: Array, derivative: bool = False) -> Array:
    if derivative:
        return n / z * spherical_in(n, z) + spherical_in(n + 1, z)
    z = _double(z)
    return np.sqrt(PI / (2 * z)) * S.iv(n + 0.5, z)


@composes("scipy.special")
def spherical_kn(n: Any, z: Array, derivative: bool = False) -> Array:
    if derivative:
        return n / z * spherical_kn(n, z) - spherical_kn(n + 1, z)
    z = _double(z)
    return np.sqrt(PI / (2 * z)) * S.kv(n + 0.5, z)
