"""Linear algebra in native code, by way of the LAPACK that comes with the library of the matrix products.

What a routine reads and gives is told in ``schedule/factors.py``. LAPACK's matrices are column-major, so that it sees
the transpose m of a row-major a. Equations are solved as they lie: with p l u = m, a x = b is, for the transposes y of
x and c of b, which are what it sees of those, y p l u = c. What gives vectors, whose signs depend on the order of work,
gets a copy in the order in which NumPy hands it over. What is said of transposes holds for complex matrices too: none
of them is conjugated.
"""

import functools
from collections.abc import Callable

from geartrain.backends.cpu import blocked_ir, lapack
from geartrain.backends.cpu.emit import F32, F64, I1, I32, I64, PTR, VOID, Value
from geartrain.backends.cpu.expm_ir import expm
from geartrain.backends.cpu.step_ir import Step, least

__all__ = ["ROUTINES"]

COLUMNS = 128
"""Right sides that are solved for at once: the same pieces, whatever the number of workers."""

# One function for each routine: what is done with matrix i.


def _lu(s: Step, i: Value) -> None:
    (n,) = s.sizes(1)
    a, lu, pivots = (s.buffer(k) for k in range(3))
    mine = lu.at(i * n * n * s.size)
    s.copy(mine, a.at(i * n * n * s.size), n * n)
    large = n >= blocked_ir.LEAST
    with s.f.when(large.equals(0)):
        s.call("getrf", s.cell(n), s.cell(n), mine, s.cell(n), pivots.at(i * n * 8))
    with s.f.when(large):
        blocked_ir.lu(s, mine, pivots.at(i * n * 8), n)


def _by_factors(s: Step, lu: Value, pivots: Value, x: Value, n: Value, k: Value, turned: Value) -> None:
    """Solve in place."""
    f = s.f
    with f.count(n) as j:
        s.stop_if(s.is_zero(s.element(lu, j * n + j)))
    with f.when(turned.differs(0)):
        s.swap(x, pivots, n, k, f.const(0, I1))
    _triangles(s, lu, x, n, k, turned, 2)
    with f.when(turned.equals(0)):
        s.swap(x, pivots, n, k, f.const(1, I1))


