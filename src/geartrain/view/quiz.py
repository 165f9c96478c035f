"""A question about any function, whose wrong answers have names.

The wrong answers are not noise: each is what a known mistake gives on this very function, so an answer tells what was
misunderstood. For ``y = (3x + 1)**2`` at 1 the derivative is 24; 8 forgot the inner rate, 6 took the outer rate at x,
11 added the rates, 16 is the value.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from geartrain.errors import InputError, teach
from geartrain.ir.aval import Array, aval_of, is_scalar
from geartrain.ir.op import Pointwise
from geartrain.view.labels import labels, number
from geartrain.view.measures import consumers, dominant_path
from geartrain.view.record import Edge, Recording, record

__all__ = ["Mistake", "Quiz", "quiz"]

CLOSE = 5e-3
"""An answer within this relative distance counts: people round."""

EXPLAINED = {
    "inner": "That leaves out the rate of the innermost step. Every step on the way multiplies, the first one too.",
    "at x": "The last step's rate must be taken where that step stands: at what flows into it, not at x.",
    "added": "Those are the right rates, added. Rates along one path multiply; only different paths add.",
    "value": "That is the value of the function. The question is how fast it changes.",
    "outer": "That leaves out the rate of the last step. Every step on the way multiplies, the last one too.",
    "one path": "That is one path's product. x reaches the end on several paths: add what each of them brings.",
    "sign": "The size is right and the sign is not. Count the rates below zero on the way.",
}
"""What to say to whom made which mistake."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong answer, the name of the mistake that gives it, and what to say to it."""

    value: float
    name: str

    @property
    def said(self) -> str:
        return EXPLAINED[self.name]


@dataclass(frozen=True, slots=True)
class Quiz:
    """The derivative of a function at a point as a question. Print it; give your answer to :meth:`check`."""

    question: str
    right: float
    mistakes: tuple[Mistake, ...]
    why: str

    def check(self, answer: float) -> str:
        """What there is to say to an answer.

        >>> print(quiz(lambda x: (3 * x + 1) ** 2, 1.0).check(8))
        Not 8. That leaves out the rate of the innermost step. Every step on the way multiplies, the first one too.
        """
        if _same(answer, self.right):
            return f"Yes: {self.why}"
        for mistake in self.mistakes:
            if _same(answer, mistake.value):
                return f"Not {number(answer)}. {mistake.said}"
        return (
            f"Not {number(answer)}. Work it out step by step: find each step's own rate, then multiply along the way."
        )

    def reveal(self) -> str:
        """The answer, and where each wrong one comes from."""
        wrong = [f"  {number(m.value):>10}  {m.name}: {m.said}" for m in self.mistakes]
        return "\n".join([self.why, *wrong])

    def __repr__(self) -> str:
        return f"{self.question}\nPredict first. Then: .check(your answer), or .reveal()."


def quiz(f: Callable[..., Any], x: Array) -> Quiz:
    """A question about the derivative of ``f`` at the number ``x``, with the answers that known mistakes give.

    >>> asked = quiz(lambda x: (3 * x + 1) ** 2, 1.0)
    >>> asked
    y = (3x + 1)². What is dy/dx at x = 1?
    Predict first. Then: .check(your answer), or .reveal().
    >>> asked.right, [(m.value, m.name) for m in asked.mistakes]
    (24.0, [(8.0, 'inner'), (6.0, 'at x'), (11.0, 'added'), (16.0, 'value'), (3.0, 'outer'), (-24.0, 'sign')])

    Raises:
        InputError: f does not turn one number into one number.
    """
    if not is_scalar(x) or aval_of(x).dtype.kind not in "fiu":
        raise InputError(teach("quiz", f"a quiz asks about a number, got {x!r:.60}.", "Write quiz(f, 1.0)."))
    seen = record(f, float(x))
    if any(np.size(v) != 1 or np.iscomplexobj(v) for v in seen.values):
        raise InputError(teach("quiz", "a quiz asks about functions of one number.", "Use gt.see for arrays."))
    bar = seen.bars[0]
    right = 0.0 if bar is None else float(bar)
    name = labels(seen)[seen.outputs[0]] or f"{seen.title}({seen.inputs[0][0]})"
    path = dominant_path(seen, 0)
    several = any(len(edges) > 1 for edges in consumers(seen))
    rates = [edge.rate or 0.0 for edge in path]
    why = f"{' · '.join(number(r) for r in reversed(rates))} = {number(right)}"
    if several:
        why = f"the products along all paths add up to {number(right)}"
    question = f"y = {name}. What is dy/d{seen.inputs[0][0]} at {seen.inputs[0][0]} = {number(float(x))}?"
    value = float(np.asarray(seen.values[seen.outputs[0]]).item())
    return Quiz(question, right, _distinct(_mistakes(seen, path, several, value, right), right), why)


def _mistakes(seen: Recording, path: list[Edge], several: bool, value: float, right: float) -> list[Mistake]:
    steps = [edge for edge in path if not _only_shifts(seen, edge)]
    rates = [edge.rate or 0.0 for edge in steps]
    found: list[Mistake] = []
    if several:
        found.append(Mistake(math.prod(edge.rate or 0.0 for edge in path), "one path"))
    elif len(rates) > 1:
        found.append(Mistake(math.prod(rates[1:]), "inner"))
        there = _outer_rate_at(seen, steps[-1], seen.values[0])
        if there is not None:
            found.append(Mistake(there * math.prod(rates[:-1]), "at x"))
        found.append(Mistake(sum(rates), "added"))
    found.append(Mistake(value, "value"))
    if not several and len(rates) > 1:
        found.append(Mistake(math.prod(rates[:-1]), "outer"))
    found.append(Mistake(-right, "sign"))
    return found


def _only_shifts(seen: Recording, edge: Edge) -> bool:
    """Adding a number is no step of its own to a reader: 3x + 1 is one thing, with rate 3."""
    return seen.nodes[edge.target].op.name in ("add", "subtract") and edge.rate == 1


def _outer_rate_at(seen: Recording, edge: Edge, x: Any) -> float | None:
    """The local rate of the last step, wrongly taken at x."""
    node = seen.nodes[edge.target]
    op = node.op
    if not isinstance(op, Pointwise):
        return None
    operands = [x if u.source == edge.source else seen.values[u.source] for u in seen.edges[edge.target]]
    k = next(k for k, u in enumerate(seen.edges[edge.target]) if u is edge)
    rule = op.partials[k]
    if rule is None:
        return None
    with np.errstate(all="ignore"):
        return float(np.asarray(rule(op.fn(*operands), *operands)).item())


def _distinct(found: list[Mistake], right: float) -> tuple[Mistake, ...]:
    """Without what is not finite, happens to be right, or is there already."""
    kept: list[Mistake] = []
    for mistake in found:
        others = [right, *(k.value for k in kept)]
        if math.isfinite(mistake.value) and not any(_same(mistake.value, other) for other in others):
            kept.append(mistake)
    return tuple(kept)


def _same(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=CLOSE, abs_tol=1e-9)
