"""What happens when an operation meets a traced value: it is computed, and recorded if a level under way depends on it.

Nothing stays implicit: where a pointwise op repeats or casts an operand, that is a node of its own.
"""

from typing import Any

import numpy as np
from numpy import ndarray

from geartrain.errors import GeartrainError, LeakError, ShapeError, teach
from geartrain.ir.aval import Array, aval_of
from geartrain.ir.node import CONST, Node
from geartrain.ir.op import Constant, Custom, Op
from geartrain.kinds import kind_of
from geartrain.ops.index import GETITEM, VIEWS
from geartrain.ops.shape import BROADCAST, CAST, CAST_CONSTANT, spread
from geartrain.ops.table import ROWS
from geartrain.trace.decide import decide_shape
from geartrain.trace.letgo import SMALL, LettingGo
from geartrain.trace.level import Trace, active, aside
from geartrain.trace.storage import Step
from geartrain.trace.tracer import (
    Tracer,
    capture,
    depends_of,
    fresh,
    here,
    leaked,
    node_of,
    refuse_strange,
    stand_in,
    value_of,
)

__all__ = ["applied", "apply", "binary", "unary"]

_PYTHON = frozenset((float, int, complex, bool))
_NUMBERS = _PYTHON | {np.float64, np.float32, np.int64, np.bool_}
_USUAL = _NUMBERS | {ndarray}
"""Kinds of operands that are what they seem."""


def apply(op: Op, operands: tuple[Array, ...], params: tuple[Any, ...] = ()) -> Array:
    """Compute ``op`` on values, and record it if it depends on an input of a level under way."""
    trace = active.trace
    values: list[Array] = []
    for x in operands:
        kind = kind_of(x)
        if kind is Tracer:
            if x.home is not trace:
                return op(*[here(x, op.name) for x in operands], params=params)
            values.append(x.node.value if x.store is None else value_of(x))
        else:
            if kind not in _USUAL:
                refuse_strange(op.name, x)
            values.append(x)
    value = compute(op, values, params)
    if op in VIEWS and len(operands) == 1 and type(value) is ndarray and np.may_share_memory(value, values[0]):
        return view(operands[0], Step(op, params))
    return applied(op, operands, params, value)


def applied(op: Op, operands: tuple[Array, ...], params: tuple[Any, ...], value: Array) -> Array:
    """What :func:`apply` returns where ``value`` is what ``op`` gives."""
    trace = active.trace
    assert trace is not None
    depends = 0
    for x in operands:
        if type(x) is Tracer:
            depends |= depends_of(x)
    if depends < 0:
        raise LeakError(leaked(op.name))
    depends &= trace.data_bits if isinstance(op, Constant) else trace.bits
    if depends == 0:
        return fresh(trace, value)
    nodes: list[Node] = []
    for x in operands:
        if type(x) is not Tracer:
            nodes.append(capture(x, op.name))
        elif op is GETITEM and not nodes:
            nodes.append(_part_node(x))
        else:
            nodes.append(node_of(x))
    if op is GETITEM and type(value) is not ndarray and trace.lines is None and not _is_exposed(operands[0]):
        return Tracer(trace, _element(trace, tuple(nodes), params, value, depends))
    if op.pointwise:
        fit(trace, op, nodes, value)
    if isinstance(op, Custom) and op.careful is not None:
        return Tracer(trace, _choice(trace, op, tuple(nodes), params, value, depends))
    return _recorded(trace, op, tuple(nodes), params, value, depends)


def _recorded(
    trace: Trace, op: Op, nodes: tuple[Node, ...], params: tuple[Any, ...], value: Array, depends: int
) -> Tracer:
    if trace.letting_go is not None and type(value) is ndarray and value.nbytes >= SMALL:
        node = _large(trace, trace.letting_go, op, nodes, params, value, depends)
    else:
        node = Node(op, nodes, params, value, depends)
    if trace.lines is None:
        trace.tape.append(node)
    else:
        trace.add(node)
    if op.data_shape:
        decide_shape(trace, node)
    return Tracer(trace, node)


LONG = 64
"""Nodes of a program that is thought to repeat itself."""


def _large(
    trace: Trace,
    letting_go: LettingGo,
    op: Op,
    nodes: tuple[Node, ...],
    params: tuple[Any, ...],
    value: Array,
    depends: int,
) -> Node:
    """The node of a large value, while ``jit`` records. A long program makes many, and its sweep asks for few of them.

    So they may be let go, where to compute them again is nobody's business.
    """
    if len(trace.tape) >= letting_go.next:
        letting_go.look()
    again = depends & ~trace.guard_bits and trace.data_bits == trace.guard_bits and len(trace.tape) >= LONG
    if again and trace.waiting is not None and ROWS.get(op.name) is op and not op.effects and not op.data_shape:
        return trace.waiting.kept(op, nodes, params, value, depends)
    return Node(op, nodes, params, value, depends)


def _is_exposed(t: Array) -> bool:
    """Whether foreign code may change the buffer of a tracer, so that its node does not say what it holds."""
    return type(t) is not Tracer or (t.store is not None and t.store.exposed)


def _element(trace: Trace, nodes: tuple[Node, ...], params: tuple[Any, ...], value: Array, depends: int) -> Node:
    """The node of one element. A loop that reads ``p[0]`` a thousand times has one node, and one cotangent, of it."""
    key = nodes, params
    found = trace.elements.get(key)
    if found is None or found.depends != depends:
        found = trace.elements[key] = Node(GETITEM, nodes, params, value, depends)
        trace.tape.append(found)
    return found


