"""The page of a run's health: one file without scripts or requests, which loads itself again while the run goes on."""

import base64
import hashlib
import math
from collections.abc import Callable
from html import escape

from geartrain.train.health import Health, Layer, remarks, verdict

COLUMNS = 160
"""Steps that the maps show at most; of a longer run, evenly chosen ones."""

_STYLE = """
:root { color-scheme: light dark; --paper: #fbf8f1; --ink: #26221c; --soft: #6b6457; --line: #d9d2c3;
  --fwd: #2b5f8a; --bwd: #a2502c; --good: #3f6b3a; }
@media (prefers-color-scheme: dark) { :root { --paper: #1d1b18; --ink: #ece6da; --soft: #a79f90; --line: #453f36;
  --fwd: #7fb2dd; --bwd: #e2966e; --good: #8fc487; } }
body { background: var(--paper); color: var(--ink); font: 16px/1.5 Georgia, serif; margin: 0 auto; max-width: 74rem;
  padding: 1rem 1.5rem 3rem; }
h1 { font-size: 1.5rem; margin: .5rem 0 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .2rem; }
p { margin: .3rem 0; max-width: 60rem; } .soft { color: var(--soft); }
.verdict { border-left: 5px solid var(--good); padding: .4rem .9rem; margin: 1rem 0; font-size: 1.1rem; }
.verdict.bad { border-color: var(--bwd); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { font-weight: normal; color: var(--soft); }
td { font-family: ui-monospace, monospace; font-size: .85rem; } td.odd { color: var(--bwd); font-weight: bold; }
svg { display: block; max-width: 100%; height: auto; }
svg text { font: 12px ui-monospace, monospace; fill: var(--ink); }
.bar { fill: var(--bwd); } .gain { fill: var(--fwd); } .axis { stroke: var(--line); } .curve { fill: none;
  stroke: var(--fwd); stroke-width: 1.5; }
"""


