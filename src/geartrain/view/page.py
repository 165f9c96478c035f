"""The worked example as plain text: one line for each step forward, one plain sentence for each edge back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from geartrain.errors import SourceLine
from geartrain.ir.aval import Array, Aval, aval_of
from geartrain.view.algebra import number_text
from geartrain.view.record import norm
from geartrain.view.sweep import rms
from geartrain.view.work import Work, big

__all__ = ["Explanation", "Input", "Rate", "Step", "for_encoding", "summary"]

Kind = Literal["pointwise", "linear", "custom"]

WIDE = 60
"""Source text beyond this width is cut."""


class Input(NamedTuple):
    """A number or an array to differentiate in: its name, its value, and the derivative of the output in it."""

    name: str
    value: Array
    y_bar: Array


class Rate(NamedTuple):
    """One operand of a step, and what the step does to a cotangent on its way there.

    ``formula`` is the local rate as the op's row says it (``None`` for ops that are not pointwise), ``number`` its
    value (for an array the rms; ``None`` where it is no number). ``contribution`` goes back to the operand, in
    addition to ``there``, what other steps sent before (``None``: nothing).
    """

    operand: str
    kind: Kind
    formula: str | None
    number: float | complex | None
    contribution: Array
    there: Array | None


class Step(NamedTuple):
    """One step of the program: ``name = formula``, its value, where it stands, what arrives there, and its rates."""

    name: str
    formula: str
    op: str
    value: Array
    line: SourceLine | None
    y_bar: Array
    rates: tuple[Rate, ...]


@dataclass(frozen=True, eq=False)
class Explanation:
    """The worked example; ``print`` it.

    ``steps`` has the steps in the order of the program, without the ``hidden`` ones that a long program has after the
    first ``before`` of them. ``value`` and ``gradient`` are those of the function, ``work`` the multiplications that
    three ways to this derivative need, ``trouble`` the birth of a value that is not finite, if there is one.
    """

    title: str
    output: str
    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    before: int
    hidden: int
    value: Array
    gradient: Any
    work: Work
    trouble: str | None

    def __str__(self) -> str:
        parts = [self.title, _forward(self), _backward(self), _result(self), _work(self)]
        if self.trouble:
            parts.append(f"Not everything here is finite. It began with {self.trouble}")
        return "\n\n".join(part for part in parts if part)

    __repr__ = __str__


def summary(value: Array) -> str:
    """A number as it is; an array by dtype, shape and the root of its mean square.

    >>> summary(3.0), summary(np.full((2, 3), 0.5))
    ('3', 'f64[2,3], rms 0.5')
    """
    if isinstance(value, Aval):
        return repr(value)
    if np.ndim(value) == 0:
        return _number(value)
    return f"{aval_of(value)!r}, rms {number_text(rms(value), 4)}"


def _number(x: Array) -> str:
    z = complex(x)
    if z.imag == 0 and not np.iscomplexobj(x):
        return number_text(z.real)
    return f"({number_text(z.real)}{'+' if z.imag >= 0 else '-'}{number_text(abs(z.imag))}j)"


def _is_number(x: Array) -> bool:
    return np.ndim(x) == 0


def for_encoding(text: str, encoding: str) -> str:
    """``text`` as it can be written in ``encoding``: without raised digits where it has none.

    >>> for_encoding("2u² × 3", "ascii")
    '2u^2 x 3'
    """
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = text.translate({ord("²"): "^2", ord("³"): "^3", ord("·"): "*", ord("×"): "x"})
        return plain.encode(encoding, "replace").decode(encoding)
    return text


# Forward.


def _forward(page: Explanation) -> str:
    rows: list[list[str]] = [[x.name, f"= {summary(x.value)}", "", ""] for x in page.inputs]
    for i, step in enumerate(page.steps):
        if page.hidden and i == page.before:
            rows.append([_gap(page.hidden)])
        again = i > 0 and i != (page.before if page.hidden else 0) and page.steps[i - 1].line == step.line
        where = "" if step.line is None else str(step.line) if again else f"{step.line}  {_cut(step.line.text)}"
        rates = [_rate(page, step, rate) for rate in step.rates] or [""]
        rows.append([f"{step.name} = {step.formula}", f"= {summary(step.value)}", rates[0], where])
        rows.extend(["", "", rate, ""] for rate in rates[1:])
    if not page.steps:
        names = ", ".join(x.name for x in page.inputs)
        rows.append(
            [f"{page.output} = {_same(page)}" if page.work.paths else f"{page.output} does not depend on {names}"]
        )
    intro = "Forward: each step computes its value, and knows its own rate: how it moves when its operand moves."
    return "\n".join([intro, "", *_table(rows)])


def _same(page: Explanation) -> str:
    return next(x.name for x in page.inputs if np.any(x.y_bar))


def _rate(page: Explanation, step: Step, rate: Rate) -> str:
    """``dy/du = 2u = 8``."""
    of = f"d{step.name}/d{rate.operand}"
    if rate.kind != "pointwise" and rate.number is None:
        return f"linear in {rate.operand}" if rate.kind == "linear" else f"{of} by the rule of {step.op}"
    number = "" if rate.number is None else _number(rate.number)
    if not _is_number(step.value) and rate.formula != number:
        number = f"(rms {number_text(abs(rate.number), 4)})" if rate.number is not None else ""
        return f"{of} = {rate.formula or ''} {number}".replace("  ", " ").rstrip()
    shown = [rate.formula] if rate.formula is not None else []
    return " = ".join([of, *shown, *([number] if number not in shown else [])])


# Backward.


def _backward(page: Explanation) -> str:
    if not page.steps:
        return ""
    rows: list[list[str]] = []
    number = total = len(page.steps) + page.hidden
    for i in reversed(range(len(page.steps))):
        step = page.steps[i]
        for k, rate in enumerate(step.rates):
            label = f"{total - number + 1}. {step.name} = {step.formula}" if k == 0 else ""
            rows.append([label, _sentence(step, rate), _running(page, rate)])
        number -= 1
        if page.hidden and i == page.before:
            rows.append([_gap(page.hidden)])
            number -= page.hidden
    intro = f"Backward, from the end: start with 1, since {page.output} moves exactly as itself."
    return "\n".join([intro, "", *_table(rows)])


def _sentence(step: Step, rate: Rate) -> str:
    """What this edge does, in one plain sentence."""
    arrived = (
        _number(step.y_bar) if _is_number(step.y_bar) else f"|{step.name}_bar| = {number_text(norm(step.y_bar), 4)}"
    )
    if rate.kind == "pointwise" or rate.number is not None:
        number = "" if rate.number is None else _number(rate.number)
        formula = rate.formula or number
        own = f"{formula} = {number}" if _is_number(step.value) and formula != number else formula
        how = f"multiply what arrived, {arrived}, by this step's own rate, {own}"
    elif rate.kind == "linear":
        how = f"hand what arrived, {arrived}, back through the transpose of {step.op}"
    else:
        how = f"hand what arrived, {arrived}, back by the rule of {step.op}"
    if rate.there is not None:
        there = _number(rate.there) if _is_number(rate.there) else "what"
        how += f", and add it to {'the ' if _is_number(rate.there) else ''}{there} that came another way"
    return f"{how[0].upper()}{how[1:]}."


def _running(page: Explanation, rate: Rate) -> str:
    """The running product: ``dy/du = 8``, or its norm for an array."""
    bar = rate.contribution if rate.there is None else rate.there + rate.contribution
    if _is_number(bar):
        return f"d{page.output}/d{rate.operand} = {_number(bar)}"
    return f"|{rate.operand}_bar| = {number_text(norm(bar), 4)}"


# The result.


def _result(page: Explanation) -> str:
    lines: list[str] = []
    for x in page.inputs:
        if _is_number(x.y_bar):
            of = f"d{page.output}/d{x.name}"
            lines.append(f"{of} = {_product(page)}{_number(x.y_bar)}")
        else:
            lines.append(f"{x.name}_bar: {summary(x.y_bar)}, norm {number_text(norm(x.y_bar), 4)}")
    if len(page.inputs) == 1 and _is_number(page.inputs[0].y_bar):
        lines[0] += _meaning(page)
    return "\n".join(lines)


def _product(page: Explanation) -> str:
    """``8 × 1 × 3 = `` where there is one path, short enough."""
    rates = [rate.number for step in reversed(page.steps) for rate in step.rates]
    if page.work.paths != 1 or page.hidden or not 2 <= len(rates) <= 12 or len(page.inputs) > 1:
        return ""
    if any(rate is None for rate in rates):
        return ""
    return " × ".join(_factor(rate) for rate in rates if rate is not None) + " = "


def _factor(x: float | complex) -> str:
    text = _number(x)
    return f"({text})" if text.startswith("-") else text


def _meaning(page: Explanation) -> str:
    x = page.inputs[0]
    if np.iscomplexobj(x.y_bar) or not np.isfinite(x.y_bar):
        return ""
    times = float(x.y_bar)
    if times == 0:
        return f". To first order {page.output} does not move when {x.name} moves."
    other = ", the other way" if times < 0 else ""
    way = f"{page.output} moves {number_text(abs(times))} times as far{other}"
    return f". Rates multiply like gears: move {x.name} a little, and {way}."


def _work(page: Explanation) -> str:
    work = page.work
    paths = "1 path, multiplied out" if work.paths == 1 else f"{big(work.paths)} paths, each multiplied out alone"
    edges = "1 edge" if work.edges == 1 else f"{big(work.edges)} edges"
    each = "the one input number" if work.inputs == 1 else f"each of {big(work.inputs)} input numbers"
    rows = [
        ["path by path", big(work.by_path), paths],
        ["forward mode", big(work.forward), f"{edges}, once for {each}"],
        ["backpropagation", big(work.backprop), f"{edges}, once: every shared factor is computed once"],
    ]
    width = max(len(row[1]) for row in rows)
    rows = [[name, number.rjust(width), why] for name, number, why in rows]
    return "\n".join(["Multiplications for this derivative:", "", *_table(rows)])


# Tables.


def _gap(hidden: int) -> str:
    return f"... {hidden:,} steps between ..."


def _table(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows in columns, indented; a row of one cell stands alone."""
    rows = list(rows)
    widths = [0] * max((len(row) for row in rows), default=0)
    for row in rows:
        if len(row) > 1:
            widths = [max(width, len(cell)) for width, cell in zip(widths, row, strict=True)]
    lines: list[str] = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append(("  " + "   ".join(cell for cell, width in zip(cells, widths, strict=False) if width)).rstrip())
    return lines


def _cut(text: str) -> str:
    return text if len(text) <= WIDE else f"{text[: WIDE - 4]} ..."
