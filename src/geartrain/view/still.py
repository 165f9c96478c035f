"""The picture standing still, as one SVG: values, gears and cotangents along the path that brings most.

It reads a trace and nothing else. It is what a notebook shows without a kernel, and what a page shows without scripts.
"""

import base64
import math
from html import escape
from itertools import pairwise
from typing import Any, cast

from geartrain.view.labels import number

__all__ = ["STYLE", "data_uri", "still_svg"]

Trace = dict[str, Any]

MOST = 7
"""Cards in a row; of a longer path the first and the last ones are shown."""
SMALL, EVEN, IDLER = 12, 20, 9
CAP = 4
WIDTH, CARD = 1064, 124

STYLE = """
text{font-family:ui-serif,Georgia,"Liberation Serif","Times New Roman",serif;font-size:15px;fill:#1d1c1a}
.n{font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:14.5px}
.m{font-size:12.5px}.t{font-size:25px}.i{font-style:italic}.l{font-family:ui-sans-serif,system-ui,sans-serif;font-size:12.5px;fill:#625e56}
.f{fill:#1f5fa8}.b{fill:#b0400c}.c{fill:#fff;stroke:#ddd8cd}.w{fill:#efe9dc;stroke:#b9b09c;stroke-linejoin:round}
.p{fill:#fff;stroke:#b9b09c;stroke-linejoin:round}.s{stroke:#857b66;stroke-width:2.2}.g{font-size:20px}
.af{stroke:#1f5fa8;fill:none;stroke-width:1.6}.ab{stroke:#b0400c;fill:none;stroke-width:2.4}
@media(prefers-color-scheme:dark){text{fill:#efece5}.l{fill:#a9a398}.f{fill:#7fb2f0}.b{fill:#f19a62}
.c,.p{fill:#1f1e1b;stroke:#6d6656}.w{fill:#2a2823;stroke:#6d6656}.paper{fill:#161513}
.af{stroke:#7fb2f0}.ab{stroke:#f19a62}}"""


class _Columns:
    """A trace with its edges found: which operands a node has, what brings most to a node."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        nodes = trace["nodes"]
        self.starts = [0]
        for arity in nodes["arity"]:
            self.starts.append(self.starts[-1] + arity)
        rows = {k: _sizes(trace[k], len(nodes["op"])) for k in ("value", "bar")}
        self.value, self.bar = rows["value"], rows["bar"]

    def path(self, start: int) -> list[tuple[int, int]]:
        """``(edge, target)`` along the path that brings most, from ``start`` to the end."""
        nodes, gains = self.trace["nodes"], self.trace["edges"]["gain"]
        uses: dict[int, list[tuple[int, int]]] = {}
        for target in range(len(nodes["op"])):
            for edge in range(self.starts[target], self.starts[target + 1]):
                if gains[edge] is not None:
                    uses.setdefault(nodes["inputs"][edge], []).append((edge, target))
        found: list[tuple[int, int]] = []
        while start in uses:
            found.append(max(uses[start], key=lambda use: _weight(_number(gains[use[0]]) * self.bar[use[1]])))
            start = found[-1][1]
        return found

    def rate(self, edge: int) -> float:
        rate = self.trace["edges"]["rate"][edge]
        return _number(self.trace["edges"]["gain"][edge] if rate is None else rate)

    def single(self, kind: str, node: int) -> float:
        """The number itself, or the root mean square of an array."""
        at = self.trace[kind]["at"][node]
        size = self.value[node] if kind == "value" else self.bar[node]
        if at is None or isinstance(at, list):
            return size / math.sqrt(max(math.prod(self.shape(node)), 1))
        return _number(at)

    def shape(self, node: int) -> list[int]:
        return self.trace["shapes"][self.trace["nodes"]["shape"][node]]

    def name(self, node: int) -> str:
        return self.trace["nodes"]["label"][node] or f"{self.trace['ops'][self.trace['nodes']['op'][node]]} #{node}"


def _number(x: Any) -> float:
    return float(x)  # "nan", "inf" and "-inf" are what float() reads


def _weight(size: float) -> float:
    return -1.0 if math.isnan(size) else size


def _sizes(stats: dict[str, Any], count: int) -> list[float]:
    sizes = [0.0] * count
    for i, at in enumerate(stats["at"]):
        if at is not None:
            sizes[i] = math.hypot(*map(_number, cast(list[Any], at) if type(at) is list else [at]))
    rows = stats["arrays"]
    for node, rms, hist, zeros in zip(rows["node"], rows["rms"], rows["hist"], rows["zeros"], strict=True):
        counted = sum(hist) / max(1 - _number(zeros), 1e-12)
        sizes[node] = _number(rms) * math.sqrt(max(counted, 1))
    return sizes


def still_svg(trace: Trace) -> str:
    """The picture of a trace as SVG text."""
    columns = _Columns(trace)
    starts: list[int] = [x["node"] for x in trace["inputs"]]
    start = max(starts, key=lambda i: _weight(columns.bar[i]))
    name = next(x["name"] for x in trace["inputs"] if x["node"] == start)
    path = columns.path(start)
    chain = [start, *(target for _, target in path)]
    rates = [columns.rate(edge) for edge, _ in path]
    cut = len(chain) > MOST
    shown = [*range(MOST - 3), *range(len(chain) - 3, len(chain))] if cut else list(range(len(chain)))
    step = (WIDTH - CARD - 16) / max(len(shown) - 1, 1)
    xs = [WIDTH / 2] if len(shown) == 1 else [CARD / 2 + 8 + k * step for k in range(len(shown))]
    parts = [_title(columns, name, start, rates, cut)]
    for k, place in enumerate(shown):
        parts.append(_card(columns, chain[place], xs[k]))
        if k:
            gap = place != shown[k - 1] + 1
            parts.append(_between(xs[k - 1], xs[k], None if gap else rates[place - 1], place - shown[k - 1] - 1))
    parts.append(_train([None if shown[k + 1] != shown[k] + 1 else rates[shown[k]] for k in range(len(shown) - 1)], xs))
    words = escape(_alt(columns, name, start, chain, rates))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} 372" width="{WIDTH}" height="372" role="img"'
        f' aria-label="{words}"><title>{words}</title><style>{STYLE}</style>'
        f'<rect class="paper" width="{WIDTH}" height="372" fill="#fbfaf7"/>{"".join(parts)}</svg>'
    )


def data_uri(svg: str) -> str:
    """SVG text as the source of an ``<img>``."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _alt(columns: _Columns, name: str, start: int, chain: list[int], rates: list[float]) -> str:
    product = " × ".join(number(rate) for rate in reversed(rates[-6:]))
    return (
        f"{columns.name(chain[-1])} = {number(columns.single('value', chain[-1]))}; its derivative in {name} is "
        f"{number(columns.single('bar', start))}. Local rates from the end: {product}{' ...' if len(rates) > 6 else ''}"
    )


