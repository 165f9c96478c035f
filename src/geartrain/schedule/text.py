"""A schedule as text: which nodes make one kernel, and where their values lie."""

from geartrain.ir.graph import Graph
from geartrain.ir.node import Node
from geartrain.schedule.steps import Call, Group, Grouping, Product, Routine

__all__ = ["text_of_grouping"]


def text_of_grouping(graph: Graph, grouping: Grouping) -> str:
    """One step a line, with the numbers that the nodes have in the text of ``graph``."""
    numbers = {node: i for i, node in enumerate(dict.fromkeys((*graph.inputs, *graph.nodes)))}

    def name(node: Node) -> str:
        return f"%{numbers[node]}" if node in numbers else node.op.name

    lines: list[str] = []
    for i, step in enumerate(grouping.steps):
        if isinstance(step, Group):
            inside = [f"{name(n)} {n.op.name}" for n in (*step.members, *step.folds)]
            inside += [f"{name(place.home.root)} part" for place in step.places]
            kept = [name(n) for n in step.members if n in grouping.stored]
            what = f"kernel over {list(step.space)}: {', '.join(inside)}"
            lines.append(f"{i}: {what}" + (f"; stores {', '.join(kept)}" if kept else ""))
        elif isinstance(step, Product):
            lines.append(
                f"{i}: product of {step.many} x ({step.m}, {step.k}) @ ({step.k}, {step.n}): {name(step.node)}"
            )
        elif isinstance(step, Routine):
            lines.append(f"{i}: {step.name} of {step.many} x {[int(n) for n in step.sizes]}: {name(step.node)}")
        elif isinstance(step, Call):
            lines.append(f"{i}: NumPy's {step.node.op.name}: {name(step.node)}")
        else:
            lines.append(f"{i}: loop, {step.loop.trips} times: {name(step.node)}")
    return "\n".join(lines)
