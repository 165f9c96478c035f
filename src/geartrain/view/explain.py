"""The worked example of any function: each step, its value and its local rate, and the chain rule from the end."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from geartrain.chain import pull
from geartrain.ir.aval import Array, Aval
from geartrain.ir.graph import topological
from geartrain.ir.interpret import evaluate
from geartrain.ir.node import Node
from geartrain.ir.op import Custom, Pointwise
from geartrain.view.formula import rate_text, step_text
from geartrain.view.nan import all_finite, birth
from geartrain.view.page import Explanation, Input, Rate, Step, summary
from geartrain.view.sweep import Pulled, rms, sweep
from geartrain.view.tape import Argnums, Tape, run_tape, tape_work

__all__ = ["explain", "explanation"]

SHOWN, EACH = 30, 8
"""A program of more steps than ``SHOWN`` is shown by its first and last ``EACH``."""

LETTERS = "uvwtsrqp"
"""Names of the steps before the last one, from the end: y = f(u), u = g(v), ..."""

RECOMPUTED = 1_000_000
"""A value that the run did not keep is computed again if that makes no more than so many elements."""


def explain(f: Callable[..., Any], *args: Any, argnums: Argnums = None) -> Explanation:
    """The derivative of ``f`` at ``args``, worked through on what f really computes; print the result.

    Each step stands with its value, its local rate as a formula and as a number, and its line in the program; then the
    chain rule runs from the end, one sentence for each multiplication; then the work that this saved. Arrays are
    summarised, and of a long program the first and last steps are shown. f returns one real number; ``argnums`` says
    which arguments to differentiate in, by default all that hold floats.

    >>> print(explain(lambda x: 3 * x, 2.0))  # doctest: +ELLIPSIS
    y = f(x) at x = 2
    ...
      y = 3x   = 6   dy/dx = 3 ...
    ...
    dy/dx = 3. Rates multiply like gears: move x a little, and y moves 3 times as far.
    ...

    Raises:
        InputError: no argument holds floats, or f returns something else than one real number.
    """
    tape = run_tape("explain", f, args, argnums)
    return explanation(tape, formula=None)


def explanation(tape: Tape, formula: str | None) -> Explanation:
    """The worked example of a run; ``formula`` is how the function is written, by default ``f(x)``."""
    names = _names(tape)
    total = len(tape.steps)
    ends = tape.steps if total <= SHOWN else [*tape.steps[:EACH], *tape.steps[-EACH:]]
    shown = set(ends)
    bars: dict[Node, Array] = {}
    steps: dict[Node, Step] = {}
    for pulled in sweep(tape, bars, shown=shown.__contains__):
        if pulled.node in shown:
            steps[pulled.node] = _step(tape, pulled, names, bars)
    inputs = [
        Input(label, node.value, bars.get(node, _zero(node)))
        for node, label in zip(tape.inputs, tape.labels, strict=True)
    ]
    output = _output_name(tape)
    return Explanation(
        title=f"{output} = {formula or _call(tape)}{_point(tape)}",
        output=output,
        inputs=tuple(inputs),
        steps=tuple(steps[node] for node in ends if node in steps),
        before=EACH,
        hidden=total - len(ends),
        value=tape.value,
        gradient=tape.pack([x.y_bar for x in inputs]),
        work=tape_work(tape),
        trouble=None if all_finite([tape.value, *(x.y_bar for x in inputs)]) else birth(tape),
    )


def _step(tape: Tape, pulled: Pulled, names: Mapping[Node, str], bars: Mapping[Node, Array]) -> Step:
    node = pulled.node
    rates: list[Rate] = []
    there: dict[Node, Array | None] = {}
    for i, operand, contribution in pulled.edges:
        before = there.get(operand, bars.get(operand))
        kind = "pointwise" if isinstance(node.op, Pointwise) else "custom" if isinstance(node.op, Custom) else "linear"
        formula, number = rate_text(node, i, names), _number(node, i)
        rates.append(Rate(names[operand], kind, formula, number, contribution, before))
        there[operand] = contribution if before is None else before + contribution
    return Step(
        name=names[node],
        formula=step_text(node, names),
        op=node.op.name,
        value=_value(node),
        line=tape.lines.get(node),
        y_bar=pulled.y_bar,
        rates=tuple(rates),
    )


def _number(node: Node, i: int) -> Any:
    """The local rate as a number: for elementwise steps on arrays its rms, for other steps on arrays none."""
    xs = [x.value for x in node.inputs]
    with np.errstate(all="ignore"):
        if node.aval.shape == () and node.inputs[i].aval.shape == ():
            one = node.aval.dtype.type(1)
            return pull(node, one, node.value, xs, [k == i for k in range(len(xs))])[i]
        rule = node.op.partials[i] if isinstance(node.op, Pointwise) else None
        if rule is None:
            return None
        rate = rule(node.value, *xs)
        return rate if np.ndim(rate) == 0 else rms(rate)


def _value(node: Node) -> Array:
    """The value of a node, computed again where the run did not keep it, unless that is much work."""
    if not isinstance(node.value, Aval):
        return node.value
    kept: dict[Node, Array] = {}
    needed: list[Node] = []
    for x in topological([node]):
        if isinstance(x.value, Aval):
            needed.append(x)
        else:
            kept[x] = x.value
    if sum(x.aval.size for x in needed) > RECOMPUTED:
        return node.value
    return evaluate(needed, kept)[node]


def _names(tape: Tape) -> dict[Node, str]:
    """Names as in a textbook: the last step is y, those before it u, v, w, ...; v1, v2, ... where there are many."""
    names = dict(zip(tape.inputs, tape.labels, strict=True))
    if tape.output is None or tape.output in names:
        return names
    names[tape.output] = _output_name(tape)
    inner = [node for node in tape.steps if node is not tape.output]
    letters = [letter for letter in LETTERS if letter not in tape.labels]
    if len(inner) <= len(letters):
        names |= dict(zip(reversed(inner), letters, strict=False))
    else:
        stem = "v" if not any(label.startswith("v") for label in tape.labels) else "step"
        names |= {node: f"{stem}{i}" for i, node in enumerate(inner, 1)}
    return names | {node: names[tape.source(node)] for node in tape.nodes}


def _output_name(tape: Tape) -> str:
    return next(name for name in ("y", "z", "f", "out", "result", "value_of_f") if name not in tape.labels)


def _call(tape: Tape) -> str:
    return f"{tape.name if tape.name.isidentifier() else 'f'}({', '.join(_arguments(tape.labels))})"


def _point(tape: Tape) -> str:
    pairs = zip(tape.labels, tape.inputs, strict=True)
    at = [f"{label} = {summary(x.value)}" for label, x in pairs if x.aval.shape == ()]
    return f" at {', '.join(at)}" if at else ""


def _arguments(labels: Sequence[str]) -> list[str]:
    """The names of the arguments, each once: ``params[0].weights`` and ``params[1].weights`` are of ``params``."""
    heads = [label.partition("[")[0].partition(".")[0] for label in labels]
    return list(dict.fromkeys(heads))


def _zero(node: Node) -> Array:
    return np.zeros(node.aval.shape, node.aval.dtype)[()]
