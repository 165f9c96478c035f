"""The value that stands in for an ndarray while a program is traced.

A tracer carries its concrete value, so Python may branch, loop, print and index on it. It says that it is what it
stands for (``isinstance(t, np.ndarray)``) and records a node for each operation on it. A tracer without node stands for
an array that the program made for itself and that depends on nothing yet.

Here is what a tracer is; ``apply`` has what is done to it, ``write`` assignment, ``decide`` the questions that Python
asks, and ``wear`` dresses it in the operators, methods and attributes of ndarray.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from geartrain.errors import InputError, LeakError, teach
from geartrain.ir.aval import Array, Aval, aval_of, is_array
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.ir.op import Linear
from geartrain.kinds import is_a, kind_of
from geartrain.trace.late import Late
from geartrain.trace.level import Level, Trace, active
from geartrain.trace.storage import Step, Storage, lend, live

__all__ = [
    "ALIAS",
    "Tracer",
    "capture",
    "depends_of",
    "fresh",
    "here",
    "kind_of_value",
    "known",
    "leaked",
    "new_input",
    "node_of",
    "plain",
    "refuse_strange",
    "stand_in",
    "value_of",
    "waits",
]


def _same(x: Array) -> Array:
    return x


def _same_T(y_bar: Array, x: Array) -> Array:
    return y_bar


def _batch_same(size: int, batched: Sequence[bool], x: Array) -> Array:
    return x


ALIAS = Linear(name="alias", fn=_same, transposes=(_same_T,), batch=_batch_same)
"""A fresh name for a value: what an inner transformation differentiates in, so that it sees just its own argument."""


class Tracer:
    """Stands for an ndarray or a scalar: see the module's text. Made by transformations only.

    ``home`` is the trace it belongs to; ``node`` is what it stands for, or (with a ``store``) a memo of it, good for
    the storage's ``version``. ``path`` says which view of the storage it is, and ``seen`` is the live view itself, with
    the buffer that it was taken of.

    One place stays empty. NumPy's random generators read the flags of what ``out=`` gives them from where an ndarray
    has them, without asking what it is; an address stands there, and as it is even it says "not contiguous": refused.
    """

    __slots__ = ("_guard", "home", "node", "path", "seen", "store", "version")

    home: Trace
    node: Node | None
    path: tuple[Step, ...]
    seen: tuple[Array, Array] | None
    store: Storage | None
    version: int

    __hash__ = None  # type: ignore[assignment]

    _baseclass = np.ndarray
    """What NumPy's masked arrays take the class of their data for."""

    def __init__(self, trace: Trace, node: Node | None, store: Storage | None = None) -> None:
        self.home = trace
        self.node = node
        self.store = store
        if store is not None:
            self.path = ()
            self.seen = None
            self.version = -1

    @property
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        kind = kind_of_value(self)
        return ndarray if kind is Aval else kind


def known(t: Array) -> Array:
    """The value of a tracer, or at least its aval."""
    if t.store is not None:
        return value_of(t)
    node = t.node
    return node.like.aval if type(node) is Late else node.value


def waits(t: Tracer) -> bool:
    """Whether the value of a tracer is to be computed when somebody asks."""
    return t.store is None and type(t.node) is Late and t.node.waits


def kind_of_value(x: Array) -> Any:
    """The type of a value, or of what a tracer stands for, whether its value is there or not."""
    if type(x) is not Tracer:
        return kind_of(x)
    return x.node.like.kind if x.store is None and type(x.node) is Late else kind_of(known(x))


def value_of(x: Array) -> Array:
    """The concrete value of a tracer; anything else is its own value."""
    if type(x) is not Tracer:
        return x
    store = x.store
    if store is None:
        return x.node.value  # type: ignore[union-attr]
    if x.path == ():
        return store.buffer
    seen = x.seen
    if seen is None or seen[0] is not store.buffer:
        seen = x.seen = (store.buffer, live(store, x.path))
    return seen[1]


def depends_of(t: Array) -> int:
    """The levels that a tracer depends on, without lending its buffer."""
    node = t.node if t.store is None else t.store.node
    return 0 if node is None else node.depends


def node_of(t: Array) -> Node:
    """The node of a tracer as it is now, with its value: what an operation takes as its input."""
    store = t.store
    if store is None:
        return t.node  # type: ignore[return-value]
    if t.path == ():
        return lend(store)
    if t.version == store.version and t.node is not None and t.node.depends >= 0 and not store.exposed:
        return t.node
    t.version = store.version
    value = value_of(t)
    kept = value if _is_lent(store, value) else value.copy()
    if store.node is None or store.node.depends == 0:
        t.node = Node(CONST, (), (), kept)
        return t.node
    node = store.node
    part = store.buffer
    for step in t.path:
        part = value if step is t.path[-1] else step.op.fn(part, *step.params)
        node = Node(step.op, (node,), step.params, aval_of(part), node.depends & t.home.bits)
        t.home.add(node)
    node.value = kept
    t.node = node
    return node


