"""A line of a table of measurements."""

from typing import NamedTuple

from benchmarks.measure import Spread


class Row(NamedTuple):
    """A line of the table: ``value`` in ``unit``, which should be at most ``limit``; ``aim`` is what we want."""

    what: str
    value: Spread
    unit: str
    limit: float | None = None
    aim: float | None = None
    detail: str = ""
