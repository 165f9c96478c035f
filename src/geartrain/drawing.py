"""Whether a program drew random numbers: a recorded one would draw the same ones again, without a word.

Generators are compiled objects that tell nobody. So those that are alive before a run are found among the objects of
the garbage collector, and their states compared with those after it. What a program makes for itself from a seed is
found by nobody, and need not be: it draws the same numbers on every call.

To go through all objects takes milliseconds, so that is done once, and then only as often as the collector has moved
objects among the old ones. In between, a new generator is among the young.
"""

import gc
import itertools
import pickle
import random
import sys
from types import FrameType
from typing import Any

import numpy as np

__all__ = ["Source", "drew", "sources"]

_NUMPY = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
_KINDS: set[type] = {random.Random}

Source = tuple[Any, bytes]
"""A source of random numbers and the state that it was in."""


def sources() -> list[Source]:
    """Every source of random numbers that is alive, NumPy's and Python's, with its state.

    >>> rng = np.random.default_rng(0)
    >>> before = sources()
    >>> drew(before), rng.random() < 1, drew(before)
    ('', True, 'a generator of NumPy')
    """
    global _seen
    found, when = _seen
    kinds = _KINDS.union([getattr(np.random, name) for name in _NUMPY])
    now = _moves()
    known: dict[int, Any] = {}
    if now == when and sys.version_info < (3, 14):  # from there on, the collector moves objects bit by bit
        found = [x for x in found if sys.getrefcount(x) > _OURS]
        _seen = found, when  # what nobody else holds is gone with the old list
        known = {id(x): x for x in (*found, *_alive(kinds, 0, 1))}
    if not known or _moves() != now:
        found.clear()  # so that nothing is alive just because it is in there
        known.clear()
        now = _moves()
        known = {id(x): x for x in _alive(kinds, None)}
        now = now if _moves() == now else _NEVER
    found = list(known.values())
    _seen = found, now
    # Names of temporary files are drawn from one that no program sees. The cache of compiled code makes such files,
    # also in a thread while Python records.
    names = getattr(getattr(sys.modules.get("tempfile"), "_name_sequence", None), "_rng", None)
    return [(x, _state(x)) for x in found if x is not names]


_NEVER = (-1, -1)

_seen: tuple[list[Any], tuple[int, int]] = [], _NEVER
"""The sources that were alive when they were last looked for, and when that was. One tuple, for the sake of threads."""

_OURS = 3
"""References to a source that nobody else has: from the list, the name that goes through it, and the call that asks."""


def _alive(kinds: set[type], *ages: int | None) -> list[Any]:
    """The objects of these kinds and of these ages (``None`` is every age).

    Other threads may be half-way through making a tuple, which fails if somebody holds it meanwhile. So nobody does:
    all objects are looked at within one call of compiled code, and only sources come out of it.
    """
    alive, same = itertools.tee(itertools.chain.from_iterable(map(gc.get_objects, ages)))
    return list(itertools.compress(alive, map(kinds.__contains__, map(type, same))))


def _moves() -> tuple[int, int]:
    """How often objects have been moved among the old ones."""
    _, middle, old = gc.get_stats()
    return middle["collections"], old["collections"]


def drew(before: list[Source]) -> str:
    """What was drawn from in the meantime; nothing if nothing was."""
    for source, state in before:
        if _state(source) != state and _shared(source, before):
            return "Python's random" if isinstance(source, random.Random) else "a generator of NumPy"
    return ""


def _shared(source: Any, before: list[Source]) -> bool:
    """Whether a program could have it from elsewhere: what only a running function's variable holds is its own."""
    owners = [x for x in gc.get_referrers(source) if type(x) in (np.random.Generator, np.random.RandomState)]
    owners = owners or [source]
    ours = {id(before), id(owners), id(_seen[0]), *map(id, before)}
    holders = [x for owner in owners for x in gc.get_referrers(owner) if id(x) not in ours]
    return not all(isinstance(x, FrameType) for x in holders)


def _state(source: Any) -> bytes:
    return pickle.dumps(source.getstate() if isinstance(source, random.Random) else source.state)
