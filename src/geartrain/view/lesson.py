"""The lesson as a folder of pages that any host can serve, or none: each page is one file and works from the disk.

Chapters are Markdown in ``chapters/``. A figure stands in the page as a picture drawn from a real run, and the page's
script replaces it by one that moves. Without scripts a chapter reads from top to bottom.
"""

import json
from collections.abc import Callable
from functools import cache
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from geartrain.view.document import asset, policy
from geartrain.view.expression import parse_expression
from geartrain.view.markdown import inline, render
from geartrain.view.program import flat
from geartrain.view.quiz import quiz
from geartrain.view.record import record
from geartrain.view.still import data_uri, still_svg
from geartrain.view.trace_file import to_trace

__all__ = ["Chapter", "chapters", "save_site", "site"]


class Chapter(NamedTuple):
    """A chapter: the file's name without ending, its title, its Markdown."""

    name: str
    title: str
    text: str


@cache
def chapters() -> tuple[Chapter, ...]:
    """All chapters, in order.

    >>> len(chapters()), chapters()[0].title
    (10, 'Rates multiply')
    """
    found: list[Chapter] = []
    folder = resources.files("geartrain.view").joinpath("chapters")
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".md"):
            text = file.read_text(encoding="utf-8")
            found.append(Chapter(file.name.removesuffix(".md"), text.split("\n", 1)[0].removeprefix("# "), text))
    return tuple(found)


@cache
def site() -> dict[str, str]:
    """Each page of the lesson by its file name; ``index.html`` is where to begin."""
    pages = {f"{chapter.name}.html": _page(i, chapter) for i, chapter in enumerate(chapters())}
    return {"index.html": _index(), **pages}


def save_site(folder: str | Path) -> Path:
    """Write the lesson's pages into ``folder``, which is made if it is not there. Returns the first page."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name, html in site().items():
        (target / name).write_text(html, encoding="utf-8")
    return target / "index.html"


def _page(number: int, chapter: Chapter) -> str:
    all_of_them = chapters()
    body = render(chapter.text, _directive)
    steps: list[str] = []
    if number:
        before = all_of_them[number - 1]
        steps.append(f'<a href="{before.name}.html">← {escape(before.title)}</a>')
    else:
        steps.append('<a href="index.html">← All chapters</a>')
    if number + 1 < len(all_of_them):
        after = all_of_them[number + 1]
        steps.append(f'<a href="{after.name}.html" data-done>{number + 2}. {escape(after.title)} →</a>')
    else:
        steps.append('<a href="index.html" data-done>Done: all chapters →</a>')
    inside = f'{body}\n<p class="steps">{" ".join(steps)}</p>'
    return _frame(f"{number + 1}. {chapter.title}", chapter.name, inside)


def _index() -> str:
    items = "".join(f"<li>{_link(c, '')}</li>" for c in chapters())
    opening = _figure({"kind": "view", "f": "(3*x+1)**2", "at": "x=1", "step": "b2"}, "")
    inside = (
        '<h1>The chain rule, and backpropagation</h1><p class="lead">A short course on how derivatives are computed by'
        " machines. Ten chapters; in each there is something to do before there is something to read.</p>"
        f'<p data-resume></p>{opening}<nav class="contents" aria-label="Chapters"><ol>{items}</ol></nav>'
        "<p>It needs nothing but what you know of functions and slopes. Your progress stays in this browser.</p>"
    )
    return _frame("The chain rule, and backpropagation", "", inside)


def _frame(title: str, name: str, inside: str) -> str:
    script, style = asset("lesson.js"), asset("style.css")
    links = "".join(_link(c, f"{i + 1}. ", c.name == name) for i, c in enumerate(chapters()))
    nav = f'<nav aria-label="Chapters"><a href="index.html">Contents</a>{links}</nav>' if name else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy(script, style)}">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}: geartrain</title>
<style>{style}</style></head>
<body class="geartrain-page" data-chapter="{name}"><div class="geartrain lesson">
{nav}
<main>{inside}</main>
<div class="progress" data-progress></div>
</div><script>{script}</script></body></html>
"""


def _link(chapter: Chapter, number: str, here: bool = False) -> str:
    current = " aria-current=page" if here else ""
    return (
        f'<a href="{chapter.name}.html" data-to="{chapter.name}"{current}>'
        f'<span class="tick"></span>{number}<span class="name">{escape(chapter.title)}</span></a>'
    )


# What stands between ::: lines.


