"""The table of cases: plain NumPy programs that between them use each row and each spelling, with arguments to try."""

from collections.abc import Callable
from typing import Any

import geartrain as gt
from geartrain.ir.op import Pointwise
from geartrain.ir.untyped import numpy as np
from geartrain.ops.degenerate import UNKNOWN
from geartrain.ops.shape import ITEM
from geartrain.ops.table import ROWS
from tests.ops.draws import Case, Draw, a, between, d, made, p, spd, spread, sym, up, z

LA: Any = np.linalg


def writes_to_parts(z: Any, x: Any, y: Any) -> Any:
    z = z * 1j
    z.real = x * y
    z.imag[:, 1:] = x[:, 1:] * 2
    return z


CASES: list[Case] = []


def case(name: str, f: Callable[..., Any], *draws: Draw, smooth: int = 2) -> None:
    CASES.append(Case(name, f, draws, smooth))


# Each element alone: from the rows themselves.

for row in ROWS.values():
    if isinstance(row, Pointwise) and hasattr(np, row.name) and row.name not in ("ldexp", "heaviside", "nextafter"):
        shapes = [(3,)] * len(row.domain)
        case(row.name, getattr(np, row.name), *[between(*s, *n) for s, n in zip(row.domain, shapes, strict=True)])
case("ldexp", lambda x: np.ldexp(x, np.array([1, -2, 3])), a(3))
case("heaviside", lambda x: np.heaviside(np.array([-1.0, 0.0, 2.0]), x), a(3))
case("nextafter", lambda x: np.nextafter(x, 9.0), a(3))
case("divmod", lambda x, y: np.divmod(x, y)[1], between(5.1, 5.9, 3), between(2.0, 2.4, 3))
case("modf", lambda x: np.modf(x), d(3))
case("stop_gradient", lambda x: gt.stop_gradient(x) * x, a(3), smooth=0)
case("frexp", lambda x: np.frexp(x)[0], d(3))
case("power 2", lambda x: np.power(x, 2) + x**3 + x**-1.5 + 2.0**x, p(3))
case("broadcasting", lambda x, y: x * y + np.maximum(x, y) / (3 + np.tanh(y)), a(3, 1), a(1, 2))
case("item", lambda x: ITEM(np.sin(x)) * x, p())
case("scalars", lambda x: 3 * x - 1 / x + np.sin(x) ** 2, p())

CONSTANTS_1 = [
    "floor",
    "ceil",
    "trunc",
    "rint",
    "sign",
    "signbit",
    "spacing",
    "isfinite",
    "isinf",
    "isnan",
    "logical_not",
]
CONSTANTS_2 = [
    "equal",
    "not_equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "logical_and",
    "logical_or",
    "logical_xor",
    "floor_divide",
]
INTEGERS = ["bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift", "gcd", "lcm"]
for f in [getattr(np, name) for name in CONSTANTS_1]:
    case(f.__name__, lambda x, f=f: x * f(x), d(4))
for f in [getattr(np, name) for name in CONSTANTS_2]:
    case(f.__name__, lambda x, y, f=f: x * f(x, y), d(4), p(4))
for f in [getattr(np, name) for name in INTEGERS]:
    case(f.__name__, lambda x, f=f: x * f((x > 0).astype(int), np.array([1, 0, 1, 0])), d(4))
case("invert", lambda x: x * np.invert(x > 0), d(4))

# Folds.

for f in (np.sum, np.mean, np.var, np.std, np.prod):
    n = f.__name__
    case(n, f, a(2, 3))
    case(n + " axis", lambda x, f=f: f(x, axis=1), a(2, 3))
    case(n + " axes", lambda x, f=f: f(x, axis=(0, -1), keepdims=True), a(2, 3, 2))
    case(n + " where", lambda x, f=f: f(x, axis=0, where=np.array([[1, 0, 1], [1, 1, 0], [0, 1, 1]], bool)), a(3, 3))
for f in (np.max, np.min, np.amax, np.ptp):
    case(f.__name__, f, d(2, 3))
    case(f.__name__ + " axis", lambda x, f=f: f(x, axis=-1, keepdims=True), d(2, 3))
