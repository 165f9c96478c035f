"""The exponential of a matrix: a quotient of polynomials of degree 13 at ``2^-s a``, squared s times.

N. Higham, "The scaling and squaring method for the matrix exponential revisited", SIAM J. Matrix Anal. Appl. 26 (2005),
and A. Al-Mohy, N. Higham, "A new scaling and squaring algorithm for the matrix exponential", ibid. 31 (2009): s goes by
the norms of powers of ``a`` (equations 3.6 and 5.1 of the second), which may be far less than powers of its norm: so it
is for ``[[a, e], [0, a]]``, by which its derivative is computed.

All matrices here are polynomials of one, so they commute.
"""

import math

from geartrain.backends.cpu.emit import F32, F64, I1, I64, PTR, VOID, Value, Var
from geartrain.backends.cpu.emitter import literal
from geartrain.backends.cpu.step_ir import Step

__all__ = ["expm"]

B = (
    *(64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600),
    *(670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1),
)
"""The coefficients of the polynomial above, if divided by the first; below, those of odd powers have the other sign."""

THETA = 5.371920351148152
"""Up to this norm the quotient is right to 2^-53."""

FURTHER = 27
"""The power of ``|a|`` that bounds what rounding in the quotient does."""

LOG_ERROR = math.log2(113250775606021113483283660800000000)
"""Of one over the coefficient of that power in the error of the quotient."""

LARGEST = 1e100
"""A norm beyond which nobody computes here; neither with NaN."""

TYPES = {"s": "f32", "d": "f64", "c": "c64", "z": "c128"}


class _Matrices:
    """The (n, n) matrices that are worked with."""

    def __init__(self, s: Step, n: Value) -> None:
        self.s, self.n = s, n
        self.numbers = n * n * (2 if s.pair else 1)

    def product(self, a: Value, b: Value, to: Value, scale: Value | None = None) -> None:
        s, n = self.s, self.n
        alpha = s.cell(s.one)
        if scale is not None:
            s.f.store(alpha, 0, _as_part(s, scale))
        operands = (n, n, n, alpha, a, n, b, n, s.cell(s.zero), to, n)
        s.f.call(f"gt_gemm_{TYPES[s.letter]}", VOID, s.f.const(0), *operands)

    def norm(self, a: Value) -> Value:
        """The largest sum of sizes in a row, in double precision."""
        s, n, most = self.s, self.n, _double(self.s, 0.0)
        with s.f.count(n) as row:
            total = _double(s, 0.0)
            with s.f.count(n) as column:
                total.set(_f64(s, "fadd", total.get(), self.size(a, row * n + column)))
            _raise(s, most, total.get())
        return most.get()

    def size(self, a: Value, i: Value) -> Value:
        s = self.s
        x = s.element(a, i)
        if s.pair:
            re, im = (_wide(s, part) for part in s.parts(x))
            return s.f.call("hypot", F64, re, im)
        return s.f.call("fabs", F64, _wide(s, x))

    def scaled(self, a: Value, scale: Value) -> None:
        s, factor = self.s, _as_part(self.s, scale)
        with s.f.count(self.numbers) as i:
            s.f.store(a, i * s.part_size, s.two("fmul", s.part(a, i), factor))

    def sum(self, to: Value, terms: list[tuple[int, Value]], unit: int | None = None) -> None:
        """``to`` becomes a sum of matrices by coefficients; with ``unit``, of itself, too, and of the unit matrix."""
        s = self.s
        with s.f.count(self.numbers) as i:
            total = s.part(to, i) if unit is not None else None
            for k, matrix in terms:
                term = s.two("fmul", s.part(matrix, i), _coefficient(s, k))
                total = term if total is None else s.two("fadd", total, term)
            assert total is not None
            s.f.store(to, i * s.part_size, total)
        if unit is not None:
            with s.f.count(self.n) as i:
                at = i * (self.n + 1) * s.size
                old = s.f.load(to, at, s.part_type)
                s.f.store(to, at, s.two("fadd", old, _coefficient(s, unit)))


def _double(s: Step, number: float) -> Var:
    return s.f.var(Value(s.f, F64, literal("f8", number)))


def _coefficient(s: Step, k: int) -> Value:
    return s.real(literal(f"f{s.part_size}", B[k] / B[0]))


def _wide(s: Step, x: Value) -> Value:
    return x if x.type == F64 else s.f.make(F64, f"fpext float {x.text} to double")


def _as_part(s: Step, x: Value) -> Value:
    return x if s.part_type == F64 else s.f.make(F32, f"fptrunc double {x.text} to float")


def _f64(s: Step, op: str, a: Value, b: Value | float) -> Value:
    right = b.text if isinstance(b, Value) else literal("f8", b)
    return s.f.make(F64, f"{op} double {a.text}, {right}")


def _is(s: Step, how: str, a: Value, b: Value | float) -> Value:
    right = b.text if isinstance(b, Value) else literal("f8", b)
    return s.f.make(I1, f"fcmp {how} double {a.text}, {right}")


def _raise(s: Step, most: Var, x: Value) -> None:
    """``most`` becomes x if that is larger, or NaN."""
    with s.f.when(_is(s, "ugt", x, most.get())):
        most.set(x)


