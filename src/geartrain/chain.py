"""THE CHAIN RULE. Local rates multiply along a path and add over paths.

``push`` carries tangents forward through one node, ``pull`` carries cotangents back through it. The sweeps apply them
along the tape, so every shared factor is computed once.

Where the result of an op is not unique (the eigenvectors of equal eigenvalues), local rates do not tell enough, and the
rule is given a look at what follows: see ``again``.
"""

import functools
from collections.abc import Callable, Collection, Sequence

import numpy as np

from geartrain.again import Ends, Operand, Rerun, is_careful, looked, turned
from geartrain.errors import RuleError, teach
from geartrain.ir.aval import Array, aval_of, is_array
from geartrain.ir.node import Node
from geartrain.ir.op import ONE, Constant, Custom, Elsewhere, Linear, Pointwise
from geartrain.trace.tracer import value_of

__all__ = ["Operand", "pull", "pull_once", "pull_through", "push", "push_through"]


def push(node: Node, y: Array, xs: Sequence[Array], xs_dot: Sequence[Array | None]) -> Array | None:
    """How the result moves when the operands move: ``y_dot``, or ``None`` where it does not."""
    op = node.op
    y_dot = None
    if isinstance(op, Custom):
        return op.push(y, xs, xs_dot, *node.params)
    if isinstance(op, Linear) and op.jointly:
        moved = [_zero(x) if x_dot is None else x_dot for x, x_dot in zip(xs, xs_dot, strict=True)]
        fixed = [_transpose(op, i) is None for i in range(len(xs))]
        return op(*[x if f else m for x, m, f in zip(xs, moved, fixed, strict=True)], params=node.params)
    for i, x_dot in enumerate(xs_dot):
        if x_dot is None or isinstance(op, Constant):
            continue
        if isinstance(op, Pointwise):
            rate = op.partials[i]
            term = None if rate is None else x_dot if rate is ONE else x_dot * rate(y, *xs)
        elif isinstance(op, Linear):
            term = None if _transpose(op, i) is None else op(*xs[:i], x_dot, *xs[i + 1 :], params=node.params)
        else:
            raise _no_rule(node)
        y_dot = term if y_dot is None else y_dot if term is None else y_dot + term
    return y_dot


def pull(
    node: Node,
    y_bar: Array,
    y: Array,
    xs: Sequence[Array],
    wanted: Sequence[int],
    elsewhere: Elsewhere | None = None,
) -> list[Array | None]:
    """How the end moves when the operands move: a cotangent for each operand that is ``wanted``.

    ``elsewhere`` is given where the rule for a result that is not unique is needed.
    """
    op = node.op
    if isinstance(op, Pointwise):
        return [
            None if not want or rate is None else y_bar if rate is ONE else y_bar * rate(y, *xs)
            for want, rate in zip(wanted, op.partials, strict=True)
        ]
    if isinstance(op, Custom):
        if op.careful is not None and elsewhere is not None:
            return list(op.careful.pull(elsewhere, y_bar, y, xs, *node.params))
        return list(op.pull(y_bar, y, xs, *node.params))
    if isinstance(op, Constant):
        return [None] * len(xs)
    if not isinstance(op, Linear):
        raise _no_rule(node)
    xs_bar: list[Array | None] = [None] * len(xs)
    for i, want in enumerate(wanted):
        rule = _transpose(op, i) if want else None
        if rule is not None:
            number = (i,) if op.variadic and len(op.transposes) == 1 else ()
            xs_bar[i] = rule(*number, y_bar, *xs, *node.params)
    return xs_bar


