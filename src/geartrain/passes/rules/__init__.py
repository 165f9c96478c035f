"""Rules between expressions, in three tables. A rule is two NumPy expressions, and is tested by what it says.

``exact``: the same bits for all operands. ``stable``: the same numbers, where both can be computed, and better ones
elsewhere. ``lower``: what loop nests know, for what they do not know; within a few units in the last place.
"""

import functools

from geartrain.ir.graph import Graph
from geartrain.ir.node import Node
from geartrain.passes.rewrite import Builder, rewritten
from geartrain.passes.rules.exact import EXACT
from geartrain.passes.rules.lower import LOWER
from geartrain.passes.rules.rule import Rule
from geartrain.passes.rules.stable import STABLE
from geartrain.trace.level import Level, aside

__all__ = ["EXACT", "LOWER", "STABLE", "apply_rules"]

_ROUNDS = 4
"""How often the result of a rule is looked at again."""


@functools.cache
def _rules() -> dict[str, list[Rule]]:
    """By the name of what is outermost on the left side."""
    found: dict[str, list[Rule]] = {}
    with Level("record"):  # NumPy's names are replaced once for all rules, not for each of them
        for rule in (*EXACT, *STABLE, *LOWER):
            found.setdefault(rule.left.op.name, []).append(rule)
    return found


def apply_rules(graph: Graph) -> Graph:
    """The graph with every left side of a rule replaced by the right side."""
    known: dict[str, list[Rule]] = aside(_rules, ())
    if all(node.op.name not in known for node in graph.nodes):
        return graph
    return rewritten(graph, _change)


def _change(builder: Builder, node: Node, inputs: tuple[Node, ...]) -> Node | None:
    known = _rules()
    if node.op.name not in known:
        return None
    made = node
    if inputs != node.inputs:
        made = builder.op(node.op, *inputs, params=node.params, aval=node.value)
    for _ in range(_ROUNDS):
        for rule in known.get(made.op.name, ()):
            found = rule.applied(builder, made)
            if found is not None and found is not made:
                made = found
                break
        else:
            break
    return made
