"""Containers of arrays: dicts, list, tuple, namedtuple, dataclass, nested at will. They come back as they came.

Everything else is a leaf. ``None`` is a container without leaves.
"""

import collections
import dataclasses
import itertools
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from geartrain.errors import InputError
from geartrain.kinds import kind_of

__all__ = ["TreeDef", "exactly", "flatten", "leaves", "map", "names", "paths", "unflatten"]


@dataclasses.dataclass(frozen=True, slots=True)
class TreeDef:
    """The shape of a container: its type, its keys and the shapes of its children. ``kind`` None is a leaf.

    The keys of a dict are sorted, so that two dicts with the same keys are alike; ``inserted`` has them in the order in
    which the dict goes through them, if that is another. ``factory`` is what a defaultdict makes missing values with.
    """

    kind: type | None
    keys: tuple[Any, ...] = ()
    children: tuple["TreeDef", ...] = ()
    inserted: tuple[Any, ...] = dataclasses.field(default=(), compare=False)
    factory: Any = None

    def __repr__(self) -> str:
        if self.kind is None:
            return "*"
        if self.kind is type(None):
            return "None"
        if self.kind in (list, tuple):
            inside = ", ".join([repr(child) for child in self.children])
            return f"[{inside}]" if self.kind is list else f"({inside})"
        pairs = ", ".join(f"{k!r}: {c!r}" for k, c in zip(self.keys, self.children, strict=True))
        return f"{'' if self.kind is dict else self.kind.__name__}{{{pairs}}}"


_PLAIN_DICTS: tuple[Any, ...] = (dict, collections.OrderedDict)
_DICTS = tuple([kind.__init__ for kind in _PLAIN_DICTS])
LEAF = TreeDef(None)
_LEAVES = frozenset((float, int, bool, complex, np.ndarray, np.float64, np.float32))
"""Kinds that are leaves, without further questions."""

_NONE = TreeDef(type(None))


def flatten(tree: Any) -> tuple[list[Any], TreeDef]:
    """The leaves of ``tree``, in order (a dict's by sorted key when its keys can be sorted), and its shape.

    >>> flatten({"b": 2.0, "a": [1.0, None]})
    ([1.0, 2.0], {'a': [*, None], 'b': *})
    """
    out: list[Any] = []
    return out, _flatten(tree, out)


def _flatten(tree: Any, out: list[Any]) -> TreeDef:
    kind = kind_of(tree)
    if kind in _LEAVES:
        out.append(tree)
        return LEAF
    if kind is list or kind is tuple:
        return TreeDef(kind, (), tuple([_flatten(child, out) for child in tree]))
    if kind is dict:
        return _flatten_dict(kind, tree, out)
    if tree is None:
        return _NONE
    if isinstance(tree, tuple) and hasattr(kind, "_fields"):
        return TreeDef(kind, kind._fields, tuple([_flatten(child, out) for child in _any(tree)]))
    if hasattr(kind, "__dataclass_fields__"):
        names = tuple([name for name, f in kind.__dataclass_fields__.items() if f.init])
        return TreeDef(kind, names, tuple([_flatten(getattr(_any(tree), name), out) for name in names]))
    if kind is collections.defaultdict:
        return dataclasses.replace(_flatten_dict(kind, _any(tree), out), factory=_any(tree).default_factory)
    if isinstance(tree, dict) and getattr(kind, "__init__", None) in _DICTS:
        return _flatten_dict(kind, _any(tree), out)
    out.append(tree)
    return LEAF


def _flatten_dict(kind: type, tree: dict[Any, Any], out: list[Any]) -> TreeDef:
    inserted = tuple(tree)
    try:
        keys = tuple(sorted(inserted))
    except TypeError:
        keys = inserted
    children = tuple([_flatten(tree[key], out) for key in keys])
    return TreeDef(kind, keys, children, () if keys == inserted else inserted)


def _any(x: Any) -> Any:
    """``x``, of which a type checker knows nothing: neither what it holds."""
    return x