def _title(columns: _Columns, name: str, start: int, rates: list[float], cut: bool) -> str:
    trace = columns.trace
    end = trace["outputs"][0]
    label = trace["nodes"]["label"][end] or f"{trace['title']}(…)"
    product = " · ".join(f"({number(r)})" if r < 0 else number(r) for r in reversed(rates))
    agrees = not cut and len(rates) > 1 and math.isclose(math.prod(rates), columns.single("bar", start), rel_tol=1e-6)
    answer = number(columns.single("bar", start))
    size = "" if not columns.shape(start) else "rms of "
    return (
        f'<text class="t" x="8" y="34"><tspan class="i">y</tspan> = {escape(label)}</text>'
        f'<text class="t" x="{WIDTH - 8}" y="34" text-anchor="end">{size}d<tspan class="i">y</tspan>/d'
        f'<tspan class="i">{escape(name)}</tspan> = {product + " = " if agrees else ""}'
        f'<tspan class="n b" style="font-size:24px;font-weight:600">{answer}</tspan></text>'
    )


def _card(columns: _Columns, node: int, x: float) -> str:
    name = columns.name(node)
    name = name if len(name) <= 17 else name[:16] + "…"
    value, bar = number(columns.single("value", node)), number(columns.single("bar", node))
    kind = "n m" if len(value + bar) > 11 else "n"
    return (
        f'<rect class="c" x="{x - CARD / 2:.1f}" y="62" width="{CARD}" height="70" rx="10"/>'
        f'<text class="i" x="{x:.1f}" y="88" text-anchor="middle">{escape(name)}</text>'
        f'<text class="{kind} f" x="{x - CARD / 2 + 10:.1f}" y="118">{value}</text>'
        f'<text class="{kind} b" x="{x + CARD / 2 - 10:.1f}" y="118" text-anchor="end">{bar}</text>'
    )


