"""Pages of one file, with no requests and a Content-Security-Policy; the notebook's HTML, which needs no kernel."""

import base64
import hashlib
import json
import re
import zlib
from functools import cache
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from geartrain.view.still import data_uri

__all__ = ["asset", "notebook_html", "pack", "page_html", "policy", "source_hash", "still_html"]


@cache
def asset(name: str) -> str:
    """A built file of the viewer, from ``view/static``."""
    return resources.files("geartrain.view").joinpath("static", name).read_text(encoding="utf-8")


def pack(data: Any) -> str:
    """JSON, deflated, as base64: it has no ``<`` and so cannot end the script that carries it.

    >>> pack({"a": 1})
    'eNqrVkpUsjKsBQAIKgIJ'
    """
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def page_html(data: dict[str, Any], still: str, title: str, live: bool = False) -> str:
    """The page of a trace (or of the difference of two) as one file. ``still`` is what stands there without scripts.

    A ``live`` page asks its server whether it has changed, and loads again.
    """
    script, style = asset("see.js"), asset("style.css")
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy(script, style, live)}">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}: geartrain</title>
<style>{style}</style></head>
<body class="geartrain-page"><main class="geartrain" data-geartrain data-hash{" data-live" if live else ""}>
{still}
</main>
<script type="application/octet-stream" data-trace>{pack(data)}</script>
<script>{script}</script></body></html>
"""


def notebook_html(data: dict[str, Any], still: str) -> str:
    """HTML for a notebook's output: the still picture, and a script that puts the moving one in its place.

    The picture is an image with its text, so it survives saving, conversion, and notebooks whose scripts do not run.
    """
    packed = pack(data)
    name = "gt-" + hashlib.sha256(packed.encode()).hexdigest()[:16]
    return (
        f'<div id="{name}">{still}</div>'
        f'<script type="application/octet-stream" id="{name}-trace">{packed}</script>'
        f"<script>{asset('see.js')};geartrainSee.notebook({json.dumps(name)},{_in_script(asset('style.css'))})</script>"
    )


def still_html(svg: str, text: str) -> str:
    """A still picture as an image with ``text`` as its alternative, and the text itself where scripts are off."""
    width, height = re.findall(r' (?:width|height)="(\d+)"', svg)[:2]
    return (
        f'<img src="{data_uri(svg)}" alt="{escape(text, quote=True)}" style="max-width:100%" width="{width}"'
        f' height="{height}"><noscript><pre>{escape(text)}</pre></noscript>'
    )


def policy(script: str, style: str, live: bool = False) -> str:
    """The Content-Security-Policy of a page with this script and this style in it, and nothing from elsewhere."""
    connect = " connect-src 'self';" if live else ""
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}' 'unsafe-hashes'"
        f" '{_digest('max-width:100%')}'; img-src data:; worker-src blob:;{connect} base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _in_script(text: str) -> str:
    """A string literal that is safe inside a script element."""
    return json.dumps(text).replace("<", "\\u003c")


def source_hash(folder: Path) -> str:
    """The hash of the viewer's source: names and contents, in the order of the names. ``build.mjs`` has the same."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir(), key=lambda p: p.name):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