def _triangles(s: Step, matrix: Value, x: Value, n: Value, k: Value, turned: Value, triangles: int) -> None:
    """Divide by a triangle, or by the two of an LU factorisation: some columns of x at a time, on the pool."""
    context = s.f.reserve("[48 x i8]")  # once, not for each matrix of a stack
    for i, value in enumerate((matrix, x, n, k, turned.differs(0).select(s.f.const(1), s.f.const(0)))):
        s.f.store(context, 8 * i, value)
    part = _columns(s, triangles)
    cost = n * n * k * triangles // 8
    s.f.call("gt_parallel", VOID, s.f.symbol(part), context, (k + (COLUMNS - 1)) // COLUMNS, s.f.const(1), cost)


def _columns(s: Step, triangles: int) -> str:
    """``NAME(context, begin, end)``: what the pool calls. Objects are linked with others, so it has the step's name."""
    name = f"{s.f.name}_columns"
    f = s.module.function(name, VOID, context=PTR, begin=I64, end=I64)
    s = s.inside(f)
    matrix, x, n, k, turned = (f.load(f["context"], 8 * i, PTR if i < 2 else I64) for i in range(5))
    one, right, lower, upper = s.cell(s.one), s.letter_of("R"), s.letter_of("L"), s.letter_of("U")
    plain, transposed, unit, general = (s.letter_of(text) for text in "NTUN")
    size, wide = s.cell(n), s.cell(k)
    with f.count(f["end"], f["begin"]) as piece:
        first = piece * COLUMNS
        many = s.cell(least(k - first, f.const(COLUMNS)))

        def solve(triangle: Value, how: Value, diagonal: Value) -> None:
            operands = (right, triangle, how, diagonal, many, size, one, matrix, size, x.at(first * s.size), wide)
            f.call(lapack.name_of(f"{s.letter}trsm"), VOID, *operands, *[f.const(1)] * 4)

        with f.when(turned.equals(0)):
            solve(upper, plain, general)
            if triangles == 2:
                solve(lower, plain, unit)
        with f.when(turned.differs(0)):
            if triangles == 2:
                solve(lower, transposed, unit)
            solve(upper, transposed, general)
    f.give()
    return name


def _lu_solve(s: Step, i: Value) -> None:
    n, k, turned = s.sizes(3)
    lu, pivots, b, x = (s.buffer(j) for j in range(4))
    mine = x.at(i * n * k * s.size)
    s.copy(mine, b.at(i * n * k * s.size), n * k)
    _by_factors(s, lu.at(i * n * n * s.size), pivots.at(i * n * 8), mine, n, k, turned)


def _lu_inverse(s: Step, i: Value) -> None:
    (n,) = s.sizes(1)
    lu, pivots, x = (s.buffer(j) for j in range(3))
    mine = x.at(i * n * n * s.size)
    s.f.call("memset", PTR, mine, s.f.const(0, I32), n * n * s.size)
    with s.f.count(n) as j:
        s.f.store(mine, j * (n + 1) * s.size, s.one)
    _by_factors(s, lu.at(i * n * n * s.size), pivots.at(i * n * 8), mine, n, n, s.f.const(0))


def _determinant(what: str, s: Step, i: Value) -> None:
    """Sign and logarithm, as NumPy goes along the diagonal."""
    f = s.f
    (n,) = s.sizes(1)
    lu, pivots, y = (s.buffer(k) for k in range(3))
    lu, pivots = lu.at(i * n * n * s.size), pivots.at(i * n * 8)
    sign, turn, total = f.var(s.real("1.0")), f.var(s.real("0.0")), f.var(s.real("0.0"))

    def flip(condition: Value) -> None:
        with f.when(condition):
            sign.set(_minus(sign.get()))
            turn.set(_minus(turn.get()))

    with f.count(n) as j:
        x = s.element(lu, j * (n + 1))
        flip(s.pivot(pivots, j).differs(j))
        if s.pair:
            re, im = s.parts(x)
            size = _libm(s, "hypot", re, im)
            with f.when(s.is_zero(x).equals(0)):  # the direction of x
                re, im = s.two("fdiv", re, size), s.two("fdiv", im, size)
                a, b = sign.get(), turn.get()
                sign.set(s.two("fsub", s.two("fmul", a, re), s.two("fmul", b, im)))
                turn.set(s.two("fadd", s.two("fmul", a, im), s.two("fmul", b, re)))
        else:
            negative = f.make(I1, f"fcmp olt {s.type} {x.text}, 0.0")
            flip(negative)
            size = negative.select(_minus(x), x)
        with f.when(s.is_zero(x)):
            sign.set(s.real("0.0"))
            turn.set(s.real("0.0"))
        total.set(s.two("fadd", total.get(), _libm(s, "log", size)))
    if what == "logabsdet":
        f.store(y, i * s.part_size, total.get())
        return
    given = [sign.get(), turn.get()]
    if what == "det":
        scale = _libm(s, "exp", total.get())
        given = [s.two("fmul", part, scale) for part in given]
    if s.pair:
        s.put_parts(y.at(i * s.size), *given)
    else:
        f.store(y, i * s.size, given[0])


def _minus(x: Value) -> Value:
    return x.function.make(x.type, f"fneg {x.type} {x.text}")


def _libm(s: Step, name: str, *xs: Value) -> Value:
    return s.f.call(name + "f" * (s.part_size == 4), s.part_type, *xs)


def _cholesky(s: Step, i: Value) -> None:
    f = s.f
    (n,) = s.sizes(1)
    a, y = (s.buffer(j).at(i * n * n * s.size) for j in range(2))
    s.copy(y, a, n * n)
    large = n >= blocked_ir.LEAST
    with f.when(large.equals(0)):
        s.stop_if(s.call("potrf", s.letter_of("U"), s.cell(n), y, s.cell(n), letters=1).differs(0))
    with f.when(large):
        blocked_ir.cholesky(s, y, n)
    with f.count(n) as row:
        after = row + 1
        f.call("memset", PTR, y.at((row * n + after) * s.size), f.const(0, I32), (n - after) * s.size)


def _tri_solve(s: Step, i: Value) -> None:
    n, k, turned = s.sizes(3)
    lower, b, x = (s.buffer(j) for j in range(3))
    mine = x.at(i * n * k * s.size)
    s.copy(mine, b.at(i * n * k * s.size), n * k)
    _triangles(s, lower.at(i * n * n * s.size), mine, n, k, turned, 1)


def _qr(s: Step, i: Value) -> None:
    f = s.f
    m, n, k, room = s.sizes(4)
    a, y, work = (s.buffer(j) for j in range(3))
    tau = work.at(m * k * s.size)
    rest = tau.at(n * s.size)
    lwork = s.cell(room - m * k - n)
    q = y.at(i * (m * k + k * n) * s.size)
    r = q.at(m * k * s.size)
    s.columns(work, a.at(i * m * n * s.size), m, n)
    s.stop_if(s.call("geqrf", s.cell(m), s.cell(n), work, s.cell(m), tau, rest, lwork).differs(0))
    with f.count(k) as row, f.count(n) as column:
        f.store(r, (row * n + column) * s.size, s.zero)
    with f.count(least(k, n)) as row, f.count(n, row) as column:
        f.store(r, (row * n + column) * s.size, s.element(work, column * m + row))
    routine = "ungqr" if s.pair else "orgqr"
    s.stop_if(s.call(routine, s.cell(m), s.cell(k), s.cell(n), work, s.cell(m), tau, rest, lwork).differs(0))
    s.turn(q, work, m, k, m)


def _eigh(s: Step, i: Value) -> None:
    n, lower, room, integers, reals = s.sizes(5)
    a, y, work, iwork = (s.buffer(j) for j in range(4))
    vectors = y.at(i * (n * n + n) * s.size)
    values = vectors.at(n * n * s.size)
    rest, rwork = work.at(n * n * s.size), work.at(room * s.size)
    letter = s.choice(lower.differs(0), "L", "U")
    s.columns(work, a.at(i * n * n * s.size), n, n)
    sizes = (s.cell(room - n * n), iwork, s.cell(integers))
    if s.pair:
        sizes = (sizes[0], rwork.at(n * s.part_size), s.cell(reals - n), *sizes[1:])
    real = rwork if s.pair else values
    operands = (s.letter_of("V"), letter, s.cell(n), work, s.cell(n), real, rest, *sizes)
    s.stop_if(s.call("heevd" if s.pair else "syevd", *operands, letters=2).differs(0))
    s.turn(vectors, work, n, n, n)
    if s.pair:
        _as_pairs(s, values, rwork, n)


def _as_pairs(s: Step, to: Value, values: Value, n: Value) -> None:
    with s.f.count(n) as j:
        s.put_parts(to.at(j * s.size), s.part(values, j))


def _svd(s: Step, i: Value) -> None:
    m, n, columns, rows, room, _, _ = s.sizes(7)
    a, y, work, iwork = (s.buffer(j) for j in range(4))
    short = least(m, n)
    u = work.at(m * n * s.size)
    vt = u.at(m * columns * s.size)
    rest, rwork = vt.at(rows * n * s.size), work.at(room * s.size)
    used = m * n + m * columns + rows * n
    s.columns(work, a.at(i * m * n * s.size), m, n)
    total = m * columns + rows * n + short
    out = y.at(i * total * s.size)
    values = out.at((total - short) * s.size)
    letter = s.choice(columns.equals(m) & rows.equals(n), "A", "S")
    real = rwork if s.pair else values
    operands = (letter, s.cell(m), s.cell(n), work, s.cell(m), real, u, s.cell(m), vt, s.cell(rows))
    more = (rwork.at(short * s.part_size), iwork) if s.pair else (iwork,)
    s.stop_if(s.call("gesdd", *operands, rest, s.cell(room - used), *more, letters=1).differs(0))
    s.turn(out, u, m, columns, m)
    s.turn(out.at(m * columns * s.size), vt, rows, n, rows)
    if s.pair:
        _as_pairs(s, values, rwork, short)


def _eig(s: Step, i: Value) -> None:
    """Of complex matrices, in double precision, as NumPy does it: the order of eigenvalues is the order of work.

    Those of a stack that are all real go the way of real ones, so that pairs are conjugate.
    """
    f = s.f
    n, room = s.sizes(2)
    a, y, work, flag = (s.buffer(j) for j in range(4))
    with f.when(i.equals(0)):
        f.store(flag, 0, 1)
        with f.count(s.many * n * n) as j:
            re, im = s.parts(s.element(a, j))
            for part in (re, im):
                s.stop_if(f.make(I1, f"fcmp uno {part.type} {s.two('fsub', part, part).text}, 0.0"))
            with f.when(f.make(I1, f"fcmp une {im.type} {im.text}, 0.0")):
                f.store(flag, 0, 0)
    vectors = y.at(i * (n * n + n) * s.size)
    values = vectors.at(n * n * s.size)
    mine = a.at(i * n * n * s.size)
    is_real = f.load(flag, 0, I64).differs(0)
    letters, size = (s.letter_of("N"), s.letter_of("V")), s.cell(n)
    v = work.at(n * n * 16)

    def number(at: Value, k: Value) -> Value:
        x = f.load(at, k * 8, F64)
        return x if s.part_type == F64 else f.make(F32, f"fptrunc double {x.text} to float")

    with f.when(is_real.equals(0)):
        w = v.at(n * n * 16)
        rwork = w.at(n * 16)
        rest = rwork.at(n * 16)
        with f.count(n) as row, f.count(n) as column:
            for k, x in enumerate(s.parts(s.element(mine, row * n + column))):
                f.store(work, (column * n + row) * 16 + 8 * k, _wide(x))
        lwork = s.cell((room - n * n * 4 - n * 4) // 2)
        operands = (*letters, size, work, size, w, v, size, v, size, rest, lwork, rwork)
        s.stop_if(s.call("geev", *operands, letters=2, letter="z").differs(0))
        with f.count(n) as j:
            s.put_parts(values.at(j * s.size), number(w, j * 2), number(w, j * 2 + 1))
            with f.count(n) as row:
                at = (j * n + row) * 2
                s.put_parts(vectors.at((row * n + j) * s.size), number(v, at), number(v, at + 1))
    with f.when(is_real):
        re = v.at(n * n * 8)
        im = re.at(n * 8)
        rest = im.at(n * 8)
        with f.count(n) as row, f.count(n) as column:
            f.store(work, (column * n + row) * 8, _wide(s.parts(s.element(mine, row * n + column))[0]))
        operands = (*letters, size, work, size, re, im, v, size, v, size, rest, s.cell(room - n * n * 3 - n * 2))
        s.stop_if(s.call("geev", *operands, letters=2, letter="d").differs(0))
        second = f.var(0)  # of conjugate values, a column has the real part of both vectors, the next the imaginary one
        with f.count(n) as j:
            s.put_parts(values.at(j * s.size), number(re, j), number(im, j))
            alone = f.make(I1, f"fcmp oeq double {f.load(im, j * 8, F64).text}, 0.0")
            last = second.get().differs(0)
            first = last.select(j - 1, j)
            with f.count(n) as row:
                x, to = number(v, first * n + row), vectors.at((row * n + j) * s.size)
                with f.when(alone):
                    s.put_parts(to, x)
                with f.when(alone.equals(0)):
                    z = number(v, (first + 1) * n + row)
                    s.put_parts(to, x, last.select(_minus(z), z))
            second.set((alone.equals(0) & last.equals(0)).select(f.const(1), f.const(0)))


def _wide(x: Value) -> Value:
    return x if x.type == F64 else x.function.make(F64, f"fpext float {x.text} to double")


ROUTINES: dict[str, tuple[int, Callable[[Step, Value], None]]] = {
    "lu": (3, _lu),
    "lu_solve": (4, _lu_solve),
    "lu_inverse": (3, _lu_inverse),
    "cholesky": (2, _cholesky),
    "tri_solve": (3, _tri_solve),
    "qr": (3, _qr),
    "eigh": (4, _eigh),
    "svd": (4, _svd),
    "eig": (4, _eig),
    "expm": (4, expm),
} | {name: (3, functools.partial(_determinant, name)) for name in ("det", "logabsdet", "sign_det", "sign_det_complex")}
"""How many buffers a routine has, and what it does with matrix i of a stack."""