def push_through(
    nodes: Sequence[Node],
    bit: int,
    dots: dict[Node, Array],
    operand: Operand,
    wanted: Collection[Node] | None = None,
    rule: Callable[..., Array | None] = push,
) -> dict[Node, Array]:
    """Forward mode: carry the tangents of the inputs along the tape. ``rule`` is how they pass a node.

    Where just the ``wanted`` tangents are to be left, those of arrays that are written part by part change in place.
    """
    mine: set[Node] = set()  # their tangents were made here, and may change in place when nobody reads them any more
    last = {} if wanted is None else _last_readers(nodes, wanted)
    rerun: Rerun | None = None
    for i, node in enumerate(nodes):
        if rerun is not None:  # with another choice among equal eigenvectors from here on
            operand = rerun.along(node)
        if node.depends & bit and node.inputs and node not in dots:
            xs_dot = [dots.get(x) for x in node.inputs]
            if any(x_dot is not None for x_dot in xs_dot):
                if isinstance(node.op, Custom) and (turn := turned(node, xs_dot, operand, rerun, nodes)):
                    rerun, dots[node] = turn
                    continue
                if last.get(node.inputs[0]) == i and _may_give(node):
                    _push_part(node, dots, xs_dot, [operand(x) for x in node.inputs], mine)
                    continue
                y_dot = rule(node, operand(node), [operand(x) for x in node.inputs], xs_dot)
                if y_dot is not None:
                    if mine and any(x in mine for x in node.inputs):
                        y_dot = _apart(y_dot, [dots[x] for x in node.inputs if x in mine])
                    dots[node] = y_dot
    if rerun is not None:
        rerun.refuse_change(dots, nodes if wanted is None else wanted)
    return dots


def _last_readers(nodes: Sequence[Node], wanted: Collection[Node]) -> dict[Node, int]:
    """The place of the last node that reads each array which is written; none for what is wanted in the end."""
    last = {node.inputs[0]: -1 for node in nodes if _may_give(node)}
    if last:
        for i, node in enumerate(nodes):
            for x in node.inputs:
                if x in last:
                    last[x] = i
        for node in wanted:
            last.pop(node, None)
    return last


def _may_give(node: Node) -> bool:
    op = node.op
    return isinstance(op, Linear) and op.give is not None and node.inputs[0] not in node.inputs[1:]


def _push_part(
    node: Node, dots: dict[Node, Array], xs_dot: Sequence[Array | None], xs: list[Array], mine: set[Node]
) -> None:
    """``push`` for an op that writes a part of its first operand, whose own tangent nobody needs any more."""
    whole, x_dot = node.inputs[0], xs_dot[0]
    if whole not in mine:
        aval = node.aval
        x_dot = np.zeros(aval.shape, aval.dtype) if x_dot is None else np.array(x_dot)
    assert isinstance(node.op, Linear)
    assert node.op.give is not None
    node.op.give(x_dot, xs_dot[1], *xs, *node.params)
    dots.pop(whole, None)
    mine.discard(whole)
    dots[node] = x_dot
    mine.add(node)


def _apart(y_dot: Array, held: Sequence[Array]) -> Array:
    """A tangent in memory of its own, where it may be a view of one that is going to change."""
    shares = is_array(y_dot) and any(np.may_share_memory(value_of(y_dot), value_of(x_dot)) for x_dot in held)
    return np.array(y_dot) if shares else y_dot


def pull_through(
    nodes: Sequence[Node],
    bit: int,
    bars: dict[Node, Array],
    operand: Operand,
    keep: bool = False,
    rule: Callable[..., list[Array | None]] = pull,
    ends: Ends | None = None,
) -> dict[Node, Array]:
    """Reverse mode: carry the cotangents of the outputs back along the tape. ``rule`` is how they pass a node.

    Cotangents of arrays that are read or written part by part change in place and are not left in the result, unless
    ``keep`` asks for all of them. ``ends`` has the whole tape and the cotangents at its end, where ``nodes`` is a part.
    """
    mine: set[Node] = set()  # their cotangents were made here and nobody else holds them, so they may change in place
    ends = ends or Ends(nodes, dict(bars))
    for node in reversed(nodes):
        y_bar = bars.get(node)
        if y_bar is not None and node.inputs:
            _pull_node(node, y_bar, bit, bars, operand, keep, rule, mine, ends)
    return bars


