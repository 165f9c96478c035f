"""Products with a matrix of patches that is never made, as LLVM IR: a register tile that finds its operands by offsets.

The matrix of patches of a convolution has one row for each place and one column for each element of the window, and
element (r, k) of it lies in the image at ``rows[r] + columns[k]``. So a product with it, or with it turned, needs two
lists of offsets and no copy. A tile of ``ROWS`` rows and ``VECTOR_BYTES`` of columns of the result stays in registers
while the sum runs: at each step it takes one vector of the other operand, and a number from each of its rows.

``gt_patches_T(words, bases, low, high)`` is called as a kernel is: it does the tasks of [low, high). A task makes some
rows of the result, added up over some images. In ``words``, all counted in bytes where they are distances:
"""

from geartrain.backends.cpu.emit import I64, PTR, VOID, Function, Module, Value
from geartrain.backends.cpu.printer import VECTOR_BYTES

__all__ = ["FIELDS", "ROWS", "module_text"]

ROWS = 6
"""Rows of a tile: with two registers of AVX2 each, twelve of sixteen hold sums."""

SPAN = 256
"""Terms of a sum that are added before the next tile begins: so much of the other operand stays in the first cache."""

FIELDS = (
    *("base_a", "at_a", "base_b", "at_b", "base_c", "at_c"),
    *("wide", "rows", "terms"),  # columns and rows of what one task makes; terms of a sum, for each image
    *("images", "each", "parts", "high"),  # of `each` images a task makes one of `parts` parts, of `high` rows
    *("step_a", "step_b", "step_c"),  # from one image to the next; of the result, from one group of images to the next
    *("ld_b", "ld_c"),
    "padded",  # then come so many offsets of rows, and the offsets of the terms
)

TYPES = {"f4": ("float", 4), "f8": ("double", 8)}


def module_text(dtype: str) -> str:
    """The functions for one dtype."""
    module = Module()
    type_, size = TYPES[dtype]
    lanes = VECTOR_BYTES // size
    for masked in (False, True):
        module.defined[_name(masked)] = _tile(type_, size, lanes, masked)
    _driver(module, f"gt_patches_{dtype}", size, lanes)
    vector = f"<{lanes} x {type_}>"
    kind = f"v{lanes}f{8 * size}.p0"
    mask = f"<{lanes} x i1>"
    module.declared["load"] = f"declare {vector} @llvm.masked.load.{kind}(ptr, i32, {mask}, {vector})"
    module.declared["store"] = f"declare void @llvm.masked.store.{kind}({vector}, ptr, i32, {mask})"
    return str(module)


def _name(masked: bool) -> str:
    return "tile_masked" if masked else "tile"