def _directive(name: str, settings: dict[str, str], inside: str) -> str:
    directive = _DIRECTIVES.get(name)
    if directive is None:
        raise ValueError(f"there is no ::: {name}; there are {', '.join(_DIRECTIVES)}")
    return directive(settings, inside)


def _do(settings: dict[str, str], inside: str) -> str:
    return f'<div class="do">{render(inside, _directive)}</div>'


def _figure(settings: dict[str, str], inside: str) -> str:
    kind = settings.pop("kind")
    if kind == "network":
        return _network(inside)
    if kind == "flops":
        settings["measured"] = resources.files("geartrain.view").joinpath("flops.json").read_text(encoding="utf-8")
    still = _still(settings.get("f", "(3*x + 1)**2"), settings.get("at", "x=1")) if kind in ("view", "nudge") else ""
    data = "".join(f' data-{key}="{escape(value)}"' for key, value in settings.items())
    caption = f'<p class="caption">{inline(" ".join(inside.split()))}</p>' if inside else ""
    return f'<div class="wide-figure"><div data-figure="{kind}"{data}>{still}</div>{caption}</div>'


def _still(f: str, at: str) -> str:
    expression = parse_expression(f)
    point = {key: float(value) for key, value in (pair.split("=") for pair in at.split())}
    trace = to_trace(record(expression, *[point[v] for v in expression.variables], names=expression.variables))
    svg = still_svg(trace)
    return f'<img src="{data_uri(svg)}" width="1064" height="372" alt="{escape(_described(svg))}">'


def _described(svg: str) -> str:
    return svg.split("<title>", 1)[1].split("</title>", 1)[0].replace("&#x27;", "'")


def _predict(settings: dict[str, str], inside: str) -> str:
    asked, _, reveal = inside.partition("\n---\n")
    question, *options = asked.split("\n- ")
    items = ""
    for option in options:
        kind, _, text = option.partition(": ")
        items += f'<li data-option="{kind}">{inline(" ".join(text.split()))}</li>'
    return (
        f'<div class="predict" data-predict="{settings["id"]}"><p>{inline(" ".join(question.split()))}</p>'
        f'<ul>{items}</ul><div data-reveal role="status">{render(reveal.strip(), _directive)}</div></div>'
    )


def _quiz(settings: dict[str, str], inside: str) -> str:
    expression = parse_expression(settings["f"])
    asked = quiz(expression, float(settings["x"]))
    answer = f"<details><summary>The answer</summary><p>{escape(asked.why)}</p></details>"
    return (
        f'<div data-quiz="{escape(settings["f"])}" data-x="{settings["x"]}"><div class="ask">'
        f'<p class="asks">{escape(asked.question)}</p>{answer}</div></div>'
    )


def _fresh(settings: dict[str, str], inside: str) -> str:
    seed = f' data-seed="{settings["seed"]}"' if "seed" in settings else ""
    return f'<div data-quiz-fresh{seed}><p class="ask">Here the page asks about functions that it makes up.</p></div>'


def _network(inside: str) -> str:
    data = json.dumps(_network_data(), separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<div class="wide-figure"><div data-figure="network" data-from="network-data"></div>'
        f'<p class="caption">{inline(" ".join(inside.split()))}</p></div>'
        f'<script type="application/json" id="network-data">{data}</script>'
    )


@cache
def _network_data() -> dict[str, Any]:
    """A network of two layers and a data set of two moons, traced by the engine; the page runs the trace again."""
    rng = np.random.default_rng(11)
    angle = rng.uniform(0, np.pi, 16)
    upper = np.stack([np.cos(angle) - 0.5, np.sin(angle) - 0.2], axis=1)
    lower = np.stack([0.5 - np.cos(angle), 0.3 - np.sin(angle)], axis=1)
    x = np.round(np.concatenate([upper, lower]) + rng.normal(0, 0.12, (32, 2)), 3)
    t = np.concatenate([np.ones(16), -np.ones(16)])

    def loss(w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        hidden: Any = np.tanh(x @ w1 + b1)
        each: Any = np.logaddexp(0.0, -t * (hidden @ w2 + b2))
        return each.mean()

    first = (np.round(rng.normal(0, 1.2, (2, 5)), 3), np.zeros(5), np.round(rng.normal(0, 0.8, 5), 3), 0.0)
    points = {"x": [flat(row) for row in x], "t": flat(t)}
    return {"trace": to_trace(record(loss, *first), source=False), "points": points}


_DIRECTIVES: dict[str, Callable[[dict[str, str], str], str]] = {
    "do": _do,
    "figure": _figure,
    "predict": _predict,
    "quiz": _quiz,
    "fresh": _fresh,
}