def pull_once(
    nodes: list[Node],
    bit: int,
    bars: dict[Node, Array],
    operand: Operand,
    wanted: Collection[Node],
    forget: bool,
    rule: Callable[..., list[Array | None]] = pull,
) -> dict[Node, Array]:
    """``pull_through`` for the only sweep along ``nodes``, which takes them off the list one by one.

    A node, its value and its cotangent are let go when the sweep is past them; the cotangents of ``wanted`` are left.
    ``forget``: take the bit off them, too. No node may be careful, since there is no tape to look at again.
    """
    mine: set[Node] = set()
    while nodes:
        node = nodes.pop()
        y_bar = bars.get(node) if node in wanted else bars.pop(node, None)
        if y_bar is not None and node.inputs:
            _pull_node(node, y_bar, bit, bars, operand, False, rule, mine, None)
        mine.discard(node)
        if forget and node.depends > 0:
            node.depends &= ~bit
    return bars


def _pull_node(
    node: Node,
    y_bar: Array,
    bit: int,
    bars: dict[Node, Array],
    operand: Operand,
    keep: bool,
    rule: Callable[..., list[Array | None]],
    mine: set[Node],
    ends: Ends | None,
) -> None:
    """Carry the cotangent of one node to its operands."""
    inputs, op = node.inputs, node.op
    xs = list(map(operand, inputs))
    if isinstance(op, Linear) and not keep and (op.into is not None or op.take is not None):
        _pull_part(node, y_bar, op, bit, bars, xs, mine)
        return
    wanted = [x.depends & bit for x in inputs]
    more: tuple[Elsewhere, ...] = ()
    if ends is not None and is_careful(node):
        elsewhere = looked(node, ends, bit, operand, functools.partial(pull_through, rule=rule))
        more = () if elsewhere is None else (elsewhere,)
    for x, want, x_bar in zip(inputs, wanted, rule(node, y_bar, operand(node), xs, wanted, *more), strict=True):
        if want and x_bar is not None:
            if x in bars:
                _add(bars, x, x_bar, mine)
            else:
                bars[x] = x_bar


def _add(bars: dict[Node, Array], x: Node, x_bar: Array, mine: set[Node]) -> None:
    """Paths that meet add up."""
    have = bars.get(x)
    if have is None:
        bars[x] = x_bar
    elif x in mine:
        have += x_bar
    else:
        bars[x] = have + x_bar


def _pull_part(
    node: Node, y_bar: Array, op: Linear, bit: int, bars: dict[Node, Array], xs: list[Array], mine: set[Node]
) -> None:
    """``pull`` for an op that reads or writes a part of its first operand: the cotangent of the rest stays in place."""
    whole = node.inputs[0]
    if op.into is not None:
        if whole.depends & bit:
            if whole not in mine:
                have = bars.get(whole)
                bars[whole] = np.zeros(xs[0].shape, xs[0].dtype) if have is None else np.array(have)
                mine.add(whole)
            op.into(bars[whole], y_bar, *xs, *node.params)
    elif op.take is not None:
        if node not in mine:
            y_bar = np.array(y_bar)
        part_bar = op.take(y_bar, *xs, *node.params)
        if node.inputs[1].depends & bit:
            _add(bars, node.inputs[1], part_bar, mine)
        mine.discard(node)
        bars.pop(node, None)
        if whole.depends & bit:
            if whole in bars:
                _add(bars, whole, y_bar, mine)
            else:
                bars[whole] = y_bar
                mine.add(whole)


def _transpose(op: Linear, i: int) -> Callable[..., Array] | None:
    return op.transposes[min(i, len(op.transposes) - 1)]


def _zero(x: Array) -> Array:
    aval = aval_of(x)
    return np.zeros(aval.shape, aval.dtype)


def _no_rule(node: Node) -> RuleError:
    return RuleError(teach(node.op.name, "this operation has no derivative rule.", "Give it one by gt.custom_rule."))