def _choice(trace: Trace, op: Op, nodes: tuple[Node, ...], params: tuple[Any, ...], value: Array, depends: int) -> Node:
    """The node of a result that is one of several: who asks twice gets the same, with one cotangent of all its uses."""
    key = nodes, (op, *params)
    found = trace.elements.get(key)
    if found is None or found.depends != depends:
        found = trace.elements[key] = Node(op, nodes, params, value, depends)
        trace.add(found)
    return found


def compute(op: Op, values: list[Array], params: tuple[Any, ...]) -> Array:
    """``op`` on concrete values, with errors that teach."""
    try:
        return op.fn(*values) if op.pointwise else aside(op.fn, (*values, *params))
    except ValueError as error:
        if isinstance(error, (GeartrainError, np.linalg.LinAlgError)):
            raise
        raise ShapeError(_mismatch(op, values, error)) from error


def _mismatch(op: Op, values: list[Array], error: Exception) -> str:
    shapes = " and ".join(aval_of(v).said() if hasattr(v, "dtype") or type(v) in _PYTHON else repr(v) for v in values)
    return teach(op.name, f"{error} (got {shapes}).", "Make the shapes fit; print x.shape on the line before.")


def _part_node(t: Array) -> Node:
    """The node of an operand of which only a part is read: no need to keep all of its values.

    They are needed, though, where a run will be thrown away and computed anew from what was there before it.
    """
    store = t.store
    if store is not None and t.path == () and store.node is not None and store.epoch >= t.home.sealed:
        return store.node
    return node_of(t)


def view(t: Array, step: Step) -> Tracer:
    """A view of a tracer: shares its storage, so that writing through either is seen through both."""
    store = stand_in(t)
    made = Tracer(t.home, None, store)
    made.path = (*t.path, step)
    return made


def unary(op: Op, x: Array) -> Array:
    """:func:`apply` for a pointwise op of one operand, quick where nothing special is the case."""
    trace = x.home
    if x.store is not None or trace is not active.trace:
        return apply(op, (x,))
    of: Node = x.node
    value = op.fn(of.value)
    depends = of.depends
    if depends < 0:
        raise LeakError(leaked(op.name))
    depends &= trace.data_bits if isinstance(op, Constant) else trace.bits
    if depends == 0:
        return fresh(trace, value)
    inputs = (of,)
    if not _alike(of.value, value):
        nodes = [of]
        fit(trace, op, nodes, value)
        inputs = tuple(nodes)
    return _recorded(trace, op, inputs, (), value, depends)


def binary(op: Op, a: Array, b: Array) -> Array:
    """:func:`apply` for a pointwise op of two operands, quick where nothing special is the case."""
    trace = active.trace
    na, nb = _at_hand(trace, op, a, b), _at_hand(trace, op, b, a)
    if na is None or nb is None:
        return apply(op, (a, b))
    va, vb = na.value, nb.value
    try:
        value = op.fn(va, vb)
    except ValueError as error:
        raise ShapeError(_mismatch(op, [va, vb], error)) from error
    depends = na.depends | nb.depends
    if depends < 0:
        raise LeakError(leaked(op.name))
    assert trace is not None
    depends &= trace.data_bits if isinstance(op, Constant) else trace.bits
    if depends == 0:
        return fresh(trace, value)
    inputs = (na, nb)
    if (na.depends and not _alike(va, value)) or (nb.depends and not _alike(vb, value)):
        nodes = [na, nb]
        fit(trace, op, nodes, value)
        inputs = tuple(nodes)
    return _recorded(trace, op, inputs, (), value, depends)


def _at_hand(trace: Trace | None, op: Op, x: Array, other: Array) -> Node | None:
    """The node of an operand where it is at hand: of numbers, plain arrays, and tracers of this trace.

    An array that the program made, and that depends on nothing, is lent only if the result is sure to be recorded.
    """
    kind = kind_of(x)
    if kind is Tracer:
        if x.home is not trace:
            return None
        if x.store is None:
            return x.node
        needed = depends_of(x) > 0 or (type(other) is Tracer and depends_of(other) > 0 and not isinstance(op, Constant))
        return node_of(x) if needed else None
    if kind in _NUMBERS:
        return Node(CONST, (), (), x)
    return capture(x) if kind is ndarray and x.dtype.kind in "fciub" else None


def _alike(operand: Array, value: Array) -> bool:
    """Whether an operand has the shape and dtype of a result."""
    kind = kind_of(value)
    if kind is not type(operand):
        return False
    return kind is not ndarray or (operand.shape == value.shape and operand.dtype == value.dtype)


def fit(trace: Trace, op: Op, nodes: list[Node], value: Array) -> None:
    """Make the operands of a pointwise op explicit: cast and broadcast are nodes, so rules see one shape and dtype."""
    shape, dtype, weak = aval_of(value)
    still = isinstance(op, Constant)
    if still:
        dtype = np.result_type(*[n.value for n in nodes]) if len(nodes) > 1 else None
    for i, node in enumerate(nodes):
        if node.depends and (still or not _alike(node.value, value)):
            have_shape, have_dtype, have_weak = aval_of(node.value)
            other = dtype is not None and (have_dtype != dtype or (have_weak and not weak))
            if dtype is not None and other and (op.name != "ldexp" or i == 0):
                node = _cast(trace, node, dtype)
            if have_shape != shape:
                node = Node(BROADCAST, (node,), (shape,), spread(node.value, shape), node.depends & trace.bits)
                trace.add(node)
            nodes[i] = node


def _cast(trace: Trace, node: Node, dtype: np.dtype[Any]) -> Node:
    op = CAST if dtype.kind in "fc" else CAST_CONSTANT
    made = Node(op, (node,), (dtype.str,), aside(op.fn, (node.value, dtype.str)), node.depends & trace.bits)
    trace.add(made)
    return made