def expm(s: Step, i: Value) -> None:
    """Of matrix i of a stack."""
    f = s.f
    (n,) = s.sizes(1)
    a, y = (s.buffer(k).at(i * n * n * s.size) for k in range(2))
    work, pivots = s.buffer(2), s.buffer(3)
    vectors, matrices = work, work.at((n + 2) * n * 8)
    a2, a4, a6, t, u = (matrices.at(n * n * s.size * k) for k in range(5))
    m = _Matrices(s, n)
    norm = m.norm(a)
    fine = _is(s, "olt", norm, LARGEST if s.part_type == F64 else 1e18)
    s.stop_if(fine.equals(0))
    with f.when(fine):
        m.product(a, a, a2)
        m.product(a2, a2, a4)
        m.product(a4, a2, a6)
        halvings = f.var(0)
        with f.when(_is(s, "ogt", norm, THETA)):
            m.product(a4, a4, t)
            halvings.set(_squarings(s, m, (a, norm), (a6, t), vectors))
        times = halvings.get()
        scale = f.call("ldexp", F64, Value(f, F64, "1.0"), (f.const(0) - times).narrow("i32"))
        square = _f64(s, "fmul", scale, scale)
        power = square
        for each in (a2, a4, a6):
            m.scaled(each, power)
            power = _f64(s, "fmul", power, square)
        m.sum(t, [(13, a6), (11, a4), (9, a2)])
        m.product(a6, t, u)
        m.sum(u, [(7, a6), (5, a4), (3, a2)], unit=1)
        m.product(a, u, y, scale)  # odd powers
        m.sum(t, [(12, a6), (10, a4), (8, a2)])
        m.product(a6, t, u)
        m.sum(u, [(6, a6), (4, a4), (2, a2)], unit=0)
        with f.count(m.numbers) as k:
            odd, even = s.part(y, k), s.part(u, k)
            f.store(t, k * s.part_size, s.two("fsub", even, odd))
            f.store(y, k * s.part_size, s.two("fadd", even, odd))
        # Its own rows are exchanged, not those of its transpose: in a corner those are of different size.
        s.columns(a2, t, n, n)
        size = s.cell(n)
        s.stop_if(s.call("getrf", size, size, a2, size, pivots).differs(0))
        s.stop_if(s.call("getrs", s.letter_of("T"), size, size, a2, size, pivots, y, size, letters=1).differs(0))
        now, other = f.var(y, PTR), f.var(u, PTR)
        with f.count(times):
            here, there = now.get(), other.get()
            m.product(here, here, there)
            now.set(there)
            other.set(here)
        with f.when((times & 1).differs(0)):
            s.copy(y, now.get(), n * n)


def _squarings(s: Step, m: _Matrices, first: tuple[Value, Value], powers: tuple[Value, Value], room: Value) -> Value:
    """How often to halve, by the norms of the matrix, of its 6th and 8th power, and of the 27th of its sizes."""
    f = s.f
    a, norm = first
    most = _double(s, 0.0)
    for power, matrix in zip((6, 8), powers, strict=True):
        _raise(s, most, f.call("pow", F64, m.norm(matrix), Value(f, F64, literal("f8", 1 / power))))
    times = f.var(0)
    with f.when(_is(s, "ogt", most.get(), THETA)):
        times.set(_ceiling(s, f.call("log2", F64, _f64(s, "fdiv", most.get(), THETA))))
    halved = f.make(F64, f"sitofp i64 {times.get().text} to double")
    log_norm = f.call("log2", F64, norm)
    with f.when(_is(s, "ogt", _f64(s, "fsub", log_norm, halved), math.log2(THETA))):  # if not, it follows
        error = _f64(s, "fsub", _log_of_power(s, m, a, room), log_norm)
        error = _f64(s, "fsub", error, _f64(s, "fmul", halved, FURTHER - 1.0))
        digits = 53 if s.part_type == F64 else 24
        error = _f64(s, "fdiv", _f64(s, "fadd", error, digits - LOG_ERROR), FURTHER - 1.0)
        with f.when(_is(s, "ogt", error, 0.0)):
            times.set(times.get() + _ceiling(s, error))
    return times.get()


def _ceiling(s: Step, x: Value) -> Value:
    up = s.f.call("ceil", F64, x)
    return s.f.make(I64, f"fptosi double {up.text} to i64")


def _log_of_power(s: Step, m: _Matrices, a: Value, room: Value) -> Value:
    """The logarithm, to base 2, of the norm of the 27th power of ``|a|``; -inf for zero."""
    f, n = s.f, m.n
    x, y, sizes = room, room.at(n * 8), room.at(n * 16)
    log = _double(s, 0.0)
    with f.count(n * n) as i:
        f.store(sizes, i * 8, m.size(a, i))
    with f.count(n) as i:
        f.store(x, i * 8, Value(f, F64, "1.0"))
    with f.count(FURTHER):
        most = _double(s, 0.0)
        with f.count(n) as row:
            total = _double(s, 0.0)
            with f.count(n) as column:
                term = _f64(s, "fmul", f.load(sizes, (row * n + column) * 8, F64), f.load(x, column * 8, F64))
                total.set(_f64(s, "fadd", total.get(), term))
            f.store(y, row * 8, total.get())
            _raise(s, most, total.get())
        log.set(_f64(s, "fadd", log.get(), f.call("log2", F64, most.get())))
        with f.when(_is(s, "oeq", most.get(), 0.0)):
            most.set(Value(f, F64, "1.0"))
        with f.count(n) as i:
            f.store(x, i * 8, _f64(s, "fdiv", f.load(y, i * 8, F64), most.get()))
    return log.get()
