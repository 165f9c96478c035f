"""Factors of large matrices by blocks of columns, on the pool: LU with pivots, and Cholesky's.

LAPACK's own routines run in one thread here. Of each block, its own columns are factored by LAPACK; then the columns to
its right are brought up to date, some at a time, by whichever thread is free (J. Dongarra et al., LINPACK to LAPACK:
the right-looking form). In LU the thread that has done the next block's columns factors them at once, so the others do
not wait for it. Blocks depend on the size alone, one thread does the whole of a strip: so the bits of the result do not
depend on the number of threads.
"""

from geartrain.backends.cpu import lapack
from geartrain.backends.cpu.emit import I32, I64, PTR, VOID, Value
from geartrain.backends.cpu.step_ir import Step, least

__all__ = ["LEAST", "cholesky", "lu"]

BLOCK = 96
"""Columns of a block, and of what a thread brings up to date at once."""

LEAST = 320
"""Rows of a matrix that is factored by blocks."""

MATRIX, PIVOTS, N, FIRST = 0, 8, 16, 24
"""What a part of the work is told, in bytes: the matrix, where the exchanges of rows are noted, the first column of the
block."""


class _Part:
    """A part of the work being written: ``NAME(context, begin, end)``, which the pool calls for some strips."""

    def __init__(self, s: Step, what: str) -> None:
        self.name = f"{s.f.name}_{what}"
        f = s.module.function(self.name, VOID, context=PTR, begin=I64, end=I64)
        self.s = s.inside(f)
        self.matrix, self.pivots = (f.load(f["context"], at, PTR) for at in (MATRIX, PIVOTS))
        self.n, self.first = (f.load(f["context"], at, I64) for at in (N, FIRST))
        self.block = _Block(self.s, self.matrix, self.n, self.first)


class _Block:
    """A block of columns, from column ``first`` on, of an (n, n) matrix whose columns lie side by side."""

    def __init__(self, s: Step, matrix: Value, n: Value, first: Value) -> None:
        self.s, self.matrix, self.n, self.first = s, matrix, n, first
        self.wide = least(s.f.const(BLOCK), n - first)
        self.next = first + self.wide

    def at(self, row: Value, column: Value) -> Value:
        return self.matrix.at((column * self.n + row) * self.s.size)

    @property
    def strips(self) -> Value:
        """How many strips there are to the right."""
        return (self.n - self.next + (BLOCK - 1)) // BLOCK

    def strip(self, number: Value) -> tuple[Value, Value]:
        """The first column of a strip, and how many."""
        column = self.next + number * BLOCK
        return column, least(self.s.f.const(BLOCK), self.n - column)


def _blas(s: Step, routine: str, letters: str, *operands: Value) -> None:
    s.f.call(
        lapack.name_of(f"{s.letter}{routine}"),
        VOID,
        *[s.letter_of(letter) for letter in letters],
        *operands,
        *[s.f.const(1)] * len(letters),
    )


