"""Where a NaN or an infinity was born.

- A forward birth is an op with finite operands and a result that is not finite.
- A backward birth is an edge that makes a cotangent that is not finite out of a finite one. It is *masked* if the value
  of the program is finite: ``np.where(x > 0, np.sqrt(x), 0)`` at 0 has the value 0, and the derivative 0 × inf = nan.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from geartrain.errors import SourceLine
from geartrain.ir.aval import Array, Aval, aval_of
from geartrain.ir.node import CONST, Node
from geartrain.ir.op import Linear, Op, Pointwise
from geartrain.view.formula import rate_text
from geartrain.view.sweep import Edge, Pulled, sweep
from geartrain.view.tape import Argnums, Tape, run_tape

__all__ = ["all_finite", "birth", "first_nonfinite"]


def first_nonfinite(f: Callable[..., Any], *args: Any, argnums: Argnums = None) -> str | None:
    """Which op of ``f(*args)`` first made a value that is not finite from finite ones, or a derivative.

    The text names the op, the element, the operands there, and the line of the program. ``None`` if f and its gradient
    in ``argnums`` (by default in all arguments that hold floats) are finite. An argument that is not finite itself is
    named, too.

    >>> print(first_nonfinite(lambda x: np.sum(np.log(x)), np.array([1.0, 0.0])))  # doctest: +ELLIPSIS
    log: -inf at element [1] of f64[2], where its operand is 0, at ...
    >>> first_nonfinite(lambda x: np.sum(np.exp(x)), np.array([1.0, 0.0]))

    Raises:
        InputError: as :func:`geartrain.explain` does.
    """
    return birth(run_tape("first_nonfinite", f, args, argnums))


def birth(tape: Tape) -> str | None:
    """:func:`first_nonfinite` of a run."""
    return _backward_birth(tape) if all_finite([tape.value]) else _forward_birth(tape)


def all_finite(values: Iterable[Array]) -> bool:
    """Whether no value holds a NaN or an infinity."""
    return all(bool(np.all(np.isfinite(x))) for x in values)


# Forward.


def _forward_birth(tape: Tape) -> str | None:
    """The earliest birth from which values that are not finite lead to the output."""
    if tape.output is None:
        return None
    place = {node: i for i, node in enumerate((*tape.inputs, *tape.nodes))}
    found: list[tuple[int, Node, Node]] = []  # place on the tape, the node that is not finite, and who uses it
    seen = {tape.output}
    stack = [(tape.output, tape.output)]
    while stack:
        node, user = stack.pop()
        suspects = [x for x in node.inputs if not _surely_finite(x)] if node not in tape.inputs else []
        if not suspects and not isinstance(node.value, Aval):
            found.append((place.get(node, place.get(user, 0)), node, user))
        stack.extend((x, node) for x in suspects if x not in seen)
        seen.update(suspects)
    if not found:
        return None
    _, node, user = min(found, key=lambda birth: birth[0])
    if node in tape.inputs:
        label = dict(zip(tape.inputs, tape.labels, strict=True))[node]
        return f"the argument {label}, which holds {_example(node.value)}"
    if node.op is CONST:
        return f"a constant that holds {_example(node.value)}, an operand of {user.op.name}{_at(tape.lines.get(user))}"
    return _describe(node, tape.lines.get(node))


def _surely_finite(node: Node) -> bool:
    """Values that were not kept may not be; a storage that a program writes to makes no NaN, but may hold one."""
    value = node.value
    return not isinstance(value, Aval) and (aval_of(value).dtype.kind not in "fc" or all_finite([value]))


def _describe(node: Node, line: SourceLine | None) -> str:
    index = _first(~np.isfinite(node.value))
    made = _value_text(np.asarray(node.value)[index])
    return f"{node.op.name}: {made}{_element(index, node.aval)}, where {_operands(node, index)}{_at(line)}"


def _operands(node: Node, index: tuple[int, ...]) -> str:
    """The operands at an element; for ops that mix elements, the range of each."""
    texts: list[str] = []
    for x in node.inputs:
        if isinstance(x.value, Aval):
            texts.append(repr(x.value))
        elif isinstance(node.op, Pointwise) or np.ndim(x.value) == 0:
            texts.append(_value_text(np.broadcast_to(x.value, node.aval.shape)[index] if index else x.value))
        else:
            texts.append(_range(x.value))
    return f"its operand is {texts[0]}" if len(texts) == 1 else f"its operands are {' and '.join(texts)}"


def _range(value: Array) -> str:
    aval = aval_of(value)
    if aval.dtype.kind not in "fiub" or aval.size == 0:
        return repr(aval)
    return f"{aval!r} from {_value_text(np.min(value))} to {_value_text(np.max(value))}"


# Backward.


def _backward_birth(tape: Tape) -> str | None:
    bars: dict[Node, Array] = {}
    for pulled in sweep(tape, bars, shown=lambda node: not _moves_parts(node.op)):
        if not all_finite([pulled.y_bar]):
            where = _at(tape.lines.get(pulled.node))
            return f"the sum of what comes back to the result of {pulled.node.op.name}, which overflows{where}"
        for edge in pulled.edges:
            if not all_finite([edge.contribution]):
                return _describe_edge(tape, pulled, edge)
    for node, label in zip(tape.inputs, tape.labels, strict=True):
        if node in bars and not all_finite([bars[node]]):
            return f"the sum of what comes back to the argument {label}, which overflows"
    return None


def _moves_parts(op: Op) -> bool:
    """Reads and writes of parts move cotangents as they are; no NaN is born there."""
    return isinstance(op, Linear) and (op.into is not None or op.take is not None)


def _describe_edge(tape: Tape, pulled: Pulled, edge: Edge) -> str:
    node = pulled.node
    index = _first(~np.isfinite(edge.contribution))
    made = _value_text(np.asarray(edge.contribution)[index])
    text = f"the derivative of {node.op.name}: {made}{_element(index, edge.operand.aval)}"
    masked = False
    if isinstance(node.op, Pointwise):
        rate = node.op.partials[edge.i]
        names = {node: "y", **{x: f"x{i + 1}" if len(node.inputs) > 1 else "x" for i, x in enumerate(node.inputs)}}
        formula = rate_text(node, edge.i, {n: name for n, name in names.items() if n.op is not CONST})
        assert rate is not None
        with np.errstate(all="ignore"):
            value = np.broadcast_to(rate(node.value, *[x.value for x in node.inputs]), node.aval.shape)[index]
        arrived = _value_text(np.asarray(pulled.y_bar)[index])
        masked = not np.isfinite(value) and np.asarray(pulled.y_bar)[index] == 0
        text += f", where {_operands(node, index)}, its rate {formula} is {_value_text(value)}, and {arrived} arrives"
    text += f"{_at(tape.lines.get(node))}. The value is finite, its derivative is not"
    if masked:  # what np.where hides in the value is still there in the derivative
        text += f": keep the operand away from there before the op, as in {node.op.name}(np.where(ok, x, 1))"
    return text


# Texts.


def _first(where: Any) -> tuple[int, ...]:
    """The index of the first true element; of a number, the empty one."""
    where = np.asarray(where)
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(where)), where.shape)) if where.ndim else ()


def _example(value: Array) -> str:
    index = _first(~np.isfinite(value))
    return f"{_value_text(np.asarray(value)[index])}{_element(index, aval_of(value))}"


def _element(index: tuple[int, ...], aval: Aval) -> str:
    return f" at element {list(index)} of {aval!r}" if index else ""


def _value_text(x: Array) -> str:
    return f"{complex(x):.6g}" if np.iscomplexobj(x) else f"{float(x):.6g}"


def _at(line: SourceLine | None) -> str:
    if line is None:
        return ""
    return f", at {line}: {line.text}" if line.text else f", at {line}"
