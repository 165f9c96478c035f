"""``gt.see``: one run of a program as an object that prints, shows itself in a notebook, and saves as a page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from geartrain.view import document, trace_file
from geartrain.view.record import record

__all__ = ["Seen", "see"]


class Seen:
    """What one run of a program showed. Print it, let a notebook show it, or save it as a page.

    ``text`` is the worked example in words; ``trace()`` has the data that everything else reads.
    """

    def __init__(self, trace: trace_file.Trace, text: str) -> None:
        self._trace = trace
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return document.notebook_html(self._trace, self.text)

    def trace(self) -> trace_file.Trace:
        """The trace, as ``geartrain-trace/1`` defines it. ``trace_file.write`` writes it to a file."""
        return self._trace

    def html(self) -> str:
        """The page as text: one file that needs nothing else."""
        return document.page_html(self._trace, self.text)

    def save(self, path: str | Path) -> Path:
        """Write the page: one file, which any browser opens without a network. Returns the path."""
        Path(path).write_text(self.html(), encoding="utf-8")
        return Path(path)


def see(f: Callable[..., Any], *args: Any, source: bool = True) -> Seen:
    """Run ``f(*args)`` once and show it: every value, every local rate, every product.

    Floats and arrays of floats (in lists, dicts, dataclasses too) are differentiated; everything else is passed on.
    ``source=False`` leaves the text of your program's lines out of what is saved.

    >>> seen = see(lambda x: (3 * x + 1) ** 2, 1.0)
    >>> seen.trace()["bar"]["at"][0]
    24

    Raises:
        InputError: no argument can be differentiated, or the result does not depend on any.
    """
    seen = record(f, *args)
    trace = trace_file.to_trace(seen, source=source)
    return Seen(trace, _words(trace))


def _words(trace: trace_file.Trace) -> str:
    return f"{trace['title']}: {len(trace['nodes']['op'])} values"