case("sum dtype", lambda x: np.sum(x, dtype=np.float64, initial=2.0), a(3))
case("prod of zeros", np.prod, lambda rng: np.array([2.0, 0.0, 3.0]))
case("max initial", lambda x: np.max(x, initial=0.1, axis=0), d(3, 2))
case("amin", np.amin, d(3))
case("var ddof", lambda x: np.var(x, axis=0, ddof=1) + np.std(x, axis=0, ddof=1), a(4, 2))
case("var complex", np.var, z(4))
case("average", lambda x, w: np.average(x, axis=1, weights=w), a(2, 3), p(3))
case("average returned", lambda x: np.average(x, axis=1, returned=True)[0], a(2, 3))
case("cumsum", lambda x: np.cumsum(x, axis=1), a(2, 3))
case("cumsum flat", np.cumsum, a(2, 3))
case("cumprod", lambda x: np.cumprod(x, axis=0), a(4, 2))
case("diff", lambda x: np.diff(x, n=2, axis=0), a(4, 2))
case("diff ends", lambda x: np.diff(x, prepend=0.0, append=1.0), a(4))
case("any all", lambda x: x * np.any(x > 0, axis=0) + x * np.all(x > -9, axis=1, keepdims=True), d(3, 2))
case("argmax", lambda x: x[np.argmax(x)] + x[np.argmin(x)], d(4))
case("argmax axis", lambda x: x * (np.argmax(x, axis=0) + np.argmin(x, axis=0)), d(3, 2))
case("count_nonzero", lambda x: x * np.count_nonzero(x > 0, axis=0), d(3, 2))

# Shapes.

case("reshape", lambda x: np.reshape(x, (3, -1)) * x.reshape(3, 2), a(2, 3))
case("reshape F", lambda x: np.reshape(x, (3, 2), order="F"), a(2, 3))
case("ravel", lambda x: np.ravel(x) * np.ravel(x, order="F"), a(2, 3))
case("transpose", lambda x: np.transpose(x, (2, 0, 1)), a(2, 3, 4))
case("T", lambda x: x.T @ x, a(2, 3))
case("permute_dims", lambda x: np.permute_dims(x, (1, 0)), a(2, 3))
case("matrix_transpose", lambda x: np.matrix_transpose(x) + LA.matrix_transpose(x), a(2, 3, 4))
case("swapaxes", lambda x: np.swapaxes(x, 0, 2), a(2, 3, 4))
case("moveaxis", lambda x: np.moveaxis(x, (0, 1), (-1, 0)), a(2, 3, 4))
case("rollaxis", lambda x: np.rollaxis(x, 2), a(2, 3, 4))
case("squeeze", lambda x: np.squeeze(x, axis=0) * np.squeeze(x), a(1, 3))
case("expand_dims", lambda x: np.expand_dims(x, (0, 2)), a(3))
case("atleast", lambda x: np.atleast_1d(x) * np.atleast_2d(x) * np.atleast_3d(x), a())
case("broadcast_to", lambda x: np.broadcast_to(x, (2, 3)), a(3))
case("broadcast_arrays", lambda x, y: np.broadcast_arrays(x, y)[0], a(3), a(2, 1))
case("astype", lambda x: np.astype(x, np.float64) * x, a(3))
case("cast_constant", lambda x: x * x.astype(int), d(3))
case("concatenate", lambda x, y: np.concatenate((x, y), axis=1), a(2, 3), a(2, 1))
case("concat flat", lambda x, y: np.concat((x, y), axis=None), a(2, 3), a(2, 1))
case("stack", lambda x, y: np.stack((x, y, x), axis=-1), a(3), a(3))
case("vstack hstack", lambda x, y: np.vstack((x, y)) @ np.hstack((x, y))[:3], a(3), a(3))
case("dstack", lambda x, y: np.dstack((x, y)), a(3), a(3))
case("column_stack", lambda x, y: np.column_stack((x, y)), a(3), a(3, 2))
case("append", lambda x, y: np.append(x, y), a(3), a(2))
case("split", lambda x: np.split(x, 3)[1], a(6))
case("array_split", lambda x: np.array_split(x, 4)[0], a(6))
case("hsplit", lambda x: np.hsplit(x, 2)[1] + np.vsplit(x, 1)[0][:, :2], a(1, 4))
case("dsplit", lambda x: np.dsplit(x, 2)[1], a(1, 1, 4))
case("unstack", lambda x: np.unstack(x, axis=1)[0], a(2, 3))
case("flip", lambda x: np.flip(x) + np.flip(x, 1), a(2, 3))
case("flipud", lambda x: np.flipud(x) + np.fliplr(x), a(2, 3))
for k in range(4):
    case(f"rot90 {k}", lambda x, k=k: np.rot90(x, k), a(2, 3))