def _on_pool(s: Step, part: str, context: Value, strips: Value, flops: Value) -> None:
    s.f.call("gt_parallel", VOID, s.f.symbol(part), context, strips, s.f.const(1), flops // 16)


def _context(s: Step, matrix: Value, pivots: Value, n: Value) -> Value:
    context = s.f.reserve("[32 x i8]")
    for at, value in ((MATRIX, matrix), (PIVOTS, pivots), (N, n)):
        s.f.store(context, at, value)
    return context


# P A = L U, in the place of A; pivots are counted from 1.


def lu(s: Step, matrix: Value, pivots: Value, n: Value) -> None:
    """Write the steps of LU. Zeros on the diagonal are for whoever divides by them."""
    f = s.f
    right, left = _lu_strips(s), _lu_left(s)
    context = _context(s, matrix, pivots, n)
    _factor(s, _Block(s, matrix, n, f.const(0)), pivots)
    first = f.var(0)
    with f.loop():
        block = _Block(s, matrix, n, first.get())
        f.leave_if(block.next >= n)
        f.store(context, FIRST, first.get())
        _on_pool(s, right, context, block.strips, (n - first.get()) * (n - block.next) * (2 * BLOCK))
        first.set(block.next)
    _on_pool(s, left, context, (n + (BLOCK - 1)) // BLOCK, n * n)
    size = lapack.int_dtype().itemsize
    kind = I64 if size == 8 else I32
    with f.count(n) as i:  # from those within a block to those of all
        before = i // BLOCK * BLOCK
        moved = s.pivot(pivots, i) + before + 1
        f.store(pivots, i * size, moved if kind == I64 else moved.narrow(I32))


def _factor(s: Step, block: _Block, pivots: Value) -> None:
    own = pivots.at(block.first * lapack.int_dtype().itemsize)
    rows = s.cell(block.n - block.first)
    s.call("getrf", rows, s.cell(block.wide), block.at(block.first, block.first), s.cell(block.n), own)


def _lu_strips(s: Step) -> str:
    part = _Part(s, "right")
    s, block = part.s, part.block
    f, n = s.f, s.cell(part.n)
    wide, below = s.cell(block.wide), s.cell(part.n - block.next)
    with f.count(f["end"], f["begin"]) as number:
        column, many = block.strip(number)
        _exchange(s, block, part.pivots, column, many)
        top, columns = block.at(block.first, column), s.cell(many)
        corner = block.at(block.first, block.first)
        _blas(s, "trsm", "LLNU", wide, columns, s.cell(s.one), corner, n, top, n)
        operands = (below, columns, wide, s.cell(s.minus_one), block.at(block.next, block.first), n, top, n)
        _blas(s, "gemm", "NN", *operands, s.cell(s.one), block.at(block.next, column), n)
        with f.when(number.equals(0)):
            _factor(s, _Block(s, part.matrix, part.n, block.next), part.pivots)
    f.give()
    return part.name


def _exchange(s: Step, block: _Block, pivots: Value, column: Value, many: Value) -> None:
    """Rows change places in some columns, as the block says."""
    f = s.f
    with f.count(many) as j:
        here = block.at(block.first, column + j)
        with f.count(block.wide) as i:
            other = s.pivot(pivots, block.first + i) * s.size
            a, b = f.load(here, i * s.size, s.type), f.load(here, other, s.type)
            f.store(here, i * s.size, b)
            f.store(here, other, a)


def _lu_left(s: Step) -> str:
    """The columns of a block, as all later blocks say."""
    part = _Part(s, "left")
    s = part.s
    f = s.f
    with f.count(f["end"], f["begin"]) as number:
        own = _Block(s, part.matrix, part.n, number * BLOCK)
        first = f.var(own.next)
        with f.loop():
            f.leave_if(first.get() >= part.n)
            block = _Block(s, part.matrix, part.n, first.get())
            _exchange(s, block, part.pivots, own.first, own.wide)
            first.set(block.next)
    f.give()
    return part.name


# A = U^H U, of the upper triangle, in its place.


def cholesky(s: Step, matrix: Value, n: Value) -> None:
    """Write the steps of Cholesky's factor. What is below the diagonal is overwritten, too."""
    f = s.f
    rows, rest = _cholesky_rows(s), _cholesky_rest(s)
    context = _context(s, matrix, f.null(), n)
    first = f.var(0)
    with f.loop():
        f.leave_if(first.get() >= n)
        block = _Block(s, matrix, n, first.get())
        corner = block.at(block.first, block.first)
        s.stop_if(s.call("potrf", s.letter_of("U"), s.cell(block.wide), corner, s.cell(n), letters=1).differs(0))
        f.store(context, FIRST, block.first)
        right = n - block.next
        _on_pool(s, rows, context, block.strips, right * (BLOCK * BLOCK))
        _on_pool(s, rest, context, block.strips, right * right * BLOCK)
        first.set(block.next)


def _cholesky_rows(s: Step) -> str:
    part = _Part(s, "rows")
    s, block = part.s, part.block
    f, n, wide = s.f, s.cell(part.n), s.cell(block.wide)
    with f.count(f["end"], f["begin"]) as number:
        column, many = block.strip(number)
        operands = (wide, s.cell(many), s.cell(s.one), block.at(block.first, block.first), n)
        _blas(s, "trsm", "LUCN", *operands, block.at(block.first, column), n)
    f.give()
    return part.name


def _cholesky_rest(s: Step) -> str:
    part = _Part(s, "rest")
    s, block = part.s, part.block
    f, n, wide = s.f, s.cell(part.n), s.cell(block.wide)
    with f.count(f["end"], f["begin"]) as turn:
        column, many = block.strip(block.strips - 1 - turn)  # the longest first
        rows = s.cell(column + many - block.next)
        left, right = block.at(block.first, block.next), block.at(block.first, column)
        operands = (rows, s.cell(many), wide, s.cell(s.minus_one), left, n, right, n)
        _blas(s, "gemm", "CN", *operands, s.cell(s.one), block.at(block.next, column), n)
    f.give()
    return part.name
