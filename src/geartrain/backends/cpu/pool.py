"""The pool of workers: threads that wait for a range of tasks and run native code on it.

Kernels call ``gt_parallel(body, context, n, grain, cost)``: ``body(context, begin, end)`` is called for pieces of
[0, n), each of which begins at a multiple of ``grain``, by the caller and by whichever workers are awake. Each thread
has a share of the pieces, the same in every round (what it wrote last time is still in its cache), and then takes from
the others'. Which thread runs which piece is a race: what ``body`` writes for a task must depend on the task alone, and
then the bits of the result do not depend on the number of threads.

- The caller never waits for a worker that has not begun: it takes pieces itself until none is left, then waits only for
  pieces under way. Waking up late costs speed, never time beyond that of one thread.
- ``cost`` is the caller's estimate in ns for everything. Below ``WORTH`` (workers spinning) or ``WORTH_WAKING``
  (asleep) it all runs in the caller. So it does if the pool is busy: inside of a ``body``, or with another thread.
- Workers start at the first call that is worth it, spin for ``SPIN`` ns after each, then sleep. They are no threads of
  Python's: they never hold the GIL, and block all signals. A child after ``os.fork`` has none and starts its own. They
  are joined at exit.
"""

import os
import sys

from geartrain.backends.cpu.emit import I32, I64, PTR, VOID, Function, Module, Value
from geartrain.backends.threads import MOST

__all__ = ["EXPORTS", "SPIN", "WORTH", "WORTH_WAKING", "write"]

WORTH = 4_000
"""The least work, in ns, that is shared with workers that spin: handing over and collecting takes 0.3 to 1 us."""

WORTH_WAKING = 60_000
"""The least work, in ns, for which sleeping workers are woken: that takes the caller some 10 us, and they come 20 to 50
us later. It may come in parts, none of them worth it alone: then all that ran within ``SPIN`` of each other counts."""

SPIN = 200_000
"""How long, in ns, a worker spins after its last piece: longer than the Python between two steps of a training loop."""

EXPORTS = ("gt_parallel", "gt_pool", "gt_pool_stop", "gt_pool_forget")

# Where things are in gt_pool, in bytes; what different threads write at the same time is on different cache lines.
WANTED, STARTED, QUIT = 0, 8, 16
BUSY = 128  # 1 while a thread has the pool
ANNOUNCED, OPEN = 256, 264  # the number of the latest round; 1 while its pieces may be taken
INSIDE = 384  # workers that are looking at the round
BODY, CONTEXT, N, CHUNK, PIECES, SHARES = range(512, 560, 8)
SLEEPERS = 640
LATELY, LAST = 648, 656  # work done alone while they slept; when that was
MUTEX, CONDITION, SIGNALS = 768, 896, 1024
MEMBERS = 1152  # of each thread, 128 bytes: the next piece of its share; its handle; the last round before it started
NEXT, HANDLE, SEEN = 0, 8, 16
SIZE = MEMBERS + 128 * MOST

_CLOCK_MONOTONIC = 6 if sys.platform == "darwin" else 1
_SIG_SETMASK = 3 if sys.platform == "darwin" else 2
_RELAX = {"x86_64": "pause", "AMD64": "pause", "i686": "pause", "aarch64": "isb", "arm64": "isb"}


def write(module: Module) -> None:
    """Write the pool into a module: ``EXPORTS``."""
    module.zeros("gt_pool", SIZE)
    _take(module)
    _worker(module)
    _start(module)
    _parallel(module)
    _stop(module)
    _forget(module)


def _relax(f: Function) -> None:
    """Tell the core that this is a wait."""
    if word := _RELAX.get(os.uname().machine if hasattr(os, "uname") else ""):
        f.line(f'call void asm sideeffect "{word}", "~{{memory}}"()')


def _clock(f: Function, slot: Value) -> Value:
    f.call("clock_gettime", I32, f.const(_CLOCK_MONOTONIC, I32), slot)
    return f.load(slot, 0, I64) * 1_000_000_000 + f.load(slot, 8, I64)


def _member(pool: Value, i: Value) -> Value:
    return pool.at(i * 128 + MEMBERS)


