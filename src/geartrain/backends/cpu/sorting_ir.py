"""Sums along an axis, stable sorting, and search in what is sorted, in native code: see ``schedule/scans.py``.

The order is NumPy's: NaN comes last, and all NaN are equal.
"""

from collections.abc import Callable

from geartrain.backends.cpu.emit import I1, I64, Value
from geartrain.backends.cpu.emitter import is_float
from geartrain.backends.cpu.step_ir import Step, least

__all__ = ["ROUTINES"]

RUN = 16
"""Elements that are sorted by insertion, before runs are merged."""


def _less(s: Step, a: Value, b: Value) -> Value:
    f, t = s.f, s.type
    if not is_float(s.dtype):
        return f.make(I1, f"icmp {'slt' if s.dtype[0] == 'i' else 'ult'} {t} {a.text}, {b.text}")
    smaller = f.make(I1, f"fcmp olt {t} {a.text}, {b.text}")
    a_is, b_is = (f.make(I1, f"fcmp uno {t} {x.text}, {x.text}") for x in (a, b))
    return smaller | (b_is & a_is.equals(0))


def _sum(s: Step, a: Value, b: Value) -> Value:
    return s.f.make(s.type, f"{'fadd' if is_float(s.dtype) else 'add'} {s.type} {a.text}, {b.text}")


def _cumsum(s: Step, outer: Value) -> None:
    """Row by row, or in a register along the axis."""
    f = s.f
    n, inner = s.sizes(2)
    x, y = (s.buffer(k).at(outer * n * inner * s.size) for k in range(2))
    with f.when(inner.equals(1)):
        total = f.var(s.element(x, f.const(0)))
        f.store(y, 0, total.get())
        with f.count(n, 1) as i:
            total.set(_sum(s, total.get(), s.element(x, i)))
            f.store(y, i * s.size, total.get())
    with f.when(inner > 1):
        s.copy(y, x, inner)
        with f.count(n, 1) as i, f.count(inner) as k:
            at = i * inner + k
            f.store(y, at * s.size, _sum(s, s.element(y, at - inner), s.element(x, at)))


def _argsort(s: Step, outer: Value) -> None:
    """Pairs of key and place, lane by lane: short runs by insertion, then merged from one room to the other."""
    f = s.f
    n, inner = s.sizes(2)
    x = s.buffer(0).at(outer * n * inner * s.size)
    y = s.buffer(1).at(outer * n * inner * 8)
    keys, places = s.buffer(2), s.buffer(3)
    with f.count(inner) as lane:
        now_k, now_p = f.var(keys), f.var(places)
        then_k, then_p = f.var(keys.at(n * s.size)), f.var(places.at(n * 8))
        with f.count(n) as i:
            f.store(keys, i * s.size, s.element(x, i * inner + lane))
            f.store(places, i * 8, i)
        with f.count((n + (RUN - 1)) // RUN) as run:
            start = run * RUN
            _insertion(s, keys, places, start, least(start + RUN, n))
        width = f.var(RUN)
        with f.loop():
            f.leave_if(width.get() >= n)
            _merge_all(s, (now_k.get(), now_p.get()), (then_k.get(), then_p.get()), n, width.get())
            for one, other in ((now_k, then_k), (now_p, then_p)):
                a, b = one.get(), other.get()
                one.set(b)
                other.set(a)
            width.set(width.get() * 2)
        found = now_p.get()
        with f.count(n) as i:
            f.store(y, (i * inner + lane) * 8, f.load(found, i * 8, I64))


def _insertion(s: Step, keys: Value, places: Value, start: Value, end: Value) -> None:
    f = s.f
    with f.count(end, start + 1) as i:
        key, place = s.element(keys, i), f.load(places, i * 8, I64)
        j = f.var(i)
        with f.loop():
            f.leave_if(j.get() <= start)
            before = s.element(keys, j.get() - 1)
            f.leave_if(_less(s, key, before).equals(0))
            f.store(keys, j.get() * s.size, before)
            f.store(places, j.get() * 8, f.load(places, (j.get() - 1) * 8, I64))
            j.set(j.get() - 1)
        f.store(keys, j.get() * s.size, key)
        f.store(places, j.get() * 8, place)


def _merge_all(s: Step, source: tuple[Value, Value], to: tuple[Value, Value], n: Value, width: Value) -> None:
    """Neighbouring runs of ``width``, merged: of equal keys, the one of the first run comes first."""
    f = s.f
    start = f.var(0)
    with f.loop():
        begin = start.get()
        f.leave_if(begin >= n)
        middle, end = least(begin + width, n), least(begin + width * 2, n)
        i, j = f.var(begin), f.var(middle)
        with f.count(end, begin) as k:
            a, b = i.get(), j.get()
            second = f.var(0, I64)
            with f.when(b < end):
                second.set(1)
                with f.when(a < middle):
                    first = _less(s, s.element(source[0], b), s.element(source[0], a)).equals(0)
                    second.set(first.select(f.const(0), f.const(1)))
            taken = second.get().differs(0).select(b, a)
            f.store(to[0], k * s.size, s.element(source[0], taken))
            f.store(to[1], k * 8, f.load(source[1], taken * 8, I64))
            i.set(a + (f.const(1) - second.get()))
            j.set(b + second.get())
        start.set(end)


def _searchsorted(s: Step, _: Value) -> None:
    """By halving: how many elements are smaller, or (``right``) not larger."""
    f = s.f
    n, many, right = s.sizes(3)
    a, v, y = (s.buffer(k) for k in range(3))
    with f.count(many) as i:
        x = s.element(v, i)
        low, high = f.var(0), f.var(n)
        with f.loop():
            f.leave_if(low.get() >= high.get())
            middle = (low.get() + high.get()) // 2
            there = s.element(a, middle)
            before = right.differs(0).select(_less(s, x, there).equals(0), _less(s, there, x))
            low.set(before.select(middle + 1, low.get()))
            high.set(before.select(high.get(), middle))
        f.store(y, i * 8, low.get())


ROUTINES: dict[str, tuple[int, Callable[[Step, Value], None]]] = {
    "cumsum": (2, _cumsum),
    "argsort": (4, _argsort),
    "searchsorted": (3, _searchsorted),
}
"""How many buffers a routine has, and what it does with one part of the axes before its own."""
