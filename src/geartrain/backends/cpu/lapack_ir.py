"""Linear algebra in native code, by way of the LAPACK that comes with the library of the matrix products.

What a routine reads and gives is told in ``schedule/factors.py``. LAPACK's matrices are column-major, so that it sees
the transpose m of a row-major a. Equations are solved as they lie: with p l u = m, a x = b is, for the transposes y of
x and c of b, which are what it sees of those, y p l u = c. What gives vectors, whose signs depend on the order of work,
gets a copy in the order in which NumPy hands it over.
"""

import functools
from collections.abc import Callable

from geartrain.backends.cpu import lapack
from geartrain.backends.cpu.emit import I1, I32, I64, PTR, VOID, Value
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
    s.call("getrf", s.cell(n), s.cell(n), mine, s.cell(n), pivots.at(i * n * 8))


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
    context = s.f.room(s.f.const(48))
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
    one, right, lower, upper = s.cell(s.real("1.0")), s.letter_of("R"), s.letter_of("L"), s.letter_of("U")
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
        s.f.store(mine, j * (n + 1) * s.size, s.real("1.0"))
    _by_factors(s, lu.at(i * n * n * s.size), pivots.at(i * n * 8), mine, n, n, s.f.const(0))


def _determinant(what: str, s: Step, i: Value) -> None:
    """Sign and logarithm, as NumPy goes along the diagonal."""
    f, t = s.f, s.type
    (n,) = s.sizes(1)
    lu, pivots, y = (s.buffer(j) for j in range(3))
    lu, pivots = lu.at(i * n * n * s.size), pivots.at(i * n * 8)
    sign, total = f.var(s.real("1.0")), f.var(s.real("0.0"))
    end = "f" if s.letter == "s" else ""

    def flip(condition: Value) -> None:
        with f.when(condition):
            sign.set(f.make(t, f"fneg {t} {sign.get().text}"))

    with f.count(n) as j:
        x = s.element(lu, j * (n + 1))
        flip(s.pivot(pivots, j).differs(j))
        flip(f.make(I1, f"fcmp olt {t} {x.text}, 0.0"))
        with f.when(s.is_zero(x)):
            sign.set(s.real("0.0"))
        negative = f.make(t, f"fneg {t} {x.text}")
        size = f.make(I1, f"fcmp olt {t} {x.text}, 0.0").select(negative, x)
        total.set(f.make(t, f"fadd {t} {total.get().text}, {f.call(f'log{end}', t, size).text}"))
    given = {"sign_det": sign.get(), "logabsdet": total.get()}.get(what)
    if given is None:
        given = f.make(t, f"fmul {t} {sign.get().text}, {f.call(f'exp{end}', t, total.get()).text}")
    f.store(y, i * s.size, given)


def _cholesky(s: Step, i: Value) -> None:
    f = s.f
    (n,) = s.sizes(1)
    a, y = (s.buffer(j).at(i * n * n * s.size) for j in range(2))
    s.copy(y, a, n * n)
    s.stop_if(s.call("potrf", s.letter_of("U"), s.cell(n), y, s.cell(n), letters=1).differs(0))
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
        f.store(r, (row * n + column) * s.size, s.real("0.0"))
    with f.count(least(k, n)) as row, f.count(n, row) as column:
        f.store(r, (row * n + column) * s.size, s.element(work, column * m + row))
    s.stop_if(s.call("orgqr", s.cell(m), s.cell(k), s.cell(n), work, s.cell(m), tau, rest, lwork).differs(0))
    s.turn(q, work, m, k, m)


def _eigh(s: Step, i: Value) -> None:
    n, lower, room, integers = s.sizes(4)
    a, y, work, iwork = (s.buffer(j) for j in range(4))
    vectors = y.at(i * (n * n + n) * s.size)
    values = vectors.at(n * n * s.size)
    rest = work.at(n * n * s.size)
    letter = s.choice(lower.differs(0), "L", "U")
    s.columns(work, a.at(i * n * n * s.size), n, n)
    sizes = (s.cell(room - n * n), iwork, s.cell(integers))
    operands = (s.letter_of("V"), letter, s.cell(n), work, s.cell(n), values, rest, *sizes)
    s.stop_if(s.call("syevd", *operands, letters=2).differs(0))
    s.turn(vectors, work, n, n, n)


def _svd(s: Step, i: Value) -> None:
    m, n, columns, rows, room, _ = s.sizes(6)
    a, y, work, iwork = (s.buffer(j) for j in range(4))
    short = least(m, n)
    u = work.at(m * n * s.size)
    vt = u.at(m * columns * s.size)
    rest = vt.at(rows * n * s.size)
    used = m * n + m * columns + rows * n
    s.columns(work, a.at(i * m * n * s.size), m, n)
    total = m * columns + rows * n + short
    out = y.at(i * total * s.size)
    values = out.at((total - short) * s.size)
    letter = s.choice(columns.equals(m) & rows.equals(n), "A", "S")
    operands = (letter, s.cell(m), s.cell(n), work, s.cell(m), values, u, s.cell(m), vt, s.cell(rows))
    info = s.call("gesdd", *operands, rest, s.cell(room - used), iwork, letters=1)
    s.stop_if(info.differs(0))
    s.turn(out, u, m, columns, m)
    s.turn(out.at(m * columns * s.size), vt, rows, n, rows)


ROUTINES: dict[str, tuple[int, Callable[[Step, Value], None]]] = {
    "lu": (3, _lu),
    "lu_solve": (4, _lu_solve),
    "lu_inverse": (3, _lu_inverse),
    "cholesky": (2, _cholesky),
    "tri_solve": (3, _tri_solve),
    "qr": (3, _qr),
    "eigh": (4, _eigh),
    "svd": (4, _svd),
} | {name: (3, functools.partial(_determinant, name)) for name in ("det", "logabsdet", "sign_det")}
"""How many buffers a routine has, and what it does with matrix i of a stack."""
