"""Complex numbers: their parts, modulus and angle.

A cotangent pairs with a tangent by ``Re(y_bar * y_dot)``, without conjugation: the gradient of a real function of
``z = a + ib`` is ``df/da - i df/db``, and every transpose is the plain one. ``abs`` and ``angle`` have rate 0 at 0.
"""

from collections.abc import Sequence
from typing import Any

from geartrain.ir.aval import Array, aval_of
from geartrain.ir.op import Op, Rule
from geartrain.ir.untyped import numpy as np
from geartrain.ops.index import VIEWS
from geartrain.ops.pointwise import ABS
from geartrain.ops.shape import cast
from geartrain.ops.table import ROWS, composite, custom, linear, spells

__all__ = ["CABS", "CONJ", "CSIGN", "IMAG", "PARTS", "REAL", "conj", "is_complex", "over_stacks"]


SIGN = ROWS["sign"]


def is_complex(x: Array) -> bool:
    """Whether ``x`` holds complex numbers."""
    return aval_of(x).dtype.kind == "c"


def over_stacks(name: str) -> Rule:
    """The batch rule of a row with one operand that maps over leading axes by itself."""

    def batch(size: int, batched: Sequence[bool], x: Array, *params: Any) -> Array:
        return ROWS[name](x, params=params)

    return batch


def conj(x: Array) -> Array:
    """The complex conjugate; a real array is its own."""
    return np.conjugate(x) if is_complex(x) else x


def _complex_like(y_bar: Array, z: Array) -> Array:
    return cast(y_bar, aval_of(z).dtype)


def _real_T(y_bar: Array, z: Array) -> Array:
    return _complex_like(y_bar, z)


def _imag_T(y_bar: Array, z: Array) -> Array:
    return _complex_like(y_bar, z) * -1j


def _conj_T(y_bar: Array, z: Array) -> Array:
    return np.conjugate(y_bar)


REAL = linear("real", np.real, transposes=(_real_T,), batch=over_stacks("real"))
IMAG = linear("imag", np.imag, transposes=(_imag_T,), batch=over_stacks("imag"))


def _set_real(z: Array, part: Array) -> Array:
    new = z.copy()
    new.real = part
    return new


def _set_real_T_z(y_bar: Array, z: Array, part: Array) -> Array:
    return 1j * IMAG(y_bar)


def _set_real_T_part(y_bar: Array, z: Array, part: Array) -> Array:
    return REAL(y_bar)


def _set_imag(z: Array, part: Array) -> Array:
    new = z.copy()
    new.imag = part
    return new


def _set_imag_T_z(y_bar: Array, z: Array, part: Array) -> Array:
    return _complex_like(REAL(y_bar), z)


def _set_imag_T_part(y_bar: Array, z: Array, part: Array) -> Array:
    return -IMAG(y_bar)


SET_REAL = linear("set_real", _set_real, transposes=(_set_real_T_z, _set_real_T_part), jointly=True)
SET_IMAG = linear("set_imag", _set_imag, transposes=(_set_imag_T_z, _set_imag_T_part), jointly=True)
PARTS: dict[Op, Op] = {REAL: SET_REAL, IMAG: SET_IMAG}
"""What writes to a part of a complex array, both of which are views of it."""

VIEWS.update(PARTS)

CONJ = linear("conjugate", np.conjugate, transposes=(_conj_T,), batch=over_stacks("conjugate"))


# The modulus, and the direction z/|z| that is its rate.


def _sign(z: Array) -> Array:
    return np.sign(z)


def _push_abs(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array]) -> Array:
    return np.real(np.conjugate(CSIGN(xs[0])) * xs_dot[0])


def _pull_abs(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array]:
    return (y_bar * np.conjugate(CSIGN(xs[0])),)


def _push_sign(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array]) -> Array:
    """Only the part across the direction turns it: ``i y Im(conj(y) z_dot) / |z|``."""
    across = np.imag(np.conjugate(y) * xs_dot[0]) * _inverse(CABS(xs[0]))
    return 1j * y * across


def _pull_sign(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array]:
    along = -np.imag(y_bar * y) * _inverse(CABS(xs[0]))
    return (-1j * along * np.conjugate(y),)


def _inverse(r: Array) -> Array:
    """``1 / r``, and 0 at 0."""
    zero = r == 0
    inverse: Array = np.where(zero, np.zeros_like(r), 1 / np.where(zero, np.ones_like(r), r))
    return inverse


CABS = custom("complex_abs", np.absolute, push=_push_abs, pull=_pull_abs, batch=over_stacks("complex_abs"))
CSIGN = custom("complex_sign", _sign, push=_push_sign, pull=_pull_sign, batch=over_stacks("complex_sign"))

# The angle.


def _push_angle(y: Array, xs: Sequence[Array], xs_dot: Sequence[Array]) -> Array:
    return np.imag(_inverse(xs[0]) * xs_dot[0])


def _pull_angle(y_bar: Array, y: Array, xs: Sequence[Array]) -> tuple[Array]:
    return (-1j * y_bar * _inverse(xs[0]),)


ANGLE = custom("angle", np.angle, push=_push_angle, pull=_pull_angle, batch=over_stacks("angle"))

# NumPy's spellings.


@spells(np.sign)
def sign(x: Array) -> Array:
    return CSIGN(x) if is_complex(x) else SIGN(x)


@spells(np.absolute)
def absolute(x: Array) -> Array:
    return CABS(x) if is_complex(x) else ABS(x)


@spells(np.conjugate)
def conjugate(x: Array) -> Array:
    return CONJ(x) if is_complex(x) else +x


@spells(np.real)
def real(val: Array) -> Array:
    return REAL(val) if is_complex(val) else val


@spells(np.imag)
def imag(val: Array) -> Array:
    return IMAG(val) if is_complex(val) else np.zeros_like(val)


@spells(np.angle)
def angle(z: Array, deg: bool = False) -> Array:
    """The angle of a real number is 0 or pi and does not move."""
    turned = ANGLE(z) if is_complex(z) else np.where(z < 0, np.asarray(np.pi, aval_of(z).dtype), np.zeros_like(z))
    return turned * (180 / np.pi) if deg else turned


@spells(np.real_if_close)
def real_if_close(a: Array, tol: float = 100) -> Array:
    if not is_complex(a):
        return a
    dtype = aval_of(a).dtype
    bound = tol * np.finfo(dtype).eps if tol > 1 else tol
    near: Array = np.absolute(np.imag(a)) < bound
    return np.real(a) if bool(np.all(near)) else a


@spells(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    return is_complex(x)


@spells(np.isrealobj)
def isrealobj(x: Any) -> bool:
    return not is_complex(x)


@composite(np.iscomplex)
def iscomplex(x: Array) -> Array:
    return np.imag(x) != 0


@composite(np.isreal)
def isreal(x: Array) -> Array:
    return np.imag(x) == 0


@composite(np.unwrap)
def unwrap(p: Array, discont: float | None = None, axis: int = -1, *, period: float = 2 * np.pi) -> Array:
    """Whole periods are added: piecewise constant, so the rate is 1."""
    jump = np.diff(p, axis=axis)
    half = period / 2
    wrapped = np.mod(jump + half, period) - half
    wrapped = np.where((wrapped == -half) & (jump > 0), half, wrapped)
    fix = np.where(np.absolute(jump) < (half if discont is None else max(discont, half)), 0, wrapped - jump)
    fix = np.round(fix / period) * period
    first = (slice(None),) * (axis % p.ndim) + (slice(None, 1),)
    return p + np.concatenate((np.zeros_like(p[first]), np.cumsum(fix, axis=axis)), axis=axis)