def _take(module: Module) -> None:
    """``gt_take(me)``: take and run pieces of the open round: those of one's own share, then what others have left."""
    f = module.function("gt_take", VOID, me=I64)
    pool = f.symbol("gt_pool")
    body, context = f.load(pool, BODY, PTR), f.load(pool, CONTEXT, PTR)
    n, chunk = f.load(pool, N, I64), f.load(pool, CHUNK, I64)
    pieces, shares = f.load(pool, PIECES, I64), f.load(pool, SHARES, I64)
    with f.count(shares) as k:
        share = (f["me"] + k) % shares
        last = pieces * (share + 1) // shares
        member = _member(pool, share)
        with f.loop():
            f.leave_if(f.atomic_load(member, NEXT) >= last)
            piece = f.atomic_add(member, NEXT, 1)
            f.leave_if(piece >= last)
            begin = piece * chunk
            end = begin + chunk
            f.call_at(body, VOID, context, begin, (end < n).select(end, n))
    f.give()


def _worker(module: Module) -> None:
    """``gt_worker(me)``: what a thread of the pool does all its life."""
    f = module.function("gt_worker", PTR, me=PTR)
    pool = f.symbol("gt_pool")
    me = f.make(I64, "ptrtoint ptr %me to i64")
    clock = f.room(f.const(16))
    seen = f.var(f.load(_member(pool, me), SEEN, I64))
    until, spins = f.var(0), f.var(0)
    with f.loop():
        until.set(0)
        spins.set(1)
        with f.loop():
            f.leave_if(f.atomic_load(pool, ANNOUNCED).differs(seen.get()))
            with f.when((spins.get() & 63).equals(0)):
                now = _clock(f, clock)
                with f.when(until.get().equals(0)):
                    until.set(now + SPIN)
                with f.when(now > until.get()):
                    _sleep(f, pool, seen.get())
                    until.set(0)
            _relax(f)
            spins.set(spins.get() + 1)
        with f.when(f.atomic_load(pool, QUIT).differs(0)):
            f.give(f.null())
        seen.set(f.atomic_load(pool, ANNOUNCED))
        f.atomic_add(pool, INSIDE, 1)  # before OPEN is read: see _parallel
        with f.when(f.atomic_load(pool, OPEN).differs(0)):
            f.call("gt_take", VOID, me)
        f.atomic_add(pool, INSIDE, -1)


def _sleep(f: Function, pool: Value, seen: Value) -> None:
    mutex, condition = pool.at(MUTEX), pool.at(CONDITION)
    f.call("pthread_mutex_lock", I32, mutex)
    f.atomic_add(pool, SLEEPERS, 1)  # before ANNOUNCED is read; _wake does the two the other way round
    with f.loop():
        f.leave_if(f.atomic_load(pool, ANNOUNCED).differs(seen))
        f.call("pthread_cond_wait", I32, condition, mutex)
    f.atomic_add(pool, SLEEPERS, -1)
    f.call("pthread_mutex_unlock", I32, mutex)


def _wake(f: Function, pool: Value) -> None:
    """Announce a round, and wake those who do not look."""
    f.atomic_add(pool, ANNOUNCED, 1)
    with f.when(f.atomic_load(pool, SLEEPERS).differs(0)):
        f.call("pthread_mutex_lock", I32, pool.at(MUTEX))
        f.call("pthread_cond_broadcast", I32, pool.at(CONDITION))
        f.call("pthread_mutex_unlock", I32, pool.at(MUTEX))


def _start(module: Module) -> None:
    """``gt_start()``: start the workers that are missing; the caller has the pool. None to be had: do with fewer."""
    f = module.function("gt_start", VOID)
    pool = f.symbol("gt_pool")
    everything, before = pool.at(SIGNALS), f.room(f.const(128))
    set_mask = f.const(_SIG_SETMASK, I32)
    f.call("sigfillset", I32, everything)
    f.call("pthread_sigmask", I32, set_mask, everything, before)  # a thread inherits this
    with f.loop():
        started = f.load(pool, STARTED, I64)
        f.leave_if(started + 1 >= f.load(pool, WANTED, I64))
        me = started + 1
        member = _member(pool, me)
        f.store(member, SEEN, f.atomic_load(pool, ANNOUNCED))
        failed = f.call("pthread_create", I32, member.at(HANDLE), f.null(), f.symbol("gt_worker"), me.as_pointer())
        with f.when(failed.differs(0)):
            f.store(pool, WANTED, started + 1)
        f.store(pool, STARTED, failed.equals(0).select(started + 1, started))
    f.call("pthread_sigmask", I32, set_mask, before, f.null())
    f.give()


