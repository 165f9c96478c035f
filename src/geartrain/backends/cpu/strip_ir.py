"""A step that does several others on one strip of rows after the other, and products of one strip."""

from geartrain.backends.cpu.emit import F32, F64, I64, PTR, VOID, Function, Module, Value
from geartrain.backends.cpu.gemm import TRANSPOSE_A, TRANSPOSE_B

__all__ = ["PART", "STRIP", "WAYS", "write_part", "write_strip"]

STRIP, PART = 32, 32
"""Bytes of words before the bases, and before the words of each part."""

WAYS = {"rows": 0, "stack": 1, "summed": 2}
"""A strip of a product: some of its rows; some of its matrices; a part of the sum, with a place of its own."""


def write_strip(module: Module) -> None:
    """``gt_strip(words, bases, low, high)``: strips [low, high).

    Words: how many parts, bases and local buffers there are, and the bytes of these; the number of each base; for each
    local buffer where it lies in memory of this thread, and the bytes of a strip; then the parts: the address of the
    code, the number of its words, how many repetitions of its outermost loop are for one strip, how many there are in
    all, and its words. Parts know bases by their place in this list, with local buffers behind.

    A part finds its strip of a local buffer where that of a whole one would be: the base is so much before it.
    """
    f = module.function("gt_strip", VOID, words=PTR, bases=PTR, low=I64, high=I64)
    parts, bases, many, size = (f.load(f["words"], 8 * i, I64) for i in range(4))
    table = f.room((bases + many) * 8)
    memory = f.make(PTR, f"alloca i8, i64 {size.text}, align 64")
    numbers = f["words"].at(STRIP)
    with f.count(bases) as i:
        base = f.load(f["bases"].at(f.load(numbers.at(i * 8), 0, I64) * 8), 0, PTR)
        f.store(table.at(i * 8), 0, base)
    local, own = numbers.at(bases * 8), table.at(bases * 8)
    at = f.var(f["words"])
    with f.count(f["high"], f["low"]) as strip:
        with f.count(many) as i:
            begin, step = (f.load(local.at(i * 16), 8 * k, I64) for k in range(2))
            f.store(own.at(i * 8), 0, memory.at(begin - strip * step))
        at.set(local.at(many * 16))
        with f.count(parts):
            code = f.load(at.get(), 0, PTR)
            count, per, size = (f.load(at.get(), 8 * i, I64) for i in range(1, 4))
            words = at.get().at(PART)
            begin = strip * per
            end = begin + per
            end = (end < size).select(end, size)
            with f.when(begin < end):
                f.call_at(code, VOID, words, table, begin, end)
            at.set(words.at(count * 8))
    f.give()


def write_part(module: Module, t: str) -> None:
    """``gt_strip_T(words, bases, low, high)``: rows [low, high) of a product of f32 or f64.

    Words: those of a product (``walk_ir.product_text``); the way; rows of a strip.
    """
    f = module.function(f"gt_strip_{t}", VOID, words=PTR, bases=PTR, low=I64, high=I64)
    word = [f.load(f["words"], 8 * i, I64) for i in range(19)]
    low, high, size = f["low"], f["high"], {"f32": 4, "f64": 8}[t]
    a, b, c = (f.load(f["bases"].at(word[i] * 8), 0, PTR).at(word[i + 1]) for i in (0, 2, 4))
    flags, m, n, k, lda, ldb, ldc, count, step_a, step_b, step_c = word[6:17]
    one, zero = (_constant(f, t, value) for value in (1.0, 0.0))
    turned_a, turned_b = (flags & TRANSPOSE_A).differs(0), (flags & TRANSPOSE_B).differs(0)
    symbol, unit = f"gt_gemm_some_{t}", f.const(1)
    steps = count, step_a, step_b, step_c

    def product(a: Value, b: Value, c: Value, m: Value, k: Value, begin: Value, end: Value) -> None:
        f.call(symbol, VOID, flags, m, n, k, one, a, lda, b, ldb, zero, c, ldc, *steps, begin, end)

    with f.when(word[17].equals(WAYS["rows"])):
        moved = a.at(low * turned_a.select(unit, lda) * size)
        product(moved, b, c.at(low * ldc * size), high - low, k, f.const(0), unit)
    with f.when(word[17].equals(WAYS["stack"])):
        product(a, b, c, m, k, low, high)
    with f.when(word[17].equals(WAYS["summed"])):
        moved, beside = a.at(low * turned_a.select(lda, unit) * size), b.at(low * turned_b.select(unit, ldb) * size)
        own = c.at(low // word[18] * m * n * size)
        product(moved, beside, own, m, high - low, f.const(0), unit)
    f.give()


def _constant(f: Function, t: str, value: float) -> Value:
    """A pointer to a number."""
    kind = {"f32": F32, "f64": F64}[t]
    slot = f.reserve(kind)
    f.line(f"store {kind} {value}, ptr {slot.text}")
    return slot