case("roll", lambda x: np.roll(x, (3, 1)) + np.roll(x, (1, -2), axis=(0, 1)), a(2, 3))
case("tile", lambda x: np.tile(x, (2, 1, 2)), a(2, 3))
case("repeat", lambda x: np.repeat(x, 2), a(2, 3))
case("repeat counts", lambda x: np.repeat(x, [1, 0, 2], axis=1), a(2, 3))
case("resize", lambda x: np.resize(x, (2, 4)), a(3))
case("pad", lambda x: np.pad(x, ((1, 0), (0, 2))), a(2, 3))
case("pad value", lambda x: np.pad(x, 1, constant_values=5.0), a(3))
for mode in ("edge", "reflect", "symmetric", "wrap"):
    case(f"pad {mode}", lambda x, mode=mode: np.pad(x, 2, mode=mode), a(3, 4))
case("trim_zeros", lambda x: np.trim_zeros(x * np.array([0.0, 1.0, 2.0, 0.0])), p(4))

# Parts.

case("getitem", lambda x: x[1] * x[:, 1] * x[-1, 2], a(3, 3))
case("getitem slices", lambda x: x[::-1, None, 1::2], a(3, 4))
case("getitem arrays", lambda x: x[np.array([0, 2, 0]), 1:], a(3, 4))
case("getitem pairs", lambda x: x[[0, 2, 0], [1, 1, 1]], a(3, 4))
case("getitem apart", lambda x: x[np.array([0, 1]), :, np.array([1, 1])], a(2, 3, 4))
case("getitem mask", lambda x: x[x > 0], d(3, 2))
case("setitem", lambda x: made(x, lambda b: b.__setitem__(1, x[0] * 2)), a(3, 2))
case("setitem arrays", lambda x: made(x, lambda b: b.__setitem__(np.array([0, 1]), x[1:] ** 2)), a(3, 2))
case("setitem mask", lambda x: made(x, lambda b: b.__setitem__(x > 0, 7.0)), d(3, 2))
case("where", lambda x, y: np.where(x > 0, x * y, y), d(3), a(3))
case("nonzero", lambda x: x[np.where(x > 0)], d(3))
case("argwhere", lambda x: x * np.argwhere(x > 0)[0, 0], d(3))
case("select", lambda x: np.select([x > 1, x > 0], [x**2, -x], x * 3), d(5))
case("clip", lambda x: np.clip(x, 0.1, 1.1), d(5))
case("take", lambda x: np.take(x, [[0, 1], [1, 1]], axis=1) + np.sum(np.take(x, [2, 7], mode="wrap")), a(3, 2))
case("take_along_axis", lambda x: np.take_along_axis(x, np.array([[1], [0]]), axis=1), a(2, 3))
case("put_along_axis", lambda x: made(x, lambda b: np.put_along_axis(b, np.array([[1], [0]]), x[:, :1], 1)), a(2, 3))
case("compress", lambda x: np.compress([True, False, True], x, axis=1), a(2, 3))
case("extract", lambda x: np.extract(x > 0, x), d(2, 3))
case("delete", lambda x: np.delete(x, 1, axis=1), a(2, 3))
case("insert", lambda x: np.insert(x, 1, 5.0, axis=1), a(2, 3))
case("writes to parts", writes_to_parts, z(2, 3), a(2, 3), a(3))
case("diagonal", lambda x: np.diagonal(x, 1), a(3, 4))
case("diagonal axes", lambda x: np.diagonal(x, -1, 0, 2) + LA.diagonal(np.swapaxes(x, 0, 1), offset=-1), a(3, 2, 4))
case("trace", lambda x: np.trace(x) + LA.trace(x), a(3, 3))
case("diag", lambda x: np.diag(np.diag(x), 1) + np.diag(np.diag(x), -1), a(3, 3))
case("diagflat", np.diagflat, a(2, 2))
case("tril triu", lambda x: np.tril(x, -1) + np.triu(x, 1) * 2, a(2, 3, 3))
case("fill_diagonal", lambda x: made(x, lambda b: np.fill_diagonal(b, x[0])), a(3, 3))