def _parallel(module: Module) -> None:
    """``gt_parallel(body, context, n, grain, cost)``."""
    f = module.function("gt_parallel", VOID, body=PTR, context=PTR, n=I64, grain=I64, cost=I64)
    pool, n, grain, cost = f.symbol("gt_pool"), f["n"], f["grain"], f["cost"]
    with f.when(n <= 0):
        f.give()

    def alone_if(condition: Value) -> None:
        with f.when(condition):
            f.call_at(f["body"], VOID, f["context"], f.const(0), n)
            f.give()

    wanted = f.load(pool, WANTED, I64)
    alone_if((wanted <= 1) | (cost < WORTH) | (n <= grain))
    asleep = f.atomic_load(pool, SLEEPERS).equals(f.load(pool, STARTED, I64))  # or not started
    with f.when(asleep & (cost < WORTH_WAKING)):
        now = _clock(f, f.room(f.const(16)))
        recent = now - f.atomic_load(pool, LAST) <= SPIN
        lately = recent.select(f.atomic_load(pool, LATELY), f.const(0)) + cost
        f.atomic_store(pool, LAST, now)
        f.atomic_store(pool, LATELY, lately)
        alone_if(lately < WORTH_WAKING)
    alone_if(f.atomic_load(pool, BUSY).differs(0))
    alone_if(f.atomic_take(pool, BUSY, 0, 1).equals(0))
    with f.when(f.load(pool, STARTED, I64) + 1 < wanted, likely=False):
        f.call("gt_start", VOID)
    # About eight pieces for each thread, so that one that comes late or is interrupted leaves little to wait for.
    grains = n // (grain * wanted * 8)
    chunk = grain * (grains > 1).select(grains, f.const(1))
    pieces = (n + chunk - 1) // chunk
    round_ = {BODY: f["body"], CONTEXT: f["context"], N: n, CHUNK: chunk, PIECES: pieces, SHARES: wanted}
    for where, what in round_.items():
        f.store(pool, where, what)
    with f.count(wanted) as i:
        f.atomic_store(_member(pool, i), NEXT, pieces * i // wanted)
    f.atomic_store(pool, OPEN, 1)
    _wake(f, pool)
    f.call("gt_take", VOID, f.const(0))
    # A worker adds itself to INSIDE, then reads OPEN; here OPEN is written, then INSIDE read. Whoever is second in that
    # order sees the other: a worker that is not counted here sees a closed round, and touches nothing of the next.
    f.atomic_store(pool, OPEN, 0)
    spins = f.var(0)
    with f.loop():
        f.leave_if(f.atomic_load(pool, INSIDE).equals(0))
        _relax(f)
        spins.set(spins.get() + 1)
        with f.when((spins.get() & 1023).equals(0)):
            f.call("sched_yield", I32)  # the worker may need this very core
    f.atomic_store(pool, BUSY, 0)
    f.give()


def _stop(module: Module) -> None:
    """``gt_pool_stop(size)``: join the workers; the next pool has ``size`` threads, the caller counted."""
    f = module.function("gt_pool_stop", VOID, size=I64)
    pool = f.symbol("gt_pool")
    with f.loop():
        f.leave_if(f.atomic_take(pool, BUSY, 0, 1))
        f.call("sched_yield", I32)
    f.atomic_store(pool, QUIT, 1)
    _wake(f, pool)
    with f.count(f.load(pool, STARTED, I64)) as i:
        f.call("pthread_join", I32, f.load(_member(pool, i + 1), HANDLE, PTR), f.null())
    f.store(pool, STARTED, 0)
    f.store(pool, WANTED, f["size"])
    f.atomic_store(pool, QUIT, 0)
    f.atomic_store(pool, BUSY, 0)
    f.give()


def _forget(module: Module) -> None:
    """``gt_pool_forget()``: in a child after fork, where no worker came along, and what was under way never ends."""
    f = module.function("gt_pool_forget", VOID)
    pool = f.symbol("gt_pool")
    for where in (STARTED, QUIT, BUSY, OPEN, INSIDE, SLEEPERS):
        f.atomic_store(pool, where, 0)
    f.call("pthread_mutex_init", I32, pool.at(MUTEX), f.null())
    f.call("pthread_cond_init", I32, pool.at(CONDITION), f.null())
    f.give()


# The Python side.