def _is_lent(store: Storage, part: Array) -> bool:
    """Whether a part of a buffer needs no copy: the buffer stays as it is now, since the next write will copy it.

    A large part has that cost what the copy would; further parts, until then, are for nothing.
    """
    if store.owned and not store.exposed and LARGE * part.size >= store.buffer.size > 1:
        store.owned = False
    return not store.owned and not store.exposed


LARGE = 2
"""Of the elements of a buffer, one in so many are a large part."""


def stand_in(t: Array) -> Storage:
    """The storage of a tracer that is to be viewed or written; one is made if it has none."""
    store = t.store
    if store is None:
        store = t.store = Storage(t.node.value, t.node, owned=False, epoch=t.home.epoch)  # type: ignore[union-attr]
        t.path = ()
        t.seen = None
        t.version = 0
    return store


STRANGE = {"MaskedArray": "Pass x.filled(0.0) and the mask.", "matrix": "Pass np.asarray(x)."}
"""Arrays of NumPy with rules of their own, and what to do instead."""


def refuse_strange(name: str, x: Any) -> None:
    """Refuse an array that multiplies or counts otherwise than an ndarray."""
    kind = kind_of(x)
    if kind.__name__ in STRANGE and issubclass(kind, ndarray):
        what = f"an operand is a {kind.__name__}, whose own rules cannot be traced."
        raise InputError(teach(name, what, STRANGE[kind.__name__]))


def capture(x: Array, op: str = "array") -> Node:
    """The node of an operand of ``op``. An array from outside is copied, since the program may change it later."""
    if type(x) is Tracer:
        return node_of(x)
    if is_array(x):
        if x.dtype.kind == "O":
            raise InputError(
                teach(op, "an array of Python objects cannot be differentiated.", "Give it a dtype: x.astype(float).")
            )
        if x.flags.writeable:
            x = x.copy()
            x.flags.writeable = False
    return Node(CONST, (), (), x)


def fresh(trace: Trace, value: Any) -> Any:
    """A value that depends on nothing: an array becomes one that traced values can be written into."""
    if type(value) is ndarray and value.dtype.kind in "fciub":
        owned = bool(value.flags.owndata and value.flags.writeable)
        return Tracer(trace, None, Storage(value, None, owned, trace.epoch))
    kind = kind_of(value)
    if kind is not ndarray and issubclass(kind, tuple):
        parts: list[Any] = [fresh(trace, v) for v in value]
        return kind_of(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return [fresh(trace, v) for v in value] if is_a(value, list) else value


def here(x: Array, op: str) -> Array:
    """``x`` as an operand in this thread's trace, or where none runs.

    What an earlier trace left behind is an array like any other, if it depends on nothing: a table in a cache.
    """
    if type(x) is not Tracer or x.home is active.trace:
        return x
    if depends_of(x):
        raise LeakError(leaked(op, x.home))
    return value_of(x)


def plain(x: Any) -> Any:
    """``x`` with tracers that depend on nothing replaced by their values, in lists, tuples and dicts too."""
    if type(x) is Tracer:
        return value_of(x) if depends_of(x) == 0 else x
    if is_a(x, list, tuple):
        return kind_of(x)([plain(v) for v in x])
    if is_a(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if is_a(x, slice):
        return slice(plain(x.start), plain(x.stop), plain(x.step))
    return x


def new_input(level: Level, value: Array) -> Tracer:
    """A fresh input of a level that stands for ``value``, which may itself be traced by an outer level."""
    if type(value) is Tracer and value.home is not level.trace and depends_of(value):
        raise LeakError(leaked(level.kind, value.home))
    if type(value) is Tracer and depends_of(value):
        outer = node_of(value)
        node = Node(ALIAS, (outer,), (), outer.value, outer.depends & level.outer_bits | level.bit)
    else:
        node = Node(INPUT, (), (), value_of(value), level.bit)
    level.trace.add(node)
    return Tracer(level.trace, node)


def leaked(op: str, home: Trace | None = None) -> str:
    """The text of a :class:`LeakError` for a value of the trace ``home``."""
    if home is not None and home.bits:
        what = "by another thread than the one whose transformation made it."
        do = "Let each thread differentiate a function of its own, and hand results over, not values on the way."
    else:
        what = "after the transformation that made it has ended."
        do = "Return it from the function that is differentiated; do not keep it in a list, a global or an attribute."
    return teach(op, f"a traced value is used {what}", do)