# Products.

for left, right in [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 2)),
    ((5, 1, 2, 3), (4, 3, 2)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
]:
    case(f"matmul {left} {right}", lambda x, y: x @ y, a(*left), a(*right))
for left, right in [((), (3,)), ((2, 3), (3,)), ((2, 3, 4), (5, 4, 2)), ((2, 3), (3, 2))]:
    case(f"dot {left} {right}", np.dot, a(*left), a(*right))
case("inner", np.inner, a(2, 3), a(4, 3))
case("outer", lambda x, y: np.outer(x, y) + LA.outer(x, y), a(2), a(3))
case("vdot", np.vdot, z(3), z(3))
case("vecdot", lambda x, y: np.vecdot(x, y) + LA.vecdot(x, y), a(2, 3), a(2, 3))
case("tensordot", lambda x, y: np.tensordot(x, y, axes=([0, 2], [1, 0])), a(2, 3, 4), a(4, 2, 5))
case("tensordot 1", lambda x, y: np.tensordot(x, y, 1) + LA.tensordot(x, y, axes=1), a(2, 3), a(3, 2))
case("LA.matmul", lambda x, y: LA.matmul(x, y), a(2, 3), a(3, 2))
case("kron", np.kron, a(2, 3), a(2))
for expr, *operands in [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij->ji", (2, 3)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("ij->", (2, 3)),
    ("i,i,i->i", (3,), (3,), (3,)),
    ("...ij,...jk->...ik", (5, 2, 3), (3, 4)),
    ("ij,j", (2, 3), (3,)),
    ("bij,bjk,kl->bil", (2, 2, 3), (2, 3, 2), (2, 3)),
    ("i,j->ij", (2,), (3,)),
    ("iij,j->i", (2, 2, 3), (3,)),
    ("...i->...", (2, 3)),
    ("ij,ij->i", (1, 3), (4, 3)),
]:
    case(f"einsum {expr}", lambda *xs, expr=expr: np.einsum(expr, *xs), *[a(*s) for s in operands])
case("einsum lists", lambda x, y: np.einsum(x, [0, 1], y, [1, 2], [0, 2]), a(2, 3), a(3, 4))

# Linear algebra.

case("solve", lambda x, y: LA.solve(spread(x), y), a(3, 3), a(3, 2))
case("solve vector", lambda x, y: LA.solve(spread(x), y), a(3, 3), a(3))
case("solve stacks", lambda x, y: LA.solve(spread(x), y), a(2, 3, 3), a(3, 2))
case("solve stack vector", lambda x, y: LA.solve(spread(x), y), a(2, 3, 3), a(3))
case("solve complex", lambda x, y: LA.solve(spread(x), y), z(2, 2), z(2))
case("solve constant", lambda y: LA.solve(np.array([[2.0, 1.0], [0.5, 3.0]]), y), a(2))
case("inv", lambda x: LA.inv(spread(x)), a(2, 3, 3))
case("inv complex", lambda x: LA.inv(spread(x)), z(2, 2))
case("pinv wide", LA.pinv, a(2, 3))
case("pinv tall", lambda x: LA.pinv(x), z(2, 3, 2))
case("pinv rank 1", lambda x, y: LA.pinv(np.outer(x, y)), a(3), a(2), smooth=1)
case("det", LA.det, a(3, 3))
case("det stack", LA.det, a(2, 2, 2))
case("det complex", LA.det, z(3, 3))
case("det 1", LA.det, a(1, 1))
case("det singular", LA.det, lambda rng: np.arange(9.0).reshape(3, 3), smooth=2)
case("det singular twice", LA.det, lambda rng: np.outer(np.arange(1.0, 4), np.arange(2.0, 5)), smooth=2)
case("slogdet", lambda x: LA.slogdet(x)[1] * LA.slogdet(x)[0], a(2, 3, 3))
case("slogdet complex", lambda x: LA.slogdet(x)[1] * LA.slogdet(x)[0], z(2, 3, 3))
case("cholesky", lambda x: LA.cholesky(spd(x)), a(2, 3, 3))
case("cholesky upper", lambda x: LA.cholesky(spd(x), upper=True), z(3, 3))
for m, n in [(3, 3), (4, 2), (2, 4)]:
    case(f"qr {m}x{n}", lambda x: tuple(LA.qr(x)), a(m, n))
    case(f"svd {m}x{n}", lambda x: tuple(LA.svd(x, full_matrices=False)), a(m, n))