def _tile(type_: str, size: int, lanes: int, masked: bool) -> str:
    """``tile(a, rows, terms, count, b, ld_b, c, ld_c, valid, wide, onto)``: all sums of one tile, or a part of each.

    ``valid``: how many of its rows there are. The sums are added to what is there if ``onto`` is not 0.
    """
    vector, mask, many = f"<{lanes} x {type_}>", f"<{lanes} x i1>", f"<{lanes} x i64>"
    kind, zero = f"v{lanes}f{8 * size}.p0", "zeroinitializer"
    everywhere = f"poison, <{lanes} x i32> {zero}"

    def load(pointer: str) -> str:
        if masked:
            return f"call {vector} @llvm.masked.load.{kind}(ptr {pointer}, i32 {size}, {mask} %mask, {vector} {zero})"
        return f"load {vector}, ptr {pointer}, align {size}"

    def store(value: str, pointer: str) -> str:
        if masked:
            return f"call void @llvm.masked.store.{kind}({vector} {value}, ptr {pointer}, i32 {size}, {mask} %mask)"
        return f"store {vector} {value}, ptr {pointer}, align {size}"

    pointers = [
        f"""
  %rp{r} = getelementptr i64, ptr %rows, i64 {r}
  %ro{r} = load i64, ptr %rp{r}, align 8
  %row{r} = getelementptr i8, ptr %a, i64 %ro{r}"""
        for r in range(ROWS)
    ]
    sums = [f"\n  %s{r} = phi {vector} [ {zero}, %start ], [ %n{r}, %loop ]" for r in range(ROWS)]
    steps = [
        f"""
  %ap{r} = getelementptr i8, ptr %row{r}, i64 %t
  %a{r} = load {type_}, ptr %ap{r}, align {size}
  %i{r} = insertelement {vector} poison, {type_} %a{r}, i64 0
  %v{r} = shufflevector {vector} %i{r}, {vector} {everywhere}
  %m{r} = fmul contract {vector} %v{r}, %bv
  %n{r} = fadd contract {vector} %s{r}, %m{r}"""
        for r in range(ROWS)
    ]

    def row(way: str, r: int) -> str:
        """Store one row of the tile, and go on to the next if there is one."""
        add = f"\n  %old{r} = {load(f'%{way}p{r}')}\n  %sum{r} = fadd {vector} %old{r}, %n{r}" if way == "onto" else ""
        then = f"br i1 %{way}c{r}, label %{way}{r + 1}, label %end" if r + 1 < ROWS else "br label %end"
        return f"""
{way}{r}:
  %{way}m{r} = mul i64 %ld_c, {r}
  %{way}p{r} = getelementptr i8, ptr %c, i64 %{way}m{r}{add}
  {store(f"%{'sum' if add else 'n'}{r}", f"%{way}p{r}")}
  %{way}c{r} = icmp sgt i64 %valid, {r + 1}
  {then}"""

    ends = [row(way, r) for way in ("onto", "put") for r in range(ROWS)]
    lane_numbers = ", ".join([f"i64 {i}" for i in range(lanes)])
    return f"""
define internal void @{_name(masked)}(ptr %a, ptr %rows, ptr %terms, i64 %count, ptr %b, i64 %ld_b, ptr %c, i64 %ld_c,
  i64 %valid, i64 %wide, i64 %onto) noinline {{
start:
  %wide0 = insertelement {many} poison, i64 %wide, i64 0
  %wides = shufflevector {many} %wide0, {many} {everywhere}
  %mask = icmp slt {many} <{lane_numbers}>, %wides{"".join(pointers)}
  br label %loop
loop:
  %k = phi i64 [ 0, %start ], [ %next, %loop ]
  %bp = phi ptr [ %b, %start ], [ %bn, %loop ]{"".join(sums)}
  %tp = getelementptr i64, ptr %terms, i64 %k
  %t = load i64, ptr %tp, align 8
  %bv = {load("%bp")}{"".join(steps)}
  %bn = getelementptr i8, ptr %bp, i64 %ld_b
  %next = add nuw nsw i64 %k, 1
  %more = icmp slt i64 %next, %count
  br i1 %more, label %loop, label %stored
stored:
  %add = icmp ne i64 %onto, 0
  br i1 %add, label %onto0, label %put0{"".join(ends)}
end:
  ret void
}}
"""


def _driver(module: Module, name: str, size: int, lanes: int) -> None:
    f = module.function(name, VOID, words=PTR, bases=PTR, low=I64, high=I64)
    w = {field: f.load(f["words"], 8 * i, I64) for i, field in enumerate(FIELDS)}
    a, b, c = (f.load(f["bases"].at(w[f"base_{x}"] * 8), 0, PTR).at(w[f"at_{x}"]) for x in "abc")
    rows = f["words"].at(8 * len(FIELDS))
    terms = rows.at(w["padded"] * 8)
    with f.count(f["high"], f["low"]) as task:
        group, part = task // w["parts"], task % w["parts"]
        top = part * w["high"]
        bottom = _least(top + w["high"], w["rows"])
        first = group * w["each"]
        onto = f.var(0)
        with f.count(_least(first + w["each"], w["images"]), first) as image:
            at = f.var(0)
            with f.loop():
                start = at.get()
                f.leave_if(start >= w["terms"])
                count = _least(w["terms"] - start, f.const(SPAN))
                left = f.var(0)
                with f.loop():
                    j = left.get()
                    f.leave_if(j >= w["wide"])
                    where_b = b.at(image * w["step_b"] + start * w["ld_b"] + j * size)
                    down = f.var(top)
                    with f.loop():
                        r = down.get()
                        f.leave_if(r >= bottom)
                        where_c = c.at(group * w["step_c"] + r * w["ld_c"] + j * size)
                        wide = w["wide"] - j
                        given = (a.at(image * w["step_a"]), rows.at(r * 8), terms.at(start * 8), count, where_b)
                        given = (*given, w["ld_b"], where_c, w["ld_c"], bottom - r, wide, onto.get())
                        _call(f, wide >= lanes, given)
                        down.set(r + ROWS)
                    left.set(j + lanes)
                onto.set(1)
                at.set(start + SPAN)
    f.give()


def _call(f: Function, whole: Value, given: tuple[Value, ...]) -> None:
    with f.when(whole, likely=True):
        f.call(_name(False), VOID, *given)
    with f.when(whole.equals(0)):
        f.call(_name(True), VOID, *given)


def _least(a: Value, b: Value) -> Value:
    return (a < b).select(a, b)
