"""Matrix products on the pool: OpenBLAS for each tile, our threads for the tiles.

Programs call, for T of f32, f64, c64, c128::

    gt_gemm_T(flags, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
    gt_gemm_batch_T(flags, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, count, stride_a, stride_b, stride_c)

    gt_gemm_some_T(..., stride_c, begin, end)

which is ``c = alpha * op(a) @ op(b) + beta * c``, row-major: op(a) is (m, k), op(b) is (k, n), c is (m, n), and ``lda``
is the distance in elements from one row of ``a``, as it lies in memory, to the next. ``flags``: TRANSPOSE_A, ... ; the
rest are i64 and pointers (to alpha and beta too). With beta 0, what was in ``c`` does not matter, not even a NaN. The
strides of a batch are in elements; 0 takes the same operand for all. A product with a vector (m or n is 1) is a gemv.
``some`` does the matrices [begin, end) of a batch, each as one piece, in the thread that calls.

The tiles depend on (m, n, k), the flags and the machine, never on the number of threads, and one thread computes a
tile: so the bits of the result do not depend on the number of threads, which OpenBLAS's own threading does not promise.
"""

from geartrain.backends.cpu.emit import I1, I8, I32, I64, PTR, VOID, Function, Module, Value
from geartrain.backends.cpu.runtime import ENOUGH, ENOUGH_PER_CORE, LETTERS

__all__ = ["CONJUGATE_A", "CONJUGATE_B", "EXPORTS", "TRANSPOSE_A", "TRANSPOSE_B", "write"]

TRANSPOSE_A, TRANSPOSE_B, CONJUGATE_A, CONJUGATE_B = 1, 2, 4, 8

SIZES = {"f32": 4, "f64": 8, "c64": 8, "c128": 16}
PRODUCTS = tuple(f"gt_gemm_{kind}{t}" for t in LETTERS for kind in ("", "batch_", "some_"))
EXPORTS = ("gt_blas", *PRODUCTS)

PER_NS = {"f32": 24, "f64": 12, "c64": 6, "c128": 3}
"""Products of elements in a ns by one thread, about."""

TILE = 1 << 21
"""Tiles of fewer multiplications are not cut further."""

SMALL_TILE, SMALL_SIDE = 1 << 18, 64
"""A product of less than ``TILE``, not one of a batch, is cut into one tile for each core: of so many multiplications
at least (some 5 us), and nothing that is narrower than this. On two cores (128, 128) @ (128, 64) takes 30 us, 53 in one
piece; (128, 128) @ (128, 128) 64 and 99 (float64); with the other core busy it costs up to 4 %."""

LARGE, SMALL = 512, 256
"""Tiles of 512 x 512 cost a few percent for packing operands twice; those below 256 rows are not cut further."""

VECTOR_TILE = 1 << 17
"""A product of matrix and vector is cut into pieces of at least so many elements of the matrix."""

WHOLE_ROWS, PART_ROWS = 32, 1024
"""No piece has fewer rows than this, each a stretch of memory; or, if the cut goes across them, shorter stretches."""

# The context of a product, in bytes: the arguments, then what follows from the type, then the tiles.
FLAGS, M, N, K, ALPHA, A, LDA, B, LDB, BETA, C, LDC, COUNT, STRIDE_A, STRIDE_B, STRIDE_C = range(0, 128, 8)
SIZE, ROUTINES, ROWS, COLUMNS, ACROSS, TILES = range(128, 176, 8)
CONTEXT_SIZE = 176
ARGUMENTS = {
    "flags": I64,
    "m": I64,
    "n": I64,
    "k": I64,
    "alpha": PTR,
    "a": PTR,
    "lda": I64,
    "b": PTR,
    "ldb": I64,
    "beta": PTR,
    "c": PTR,
    "ldc": I64,
}
BATCH = {"count": I64, "stride_a": I64, "stride_b": I64, "stride_c": I64}
SOME = {"begin": I64, "end": I64}


def write(module: Module) -> None:
    """Write the products into a module that has ``gt_parallel``: ``EXPORTS``."""
    module.zeros(
        "gt_blas", ENOUGH + 8
    )  # gemm and gemv of each type, and how many tiles are enough: filled in by runtime
    _cut(module)
    _gemm(module)
    _gemv(module)
    _tiles(module)
    _product(module)
    for t in LETTERS:
        _entries(module, t)


def _has(flags: Value, flag: int) -> Value:
    return (flags & flag).differs(0)


def _letter(f: Function, transposed: Value, conjugated: Value) -> Value:
    """A pointer to what Fortran calls this: N, T, R (conjugated only), C (both)."""
    code = transposed.select(
        conjugated.select(f.const(ord("C"), I8), f.const(ord("T"), I8)),
        conjugated.select(f.const(ord("R"), I8), f.const(ord("N"), I8)),
    )
    return _cell(f, code)


