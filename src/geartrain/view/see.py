"""``gt.see``: one run of a program as an object that prints, shows itself in a notebook, and saves as a page."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from geartrain import tree
from geartrain.errors import ExpressionError, InputError
from geartrain.ir.aval import aval_of
from geartrain.view import document, trace_file
from geartrain.view.diff import Diff, diff
from geartrain.view.explain import explain
from geartrain.view.expression import explain_expression, parse_expression
from geartrain.view.labels import number
from geartrain.view.nan import first_nonfinite
from geartrain.view.record import Recording, record
from geartrain.view.still import still_svg
from geartrain.view.widget import make_widget

__all__ = ["Seen", "see", "see_expression"]

REMEDY = "Keep the operand away from the point where the operation has no finite value or rate, before the operation."


class Seen:
    """What one run of a program showed. Print it, let a notebook show it, or save it as a page.

    ``text`` is the worked example in words; :meth:`trace` has the data that everything else reads.
    """

    def __init__(self, trace: trace_file.Trace, text: str) -> None:
        self._trace = trace
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return document.notebook_html(self._trace, self._still())

    def trace(self) -> trace_file.Trace:
        """The data, as ``geartrain-trace/1`` defines it; ``geartrain.view.trace_file.write`` writes it to a file."""
        return self._trace

    def diff(self, other: "Seen") -> Diff:
        """What differs between this run and another one: values, rates, operations. It prints, shows itself, saves."""
        return diff(self._trace, other._trace)

    def widget(self) -> Any:
        """The picture as a notebook widget, whose ``x``, ``selected`` and ``step`` Python can read, set and observe.

        It needs the extra ``notebook``: ``pip install 'geartrain[notebook]'``.

        Raises:
            MissingPackage: that is not installed.
        """
        return make_widget(self._trace)

    def html(self, live: bool = False) -> str:
        """The page as text: one file that needs nothing else."""
        return document.page_html(self._trace, self._still(), self._trace["formula"] or self._trace["title"], live)

    def _still(self) -> str:
        return document.still_html(still_svg(self._trace), self.text)

    def save(self, path: str | Path) -> Path:
        """Write the page: one file, which any browser opens without a network. Returns the path."""
        Path(path).write_text(self.html(), encoding="utf-8")
        return Path(path)


def see(f: Callable[..., Any], *args: Any, source: bool = True) -> Seen:
    """Run ``f(*args)`` once and show it: every value, every local rate, every product.

    Floats and arrays of floats (in lists, dicts, dataclasses too) are differentiated; everything else is passed on.
    ``source=False`` leaves the text of your program's lines out of what is saved. The result prints the worked example,
    shows a picture in a notebook, and ``.save("page.html")`` writes a page of one file.

    >>> seen = see(lambda x: (3 * x + 1) ** 2, 1.0)
    >>> seen.trace()["bar"]["at"][0]
    24

    Raises:
        InputError: no argument can be differentiated, or the result does not depend on any.
    """
    seen = record(f, *args)
    return _seen(seen, lambda: str(explain(f, *args)), lambda: first_nonfinite(_total(f), *args), source)


def see_expression(text: str, at: Mapping[str, float]) -> Seen:
    """:func:`see` of a typed expression at a point.

    >>> see_expression("(3*x + 1)**2", {"x": 1.0}).trace()["formula"]
    '(3*x + 1)**2'

    Raises:
        ExpressionError: the text is no expression, or ``at`` does not fit its variables.
    """
    expression = parse_expression(text)
    words = explain_expression(text, at)  # also checks the point
    point = [np.float64(at[name]) for name in expression.variables]
    seen = record(expression, *point, title="f", formula=expression.text, names=expression.variables)
    return _seen(seen, lambda: words, lambda: first_nonfinite(expression, *point), source=False)


def _seen(seen: Recording, words: Callable[[], str], birth: Callable[[], str | None], source: bool) -> Seen:
    trace = trace_file.to_trace(seen, source=source)
    where = _bad_node(seen)
    if where is not None:
        kind, node = where
        message = birth() or f"{seen.nodes[node].op.name} makes a number that is not finite"
        remedy = "" if "keep the operand" in message else REMEDY
        trace["certificate"] = {"kind": kind, "node": node, "message": message, "remedy": remedy}
    try:
        text = words()
    except (InputError, ExpressionError):  # several results, or an array: there is no one derivative to put in words
        text = _summary(trace)
    return Seen(trace, text)


def _total(f: Callable[..., Any]) -> Callable[..., Any]:
    """``f`` as one number: the sum of all that it returns, which is what a picture of several results is about."""

    def total(*args: Any) -> Any:
        parts: list[Any] = [y for y in tree.leaves(f(*args)) if aval_of(y).dtype.kind in "fc"]
        if len(parts) == 1 and np.ndim(parts[0]) == 0:
            return parts[0]
        whole = parts[0].real.sum()
        for y in parts[1:]:
            whole = whole + y.real.sum()
        return whole

    return total


def _bad_node(seen: Recording) -> tuple[str, int] | None:
    """Where a NaN or an infinity comes up first: forward, or with finite values on the way back (a masked birth)."""
    with np.errstate(all="ignore"):
        for i, value in enumerate(seen.values):
            if not np.all(np.isfinite(value)):
                return "forward", i
        for i in reversed(range(len(seen.nodes))):
            bar = seen.bars[i]
            if bar is not None and np.all(np.isfinite(bar)) and not all(edge.finite for edge in seen.edges[i]):
                return "masked", i
    return None


def _summary(trace: trace_file.Trace) -> str:
    lines = [f"{trace['title']}: {len(trace['nodes']['op'])} values"]
    for x in trace["inputs"]:
        at = trace["bar"]["at"][x["node"]]
        if isinstance(at, (int, float)):
            lines.append(f"  d/d{x['name']} = {number(at)}")
    return "\n".join(lines)