def unflatten(treedef: TreeDef, leaves: Sequence[Any]) -> Any:
    """The container of shape ``treedef`` with the given leaves: the inverse of :func:`flatten`.

    >>> unflatten(flatten({"a": 1, "b": (2, 3)})[1], [10, 20, 30])
    {'a': 10, 'b': (20, 30)}
    """
    remaining = iter(leaves)
    tree = _unflatten(treedef, remaining)
    rest = len(list(remaining))
    if rest:
        raise InputError(f"[tree] {treedef!r} has {len(leaves) - rest} leaves, got {len(leaves)}")
    return tree


def _unflatten(treedef: TreeDef, remaining: Any) -> Any:
    kind: Any = treedef.kind
    if kind is None:
        try:
            return next(remaining)
        except StopIteration:
            raise InputError("[tree] there are fewer leaves than the container has places") from None
    if kind is type(None):
        return None
    children = [_unflatten(child, remaining) for child in treedef.children]
    if kind is list:
        return children
    if kind is tuple:
        return tuple(children)
    if issubclass(kind, dict):
        items = dict(zip(treedef.keys, children, strict=True))
        pairs = [(key, items[key]) for key in treedef.inserted or treedef.keys]
        return _any(kind)(treedef.factory, pairs) if kind is collections.defaultdict else _any(kind)(pairs)
    if issubclass(kind, tuple):
        return _any(kind)(*children)
    return kind(**dict(zip(treedef.keys, children, strict=True)))


def exactly(treedef: TreeDef) -> Hashable:
    """What a program can see of containers beyond what ``==`` compares: the order of a dict and the types of its keys.

    >>> exactly(flatten({"b": 1, "a": 2})[1]) == exactly(flatten({"a": 1, "b": 2})[1])
    False
    """
    if not treedef.children:
        return None
    below = [exactly(child) for child in treedef.children]
    if isinstance(treedef.kind, type) and issubclass(treedef.kind, dict):
        types: list[Hashable] = [kind_of(key) for key in treedef.keys]
        return (treedef.inserted, *types, *below)
    return tuple(below) if any(below) else None


def leaves(tree: Any) -> list[Any]:
    """The leaves of ``tree``, in order.

    >>> leaves([1, {"x": 2}])
    [1, 2]
    """
    return flatten(tree)[0]


def map(f: Callable[..., Any], tree: Any, *rest: Any) -> Any:
    """Apply ``f`` to each leaf of ``tree`` (and the leaves in the same places of ``rest``).

    >>> map(lambda a, b: a + b, {"w": 1, "b": 2}, {"w": 10, "b": 20})
    {'w': 11, 'b': 22}
    """
    first, treedef = flatten(tree)
    columns = [first]
    for other in rest:
        column, other_def = flatten(other)
        if other_def != treedef:
            raise InputError(f"[tree.map] the containers differ: {treedef!r} and {other_def!r}")
        columns.append(column)
    return unflatten(treedef, [f(*row) for row in zip(*columns, strict=True)])


def paths(tree: Any) -> list[tuple[str, Any]]:
    """Each leaf with a name for its place, such as ``layers[0].w``.

    >>> paths({"layers": [{"w": 1}], "b": 2})
    [('b', 2), ('layers[0].w', 1)]
    """
    found: list[tuple[str, Any]] = []
    values, treedef = flatten(tree)
    _paths(treedef, "", found, iter(values))
    return found


def names(treedef: TreeDef) -> list[str]:
    """The names of :func:`paths`, without a container at hand.

    >>> names(flatten((1, {"x": 2}))[1])
    ['[0]', '[1].x']
    """
    found: list[tuple[str, Any]] = []
    _paths(treedef, "", found, itertools.repeat(None))
    return [name for name, _ in found]


def _paths(treedef: TreeDef, prefix: str, found: list[tuple[str, Any]], values: Any) -> None:
    if treedef.kind is None:
        found.append((prefix, next(values)))
    elif treedef.kind in (list, tuple):
        for i, child in enumerate(treedef.children):
            _paths(child, f"{prefix}[{i}]", found, values)
    else:
        for key, child in zip(treedef.keys, treedef.children, strict=True):
            _paths(child, f"{prefix}.{key}" if prefix else str(key), found, values)