case("qr complex", lambda x: tuple(LA.qr(x)), z(2, 3, 2))
case("qr r", lambda x: LA.qr(x, mode="r"), a(4, 2))
case("qr complete", lambda x: np.abs(LA.qr(x, mode="complete")[0][:, 1:] @ np.array([[1.0], [0.0]])), a(3, 2))
case("svd stack", lambda x: LA.svd(x)[0], a(2, 3, 3))
case("svd values", lambda x: LA.svd(x, compute_uv=False) + LA.svdvals(x), z(2, 3, 2))
case("svd hermitian", lambda x: LA.svd(sym(x), hermitian=True)[1], a(3, 3))
case(
    "svd complex",
    lambda x: (lambda u, s, vh: (np.abs(u), s, (u * s**2) @ vh))(*LA.svd(x, full_matrices=False)),
    z(3, 2),
)
case("svd full", lambda x: (lambda u, s, vh: (u[:, 2:] @ u[:, 2:].T, s, vh))(*LA.svd(x)), a(4, 2))
case("svd full wide", lambda x: (lambda u, s, vh: (vh[2:].T @ vh[2:], s, u))(*LA.svd(x)), a(2, 4))
case("eigh", lambda x: tuple(LA.eigh(sym(x))), a(2, 3, 3))
case("unknown", lambda x: UNKNOWN(x, params=(2,)) + x, a(3))
case("eigh U", lambda x: tuple(LA.eigh(sym(x), UPLO="U")), a(3, 3))
case("eigh complex", lambda x: (lambda w, v: (w, np.abs(v), (v * w**3) @ np.conjugate(v.T)))(*LA.eigh(sym(x))), z(3, 3))
case("eigvalsh", lambda x: LA.eigvalsh(sym(x)), z(3, 3))
for order in (None, np.inf, -np.inf, 1, 2, 3, 0.5, -1):
    case(f"norm vector {order}", lambda x, order=order: LA.norm(x, order), d(4))
    case(f"norm axis {order}", lambda x, order=order: LA.norm(x, order, axis=1, keepdims=True), d(2, 3))
for order in (None, "fro", "nuc", np.inf, -np.inf, 1, -1, 2, -2):
    case(f"norm matrix {order}", lambda x, order=order: LA.norm(x, order, axis=(0, 2)), d(3, 2, 4))
case("norm 0", lambda x: x * LA.norm(x, 0), d(3))
case("norm complex", LA.norm, z(2, 3))
case("norm 3 complex", lambda x: LA.norm(x, 3), z(3))
case("norm cube", LA.norm, a(2, 3, 2))
case("vector_norm", lambda x: LA.vector_norm(x, axis=(0, 2), ord=3) + LA.vector_norm(x, axis=0)[:, 0], a(2, 3, 2))
case("matrix_norm", lambda x: LA.matrix_norm(x) + LA.matrix_norm(x, ord="nuc"), a(2, 3, 2))
for order in (None, -2, 1, "fro"):
    case(f"cond {order}", lambda x, order=order: LA.cond(spread(x), order), a(3, 3))
case("matrix_rank", lambda x: x * LA.matrix_rank(x), a(3, 3))
for n in (-2, 0, 1, 5):
    case(f"matrix_power {n}", lambda x, n=n: LA.matrix_power(spread(x), n) * x[0, 0], a(2, 2))
case("multi_dot", lambda x, y, w, v: LA.multi_dot([x, y, w, v]), a(2, 3), a(3, 1), a(1, 4), a(4))
case("tensorsolve", lambda x, y: LA.tensorsolve(x, y), a(2, 3, 6), a(2, 3))
case("tensorinv", lambda x: LA.tensorinv(x, ind=2), a(2, 3, 6))
case("lstsq", lambda x, y: LA.lstsq(x, y)[:2], a(4, 2), a(4, 3))
case("cross", lambda x, y: np.cross(x, y) + LA.cross(x, y), a(2, 3), a(3))
case("cross axes", lambda x, y: np.cross(x, y, axisa=0, axisb=0, axisc=0), a(3, 2), a(3, 2))

