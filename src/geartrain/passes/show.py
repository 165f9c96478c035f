"""A graph as text for a reader, whatever it holds: loops with their bodies, and parameters that have no text form."""

from geartrain.ir.aval import Aval
from geartrain.ir.cursor import TextError
from geartrain.ir.graph import Graph
from geartrain.ir.literal import literal_text
from geartrain.ir.node import CONST, Node
from geartrain.ir.text import aval_text
from geartrain.passes.loops import LOOP, Loop

__all__ = ["shown"]

LONG = 60
"""Characters of a constant or a parameter up to which it is written out."""


def shown(graph: Graph, margin: str = "") -> str:
    """The nodes, one a line, as in :mod:`geartrain.ir.text`; long constants shortened. It need not read back.

    >>> import numpy as np
    >>> from geartrain.ir.aval import Aval
    >>> from geartrain.ir.node import Table
    >>> from geartrain.ops.pointwise import EXP
    >>> table = Table()
    >>> x = table.input(Aval((2,), np.dtype(float)))
    >>> print(shown(Graph.of([x], [table.node(EXP, (x,), (), x.aval)])))
    %0 = input : f64[2]
    %1 = exp %0 : f64[2]
    return %1
    """
    numbers: dict[Node, int] = {}
    lines: list[str] = []
    for node in (*graph.inputs, *graph.nodes):
        number = numbers[node] = len(numbers)
        lines.append(f"{margin}%{number} = {_definition(node, numbers, margin)}")
    lines.append(margin + " ".join(["return", *(f"%{numbers[node]}" for node in graph.outputs)]))
    return "\n".join(lines)


def _definition(node: Node, numbers: dict[Node, int], margin: str) -> str:
    if node.op is CONST:
        return f"const {_literal(node.value)}"
    words = [node.op.name, *[f"%{numbers[x]}" for x in node.inputs]]
    if node.op is LOOP:
        loop: Loop = node.params[0]
        return f"{' '.join(words)} : {loop.trips} times\n{shown(loop.body, margin + '    ')}"
    if node.params:
        named = len(node.params) == len(node.op.params)
        texts = [_literal(value) for value in node.params]
        pairs = [f"{name}={text}" for name, text in zip(node.op.params, texts, strict=True)] if named else texts
        words.append("{" + ", ".join(pairs) + "}")
    kinds: tuple[Aval, ...] = (node.value,) if type(node.value) is Aval else node.value
    texts = [aval_text(aval) for aval in kinds]
    return f"{' '.join(words)} : {texts[0] if len(texts) == 1 else '(' + ', '.join(texts) + ')'}"


def _literal(value: object) -> str:
    try:
        text = literal_text(value)
    except TextError:
        text = repr(value)
    return text if len(text) <= LONG else text[: LONG - 3] + "..."
