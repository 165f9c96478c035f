"""Whether a program drew random numbers: a recorded one would draw the same ones again, without a word.

Generators are compiled objects that tell nobody. So those that are alive before a run are found among the objects of
the garbage collector, and their states compared with those after it. What a program makes for itself from a seed is
found by nobody, and need not be: it draws the same numbers on every call.
"""

import gc
import itertools
import pickle
import random
import tempfile
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
    kinds = _KINDS.union([getattr(np.random, name) for name in _NUMPY])
    # Other threads may be half-way through making a tuple, which fails if somebody holds it meanwhile. So nobody does:
    # all objects are looked at within one call of compiled code, and only sources come out of it.
    alive, same = itertools.tee(itertools.chain.from_iterable(map(gc.get_objects, (None,))))
    found = list(itertools.compress(alive, map(kinds.__contains__, map(type, same))))
    # Names of temporary files are drawn from one that no program sees. The cache of compiled code makes such files,
    # also in a thread while Python records.
    names = getattr(getattr(tempfile, "_name_sequence", None), "_rng", None)
    return [(x, _state(x)) for x in found if x is not names]


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
    ours = {id(before), id(owners), *map(id, before)}
    holders = [x for owner in owners for x in gc.get_referrers(owner) if id(x) not in ours]
    return not all(isinstance(x, FrameType) for x in holders)


def _state(source: Any) -> bytes:
    return pickle.dumps(source.getstate() if isinstance(source, random.Random) else source.state)