# Complex numbers.

case("real imag", lambda x: np.real(x) * np.imag(x) + x.real, z(3))
case("conjugate", lambda x: np.conj(x) * x + np.conjugate(x) ** 2, z(3))
case("abs complex", lambda x: np.abs(x) + abs(x) ** 2, z(3))
case("abs real", lambda x: np.abs(x) * abs(x), d(3))
case("sign complex", lambda x: np.sign(x), z(3))
case("angle", lambda x: np.angle(x) + np.angle(x, deg=True), z(3))
case("angle real", lambda x: x * np.angle(x), d(3))
case("real of real", lambda x: np.real(x) * x + np.imag(x) + np.conj(x), a(3))
case("to complex", lambda x, y: np.abs((x + 1j * y) * np.exp(1j * x)) ** 2, a(3), a(3))
case("complex functions", lambda x: np.exp(x) * np.sin(x) / (3 + x) + np.sqrt(x) * np.log(x) + np.tanh(x), z(3))
case("complex matmul", lambda x, y: x @ y, z(2, 3), a(3, 2))
case("real_if_close", np.real_if_close, z(3))
case("iscomplex", lambda x: x * np.iscomplex(x) * np.isreal(x.real) * np.iscomplexobj(x) * (1 + np.isrealobj(x)), z(3))
case("unwrap", np.unwrap, lambda rng: np.array([0.1, 3.0, -3.0, 6.0, 0.3]))

# Order.

case("sort", np.sort, d(2, 4))
case("sort flat", lambda x: np.sort(x, axis=None), d(2, 4))
case("sort axis", lambda x: np.sort(x, axis=0), d(4, 2))
case("argsort", lambda x: x[np.argsort(x)] * np.argsort(x), d(4))
case("partition", lambda x: np.sort(np.partition(x, 2)[..., 3:]), d(2, 5))
case("argpartition", lambda x: x[np.argpartition(x, 0)[0]], d(5))
case("sort_complex", np.sort_complex, z(4))
case("lexsort", lambda x, y: x[np.lexsort((x, y))], d(4), d(4))
case("searchsorted", lambda x: x * np.searchsorted(np.sort(x), x), d(4))
case(
    "digitize", lambda x: x * np.digitize(x, [0.0, 0.5, 0.9]) + np.digitize(x, [1.0, 0.0], right=True), between(0, 1, 4)
)
case("unique", np.unique, lambda rng: np.array([3.0, 1.0, 3.0, 2.0]), smooth=0)
case("unique distinct", lambda x: np.unique(x, return_counts=True)[0], d(4))
case("median", lambda x: np.median(x) + np.median(x, axis=0), d(4, 3))
case("median keepdims", lambda x: np.median(x, axis=1, keepdims=True), d(4, 3))
case("median complex", lambda x: np.median(x, axis=0), z(5, 2))
case("quantile", lambda x: np.quantile(x, [0.1, 0.5, 0.9], axis=1), d(4, 3))
case("quantile keepdims", lambda x: np.quantile(x, [[0.1, 0.5]], axis=0, keepdims=True), d(4, 3))
case(
    "quantile at",
    lambda x, q: np.quantile(x, q) + np.quantile(x, q, method="inverted_cdf"),
    d(5),
    between(0.3, 0.45, 2),
)
case("percentile", lambda x: np.percentile(x, 30), d(4, 3))
METHODS = "linear weibull hazen median_unbiased normal_unbiased interpolated_inverted_cdf midpoint lower higher nearest"
for method in [*METHODS.split(), "inverted_cdf", "averaged_inverted_cdf", "closest_observation"]:
    case(f"quantile {method}", lambda x, m=method: np.quantile(x, [0.0, 0.15, 0.4, 0.5, 0.83, 1.0], method=m), d(7))

# Statistics, with holes.


def holes(x: Any) -> Any:
    """NaN in some places."""
    return np.where(np.arange(x.size).reshape(x.shape) % 4 == 1, np.nan, x)


for f in (np.nansum, np.nanmean, np.nanmax, np.nanmin, np.nanvar, np.nanstd, np.nanprod, np.nanmedian):
    case(f.__name__, lambda x, f=f: f(holes(x)), d(3, 3))
    case(f.__name__ + " axis", lambda x, f=f: f(holes(x), axis=0), d(3, 3))
