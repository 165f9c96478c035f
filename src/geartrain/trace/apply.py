"""What happens when an operation meets a traced value: it is computed, and recorded if a level under way depends on it.

Nothing stays implicit: where a pointwise op repeats or casts an operand, that is a node of its own.
"""

from typing import Any

import numpy as np

from geartrain.errors import GeartrainError, LeakError, ShapeError, teach
from geartrain.ir.aval import Array, aval_of
from geartrain.ir.node import CONST, Node
from geartrain.ir.op import Constant, Custom, Op
from geartrain.kinds import kind_of
from geartrain.ops.index import GETITEM, VIEWS
from geartrain.ops.shape import BROADCAST, CAST, CAST_CONSTANT
from geartrain.trace.decide import decide_shape
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

_PYTHON = (float, int, complex, bool)


def apply(op: Op, operands: tuple[Array, ...], params: tuple[Any, ...] = ()) -> Array:
    """Compute ``op`` on values, and record it if it depends on an input of a level under way."""
    trace = active.trace
    for x in operands:
        if type(x) is not Tracer:
            if type(x) is not np.ndarray:
                refuse_strange(op.name, x)
        elif x.home is not trace:
            return op(*[here(x, op.name) for x in operands], params=params)
    values = [value_of(x) for x in operands]
    value = compute(op, values, params)
    if op in VIEWS and len(operands) == 1 and type(value) is np.ndarray and np.may_share_memory(value, values[0]):
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
    nodes = [
        (_part_node(x) if op is GETITEM and i == 0 else node_of(x)) if type(x) is Tracer else capture(x, op.name)
        for i, x in enumerate(operands)
    ]
    if op is GETITEM and type(value) is not np.ndarray and trace.lines is None and not _is_exposed(operands[0]):
        return Tracer(trace, _element(trace, tuple(nodes), params, value, depends))
    if op.pointwise:
        fit(trace, op, nodes, value)
    if isinstance(op, Custom) and op.careful is not None:
        return Tracer(trace, _choice(trace, op, tuple(nodes), params, value, depends))
    node = Node(op, tuple(nodes), params, value, depends)
    trace.add(node)
    if op.data_shape:
        decide_shape(trace, node)
    return Tracer(trace, node)


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


def unary(op: Op, x: Array) -> Array:
    """:func:`apply` for a pointwise operator of one operand."""
    return apply(op, (x,))


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


def binary(op: Op, a: Array, b: Array) -> Array:
    """:func:`apply` for an arithmetic operator, quick where nothing special is the case."""
    if type(a) is Tracer:
        trace = a.home
        if a.store is not None:
            return apply(op, (a, b))
        na: Node = a.node  # type: ignore[assignment]
        if type(b) is Tracer:
            if b.store is not None or b.home is not trace:
                return apply(op, (a, b))
            nb: Node = b.node  # type: ignore[assignment]
        elif type(b) in _PYTHON:
            nb = Node(CONST, (), (), b)
        else:
            return apply(op, (a, b))
    elif type(a) in _PYTHON and b.store is None:
        trace = b.home
        na = Node(CONST, (), (), a)
        nb = b.node
    else:
        return apply(op, (a, b))
    if trace is not active.trace:
        return apply(op, (a, b))
    va, vb = na.value, nb.value
    try:
        value = op.fn(va, vb)
    except ValueError as error:
        raise ShapeError(_mismatch(op, [va, vb], error)) from error
    kind = kind_of(value)
    if kind is np.ndarray:
        shape, dtype = value.shape, value.dtype
        same = not (na.depends and not (type(va) is np.ndarray and va.shape == shape and va.dtype == dtype)) and not (
            nb.depends and not (type(vb) is np.ndarray and vb.shape == shape and vb.dtype == dtype)
        )
    else:
        same = (kind is type(va) or not na.depends) and (kind is type(vb) or not nb.depends)
    if same:
        inputs = (na, nb)
    else:
        nodes = [na, nb]
        fit(trace, op, nodes, value)
        inputs = tuple(nodes)
    depends = na.depends | nb.depends
    if depends < 0:
        raise LeakError(leaked(op.name))
    depends &= trace.data_bits if isinstance(op, Constant) else trace.bits
    if depends == 0:
        return fresh(trace, value)
    node = Node(op, inputs, (), value, depends)
    if trace.lines is None:
        trace.tape.append(node)
    else:
        trace.add(node)
    return Tracer(trace, node)


def fit(trace: Trace, op: Op, nodes: list[Node], value: Array) -> None:
    """Make the operands of a pointwise op explicit: cast and broadcast are nodes, so rules see one shape and dtype."""
    shape, dtype, weak = aval_of(value)
    if isinstance(op, Constant):
        dtype = np.result_type(*[n.value for n in nodes]) if len(nodes) > 1 else None
    for i, node in enumerate(nodes):
        if node.depends:
            have_shape, have_dtype, have_weak = aval_of(node.value)
            other = dtype is not None and (have_dtype != dtype or (have_weak and not weak))
            if dtype is not None and other and (op.name != "ldexp" or i == 0):
                node = _cast(trace, node, dtype)
            if have_shape != shape:
                wide = aside(BROADCAST.fn, (node.value, shape))
                node = Node(BROADCAST, (node,), (shape,), wide, node.depends & trace.bits)
                trace.add(node)
            nodes[i] = node


def _cast(trace: Trace, node: Node, dtype: np.dtype[Any]) -> Node:
    op = CAST if dtype.kind in "fc" else CAST_CONSTANT
    made = Node(op, (node,), (dtype.str,), aside(op.fn, (node.value, dtype.str)), node.depends & trace.bits)
    trace.add(made)
    return made
