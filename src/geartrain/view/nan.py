"""Where a NaN or an infinity was born.

- A forward birth is an op with finite operands and a result that is not finite.
- A backward birth is an edge that makes a cotangent that is not finite out of a finite one. It is *masked* if zero
  arrived there: ``np.where(x > 0, np.sqrt(x), 0)`` at 0 has the value 0, and the derivative 0 × inf = nan.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np

from geartrain.errors import SourceLine
from geartrain.ir.aval import Array, Aval, aval_of
from geartrain.ir.node import CONST, Node
from geartrain.ir.op import Linear, Op, Pointwise
from geartrain.view.formula import rate_text
from geartrain.view.remedies import BACKWARD, FORWARD, MASKED
from geartrain.view.sweep import Edge, Pulled, sweep
from geartrain.view.tape import Argnums, Tape, run_tape

__all__ = ["Birth", "all_finite", "backward_births", "birth", "first_nonfinite", "forward_births", "hidden_births"]


class Birth(NamedTuple):
    """A birth certificate. ``what`` tells of it in a line; ``operands`` are those at the ``element``, as text."""

    kind: Literal["argument", "constant", "forward", "backward", "masked", "hidden"]
    op: str
    element: tuple[int, ...]
    operands: str
    what: str
    line: SourceLine | None = None
    remedy: str = ""

    @property
    def text(self) -> str:
        """All of it in one line."""
        note = ""
        if self.kind in ("backward", "masked") and self.element is not _SUM:
            note = ". The value is finite, its derivative is not"
        if self.kind == "masked":  # what np.where hides in the value is still there in the derivative
            note += f": keep the operand away from there before the op, as in {self.op}(np.where(ok, x, 1))"
        return f"{self.what}{_at(self.line)}{note}"


_SUM: tuple[int, ...] = (-1,)
"""In place of an element: cotangents that overflow when they meet."""


def first_nonfinite(f: Callable[..., Any], *args: Any, argnums: Argnums = None) -> str | None:
    """Which op of ``f(*args)`` first made a value that is not finite from finite ones, or a derivative.

    The text names the op, the element, the operands there, and the line of the program. ``None`` if f and its gradient
    in ``argnums`` (by default in all arguments that hold floats) are finite. An argument that is not finite itself is
    named, too. :func:`geartrain.where_did_nan` tells more.

    >>> print(first_nonfinite(lambda x: np.sum(np.log(x)), np.array([1.0, 0.0])))  # doctest: +ELLIPSIS
    log: -inf at element [1] of f64[2], where its operand is 0, at ...
    >>> first_nonfinite(lambda x: np.sum(np.exp(x)), np.array([1.0, 0.0]))

    Raises:
        InputError: as :func:`geartrain.explain` does.
    """
    return birth(run_tape("first_nonfinite", f, args, argnums))


def birth(tape: Tape) -> str | None:
    """:func:`first_nonfinite` of a run."""
    found = backward_births(tape) if all_finite([tape.value]) else forward_births(tape)
    first = next(iter(found), None)
    return None if first is None else first.text


def all_finite(values: Iterable[Array]) -> bool:
    """Whether no value holds a NaN or an infinity."""
    return all(bool(np.all(np.isfinite(x))) for x in values)


# Forward.


def forward_births(tape: Tape) -> list[Birth]:
    """The births from which values that are not finite lead to the output, in the order of the program."""
    if tape.output is None:
        return []
    place = {node: i for i, node in enumerate((*tape.inputs, *tape.nodes))}
    found: list[tuple[int, Node, Node]] = []  # place on the tape, the node that is not finite, and who uses it
    seen = {tape.output}
    stack = [(tape.output, tape.output)]
    while stack:
        node, user = stack.pop()
        operands = () if node in tape.inputs else dict.fromkeys(node.inputs)
        suspects = [x for x in operands if not _surely_finite(x)]
        if not suspects and not isinstance(node.value, Aval):
            found.append((place.get(node, place.get(user, 0)), node, user))
        stack.extend((x, node) for x in suspects if x not in seen)
        seen.update(suspects)
    return [_certificate(tape, node, user) for _, node, user in sorted(found, key=lambda birth: birth[0])]


def _certificate(tape: Tape, node: Node, user: Node) -> Birth:
    if node in tape.inputs:
        label = dict(zip(tape.inputs, tape.labels, strict=True))[node]
        what = f"the argument {label}, which holds {_example(node.value)}"
        return Birth("argument", "", _first(~np.isfinite(node.value)), "", what, None, "pass finite numbers")
    if node.op is CONST:
        what = f"a constant that holds {_example(node.value)}, an operand of {user.op.name}"
        index = _first(~np.isfinite(node.value))
        return Birth("constant", user.op.name, index, "", what, tape.lines.get(user), "look where it is made")
    return _born(tape, node, "forward")


def hidden_births(tape: Tape) -> Iterator[Birth]:
    """Ops that made something that is not finite, where the result is finite all the same."""
    for node in tape.nodes:
        if not _surely_finite(node) and not isinstance(node.value, Aval) and all(map(_surely_finite, node.inputs)):
            yield _born(tape, node, "hidden")


def _surely_finite(node: Node) -> bool:
    """Values that were not kept may not be; a storage that a program writes to makes no NaN, but may hold one."""
    value = node.value
    return not isinstance(value, Aval) and (aval_of(value).dtype.kind not in "fc" or all_finite([value]))


def _born(tape: Tape, node: Node, kind: Literal["forward", "hidden"]) -> Birth:
    index = _first(~np.isfinite(node.value))
    made, operands = _value_text(np.asarray(node.value)[index]), _operands(node, index)
    what = f"{node.op.name}: {made}{_element(index, node.aval)}, where {operands}"
    remedy = FORWARD.get(node.op.name, "") if kind == "forward" else ""
    return Birth(kind, node.op.name, index, operands, what, tape.lines.get(node), remedy)


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


def backward_births(tape: Tape) -> Iterator[Birth]:
    """Edges that make a cotangent that is not finite out of a finite one, from the end."""
    bars: dict[Node, Array] = {}
    spoiled: set[Node] = set()  # what an edge that was named already hands its cotangent to
    named = False
    for pulled in sweep(tape, bars, shown=lambda node: not _moves_parts(node.op)):
        finite = all_finite([pulled.y_bar])
        if not finite and not named and pulled.node not in spoiled:
            named = True
            what = f"the sum of what comes back to the result of {pulled.node.op.name}, which overflows"
            yield Birth("backward", pulled.node.op.name, _SUM, "", what, tape.lines.get(pulled.node), BACKWARD["sum"])
        for edge in pulled.edges:
            if not all_finite([edge.contribution]):
                spoiled.add(edge.operand)
                if finite:
                    named = True
                    yield _edge(tape, pulled, edge)
    for node, label in zip(tape.inputs, tape.labels, strict=True):
        if not named and node in bars and not all_finite([bars[node]]):
            what = f"the sum of what comes back to the argument {label}, which overflows"
            yield Birth("backward", "", _SUM, "", what, None, BACKWARD["sum"])


def _moves_parts(op: Op) -> bool:
    """Reads and writes of parts move cotangents as they are; no NaN is born there."""
    return isinstance(op, Linear) and (op.into is not None or op.take is not None)


def _edge(tape: Tape, pulled: Pulled, edge: Edge) -> Birth:
    node = pulled.node
    index = _first(~np.isfinite(edge.contribution))
    made = _value_text(np.asarray(edge.contribution)[index])
    what = f"the derivative of {node.op.name}: {made}{_element(index, edge.operand.aval)}"
    operands = ""
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
        operands = _operands(node, index)
        what += f", where {operands}, its rate {formula} is {_value_text(value)}, and {arrived} arrives"
    else:
        operands = _operands(node, ())
        what += f", where {operands}, and {_range(pulled.y_bar)} arrives"
    remedy = MASKED.format(op=node.op.name) if masked else BACKWARD.get(node.op.name, "")
    kind = "masked" if masked else "backward"
    return Birth(kind, node.op.name, index, operands, what, tape.lines.get(node), remedy)


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
