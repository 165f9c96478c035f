"""The difference of two runs standing still: for each operation how strongly the end moves, before and after."""

import math
from collections.abc import Sequence
from html import escape
from typing import Protocol

from geartrain.view.labels import number
from geartrain.view.still import STYLE

__all__ = ["still_diff_svg"]

WIDTH, ROW, TOP = 1064, 34, 66
LEFT, RIGHT = 330, 690


class _Row(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> tuple[float, float]: ...
    @property
    def bar(self) -> tuple[float, float]: ...
    @property
    def rate(self) -> tuple[float, float] | None: ...


def still_diff_svg(rows: Sequence[_Row]) -> str:
    """An SVG of ``rows``: an open dot before, a full one after, on one log scale of the cotangent's size."""
    logs = [math.log10(abs(x)) for row in rows for x in row.bar if x and math.isfinite(x)]
    low, high = math.floor(min([0.0, *logs])), math.ceil(max([0.0, *logs]) + 0.01)
    height = TOP + ROW * len(rows) + 12

    def place(x: float) -> float | None:
        if not x or not math.isfinite(x):
            return None
        return LEFT + (RIGHT - LEFT) * (math.log10(abs(x)) - low) / (high - low)

    every = max(1, math.ceil((high - low) / 6))
    heads = (
        ("i", 8, "operation"),
        ("f", LEFT - 150, "value"),
        ("b", LEFT, "cotangent: how strongly the end moves for a nudge there"),
        ("b", RIGHT + 190, "local rate"),
    )
    parts = [f'<text class="{kind}" x="{x}" y="26">{text}</text>' for kind, x, text in heads]
    for decade in range(low, high + 1, every):
        x = LEFT + (RIGHT - LEFT) * (decade - low) / (high - low)
        parts.append(
            f'<path d="M{x:.1f},{TOP - 12} V{height - 10}" stroke="#ddd8cd"/>'
            f'<text class="l" x="{x:.1f}" y="{TOP - 18}" text-anchor="middle">{number(10.0**decade)}</text>'
        )
    for k, row in enumerate(rows):
        y = TOP + ROW * k + 14
        name = row.name if len(row.name) <= 22 else row.name[:21] + "…"
        parts.append(f'<text x="8" y="{y}">{escape(name)}</text>' + _pair(row.value, LEFT - 150, y, "f"))
        before, after = place(row.bar[0]), place(row.bar[1])
        if before is not None and after is not None:
            parts.append(f'<path class="ab" d="M{before:.1f},{y - 5} H{after:.1f}"/>')
        if before is not None:
            parts.append(
                f'<circle cx="{before:.1f}" cy="{y - 5}" r="5" fill="#fff" stroke="#b0400c" stroke-width="2"/>'
            )
        if after is not None:
            parts.append(f'<circle cx="{after:.1f}" cy="{y - 5}" r="5" fill="#b0400c"/>')
        parts.append(_pair(row.bar, RIGHT + 16, y, "b"))
        if row.rate is not None:
            parts.append(_pair(row.rate, RIGHT + 190, y, "b"))
    words = "; ".join(f"{row.name}: cotangent {number(row.bar[0])} to {number(row.bar[1])}" for row in rows[:8])
    words = escape(words or "the two runs are the same")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
        f' role="img" aria-label="{words}"><title>{words}</title><style>{STYLE}</style>'
        f'<rect class="paper" width="{WIDTH}" height="{height}" fill="#fbfaf7"/>{"".join(parts)}</svg>'
    )


def _pair(pair: tuple[float, float], x: float, y: float, kind: str) -> str:
    a, b = map(number, pair)
    return f'<text class="n m {kind}" x="{x}" y="{y}">{a if a == b else f"{a} → {b}"}</text>'