def _between(left: float, right: float, rate: float | None, hidden: int) -> str:
    a, b = left + CARD / 2 + 4, right - CARD / 2 - 4
    middle = f'x="{(a + b) / 2:.1f}" text-anchor="middle"'
    words = f'<text class="l" y="156" {middle}>{hidden} more between</text>' if rate is None else ""
    factor = "" if rate is None else f'<text class="n b" y="128" {middle}>× {number(rate)}</text>'
    if b - a < 14:
        return ""
    return (
        f'<path class="af" d="M{a:.1f},92 H{b - 7:.1f} m-6,-4 l6,4 l-6,4"/>'
        f'<path class="ab" d="M{b:.1f},108 H{a + 7:.1f} m6,-4 l-6,4 l6,4"/>{words}{factor if b - a > 40 else ""}'
    )


def teeth(rate: float) -> tuple[int, int]:
    """Teeth of wheel and pinion for a rate; their ratio is drawn at most 4 : 1.

    >>> teeth(3.0), teeth(-0.5), teeth(1.0), teeth(100.0)
    ((36, 12), (12, 24), (20, 20), (48, 12))
    """
    size = abs(rate)
    if not 0 < size < math.inf or abs(size - 1) < 0.02:
        return (EVEN, EVEN) if size != math.inf else (SMALL * CAP, SMALL)
    big = round(SMALL * min(max(size, 1 / size), CAP))
    return (big, SMALL) if size > 1 else (SMALL, big)


def _gear(x: float, y: float, count: int, module: float, phase: float, kind: str) -> str:
    radius, points = count * module / 2, list[str]()
    for k in range(count):
        for where, r in ((-0.3, radius - module), (-0.15, radius + 0.9 * module), (0.15, radius + 0.9 * module)):
            angle = 2 * math.pi * (k + phase + where) / count
            points.append(f"{x + r * math.cos(angle):.1f},{y + r * math.sin(angle):.1f}")
        angle = 2 * math.pi * (k + phase + 0.3) / count
        points.append(f"{x + (radius - module) * math.cos(angle):.1f},{y + (radius - module) * math.sin(angle):.1f}")
    return f'<polygon class="{kind}" points="{" ".join(points)}"/>'


def _train(rates: list[float | None], xs: list[float]) -> str:
    """A mesh for each rate; a belt joins one mesh's pinion to the next one's wheel. See ``viewer/src/gears.ts``."""
    y, gears, belts, words = 262.0, list[str](), list[str](), list[str]()
    room = min([(b - a) - 22 for a, b in pairwise(xs)] or [300.0])
    sizes = [sum(teeth(r)) + IDLER for r in rates if r is not None]
    module = min([3.2, *(room / size for size in sizes)])
    tallest = max([26.0, *(max(teeth(r)) * module / 2 + module for r in rates if r is not None)])
    last: float | None = None
    for k, rate in enumerate(rates):
        if rate is None:
            last = None
            continue
        big, small = teeth(rate)
        idler = IDLER if rate > 0 else 0
        middle = (xs[k] + xs[k + 1]) / 2
        at = f'x="{middle:.1f}" text-anchor="middle"'
        left = middle - (big + small + idler) * module / 2 + big * module / 2
        right = left + ((big + small) / 2 + idler) * module
        gears.append(_gear(left, y, big, module, 0, "w"))
        offset = 0.0
        if idler:
            offset = IDLER / 2 - 0.5
            gears.append(_gear(left + (big + IDLER) / 2 * module, y, IDLER, module, offset, "p"))
        gears.append(_gear(right, y, small, module, small / 2 - offset - 0.5, "p"))
        if last is not None:
            belts.append(f'<path class="s" d="M{last:.1f},{y - 6} H{left:.1f} M{last:.1f},{y + 6} H{left:.1f}"/>')
            belts += [f'<circle class="s p" cx="{x:.1f}" cy="{y}" r="6"/>' for x in (last, left)]
        last = right
        belts.append(f'<circle cx="{left:.1f}" cy="{y}" r="2.6"/><circle cx="{right:.1f}" cy="{y}" r="2.6"/>')
        words.append(
            f'<text class="n g" {at} y="{y - tallest - 14:.1f}">×{number(rate)}</text>'
            f'<text class="l" {at} y="{y + tallest + 20:.1f}">{_turns(rate)}</text>'
        )
    return "".join([*gears, *belts, *words])


def _turns(rate: float) -> str:
    size = abs(rate)
    if not 0 < size < math.inf:
        return "does not turn on" if rate == 0 else "not finite"
    text = f"{number(size)} out for 1 in" if size >= 1 else f"1 out for {number(1 / size)} in"
    return text + (", other way" if rate < 0 else "")
