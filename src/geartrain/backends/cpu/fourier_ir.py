"""Fourier transforms in native code, by way of NumPy's loops: see ``fourier`` and ``schedule/fourier.py``.

A loop does many transforms that lie at equal distances, and is quicker the more there are, since it does several at
once. So they go to the pool in pieces of many.
"""

import functools
from collections.abc import Callable

from geartrain.backends.cpu.emit import I64, PTR, VOID, Value
from geartrain.backends.cpu.fourier import loop_name
from geartrain.backends.cpu.step_ir import Step, least
from geartrain.schedule.fourier import NAMES, Along

__all__ = ["ROUTINES"]

FIELDS = Along._fields
SOURCE, TARGET = 8 * len(FIELDS), 8 * len(FIELDS) + 8
"""What a part of the work is told, in bytes: the words of ``Along``, then where it reads and writes."""


def _transform(name: str, s: Step, _: Value) -> None:
    """Along each axis in turn."""
    f = s.f
    (axes,) = s.sizes(1)
    x, y = s.buffer(0), s.buffer(1)
    part = _part(name, s)
    context = f.room(f.const(TARGET + 8))
    source = f.var(x)
    words = f.var(f["words"].at(8 * (2 * s.count + 2)))
    with f.count(axes):
        at = words.get()
        for i in range(len(FIELDS)):
            f.store(context, 8 * i, f.load(at, 8 * i, I64))
        f.store(context, SOURCE, source.get())
        f.store(context, TARGET, y)
        n_in, n_out, outer, inner, _, lanes = (f.load(context, 8 * i, I64) for i in range(len(FIELDS)))
        blocks, many = _blocks(outer, inner)
        pieces = blocks * ((many + lanes - 1) // lanes)
        n = (n_in < n_out).select(n_out, n_in)
        cost = outer * inner * n * 8  # ns, by one thread, for a length of some thousands
        f.call("gt_parallel", VOID, f.symbol(part), context, pieces, f.const(1), cost)
        source.set(y)
        words.set(at.at(8 * len(FIELDS)))


def _blocks(outer: Value, inner: Value) -> tuple[Value, Value]:
    """Transforms lie at equal distances within blocks: how many blocks there are, and transforms in each.

    Along the last axis, all are in one.
    """
    one, last = outer.function.const(1), inner.equals(1)
    return last.select(one, outer), last.select(outer, inner)


def _part(name: str, s: Step) -> str:
    """``NAME(context, begin, end)``: what the pool calls for some of the pieces."""
    symbol = f"{s.f.name}_part"
    f = s.module.function(symbol, VOID, context=PTR, begin=I64, end=I64)
    size_in, size_out = ((s.part_size if real else s.size) for real in (name == "rfft", name == "irfft"))
    n_in, n_out, outer, inner, _, lanes = (f.load(f["context"], 8 * i, I64) for i in range(len(FIELDS)))
    x, y = f.load(f["context"], SOURCE, PTR), f.load(f["context"], TARGET, PTR)
    factor = f["context"].at(8 * FIELDS.index("factor"))
    _, many = _blocks(outer, inner)
    last = inner.equals(1)
    per = (many + lanes - 1) // lanes
    apart_in, apart_out = (last.select(n, f.const(1)) * size for n, size in ((n_in, size_in), (n_out, size_out)))
    args, sizes, steps = (f.room(f.const(8 * n)) for n in (3, 3, 5))
    for i, value in enumerate((apart_in, f.const(0), apart_out, inner * size_in, inner * size_out)):
        f.store(steps, 8 * i, value)
    f.store(sizes, 8, n_in)
    f.store(sizes, 16, n_out)
    f.store(args, 8, factor)
    with f.count(f["end"], f["begin"]) as piece:
        block, first = piece // per, piece % per * lanes
        f.store(args, 0, x.at(block * n_in * inner * size_in + first * apart_in))
        f.store(args, 16, y.at(block * n_out * inner * size_out + first * apart_out))
        f.store(sizes, 0, least(lanes, many - first))
        if name == "rfft":
            odd = (n_in & 1).differs(0)
            for loop, condition in (("rfft_odd", odd), ("rfft_even", odd.equals(0))):
                with f.when(condition):
                    _loop(s.inside(f), loop, args, sizes, steps)
        else:
            _loop(s.inside(f), name.removesuffix("n"), args, sizes, steps)
    f.give()
    return symbol


def _loop(s: Step, loop: str, *arguments: Value) -> None:
    name = loop_name(loop, s.part_size)
    data = s.f.symbol(f"{name}_data") if loop in ("fft", "ifft") else s.f.null()
    s.f.call(name, VOID, *arguments, data)


ROUTINES: dict[str, tuple[int, Callable[[Step, Value], None]]] = {
    name: (2, functools.partial(_transform, name)) for name in NAMES
}
"""How many buffers a routine has, and what it does: all of a transform."""
