"""Draws ``gears.svg``: the worked example of the README as a train of gears, from derivatives that geartrain takes.

python docs/gears.py            # writes docs/gears.svg

Two gears that mesh turn at a ratio of their teeth, and ratios along a train multiply: so do local rates along a path.
Every gear is drawn with its true number of teeth.
"""

import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import cos, pi, sin
from pathlib import Path
from typing import NamedTuple

import geartrain as gt


class Step(NamedTuple):
    """One operation of the example: how it is written, and what it computes."""

    written: str
    rate_written: str
    f: Callable[[float], float]


STEPS = (
    Step("v = 3 x", "dv/dx", lambda x: 3 * x),
    Step("u = v + 1", "du/dv", lambda v: v + 1),
    Step("y = u²", "dy/du = 2 u", lambda u: u**2),
)
AT = 1.0
SMALL = 8  # teeth of the driven gear of a mesh
TOOTH = 2.3  # pixels of radius for each tooth
HEIGHT, MIDDLE = 450, 162

STYLE = """
  text { font: 15px system-ui, sans-serif; fill: #24292f; text-anchor: middle }
  .rate { font-weight: 600; fill: #9a3412 } .small { font-size: 13px; fill: #57606a }
  .sum { font-size: 18px; font-weight: 600 } .back { fill: #1d4ed8 }
  .drives { fill: #f3d9b8; stroke: #8a5a1c } .driven { fill: #cfe0f5; stroke: #2c5282 } circle { fill: #24292f }
  path, line { stroke-width: 1.2; stroke-linejoin: round } line { stroke: #8c959f; stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9aa4af } .rate { fill: #f0a35e } .back { fill: #7fb0ff }
    .drives { fill: #6b4a22; stroke: #d9a25f } .driven { fill: #24456e; stroke: #8bb4e8 } circle { fill: #e6edf3 }
  }"""


def gear(x: float, teeth: int, kind: str, phase: float) -> str:
    """A gear centred at ``x`` whose first tooth points right, turned by ``phase`` teeth."""
    radius, points = TOOTH * teeth, list[str]()
    for tooth in range(teeth):
        for where, out in ((-0.30, -2.2), (-0.14, 2.2), (0.14, 2.2), (0.30, -2.2)):
            angle = 2 * pi * (tooth + phase + where) / teeth
            points.append(f"{x + (radius + out) * cos(angle):.1f},{MIDDLE + (radius + out) * sin(angle):.1f}")
    return f'<path class="{kind}" d="M{" L".join(points)} Z"/>'


def text(x: float, y: float, words: str, kind: str = "plain") -> str:
    """Words centred at ``x``."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y}">{words}</text>'


def draw(values: Sequence[float], rates: Sequence[float], backward: Sequence[float]) -> str:
    """The picture: a shaft for each value, a mesh for each rate, and the cotangents on the way back."""
    teeth = [(round(SMALL * rate), SMALL) if rate > 1 else (SMALL + 3, SMALL + 3) for rate in rates]
    shafts = [30 + TOOTH * max(teeth[0])]
    for drives, driven in teeth:
        shafts.append(shafts[-1] + TOOTH * (drives + driven))
    width = shafts[-1] + 110
    shapes: list[tuple[int, str]] = []
    for (left, right), (drives, driven) in zip(pairwise(shafts), teeth, strict=True):
        shapes.append((drives, gear(left, drives, "drives", 0)))
        # The driven gear shows a gap where the driving one shows a tooth.
        shapes.append((driven, gear(right, driven, "driven", driven / 2 + 0.5)))
    drawn = [shape for _, shape in sorted(shapes, key=lambda pair: -pair[0])]
    drawn += [f'<circle cx="{x:.1f}" cy="{MIDDLE}" r="3"/>' for x in shafts]
    names = ("x", *(step.written.split(" ")[0] for step in STEPS))
    # Shafts may stand closer than words are wide, so the words stand in a row of their own.
    columns = [60 + i * (width - 120) / (len(shafts) - 1) for i in range(len(shafts))]
    top, words = 336, list[str]()
    for name, shaft, column, value, y_bar in zip(names, shafts, columns, values, backward, strict=True):
        words.append(f'<line x1="{shaft:.1f}" y1="{MIDDLE + 6}" x2="{column:.1f}" y2="{top - 18}"/>')
        words.append(text(column, top, f"{name} = {value:g}"))
        words.append(text(column, top + 66, f"{name}_bar = {y_bar:g}", "back"))
    for step, (left, right), rate in zip(STEPS, pairwise(columns), rates, strict=True):
        words.append(text((left + right) / 2, top + 22, step.written, "small"))
        words.append(text((left + right) / 2, top + 42, f"{step.rate_written} = {rate:g}", "rate"))
    product = " × ".join(f"{rate:g}" for rate in rates)
    words.append(text(width / 2, HEIGHT - 22, f"dy/dx = {product} = {backward[0]:g}", "sum"))
    title = f"A gear train: when x turns once, y = (3 x + 1)² turns {backward[0]:g} times"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {HEIGHT}" role="img" aria-label="{title}">\n'
        f"<title>{title}</title>\n<style>{STYLE}\n</style>\n" + "\n".join(drawn + words) + "\n</svg>\n"
    )


def main(out: Path) -> None:
    """Run the example, take its local rates and its cotangents, and draw them."""
    values, rates = [AT], list[float]()
    for step in STEPS:
        value, rate = gt.value_and_grad(step.f)(values[-1])
        values.append(value)
        rates.append(rate)
    rest = [lambda x, i=i: _through(STEPS[i:], x) for i in range(len(STEPS) + 1)]
    backward = [gt.grad(f)(value) for f, value in zip(rest, values, strict=True)]
    out.write_text(draw(values, rates, backward), encoding="utf-8")


def _through(steps: Sequence[Step], x: float) -> float:
    for step in steps:
        x = step.f(x)
    return x


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("gears.svg"))