def page(history: list[Health], title: str, going_on: bool, trouble: str = "") -> str:
    """The page as text. ``trouble`` is what stopped the run, if something did."""
    now = history[-1] if history else None
    wrong = trouble or (verdict(history) if history else "")
    text = escape(wrong or "The gradient reaches every layer, and no layer explodes.").replace("\n", "<br>")
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    state = f"step {now.step:,}, loss {now.loss:.4g}" if now else "no step yet"
    ended = "the run goes on, and so does this page" if going_on else "the run has ended"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{state}; {ended}.</p>',
        f'<div class="verdict{" bad" if wrong else ""}" role="status">{text}</div>',
    ]
    if now:
        parts += [f"<p>{escape(remark)}</p>" for remark in remarks(now)]
        parts += [_waterfall(now), _table(now), *_maps(history)]
    again = '<meta http-equiv="refresh" content="3">' if going_on else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">{again}
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{digest}'">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}: health</title>
<style>{_STYLE}</style></head><body><main>
{"".join(parts)}
</main></body></html>
"""


def _waterfall(health: Health) -> str:
    """A bar for each layer, from the loss back to the first: the factor to it, on a scale of powers of ten."""
    layers = health.layers[::-1]
    logs = [_log(layer.factor) for layer in layers]
    totals = [sum(logs[: i + 1]) for i in range(len(logs))]
    low, high = min(0.0, *totals, -0.5), max(0.0, *totals, 0.5)
    left, right, row = 220, 880, 24

    def x(log: float) -> float:
        return left + (right - left) * (log - low) / (high - low)

    marks = [f'<path class="axis" d="M{x(k):.1f},0 V{row * len(layers) + 6}"/>' for k in _powers(low, high)]
    marks += [
        f'<text x="{x(k):.1f}" y="{row * len(layers) + 20}" text-anchor="middle">{_ten(k)}</text>'
        for k in _powers(low, high)
    ]
    for i, (layer, log, total) in enumerate(zip(layers, logs, totals, strict=True)):
        begin, end = sorted((x(total - log), x(total)))
        kind = "bar" if log < 0 else "gain"
        marks += [
            f'<text x="{left - 12}" y="{row * i + 16}" text-anchor="end">{escape(layer.name)}</text>',
            f'<rect class="{kind}" x="{begin:.1f}" y="{row * i + 4}" width="{max(end - begin, 1):.1f}" height="16"/>',
            f'<text x="{right + 10}" y="{row * i + 16}">× {layer.factor:.3g}</text>',
        ]
    height = row * len(layers) + 28
    return (
        "<h2>Where the gradient's size comes from</h2><p class='soft'>Backwards, from the loss to the first layer: "
        "each bar is what arrives at a layer over what arrives at the one after it. Bars add up, factors multiply.</p>"
        f'<svg viewBox="0 0 1000 {height}" role="img" aria-label="Factor of each layer on the way back">'
        f"{''.join(marks)}</svg>"
    )


def _table(health: Health) -> str:
    rows = "".join(
        f"<tr><td>{escape(x.name)}</td><td>{x.arrives:.3g}</td><td>{x.gradient:.3g}</td><td>{x.weight:.3g}</td>"
        f"{_cell(f'{x.update:.2g}', x.update > 0.1)}{_cell(f'{x.dead:.0%}', x.dead >= 0.5)}"
        f"<td>{'' if x.cancellation is None else f'{x.cancellation:.2g}'}</td></tr>"
        for x in health.layers
    )
    heads = (
        "layer",
        "arrives",
        "gradient",
        "weights",
        "update / weights",
        "dead outputs",
        "agreement where paths meet",
    )
    head = "".join(f"<th>{text}</th>" for text in heads)
    return (
        "<h2>This step, layer by layer</h2><p class='soft'>Sizes are 2-norms. An update is usually about a "
        "thousandth of the weights; where paths meet, 1 is agreement and 0 is full cancellation.</p>"
        "<div class='wide' role='region' tabindex='0' aria-label='Numbers of each layer'>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _maps(history: list[Health]) -> list[str]:
    every = max(1, math.ceil(len(history) / COLUMNS))
    shown = [*history[:-1:every], history[-1]]
    return [
        _curve(shown),
        _map(shown, "What arrives at each layer, over the run", lambda layer: layer.arrives),
        _map(shown, "The size of an update over that of the weights, over the run", lambda layer: layer.update),
    ]


def _curve(shown: list[Health]) -> str:
    losses = [health.loss for health in shown if math.isfinite(health.loss)]
    low, high = (min(losses), max(losses)) if losses else (0.0, 1.0)
    height = 90.0

    def y(loss: float) -> float:
        return 8 + (height - 16) * (high - loss) / ((high - low) or 1)

    width = 660 / max(len(shown) - 1, 1)
    points = " ".join(f"{220 + i * width:.1f},{y(h.loss):.1f}" for i, h in enumerate(shown) if math.isfinite(h.loss))
    return (
        f'<h2>The loss</h2><svg viewBox="0 0 1000 {height}" role="img" aria-label="Loss over the run">'
        f'<text x="208" y="16" text-anchor="end">{high:.3g}</text>'
        f'<text x="208" y="{height - 6}" text-anchor="end">{low:.3g}</text>'
        f'<polyline class="curve" points="{points}"/></svg>'
    )


def _map(shown: list[Health], title: str, value: Callable[[Layer], float]) -> str:
    """A row for each layer and a column for each step; the darker, the larger, by powers of ten."""
    names = [layer.name for layer in shown[-1].layers]
    logs = [{layer.name: _log(value(layer)) for layer in health.layers} for health in shown]
    finite = [log for column in logs for log in column.values() if log > _NOTHING]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    width, row = 660 / len(shown), 18
    marks: list[str] = []
    for i, name in enumerate(names):
        marks.append(f'<text x="208" y="{row * i + 13}" text-anchor="end">{escape(name)}</text>')
        for j, column in enumerate(logs):
            log = column.get(name, _NOTHING)
            dark = 0.06 + 0.94 * (log - low) / ((high - low) or 1) if log > _NOTHING else 0.0
            marks.append(
                f'<rect class="gain" x="{220 + j * width:.1f}" y="{row * i}" width="{width + 0.3:.1f}" '
                f'height="{row - 1}" fill-opacity="{dark:.2f}">'
                f"<title>step {shown[j].step:,}: {10**log:.3g}</title></rect>"
            )
    foot = row * len(names) + 16
    marks.append(f'<text x="220" y="{foot}">step {shown[0].step:,}</text>')
    marks.append(f'<text x="880" y="{foot}" text-anchor="end">step {shown[-1].step:,}</text>')
    return (
        f"<h2>{escape(title)}</h2><p class='soft'>From {10**low:.2g} (pale) to {10**high:.2g} (dark), on a scale of "
        f'powers of ten.</p><svg viewBox="0 0 1000 {foot + 6}" role="img" aria-label="{escape(title)}">'
        f"{''.join(marks)}</svg>"
    )


_NOTHING = -300.0


def _log(x: float) -> float:
    """The power of ten, for what has one."""
    return math.log10(x) if 0 < x < math.inf else _NOTHING if not x > 0 else 300.0


def _powers(low: float, high: float) -> range:
    every = max(1, math.ceil((high - low) / 12))
    return range(math.ceil(low / every) * every, math.floor(high) + 1, every)


def _ten(k: int) -> str:
    return "1" if k == 0 else f"1e{k}"


def _cell(text: str, odd: bool) -> str:
    return f'<td class="odd">{text}</td>' if odd else f"<td>{text}</td>"