case("nanquantile", lambda x: np.nanquantile(holes(x), [0.2, 0.7], axis=1), d(3, 4))
case("nanpercentile", lambda x: np.nanpercentile(holes(x), 20, axis=0, keepdims=True), d(4, 3))
case("nancumsum", lambda x: np.nancumsum(holes(x), axis=0) + np.nancumprod(holes(x), axis=0), d(3, 3))
case("nanargmax", lambda x: x[np.nanargmax(holes(x))] + x[np.nanargmin(holes(x))], d(6))
case("nan_to_num", lambda x: np.nan_to_num(holes(x), nan=2.0), d(6))
case("cov", np.cov, a(3, 5))
case("cov pair", lambda x, y: np.cov(x, y, bias=True), a(5), a(5))
case(
    "cov columns",
    lambda x: np.cov(x, rowvar=False, aweights=np.arange(1.0, 6), fweights=np.array([1, 2, 1, 1, 3])),
    a(5, 2),
)
case("cov variance", np.cov, a(5))
case("corrcoef", np.corrcoef, a(3, 5))
case("histogram", lambda x: x[0] * np.histogram(x, 3)[0] + x[1] * np.histogram(x, [0.0, 0.4, 0.8, 2.0])[0], p(5))
case("histogram weights", lambda w: np.histogram(np.array([0.1, 0.5, 0.9, 1.0]), 3, weights=w, density=True)[0], p(4))
case("histogram_bin_edges", lambda x: x * np.histogram_bin_edges(x, 3)[0], p(5), smooth=0)
case("bincount", lambda w: np.bincount(np.array([0, 2, 0]), weights=w, minlength=4), a(3))
case("bincount counts", lambda x: x * np.bincount((x > 0).astype(int), minlength=4), d(4))

# Numerical recipes.

case(
    "round",
    lambda x: x * np.round(x, 1) + x * np.around(x) + x * np.fix(x) + x * x.round(2) + round(x[0], 1),
    lambda rng: np.array([0.513, 1.237, 1.814]),
)
case("interp", lambda x, xp, fp: np.interp(x, xp, fp), between(0.8, 2.0, 5), up(4), a(4))
case("interp outside", lambda x, fp: np.interp(x, [0.0, 0.3, 0.5], fp, left=2.0), between(-1.0, 2.0, 5), a(3))
case("interp period", lambda x, fp: np.interp(x, [0.1, 0.3, 0.8], fp, period=1.0), between(-1.0, 2.0, 5), a(3))
case("trapezoid", lambda y, x: np.trapezoid(y, x) + np.trapezoid(y, dx=0.3), a(2, 4), up(4))
case("trapezoid axis", lambda y, x: np.trapezoid(y, x, axis=0), a(4, 2), up(4))
case("ediff1d", lambda x: np.ediff1d(x, to_end=1.0, to_begin=[2.0, 3.0]), a(4))
case("gradient", np.gradient, a(3, 4))
case("gradient step", lambda x, h: np.gradient(x, h, 2.0, edge_order=2), a(3, 4), up(3))
for mode in ("full", "same", "valid"):
    case(f"convolve {mode}", lambda x, y, mode=mode: np.convolve(x, y, mode), a(5), a(2))
    case(f"convolve short {mode}", lambda x, y, mode=mode: np.convolve(x, y, mode), a(2), a(5))
    case(f"correlate {mode}", lambda x, y, mode=mode: np.correlate(x, y, mode), z(5), z(3))
    case(f"correlate short {mode}", lambda x, y, mode=mode: np.correlate(x, y, mode), a(2), a(5))
    case(f"correlate even {mode}", lambda x, y, mode=mode: np.correlate(x, y, mode), a(6), a(4))
case("polyval", np.polyval, a(4), a(3))
case("polyadd", lambda p, q: np.polyadd(p, q) + np.polysub(p, q) + np.polymul(p, q)[:3], a(3), a(2))
case("polyder", lambda p: np.polyder(p, 2) + np.polyint(p, 1, 3.0)[:2], a(4))
case("vander", lambda x: np.vander(x, 3) + np.vander(x, increasing=True)[:, :3], p(3))
case("sinc", np.sinc, lambda rng: np.array([-0.5, 0.0, 1e-3, 0.3, 1.0]))
