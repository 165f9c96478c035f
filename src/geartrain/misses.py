"""Why a call of a compiled function had to run Python once more: a log that ``gt.cache.info()`` reads."""

from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from geartrain import tree
from geartrain.ir.aval import Aval

__all__ = ["LOG", "Miss", "why"]


class Miss(NamedTuple):
    """A call that was recorded: of which function, and why."""

    function: str
    why: str


LOG: deque[Miss] = deque(maxlen=1000)
"""The last misses of this process, the newest last."""

Key = tuple[Any, ...]
"""A signature: the container of the arguments, what ``tree.exactly`` says of it, and an entry for each leaf."""


def why(key: Key, known: Iterable[Key]) -> str:
    """What is new about a signature, compared with the most similar one among those ``known``, the newest last.

    >>> x, y = np.dtype(float), np.dtype("f4")
    >>> treedef = tree.flatten(((1, 2), {"scale": 3}))[1]
    >>> first = (treedef, None, ((3,), x, (8,)), float, (int, 3))
    >>> why((treedef, None, ((4,), x, (8,)), float, (int, 5)), [first])
    'argument 0 is f64[4], was f64[3]; argument scale is 5, was 3'
    """
    best: list[str] | None = None
    others = 0
    for old in known:
        others += 1
        if old[0] == key[0] and old[1] == key[1]:
            differences = _differences(key, old)
            if best is None or len(differences) <= len(best):
                best = differences
    if best is not None:
        return "; ".join(best)
    return "other containers or another number of arguments" if others else "the first call"


def _differences(new: Key, old: Key) -> list[str]:
    found: list[str] = []
    for name, a, b in zip(tree.names(new[0]), new[2:], old[2:], strict=True):
        if a != b:
            now, was = _said(a), _said(b)
            if now == was:
                now, was = f"{now} with strides {a[-1]}", f"{was} with strides {b[-1]}"
            found.append(f"argument {_name(name)} is {now}, was {was}")
    return found


def _name(path: str) -> str:
    """``[0][2].w`` is in the positional arguments, ``[1].scale`` in those by name."""
    inside = path[3:]
    if path.startswith("[0]"):
        number, _, rest = inside[1:].partition("]")
        return number + rest
    return inside.removeprefix(".")


def _said(entry: Any) -> str:
    """A leaf of a signature in words: see ``Jitted._signature``."""
    if isinstance(entry, type):
        return f"a {entry.__name__}"
    if len(entry) == 3 and isinstance(entry[1], np.dtype):
        return repr(Aval(entry[0], entry[1]))
    if len(entry) == 4:
        return f"a {entry[0].__name__}"
    return repr(entry[1])
