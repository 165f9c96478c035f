"""The steps between a recorded program and its schedule, in order."""

from collections.abc import Callable
from dataclasses import replace

from geartrain.ir.graph import Graph
from geartrain.ir.node import Node
from geartrain.passes.algebra import move_views
from geartrain.passes.expand import expand
from geartrain.passes.exponentials import share_exponentials
from geartrain.passes.fold import fold_constants
from geartrain.passes.loops import LOOP, Loop
from geartrain.passes.normalise import explicit, plain
from geartrain.passes.outside import outside
from geartrain.passes.pairs import as_pairs, in_pairs
from geartrain.passes.patches import find_patches
from geartrain.passes.rewrite import Builder, rewritten
from geartrain.passes.roll import roll
from geartrain.passes.rules import apply_rules
from geartrain.passes.updates import simplify_updates
from geartrain.passes.verify import verify

__all__ = ["PIPELINE", "Observer", "Pass", "optimised"]

Pass = tuple[str, Callable[[Graph], Graph]]
Observer = Callable[[str, Graph, Graph], None]

PIPELINE: tuple[Pass, ...] = (
    ("pairs", in_pairs),
    ("roll", roll),
    ("expand", expand),
    ("explicit", explicit),
    ("plain", plain),
    ("fold constants", fold_constants),
    ("simplify updates", simplify_updates),
    ("rules", apply_rules),
    ("share exponentials", share_exponentials),
    ("move views", move_views),
    ("tidy", plain),
    ("find patches", find_patches),
)


def optimised(graph: Graph, observer: Observer | None = None, rolled: bool = True, pairs: bool = False) -> Graph:
    """The graph after every step; each step is verified. ``observer(name, before, after)`` is told of each.

    The bodies of loops go through the same steps. With ``rolled`` false there are no loops.
    With ``pairs``, complex inputs and outputs become arrays of pairs over the same memory.
    """
    for name, step in PIPELINE:
        if (step is roll and not rolled) or (step is in_pairs and not pairs):
            continue
        after = step(graph)
        verify(name, graph, after, as_pairs if step is in_pairs else None)
        if observer is not None:
            observer(name, graph, after)
        graph = after
    if all(node.op is not LOOP for node in graph.nodes):
        return graph
    return outside(rewritten(graph, lambda builder, node, inputs: _with_body(builder, node, inputs, observer)))


def _with_body(builder: Builder, node: Node, inputs: tuple[Node, ...], observer: Observer | None) -> Node | None:
    """A loop with its body optimised."""
    if node.op is not LOOP:
        return None
    loop: Loop = node.params[0]
    body = optimised(loop.body, observer)
    return builder.op(LOOP, *inputs, params=(replace(loop, body=body),), aval=node.value)