def _cell(f: Function, value: Value) -> Value:
    """A pointer to a value; an i64 there serves a library with 32-bit integers too, as the low half comes first."""
    slot = f.reserve(value.type)
    f.store(slot, 0, value)
    return slot


def _at_least_one(f: Function, value: Value) -> Value:
    return (value > 1).select(value, f.const(1))


def _cut(module: Module) -> None:
    """``gt_cut(context)``: choose the tiles, ROWS by COLUMNS, by halving the longer side."""
    f = module.function("gt_cut", VOID, x=PTR)
    x = f["x"]
    m, n, k, flags = (f.load(x, where, I64) for where in (M, N, K, FLAGS))
    by_column = n.equals(1)
    vector = by_column | m.equals(1)
    # The matrix of a product with a vector is cut between its rows, as they lie in memory, or across them.
    across = by_column.select(_has(flags, TRANSPOSE_A), _has(flags, TRANSPOSE_B).equals(0))
    small = (m * n * k <= TILE) & f.load(x, COUNT, I64).equals(1)
    limit = vector.select(f.const(VECTOR_TILE), small.select(f.const(SMALL_TILE), f.const(TILE)))
    narrowest = small.select(f.const(SMALL_SIDE), f.const(SMALL))
    smallest = vector.select(across.select(f.const(PART_ROWS), f.const(WHOLE_ROWS)), narrowest)
    rows, columns, tiles = f.var(m), f.var(n), f.var(1)
    enough = f.load(f.symbol("gt_blas"), ENOUGH, I64)
    enough = small.select(enough // ENOUGH_PER_CORE, enough)

    def halve(side: Value) -> Value:
        return (side + 31) // 32 * 16  # half, up to a multiple of 16: no kernel is left with a thin rest

    with f.loop():
        r, c = rows.get(), columns.get()
        longer = (r > c).select(r, c)
        f.leave_if((r * c * k <= limit) | (longer < smallest))
        f.leave_if((tiles.get() >= enough) & ((longer <= LARGE) | vector))
        rows.set((r >= c).select(halve(r), r))
        columns.set((r >= c).select(c, halve(c)))
        tiles.set(tiles.get() * 2)
    r, c = rows.get(), columns.get()
    beside = (n + c - 1) // c
    for where, what in ((ROWS, r), (COLUMNS, c), (ACROSS, beside), (TILES, (m + r - 1) // r * beside)):
        f.store(x, where, what)
    f.give()


def _gemm(module: Module) -> None:
    """One tile by the library. Row-major c = a b is, column-major, c' = b' a': the operands change places."""
    f = module.function("gt_tile", VOID, x=PTR, a=PTR, b=PTR, c=PTR, m=I64, n=I64)
    x = f["x"]
    flags, k = f.load(x, FLAGS, I64), f.load(x, K, I64)
    letter_a = _letter(f, _has(flags, TRANSPOSE_A), _has(flags, CONJUGATE_A))
    letter_b = _letter(f, _has(flags, TRANSPOSE_B), _has(flags, CONJUGATE_B))
    sizes = [_cell(f, each) for each in (f["n"], f["m"], k)]
    lda, ldb, ldc = (_cell(f, _at_least_one(f, f.load(x, each, I64))) for each in (LDA, LDB, LDC))
    alpha, beta = f.load(x, ALPHA, PTR), f.load(x, BETA, PTR)
    gemm = f.load(f.load(x, ROUTINES, PTR), 0, PTR)
    f.call_at(gemm, VOID, letter_b, letter_a, *sizes, alpha, f["b"], ldb, f["a"], lda, beta, f["c"], ldc)
    f.give()


def _gemv(module: Module) -> None:
    """One piece of a product with a vector: y, of ``high`` elements; k is not 0.

    ``turned``: the matrix, as Fortran sees what is in memory (column-major), has to be transposed.
    """
    parameters = {"x": PTR, "matrix": PTR, "ld": I64, "turned": I1, "conjugated": I1}
    f = module.function("gt_vector", VOID, **parameters, vector=PTR, step=I64, y=PTR, y_step=I64, high=I64)
    x, turned, high, y = f["x"], f["turned"], f["high"], f["y"]
    k, size = f.load(x, K, I64), f.load(x, SIZE, I64)
    alpha, beta = f.load(x, ALPHA, PTR), f.load(x, BETA, PTR)
    used = f.var(0)
    with f.count(size) as i:
        used.set(used.get() | f.load(beta, i, I8).widen(I64))
    with f.when(used.get().equals(0)):  # some libraries multiply y by beta, and NaN times 0 is NaN
        together = f["y_step"].equals(1)
        times, length = together.select(f.const(1), high), together.select(high * size, size)
        with f.count(times) as i:
            f.call("memset", PTR, y.at(i * f["y_step"] * size), f.const(0, I32), length)
    rows, columns = _cell(f, turned.select(k, high)), _cell(f, turned.select(high, k))
    ld, step, y_step = (_cell(f, each) for each in (_at_least_one(f, f["ld"]), f["step"], f["y_step"]))
    gemv = f.load(f.load(x, ROUTINES, PTR), 8, PTR)
    letter = _letter(f, turned, f["conjugated"])
    f.call_at(gemv, VOID, letter, rows, columns, alpha, f["matrix"], ld, f["vector"], step, beta, y, y_step)
    f.give()


def _tiles(module: Module) -> None:
    """``gt_tiles(context, begin, end)``: some of the tiles of a product or of a batch; what the pool calls."""
    f = module.function("gt_tiles", VOID, x=PTR, begin=I64, end=I64)
    x, one = f["x"], f.const(1)
    flags, m, n, k, lda, ldb, ldc = (f.load(x, each, I64) for each in (FLAGS, M, N, K, LDA, LDB, LDC))
    size, rows, columns, across, tiles = (f.load(x, each, I64) for each in (SIZE, ROWS, COLUMNS, ACROSS, TILES))
    turned_a, turned_b = _has(flags, TRANSPOSE_A), _has(flags, TRANSPOSE_B)
    by_column = n.equals(1) & (k > 0) & (flags & CONJUGATE_B).equals(0)
    by_row = m.equals(1) & (k > 0) & (flags & CONJUGATE_A).equals(0)
    with f.count(f["end"], f["begin"]) as task:
        i, tile = task // tiles, task % tiles
        top, left = tile // across * rows, tile % across * columns
        high, wide = (top + rows < m).select(rows, m - top), (left + columns < n).select(columns, n - left)
        a = f.load(x, A, PTR).at((i * f.load(x, STRIDE_A, I64) + turned_a.select(top, top * lda)) * size)
        b = f.load(x, B, PTR).at((i * f.load(x, STRIDE_B, I64) + turned_b.select(left * ldb, left)) * size)
        c = f.load(x, C, PTR).at((i * f.load(x, STRIDE_C, I64) + top * ldc + left) * size)
        with f.when(by_column):
            step, conjugated = turned_b.select(one, ldb), _has(flags, CONJUGATE_A)
            f.call("gt_vector", VOID, x, a, lda, turned_a.equals(0), conjugated, b, step, c, ldc, high)
        with f.when(by_column.equals(0) & by_row):
            step, conjugated = turned_a.select(lda, one), _has(flags, CONJUGATE_B)
            f.call("gt_vector", VOID, x, b, ldb, turned_b, conjugated, a, step, c, one, wide)
        with f.when((by_column | by_row).equals(0)):
            f.call("gt_tile", VOID, x, a, b, c, high, wide)
    f.give()


def _product(module: Module) -> None:
    """``gt_product(context, per_ns)``: choose tiles and hand them to the pool."""
    f = module.function("gt_product", VOID, x=PTR, per_ns=I64)
    x, per_ns = f["x"], f["per_ns"]
    m, n, k, count = (f.load(x, each, I64) for each in (M, N, K, COUNT))
    with f.when((m <= 0) | (n <= 0) | (count <= 0)):
        f.give()
    f.call("gt_cut", VOID, x)
    work, tiles = m * n * k, f.load(x, TILES, I64)
    vector = m.equals(1) | n.equals(1)
    cost = work * count // vector.select(per_ns // 3, per_ns)  # a vector: as fast as memory
    grain = _at_least_one(f, per_ns * 16_000 // (work // tiles + 1))  # small ones: some 16 us of them at a time
    f.call("gt_parallel", VOID, f.symbol("gt_tiles"), x, tiles * count, grain, cost)
    f.give()


def _entries(module: Module, t: str) -> None:
    """``gt_gemm_batch_T``, ``gt_gemm_T`` and ``gt_gemm_some_T``: the arguments and the type, as a context."""
    kinds = {"batch_": ARGUMENTS | BATCH, "": ARGUMENTS, "some_": ARGUMENTS | BATCH | SOME}
    for kind, parameters in kinds.items():
        name = f"gt_gemm_{kind}{t}"
        f = module.function(name, VOID, **parameters)
        x = f.room(f.const(CONTEXT_SIZE))
        for i, name in enumerate(ARGUMENTS | BATCH):
            f.store(x, i * 8, f[name] if name in parameters else f.const(1 if name == "count" else 0))
        f.store(x, SIZE, SIZES[t])
        f.store(x, ROUTINES, f.symbol("gt_blas").at(16 * list(LETTERS).index(t)))
        if kind == "some_":
            for where, what in ((ROWS, f["m"]), (COLUMNS, f["n"]), (ACROSS, 1), (TILES, 1)):
                f.store(x, where, what)
            f.call("gt_tiles", VOID, x, f["begin"], f["end"])
        else:
            f.call("gt_product", VOID, x, f.const(PER_NS[t]))
        f.give()
