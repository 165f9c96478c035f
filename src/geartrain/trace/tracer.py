"""The value that stands in for an ndarray while a program is traced.

A tracer carries its concrete value, so Python may branch, loop, print and index on it. It says it is what it stands for
(``isinstance(t, np.ndarray)``), wears NumPy's protocols, and records a node for each operation on it. A tracer without
node is an array that the program made for itself and that depends on nothing yet.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from geartrain.errors import LeakError, ShapeError, TraceError, teach
from geartrain.ir.aval import Array, Aval, aval_of
from geartrain.ir.node import CONST, INPUT, Node
from geartrain.ir.op import Constant, Linear, Op
from geartrain.ops.index import GETITEM, HERE, SCATTER, VIEWS, split_index
from geartrain.ops.pointwise import ADD, DIVIDE, MULTIPLY, NEGATIVE, POWER, SQUARE, SUBTRACT
from geartrain.ops.shape import BROADCAST, cast
from geartrain.trace.level import Level, Trace
from geartrain.trace.storage import Step, Storage, lend, live, own, put

__all__ = ["ALIAS", "DECIDE", "Tracer", "capture", "fresh", "new_input", "node_of", "plain", "value_of"]

ALIAS = Linear(name="alias", fn=lambda x: x, transposes=(lambda y_bar, x: y_bar,), batch=lambda size, batched, x: x)
"""A fresh name for a value: what an inner transformation differentiates in, so that it sees just its own argument."""

DECIDE: dict[str, Callable[[Array], Any]] = {"bool": bool, "int": int, "shape": np.count_nonzero}
"""The decisions that Python takes on a value, and how a compiled path takes them again."""

_PYTHON = (float, int, complex, bool)


class Tracer:
    """Stands for an ndarray or a scalar: see the module's text. Made by transformations only."""

    __slots__ = ("_node", "_path", "_store", "_trace", "_version")

    _node: Node | None
    _path: tuple[Step, ...]
    _store: Storage | None
    _trace: Trace
    _version: int

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, trace: Trace, node: Node | None, store: Storage | None = None) -> None:
        self._trace = trace
        self._node = node
        self._store = store
        if store is not None:
            self._path = ()
            self._version = -1

    # What it is.

    @property
    def __class__(self) -> type:
        known = _known(self)
        return np.ndarray if type(known) is Aval else type(known)

    @staticmethod
    def __geartrain_apply__(op: Op, operands: tuple[Array, ...], params: tuple[Any, ...]) -> Array:
        return apply(op, operands, params)

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(_known(self))

    @property
    def dtype(self) -> np.dtype[Any]:
        return aval_of(_known(self)).dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return aval_of(_known(self)).size

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    @property
    def flags(self) -> Any:
        return value_of(self).flags

    @property
    def strides(self) -> tuple[int, ...]:
        return value_of(self).strides

    @property
    def base(self) -> Any:
        return value_of(self).base

    @property
    def T(self) -> Array:
        return self.transpose() if self.ndim > 1 else self[...]

    @property
    def mT(self) -> Array:
        return np.swapaxes(self, -1, -2)

    @property
    def real(self) -> Array:
        return np.real(self)

    @property
    def imag(self) -> Array:
        return np.imag(self)

    @property
    def flat(self) -> Array:
        return _Flat(self)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Array]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return iter([self[i] for i in range(self.shape[0])])

    def __repr__(self) -> str:
        return f"traced({value_of(self)!r})"

    def __str__(self) -> str:
        return str(value_of(self))

    def __format__(self, spec: str) -> str:
        return format(value_of(self), spec)

    # Decisions that Python takes.

    def __bool__(self) -> bool:
        return _decide(self, "bool")

    def __int__(self) -> int:
        return _decide(self, "int")

    def __index__(self) -> int:
        if self.dtype.kind not in "iub":
            raise TypeError(f"only integers can be an index, got {aval_of(_known(self))!r}")
        return _decide(self, "int")

    def __trunc__(self) -> int:
        return _decide(self, "int")

    def __float__(self) -> float:
        return float(_foreign(self, "float"))

    def __complex__(self) -> complex:
        return complex(_foreign(self, "complex"))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        value = _foreign(self, "np.asarray")
        return np.ndarray.__array__(np.array(value, copy=False) if copy is False else np.array(value), dtype)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TraceError(teach("pickle", "a traced value cannot be pickled.", "Return it, and pickle the result."))

    def __deepcopy__(self, memo: Any) -> Array:
        return np.copy(self)

    def __copy__(self) -> Array:
        return np.copy(self)

    # NumPy's protocols: the spellings are in trace/spellings.py.

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Array, **kwargs: Any) -> Any:
        return protocols["ufunc"](ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return protocols["function"](func, args, kwargs)

    # Arithmetic.

    def __add__(self, other: Array) -> Array:
        return binary(ADD, self, other)

    def __radd__(self, other: Array) -> Array:
        return binary(ADD, other, self)

    def __sub__(self, other: Array) -> Array:
        return binary(SUBTRACT, self, other)

    def __rsub__(self, other: Array) -> Array:
        return binary(SUBTRACT, other, self)

    def __mul__(self, other: Array) -> Array:
        return binary(MULTIPLY, self, other)

    def __rmul__(self, other: Array) -> Array:
        return binary(MULTIPLY, other, self)

    def __truediv__(self, other: Array) -> Array:
        return binary(DIVIDE, self, other)

    def __rtruediv__(self, other: Array) -> Array:
        return binary(DIVIDE, other, self)

    def __pow__(self, other: Array, modulo: None = None) -> Array:
        if type(other) is int and other == 2:
            return apply(SQUARE, (self,), ())
        return binary(POWER, self, other)

    def __rpow__(self, other: Array) -> Array:
        return binary(POWER, other, self)

    def __neg__(self) -> Array:
        return apply(NEGATIVE, (self,), ())

    # Reading and writing parts.

    def __getitem__(self, index: Any) -> Array:
        if _is_basic(index):
            return apply(GETITEM, (self,), (index if type(index) is tuple else (index,),))
        template, arrays = split_index(index)
        return apply(GETITEM, (self, *arrays), (template,))

    def __setitem__(self, index: Any, value: Any) -> None:
        write(self, index, value)


protocols: dict[str, Callable[..., Any]] = {}
"""What NumPy's protocols do with a call; filled in by ``spellings``, which stands above."""


# Values and nodes.


def _known(t: Tracer) -> Array:
    """The value of a tracer, or at least its aval."""
    return t._node.value if t._store is None else value_of(t)  # type: ignore[union-attr]


def value_of(x: Array) -> Array:
    """The concrete value of a tracer; anything else is its own value."""
    if type(x) is not Tracer:
        return x
    store = x._store
    if store is None:
        return x._node.value  # type: ignore[union-attr]
    return store.buffer if x._path == () else live(store, x._path)


def node_of(t: Tracer) -> Node:
    """The node of a tracer as it is now, with its value: what an operation takes as its input."""
    store = t._store
    if store is None:
        return t._node  # type: ignore[return-value]
    if t._path == ():
        return lend(store)
    if t._version == store.version and t._node is not None:
        return t._node
    t._version = store.version
    value = live(store, t._path)
    kept = np.array(value) if store.owned else value
    if store.node is None or store.node.depends == 0:
        t._node = Node(CONST, (), (), kept)
        return t._node
    node = store.node
    part = store.buffer
    for step in t._path:
        part = step.op.fn(part, *step.params)
        node = Node(step.op, (node,), step.params, aval_of(part), node.depends)
        t._trace.add(node)
    node.value = kept
    t._node = node
    return node


def capture(x: Array) -> Node:
    """The node of any value. An array from outside is copied, since the program may change it later."""
    if type(x) is Tracer:
        return node_of(x)
    if isinstance(x, np.ndarray) and x.flags.writeable:
        x = np.array(x)
    return Node(CONST, (), (), x)


def fresh(trace: Trace, value: Any) -> Any:
    """A value that depends on nothing: an array becomes one that traced values can be written into."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fciub":
        return Tracer(trace, None, Storage(value, None, owned=bool(value.flags.owndata and value.flags.writeable)))
    if type(value) is tuple:
        return tuple(fresh(trace, v) for v in value)
    return value


def plain(x: Any) -> Any:
    """``x`` with tracers that depend on nothing replaced by their values, in lists, tuples and dicts too."""
    if type(x) is Tracer:
        return value_of(x) if depends_of(x) == 0 else x
    if type(x) in (list, tuple):
        return type(x)([plain(v) for v in x])
    if type(x) is dict:
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, slice):
        return slice(plain(x.start), plain(x.stop), plain(x.step))
    return x


def depends_of(t: Tracer) -> int:
    """The levels that a tracer depends on, without lending its buffer."""
    node = t._node if t._store is None else t._store.node
    return 0 if node is None else node.depends


def new_input(level: Level, value: Array) -> Tracer:
    """A fresh input of a level that stands for ``value``, which may itself be traced by an outer level."""
    if type(value) is Tracer and depends_of(value):
        outer = node_of(value)
        node = Node(ALIAS, (outer,), (), outer.value, outer.depends | level.bit)
    else:
        node = Node(INPUT, (), (), value_of(value), level.bit)
    level.trace.add(node)
    return Tracer(level.trace, node)


# Applying operations.


def apply(op: Op, operands: tuple[Array, ...], params: tuple[Any, ...]) -> Array:
    """Compute ``op`` on values, and record it if it depends on an input of a level under way."""
    trace: Trace | None = None
    depends = 0
    for x in operands:
        if type(x) is Tracer:
            trace = x._trace
            depends |= depends_of(x)
    assert trace is not None
    if trace.closed:
        raise LeakError(_leaked(op.name))
    values = [value_of(x) for x in operands]
    try:
        value = op.fn(*values, *params)
    except ValueError as error:
        if isinstance(error, (ShapeError, np.linalg.LinAlgError)):
            raise
        raise ShapeError(_mismatch(op, values, error)) from error
    if op in VIEWS and len(operands) == 1 and isinstance(value, np.ndarray) and _is_view(value, values[0]):
        return _view(operands[0], Step(op, params))
    if type(op) is Constant:
        depends &= trace.data_bits
    if depends == 0:
        return fresh(trace, value)
    linear_part = op is GETITEM
    nodes = [
        (_part_node(x) if linear_part and i == 0 else node_of(x)) if type(x) is Tracer else capture(x)
        for i, x in enumerate(operands)
    ]
    if op.pointwise:
        _fit(trace, op, nodes, value)
    node = Node(op, tuple(nodes), params, value, depends)
    trace.add(node)
    return Tracer(trace, node)


def _part_node(t: Tracer) -> Node:
    """The node of an operand of which only a part is read: no need to keep all of its values."""
    if t._store is not None and t._path == () and t._store.node is not None:
        return t._store.node
    return node_of(t)


def binary(op: Op, a: Array, b: Array) -> Array:
    """:func:`apply` for an arithmetic operator, quick where nothing special is the case."""
    if type(a) is Tracer:
        trace = a._trace
        if a._store is not None:
            return _operator(op, a, b)
        na: Node = a._node  # type: ignore[assignment]
        if type(b) is Tracer:
            if b._store is not None:
                return _operator(op, a, b)
            nb: Node = b._node  # type: ignore[assignment]
        elif type(b) in _PYTHON:
            nb = Node(CONST, (), (), b)
        else:
            return _operator(op, a, b)
    elif type(a) in _PYTHON and b._store is None:
        trace = b._trace
        na = Node(CONST, (), (), a)
        nb = b._node
    else:
        return _operator(op, a, b)
    if trace.closed:
        raise LeakError(_leaked(op.name))
    va, vb = na.value, nb.value
    try:
        value = op.fn(va, vb)
    except ValueError as error:
        raise ShapeError(_mismatch(op, [va, vb], error)) from error
    depends = na.depends | nb.depends
    kind = type(value)
    if kind is np.ndarray:
        shape, dtype = value.shape, value.dtype
        same = True
        if na.depends and not (type(va) is np.ndarray and va.shape == shape and va.dtype == dtype):
            same = False
        if nb.depends and not (type(vb) is np.ndarray and vb.shape == shape and vb.dtype == dtype):
            same = False
    else:
        same = (kind is type(va) or not na.depends) and (kind is type(vb) or not nb.depends)
    if same:
        node = Node(op, (na, nb), (), value, depends)
    else:
        nodes = [na, nb]
        _fit(trace, op, nodes, value)
        node = Node(op, tuple(nodes), (), value, depends)
    if trace.lines is None:
        trace.tape.append(node)
    else:
        trace.add(node)
    return Tracer(trace, node)


def _operator(op: Op, a: Array, b: Array) -> Array:
    """An operator on anything: what cannot be an operand is left to the other side."""
    other = b if type(a) is Tracer else a
    if not isinstance(other, (np.ndarray, np.generic, *_PYTHON)):
        if isinstance(other, (list, tuple)):
            made = np.asarray(other)
            return apply(op, (a, made) if other is b else (made, b), ())
        return NotImplemented
    return apply(op, (a, b), ())


def _fit(trace: Trace, op: Op, nodes: list[Node], value: Array) -> None:
    """Make the operands of a pointwise op explicit: cast and broadcast are nodes, so rules see one shape and dtype."""
    shape = np.shape(value)
    if type(op) is Constant:
        dtype = np.result_type(*(n.value for n in nodes)) if len(nodes) > 1 else None
    else:
        dtype = aval_of(value).dtype
    for i, node in enumerate(nodes):
        if node.depends:
            have = aval_of(node.value)
            if dtype is not None and (have.dtype != dtype or (have.weak and type(value) not in _PYTHON)):
                if op.name != "ldexp" or i == 0:
                    node = _cast_node(trace, node, dtype)
            if have.shape != shape:
                wide = BROADCAST.fn(node.value, shape)
                node = Node(BROADCAST, (node,), (shape,), wide, node.depends)
                trace.add(node)
            nodes[i] = node


def _cast_node(trace: Trace, node: Node, dtype: np.dtype[Any]) -> Node:
    made = cast(Tracer(trace, node), dtype)
    return node_of(made)


def _is_view(value: Array, of: Array) -> bool:
    return value is of or np.may_share_memory(value, of)


def _view(t: Tracer, step: Step) -> Tracer:
    """A view of a tracer: shares its storage, so that writing through either is seen through both."""
    store = t._store
    if store is None:
        store = t._store = Storage(t._node.value, t._node, owned=False)  # type: ignore[union-attr]
        t._path = ()
        t._version = 0
    view = Tracer(t._trace, None, store)
    view._path = (*t._path, step)
    return view


_BASIC = (int, slice, type(None), type(Ellipsis))


def _is_basic(index: Any) -> bool:
    if type(index) is tuple:
        for part in index:
            if type(part) not in _BASIC or (type(part) is slice and not _plain_slice(part)):
                return False
        return True
    return type(index) in _BASIC and (type(index) is not slice or _plain_slice(index))


def _plain_slice(part: slice) -> bool:
    return type(part.start) is not Tracer and type(part.stop) is not Tracer and type(part.step) is not Tracer


# Writing.


def write(t: Tracer, index: Any, value: Any) -> None:
    """``t[index] = value``, as NumPy does it: through views, and seen through every other view."""
    trace = t._trace
    if trace.closed:
        raise LeakError(_leaked("setitem"))
    target = value_of(t)
    if not isinstance(target, np.ndarray):
        raise TypeError(f"'{type(target).__name__}' object does not support item assignment")
    if not (type(value) is Tracer or isinstance(value, (np.ndarray, np.generic, *_PYTHON))):
        value = np.asarray(value)
    traced_mask = type(index) is Tracer and index.dtype == bool
    if traced_mask and index.shape == t.shape and np.ndim(value) == 0 and depends_of(index):
        value, index = np.where(index, value, t), Ellipsis
    template, arrays = (index if type(index) is tuple else (index,), []) if _is_basic(index) else split_index(index)
    array_values = [value_of(a) for a in arrays]
    numpy_index = tuple(_with(template, array_values))
    store = t._store
    depends = depends_of(t) | (depends_of(value) if type(value) is Tracer else 0)
    for a in arrays:
        depends |= depends_of(a) if type(a) is Tracer else 0
    if depends and target.dtype.kind not in "fc" and type(value) is Tracer and value.dtype.kind in "fc":
        raise TraceError(
            teach(
                "setitem",
                f"a traced {aval_of(_known(value))!r} is written into an array of {target.dtype}, which cannot hold its"
                " derivative.",
                "Make the array of floats: np.zeros(n), or np.array(values, dtype=float).",
            )
        )
    if depends and target.dtype.kind == "f" and type(value) is Tracer and value.dtype.kind == "c":
        raise TraceError(
            teach(
                "setitem", f"a traced complex value is written into an array of {target.dtype}.", "Use dtype=complex."
            )
        )
    if store is None:
        store = t._store = Storage(t._node.value, t._node, owned=False)  # type: ignore[union-attr]
        t._path = ()
        t._version = 0
    new_node: Node | None = None
    if depends:
        hole = target[numpy_index]
        part = _shaped(value, np.shape(hole), target.dtype)
        base = Tracer(trace, store.node if store.node is not None else lend(store))
        step = (*t._path, Step(GETITEM, (template,))) if not arrays else t._path
        if arrays:
            new = put(base, step, lambda x: _scatter(x, part, arrays, template))
        else:
            new = put(base, step, lambda _: part)
        new_node = node_of(new)
    own(store)
    try:
        live(store, t._path)[numpy_index] = value_of(value)
    except ValueError as error:
        raise ShapeError(
            teach(
                "setitem",
                f"a value of shape {np.shape(value)} does not fit the part of shape"
                f" {np.shape(target[numpy_index])} that it is written to: {error}",
            )
        ) from error
    store.version += 1
    store.node = new_node


def _with(template: tuple[Any, ...], arrays: list[Array]) -> Iterator[Any]:
    remaining = iter(arrays)
    for part in template:
        yield next(remaining) if type(part) is str and part == HERE else part


def _shaped(value: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """``value`` with the shape and dtype of the part that it is written to."""
    if aval_of(_known(value) if type(value) is Tracer else value).dtype != dtype or not hasattr(value, "dtype"):
        value = cast(value if hasattr(value, "dtype") else np.asarray(value), dtype)
    if np.shape(value) == shape:
        return value
    have = np.shape(value)
    if len(have) > len(shape) and have[: len(have) - len(shape)] == (1,) * (len(have) - len(shape)):
        value = np.reshape(value, have[len(have) - len(shape) :])
    try:
        return np.broadcast_to(value, shape)
    except ValueError as error:
        raise ShapeError(
            teach(
                "setitem",
                f"a value of shape {have} does not fit the part of shape {shape} that it is written to.",
                "Make both shapes equal, or let the value's axes be 1 where it is to be repeated.",
            )
        ) from error


def _scatter(base: Array, part: Array, arrays: list[Array], template: tuple[Any, ...]) -> Array:
    return SCATTER(base, part, *arrays, params=(template,))


# Decisions and errors.


def _decide(t: Tracer, kind: str) -> Any:
    """The decision that Python takes on a value; under ``jit`` it becomes a guard."""
    value = value_of(t)
    depends = depends_of(t)
    trace = t._trace
    if depends & trace.vmap_bits:
        raise TraceError(
            teach(
                "vmap",
                f"Python takes {kind}() of a value that differs between the examples of a batch.",
                "Write np.where(condition, a, b) for both outcomes, or loop over the examples.",
            )
        )
    result = DECIDE[kind](value)
    if depends & trace.data_bits and not trace.closed:
        trace.decisions.append((node_of(t), kind, result))  # type: ignore[arg-type]
    return result


def _foreign(t: Tracer, how: str) -> Array:
    """The bare value, for code that cannot be traced; only if no derivative and no data dependence is lost."""
    if depends_of(t):
        way_out = {
            "float": "Leave float() out: a traced value is a number already. For math.sin and its kin write np.sin.",
            "complex": "Leave complex() out: a traced value is a number already.",
            "np.asarray": "Make the array inside the function by np.zeros, np.array or np.copy, so that it can hold a"
            " traced value; give a function that NumPy does not know a rule by gt.custom_rule; use gt.stop_gradient"
            " where no derivative is wanted.",
        }[how]
        raise TraceError(
            teach(
                how,
                f"a traced {aval_of(_known(t))!r} is turned into a bare number, which drops its derivative.",
                way_out,
            )
        )
    return value_of(t)


def _leaked(op: str) -> str:
    return teach(
        op,
        "a traced value is used after the transformation that made it has ended.",
        "Return it from the function that is differentiated; don't keep it in a list or a global.",
    )


def _mismatch(op: Op, values: list[Array], error: Exception) -> str:
    shapes = " and ".join(repr(aval_of(v)) if hasattr(v, "dtype") or type(v) in _PYTHON else repr(v) for v in values)
    return teach(op.name, f"{error} (got {shapes}).", "Make the shapes fit; print x.shape on the line before.")


class _Flat:
    """``x.flat``: a 1-D face of an array, written through."""

    def __init__(self, of: Tracer) -> None:
        self._of = of

    def __getitem__(self, index: Any) -> Array:
        return np.ravel(self._of)[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        where = np.unravel_index(np.arange(self._of.size)[index], self._of.shape)
        self._of[where] = value

    def __iter__(self) -> Iterator[Array]:
        return iter(np.ravel(self._of))

    def __len__(self) -> int:
        return self._of.size
