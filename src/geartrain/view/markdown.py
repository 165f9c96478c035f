"""The lesson's Markdown: the few forms that its chapters use, and blocks between ``:::`` lines that become figures.

Not a general Markdown: headings, paragraphs, lists, quotations, code, emphasis, links, and ``$...$`` for formulas,
which become MathML. Anything else is text.
"""

import re
import shlex
from collections.abc import Callable
from html import escape

__all__ = ["Directive", "inline", "math", "render"]

Directive = Callable[[str, dict[str, str], str], str]
"""Renders a block: its name, its settings, and the text inside."""

_SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"
_PIECE = re.compile(r"\s+|[A-Za-zα-ω_][A-Za-z]*'?|[0-9]+(?:\.[0-9]+)?|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+|.")


def render(text: str, directive: Directive) -> str:
    """Markdown to HTML.

    >>> render("# Rates\\n\\nThey *multiply*.", lambda name, settings, inside: "")
    '<h1>Rates</h1>\\n<p>They <em>multiply</em>.</p>'
    """
    out: list[str] = []
    lines = text.split("\n")
    i = 0
    while i < len(lines):
        line = lines[i]
        if line.startswith(":::"):
            name, *settings = shlex.split(line[3:])
            end = next(k for k in range(i + 1, len(lines)) if lines[k].strip() == ":::")
            pairs = dict(part.split("=", 1) for part in settings)
            out.append(directive(name, pairs, "\n".join(lines[i + 1 : end]).strip()))
            i = end + 1
        elif line.startswith("#"):
            level = len(line) - len(line.lstrip("#"))
            out.append(f"<h{level}>{inline(line[level:].strip())}</h{level}>")
            i += 1
        elif line.strip():
            end = next(
                (k for k in range(i, len(lines)) if not lines[k].strip() or lines[k].startswith(":::")), len(lines)
            )
            out.append(_block(lines[i:end]))
            i = end
        else:
            i += 1
    return "\n".join(out)


def _block(lines: list[str]) -> str:
    first = lines[0]
    if first.startswith("- ") or re.match(r"\d+\. ", first):
        tag = "ul" if first.startswith("- ") else "ol"
        items = re.split(r"\n(?:- |\d+\. )", "\n" + "\n".join(lines))[1:]
        return f"<{tag}>" + "".join(f"<li>{inline(' '.join(item.split()))}</li>" for item in items) + f"</{tag}>"
    if first.startswith("    "):
        return "<pre><code>" + escape("\n".join(line[4:] for line in lines)) + "</code></pre>"
    if first.startswith("> "):
        return "<blockquote>" + inline(" ".join(line.removeprefix("> ") for line in lines)) + "</blockquote>"
    return f"<p>{inline(' '.join(lines))}</p>"


def inline(text: str) -> str:
    """Emphasis, code, formulas and links in a line.

    >>> inline("so `f` is **2**, see [this](a.html) <b>")
    'so <code>f</code> is <strong>2</strong>, see <a href="a.html">this</a> &lt;b&gt;'
    """
    kept: list[str] = []

    def keep(html: str) -> str:
        kept.append(html)
        return f"\0{len(kept) - 1}\0"

    text = re.sub(r"`([^`]+)`", lambda m: keep(f"<code>{escape(m[1])}</code>"), text)
    text = re.sub(r"\$([^$]+)\$", lambda m: keep(math(m[1])), text)
    text = escape(text, quote=False)
    text = re.sub(r"\[([^\]]+)\]\(([^)]+)\)", lambda m: f'<a href="{escape(m[2])}">{m[1]}</a>', text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
    text = re.sub(r"\*([^*]+)\*", r"<em>\1</em>", text)
    return re.sub("\0(\\d+)\0", lambda m: kept[int(m[1])], text)


def _base(row: list[str]) -> str:
    """Take from the end of a row what a power stands on: the last piece, or all that the last bracket encloses."""
    depth, k = 0, len(row)
    while k:
        k -= 1
        depth += (row[k] == "<mo>)</mo>") - (row[k] == "<mo>(</mo>")
        if depth <= 0:
            break
    taken, row[k:] = row[k:], []
    return taken[0] if len(taken) == 1 else f"<mrow>{''.join(taken)}</mrow>"


def math(text: str) -> str:
    """A formula as MathML: ``(3x + 1)²``, ``dy/dx``.

    >>> math("x²")
    '<math><msup><mi>x</mi><mn>2</mn></msup></math>'
    """
    row: list[str] = []
    for piece in _PIECE.findall(text):
        if piece.isspace():
            continue
        if piece[0] in _SUPER:
            digits = "".join("−" if c == "⁻" else str(_SUPER.index(c)) for c in piece)
            base = _base(row)
            row.append(f"<msup>{base}<mn>{digits}</mn></msup>")
        elif piece[0].isalpha() or piece[0] == "_":
            row.append(f"<mi>{piece}</mi>" if len(piece) == 1 else f'<mi class="fn">{piece}</mi>')
        elif piece[0].isdigit():
            row.append(f"<mn>{piece}</mn>")
        else:
            sign = piece == "-" and (not row or (row[-1].startswith("<mo") and ")" not in row[-1]))  # as in = -1
            row.append('<mo form="prefix">−</mo>' if sign else f"<mo>{escape('−' if piece == '-' else piece)}</mo>")
    return f"<math>{''.join(row)}</math>"
